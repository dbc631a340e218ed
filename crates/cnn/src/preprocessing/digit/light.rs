//! Light: the paper without its shadows, and whether the ink is darker or lighter than it.

use tch::{Kind, Tensor};

use super::coarse::coarse;

/// Ink from 0 (paper) to 1, `[height, width]`: how much of the light that falls on the paper there is swallowed.
///
/// Light ink on a dark ground is dark ink in the negative.
pub(super) fn ink(grey: &Tensor) -> Tensor {
    let grey = match is_dark_on_light(grey) {
        true => grey.shallow_clone(),
        false => 1.0 - grey,
    };
    let light = paper_light(&grey);
    let reflected = grey / light.clamp_min(0.02);
    1.0 - reflected.clamp(0.0, 1.0)
}

/// Ink stands out more than anything else, in one direction. A shadow's edge has as much on its light side as on its
/// dark one, so that the sum of cubed differences from the surroundings tells ink from shadows.
fn is_dark_on_light(grey: &Tensor) -> bool {
    let coarse = coarse(grey);
    let surroundings = mean_around(&coarse, window(&coarse, 3));
    (coarse - surroundings).pow_tensor_scalar(3).sum(Kind::Double).double_value(&[]) < 0.0
}

/// What the picture would be without ink: the lightest around each place, but never spread beyond what is light itself
/// (a morphological closing), then smoothed. The light changes slowly, so that a small picture shows it.
fn paper_light(grey: &Tensor) -> Tensor {
    let coarse = coarse(grey);
    let window = window(&coarse, 5);
    let closed = -lightest_around(&-lightest_around(&coarse, window), window);
    let smooth = mean_around(&closed, 9);
    let size = grey.size();
    smooth.upsample_bilinear2d([size[0], size[1]], false, None, None).reshape([size[0], size[1]])
}

/// An odd number of pixels, the `part`th of the longer side.
fn window(coarse: &Tensor, part: i64) -> i64 {
    coarse.size()[2].max(coarse.size()[3]) / part / 2 * 2 + 1
}

/// The mean of `window` pixels up and down, left and right.
pub(super) fn mean_around(coarse: &Tensor, window: i64) -> Tensor {
    coarse.avg_pool2d([window; 2], [1; 2], [window / 2; 2], false, false, None::<i64>)
}

/// Rows first, then columns: that is the same, and quick.
fn lightest_around(coarse: &Tensor, window: i64) -> Tensor {
    let half = window / 2;
    coarse.max_pool2d([1, window], [1; 2], [0, half], [1; 2], false).max_pool2d(
        [window, 1],
        [1; 2],
        [half, 0],
        [1; 2],
        false,
    )
}
