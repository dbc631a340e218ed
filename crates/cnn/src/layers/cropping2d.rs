//! Less of an image.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    shape::image_shape,
    Layer, Sides,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Cuts rows and columns from an image's sides.
///
/// - Input `[channels, height, width]`, output `[channels, height - top - bottom, width - left - right]`. No weights.
///
/// Source: `keras/src/layers/reshaping/cropping2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(Cropping2D::new((4, 2)).output_shape(&[1, 28, 28])?, [1, 20, 24]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Cropping2D {
    cropping: Sides,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Cropping2D {
    /// `1` from all sides, `(1, 2)` from top and bottom, left and right, or `((0, 1), (0, 1))` for each side by itself.
    pub fn new(cropping: impl Into<Sides>) -> Self {
        Cropping2D { cropping: cropping.into(), name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Cropping2D { cropping: argument(config, "cropping")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for Cropping2D {
    fn class_name(&self) -> &'static str {
        "Cropping2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        self.cropping.check("cropping")?;
        let [left, right, top, bottom] = self.cropping.around();
        let (new_height, new_width) = (height - top - bottom, width - left - right);
        ensure!(
            new_height > 0 && new_width > 0,
            "cropping takes {} of {height} rows and {} of {width} columns, and nothing is left; crop less",
            top + bottom,
            left + right
        );
        Ok(vec![channels, new_height, new_width])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let [left, right, top, bottom] = self.cropping.around().map(|side| -side);
        x.constant_pad_nd([left, right, top, bottom]) // negative padding cuts
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
