//! Noise that is added.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// While training, adds to each number a random one of a normal distribution with mean 0 and standard deviation `stddev`: a
/// kind of augmentation. Does nothing when predicting.
///
/// - Any input shape; the output has the same. No weights. `stddev` is from 0 to 1.
///
/// Source: `keras/src/layers/regularization/gaussian_noise.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([1, 28, 28]).add(GaussianNoise::new(0.1)).add(Flatten).add(Dense::new(10)).build()?;
/// assert_eq!(model.count_params(), 7850);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct GaussianNoise {
    stddev: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl GaussianNoise {
    /// Noise with this standard deviation.
    pub fn new(stddev: f64) -> Self {
        GaussianNoise { stddev, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(GaussianNoise { stddev: argument(config, "stddev")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for GaussianNoise {
    fn class_name(&self) -> &'static str {
        "GaussianNoise"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!((0.0..=1.0).contains(&self.stddev), "stddev must be from 0 to 1, not {}", self.stddev);
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if training && self.stddev > 0.0 {
            x + x.detach().randn_like() * self.stddev
        } else {
            x.shallow_clone()
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
