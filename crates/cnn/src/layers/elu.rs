//! ELU with a scale of its own.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    Activation, Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// `x` if positive, else `alpha · (exp(x) - 1)`, which comes smoothly down to `-alpha`.
///
/// - Any input shape; the output has the same. No weights. Default: alpha 1.
///
/// Source: Clevert et al., *Fast and accurate deep network learning by exponential linear units*, 2016;
/// `keras/src/layers/activations/elu.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([1, 28, 28]).add(Conv2D::new(8, (3, 3))).add(ELU::new().alpha(0.5)).build()?;
/// assert_eq!(model.count_params(), 80);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct ELU {
    alpha: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Default for ELU {
    fn default() -> Self {
        ELU { alpha: 1.0, name: None }
    }
}

impl ELU {
    /// With an alpha of 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// What very negative numbers come to, with a minus before it.
    pub fn alpha(self, alpha: f64) -> Self {
        ELU { alpha, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(ELU { alpha: argument(config, "alpha")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for ELU {
    fn class_name(&self) -> &'static str {
        "ELU"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!(
            self.alpha >= 0.0 && self.alpha.is_finite(),
            "alpha must be 0 or a positive number, not {}",
            self.alpha
        );
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        match self.alpha {
            1.0 => x.shallow_clone(), // the activation comes after it
            alpha => x.relu() + x.clamp_max(0.0).expm1() * alpha,
        }
    }

    fn activation(&self) -> Activation {
        match self.alpha {
            1.0 => Activation::Elu,
            _ => Activation::Linear,
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
