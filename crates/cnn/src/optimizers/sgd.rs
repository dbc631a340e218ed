//! Stochastic gradient descent.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Stochastic gradient descent: `velocity = momentum · velocity - learning_rate · gradient`, added to the weight.
///
/// With `nesterov`, `momentum · velocity - learning_rate · gradient` is added, with the new velocity: the step
/// is the one that the next gradient would continue.
///
/// Source: Sutskever et al., *On the importance of initialization and momentum in deep learning*, 2013;
/// `keras/src/optimizers/sgd.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SGD {
    /// Step size, a positive number. Default 0.01.
    pub learning_rate: f64,
    /// How much of the last step is kept, at least 0 and below 1. Default 0.
    pub momentum: f64,
    /// Whether the momentum looks one step ahead. Default false.
    pub nesterov: bool,
    /// See [`Optimizer`](super::Optimizer). Default 0.
    pub weight_decay: f64,
}

impl Default for SGD {
    fn default() -> Self {
        SGD { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl SGD {
    pub(super) fn update(
        &self,
        learning_rate: f64,
        weight: &mut Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
    ) {
        let step = gradient * -learning_rate;
        let [velocity] = slots else {
            *weight += step; // without momentum, nothing is remembered
            return;
        };
        *velocity *= self.momentum;
        *velocity += &step;
        if self.nesterov {
            *weight += &*velocity * self.momentum + step;
        } else {
            *weight += &*velocity;
        }
    }
}
