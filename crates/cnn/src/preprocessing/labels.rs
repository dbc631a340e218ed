//! Labels: class numbers and one-hot rows.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

use crate::engine::error::Context;

/// Class numbers `[n]` (or `[n, 1]`, as Keras's CIFAR-10 has them) as one-hot rows `[n, classes]` of 32-bit floats: 1 at
/// the class, 0 elsewhere.
///
/// # Errors
/// If a label is not a whole number from 0 to `classes - 1`, or the labels have another shape.
///
/// Source: `keras/src/utils/numerical_utils.py`.
pub fn to_categorical(labels: &Tensor, classes: i64) -> Result<Tensor> {
    let numbers = one_per_image(labels).with_context(|| {
        format!("to_categorical() wants class numbers [n], and gets the shape {:?}", labels.size())
    })?;
    ensure!(classes > 0, "to_categorical() wants at least 1 class, not {classes}");
    let room = |high: i64| format!("to_categorical(labels, {}) has room for all", high.saturating_add(1));
    Ok(class_numbers("the labels", &numbers, classes, room)?.one_hot(classes).to_kind(Kind::Float))
}

/// Labels `[n]` or `[n, 1]` as `[n]`; others are not one number per image.
pub(crate) fn one_per_image(labels: &Tensor) -> Option<Tensor> {
    match labels.size()[..] {
        [_] => Some(labels.shallow_clone()),
        [_, 1] => Some(labels.squeeze_dim(1)),
        _ => None,
    }
}

/// Labels of any shape as 64-bit integers, if they are whole numbers from 0 to `classes - 1`. `remedy` says what to do
/// where the largest label is too large for so many classes.
pub(crate) fn class_numbers(
    name: &str,
    labels: &Tensor,
    classes: i64,
    remedy: impl FnOnce(i64) -> String,
) -> Result<Tensor> {
    let whole = labels.to_kind(Kind::Int64);
    ensure!(
        whole.to_kind(labels.kind()).equal(labels),
        "labels are whole numbers, and some of these are not; for probabilities, argmax(-1, false) gives the class \
         numbers, or gt(0.5) where there is a single output"
    );
    if whole.numel() == 0 {
        return Ok(whole);
    }
    let (low, high) = (whole.min().int64_value(&[]), whole.max().int64_value(&[]));
    ensure!(
        (low, high, classes) != (-1, 1, 2),
        "{name} go from -1 to 1, and the two classes are 0 and 1; (&y + 1) / 2 makes them so"
    );
    ensure!(
        low >= 0,
        "{name} go from {low} to {high}, and classes are counted from 0; add {} to all",
        low.unsigned_abs()
    );
    let remedy = || match high == classes && low > 0 {
        true => "subtract 1: &y - 1".to_string(),
        false => remedy(high),
    };
    ensure!(
        high < classes,
        "{name} go from {low} to {high}, and {classes} classes have the numbers 0 to {}; {}",
        classes - 1,
        remedy()
    );
    Ok(whole)
}
