//! Global max pooling.

use super::{shape::image_shape, KeepDims, Layer};
use anyhow::Result;
use tch::Tensor;

/// The largest number of each channel: an image becomes a vector, of a length that does not depend on the image's size.
///
/// - Input `[channels, height, width]`, output `[channels]`, or `[channels, 1, 1]` with
///   [`keepdims`](Self::keepdims). No weights.
///
/// Source: `keras/src/layers/pooling/global_max_pooling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(GlobalMaxPooling2D.output_shape(&[96, 4, 4])?, [96]);
/// assert_eq!(GlobalMaxPooling2D.keepdims(true).output_shape(&[96, 4, 4])?, [96, 1, 1]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct GlobalMaxPooling2D;

impl GlobalMaxPooling2D {
    /// Whether an image of one pixel comes out instead of a vector.
    pub fn keepdims(self, keepdims: bool) -> KeepDims<Self> {
        KeepDims::new(self, keepdims)
    }
}

impl Layer for GlobalMaxPooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalMaxPooling2D"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, ..] = image_shape(input)?;
        Ok(vec![channels])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.amax([2, 3], false)
    }

    fn keeps_largest(&self) -> bool {
        true
    }
}
