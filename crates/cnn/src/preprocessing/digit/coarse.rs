//! The picture made small, for what is large in it: the paper and its light.

use tch::Tensor;

/// The longer side, in pixels.
const SIDE: i64 = 250;

/// A picture `[height, width]` as `[1, 1, height, width]`, the longer side 250 pixels if it has more.
pub(super) fn coarse(grey: &Tensor) -> Tensor {
    let size = grey.size();
    let longer = size[0].max(size[1]);
    let small = [size[0], size[1]].map(|length| (length * SIDE.min(longer) / longer).max(1));
    grey.reshape([1, 1, size[0], size[1]]).adaptive_avg_pool2d(small)
}
