//! The channel dimension.

use anyhow::{ensure, Result};
use tch::Tensor;

/// `[n, height, width]` as `[n, 1, height, width]`: grey images have one channel.
///
/// # Errors
/// If the images have another number of dimensions.
pub fn add_channel(images: &Tensor) -> Result<Tensor> {
    ensure!(
        images.dim() == 3,
        "add_channel() wants images [n, height, width], and gets the shape {:?}",
        images.size()
    );
    Ok(images.unsqueeze(1))
}
