//! One type for all optimizers, and what they remember.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{no_grad, Tensor};

use super::{Adam, AdamW, RMSprop, SGD};

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
        self.rates().0
    }

    pub(crate) fn set_learning_rate(&mut self, new: f64) -> Result<()> {
        check_learning_rate(new)?;
        let (Optimizer::SGD(SGD { learning_rate, .. })
        | Optimizer::RMSprop(RMSprop { learning_rate, .. })
        | Optimizer::Adam(Adam { learning_rate, .. })
        | Optimizer::AdamW(AdamW { learning_rate, .. })) = self;
        *learning_rate = new;
        Ok(())
    }

    /// What all of them have: learning rate and weight decay.
    fn rates(&self) -> (f64, f64) {
        let (Optimizer::SGD(SGD { learning_rate, weight_decay, .. })
        | Optimizer::RMSprop(RMSprop { learning_rate, weight_decay, .. })
        | Optimizer::Adam(Adam { learning_rate, weight_decay, .. })
        | Optimizer::AdamW(AdamW { learning_rate, weight_decay, .. })) = self;
        (*learning_rate, *weight_decay)
    }

    /// Says which argument is out of its range, if one is.
    pub(crate) fn check(&self) -> Result<()> {
        let (learning_rate, weight_decay) = self.rates();
        ensure!(
            learning_rate > 0.0 && learning_rate.is_finite(),
            "learning_rate must be a positive number, not {learning_rate}; 0.001 is a good start"
        );
        let (decays, epsilon) = match self {
            Optimizer::SGD(SGD { momentum, .. }) => (vec![("momentum", momentum)], 1.0),
            Optimizer::RMSprop(RMSprop { rho, momentum, epsilon, .. }) => {
                (vec![("rho", rho), ("momentum", momentum)], *epsilon)
            }
            Optimizer::Adam(Adam { beta_1, beta_2, epsilon, .. })
            | Optimizer::AdamW(AdamW { beta_1, beta_2, epsilon, .. }) => {
                (vec![("beta_1", beta_1), ("beta_2", beta_2)], *epsilon)
            }
        };
        for (name, decay) in decays {
            ensure!((0.0..1.0).contains(decay), "{name} must be at least 0 and below 1, not {decay}");
        }
        ensure!(epsilon > 0.0 && epsilon.is_finite(), "epsilon must be a positive number, not {epsilon}");
        ensure!(
            (0.0..1.0).contains(&weight_decay),
            "weight_decay must be at least 0 and below 1, not {weight_decay}"
        );
        Ok(())
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

/// The rate of a training under way: at 0, the weights stand still for a while.
pub(crate) fn check_learning_rate(learning_rate: f64) -> Result<()> {
    ensure!(
        learning_rate.is_finite() && learning_rate >= 0.0,
        "learning_rate must be a number of 0 or more, not {learning_rate}"
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
        let (_, weight_decay) = optimizer.rates();
        let keep = 1.0 - learning_rate * weight_decay;
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
