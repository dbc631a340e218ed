//! Layer normalisation.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    weights::named,
    Initializer, Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Brings the units of each vector, or the channels of each pixel, to mean 0 and variance 1, then scales and shifts them by
/// numbers that are learnt. Unlike batch normalisation it does the same while training and when predicting, for each image
/// by itself.
///
/// - Input an image `[channels, height, width]`, normalised over the channels of each pixel, or a vector `[units]`; the
///   output has the same shape: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`.
/// - Weights: `gamma`, one, and `beta`, zero; both `[channels]`.
/// - Defaults: epsilon 0.001, with `gamma` (scale) and `beta` (center). Keras's argument `axis` is -1 here.
///
/// Source: Ba et al., *Layer normalization*, 2016; `keras/src/layers/normalization/layer_normalization.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([128]).add(LayerNormalization::new()).add(Dense::new(10)).build()?;
/// assert_eq!(model.count_params(), 2 * 128 + 1290);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct LayerNormalization {
    epsilon: f64,
    center: bool,
    scale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    gamma: Option<Tensor>,
    #[serde(skip)]
    beta: Option<Tensor>,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        LayerNormalization { epsilon: 0.001, center: true, scale: true, name: None, gamma: None, beta: None }
    }
}

impl LayerNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the division away from zero.
    pub fn epsilon(self, epsilon: f64) -> Self {
        LayerNormalization { epsilon, ..self }
    }

    /// Whether `beta` is added. Default true.
    pub fn center(self, center: bool) -> Self {
        LayerNormalization { center, ..self }
    }

    /// Whether the result is multiplied by `gamma`. Default true.
    pub fn scale(self, scale: bool) -> Self {
        LayerNormalization { scale, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(LayerNormalization {
            epsilon: argument(config, "epsilon")?,
            center: argument_or(config, "center", true)?,
            scale: argument_or(config, "scale", true)?,
            name: argument_or(config, "name", None)?,
            gamma: None,
            beta: None,
        })
    }
}

impl Layer for LayerNormalization {
    fn class_name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let epsilon = self.epsilon;
        ensure!(epsilon > 0.0 && epsilon.is_finite(), "epsilon must be a positive number, not {epsilon}");
        ensure!(
            matches!(input.len(), 1 | 3),
            "it works on images [channels, height, width] and vectors [units], and gets {input:?}"
        );
        Ok(input.to_vec())
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        self.gamma = self.scale.then(|| initializer.zeros(&input[..1]).ones_like());
        self.beta = self.center.then(|| initializer.zeros(&input[..1]));
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let normalised = |x: &Tensor, size: i64| {
            x.layer_norm([size], self.gamma.as_ref(), self.beta.as_ref(), self.epsilon, true)
        };
        match x.size()[..] {
            [_batch, channels, _, _] => normalised(&x.permute([0, 2, 3, 1]), channels).permute([0, 3, 1, 2]),
            _ => normalised(x, x.size()[1]),
        }
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named([("gamma", self.gamma.as_ref()), ("beta", self.beta.as_ref())])
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
