//! From images to vectors.

use super::Layer;
use anyhow::Result;
use tch::Tensor;

/// Lays an image out as one long vector, for the dense layers after it.
///
/// - Input `[channels, height, width]`, output `[height · width · channels]`. No weights.
/// - The numbers stand in Keras's order: pixel by pixel, all channels of one pixel together. So a dense
///   layer's kernel means the same here and there.
///
/// Source: `keras/src/layers/reshaping/flatten.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(Flatten.output_shape(&[32, 13, 13])?, [5408]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct Flatten;

impl Layer for Flatten {
    fn class_name(&self) -> &'static str {
        "Flatten"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        Ok(vec![input.iter().product()])
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        match x.size4() {
            // The model keeps images channels-last in memory, so this copies nothing.
            Ok((batch, ..)) => x.permute([0, 2, 3, 1]).reshape([batch, -1]),
            Err(_) => x.flatten(1, -1),
        }
    }
}
