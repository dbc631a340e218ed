//! Dropout.

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

/// While training, sets each number to zero with probability `rate` and divides the others by `1 - rate`,
/// so that no unit can rely on a single other one. Does nothing when predicting.
///
/// - Any input shape; the output has the same. No weights. `rate` is at least 0 and below 1.
///
/// Source: Srivastava et al., *Dropout*, 2014; `keras/src/layers/regularization/dropout.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(Dropout::new(0.5).output_shape(&[128])?, [128]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Dropout {
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Dropout {
    /// Drops each number with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Dropout { rate, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Dropout { rate: argument(config, "rate")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for Dropout {
    fn class_name(&self) -> &'static str {
        "Dropout"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!((0.0..1.0).contains(&self.rate), "rate must be at least 0 and below 1, not {}", self.rate);
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        x.dropout(self.rate, training)
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
