//! Global average pooling.

use super::{shape::image_shape, KeepDims, Layer};
use anyhow::Result;
use tch::{Kind, Tensor};

/// The mean of each channel: an image becomes a vector, of a length that does not depend on the image's size.
///
/// - Input `[channels, height, width]`, output `[channels]`, or `[channels, 1, 1]` with
///   [`keepdims`](Self::keepdims). No weights.
///
/// Source: Lin et al., *Network in network*, 2014; `keras/src/layers/pooling/global_average_pooling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(GlobalAveragePooling2D.output_shape(&[96, 4, 4])?, [96]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct GlobalAveragePooling2D;

impl GlobalAveragePooling2D {
    /// Whether an image of one pixel comes out instead of a vector.
    pub fn keepdims(self, keepdims: bool) -> KeepDims<Self> {
        KeepDims::new(self, keepdims)
    }
}

impl Layer for GlobalAveragePooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalAveragePooling2D"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, ..] = image_shape(input)?;
        Ok(vec![channels])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.mean_dim([2_i64, 3].as_slice(), false, Kind::Float)
    }
}
