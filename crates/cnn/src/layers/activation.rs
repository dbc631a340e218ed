//! The functions between the layers: without them, a stack of layers would be one linear map.

use anyhow::{bail, Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tch::{Kind, Tensor};

/// An activation function, applied to each number by itself; `Softmax` to each row, or to the channels of each pixel.
///
/// Most layers take one with `.activation(Relu)`. It is also a layer of its own, as Keras's `Activation("relu")`,
/// for use after a [`BatchNormalization`](super::BatchNormalization): `.add(Relu)`, and with a name of its own
/// `.add(Layer::name(Relu, "gate"))`.
///
/// Source: `keras/src/activations/activations.py`.
///
/// ```
/// use cnn::{layers::Activation, tch::Tensor};
/// let x = Tensor::from_slice(&[-1.0_f32, 0.0, 2.0]);
/// let y: Vec<f32> = Activation::Relu.apply(&x).try_into()?;
/// assert_eq!(y, [0.0, 0.0, 2.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`: no activation.
    #[default]
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`, of MobileNet.
    Relu6,
    /// `x` if positive, else `0.2 x` (Keras's default slope).
    LeakyRelu,
    /// `x` if positive, else `exp(x) - 1`
    Elu,
    /// `1.0507 x` if positive, else `1.0507 · 1.6733 · (exp(x) - 1)`
    Selu,
    /// `x · Φ(x)`, Φ being the normal distribution function.
    Gelu,
    /// `x · sigmoid(x)`
    Silu,
    /// `log(1 + exp(x))`, a ReLU without its corner.
    Softplus,
    /// `1 / (1 + exp(-x))`, between 0 and 1.
    Sigmoid,
    /// Between -1 and 1.
    Tanh,
    /// `exp(x) / sum(exp(x))`: positive numbers that add up to 1, over the last dimension, and over the channels of images
    /// `[batch, channels, height, width]`, which in Keras are the last.
    Softmax,
}

impl Activation {
    /// All of them, in the order above.
    pub const ALL: [Activation; 12] = {
        use Activation::*;
        [Linear, Relu, Relu6, LeakyRelu, Elu, Selu, Gelu, Silu, Softplus, Sigmoid, Tanh, Softmax]
    };

    /// Keras's name, for example `"leaky_relu"`.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Linear => "linear",
            Activation::Relu => "relu",
            Activation::Relu6 => "relu6",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Elu => "elu",
            Activation::Selu => "selu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Softplus => "softplus",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Softmax => "softmax",
        }
    }

    /// Whether a larger number never gives a smaller result.
    pub(crate) fn is_rising(self) -> bool {
        !matches!(self, Activation::Gelu | Activation::Silu | Activation::Softmax)
    }

    /// Applies the function to a tensor of any shape.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Activation::Linear => x.shallow_clone(),
            Activation::Relu => x.relu(),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::LeakyRelu => x.maximum(&(x * 0.2)),
            Activation::Elu => x.elu(),
            Activation::Selu => x.selu(),
            Activation::Gelu => x.gelu("none"),
            Activation::Silu => x.silu(),
            Activation::Softplus => x.softplus(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Softmax if x.dim() == 4 => x.softmax(1, Kind::Float),
            Activation::Softmax => x.softmax(-1, Kind::Float),
        }
    }
}

impl FromStr for Activation {
    type Err = Error;

    /// Reads Keras's name of an activation.
    fn from_str(name: &str) -> Result<Self> {
        match Activation::ALL.into_iter().find(|activation| activation.name() == name) {
            Some(activation) => Ok(activation),
            None => {
                let known = Activation::ALL.map(Activation::name).join(", ");
                bail!("no activation is called {name:?}; there are {known}")
            }
        }
    }
}
