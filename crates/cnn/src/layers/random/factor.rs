//! The range of a random number.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// How strong a random change may be: from the first number to the second, as in Keras. A single number `f` means from `-f`
/// to `f`.
///
/// ```
/// use cnn::layers::Factor;
/// assert_eq!(Factor::from(0.1), Factor::from((-0.1, 0.1)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct Factor(f64, f64);

/// As it may stand in a saved model.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    One(f64),
    Two(f64, f64),
}

impl From<Given> for Factor {
    fn from(given: Given) -> Self {
        match given {
            Given::One(factor) => factor.into(),
            Given::Two(lower, upper) => (lower, upper).into(),
        }
    }
}

impl From<f64> for Factor {
    fn from(factor: f64) -> Self {
        Factor(-factor.abs(), factor.abs())
    }
}

impl From<(f64, f64)> for Factor {
    fn from((one, other): (f64, f64)) -> Self {
        // NaN is kept, so that it is refused later.
        if one <= other {
            Factor(one, other)
        } else {
            Factor(other, one)
        }
    }
}

impl Factor {
    /// The smallest and the largest number.
    pub(super) fn bounds(&self) -> (f64, f64) {
        (self.0, self.1)
    }

    pub(super) fn check(&self, argument: &str, smallest: f64, largest: f64) -> Result<()> {
        let range = smallest..=largest;
        ensure!(
            range.contains(&self.0) && range.contains(&self.1),
            "{argument} must be from {smallest} to {largest}, not from {} to {}",
            self.0,
            self.1
        );
        Ok(())
    }

    /// One number for each of so many images: `[count]`, on the CPU.
    pub(super) fn draw(&self, count: i64) -> Tensor {
        Tensor::rand([count], (Kind::Float, Device::Cpu)) * (self.1 - self.0) + self.0
    }
}
