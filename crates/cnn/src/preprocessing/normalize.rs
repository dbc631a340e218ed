//! Bytes and floats.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

use super::pixel_range::{found_and_remedy, PixelRange};

/// Pixels 0 to 255 as 32-bit floats 0 to 1, in any shape.
///
/// # Errors
/// If the pixels are not bytes: normalising twice would make the images almost black. The error says what they are, and the
/// line that makes them fit.
///
/// ```
/// use cnn::{preprocessing::normalize, tch::Tensor};
/// let x = normalize(&Tensor::from_slice(&[0_u8, 51, 255]))?;
/// assert_eq!(Vec::<f32>::try_from(x)?, [0.0, 0.2, 1.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn normalize(images: &Tensor) -> Result<Tensor> {
    if images.kind() == Kind::Uint8 {
        return Ok(to_float(images));
    }
    let (found, remedy) = found_and_remedy(images);
    let is_ready = images.kind() == Kind::Float && images.numel() > 0 && {
        let range = PixelRange::of(images);
        range.is_finite() && range.is_usual()
    };
    ensure!(
        !is_ready,
        "normalize() wants bytes from 0 to 255, and the images are {found}: they are ready, use them as they are"
    );
    anyhow::bail!("normalize() wants bytes from 0 to 255, and the images are {found}; use {remedy}")
}

/// Bytes as `normalize` makes them; floats as they are.
pub(crate) fn to_float(images: &Tensor) -> Tensor {
    match images.kind() {
        Kind::Uint8 => images.to_kind(Kind::Float) / 255.0,
        _ => images.shallow_clone(),
    }
}
