//! Which layers are trained, and which keep their weights.

use anyhow::{bail, Result};
use tch::Tensor;

use super::network::Network;
use super::sequential::Sequential;
use crate::engine::error::Context;
use crate::layers::{leaves, leaves_mut, Layer};

impl Sequential {
    /// Freezes a layer, or lets training change it again, as Keras's `layer.trainable = False`: a frozen layer keeps its weights,
    /// costs no gradients, and a frozen [`BatchNormalization`](crate::layers::BatchNormalization) works with its running means, which
    /// it keeps, too. Dropout and augmentation go on as they are.
    ///
    /// `name` is a layer's, as in [`summary`](Self::summary); that of a block, with all that is in it; that of a layer in a block,
    /// `"residual/conv2d"`; or a class, `"BatchNormalization"`, for all layers of it. If there is none of these, it is what several names
    /// begin with: `"block_3"` stands for `block_3_conv` and `block_3_bn`, not for `block_31_conv`, and `"features.3"` for `features.3.conv`.
    ///
    /// What the optimizer has learnt of weights that stay trainable is kept; of others it is forgotten, and they begin anew
    /// when they are trained again. Call [`compile`](Self::compile) again, as in Keras, to go on with a smaller learning rate.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let mut model = course::model(1)?;
    /// model.set_trainable("conv2d", false)?;
    /// assert_eq!(model.count_trainable_params(), 693_962 - 320);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no layer has that name; the error lists the layers.
    ///
    /// Source: `trainable` in `keras/src/layers/layer.py`.
    pub fn set_trainable(&mut self, name: &str, trainable: bool) -> Result<()> {
        let chosen = self.network.chosen(name)?;
        self.network.each_leaf(|leaf, layer| {
            if chosen.iter().any(|name| name == leaf) {
                layer.set_trainable(trainable);
            }
        });
        self.forget_frozen();
        Ok(())
    }

    /// Freezes the whole model, or lets training change all of it, as Keras's `model.trainable = False`. A new head that is
    /// [`add`](Self::add)ed afterwards is trained.
    pub fn set_all_trainable(&mut self, trainable: bool) {
        self.network.each_leaf(|_, layer| layer.set_trainable(trainable));
        self.forget_frozen();
    }

    /// Lets training change this layer and all after it, and freezes those before: the way to train the head of a model that
    /// has learnt already, and then its last layers, too.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let mut model = course::model(1)?;
    /// model.set_trainable_from("dense")?;
    /// assert_eq!(model.count_trainable_params(), 692_352 + 1_290);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no layer has that name; the error lists the layers.
    pub fn set_trainable_from(&mut self, name: &str) -> Result<()> {
        let first = self.network.position(name)?;
        for (position, named) in self.network.layers.iter_mut().enumerate() {
            named.layer.set_trainable(position >= first);
        }
        self.forget_frozen();
        Ok(())
    }

    /// How many numbers training changes: those of layers that are not frozen, without running means.
    pub fn count_trainable_params(&self) -> i64 {
        self.trainable_weights().iter().map(|(_, weight)| weight.numel() as i64).sum()
    }

    /// Those of the weights that training changes along their gradients.
    pub(crate) fn trainable_weights(&self) -> Vec<(String, Tensor)> {
        self.weights().into_iter().filter(|(_, weight)| weight.requires_grad()).collect()
    }

    /// The layers that are frozen, those in blocks one by one.
    pub(crate) fn frozen(&self) -> Vec<String> {
        let frozen = self.network.leaves().into_iter().filter(|(_, layer)| !layer.trainable());
        frozen.map(|(name, _)| name).collect()
    }

    /// Freezes just these layers, which [`frozen`](Self::frozen) has named.
    pub(crate) fn freeze(&mut self, names: &[String]) -> Result<()> {
        self.check_frozen(names)?;
        self.network.each_leaf(|leaf, layer| layer.set_trainable(!names.iter().any(|name| name == leaf)));
        self.forget_frozen();
        Ok(())
    }

    pub(crate) fn check_frozen(&self, names: &[String]) -> Result<()> {
        let leaves = self.network.leaves();
        match names.iter().find(|name| !leaves.iter().any(|(leaf, _)| leaf == *name)) {
            Some(name) => bail!("no layer is called {name:?}, which is to be frozen"),
            None => Ok(()),
        }
    }

    /// The weights that would be trained if just these layers were frozen.
    pub(crate) fn weights_but_of(&self, frozen: &[String]) -> Vec<(String, Tensor)> {
        let leaves = self.network.leaves().into_iter().filter(|(leaf, _)| !frozen.contains(leaf));
        let weights = leaves.flat_map(|(leaf, layer)| {
            layer.weights().into_iter().map(move |(weight, tensor)| (format!("{leaf}/{weight}"), tensor))
        });
        weights.collect()
    }

    /// The optimizer forgets weights that it no longer moves.
    fn forget_frozen(&mut self) {
        let trainable = self.trainable_weights();
        if let Some(compiled) = &mut self.compiled {
            compiled.state.slots.retain(|slot, _| trainable.iter().any(|(name, _)| name == slot));
        }
    }
}

impl Network {
    /// All layers, those in blocks one by one, each under the name that its weights' names begin with.
    pub fn leaves(&self) -> Vec<(String, &dyn Layer)> {
        self.layers.iter().flat_map(|named| leaves(&named.name, named.layer.as_ref())).collect()
    }

    fn each_leaf(&mut self, mut change: impl FnMut(&str, &mut dyn Layer)) {
        for named in &mut self.layers {
            for (leaf, layer) in leaves_mut(&named.name, named.layer.as_mut()) {
                change(&leaf, layer);
            }
        }
    }

    /// The [`leaves`](Self::leaves) that `name` stands for: a layer's or a block's name, a class, or what names begin with.
    pub fn chosen(&self, name: &str) -> Result<Vec<String>> {
        let leaves = self.leaves();
        let begins =
            |leaf: &str, end: char| leaf.strip_prefix(name).is_some_and(|rest| rest.starts_with(end));
        // How well the name fits a layer; those that it fits best are meant.
        let fits = |leaf: &str, layer: &dyn Layer| {
            if leaf == name || begins(leaf, '/') {
                3
            } else if layer.class_name() == name {
                2
            } else {
                i32::from(begins(leaf, '_') || begins(leaf, '.'))
            }
        };
        let best = leaves.iter().map(|(leaf, layer)| fits(leaf, *layer)).max().filter(|&best| best > 0);
        let best = best.with_context(|| self.no_layer(name))?;
        let meant = leaves.iter().filter(|(leaf, layer)| fits(leaf, *layer) == best);
        Ok(meant.map(|(leaf, _)| leaf.clone()).collect())
    }

    /// Where the layer called `name` stands in the list.
    pub fn position(&self, name: &str) -> Result<usize> {
        let position = self.layers.iter().position(|layer| layer.name == name);
        position.with_context(|| self.no_layer(name))
    }

    fn no_layer(&self, name: &str) -> String {
        let names: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        format!("no layer is called {name:?}; there are {}", names.join(", "))
    }
}
