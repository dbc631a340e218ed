//! Batch normalisation.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    tape::Tape,
    weights::named,
    Initializer, Layer,
};
#[cfg(target_arch = "x86_64")]
use super::{
    fused::Normalised,
    tape::{wants_gradient, Gradients},
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::{no_grad, Tensor};

/// Brings each channel to mean 0 and variance 1, then scales and shifts it by numbers that are learnt: every layer
/// gets inputs of the size that it is used to, and training may take larger steps.
///
/// While training, mean and variance are those of the batch; when predicting, and where the layer is frozen
/// ([`set_trainable`](crate::Sequential::set_trainable)), running means of them.
///
/// - Input an image `[channels, height, width]`, normalised per channel, or a vector `[units]`, per unit; the output
///   has the same shape: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`.
/// - Weights: `gamma`, one, and `beta`, zero; not trainable `moving_mean`, zero, and `moving_variance`, one; all
///   `[channels]`. After each batch `moving = moving · momentum + of_batch · (1 - momentum)`.
/// - Defaults: momentum 0.99, epsilon 0.001, with `gamma` (scale) and `beta` (center).
///
/// Source: Ioffe and Szegedy, *Batch normalization*, 2015; `keras/src/layers/normalization/batch_normalization.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([1, 28, 28])
///     .add(Conv2D::new(24, (3, 3)))
///     .add(BatchNormalization::new())
///     .add(Relu)
///     .build()?;
/// assert_eq!(model.count_params(), 240 + 4 * 24);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct BatchNormalization {
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    weights: Option<Weights>,
    /// Its weights tell it, too, but there may be neither gamma nor beta.
    #[serde(skip)]
    trainable: bool,
}

#[derive(Debug)]
struct Weights {
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
    moving_mean: Tensor,
    moving_variance: Tensor,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        BatchNormalization {
            momentum: 0.99,
            epsilon: 0.001,
            center: true,
            scale: true,
            name: None,
            weights: None,
            trainable: true,
        }
    }
}

impl BatchNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much of the running means each batch leaves as it is. With few batches, 0.9 follows faster.
    pub fn momentum(self, momentum: f64) -> Self {
        BatchNormalization { momentum, ..self }
    }

    /// Keeps the division away from zero.
    pub fn epsilon(self, epsilon: f64) -> Self {
        BatchNormalization { epsilon, ..self }
    }

    /// Whether `beta` is added. Default true.
    pub fn center(self, center: bool) -> Self {
        BatchNormalization { center, ..self }
    }

    /// Whether the result is multiplied by `gamma`; a convolution after it can do that as well. Default true.
    pub fn scale(self, scale: bool) -> Self {
        BatchNormalization { scale, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(BatchNormalization {
            momentum: argument(config, "momentum")?,
            epsilon: argument(config, "epsilon")?,
            center: argument_or(config, "center", true)?,
            scale: argument_or(config, "scale", true)?,
            name: argument_or(config, "name", None)?,
            weights: None,
            trainable: true,
        })
    }

    fn weights(&self) -> &Weights {
        self.weights.as_ref().expect("the model builds its layers")
    }

    /// Moves the running means towards those of a batch.
    fn remember(&self, mean: &Tensor, variance: &Tensor) {
        let Weights { moving_mean, moving_variance, .. } = self.weights();
        let _ = moving_mean.shallow_clone().lerp_(mean, 1.0 - self.momentum);
        let _ = moving_variance.shallow_clone().lerp_(variance, 1.0 - self.momentum);
    }

    /// The output by the crate's own loops, with a ReLU after it if that is asked for; none where libtorch is to compute it.
    #[cfg(target_arch = "x86_64")]
    fn in_one_go(&self, x: &Tensor, tape: &Tape, relu: bool) -> Option<Tensor> {
        if !self.trainable || !Normalised::is_for(x) {
            return None;
        }
        let Weights { gamma, beta, .. } = self.weights();
        let weights: Vec<&Tensor> = [gamma, beta].into_iter().flatten().collect();
        let of_input = wants_gradient(&[x]);
        if !of_input && !wants_gradient(&weights) {
            return None;
        }
        let (gamma, beta) = (gamma.as_ref(), beta.as_ref());
        let (normalised, output, statistics) = Normalised::new(x, gamma, beta, self.epsilon, relu);
        no_grad(|| self.remember(&statistics.mean, &statistics.variance));
        let given = [gamma.is_some(), beta.is_some()];
        let backward = move |gradient: &Tensor| {
            let Gradients { input, weights } = normalised.gradients(gradient);
            let weights =
                weights.into_iter().zip(given).filter_map(|(weight, given)| given.then_some(weight));
            Gradients { input, weights: weights.collect() }
        };
        Some(tape.note(of_input.then_some(x), &weights, &output, backward))
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn in_one_go(&self, _x: &Tensor, _tape: &Tape, _relu: bool) -> Option<Tensor> {
        None
    }
}

impl Layer for BatchNormalization {
    fn class_name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let (momentum, epsilon) = (self.momentum, self.epsilon);
        ensure!((0.0..1.0).contains(&momentum), "momentum must be at least 0 and below 1, not {momentum}");
        ensure!(epsilon > 0.0 && epsilon.is_finite(), "epsilon must be a positive number, not {epsilon}");
        ensure!(
            matches!(input.len(), 1 | 3),
            "it works on images [channels, height, width] and vectors [units], and gets {input:?}"
        );
        Ok(input.to_vec())
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let moving_mean = initializer.zeros(&input[..1]);
        let moving_variance = moving_mean.ones_like();
        let gamma = self.scale.then(|| moving_mean.ones_like());
        let beta = self.center.then(|| moving_mean.zeros_like());
        self.weights = Some(Weights { gamma, beta, moving_mean, moving_variance });
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let Weights { gamma, beta, moving_mean, moving_variance } = self.weights();
        let training = training && self.trainable;
        let normalised = |mean: &Tensor, variance: &Tensor, momentum: f64| {
            x.batch_norm(
                gamma.as_ref(),
                beta.as_ref(),
                Some(mean),
                Some(variance),
                training,
                momentum,
                self.epsilon,
                true,
            )
        };
        if !training {
            return normalised(moving_mean, moving_variance, 0.0);
        }
        // With a momentum of 1 libtorch leaves the batch's own statistics in these.
        let (mean, variance) = (moving_mean.zeros_like(), moving_mean.zeros_like());
        let output = normalised(&mean, &variance, 1.0);
        no_grad(|| {
            // It divides by n - 1 where Keras divides by n.
            let n = (x.numel() / mean.numel()) as f64;
            let variance = if n > 1.0 { variance * ((n - 1.0) / n) } else { mean.zeros_like() };
            self.remember(&mean, &variance);
        });
        output
    }

    fn noted(&self, x: &Tensor, tape: &Tape) -> Tensor {
        self.in_one_go(x, tape, false).unwrap_or_else(|| self.forward(x, true))
    }

    fn noted_with_relu(&self, x: &Tensor, tape: &Tape) -> Option<Tensor> {
        self.in_one_go(x, tape, true)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        let Some(Weights { gamma, beta, .. }) = &self.weights else { return Vec::new() };
        named([("gamma", gamma.as_ref()), ("beta", beta.as_ref())])
    }

    fn non_trainable_weights(&self) -> Vec<(String, Tensor)> {
        let Some(Weights { moving_mean, moving_variance, .. }) = &self.weights else { return Vec::new() };
        vec![
            ("moving_mean".into(), moving_mean.shallow_clone()),
            ("moving_variance".into(), moving_variance.shallow_clone()),
        ]
    }

    fn trainable(&self) -> bool {
        self.trainable
    }

    fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
        for (_, weight) in Layer::weights(self) {
            let _ = weight.set_requires_grad(trainable);
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn tensor(value: &Value) -> Tensor {
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let shape: Vec<i64> = numbers(&value["shape"]).into_iter().map(|side| side as i64).collect();
        let tensor = Tensor::from_slice(&numbers(&value["data"])).to_kind(Kind::Float).reshape(shape);
        if tensor.dim() == 4 {
            tensor.permute([0, 3, 1, 2])
        } else {
            tensor
        }
    }

    #[test]
    fn outputs_and_running_means_are_kerass() {
        let fixture: Value = serde_json::from_str(include_str!("../../tests/fixtures/keras.json")).unwrap();
        for (name, training) in [("training", true), ("inference", false)] {
            let case = &fixture["more_layers"][format!("batch_normalization_{name}")];
            let x = tensor(&case["input"]);
            let mut layer = BatchNormalization::new();
            layer.build(&x.size()[1..], &mut Initializer::new(1, Device::Cpu, 1000));
            let all = || Layer::weights(&layer).into_iter().chain(layer.non_trainable_weights());
            for ((_, mut weight), keras) in all().zip(case["weights"].as_array().unwrap()) {
                weight.copy_(&tensor(keras));
            }
            let close = |ours: &Tensor, keras: &Value| {
                let difference = (ours - tensor(keras)).abs().max().double_value(&[]);
                assert!(difference < 1e-5, "{name}: {difference}");
            };
            close(&layer.forward(&x, training), &case["output"]);
            for ((_, weight), keras) in all().zip(case["weights_after"].as_array().unwrap()) {
                close(&weight, keras);
            }
        }
    }

    #[test]
    fn a_batch_of_one_vector_leaves_no_nan() {
        let mut layer = BatchNormalization::new();
        layer.build(&[3], &mut Initializer::new(1, Device::Cpu, 1000));
        let _ = layer.forward(&Tensor::from_slice2(&[[1.0_f32, -2.0, 5.0]]), true);
        for (name, weight) in layer.non_trainable_weights() {
            assert!(weight.isfinite().all().int64_value(&[]) == 1, "{name}: {weight:?}");
        }
    }
}
