//! Noise that multiplies.

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

/// While training, multiplies each number by a random one of a normal distribution with mean 1 and the standard deviation
/// `sqrt(rate / (1 - rate))`, that of [`Dropout`](super::Dropout)'s factors. Does nothing when predicting.
///
/// - Any input shape; the output has the same. No weights. `rate` is at least 0 and below 1.
///
/// Source: Srivastava et al., *Dropout*, 2014, section 10; `keras/src/layers/regularization/gaussian_dropout.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(GaussianDropout::new(0.5).output_shape(&[128])?, [128]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct GaussianDropout {
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl GaussianDropout {
    /// As strong as a dropout with this rate.
    pub fn new(rate: f64) -> Self {
        GaussianDropout { rate, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(GaussianDropout { rate: argument(config, "rate")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for GaussianDropout {
    fn class_name(&self) -> &'static str {
        "GaussianDropout"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!((0.0..1.0).contains(&self.rate), "rate must be at least 0 and below 1, not {}", self.rate);
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if training && self.rate > 0.0 {
            let stddev = (self.rate / (1.0 - self.rate)).sqrt();
            x * (x.detach().randn_like() * stddev + 1.0)
        } else {
            x.shallow_clone()
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
