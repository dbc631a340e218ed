//! Numbers brought to mean 0 and variance 1.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::{Kind, Tensor};

/// Keeps the division away from zero: `keras.config.epsilon()`.
const EPSILON: f64 = 1e-7;

/// `(x - mean) / max(sqrt(variance), 1e-7)` with numbers that are known beforehand, one mean and one variance per channel: models
/// whose images were standardised begin with it. [`BatchNormalization`](super::BatchNormalization) finds its own while training.
///
/// - Input an image `[channels, height, width]`, normalised per channel, or a vector `[units]`, per unit; the output has the same
///   shape. A single mean and variance are those of all channels. No weights.
/// - Images of bytes come to a model's first layer divided by 255, so mean and variance are those of numbers from 0 to 1.
///
/// Source: `keras/src/layers/preprocessing/normalization.py`.
///
/// ```
/// use cnn::prelude::*;
/// // Mean and standard deviation of ImageNet's red, green and blue, on which many published models were trained.
/// let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225_f64]);
/// let model = Sequential::input([3, 32, 32])
///     .add(Normalization::new(&mean, &deviation.map(|deviation| deviation * deviation)))
///     .build()?;
/// let grey = Tensor::from_slice(&mean).to_kind(Kind::Float).reshape([1, 3, 1, 1]).expand([1, 3, 32, 32], false);
/// assert!(model.predict(&grey)?.abs().max().double_value(&[]) < 1e-6);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Normalization {
    mean: Vec<f64>,
    variance: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Normalization {
    /// With the mean and the variance, the standard deviation squared, of each channel.
    pub fn new(mean: &[f64], variance: &[f64]) -> Self {
        Normalization { mean: mean.to_vec(), variance: variance.to_vec(), name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave, or Keras's, where a single number may stand without a list.
    pub(crate) fn from_config(config: &Value) -> Result<Self> {
        let numbers = |name: &str| match config.get(name) {
            Some(Value::Number(_)) => argument::<f64>(config, name).map(|number| vec![number]),
            _ => argument::<Vec<f64>>(config, name),
        };
        ensure!(
            config.get("mean") != Some(&Value::Null),
            "it has no mean: it was adapted in Keras; make it there with the numbers that it has found, \
             Normalization(mean=layer.mean.numpy().flatten(), variance=layer.variance.numpy().flatten()), and save the \
             model again"
        );
        ensure!(
            !argument_or(config, "invert", false)?,
            "its argument invert is true, and this layer does not go back to other numbers"
        );
        Ok(Normalization {
            mean: numbers("mean")?,
            variance: numbers("variance")?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// What is subtracted, and what the rest is divided by.
    pub(crate) fn numbers(&self) -> (Vec<f64>, Vec<f64>) {
        let deviation = self.variance.iter().map(|variance| variance.sqrt().max(EPSILON));
        (self.mean.clone(), deviation.collect())
    }

    /// The same on the CPU, `[channels, 1, 1]` or `[units]` for an `input` of this shape.
    pub(crate) fn by_channel(&self, input: &[i64]) -> (Tensor, Tensor) {
        let mut shape = vec![1; input.len()];
        shape[0] = -1;
        let tensor = |numbers: &[f64]| Tensor::from_slice(numbers).to_kind(Kind::Float).reshape(&shape);
        let (mean, deviation) = self.numbers();
        (tensor(&mean), tensor(&deviation))
    }
}

impl Layer for Normalization {
    fn class_name(&self) -> &'static str {
        "Normalization"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let counts = [self.mean.len(), self.variance.len()];
        ensure!(
            matches!(input.len(), 1 | 3),
            "it works on images [channels, height, width] and vectors [units], and gets {input:?}"
        );
        ensure!(
            counts[0] == counts[1] && (counts[0] == 1 || counts[0] as i64 == input[0]),
            "mean and variance must be 1 or {} numbers each, as many as the input {input:?} has channels, not {} and {}",
            input[0],
            counts[0],
            counts[1]
        );
        let wrong = self.mean.iter().find(|mean| !mean.is_finite());
        ensure!(wrong.is_none(), "mean must be finite numbers, not {:?}", self.mean);
        let wrong = self.variance.iter().find(|variance| !(variance.is_finite() && **variance >= 0.0));
        ensure!(wrong.is_none(), "variance must be numbers of 0 or more, not {:?}", self.variance);
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let (mean, deviation) = self.by_channel(&x.size()[1..]);
        (x - mean.to_device(x.device())) / deviation.to_device(x.device())
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tch::Device;

    #[test]
    fn each_channel_has_its_numbers() {
        let layer = Normalization::new(&[1.0, 2.0], &[4.0, 0.0]);
        let x = Tensor::full([1, 2, 1, 2], 3.0, (Kind::Float, Device::Cpu));
        let y: Vec<f32> = layer.forward(&x, true).flatten(0, -1).try_into().unwrap();
        assert_eq!(y, [1.0, 1.0, 1e7, 1e7]);
        let y: Vec<f32> =
            layer.forward(&x.flatten(2, 3).select(2, 0), true).flatten(0, -1).try_into().unwrap();
        assert_eq!(y, [1.0, 1e7]);
        let single = Normalization::new(&[1.0], &[0.25]).forward(&x, true);
        assert!(single.equal(&Tensor::full([1, 2, 1, 2], 4.0, (Kind::Float, Device::Cpu))));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let refusal = |mean: &[f64], variance: &[f64], input: &[i64]| {
            Normalization::new(mean, variance).output_shape(input).unwrap_err().to_string()
        };
        assert!(refusal(&[0.0, 1.0], &[1.0, 1.0], &[3, 8, 8]).contains("must be 1 or 3 numbers each"));
        assert!(refusal(&[0.0; 3], &[1.0], &[3, 8, 8]).contains("not 3 and 1"));
        assert!(refusal(&[], &[], &[3, 8, 8]).contains("not 0 and 0"));
        assert!(refusal(&[f64::NAN], &[1.0], &[3]).contains("mean must be finite"));
        assert!(refusal(&[0.0], &[-1.0], &[3]).contains("variance must be"));
        assert!(refusal(&[0.0], &[1.0], &[3, 8]).contains("gets [3, 8]"));
    }

    #[test]
    fn kerass_arguments_are_read() {
        let config = json!({ "mean": 0.5, "variance": [0.25], "invert": false });
        let layer = Normalization::from_config(&config).unwrap();
        assert_eq!(layer.config(), json!({ "mean": [0.5], "variance": [0.25] }));
        let refusal = |config: Value| Normalization::from_config(&config).unwrap_err().to_string();
        assert!(refusal(json!({ "mean": null, "variance": null })).contains("adapted"));
        assert!(refusal(json!({ "mean": 0.5, "variance": 1.0, "invert": true })).contains("invert"));
    }
}
