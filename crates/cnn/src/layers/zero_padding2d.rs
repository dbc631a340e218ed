//! Zeros around an image.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    shape::image_shape,
    Layer, Sides,
};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Puts rows and columns of zeros around an image, for example to pad as PyTorch does: the same on both sides.
///
/// - Input `[channels, height, width]`, output `[channels, top + height + bottom, left + width + right]`. No weights.
///
/// Source: `keras/src/layers/reshaping/zero_padding2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(ZeroPadding2D::new(1).output_shape(&[3, 28, 28])?, [3, 30, 30]);
/// assert_eq!(ZeroPadding2D::new(((0, 1), (2, 3))).output_shape(&[3, 28, 28])?, [3, 29, 33]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct ZeroPadding2D {
    padding: Sides,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl ZeroPadding2D {
    /// `1` on all sides, `(1, 2)` on top and bottom, left and right, or `((0, 1), (0, 1))` for each side by itself.
    pub fn new(padding: impl Into<Sides>) -> Self {
        ZeroPadding2D { padding: padding.into(), name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(ZeroPadding2D { padding: argument(config, "padding")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for ZeroPadding2D {
    fn class_name(&self) -> &'static str {
        "ZeroPadding2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        self.padding.check("padding")?;
        let [left, right, top, bottom] = self.padding.around();
        Ok(vec![channels, height + top + bottom, width + left + right])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.constant_pad_nd(self.padding.around())
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
