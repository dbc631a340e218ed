//! 2D max pooling.

use super::{image_shape, to_config, Layer};
use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

/// Keeps the largest number of each `pool_size` window: the image gets smaller, the strongest responses stay.
///
/// - Input `[channels, height, width]`, output `[channels, height / pool_height, width / pool_width]`,
///   rounded down: what does not fill a window is left out, as in Keras's `padding="valid"`.
/// - No weights. The windows do not overlap.
///
/// Source: `keras/src/layers/pooling/max_pooling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(MaxPooling2D::new((2, 2)).output_shape(&[32, 27, 26])?, [32, 13, 13]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub struct MaxPooling2D {
    pool_size: (i64, i64),
}

impl MaxPooling2D {
    /// Windows of (height, width) `pool_size`.
    pub fn new(pool_size: (i64, i64)) -> Self {
        MaxPooling2D { pool_size }
    }
}

impl Layer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        let (pool_height, pool_width) = self.pool_size;
        ensure!(
            pool_height > 0 && pool_width > 0,
            "the sides of pool_size must be at least 1, not {:?}",
            self.pool_size
        );
        ensure!(
            height >= pool_height && width >= pool_width,
            "its window is {pool_height}×{pool_width}, and the image only {height}×{width}; \
             use fewer pooling layers, or Padding::Same in the convolutions before it"
        );
        Ok(vec![channels, height / pool_height, width / pool_width])
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let window = [self.pool_size.0, self.pool_size.1];
        x.max_pool2d(window, window, [0, 0], [1, 1], false)
    }

    fn keeps_largest(&self) -> bool {
        true
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
