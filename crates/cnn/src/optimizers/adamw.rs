//! Adam with weight decay.

use super::Adam;
use serde::{Deserialize, Serialize};

/// [`Adam`] with a weight decay that is its own, apart from the gradient: the usual choice for deeper networks.
///
/// Source: Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019; `keras/src/optimizers/adamw.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdamW {
    /// Step size, a positive number. Default 0.001.
    pub learning_rate: f64,
    /// By how much of itself, times the learning rate, every weight shrinks in a step. Default 0.004.
    pub weight_decay: f64,
    /// As in [`Adam`]. Default 0.9.
    pub beta_1: f64,
    /// As in [`Adam`]. Default 0.999.
    pub beta_2: f64,
    /// As in [`Adam`]. Default 1e-7.
    pub epsilon: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        let Adam { learning_rate, beta_1, beta_2, epsilon, .. } = Adam::default();
        AdamW { learning_rate, weight_decay: 0.004, beta_1, beta_2, epsilon }
    }
}

impl AdamW {
    pub(super) fn as_adam(&self) -> Adam {
        let AdamW { learning_rate, weight_decay, beta_1, beta_2, epsilon } = *self;
        Adam { learning_rate, beta_1, beta_2, epsilon, weight_decay }
    }
}
