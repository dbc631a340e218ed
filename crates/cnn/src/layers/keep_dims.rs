//! Global pooling that leaves an image.

use super::Layer;
use anyhow::Result;
use serde_json::{json, Value};
use tch::Tensor;

/// A global pooling with `keepdims`: it gives `[channels, 1, 1]`, an image of one pixel, for convolutions after it, instead of
/// the vector `[channels]`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([1, 28, 28])
///     .add(Conv2D::new(8, (3, 3)))
///     .add(GlobalAveragePooling2D.keepdims(true))
///     .add(Conv2D::new(10, (1, 1)))
///     .add(Flatten)
///     .build()?;
/// assert_eq!(model.layer_output("conv2d_1", &Tensor::zeros([2, 1, 28, 28], (Kind::Float, Device::Cpu)))?.size(), [2, 10, 1, 1]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct KeepDims<L> {
    layer: L,
    keepdims: bool,
}

impl<L: Layer> KeepDims<L> {
    pub(super) fn new(layer: L, keepdims: bool) -> Self {
        KeepDims { layer, keepdims }
    }
}

impl<L: Layer> Layer for KeepDims<L> {
    fn class_name(&self) -> &'static str {
        self.layer.class_name()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let mut shape = self.layer.output_shape(input)?;
        if self.keepdims {
            shape.extend([1, 1]);
        }
        Ok(shape)
    }

    fn works_on_images(&self) -> bool {
        self.layer.works_on_images()
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let y = self.layer.forward(x, training);
        match self.keepdims {
            true => y.unsqueeze(-1).unsqueeze(-1),
            false => y,
        }
    }

    fn keeps_largest(&self) -> bool {
        self.layer.keeps_largest()
    }

    fn config(&self) -> Value {
        json!({ "keepdims": self.keepdims })
    }
}
