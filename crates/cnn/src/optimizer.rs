//! How the weights follow their gradients.

use serde::{Deserialize, Serialize};
use tch::{no_grad, Tensor};

/// Adam: each weight's step is scaled by running means of its gradient and of its gradient squared.
///
/// `step = learning_rate · sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon)`, with epsilon at
/// the place, and of the size, that Keras gives it (PyTorch's differ).
///
/// Source: Kingma and Ba, *Adam*, 2014 (the "epsilon hat" form of section 2); `keras/src/optimizers/adam.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Step size, a positive number. Default 0.001.
    pub learning_rate: f64,
    /// Decay of the mean gradient, at least 0 and below 1. Default 0.9.
    pub beta_1: f64,
    /// Decay of the mean squared gradient, at least 0 and below 1. Default 0.999.
    pub beta_2: f64,
    /// Keeps the division away from zero. Default 1e-7.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

/// Stochastic gradient descent: `velocity = momentum · velocity - learning_rate · gradient`, added to the weight.
///
/// Source: `keras/src/optimizers/sgd.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Step size, a positive number. Default 0.01.
    pub learning_rate: f64,
    /// How much of the last step is kept, at least 0 and below 1. Default 0.
    pub momentum: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Sgd { learning_rate: 0.01, momentum: 0.0 }
    }
}

/// The optimizer that [`Sequential::compile`](crate::Sequential::compile) takes; `Adam` and `Sgd` turn into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// See [`Adam`].
    Adam(Adam),
    /// See [`Sgd`].
    Sgd(Sgd),
}

impl From<Adam> for Optimizer {
    fn from(adam: Adam) -> Self {
        Optimizer::Adam(adam)
    }
}

impl From<Sgd> for Optimizer {
    fn from(sgd: Sgd) -> Self {
        Optimizer::Sgd(sgd)
    }
}

impl Optimizer {
    /// Says which argument is out of its range, if one is.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let (learning_rate, decays) = match self {
            Optimizer::Adam(adam) => {
                (adam.learning_rate, vec![("beta_1", adam.beta_1), ("beta_2", adam.beta_2)])
            }
            Optimizer::Sgd(sgd) => (sgd.learning_rate, vec![("momentum", sgd.momentum)]),
        };
        anyhow::ensure!(
            learning_rate.is_finite() && learning_rate > 0.0,
            "learning_rate must be a positive number, not {learning_rate}; 0.001 is a good start"
        );
        for (name, decay) in decays {
            anyhow::ensure!(
                (0.0..1.0).contains(&decay),
                "{name} must be at least 0 and below 1, not {decay}"
            );
        }
        Ok(())
    }
}

/// What an optimizer remembers between steps: one tensor, or two, per weight.
#[derive(Debug, Default)]
pub(crate) struct State {
    steps: i32,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
}

impl State {
    /// Moves every weight one step along its gradient, then forgets the gradient.
    pub(crate) fn step(&mut self, optimizer: &Optimizer, weights: &mut [Tensor]) {
        if self.means.is_empty() {
            self.means = weights.iter().map(Tensor::zeros_like).collect();
            self.squares = weights.iter().map(Tensor::zeros_like).collect();
        }
        self.steps += 1;
        no_grad(|| match optimizer {
            Optimizer::Adam(adam) => self.adam(adam, weights),
            Optimizer::Sgd(sgd) => self.sgd(sgd, weights),
        });
        weights.iter_mut().for_each(Tensor::zero_grad);
    }

    fn adam(&mut self, adam: &Adam, weights: &mut [Tensor]) {
        let correction = (1.0 - adam.beta_2.powi(self.steps)).sqrt() / (1.0 - adam.beta_1.powi(self.steps));
        let rate = adam.learning_rate * correction;
        for (weight, (mean, square)) in weights.iter_mut().zip(self.means.iter_mut().zip(&mut self.squares)) {
            let gradient = weight.grad();
            let _ = mean.lerp_(&gradient, 1.0 - adam.beta_1);
            let _ = square.lerp_(&gradient.square(), 1.0 - adam.beta_2);
            *weight -= &*mean * rate / (square.sqrt() + adam.epsilon);
        }
    }

    fn sgd(&mut self, sgd: &Sgd, weights: &mut [Tensor]) {
        for (weight, velocity) in weights.iter_mut().zip(&mut self.means) {
            *velocity *= sgd.momentum;
            *velocity -= weight.grad() * sgd.learning_rate;
            *weight += &*velocity;
        }
    }
}
