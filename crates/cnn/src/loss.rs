//! What training makes small.

use crate::error::Context;
use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// The loss that [`Sequential::compile`](crate::Sequential::compile) takes: a mean over the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-log p`, p being the probability that the model gives to the true class. It wants a model that ends
    /// with a softmax and computes from its logits, which is exact also where p is tiny.
    CategoricalCrossentropy,
    /// The mean of the squared differences between the model's outputs and the one-hot labels.
    MeanSquaredError,
}

impl Loss {
    /// The mean loss over a batch. `logits [batch, classes]` are the model's outputs before a final
    /// softmax, `outputs` after it, `labels` what [`Labels::batch`] gave.
    pub(crate) fn compute(
        self,
        logits: &Tensor,
        outputs: impl FnOnce() -> Tensor,
        labels: &Tensor,
    ) -> Tensor {
        match self {
            Loss::CategoricalCrossentropy if labels.dim() == 1 => logits.cross_entropy_for_logits(labels),
            Loss::CategoricalCrossentropy => -(labels * logits.log_softmax(-1, Kind::Float))
                .sum_dim_intlist(-1, false, Kind::Float)
                .mean(Kind::Float),
            Loss::MeanSquaredError => {
                let outputs = outputs();
                let wanted = match labels.dim() {
                    1 => labels.one_hot(outputs.size()[1]).to_kind(Kind::Float),
                    _ => labels.shallow_clone(),
                };
                outputs.mse_loss(&wanted, Reduction::Mean)
            }
        }
    }
}

/// Labels that have been checked: class numbers `[n]`, or one-hot rows `[n, classes]`.
#[derive(Debug)]
pub(crate) struct Labels(Tensor);

impl Labels {
    pub(crate) fn new(y: &Tensor, count: i64, classes: i64) -> Result<Labels> {
        let size = y.size();
        ensure!(!size.is_empty(), "the labels are a single number; there must be one for each image");
        ensure!(size[0] == count, "there are {count} images and {} labels; there must be as many", size[0]);
        match size[..] {
            [_] => {
                let numbers = y.to_kind(Kind::Int64);
                let (low, high) = (numbers.min().int64_value(&[]), numbers.max().int64_value(&[]));
                ensure!(
                    low >= 0 && high < classes,
                    "the labels go from {low} to {high}, and the model has {classes} outputs, for the classes 0 to {}; \
                     give its last Dense layer one unit per class",
                    classes - 1
                );
                Ok(Labels(numbers))
            }
            [_, columns] => {
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

    /// How many of `outputs [batch, classes]` are largest at the true class, as a tensor: reading it at
    /// once would make a GPU wait.
    pub(crate) fn hits(outputs: &Tensor, labels: &Tensor) -> Tensor {
        let truth = if labels.dim() == 1 { labels.shallow_clone() } else { labels.argmax(-1, false) };
        outputs.argmax(-1, false).eq_tensor(&truth).sum(Kind::Int64)
    }
}
