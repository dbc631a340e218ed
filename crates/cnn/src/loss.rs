//! What training makes small.

use crate::error::Context;
use crate::preprocessing::class_numbers;
use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// The loss that [`Sequential::compile`](crate::Sequential::compile) takes: a mean over the batch.
///
/// The crossentropies want a model that ends with a softmax and compute from its logits, which is exact also
/// where a probability is tiny.
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
    /// The mean of the squared differences between the model's outputs and the one-hot labels.
    MeanSquaredError,
}

impl Loss {
    /// Whether it computes from the logits of a softmax.
    pub(crate) fn wants_softmax(self) -> bool {
        self != Loss::MeanSquaredError
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

    /// The mean loss over a batch. `logits [batch, classes]` are the model's outputs before a final
    /// softmax, `outputs` after it; `labels` are part of a [`Labels`]. With `sample_weights [batch]`, each
    /// sample's loss is multiplied by its weight before the mean is taken, as in Keras.
    pub(crate) fn compute(
        self,
        logits: &Tensor,
        outputs: impl FnOnce() -> Tensor,
        labels: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Tensor {
        let reduction = if sample_weights.is_some() { Reduction::None } else { Reduction::Mean };
        let losses = match self {
            Loss::MeanSquaredError => {
                let outputs = outputs();
                let wanted = match labels.dim() {
                    1 => labels.one_hot(outputs.size()[1]).to_kind(Kind::Float),
                    _ => labels.shallow_clone(),
                };
                let losses = outputs.mse_loss(&wanted, reduction);
                match sample_weights {
                    Some(_) => losses.mean_dim(-1, false, Kind::Float),
                    None => losses,
                }
            }
            _ => {
                let smoothing = match self {
                    Loss::SmoothedCategoricalCrossentropy { label_smoothing } => label_smoothing,
                    _ => 0.0,
                };
                const NONE_IGNORED: i64 = -100;
                logits.cross_entropy_loss(labels, None::<Tensor>, reduction, NONE_IGNORED, smoothing)
            }
        };
        match sample_weights {
            Some(weights) => (losses * weights).mean(Kind::Float),
            None => losses,
        }
    }
}

/// Labels that have been checked: class numbers `[n]`, or one-hot rows `[n, classes]`.
#[derive(Debug)]
pub(crate) struct Labels(Tensor);

impl Labels {
    pub(crate) fn new(y: &Tensor, count: i64, classes: i64, loss: Loss) -> Result<Labels> {
        let size = y.size();
        ensure!(!size.is_empty(), "the labels are a single number; there must be one for each image");
        ensure!(size[0] == count, "there are {count} images and {} labels; there must be as many", size[0]);
        match size[..] {
            [_] => {
                let numbers = class_numbers(y)?;
                let (low, high) = (numbers.min().int64_value(&[]), numbers.max().int64_value(&[]));
                ensure!(
                    high < classes,
                    "the labels go from {low} to {high}, and the model has {classes} outputs, for the classes 0 to {}; \
                     give its last Dense layer one unit per class",
                    classes - 1
                );
                Ok(Labels(numbers))
            }
            [_, columns] => {
                ensure!(
                    loss != Loss::SparseCategoricalCrossentropy,
                    "SparseCategoricalCrossentropy wants class numbers [n], and gets one-hot rows {size:?}; \
                     use CategoricalCrossentropy, which takes both"
                );
                ensure!(
                    columns == classes,
                    "the one-hot labels have {columns} columns, and the model {classes} outputs; there must be as many"
                );
                Ok(Labels(y.to_kind(Kind::Float)))
            }
            _ => Err(anyhow::anyhow!("the labels have the shape {size:?}")).context(
                "labels are class numbers [n] or one-hot rows [n, classes]; see preprocessing::to_categorical",
            ),
        }
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// One weight per sample, by its class.
    pub(crate) fn weights(labels: &Tensor, class_weight: &Tensor) -> Tensor {
        class_weight.index_select(0, &Labels::classes(labels))
    }

    fn classes(labels: &Tensor) -> Tensor {
        if labels.dim() == 1 {
            labels.shallow_clone()
        } else {
            labels.argmax(-1, false)
        }
    }

    /// How many of `outputs [batch, classes]` are largest at the true class, as a tensor: reading it at
    /// once would make a GPU wait.
    pub(crate) fn hits(outputs: &Tensor, labels: &Tensor) -> Tensor {
        outputs.argmax(-1, false).eq_tensor(&Labels::classes(labels)).sum(Kind::Int64)
    }
}
