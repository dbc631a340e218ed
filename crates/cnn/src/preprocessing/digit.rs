//! Pictures of one's own.

use anyhow::{ensure, Result};
use std::path::Path;
use tch::{vision, Kind, Tensor};

use crate::engine::files::explain;

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
    let bytes = std::fs::read(path)
        .map_err(|error| explain(error, &format!("the picture {} cannot be read", path.display())))?;
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
