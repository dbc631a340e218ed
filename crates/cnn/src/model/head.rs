//! Another end for a model that has learnt already.

use anyhow::{ensure, Result};

use super::builder::{add_layer, check_channels};
use super::sequential::Sequential;
use crate::engine::memory::guarded;
use crate::engine::random::{seed_at, Purpose};
use crate::layers::{check_name, next_name, Initializer, Layer, MOST_NUMBERS};

impl Sequential {
    /// Removes the last layer, as Keras's `Sequential.pop`. The others keep their names and weights; the model has to be
    /// [compiled](Self::compile) again.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let mut model = course::model(1)?; // as if it were loaded
    /// model.pop()?;
    /// model.add(Dense::new(2).activation(Softmax))?;
    /// assert_eq!(model.weight("dense_1/bias")?.size(), [2]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is the only layer; the model then stays as it is.
    pub fn pop(&mut self) -> Result<()> {
        let layers = &mut self.network.layers;
        ensure!(
            layers.len() > 1,
            "{} is the model's only layer; add another before it is removed",
            layers[0].name
        );
        layers.pop();
        self.compiled = None;
        Ok(())
    }

    /// Removes all layers after the one called `name`, so that the model gives out what this one does: with it at the end,
    /// [`predict`](Self::predict) computes the features from which a new head learns.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let (mut model, data) = (course::model(1)?, mnist::synthetic_digits(0, 5, 1));
    /// model.pop_after("dense")?;
    /// let features = model.predict(&add_channel(&data.x_test)?)?;
    /// assert_eq!(features.size(), [5, 128]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no layer has that name; the error lists the layers.
    pub fn pop_after(&mut self, name: &str) -> Result<()> {
        let position = self.network.position(name)?;
        if position + 1 < self.network.layers.len() {
            self.network.layers.truncate(position + 1);
            self.compiled = None;
        }
        Ok(())
    }

    /// Adds a layer at the end of a model that is built, as Keras's `Sequential.add`. The layers before keep their weights, and
    /// stay frozen where they are; those of the new layer are drawn from the model's seed and the layer's position. The model has to
    /// be [compiled](Self::compile) again.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let mut model = course::model(1)?; // as if it were loaded
    /// model.pop_after("flatten")?;
    /// model.set_all_trainable(false);
    /// model.add(Dropout::new(0.2))?;
    /// model.add(Dense::new(2).activation(Softmax))?;
    /// model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    /// assert_eq!(model.count_trainable_params(), (5408 + 1) * 2);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the layer cannot work on what the model gives out, its name is another layer's, or there is too little memory; the model then
    /// stays as it is.
    pub fn add(&mut self, layer: impl Layer + 'static) -> Result<()> {
        let advice = || "there is not enough memory for the layer's weights; make it smaller".to_string();
        guarded("add", advice, || self.added(Box::new(layer)))
    }

    fn added(&mut self, layer: Box<dyn Layer>) -> Result<()> {
        let before: Vec<String> = self.network.layers.iter().map(|named| named.name.clone()).collect();
        let name = next_name(&before, layer.as_ref());
        check_name(layer.as_ref(), &name, &before)?;
        check_channels(&self.network.input_shape, layer.works_on_images())?;
        let seed = seed_at(self.seed, Purpose::Weights, [before.len() as u64, 0]);
        let room = MOST_NUMBERS.saturating_sub(self.count_params() as usize);
        let mut initializer = Initializer::new(seed, self.network.device, room);
        add_layer(&mut self.network, layer, name, &mut initializer, MOST_NUMBERS)?;
        self.compiled = None;
        Ok(())
    }
}
