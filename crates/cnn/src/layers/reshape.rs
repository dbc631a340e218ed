//! The same numbers in another shape.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Gives a sample another shape.
///
/// - The output has the shape `target_shape`, for which one side may be -1: it is what remains. No weights.
/// - Shapes are written as everywhere in this crate, images as `[channels, height, width]`. The numbers keep Keras's order,
///   as with [`Flatten`](super::Flatten): those of an image go pixel by pixel, all channels of one pixel together. So
///   Keras's `Reshape((28, 28, 3))` is `Reshape::new([3, 28, 28])`, and gives the same image of the same vector. Shapes
///   with another number of sides than 3 are Keras's.
///
/// Source: `keras/src/layers/reshaping/reshape.py`.
///
/// ```
/// use cnn::prelude::*;
/// // Two pixels side by side, each with three channels.
/// let vector = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 10.0, 20.0, 30.0]).unsqueeze(0);
/// let image = Reshape::new([3, 1, 2]).forward(&vector, false);
/// let first_channel: Vec<f32> = image.get(0).get(0).get(0).try_into()?;
/// assert_eq!(first_channel, [1.0, 10.0]);
/// assert_eq!(Reshape::new([1, 28, 28]).output_shape(&[784])?, [1, 28, 28]);
/// assert_eq!(Reshape::new([-1]).output_shape(&[1, 28, 28])?, [784]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Reshape {
    target_shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Reshape {
    /// The new shape, without the batch.
    pub fn new(target_shape: impl Into<Vec<i64>>) -> Self {
        Reshape { target_shape: target_shape.into(), name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Reshape {
            target_shape: argument(config, "target_shape")?,
            name: argument_or(config, "name", None)?,
        })
    }
}

impl Layer for Reshape {
    fn class_name(&self) -> &'static str {
        "Reshape"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let target = &self.target_shape;
        let open = target.iter().filter(|&&side| side == -1).count();
        ensure!(
            !target.is_empty() && open <= 1 && target.iter().all(|&side| side == -1 || side > 0),
            "target_shape must be sides of at least 1, one of which may be -1 for what remains, not {target:?}"
        );
        let numbers: i64 = input.iter().product();
        let known = target
            .iter()
            .filter(|&&side| side != -1)
            .try_fold(1, |product: i64, &side| product.checked_mul(side));
        ensure!(
            known.is_some_and(|known| if open == 1 { numbers % known == 0 } else { numbers == known }),
            "target_shape is {target:?}, and the {numbers} numbers of an input of shape {input:?} do not fill it"
        );
        let remaining = numbers / known.expect("it was looked at");
        Ok(target.iter().map(|&side| if side == -1 { remaining } else { side }).collect())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let shape = self.output_shape(&x.size()[1..]).expect("the model checks shapes");
        let x = if x.dim() == 4 { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() };
        match shape[..] {
            [channels, height, width] => x.reshape([-1, height, width, channels]).permute([0, 3, 1, 2]),
            _ => x.reshape([&[x.size()[0]], &shape[..]].concat()),
        }
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
