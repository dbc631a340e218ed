//! ReLU with arguments.

use super::{arguments::argument_or, layer::to_config, names::name_method, Activation, Layer};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// `max(x, 0)`, with what Keras's layer of this name can do besides: a largest value (ReLU6 of MobileNet), a slope below
/// the threshold, and a threshold other than 0. Without arguments it is `.activation(Relu)` of the layer before.
///
/// - Any input shape; the output has the same. No weights.
/// - `x` where it is above `threshold`, at most `max_value`; elsewhere `negative_slope · (x - threshold)`.
/// - Defaults: no max_value, negative_slope 0, threshold 0. None may be negative.
///
/// Source: `keras/src/layers/activations/relu.py`.
///
/// ```
/// use cnn::prelude::*;
/// let relu6 = ReLU::new().max_value(6.0);
/// let y: Vec<f32> = relu6.forward(&Tensor::from_slice(&[-1.0_f32, 2.0, 8.0]), false).try_into()?;
/// assert_eq!(y, [0.0, 2.0, 6.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Default, Serialize)]
pub struct ReLU {
    max_value: Option<f64>,
    negative_slope: f64,
    threshold: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl ReLU {
    /// `max(x, 0)`.
    pub fn new() -> Self {
        Self::default()
    }

    /// No output is larger.
    pub fn max_value(self, max_value: f64) -> Self {
        ReLU { max_value: Some(max_value), ..self }
    }

    /// The slope below the threshold.
    pub fn negative_slope(self, negative_slope: f64) -> Self {
        ReLU { negative_slope, ..self }
    }

    /// Numbers up to this one do not pass.
    pub fn threshold(self, threshold: f64) -> Self {
        ReLU { threshold, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(ReLU {
            max_value: argument_or(config, "max_value", None)?,
            negative_slope: argument_or(config, "negative_slope", 0.0)?,
            threshold: argument_or(config, "threshold", 0.0)?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// Whether it is the activation of this name.
    fn is_plain(&self) -> bool {
        (self.max_value, self.negative_slope, self.threshold) == (None, 0.0, 0.0)
    }
}

impl Layer for ReLU {
    fn class_name(&self) -> &'static str {
        "ReLU"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let arguments = [
            ("max_value", self.max_value.unwrap_or(0.0)),
            ("negative_slope", self.negative_slope),
            ("threshold", self.threshold),
        ];
        for (name, value) in arguments {
            ensure!(value >= 0.0 && value.is_finite(), "{name} must be 0 or a positive number, not {value}");
        }
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        if self.is_plain() {
            return x.shallow_clone(); // the activation comes after it
        }
        let mut y = match self.threshold {
            0.0 => x.relu(),
            // NaN is not up to the threshold, and stays.
            threshold => x.where_scalarother(&x.le(threshold).logical_not(), 0.0),
        };
        if let Some(max_value) = self.max_value {
            y = y.clamp_max(max_value);
        }
        match self.negative_slope {
            0.0 => y,
            slope => y - (self.threshold - x).relu() * slope,
        }
    }

    fn activation(&self) -> Activation {
        if self.is_plain() {
            Activation::Relu
        } else {
            Activation::Linear
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
