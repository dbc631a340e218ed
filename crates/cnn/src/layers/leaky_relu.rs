//! Leaky ReLU with a slope of its own.

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

/// `x` if positive, else `negative_slope · x`: a unit that gives nothing for any image can still learn.
///
/// - Any input shape; the output has the same. No weights. `negative_slope` is 0 or positive.
/// - Default: negative_slope 0.3, as Keras's layer; the activation [`LeakyRelu`](super::Activation::LeakyRelu) has 0.2, as
///   Keras's function.
///
/// Source: `keras/src/layers/activations/leaky_relu.py`.
///
/// ```
/// use cnn::prelude::*;
/// let leaky = LeakyReLU::new().negative_slope(0.5);
/// let y: Vec<f32> = leaky.forward(&Tensor::from_slice(&[-1.0_f32, 2.0]), false).try_into()?;
/// assert_eq!(y, [-0.5, 2.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct LeakyReLU {
    negative_slope: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Default for LeakyReLU {
    fn default() -> Self {
        LeakyReLU { negative_slope: 0.3, name: None }
    }
}

impl LeakyReLU {
    /// With a slope of 0.3.
    pub fn new() -> Self {
        Self::default()
    }

    /// The slope below 0.
    pub fn negative_slope(self, negative_slope: f64) -> Self {
        LeakyReLU { negative_slope, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(LeakyReLU {
            negative_slope: argument(config, "negative_slope")?,
            name: argument_or(config, "name", None)?,
        })
    }
}

impl Layer for LeakyReLU {
    fn class_name(&self) -> &'static str {
        "LeakyReLU"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let slope = self.negative_slope;
        ensure!(
            slope >= 0.0 && slope.is_finite(),
            "negative_slope must be 0 or a positive number, not {slope}"
        );
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.relu() - (-x).relu() * self.negative_slope
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
