//! What every display of a training is told.

use anyhow::Error;
use std::time::Duration;

use crate::training::History;

/// Where a training stands in the middle of an epoch.
#[derive(Debug, Clone)]
pub struct Status {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// How many there are.
    pub epochs: usize,
    /// Steps done in this epoch.
    pub step: i64,
    /// How many an epoch has.
    pub steps: i64,
    /// Seconds since the epoch began.
    pub seconds: f64,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Accuracy of the epoch so far.
    pub accuracy: f64,
}

impl Status {
    /// Seconds that the rest of the epoch will take at the speed so far.
    pub fn seconds_left(&self) -> f64 {
        self.seconds / self.step.max(1) as f64 * (self.steps - self.step) as f64
    }
}

/// Shows how a training goes on. `fit` uses [`TrainingDisplay`](super::TrainingDisplay) where a
/// kernel can show it, and [`Lines`](super::Lines) elsewhere.
#[allow(unused_variables)]
pub trait Progress {
    /// How often `on_batch` is called within an epoch, at most.
    fn interval(&self) -> Duration;

    /// Before the first epoch, of `steps` steps. `history` has the epochs of a training that goes on.
    fn on_begin(&mut self, history: &History, steps: i64) {}

    /// In the middle of an epoch, and after its last batch.
    fn on_batch(&mut self, status: &Status);

    /// At the end of an epoch, which is the last one in `history`, of `steps` steps.
    fn on_epoch(&mut self, history: &History, steps: i64);

    /// At the end of the training. If the user stopped it, `history` says where; if it failed, `error` says why.
    fn on_end(&mut self, history: &History, error: Option<&Error>) {}
}
