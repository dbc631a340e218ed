//! RMSprop.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// RMSprop: each weight's step is divided by the root of a running mean of its squared gradient.
///
/// `velocity = rho · velocity + (1 - rho) · gradient²`, `step = learning_rate · gradient / sqrt(velocity + epsilon)`;
/// with momentum, `momentum · last step` is added to the step.
///
/// Source: Hinton, *Neural Networks for Machine Learning*, lecture 6e, 2012; `keras/src/optimizers/rmsprop.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RMSprop {
    /// Step size, a positive number. Default 0.001.
    pub learning_rate: f64,
    /// Decay of the mean squared gradient, at least 0 and below 1. Default 0.9.
    pub rho: f64,
    /// How much of the last step is kept, at least 0 and below 1. Default 0.
    pub momentum: f64,
    /// Keeps the division away from zero. Default 1e-7.
    pub epsilon: f64,
    /// See [`Optimizer`](super::Optimizer). Default 0.
    pub weight_decay: f64,
}

impl Default for RMSprop {
    fn default() -> Self {
        RMSprop { learning_rate: 0.001, rho: 0.9, momentum: 0.0, epsilon: 1e-7, weight_decay: 0.0 }
    }
}

impl RMSprop {
    pub(super) fn update(
        &self,
        learning_rate: f64,
        weight: &mut Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
    ) {
        let (velocity, momentum) = slots.split_at_mut(1);
        let _ = velocity[0].lerp_(&gradient.square(), 1.0 - self.rho);
        let step = gradient * learning_rate * (&velocity[0] + self.epsilon).rsqrt();
        match momentum {
            [last_step] => {
                *last_step *= self.momentum;
                *last_step += step;
                *weight -= &*last_step;
            }
            _ => *weight -= step,
        }
    }
}
