//! What every layer can do.

use anyhow::Result;
use serde::Serialize;
use serde_json::{json, Map, Value};
use std::any::Any;
use std::fmt::Debug;
use tch::Tensor;

use super::tape::Tape;
use super::{Activation, Initializer};

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

    /// The name that the user gave to the layer, if one was given.
    fn given_name(&self) -> Option<&str> {
        None
    }

    /// Gives the layer a name, in place of a counted one as `flatten_1`: it stands in `summary()` and before the names
    /// of the layer's weights, and is saved with the model. Layers with arguments have a method of their own that does
    /// the same.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let model = Sequential::input([1, 28, 28])
    ///     .add(Flatten.name("pixels"))
    ///     .add(Dense::new(10).name("digits"))
    ///     .build()?;
    /// assert_eq!(model.weight("digits/bias")?.size(), [10]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    fn name(self, name: impl Into<String>) -> Named<Self>
    where
        Self: Sized,
    {
        Named::new(self, name.into())
    }

    /// The shape that comes out for the shape that goes in, both without the batch.
    ///
    /// # Errors
    /// Says what the layer wants where it cannot work on `input`.
    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>>;

    /// Computes the layer's output, without its activation, for a batch: `[batch, ..input shape]`.
    fn forward(&self, x: &Tensor, training: bool) -> Tensor;

    /// As `forward` in a training's step; a layer that the crate's own loops compute faster than libtorch notes on the tape how gradients
    /// come back.
    #[doc(hidden)]
    fn noted(&self, x: &Tensor, _tape: &Tape) -> Tensor {
        self.forward(x, true)
    }

    /// As `noted`, with a ReLU after it, where both are computed in one go.
    #[doc(hidden)]
    fn noted_with_relu(&self, _x: &Tensor, _tape: &Tape) -> Option<Tensor> {
        None
    }

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

    /// How many multiplications, each with an addition, the layer's kernels cost for one input of this shape: every weight
    /// of a kernel is used once for each pixel that comes out. What is not a kernel costs little beside it and counts as 0.
    fn multiply_adds(&self, input: &[i64]) -> i64 {
        let pixels: i64 = self.output_shape(input).map_or(0, |output| output.iter().skip(1).product());
        let kernels = self.weights().into_iter().filter(|(name, _)| name.ends_with("kernel"));
        kernels.map(|(_, kernel)| kernel.numel() as i64 * pixels).sum()
    }

    /// Whether training changes the layer, Keras's `trainable`: its weights then have gradients. True for a layer without
    /// weights.
    fn trainable(&self) -> bool {
        let weights = self.weights();
        weights.is_empty() || weights.iter().any(|(_, weight)| weight.requires_grad())
    }

    /// Freezes the weights, once they are made, or lets training change them again; see
    /// [`Sequential::set_trainable`](crate::Sequential::set_trainable).
    fn set_trainable(&mut self, trainable: bool) {
        for (_, weight) in self.weights() {
            let _ = weight.set_requires_grad(trainable);
        }
    }

    /// Whether the layer only chooses among its inputs the largest, as max pooling does. A rising activation
    /// may then come after it instead of before, on fewer numbers, with the same result.
    fn keeps_largest(&self) -> bool {
        false
    }

    /// Whether the layer takes its input for images `[channels, height, width]`, as convolutions and poolings do.
    fn works_on_images(&self) -> bool {
        false
    }

    /// The arguments that make this layer again, as they are saved with a model.
    fn config(&self) -> Value {
        Value::Null
    }
}

/// A layer under a name: what [`Layer::name`] gives.
#[derive(Debug)]
pub struct Named<L> {
    layer: L,
    name: String,
}

impl<L: Layer> Named<L> {
    pub(super) fn new(layer: L, name: String) -> Self {
        Named { layer, name }
    }
}

impl<L: Layer> Layer for Named<L> {
    fn class_name(&self) -> &'static str {
        self.layer.class_name()
    }

    fn given_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        self.layer.output_shape(input)
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        self.layer.forward(x, training)
    }

    fn noted(&self, x: &Tensor, tape: &Tape) -> Tensor {
        self.layer.noted(x, tape)
    }

    fn noted_with_relu(&self, x: &Tensor, tape: &Tape) -> Option<Tensor> {
        self.layer.noted_with_relu(x, tape)
    }

    fn activation(&self) -> Activation {
        self.layer.activation()
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        self.layer.build(input, initializer);
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.layer.weights()
    }

    fn non_trainable_weights(&self) -> Vec<(String, Tensor)> {
        self.layer.non_trainable_weights()
    }

    fn multiply_adds(&self, input: &[i64]) -> i64 {
        self.layer.multiply_adds(input)
    }

    fn trainable(&self) -> bool {
        self.layer.trainable()
    }

    fn set_trainable(&mut self, trainable: bool) {
        self.layer.set_trainable(trainable);
    }

    fn keeps_largest(&self) -> bool {
        self.layer.keeps_largest()
    }

    fn works_on_images(&self) -> bool {
        self.layer.works_on_images()
    }

    fn config(&self) -> Value {
        let mut config = match self.layer.config() {
            Value::Object(config) => config,
            Value::Null => Map::new(),
            // A layer of the user's own; it is not loaded from this.
            other => Map::from_iter([("config".to_string(), other)]),
        };
        config.insert("name".into(), self.name.clone().into());
        config.into()
    }
}

/// Serialises a layer's public fields.
pub(super) fn to_config(layer: &impl Serialize) -> Value {
    serde_json::to_value(layer).unwrap_or(Value::Null)
}

impl Layer for Activation {
    fn class_name(&self) -> &'static str {
        "Activation"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.shallow_clone() // the function itself comes after it, as with every layer
    }

    fn activation(&self) -> Activation {
        *self
    }

    fn config(&self) -> Value {
        json!({ "activation": self })
    }
}
