//! Images as bytes for the page.

use tch::{Device, Kind, Tensor};

/// The numbers that are shown as 0 and as 255: bytes and floats from 0 to 1 or 255 as they are meant, others from their smallest to
/// their largest.
pub(super) fn span(images: &Tensor) -> (f64, f64) {
    if images.kind() == Kind::Uint8 {
        return (0.0, 255.0);
    }
    let known = images.nan_to_num(0.0, 0.0, 0.0);
    let (low, high) = (known.min().double_value(&[]), known.max().double_value(&[]));
    match () {
        () if low >= 0.0 && high <= 1.0 => (0.0, 1.0),
        () if low >= 0.0 && high <= 255.0 => (0.0, 255.0),
        () => (low, if high > low { high } else { low + 1.0 }),
    }
}

/// The numbers as bytes, in their order.
pub(super) fn bytes(images: &Tensor, (low, high): (f64, f64)) -> Vec<u8> {
    let levels = (images.to_device(Device::Cpu).to_kind(Kind::Float) - low) * (255.0 / (high - low));
    let levels = levels.nan_to_num(0.0, 255.0, 0.0).clamp(0.0, 255.0).round().to_kind(Kind::Uint8);
    Vec::try_from(levels.contiguous().view([-1])).expect("a row of bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_scales_become_bytes() {
        let of = |numbers: &[f32]| {
            let x = Tensor::from_slice(numbers);
            bytes(&x, span(&x))
        };
        assert_eq!(of(&[0.0, 0.5, 1.0]), [0, 128, 255]);
        assert_eq!(of(&[0.0, 17.0, 255.0]), [0, 17, 255]);
        assert_eq!(of(&[-1.0, 0.0, 3.0]), [0, 64, 255]);
        assert_eq!(of(&[2000.0, 2000.0]), [0, 0]);
        assert_eq!(of(&[f32::NAN, 0.0, 1.0])[1..], [0, 255]);
        let stored = Tensor::from_slice(&[3_u8, 200]);
        assert_eq!(bytes(&stored, span(&stored)), [3, 200]);
    }
}
