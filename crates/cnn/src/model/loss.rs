//! What training makes small.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::network::{Logits, NamedLayer};
use crate::layers::Activation;

/// The loss that [`Sequential::compile`](crate::Sequential::compile) takes: a mean over the batch.
///
/// | the images | the model's last layer | the loss | the labels |
/// |---|---|---|---|
/// | are of one class of several | `Dense::new(classes).activation(Softmax)` | `CategoricalCrossentropy` | class numbers `[n]`, or one-hot `[n, classes]` |
/// | are of one class or the other | `Dense::new(1).activation(Sigmoid)` | `BinaryCrossentropy` | 0 and 1, `[n]` |
/// | may be of several classes at once | `Dense::new(classes).activation(Sigmoid)` | `BinaryCrossentropy` | rows of 0 and 1, `[n, classes]` |
///
/// Labels with one number per image may also be `[n, 1]`. The crossentropies compute from the logits, the numbers before
/// the softmax or the sigmoid, which is exact also where a probability is tiny.
///
/// ```
/// use cnn::prelude::*;
/// let x = Tensor::from_slice(&[-1.0_f32, -0.5, 0.5, 1.0]).reshape([4, 1]);
/// let y = Tensor::from_slice(&[0_i64, 0, 1, 1]);
/// let mut model = Sequential::input([1]).add(Dense::new(1).activation(Sigmoid)).build()?;
/// model.compile(Adam { learning_rate: 0.1, ..Adam::default() }, Loss::BinaryCrossentropy)?;
/// model.fit(&x, &y, &Fit { epochs: 50, batch_size: 4, verbose: false, ..Fit::default() })?;
/// assert_eq!(model.evaluate(&x, &y)?.accuracy, 1.0);
/// let matrix = ConfusionMatrix::new(&y, &model.predict(&x)?.gt(0.5), 2)?;
/// assert_eq!(matrix.count(1, 1), 2);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// Source: `keras/src/losses/losses.py`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-log p`, p being the probability that the model gives to the true class. Labels may be one-hot rows
    /// or class numbers.
    CategoricalCrossentropy,
    /// The same for class numbers only: one-hot rows are an error, as in Keras.
    SparseCategoricalCrossentropy,
    /// Crossentropy with labels that are less than certain: of each one-hot row the share `label_smoothing`,
    /// at least 0 and below 1, is spread over all classes. Keras's `CategoricalCrossentropy(label_smoothing=...)`.
    ///
    /// Source: Szegedy et al., *Rethinking the Inception architecture*, 2016.
    SmoothedCategoricalCrossentropy {
        /// 0.1 is common.
        label_smoothing: f64,
    },
    /// `-(y log p + (1 - y) log(1 - p))`, the mean of it over the outputs, each of which answers yes or no for itself: a
    /// single one for two classes, or several for images of several classes at once. `y` is 0, 1 or a number between.
    BinaryCrossentropy,
    /// The mean of the squared differences between the model's outputs and the one-hot labels; for a single output, and
    /// the numbers `[n]` or `[n, 1]` that it is to give. Whole numbers `[n]` are class numbers: give others as floats `[n, 1]`.
    MeanSquaredError,
}

impl Loss {
    /// The activation of the last layer, from whose logits it computes.
    fn wants(self) -> Option<Activation> {
        match self {
            Loss::MeanSquaredError => None,
            Loss::BinaryCrossentropy => Some(Activation::Sigmoid),
            _ => Some(Activation::Softmax),
        }
    }

    /// Whether each output answers yes or no for itself, instead of being compared with the others.
    pub(crate) fn is_binary(self, outputs: i64) -> bool {
        outputs == 1 || self == Loss::BinaryCrossentropy
    }

    /// Says if a model with this last layer cannot be trained with it.
    pub(crate) fn check_end(self, last: &NamedLayer) -> Result<()> {
        let (name, outputs, activation) = (&last.name, last.output_shape[0], last.layer.activation());
        let has = format!("the last layer, {name}, has the activation {}", activation.name());
        ensure!(
            outputs > 1 || ![self.wants(), Some(activation)].contains(&Some(Activation::Softmax)),
            "the last layer, {name}, has 1 output, and a softmax of one number is always 1; for two classes end the \
             model with Dense::new(1).activation(Sigmoid) and compile it with Loss::BinaryCrossentropy, or end it \
             with Dense::new(2).activation(Softmax)"
        );
        match self.wants() {
            Some(Activation::Softmax) => ensure!(
                activation == Activation::Softmax,
                "a crossentropy wants probabilities, and {has}; give it .activation(Softmax){}",
                match activation {
                    Activation::Sigmoid =>
                        ", or use Loss::BinaryCrossentropy if images are of several classes at once",
                    _ => "",
                }
            ),
            Some(_) => ensure!(
                activation == Activation::Sigmoid,
                "BinaryCrossentropy wants a sigmoid, and {has}; give it .activation(Sigmoid){}",
                match activation {
                    Activation::Softmax =>
                        ", or use Loss::CategoricalCrossentropy if images are of one class each",
                    _ => "",
                }
            ),
            None => {}
        }
        Ok(())
    }

    pub(crate) fn check(self) -> Result<()> {
        if let Loss::SmoothedCategoricalCrossentropy { label_smoothing } = self {
            ensure!(
                (0.0..1.0).contains(&label_smoothing),
                "label_smoothing must be at least 0 and below 1, not {label_smoothing}"
            );
        }
        Ok(())
    }

    /// The mean loss over a batch. `labels` are class numbers `[batch]` or rows `[batch, outputs]`, checked. With `sample_weights [batch]`, each
    /// sample's loss is multiplied by its weight before the mean is taken, as in Keras.
    pub(crate) fn compute(self, logits: &Logits, labels: &Tensor, sample_weights: Option<&Tensor>) -> Tensor {
        let reduction = if sample_weights.is_some() { Reduction::None } else { Reduction::Mean };
        let of_samples = |losses: Tensor| match sample_weights {
            Some(_) => losses.mean_dim(-1, false, Kind::Float),
            None => losses,
        };
        let losses = match self {
            Loss::MeanSquaredError => {
                let outputs = logits.outputs();
                let wanted = match labels.dim() {
                    1 => labels.one_hot(outputs.size()[1]).to_kind(Kind::Float),
                    _ => labels.shallow_clone(),
                };
                of_samples(outputs.mse_loss(&wanted, reduction))
            }
            Loss::BinaryCrossentropy => {
                let weights = None::<Tensor>;
                let logits = &logits.values;
                of_samples(logits.binary_cross_entropy_with_logits(labels, weights.as_ref(), None, reduction))
            }
            _ => {
                let smoothing = match self {
                    Loss::SmoothedCategoricalCrossentropy { label_smoothing } => label_smoothing,
                    _ => 0.0,
                };
                const NONE_IGNORED: i64 = -100;
                logits.values.cross_entropy_loss(labels, None::<Tensor>, reduction, NONE_IGNORED, smoothing)
            }
        };
        match sample_weights {
            Some(weights) => (losses * weights).mean(Kind::Float),
            None => losses,
        }
    }
}
