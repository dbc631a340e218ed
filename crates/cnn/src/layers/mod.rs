//! The layers that a [`Sequential`](crate::Sequential) model is a list of, one type per file.
//!
//! Shapes leave out the batch: an image is `[channels, height, width]`, a vector `[units]`.

mod activation;
mod average_pooling2d;
mod batch_normalization;
mod conv2d;
mod conv_then_pool;
mod dense;
mod dropout;
mod flatten;
mod global_average_pooling2d;
mod initializer;
mod max_pooling2d;
mod padding;
mod pooling;
mod residual;
mod window_loops;

pub use activation::Activation;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use initializer::Initializer;
pub use max_pooling2d::MaxPooling2D;
pub use padding::Padding;
pub use residual::Residual;

pub(crate) use conv_then_pool::{ConvThenPool, Pooled};

use crate::error::Context;
use anyhow::{bail, Result};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::Value;
use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use tch::Tensor;

/// One layer of a model. Implement it to add a layer of your own: three methods are enough. A model with such a layer
/// is saved as any other; to load it, build it again and use [`load_weights`](crate::Sequential::load_weights).
///
/// ```
/// use cnn::{anyhow::Result, layers::Layer, prelude::*, tch::Tensor};
/// #[derive(Debug)]
/// struct Negative; // a dark digit on a light ground becomes a light one on a dark ground
/// impl Layer for Negative {
///     fn class_name(&self) -> &'static str {
///         "Negative"
///     }
///     fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
///         Ok(input.to_vec())
///     }
///     fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
///         1.0 - x
///     }
/// }
/// let model = Sequential::input([1, 28, 28]).add(Negative).add(Flatten).add(Dense::new(10)).build()?;
/// assert_eq!(model.count_params(), 7850);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub trait Layer: Any + Debug + Send {
    /// Keras's name of the layer's type, for example `"Conv2D"`.
    fn class_name(&self) -> &'static str;

    /// The shape that comes out for the shape that goes in, both without the batch.
    ///
    /// # Errors
    /// Says what the layer wants where it cannot work on `input`.
    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>>;

    /// Computes the layer's output, without its activation, for a batch: `[batch, ..input shape]`.
    fn forward(&self, x: &Tensor, training: bool) -> Tensor;

    /// The function applied to what `forward` returns.
    fn activation(&self) -> Activation {
        Activation::Linear
    }

    /// Makes the weights, once the shape that goes in is known.
    fn build(&mut self, _input: &[i64], _initializer: &mut Initializer) {}

    /// The trainable weights with their names; they share their memory with the layer's own.
    fn weights(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Numbers that belong to the trained layer without having gradients, as running means do.
    fn non_trainable_weights(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Whether the layer only chooses among its inputs the largest, as max pooling does. A rising activation
    /// may then come after it instead of before, on fewer numbers, with the same result.
    fn keeps_largest(&self) -> bool {
        false
    }

    /// The arguments that make this layer again, as they are saved with a model.
    fn config(&self) -> Value {
        Value::Null
    }
}

/// Makes a layer from what [`Layer::class_name`] and [`Layer::config`] gave.
///
/// # Errors
/// If the name is not one of this crate's layers, or an argument is missing or of the wrong type.
pub(crate) fn from_config(class_name: &str, config: &Value) -> Result<Box<dyn Layer>> {
    fn read<L: Layer + DeserializeOwned + 'static>(config: &Value) -> Result<Box<dyn Layer>> {
        Ok(Box::new(L::deserialize(config)?))
    }
    let layer = match class_name {
        "Activation" => read::<Activation>(config),
        "AveragePooling2D" => read::<AveragePooling2D>(config),
        "BatchNormalization" => read::<BatchNormalization>(config),
        "Conv2D" => read::<Conv2D>(config),
        "GlobalAveragePooling2D" => Ok(Box::new(GlobalAveragePooling2D) as Box<dyn Layer>),
        "MaxPooling2D" => read::<MaxPooling2D>(config),
        "Residual" => Residual::from_config(config).map(|residual| Box::new(residual) as Box<dyn Layer>),
        "Flatten" => Ok(Box::new(Flatten) as Box<dyn Layer>),
        "Dense" => read::<Dense>(config),
        "Dropout" => read::<Dropout>(config),
        _ => bail!(
            "{class_name:?} is not a layer that this version of the crate can load; if it is one of your own, build the \
             model and use load_weights()"
        ),
    };
    layer.with_context(|| format!("the saved arguments of a {class_name} layer cannot be read"))
}

/// Keras's names for layers in a list: `conv2d`, `conv2d_1`, and so on.
pub(crate) fn names(layers: &[Box<dyn Layer>]) -> Vec<String> {
    let mut counts = HashMap::new();
    let name = |class_name: &'static str| {
        let (base, count) = (snake_case(class_name), counts.entry(class_name).or_insert(0));
        *count += 1;
        match *count {
            1 => base,
            number => format!("{base}_{}", number - 1),
        }
    };
    layers.iter().map(|layer| layer.class_name()).map(name).collect()
}

/// `MaxPooling2D` as `max_pooling2d`.
fn snake_case(class_name: &str) -> String {
    let mut text = String::new();
    let mut after_lowercase = false;
    for letter in class_name.chars() {
        if letter.is_uppercase() && after_lowercase {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        after_lowercase = letter.is_lowercase();
    }
    text
}

/// The output of several layers after each other, activations included; `activation` is still to be applied to `x`.
pub(crate) fn through<'a>(
    layers: impl IntoIterator<Item = &'a dyn Layer>,
    mut activation: Activation,
    x: &Tensor,
    training: bool,
) -> Tensor {
    let mut x = x.shallow_clone();
    for layer in layers {
        if layer.keeps_largest() && activation.is_rising() {
            x = layer.forward(&x, training);
            continue;
        }
        x = layer.forward(&activation.apply(&x), training);
        activation = layer.activation();
    }
    activation.apply(&x)
}

/// Serialises a layer's public fields.
fn to_config(layer: &impl Serialize) -> Value {
    serde_json::to_value(layer).unwrap_or(Value::Null)
}

/// Names the three dimensions of an image, or says that there is none.
fn image_shape(input: &[i64]) -> Result<[i64; 3]> {
    input
        .try_into()
        .ok()
        .with_context(|| format!("it works on images [channels, height, width], and gets {input:?}"))
}
