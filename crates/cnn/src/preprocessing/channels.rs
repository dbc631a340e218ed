//! The channel dimension.

use anyhow::{bail, ensure, Result};
use tch::Tensor;

/// `[n, height, width]` as `[n, 1, height, width]`: grey images have one channel.
///
/// # Errors
/// If the images have another number of dimensions.
pub fn add_channel(images: &Tensor) -> Result<Tensor> {
    if let [_, channels @ (1 | 3), height, width] = images.size()[..] {
        bail!(
            "these images have their channels already: their shape {:?} is [n, {channels}, {height}, {width}], as a network wants \
             them. Leave add_channel() out: it is for grey images [n, height, width]",
            images.size()
        );
    }
    ensure!(
        images.dim() == 3,
        "add_channel() wants images [n, height, width], and gets the shape {:?}",
        images.size()
    );
    Ok(images.unsqueeze(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn grey_images_get_a_channel_and_others_have_theirs() {
        let images = |shape: &[i64]| Tensor::zeros(shape, (Kind::Uint8, Device::Cpu));
        assert_eq!(add_channel(&images(&[5, 28, 20])).unwrap().size(), [5, 1, 28, 20]);
        for (shape, expected) in [
            (&[5_i64, 3, 32, 32][..], "have their channels already"),
            (&[5, 1, 28, 28], "Leave add_channel() out"),
            (&[28, 28], "gets the shape [28, 28]"),
            (&[5, 28, 28, 3], "gets the shape [5, 28, 28, 3]"),
        ] {
            let message = add_channel(&images(shape)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
