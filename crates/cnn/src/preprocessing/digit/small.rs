//! A picture no larger than an icon, as MNIST's are: the digit is all there is on it.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

use super::mask::NOTHING;
use super::placing::cropped;

/// Longest side of such a picture. Its soft edges are a good part of the strokes, and are kept as they are.
const SMALL: i64 = 64;
/// Contrast with the background, from 0 to 1, below which there is nothing to be read.
const FAINTEST: f64 = 0.1;

pub(super) fn is_small(grey: &Tensor) -> bool {
    grey.size().into_iter().max() <= Some(SMALL)
}

/// The ink of the picture, and the digit cut out of it. The background is what most of the border shows.
pub(super) fn digit(grey: &Tensor) -> Result<(Tensor, Tensor)> {
    let border =
        Tensor::cat(&[grey.select(0, 0), grey.select(0, -1), grey.select(1, 0), grey.select(1, -1)], 0);
    let background = border.median();
    let lighter = grey - &background;
    let (light, dark) = (lighter.max().double_value(&[]), -lighter.min().double_value(&[]));
    let strongest = light.max(dark);
    ensure!(strongest > FAINTEST, NOTHING);
    let ink = (if light > dark { lighter } else { -lighter }).clamp_min(0.0);
    // The background is not wholly even in a JPEG; a digit may touch the border here and there.
    let unevenness = (border - background).abs().quantile_scalar(0.75, 0, false, "higher").double_value(&[]);
    let ink = ink.where_self(&ink.gt(unevenness), &Tensor::zeros_like(&ink)) / strongest;
    ensure!(ink.sum(Kind::Double).double_value(&[]) > 0.0, NOTHING);
    let digit = cropped(&ink, &ink.gt(0.0));
    Ok((ink, digit))
}
