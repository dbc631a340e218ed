//! 2D average pooling.

use super::{layer::to_config, pooling::Windows, Layer, Padding};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// The mean of each `pool_size` window.
///
/// - Input `[channels, height, width]`, output as that of [`MaxPooling2D`](super::MaxPooling2D).
/// - No weights.
/// - Defaults: strides as `pool_size`, so that windows do not overlap; padding `Valid`.
///
/// Source: `keras/src/layers/pooling/average_pooling2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(AveragePooling2D::new((2, 2)).output_shape(&[32, 27, 26])?, [32, 13, 13]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct AveragePooling2D {
    windows: Windows,
}

impl AveragePooling2D {
    /// Windows of (height, width) `pool_size`.
    pub fn new(pool_size: (i64, i64)) -> Self {
        AveragePooling2D { windows: Windows::new(pool_size) }
    }

    /// How far the window moves, down and to the right.
    pub fn strides(mut self, strides: (i64, i64)) -> Self {
        self.windows.set_strides(strides);
        self
    }

    /// What happens at the border; what is padded does not count.
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
        Ok(AveragePooling2D { windows: Windows::from_config(config)? })
    }
}

impl Layer for AveragePooling2D {
    fn class_name(&self) -> &'static str {
        "AveragePooling2D"
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
        let pool = |x: &Tensor| x.avg_pool2d([rows, columns], [down, right], [0, 0], false, true, None);
        match self.windows.around(height, width) {
            [0, 0, 0, 0] => pool(x),
            // The mean over a window that reaches beyond the border, divided by the share of it that does not.
            around => {
                let inside = Tensor::ones([1, 1, height, width], (x.kind(), x.device()));
                pool(&x.constant_pad_nd(around)) / pool(&inside.constant_pad_nd(around))
            }
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
