//! Images shifted at random.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use super::moved::{filling_methods, Entry, Filling};
use super::Factor;
use crate::layers::arguments::{argument, argument_or};
use crate::layers::{layer::to_config, names::name_method, shape::image_shape, Interpolation, Layer};
use crate::preprocessing::augmentation::FillMode;

/// While training, shifts each image by random distances, not rounded to pixels. Does nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights.
/// - `height_factor` is a share of the height, -1 to 1, positive downwards: 0.2 means from 20 % up to 20 % down;
///   `width_factor` a share of the width, positive to the right.
/// - Defaults: fill_mode `Reflect`, interpolation `Bilinear`, fill_value 0.
///
/// Source: `keras/src/layers/preprocessing/image_preprocessing/random_translation.py`.
///
/// ```
/// use cnn::prelude::*;
/// let shift = RandomTranslation::new(0.1, (0.0, 0.2)).fill_mode(FillMode::Constant);
/// assert_eq!(shift.output_shape(&[3, 32, 32])?, [3, 32, 32]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct RandomTranslation {
    height_factor: Factor,
    width_factor: Factor,
    #[serde(flatten)]
    filling: Filling,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl RandomTranslation {
    /// By shares of height and width of these ranges.
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        RandomTranslation {
            height_factor: height_factor.into(),
            width_factor: width_factor.into(),
            filling: Filling::default(),
            name: None,
        }
    }

    filling_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(in crate::layers) fn from_config(config: &Value) -> Result<Self> {
        Ok(RandomTranslation {
            height_factor: argument(config, "height_factor")?,
            width_factor: argument(config, "width_factor")?,
            filling: Filling::from_config(config)?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// The images, shifted by so many pixels: `[batch]` each.
    pub(super) fn shifted(&self, x: &Tensor, down: &Tensor, right: &Tensor) -> Tensor {
        use Entry::{OfImage, Same};
        let matrix = [[Same(1.0), Same(0.0), OfImage(-right)], [Same(0.0), Same(1.0), OfImage(-down)]];
        self.filling.moved(x, &matrix)
    }
}

impl Layer for RandomTranslation {
    fn class_name(&self) -> &'static str {
        "RandomTranslation"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        self.height_factor.check("height_factor", -1.0, 1.0)?;
        self.width_factor.check("width_factor", -1.0, 1.0)?;
        self.filling.check()?;
        Ok(input.to_vec())
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if !training {
            return x.shallow_clone();
        }
        let (count, _channels, height, width) = x.size4().expect("the model checks shapes");
        let down = self.height_factor.draw(count) * height as f64;
        let right = self.width_factor.draw(count) * width as f64;
        self.shifted(x, &down, &right)
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
