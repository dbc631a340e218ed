//! One type for all optimizers, and what they remember.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

/// A weight that is trained.
pub(crate) struct Trained {
    /// As the model calls it.
    pub name: String,
    /// Shares its memory with the model's own.
    pub weight: Tensor,
    /// The learning rate times this is the weight's own.
    pub lr_multiplier: f64,
}

/// What an optimizer remembers between steps.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Steps done.
    pub steps: i64,
    /// Of each weight that has been moved, by its name.
    pub slots: BTreeMap<String, Slots>,
}

/// What an optimizer remembers of one weight.
#[derive(Debug)]
pub(crate) struct Slots {
    /// Steps that the weight has made: fewer than the optimizer's where it was frozen at first.
    pub steps: i64,
    /// The tensors that [`Optimizer::slots`] names.
    pub tensors: Vec<Tensor>,
}

impl Slots {
    /// Before the first step: zeros, which lie in memory as the weight does.
    pub fn new(optimizer: &Optimizer, weight: &Tensor) -> Slots {
        let tensors = optimizer.slots().iter().map(|_| weight.zeros_like().detach()).collect();
        Slots { steps: 0, tensors }
    }
}

impl State {
    /// Moves every weight one step along its gradient.
    pub(crate) fn step(
        &mut self,
        optimizer: &Optimizer,
        learning_rate: f64,
        weights: &mut [Trained],
        gradients: &[Tensor],
    ) {
        self.steps += 1;
        let (_, weight_decay) = optimizer.rates();
        no_grad(|| {
            for (Trained { name, weight, lr_multiplier }, gradient) in weights.iter_mut().zip(gradients) {
                if !self.slots.contains_key(name) {
                    self.slots.insert(name.clone(), Slots::new(optimizer, weight));
                }
                let slots = self.slots.get_mut(name).expect("it was made above");
                slots.steps += 1;
                let learning_rate = learning_rate * *lr_multiplier;
                let keep = 1.0 - learning_rate * weight_decay;
                if keep < 1.0 {
                    *weight *= keep;
                }
                optimizer.update(slots.steps, learning_rate, weight, gradient, &mut slots.tensors);
            }
        });
    }

    /// A copy with tensors of its own.
    pub(crate) fn copy(&self) -> State {
        let copy = |(name, Slots { steps, tensors }): (&String, &Slots)| {
            (name.clone(), Slots { steps: *steps, tensors: tensors.iter().map(Tensor::copy).collect() })
        };
        State { steps: self.steps, slots: self.slots.iter().map(copy).collect() }
    }
}
