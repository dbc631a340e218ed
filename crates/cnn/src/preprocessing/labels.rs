//! Labels: class numbers and one-hot rows.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

/// Class numbers `[n]` as one-hot rows `[n, classes]` of 32-bit floats: 1 at the class, 0 elsewhere.
///
/// # Errors
/// If a label is not a whole number from 0 to `classes - 1`, or the labels are not `[n]`.
///
/// Source: `keras/src/utils/numerical_utils.py`.
pub fn to_categorical(labels: &Tensor, classes: i64) -> Result<Tensor> {
    ensure!(
        labels.dim() == 1,
        "to_categorical() wants class numbers [n], and gets the shape {:?}",
        labels.size()
    );
    ensure!(classes > 0, "to_categorical() wants at least 1 class, not {classes}");
    let labels = class_numbers(labels)?;
    if labels.numel() > 0 {
        let (low, high) = (labels.min().int64_value(&[]), labels.max().int64_value(&[]));
        ensure!(
            high < classes,
            "the labels go from {low} to {high}, and {classes} classes have the numbers 0 to {}; \
             to_categorical(labels, {}) has room for all",
            classes - 1,
            high.saturating_add(1)
        );
    }
    Ok(labels.one_hot(classes).to_kind(Kind::Float))
}

/// Labels as 64-bit integers, if they are whole numbers from 0.
pub(crate) fn class_numbers(labels: &Tensor) -> Result<Tensor> {
    let whole = labels.to_kind(Kind::Int64);
    ensure!(
        whole.to_kind(labels.kind()).equal(labels),
        "labels are whole numbers, and some of these are not; for probabilities, argmax(-1, false) gives the class numbers"
    );
    if whole.numel() > 0 {
        let (low, high) = (whole.min().int64_value(&[]), whole.max().int64_value(&[]));
        ensure!(
            low >= 0,
            "the labels go from {low} to {high}, and classes are counted from 0; add {} to all",
            low.unsigned_abs()
        );
    }
    Ok(whole)
}
