//! The pen: strokes thinner than MNIST's are made as thick.

use anyhow::Result;
use std::f64::consts::PI;
use tch::{Kind, Tensor};

use super::ink::grown;
use super::placing::{brightest_is_1, cropped, with_longer_side};

/// Thickness of a stroke, as a part of the digit's longer side, that thin ones are given.
const WANTED: f64 = 0.11;
/// The longer side, in pixels, at which strokes are thickened: fine enough for parts of MNIST's pixels.
const FINE: i64 = 100;

/// The digit, with strokes of a tenth of its longer side if they are thinner.
///
/// In 20 pixels a thin stroke is grey, and the network has learnt from white ones, two to three pixels wide.
pub(super) fn thickened(digit: &Tensor) -> Result<Tensor> {
    let longer = digit.size().into_iter().max().unwrap_or(1);
    let missing = WANTED - thickness(digit);
    if missing <= 0.0 {
        return Ok(digit.shallow_clone());
    }
    // A hair would be lost on the way to 100 pixels: it is made as wide as one of them first.
    let hair = longer / FINE / 2;
    let padded = digit.constant_pad_nd([hair; 4]);
    let fine = brightest_is_1(&with_longer_side(&grown(&padded, hair), FINE));
    let still_missing = missing - 2.0 * hair as f64 / longer as f64;
    let thick = with_round_pen(&fine, (still_missing * FINE as f64 / 2.0).max(0.0));
    Ok(cropped(&thick, &thick.gt(0.5)))
}

/// Mean thickness of the strokes as a part of the longer side: a stroke has twice its area by thickness as its outline
/// is long.
pub(super) fn thickness(digit: &Tensor) -> f64 {
    let mask = digit.gt(0.5).to_kind(Kind::Float).constant_pad_nd([1, 1, 1, 1]);
    let area = mask.sum(Kind::Double).double_value(&[]);
    let steps =
        |along: i64| mask.diff::<Tensor>(1, along, None, None).abs().sum(Kind::Double).double_value(&[]);
    // Steps along rows and columns are, over all directions, 4/π as many as the outline is long.
    let outline = (steps(0) + steps(1)) * PI / 4.0;
    let longer = digit.size().into_iter().max().unwrap_or(1) as f64;
    2.0 * area / outline.max(1.0) / longer
}

/// Each pixel becomes the brightest within `radius`.
fn with_round_pen(digit: &Tensor, radius: f64) -> Tensor {
    let reach = radius.floor() as i64 + 1;
    let padded = digit.constant_pad_nd([reach; 4]);
    let mut thick = padded.shallow_clone();
    for down in -reach..=reach {
        for right in -reach..=reach {
            // At the pen's edge a pixel counts for the part of it that the pen covers.
            let covered = (radius + 0.5 - ((down * down + right * right) as f64).sqrt()).clamp(0.0, 1.0);
            if covered > 0.0 {
                thick = thick.maximum(&(padded.roll([down, right], [0, 1]) * covered));
            }
        }
    }
    thick
}
