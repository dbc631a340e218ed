//! What MNIST's makers did: scaled into 20×20 pixels, and centred by mass in 28×28.

use tch::{Kind, Tensor};

/// Side of the box that the digit fills.
const BOX: i64 = 20;
/// Side of the finished image.
pub(super) const SIDE: i64 = 28;
/// Row, and column, of the centre of mass: the mean of MNIST's is 13.99.
const CENTRE: f64 = 14.0;

/// The smallest part of `image` that holds all of what is on in `mask`, which is something.
pub(super) fn cropped(image: &Tensor, mask: &Tensor) -> Tensor {
    let used = |along: i64| -> (i64, i64) {
        let lines = mask.amax([along].as_slice(), false).nonzero();
        let (first, last) = (lines.min().int64_value(&[]), lines.max().int64_value(&[]));
        (first, last - first + 1)
    };
    let ((top, height), (left, width)) = (used(1), used(0));
    image.narrow(0, top, height).narrow(1, left, width)
}

/// The longer side has 20 pixels.
pub(super) fn scaled(digit: &Tensor) -> Tensor {
    let longer = digit.size().into_iter().max().unwrap_or(BOX);
    match (longer - BOX).abs() <= 1 {
        // A pixel more or less is a soft edge, and scaling would only blur what has its size already.
        true => digit.shallow_clone(),
        false => with_longer_side(digit, BOX),
    }
}

/// Scaled so that the longer side has `side` pixels.
pub(super) fn with_longer_side(image: &Tensor, side: i64) -> Tensor {
    let (height, width) = (image.size()[0], image.size()[1]);
    let scale = side as f64 / height.max(width) as f64;
    let size = [height, width].map(|length| ((length as f64 * scale).round() as i64).max(1));
    // Averaging over areas keeps thin lines when a photograph shrinks to 20 pixels.
    let image = image.reshape([1, 1, height, width]);
    image.internal_upsample_bilinear2d_aa(size, false, None, None).reshape(size)
}

/// MNIST's strokes reach white, also where they are thin.
pub(super) fn brightest_is_1(digit: &Tensor) -> Tensor {
    (digit / digit.max().clamp_min(1e-6)).clamp(0.0, 1.0)
}

/// Set into 28×28 zeros, the centre of mass at MNIST's.
pub(super) fn centred_by_mass(digit: &Tensor) -> Tensor {
    let (height, width) = (digit.size()[0], digit.size()[1]);
    let mass = digit.sum(Kind::Double).double_value(&[]);
    let start = |along: i64, length: i64| {
        let positions = Tensor::arange(length, (Kind::Double, digit.device()));
        let profile = digit.sum_dim_intlist([along].as_slice(), false, Kind::Double);
        let centre = (profile * positions).sum(Kind::Double).double_value(&[]) / mass;
        ((CENTRE - centre).round() as i64).clamp(0, SIDE - length)
    };
    let (top, left) = (start(1, height), start(0, width));
    let image = Tensor::zeros([SIDE, SIDE], (Kind::Float, digit.device()));
    image.narrow(0, top, height).narrow(1, left, width).copy_(digit);
    image
}
