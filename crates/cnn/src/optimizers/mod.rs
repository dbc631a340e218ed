//! How the weights follow their gradients: one optimizer per file.

mod adam;
mod adamw;
mod rmsprop;
mod sgd;

pub use adam::Adam;
pub use adamw::AdamW;
pub use rmsprop::RMSprop;
pub use sgd::SGD;

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{no_grad, Tensor};

/// The optimizer that [`Sequential::compile`](crate::Sequential::compile) takes; each of those below turns into it.
///
/// All of them take a `weight_decay`, as Keras's do: before each step every weight is made smaller by
/// `learning_rate · weight_decay` of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// See [`SGD`].
    SGD(SGD),
    /// See [`RMSprop`].
    RMSprop(RMSprop),
    /// See [`Adam`].
    Adam(Adam),
    /// See [`AdamW`].
    AdamW(AdamW),
}

macro_rules! turns_into_optimizer {
    ($($name:ident),*) => {$(
        impl From<$name> for Optimizer {
            fn from(optimizer: $name) -> Self {
                Optimizer::$name(optimizer)
            }
        }
    )*};
}
turns_into_optimizer!(SGD, RMSprop, Adam, AdamW);

impl Optimizer {
    /// The step size.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Optimizer::SGD(sgd) => sgd.learning_rate,
            Optimizer::RMSprop(rmsprop) => rmsprop.learning_rate,
            Optimizer::Adam(adam) => adam.learning_rate,
            Optimizer::AdamW(adamw) => adamw.learning_rate,
        }
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        check_learning_rate(learning_rate)?;
        *match self {
            Optimizer::SGD(sgd) => &mut sgd.learning_rate,
            Optimizer::RMSprop(rmsprop) => &mut rmsprop.learning_rate,
            Optimizer::Adam(adam) => &mut adam.learning_rate,
            Optimizer::AdamW(adamw) => &mut adamw.learning_rate,
        } = learning_rate;
        Ok(())
    }

    /// Says which argument is out of its range, if one is.
    pub(crate) fn check(&self) -> Result<()> {
        check_learning_rate(self.learning_rate())?;
        let (decays, epsilon) = match self {
            Optimizer::SGD(sgd) => (vec![("momentum", sgd.momentum)], 1.0),
            Optimizer::RMSprop(rmsprop) => {
                (vec![("rho", rmsprop.rho), ("momentum", rmsprop.momentum)], rmsprop.epsilon)
            }
            Optimizer::Adam(adam) => (vec![("beta_1", adam.beta_1), ("beta_2", adam.beta_2)], adam.epsilon),
            Optimizer::AdamW(adamw) => {
                (vec![("beta_1", adamw.beta_1), ("beta_2", adamw.beta_2)], adamw.epsilon)
            }
        };
        for (name, decay) in decays {
            ensure!((0.0..1.0).contains(&decay), "{name} must be at least 0 and below 1, not {decay}");
        }
        ensure!(epsilon > 0.0 && epsilon.is_finite(), "epsilon must be a positive number, not {epsilon}");
        let weight_decay = self.weight_decay();
        ensure!(
            (0.0..1.0).contains(&weight_decay),
            "weight_decay must be at least 0 and below 1, not {weight_decay}"
        );
        Ok(())
    }

    fn weight_decay(&self) -> f64 {
        match self {
            Optimizer::SGD(sgd) => sgd.weight_decay,
            Optimizer::RMSprop(rmsprop) => rmsprop.weight_decay,
            Optimizer::Adam(adam) => adam.weight_decay,
            Optimizer::AdamW(adamw) => adamw.weight_decay,
        }
    }

    /// The names of what is remembered for each weight, in Keras's words.
    pub(crate) fn slots(&self) -> &'static [&'static str] {
        match self {
            Optimizer::SGD(sgd) if sgd.momentum == 0.0 => &[],
            Optimizer::SGD(_) => &["momentum"],
            Optimizer::RMSprop(rmsprop) if rmsprop.momentum == 0.0 => &["velocity"],
            Optimizer::RMSprop(_) => &["velocity", "momentum"],
            Optimizer::Adam(_) | Optimizer::AdamW(_) => &["momentum", "velocity"],
        }
    }

    /// Moves one weight by the learning rate `rate`; `slots` are the tensors named by [`slots`](Self::slots).
    fn update(&self, step: i64, rate: f64, weight: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor]) {
        match self {
            Optimizer::SGD(sgd) => sgd.update(rate, weight, gradient, slots),
            Optimizer::RMSprop(rmsprop) => rmsprop.update(rate, weight, gradient, slots),
            Optimizer::Adam(adam) => adam.update(step, rate, weight, gradient, slots),
            Optimizer::AdamW(adamw) => adamw.as_adam().update(step, rate, weight, gradient, slots),
        }
    }
}

pub(crate) fn check_learning_rate(learning_rate: f64) -> Result<()> {
    ensure!(
        learning_rate.is_finite() && learning_rate > 0.0,
        "learning_rate must be a positive number, not {learning_rate}; 0.001 is a good start"
    );
    Ok(())
}

/// What an optimizer remembers between steps.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Steps done.
    pub steps: i64,
    /// For each weight, the tensors that [`Optimizer::slots`] names.
    pub slots: Vec<Vec<Tensor>>,
}

impl State {
    /// Moves every weight one step along its gradient.
    pub(crate) fn step(
        &mut self,
        optimizer: &Optimizer,
        learning_rate: f64,
        weights: &mut [Tensor],
        gradients: &[Tensor],
    ) {
        if self.slots.is_empty() {
            let slots =
                |weight: &Tensor| optimizer.slots().iter().map(|_| weight.zeros_like().detach()).collect();
            self.slots = weights.iter().map(slots).collect();
        }
        self.steps += 1;
        let keep = 1.0 - learning_rate * optimizer.weight_decay();
        no_grad(|| {
            for ((weight, gradient), slots) in weights.iter_mut().zip(gradients).zip(&mut self.slots) {
                if keep < 1.0 {
                    *weight *= keep;
                }
                optimizer.update(self.steps, learning_rate, weight, gradient, slots);
            }
        });
    }

    /// A copy with tensors of its own.
    pub(crate) fn copy(&self) -> State {
        let slots = self.slots.iter().map(|slots| slots.iter().map(Tensor::copy).collect()).collect();
        State { steps: self.steps, slots }
    }
}
