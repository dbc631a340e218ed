//! How the learning rate changes while training.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A factor between 0 and 1 for each step of a training; the optimizer's learning rate is multiplied by it, and is
/// so the highest one used.
///
/// ```
/// use cnn::Schedule;
/// let schedule = Schedule::Step { epochs: 5, factor: 0.1 };
/// assert_eq!(schedule.factor(400, 100, 1000), 1.0); // step 400 is in epoch 5 ...
/// assert_eq!(schedule.factor(500, 100, 1000), 0.1); // ... and 500 in epoch 6 of 10, of 100 steps each
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Schedule {
    /// The learning rate stays as it is.
    #[default]
    Constant,
    /// Every `epochs` epochs the learning rate is multiplied by `factor`.
    Step {
        /// At least 1.
        epochs: usize,
        /// 0 to 1.
        factor: f64,
    },
    /// Half a cosine, from the learning rate down to `alpha` times it: Keras's `CosineDecay`.
    ///
    /// Source: Loshchilov and Hutter, *SGDR*, 2017; `keras/src/optimizers/schedules/learning_rate_schedule.py`.
    Cosine {
        /// 0 to 1.
        alpha: f64,
    },
    /// Up to the learning rate along half a cosine, then down to almost nothing along another: fast trainings
    /// with a rate that would be too high at their beginning and at their end.
    ///
    /// Source: Smith and Topin, *Super-convergence*, 2018; PyTorch's `OneCycleLR`, whose defaults are those of
    /// [`Schedule::one_cycle`].
    OneCycle {
        /// Share of the steps that go up, above 0 and below 1.
        warm_up: f64,
        /// The first factor is 1 / this.
        div_factor: f64,
        /// The last factor is the first divided by this.
        final_div_factor: f64,
    },
}

impl Schedule {
    /// `OneCycle` with 30 % of the steps going up, from 1/25 of the learning rate, and the end at 1/10,000 of the beginning.
    pub fn one_cycle() -> Self {
        Schedule::OneCycle { warm_up: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match *self {
            Schedule::Constant => {}
            Schedule::Step { epochs, factor } => {
                ensure!(epochs > 0, "the schedule's epochs must be at least 1, not 0");
                ensure!(
                    (0.0..=1.0).contains(&factor),
                    "the schedule's factor must be from 0 to 1, not {factor}"
                );
            }
            Schedule::Cosine { alpha } => {
                ensure!(
                    (0.0..=1.0).contains(&alpha),
                    "the schedule's alpha must be from 0 to 1, not {alpha}"
                );
            }
            Schedule::OneCycle { warm_up, div_factor, final_div_factor } => {
                ensure!(
                    warm_up > 0.0 && warm_up < 1.0,
                    "the schedule's warm_up must be above 0 and below 1, not {warm_up}"
                );
                for (name, value) in [("div_factor", div_factor), ("final_div_factor", final_div_factor)] {
                    ensure!(
                        value >= 1.0 && value.is_finite(),
                        "the schedule's {name} must be at least 1, not {value}"
                    );
                }
            }
        }
        Ok(())
    }

    /// Whether another number of epochs means another factor for the same step.
    pub(crate) fn depends_on_epochs(&self) -> bool {
        matches!(self, Schedule::Cosine { .. } | Schedule::OneCycle { .. })
    }

    /// The factor for `step`, counted from 0, of `steps` in all, of which an epoch has `steps_per_epoch`.
    pub fn factor(&self, step: i64, steps_per_epoch: i64, steps: i64) -> f64 {
        let share = |step: f64, steps: f64| if steps > 0.0 { (step / steps).clamp(0.0, 1.0) } else { 1.0 };
        // From `begin` to `end` along half a cosine.
        let cosine =
            |begin: f64, end: f64, share: f64| end + (begin - end) * (1.0 + (PI * share).cos()) / 2.0;
        let (number, step, last) = (step, step as f64, steps as f64 - 1.0);
        match *self {
            Schedule::Constant => 1.0,
            Schedule::Step { epochs, factor } => {
                let epochs = i64::try_from(epochs).unwrap_or(i64::MAX).max(1);
                factor.powf((number / steps_per_epoch.max(1) / epochs) as f64)
            }
            Schedule::Cosine { alpha } => cosine(1.0, alpha, share(step, steps as f64)),
            Schedule::OneCycle { warm_up, div_factor, final_div_factor } => {
                let (first, top) = (1.0 / div_factor, warm_up * steps as f64 - 1.0);
                if step <= top {
                    cosine(first, 1.0, share(step, top))
                } else {
                    cosine(1.0, first / final_div_factor, share(step - top, last - top))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Learning rates of PyTorch 2.13: `OneCycleLR(SGD(lr=1), max_lr=1, total_steps=10)`, before each of ten steps.
    #[test]
    fn one_cycle_is_pytorchs() {
        let expected = [
            0.04,
            0.52,
            1.0,
            0.950_484_7,
            0.811_745_2,
            0.611_262_0,
            0.388_742_0,
            0.188_258_8,
            0.049_519_3,
            4e-6,
        ];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = Schedule::one_cycle().factor(step as i64, 5, 10);
            assert!((factor - expected).abs() < 1e-5, "step {step}: {factor}, not {expected}");
        }
    }

    /// Keras 3.15: `CosineDecay(1.0, decay_steps=4, alpha=0.1)`.
    #[test]
    fn cosine_is_kerass() {
        let expected = [1.0, 0.868_198_1, 0.55, 0.231_801_94, 0.1];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = Schedule::Cosine { alpha: 0.1 }.factor(step as i64, 2, 4);
            assert!((factor - expected).abs() < 1e-6, "step {step}: {factor}, not {expected}");
        }
    }

    #[test]
    fn factors_are_between_nothing_and_one() {
        let schedules = [
            Schedule::Constant,
            Schedule::Step { epochs: 2, factor: 0.5 },
            Schedule::Cosine { alpha: 0.0 },
            Schedule::one_cycle(),
        ];
        for schedule in schedules {
            for steps in [1, 2, 3, 100] {
                for step in 0..steps {
                    let factor = schedule.factor(step, 10, steps);
                    assert!((0.0..=1.0).contains(&factor), "{schedule:?}, step {step} of {steps}: {factor}");
                }
            }
        }
    }
}
