//! The model: a list of layers, with the optimizer and the loss that train it.

use anyhow::{ensure, Result};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use tch::Device;

use super::loss::Loss;
use super::network::Network;
use super::scale::Scale;
use crate::engine::error::Context;
use crate::engine::text::thousands;
use crate::layers::Layer;
use crate::optimizers::{Optimizer, State};

pub(crate) const NOT_COMPILED: &str =
    "the model is not compiled; call model.compile(Adam::default(), Loss::CategoricalCrossentropy) first";

/// A stack of layers, as Keras's `Sequential`.
///
/// ```
/// use cnn::prelude::*;
/// let mut model = Sequential::input([1, 28, 28])
///     .add(Conv2D::new(32, (3, 3)).activation(Relu))
///     .add(MaxPooling2D::new((2, 2)))
///     .add(Flatten)
///     .add(Dense::new(128).activation(Relu))
///     .add(Dense::new(10).activation(Softmax))
///     .build()?;
/// model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
/// assert_eq!(model.count_params(), 693_962);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// Source: `keras/src/models/sequential.py`.
pub struct Sequential {
    pub(crate) network: Network,
    pub(crate) seed: u64,
    pub(crate) compiled: Option<Compiled>,
    /// What a training leaves for its user and for the next one; this room knows nothing of trainings.
    pub(crate) last_training: Option<Box<dyn Any + Send>>,
    /// Notes that are saved with the model, for example the data set that it was trained on.
    pub notes: BTreeMap<String, String>,
    pub(crate) scale: Scale,
}

/// What `compile` was given, and what the optimizer remembers.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub optimizer: Optimizer,
    pub loss: Loss,
    pub state: State,
}

impl Sequential {
    /// Chooses how the model is trained; accuracy is always measured (see [`Evaluation`](crate::Evaluation)). Starts the
    /// optimizer afresh.
    ///
    /// # Errors
    /// If an argument of the optimizer is out of its range, or the loss does not fit the model.
    pub fn compile(&mut self, optimizer: impl Into<Optimizer>, loss: Loss) -> Result<()> {
        let optimizer = optimizer.into();
        optimizer.check()?;
        loss.check()?;
        let last = self.network.last();
        ensure!(
            last.output_shape.len() == 1,
            "the model ends with {} and an output of shape {:?}; a classifier ends with a Dense layer, one unit per class",
            last.name,
            last.output_shape
        );
        loss.check_end(last)?;
        self.compiled = Some(Compiled { optimizer, loss, state: State::default() });
        Ok(())
    }

    /// The optimizer's step size, before a [`Schedule`](crate::Schedule).
    ///
    /// # Errors
    /// If the model is not compiled.
    pub fn learning_rate(&self) -> Result<f64> {
        Ok(self.compiled.as_ref().context(NOT_COMPILED)?.optimizer.learning_rate())
    }

    /// Changes the optimizer's step size; what it has learnt of the gradients stays.
    ///
    /// # Errors
    /// If the model is not compiled, or the rate is not a number of 0 or more.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.compiled.as_mut().context(NOT_COMPILED)?.optimizer.set_learning_rate(learning_rate)
    }

    /// The shape of an image that the model takes, without the batch: `[channels, height, width]`.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// assert_eq!(course::model(1)?.input_shape(), [1, 28, 28]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn input_shape(&self) -> &[i64] {
        &self.network.input_shape
    }

    /// The layers with their names, in their order.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let model = course::model(1)?;
    /// let classes: Vec<&str> = model.layers().map(|(_, layer)| layer.class_name()).collect();
    /// assert_eq!(classes, ["Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense"]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn layers(&self) -> impl Iterator<Item = (&str, &dyn Layer)> {
        self.network.layers.iter().map(|named| (named.name.as_str(), named.layer.as_ref()))
    }

    /// How many classes the model tells apart: as many as it has outputs, and two with a single one.
    pub fn classes(&self) -> i64 {
        self.outputs().max(2)
    }

    /// How many numbers the model gives out for an image.
    pub(crate) fn outputs(&self) -> i64 {
        self.network.last().output_shape[0]
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.network.device
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<&str> = self.network.layers.iter().map(|layer| layer.name.as_str()).collect();
        let count = thousands(self.count_params());
        write!(f, "Sequential({:?} → {}, {count} params)", self.network.input_shape, names.join(" → "))
    }
}
