//! 2D max pooling.

use super::{layer::to_config, pooling::Windows, Layer, Padding};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Keeps the largest number of each `pool_size` window: the image gets smaller, the strongest responses stay.
///
/// - Input `[channels, height, width]`, output `[channels, new_height, new_width]` with
///   `new_height = (height - pool_height) / stride + 1`, rounded down, for `Valid` padding (what does not fill a
///   window is left out), and `height / stride`, rounded up, for `Same`.
/// - No weights.
/// - Defaults: strides as `pool_size`, so that windows do not overlap; padding `Valid`.
///
/// Source: `keras/src/layers/pooling/max_pooling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(MaxPooling2D::new((2, 2)).output_shape(&[32, 27, 26])?, [32, 13, 13]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MaxPooling2D {
    windows: Windows,
}

impl MaxPooling2D {
    /// Windows of (height, width) `pool_size`.
    pub fn new(pool_size: (i64, i64)) -> Self {
        MaxPooling2D { windows: Windows::new(pool_size) }
    }

    /// How far the window moves, down and to the right.
    pub fn strides(mut self, strides: (i64, i64)) -> Self {
        self.windows.set_strides(strides);
        self
    }

    /// What happens at the border; what is padded is never the largest.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.windows.padding = padding;
        self
    }

    /// A name of its own, in place of a counted one; see [`Layer::name`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.windows.name = Some(name.into());
        self
    }

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(MaxPooling2D { windows: Windows::from_config(config)? })
    }
}

impl MaxPooling2D {
    /// The size of the windows, if they lie side by side, and within the image.
    pub(super) fn plain(&self) -> Option<(i64, i64)> {
        let Windows { pool_size, padding, .. } = self.windows;
        (self.windows.strides() == pool_size && padding == Padding::Valid).then_some(pool_size)
    }
}

impl Layer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.windows.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        self.windows.output_shape(input)
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let (_batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let ((rows, columns), (down, right)) = (self.windows.pool_size, self.windows.strides());
        let pool = |x: &Tensor| x.max_pool2d([rows, columns], [down, right], [0, 0], [1, 1], false);
        match self.windows.around(height, width) {
            [0, 0, 0, 0] => pool(x),
            around => pool(&x.pad(around, "constant", f64::NEG_INFINITY)),
        }
    }

    fn keeps_largest(&self) -> bool {
        true
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
