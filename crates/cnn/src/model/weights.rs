//! A model's weights: looked at, replaced, and kept to come back to.

use anyhow::{bail, ensure, Result};
use tch::{no_grad, Device, Tensor};

use super::network::NamedLayer;
use super::sequential::Sequential;
use crate::engine::text::thousands;
use crate::engine::variables;
use crate::optimizers::State;
use crate::preprocessing::PixelRange;

/// See [`Sequential::snapshot`].
pub(crate) struct Snapshot {
    weights: Vec<(String, Tensor)>,
    frozen: Vec<String>,
    state: Option<State>,
    trained_on: Option<PixelRange>,
}

impl Sequential {
    /// All weights by name, for example `conv2d/kernel`; they share their memory with the model's own.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        let of_layer = |named: &NamedLayer| {
            let weights = named.layer.weights().into_iter().chain(named.layer.non_trainable_weights());
            let name = named.name.clone();
            weights.map(move |(weight, tensor)| (format!("{name}/{weight}"), tensor))
        };
        self.network.layers.iter().flat_map(of_layer).collect()
    }

    /// A copy of the weight called `name`, for example `conv2d/kernel`.
    ///
    /// # Errors
    /// If no weight has that name.
    pub fn weight(&self, name: &str) -> Result<Tensor> {
        let weights = self.weights();
        match weights.iter().find(|(weight, _)| weight == name) {
            Some((_, tensor)) => Ok(tensor.detach().copy().to_device(Device::Cpu)),
            None => {
                let names: Vec<&str> = weights.iter().map(|(name, _)| name.as_str()).collect();
                bail!("no weight is called {name:?}; there are {}", names.join(", "))
            }
        }
    }

    /// Replaces all weights, in the order and with the names and shapes that [`weights`](Self::weights) gives.
    ///
    /// # Errors
    /// Names the first weight that differs; the model is then unchanged.
    pub fn set_weights(&mut self, new: &[(String, Tensor)]) -> Result<()> {
        self.check_weights(new)?;
        no_grad(|| {
            for ((_, mut weight), (_, new_weight)) in self.weights().into_iter().zip(new) {
                weight.copy_(new_weight);
            }
        });
        Ok(())
    }

    /// Names the first weight that differs in name or shape, if one does.
    pub(crate) fn check_weights(&self, new: &[(String, Tensor)]) -> Result<()> {
        let own = self.weights();
        for ((name, weight), (new_name, new_weight)) in own.iter().zip(new) {
            ensure!(
                name == new_name && weight.size() == new_weight.size(),
                "the model has {name} of shape {:?} where the new weights have {new_name} of shape {:?}",
                weight.size(),
                new_weight.size()
            );
        }
        ensure!(own.len() == new.len(), "the model has {} weights, and {} are given", own.len(), new.len());
        Ok(())
    }

    pub(crate) fn copy_of_weights(&self) -> Vec<(String, Tensor)> {
        self.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
    }

    /// Weights, which of them are frozen, and optimizer as they are now, to come back to.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.compiled.as_ref().map(|compiled| compiled.state.copy());
        let (weights, frozen) = (self.copy_of_weights(), self.frozen());
        Snapshot { weights, frozen, state, trained_on: self.scale.trained_on }
    }

    /// Comes back to a snapshot; this takes no further memory.
    pub(crate) fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        self.set_weights(&snapshot.weights)?;
        self.freeze(&snapshot.frozen)?;
        self.scale.trained_on = snapshot.trained_on;
        if let (Some(compiled), Some(state)) = (&mut self.compiled, snapshot.state) {
            compiled.state = state;
        }
        Ok(())
    }

    /// How many numbers the model has, running means included.
    pub fn count_params(&self) -> i64 {
        self.weights().iter().map(|(_, weight)| weight.numel() as i64).sum()
    }
}

/// What the kernel's panel of variables shows: the weights alone, without what an optimizer remembers.
///
/// ```
/// use cnn::{live::Describe, prelude::*};
/// let model = Sequential::input([1, 28, 28]).add(Flatten).add(Dense::new(2)).build()?;
/// assert_eq!(model.shape().as_deref(), Some("1,570 weights"));
/// assert_eq!((Describe::device(&model).as_deref(), model.bytes()), (Some("Cpu"), Some(6280)));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
impl live::Describe for Sequential {
    fn shape(&self) -> Option<String> {
        Some(format!("{} weights", thousands(self.count_params())))
    }

    fn device(&self) -> Option<String> {
        Some(variables::device(Sequential::device(self)))
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.weights().iter().map(|(_, weight)| variables::bytes(weight)).sum())
    }
}
