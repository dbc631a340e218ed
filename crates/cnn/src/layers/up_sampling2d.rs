//! Larger images.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    padding::LONGEST,
    shape::image_shape,
    Interpolation, Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Makes images larger by whole factors, repeating pixels, or with numbers between them.
///
/// - Input `[channels, height, width]`, output `[channels, height · size.0, width · size.1]`. No weights.
/// - Default: interpolation `Nearest`.
///
/// Source: `keras/src/layers/reshaping/up_sampling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(UpSampling2D::new((2, 2)).output_shape(&[32, 7, 7])?, [32, 14, 14]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct UpSampling2D {
    size: (i64, i64),
    interpolation: Interpolation,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl UpSampling2D {
    /// By the factors (height, width) `size`.
    pub fn new(size: (i64, i64)) -> Self {
        UpSampling2D { size, interpolation: Interpolation::Nearest, name: None }
    }

    /// What stands between the pixels.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        UpSampling2D { interpolation, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(UpSampling2D {
            size: argument(config, "size")?,
            interpolation: argument(config, "interpolation")?,
            name: argument_or(config, "name", None)?,
        })
    }
}

impl Layer for UpSampling2D {
    fn class_name(&self) -> &'static str {
        "UpSampling2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        let sizes = 1..=LONGEST;
        ensure!(
            sizes.contains(&self.size.0) && sizes.contains(&self.size.1),
            "size must be factors from 1 to {LONGEST}, not {:?}",
            self.size
        );
        Ok(vec![channels, height * self.size.0, width * self.size.1])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let (_batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let size = [height * self.size.0, width * self.size.1];
        match self.interpolation {
            Interpolation::Nearest => x.upsample_nearest2d(size, None, None),
            Interpolation::Bilinear => x.upsample_bilinear2d(size, false, None, None),
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
