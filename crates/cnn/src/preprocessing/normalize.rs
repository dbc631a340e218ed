//! Bytes and floats.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

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
