//! Softmax as a layer.

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

/// `exp(x) / sum(exp(x))`: positive numbers that add up to 1, over the units of a vector, or over the channels of each
/// pixel of an image. At the end of a model it is the same as `.activation(Softmax)` of the layer before.
///
/// - Any input shape; the output has the same. No weights.
/// - Default: axis -1, the last of Keras's order, which is the channels'; no other is known here.
///
/// The name stands for this type, and also for the activation `Activation::Softmax`, a value: `Softmax::new()` is the layer.
///
/// Source: `keras/src/layers/activations/softmax.py`.
///
/// ```
/// use cnn::prelude::*;
/// let mut model = Sequential::input([1, 28, 28]).add(Flatten).add(Dense::new(10)).add(Softmax::new()).build()?;
/// model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Softmax {
    axis: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Default for Softmax {
    fn default() -> Self {
        Softmax { axis: -1, name: None }
    }
}

impl Softmax {
    /// Over units, or channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keras's number of the dimension: -1, or as many as the input has.
    pub fn axis(self, axis: i64) -> Self {
        Softmax { axis, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Softmax { axis: argument(config, "axis")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for Softmax {
    fn class_name(&self) -> &'static str {
        "Softmax"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!(
            self.axis == -1 || self.axis == input.len() as i64,
            "axis must be -1 (or {}, the same for its input of shape {input:?}), not {}: softmax goes over units or channels here",
            input.len(),
            self.axis
        );
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.shallow_clone() // the activation comes after it, so that a loss may use the numbers before it
    }

    fn activation(&self) -> Activation {
        Activation::Softmax
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
