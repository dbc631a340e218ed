//! Progress as printed lines.

use std::time::Duration;

use super::{Progress, Status};
use crate::history::History;

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

    fn on_end(&mut self, history: &History, _error: Option<&anyhow::Error>) {
        if let Some(note) = &history.stopped {
            println!("{note}");
        }
    }
}
