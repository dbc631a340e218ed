//! Images with more and less contrast at random.

use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::{Kind, Tensor};

use super::Factor;
use crate::layers::arguments::{argument, argument_or};
use crate::layers::{layer::to_config, names::name_method, shape::image_shape, Layer};

/// While training, multiplies the differences of each image's numbers to the mean of their channel by a random factor. Does
/// nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights.
/// - `factor` is from 0 to 1: with 0.2 the differences become 0.8 to 1.2 times as large, with `(0.1, 0.3)` 0.9 to 1.3 times.
///   So Keras's documentation has it; Keras 3 draws from 1 to 1.2 for a single number 0.2.
/// - What goes beyond `value_range` becomes its end. Default (0, 255), as Keras's; for images from 0 to 1 give (0.0, 1.0).
///
/// Source: `keras/src/layers/preprocessing/image_preprocessing/random_contrast.py`.
///
/// ```
/// use cnn::prelude::*;
/// let contrast = RandomContrast::new(0.2).value_range((0.0, 1.0));
/// let images = Tensor::rand([8, 1, 28, 28], (Kind::Float, Device::Cpu));
/// assert!(contrast.forward(&images, true).max().double_value(&[]) <= 1.0);
/// ```
#[derive(Debug, Serialize)]
pub struct RandomContrast {
    factor: (f64, f64),
    value_range: (f64, f64),
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn bytes() -> (f64, f64) {
    (0.0, 255.0)
}

impl RandomContrast {
    /// By factors of this range around 1.
    pub fn new(factor: impl Into<Factor>) -> Self {
        let (lower, upper) = factor.into().bounds();
        // A single number stands for both.
        let lower = if lower == -upper { upper } else { lower };
        RandomContrast { factor: (lower, upper), value_range: bytes(), name: None }
    }

    /// The smallest and the largest number that an image may have.
    pub fn value_range(self, value_range: (f64, f64)) -> Self {
        RandomContrast { value_range, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(in crate::layers) fn from_config(config: &Value) -> Result<Self> {
        Ok(RandomContrast {
            factor: argument(config, "factor")?,
            value_range: argument_or(config, "value_range", bytes())?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// The images, the contrast of each multiplied by its factor of `factors [batch]`.
    pub(super) fn changed(&self, x: &Tensor, factors: &Tensor) -> Tensor {
        let mean = x.mean_dim([2_i64, 3].as_slice(), true, Kind::Float);
        let factors = factors.to_device(x.device()).reshape([-1, 1, 1, 1]);
        ((x - &mean) * factors + mean).clamp(self.value_range.0, self.value_range.1)
    }
}

impl Layer for RandomContrast {
    fn class_name(&self) -> &'static str {
        "RandomContrast"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        let ((lower, upper), (smallest, largest)) = (self.factor, self.value_range);
        let range = 0.0..=1.0;
        ensure!(
            range.contains(&lower) && range.contains(&upper),
            "factor must be from 0 to 1, for less contrast and for more, not ({lower}, {upper})"
        );
        ensure!(
            smallest < largest && smallest.is_finite() && largest.is_finite(),
            "value_range must be a smaller and a larger number, not ({smallest}, {largest})"
        );
        Ok(input.to_vec())
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if !training {
            return x.shallow_clone();
        }
        let (lower, upper) = self.factor;
        self.changed(x, &(Factor::from((-lower, upper)).draw(x.size()[0]) + 1.0))
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
