//! What three of the callbacks share: watching one quantity of the history for improvements.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};

use super::Run;
use crate::engine::error::Context;

/// Which way a monitored quantity gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Accuracies should rise, and everything else should fall.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// One quantity, and the best value so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Monitor {
    pub quantity: String,
    pub mode: Mode,
    /// A change smaller than this is no improvement.
    pub min_delta: f64,
    pub best: Option<f64>,
}

impl Monitor {
    pub fn new(quantity: &str, min_delta: f64) -> Self {
        Monitor { quantity: quantity.to_string(), mode: Mode::Auto, min_delta, best: None }
    }

    /// Says if no training measures such a quantity.
    pub fn check_name(&self, run: &Run) -> Result<()> {
        let names = run.history.quantities().map(|(name, _)| name);
        ensure!(
            names.contains(&self.quantity.as_str()),
            "the quantity {:?} is not measured in any training; there are {}",
            self.quantity,
            names.join(", ")
        );
        Ok(())
    }

    /// Says, before the first epoch, if this training does not measure the quantity.
    pub fn check(&self, run: &Run) -> Result<()> {
        self.check_name(run)?;
        ensure!(measured(run).contains(&self.quantity.as_str()), self.not_measured(run));
        Ok(())
    }

    /// The quantity's newest value.
    pub fn value(&self, run: &Run) -> Result<f64> {
        run.history.last(&self.quantity).with_context(|| self.not_measured(run))
    }

    fn not_measured(&self, run: &Run) -> String {
        format!(
            "the quantity {:?} is not measured in this training; there are {}. \
             A validation_split, or validation_data, gives those that begin with val_",
            self.quantity,
            measured(run).join(", ")
        )
    }

    /// Whether `value` is better than the best so far.
    pub fn is_better(&self, value: f64) -> bool {
        self.best.map_or(!value.is_nan(), |best| self.beats(value, best))
    }

    /// Whether `value` is better than `other`.
    pub fn beats(&self, value: f64, other: f64) -> bool {
        if self.rises() {
            value - self.min_delta.abs() > other
        } else {
            value + self.min_delta.abs() < other
        }
    }

    fn rises(&self) -> bool {
        match self.mode {
            Mode::Auto => self.quantity.ends_with("accuracy"),
            mode => mode == Mode::Max,
        }
    }
}

/// The quantities that this training measures.
pub(super) fn measured(run: &Run) -> Vec<&'static str> {
    let names = run.history.quantities().map(|(name, _)| name);
    names.into_iter().filter(|name| run.validation || !name.starts_with("val_")).collect()
}
