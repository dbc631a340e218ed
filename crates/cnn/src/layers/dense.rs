//! The fully connected layer.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    weights::Weights,
    Activation, Initializer, Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use crate::engine::onednn::{self, by_units};

/// Every output is a weighted sum of every input: `activation(x · kernel + bias)`.
///
/// - Input `[inputs]`, output `[units]`.
/// - Weights: `kernel [inputs, units]`, Glorot uniform, and `bias [units]`, zero.
///   Parameters: `(inputs + 1) · units`.
/// - Defaults: activation `Linear`, with a bias.
///
/// Source: `keras/src/layers/core/dense.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(Dense::new(10).activation(Softmax).output_shape(&[128])?, [10]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Dense {
    units: i64,
    activation: Activation,
    use_bias: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    weights: Option<Weights>,
}

impl Dense {
    /// `units` outputs.
    pub fn new(units: i64) -> Self {
        Dense { units, activation: Activation::Linear, use_bias: true, name: None, weights: None }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Activation) -> Self {
        Dense { activation, ..self }
    }

    /// Whether a bias is added to each output. Default true.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Dense { use_bias, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Dense {
            units: argument(config, "units")?,
            activation: argument(config, "activation")?,
            use_bias: argument_or(config, "use_bias", true)?,
            name: argument_or(config, "name", None)?,
            weights: None,
        })
    }
}

impl Layer for Dense {
    fn class_name(&self) -> &'static str {
        "Dense"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!(self.units > 0, "units must be at least 1, not {}", self.units);
        ensure!(
            input.len() == 1,
            "it works on vectors [inputs], and gets {input:?}; put a Flatten layer before it"
        );
        Ok(vec![self.units])
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let kernel = initializer.glorot_uniform(&[input[0], self.units], input[0], self.units);
        let bias = self.use_bias.then(|| initializer.zeros(&[self.units]));
        self.weights = Some(Weights { kernel: by_units(&kernel), bias });
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let Weights { kernel, bias } = self.weights.as_ref().expect("the model builds its layers");
        match bias {
            bias if onednn::is_for(x) => onednn::linear(x, kernel, bias.as_ref()),
            Some(bias) => bias.addmm(x, kernel),
            None => x.matmul(kernel),
        }
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.weights.iter().flat_map(Weights::named).collect()
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
