//! The numbers that images hold: their range, and the step that makes of them what a model wants.

use serde::{Deserialize, Serialize};
use std::fmt;
use tch::{Kind, Tensor};

use crate::engine::ranges::batches;

/// So many numbers at most are looked at: that takes less than a millisecond, for any number of images.
const LOOKED_AT: usize = 1 << 16;
/// Standardised images have a root mean square of 1, images from 0 to 1 or from -1 to 1 at most 1.
const USUAL_ROOT_MEAN_SQUARE: f64 = 3.0;
/// Spans that differ by more than this factor are two scales.
const SAME_SCALE: f64 = 10.0;

/// The range of images' numbers, as the model sees them: it divides bytes by 255.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct PixelRange {
    low: f64,
    high: f64,
    #[serde(skip)]
    root_mean_square: f64,
}

impl PixelRange {
    /// Looks at a sample from all over the images, on the device where they are; there must be some. At bytes it need not
    /// look.
    pub fn of(images: &Tensor) -> PixelRange {
        if images.kind() == Kind::Uint8 {
            return PixelRange::up_to(1.0);
        }
        let sample = sample(images).to_kind(Kind::Double);
        let root_mean_square = sample.square().mean(Kind::Double).sqrt();
        // Together, so that a GPU is waited for once.
        let numbers = Tensor::stack(&[sample.min(), sample.max(), root_mean_square], 0);
        let [low, high, root_mean_square] = [0, 1, 2].map(|index| numbers.double_value(&[index]));
        PixelRange { low, high, root_mean_square }
    }

    /// From 0.
    pub fn up_to(high: f64) -> PixelRange {
        PixelRange { low: 0.0, high, root_mean_square: high }
    }

    /// Whether no number is below 0.
    pub fn begins_at_0(self) -> bool {
        self.low >= 0.0
    }

    /// Whether all numbers are numbers.
    pub fn is_finite(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    /// Whether a network learns well from them: they do not go far beyond 1, or are standardised.
    pub fn is_usual(self) -> bool {
        self.root_mean_square <= USUAL_ROOT_MEAN_SQUARE
    }

    /// Whether the two were made in different ways, as 0 to 1 and 0 to 255 are. A range of one number says nothing.
    pub fn is_of_other_scale(self, other: PixelRange) -> bool {
        let [one, other] = [self, other].map(|range| range.high - range.low);
        one.min(other) > 0.0 && one.max(other) > SAME_SCALE * one.min(other)
    }

    /// The line that brings floats `x` to a usual scale.
    pub fn remedy(self) -> String {
        match self {
            _ if self.low < 0.0 => "(&x - x.mean(Kind::Float)) / x.std(true)".to_string(),
            _ if self.high > 16.0 && self.high <= 255.0 => "x / 255.0".to_string(),
            _ => format!("x / {:?}", self.high),
        }
    }
}

impl fmt::Display for PixelRange {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "from {} to {}", short(self.low), short(self.high))
    }
}

/// What images are that a function cannot take, and the line that mends it: "of type Double, from 0 to 1", and
/// "x.to_kind(Kind::Float)".
pub(crate) fn found_and_remedy(images: &Tensor) -> (String, String) {
    use Kind::{BFloat16, Bool, Double, Float, Half, Int, Int16, Int64, Int8};
    let (kind, to_float) = (images.kind(), "x.to_kind(Kind::Float)");
    let is_whole = matches!(kind, Bool | Int8 | Int16 | Int | Int64);
    let is_float = matches!(kind, Half | BFloat16 | Float | Double);
    if !(is_whole || is_float) || images.numel() == 0 {
        return (format!("of type {kind:?}"), to_float.to_string());
    }
    let range = PixelRange::of(images);
    let PixelRange { low, high, .. } = range;
    if !range.is_finite() {
        let found = format!("of type {kind:?}, and some of their numbers are NaN or infinite");
        return (found, "x.nan_to_num(0.0, 1.0, 0.0), which puts 0 and 1 in their places".to_string());
    }
    let remedy = match is_whole {
        true if low >= 0.0 && high <= 1.0 => to_float.to_string(),
        true if low >= 0.0 && high <= 255.0 => "x.to_kind(Kind::Uint8)".to_string(),
        true => format!("{to_float} / {:?}", high.max(-low)),
        false if kind == Float && !range.is_usual() => range.remedy(),
        false if !range.is_usual() && low >= 0.0 => range.remedy().replacen('x', to_float, 1),
        false => to_float.to_string(),
    };
    (format!("of type {kind:?}, {range}"), remedy)
}

/// The first of the images `[n, ..]` that holds NaN or infinite numbers; this looks at all of them.
pub(crate) fn first_not_finite(images: &Tensor) -> Option<i64> {
    let in_part = |(start, length)| {
        let finite = images.narrow(0, start, length).isfinite().flatten(1, -1).all_dim(1, false);
        let others = finite.logical_not().nonzero();
        (others.size()[0] > 0).then(|| start + others.int64_value(&[0, 0]))
    };
    batches(images.size()[0], 100).find_map(in_part)
}

/// Numbers from all over a tensor: every second of the longest side, until they are few enough.
fn sample(images: &Tensor) -> Tensor {
    let mut sample = images.shallow_clone();
    while sample.numel() > LOOKED_AT {
        let sides = sample.size();
        let longest = (0..sides.len()).max_by_key(|&side| sides[side]).unwrap_or(0);
        sample = sample.slice(longest as i64, None, None, 2);
    }
    sample
}

/// 255, 0.13, 0.0039: whole numbers as they are, others with two digits that count.
fn short(number: f64) -> String {
    let size = number.abs();
    match number {
        _ if size >= 1e7 || (size > 0.0 && size < 1e-4) => format!("{number:.1e}"),
        _ if number.fract() == 0.0 || size >= 100.0 => format!("{number:.0}"),
        _ => format!("{number:.*}", (1.0 - size.log10().floor()) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn range(low: f64, high: f64) -> PixelRange {
        PixelRange { low, high, root_mean_square: 0.0 }
    }

    #[test]
    fn ranges_are_read_from_a_sample() {
        let bytes = Tensor::from_slice(&[0_u8, 255]);
        assert_eq!(PixelRange::of(&bytes).to_string(), "from 0 to 1");
        let found = PixelRange::of(&bytes.to_kind(Kind::Half));
        assert_eq!((found.low, found.high), (0.0, 255.0));
        assert!((found.root_mean_square - 255.0 / 2_f64.sqrt()).abs() < 1e-9 && !found.is_usual());
        // Of 10^13 numbers that are one in memory, and of images in another order than memory's.
        let endless =
            Tensor::from_slice(&[7.0_f32]).reshape([1, 1, 1, 1]).expand([100_000, 1, 10_000, 10_000], false);
        assert_eq!(PixelRange::of(&endless).to_string(), "from 7 to 7");
        let columns = Tensor::arange(1 << 20, (Kind::Float, Device::Cpu)).reshape([4, 1 << 18]).tr();
        assert!(sample(&columns).numel() <= LOOKED_AT && PixelRange::of(&columns).high > 1e6);
        let broken = Tensor::from_slice(&[0.0_f32, 1.0, 2.0, f32::NAN, 4.0, f32::INFINITY]).reshape([3, 2]);
        assert!(!PixelRange::of(&broken).is_finite());
        assert_eq!(first_not_finite(&broken), Some(1));
        assert_eq!(first_not_finite(&Tensor::zeros([250, 3, 2], (Kind::Float, Device::Cpu))), None);
    }

    #[test]
    fn standardised_images_are_usual() {
        // One bright pixel of a thousand, standardised: 0 and 31.6, with mean 0 and deviation 1.
        let mut pixels = vec![0.0_f32; 1000];
        pixels[7] = 255.0;
        let pixels = Tensor::from_slice(&pixels);
        assert!(!PixelRange::of(&pixels).is_usual());
        let standardised = (&pixels - pixels.mean(Kind::Float)) / pixels.std(true);
        assert!(PixelRange::of(&standardised).high > 30.0 && PixelRange::of(&standardised).is_usual());
    }

    #[test]
    fn scales_are_told_apart_by_their_spans() {
        let (bytes, floats, standardised) = (range(0.0, 255.0), range(0.0, 1.0), range(-0.4, 2.8));
        for (one, other, expected) in [
            (bytes, floats, true),
            (floats, bytes, true),
            (standardised, bytes, true),
            (standardised, floats, false),
            (range(0.0, 0.0), floats, false),
            (range(f64::NAN, f64::NAN), floats, false),
        ] {
            assert_eq!(one.is_of_other_scale(other), expected, "{one} and {other}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 1.0, -3.0, 255.0, 0.5, 2.8215, 1.0 / 255.0, 123.456, 1e-9, -2e9];
        let texts = ["0", "1", "-3", "255", "0.50", "2.8", "0.0039", "123", "1.0e-9", "-2.0e9"];
        assert_eq!(numbers.map(short), texts);
    }
}
