//! The labels that a model is trained and measured with.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

use super::loss::Loss;
use crate::engine::error::Context;
use crate::preprocessing::class_numbers;

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
