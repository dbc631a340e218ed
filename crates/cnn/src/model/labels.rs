//! The labels that a model is trained and measured with.

use anyhow::{anyhow, ensure, Result};
use tch::{Kind, Tensor};

use super::loss::Loss;
use super::network::Logits;
use crate::engine::error::Context;
use crate::preprocessing::{class_numbers, one_per_image};

/// Labels that have been checked: class numbers `[n]`, one-hot rows `[n, classes]`, or what each output is to be,
/// `[n, outputs]`, where the outputs answer for themselves.
#[derive(Debug)]
pub(crate) struct Labels(Tensor);

impl Labels {
    /// Checks `y` for a model with so many outputs, and `count` images.
    pub(crate) fn new(y: &Tensor, count: i64, outputs: i64, loss: Loss) -> Result<Labels> {
        let size = y.size();
        ensure!(!size.is_empty(), "the labels are a single number; there must be one for each image");
        ensure!(size[0] == count, "there are {count} images and {} labels; there must be as many", size[0]);
        if loss.is_binary(outputs) {
            return answers(y, outputs, loss).map(Labels);
        }
        if let Some(numbers) = one_per_image(y) {
            let units =
                |_| format!("the model has {outputs} outputs: give its last Dense layer one unit per class");
            return class_numbers("the labels", &numbers, outputs, units).map(Labels);
        }
        match size[..] {
            [_, columns] => {
                ensure!(
                    loss != Loss::SparseCategoricalCrossentropy,
                    "SparseCategoricalCrossentropy wants class numbers [n], and gets one-hot rows {size:?}; \
                     use CategoricalCrossentropy, which takes both"
                );
                ensure!(
                    columns == outputs,
                    "the one-hot labels have {columns} columns, and the model {outputs} outputs; there must be as many"
                );
                Ok(Labels(y.to_kind(Kind::Float)))
            }
            _ => Err(anyhow!("the labels have the shape {size:?}")).context(
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

    /// The class number of each sample; for a single output, 1 where it is to be above 0.5.
    pub(crate) fn classes(labels: &Tensor) -> Tensor {
        match labels.size()[..] {
            [_] => labels.shallow_clone(),
            [_, 1] => labels.squeeze_dim(1).gt(0.5).to_kind(Kind::Int64),
            _ => labels.argmax(-1, false),
        }
    }

    /// How many samples of a batch the model gets right, as a tensor: reading it at once would make a GPU wait. Where outputs
    /// answer for themselves, those count that are above 0.5 where the label is 1, and not where it is 0, as a share of all outputs; a label between
    /// is never met.
    ///
    /// Source: `keras/src/metrics/accuracy_metrics.py`.
    pub(crate) fn hits(logits: &Logits, labels: &Tensor, loss: Loss) -> Tensor {
        let outputs = logits.values.size()[1];
        if loss.is_binary(outputs) {
            let said = logits.outputs().gt(0.5).to_kind(Kind::Float);
            return said.eq_tensor(labels).sum(Kind::Double) / outputs as f64;
        }
        logits.compared().argmax(-1, false).eq_tensor(&Labels::classes(labels)).sum(Kind::Double)
    }
}

/// What each output is to be: 0, 1 or a number between, `[n, outputs]`. A single output may also be trained towards any
/// floats with the squared error, which is a regression; `[n]` of whole numbers are taken for class numbers, though.
fn answers(y: &Tensor, outputs: i64, loss: Loss) -> Result<Tensor> {
    let (size, numbers) = (y.size(), one_per_image(y));
    let rows = match outputs {
        1 => numbers.map(|numbers| numbers.unsqueeze(1)).with_context(|| {
            format!(
                "the model has 1 output, for labels [n] of 0 and 1, and the labels have the shape {size:?}; give its \
                 last Dense layer one unit per class"
            )
        })?,
        _ => {
            let advice = match numbers {
                Some(_) => format!("to_categorical(&y, {outputs}) makes rows of class numbers"),
                None => "give the model's last Dense layer one unit per column".to_string(),
            };
            ensure!(
                size[1..] == [outputs],
                "BinaryCrossentropy with {outputs} outputs wants labels [n, {outputs}] of 0 and 1, and they have the \
                 shape {size:?}; {advice}"
            );
            y.shallow_clone()
        }
    };
    let rows_as_floats = rows.to_kind(Kind::Float);
    let (low, high) = (rows_as_floats.min().double_value(&[]), rows_as_floats.max().double_value(&[]));
    let is_finite = low.is_finite() && high.is_finite();
    let is_whole = size.len() == 1 && rows_as_floats.round().equal(&rows_as_floats);
    let is_regression = loss == Loss::MeanSquaredError && y.is_floating_point() && is_finite && !is_whole;
    if !(is_regression || (low >= 0.0 && high <= 1.0)) {
        let more = |_| match outputs {
            1 => {
                "give the model's last Dense layer, which has 1 unit, one per class, and Softmax".to_string()
            }
            _ => "each output is trained to say 0 or 1".to_string(),
        };
        return class_numbers("the labels", &rows, 2, more).map(|numbers| numbers.to_kind(Kind::Float));
    }
    Ok(rows_as_floats)
}
