//! From stored images and labels to what a network wants.

use anyhow::{ensure, Result};
use std::path::Path;
use tch::{vision, Kind, Tensor};

/// Pixels 0 to 255 as 32-bit floats 0 to 1, in any shape.
///
/// # Errors
/// If the pixels are not bytes: normalising twice would make the images almost black.
///
/// ```
/// use cnn::{preprocessing::normalize, tch::Tensor};
/// let x = normalize(&Tensor::from_slice(&[0_u8, 51, 255]))?;
/// assert_eq!(Vec::<f32>::try_from(x)?, [0.0, 0.2, 1.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn normalize(images: &Tensor) -> Result<Tensor> {
    ensure!(
        images.kind() == Kind::Uint8,
        "normalize() wants bytes from 0 to 255, and the images are of type {:?}; have they been normalised already?",
        images.kind()
    );
    Ok(to_float(images))
}

/// Bytes as `normalize` makes them; floats as they are.
pub(crate) fn to_float(images: &Tensor) -> Tensor {
    match images.kind() {
        Kind::Uint8 => images.to_kind(Kind::Float) / 255.0,
        _ => images.shallow_clone(),
    }
}

/// `[n, height, width]` as `[n, 1, height, width]`: grey images have one channel.
///
/// # Errors
/// If the images have another number of dimensions.
pub fn add_channel(images: &Tensor) -> Result<Tensor> {
    ensure!(
        images.dim() == 3,
        "add_channel() wants images [n, height, width], and gets the shape {:?}",
        images.size()
    );
    Ok(images.unsqueeze(1))
}

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

/// Reads a picture of one digit and makes of it what MNIST's makers made of theirs: `[1, 1, 28, 28]` floats from
/// 0 to 1, light on dark, the digit scaled into 20×20 pixels and centred by its mass.
///
/// Any size of PNG or JPEG will do, dark on light or light on dark, if the background is plain and not transparent.
///
/// # Errors
/// If the file cannot be read, is no picture, or shows nothing.
///
/// Source: LeCun, Cortes and Burges, *The MNIST database of handwritten digits*.
pub fn digit_from_file(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|error| {
        crate::files::explain(error, &format!("the picture {} cannot be read", path.display()))
    })?;
    let picture = vision::image::load_from_memory(&bytes).map_err(|error| {
        anyhow::anyhow!("{} is not a PNG or JPEG picture ({error}); save it as one of these", path.display())
    })?;
    // [colours, height, width] to grey
    let grey = picture.to_kind(Kind::Float).mean_dim([0_i64].as_slice(), false, Kind::Float) / 255.0;
    let border =
        Tensor::cat(&[grey.select(0, 0), grey.select(0, -1), grey.select(1, 0), grey.select(1, -1)], 0);
    let background = border.median().double_value(&[]);
    let ink = if background > 0.5 { 1.0 - &grey } else { grey };
    // What differs little from the background is paper, or noise of the camera.
    let floor = if background > 0.5 { 1.0 - background } else { background };
    let strongest = ink.max().double_value(&[]);
    ensure!(
        strongest - floor > 0.1,
        "{} shows nothing that stands out from its background; write the digit darker or larger",
        path.display()
    );
    let ink = ((ink - floor - 0.1) / (strongest - floor - 0.1)).clamp(0.0, 1.0);
    Ok(centred_by_mass(&scaled_into(&cropped_to_ink(&ink), 20), 28).reshape([1, 1, 28, 28]))
}

/// The smallest part of `[height, width]` that holds all that is not zero.
fn cropped_to_ink(ink: &Tensor) -> Tensor {
    let used = |along: i64| -> (i64, i64) {
        let lines = ink.amax([along].as_slice(), false).gt(0.0).nonzero();
        let (first, last) = (lines.min().int64_value(&[]), lines.max().int64_value(&[]));
        (first, last - first + 1)
    };
    let ((top, height), (left, width)) = (used(1), used(0));
    ink.narrow(0, top, height).narrow(1, left, width)
}

/// Scaled so that the longer side has `side` pixels.
fn scaled_into(ink: &Tensor, side: i64) -> Tensor {
    let (height, width) = (ink.size()[0], ink.size()[1]);
    let scale = side as f64 / height.max(width) as f64;
    let size = [height, width].map(|length| ((length as f64 * scale).round() as i64).max(1));
    let image = ink.reshape([1, 1, height, width]);
    // Averaging over areas keeps thin lines when a photograph shrinks to 20 pixels.
    image.internal_upsample_bilinear2d_aa(size, false, None, None).squeeze().reshape(size)
}

/// Set into `side` × `side` zeros, the centre of mass in the middle.
fn centred_by_mass(ink: &Tensor, side: i64) -> Tensor {
    let (height, width) = (ink.size()[0], ink.size()[1]);
    let mass = ink.sum(Kind::Float).double_value(&[]);
    let start = |along: i64, length: i64| {
        let positions = Tensor::arange(length, (Kind::Float, ink.device()));
        let profile = ink.sum_dim_intlist([along].as_slice(), false, Kind::Float);
        let centre = (profile * positions).sum(Kind::Float).double_value(&[]) / mass;
        (((side - 1) as f64 / 2.0 - centre).round() as i64).clamp(0, side - length)
    };
    let (top, left) = (start(1, height), start(0, width));
    let image = Tensor::zeros([side, side], (Kind::Float, ink.device()));
    image.narrow(0, top, height).narrow(1, left, width).copy_(ink);
    image
}
