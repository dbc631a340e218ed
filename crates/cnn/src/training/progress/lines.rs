//! Progress as printed lines.

use std::time::Duration;

use super::{Progress, Status};
use crate::training::History;

/// A line per epoch, as Keras prints it, and one every five seconds within long epochs.
#[derive(Debug, Clone, Default)]
pub struct Lines;

impl Progress for Lines {
    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn on_batch(&mut self, status: &Status) {
        // When little is left, the epoch's own line is about to come.
        if status.seconds_left() >= 3.0 {
            println!("{}", line(status));
        }
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

/// Where a long epoch is, on one line.
fn line(status: &Status) -> String {
    let Status { epoch, epochs, step, steps, loss, accuracy, .. } = status;
    let width = epochs.to_string().len();
    let left = status.seconds_left();
    format!(
        "Epoch {epoch:>width$}/{epochs}  step {step}/{steps}  {left:.0} s left  loss: {loss:.4}  accuracy: {accuracy:.4}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_a_long_epoch_says_how_much_is_left() {
        let (seconds, loss, accuracy) = (5.0, 0.5, 0.75);
        let status = Status { epoch: 2, epochs: 10, step: 100, steps: 400, seconds, loss, accuracy };
        let expected = "Epoch  2/10  step 100/400  15 s left  loss: 0.5000  accuracy: 0.7500";
        assert_eq!(line(&status), expected);
        assert_eq!(Status { step: 400, ..status }.seconds_left(), 0.0);
    }
}
