//! What a training shows while it runs.

use std::time::Duration;

use crate::history::History;

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

/// Shows how a training goes on. [`Lines`] is what `fit` uses; a place that can draw may do better.
pub trait Progress {
    /// How often `on_batch` is called, at most.
    fn interval(&self) -> Duration;

    /// In the middle of an epoch.
    fn on_batch(&mut self, status: &Status);

    /// At the end of an epoch, which is the last one in `history`, of `steps` steps.
    fn on_epoch(&mut self, history: &History, steps: i64);
}

/// A line per epoch, as Keras prints it, and one every five seconds within long epochs.
#[derive(Debug, Clone, Default)]
pub struct Lines;

impl Progress for Lines {
    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn on_batch(&mut self, status: &Status) {
        if status.seconds_left() < 3.0 {
            return; // the epoch's own line is about to come
        }
        let Status { epoch, epochs, step, steps, loss, accuracy, .. } = status;
        let width = epochs.to_string().len();
        let left = status.seconds_left();
        println!(
            "Epoch {epoch:>width$}/{epochs}  step {step}/{steps}  {left:.0} s left  loss: {loss:.4}  accuracy: {accuracy:.4}"
        );
    }

    fn on_epoch(&mut self, history: &History, steps: i64) {
        println!("{}", history.line(steps));
    }
}

/// Shows nothing.
#[derive(Debug, Clone, Default)]
pub struct Silent;

impl Progress for Silent {
    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn on_batch(&mut self, _status: &Status) {}

    fn on_epoch(&mut self, _history: &History, _steps: i64) {}
}
