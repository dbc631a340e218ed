//! Loss and accuracy over the epochs, also within them.

use base64::{engine::general_purpose::STANDARD, Engine};

use super::Status;
use crate::show::describe::course;
use crate::show::svg::{draw, size, Chart, Point};
use crate::training::history::{epochs, History};

/// So many points of an epoch's training are kept, at most.
const PER_EPOCH: i64 = 30;

/// The points measured so far.
///
/// A status holds means over the epoch so far. A point of the training's lines is the mean since the point before,
/// so that the line also shows what happens late in an epoch.
#[derive(Debug, Default)]
pub(super) struct Curves {
    loss: Vec<Point>,
    accuracy: Vec<Point>,
    val_loss: Vec<Point>,
    val_accuracy: Vec<Point>,
    /// The epoch of the newest point and its step, and sums over all steps of the epoch up to there.
    epoch: usize,
    step: i64,
    sums: [f64; 2],
}

impl Curves {
    /// Those of a training that goes on: a point per epoch.
    pub fn of(history: &History) -> Self {
        let (loss, accuracy) = (epochs(&history.loss), epochs(&history.accuracy));
        let mut curves = Curves { loss, accuracy, ..Curves::default() };
        curves.validation(history);
        curves
    }

    /// Takes a point of the training, if it is time for one. Says whether it was.
    pub fn training(&mut self, status: &Status) -> bool {
        if status.epoch != self.epoch {
            (self.epoch, self.step, self.sums) = (status.epoch, 0, [0.0; 2]);
        }
        let Status { step, steps, .. } = *status;
        let due = (step - self.step) * PER_EPOCH >= steps || step == steps;
        if !due || step == self.step {
            return false;
        }
        let at = (status.epoch - 1) as f64 + step as f64 / steps as f64;
        let sums = [status.loss, status.accuracy].map(|mean| mean * step as f64);
        let mean = |index: usize| (sums[index] - self.sums[index]) / (step - self.step) as f64;
        self.loss.push((at, mean(0)));
        self.accuracy.push((at, mean(1)));
        (self.step, self.sums) = (step, sums);
        true
    }

    /// Takes the points of the validation.
    pub fn validation(&mut self, history: &History) {
        self.val_loss = epochs(&history.val_loss);
        self.val_accuracy = epochs(&history.val_accuracy);
    }

    /// The curves as an image in HTML. It is no `<svg>` element: JupyterLab removes those from notebooks that are not
    /// trusted.
    pub fn html(&self) -> String {
        let (width, height) = size(2);
        format!(
            "<img width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto;margin-top:6px\" \
             alt=\"{}\" src=\"data:image/svg+xml;base64,{}\"/>",
            self.description(),
            STANDARD.encode(self.svg())
        )
    }

    fn description(&self) -> String {
        let told = |name: &str, points: &[Point]| {
            let finite = points.iter().filter(|point| point.1.is_finite());
            format!("{name} {}", course(&finite.map(|&(at, value)| (at.ceil(), value)).collect::<Vec<_>>()))
        };
        let measured = [
            ("the loss", &self.loss),
            ("the accuracy", &self.accuracy),
            ("the validation's loss", &self.val_loss),
            ("the validation's accuracy", &self.val_accuracy),
        ];
        let known = measured.into_iter().filter(|(_, points)| !points.is_empty());
        let told: Vec<String> = known.map(|(name, points)| told(name, points)).collect();
        format!("Over the epochs, {}.", told.join("; "))
    }

    fn svg(&self) -> String {
        draw(&[
            Chart { title: "loss", training: &self.loss, validation: &self.val_loss },
            Chart { title: "accuracy", training: &self.accuracy, validation: &self.val_accuracy },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(epoch: usize, step: i64, loss: f64) -> Status {
        Status { epoch, epochs: 3, step, steps: 60, seconds: 1.0, loss, accuracy: 1.0 - loss }
    }

    #[test]
    fn points_are_means_since_the_point_before() {
        let mut curves = Curves::default();
        // Mean 0.9 in 10 steps, then 0.3 in 20; the second of these statuses comes too early.
        let statuses = [
            status(1, 10, 0.9),
            status(1, 11, 0.9),
            status(1, 30, 0.5),
            status(1, 30, 0.5),
            status(2, 15, 0.25),
        ];
        let taken = statuses.iter().map(|status| curves.training(status)).collect::<Vec<_>>();
        assert_eq!(taken, [true, false, true, false, true]);
        let expected = [(10.0 / 60.0, 0.9), (0.5, 0.3), (1.25, 0.25)];
        for (point, expected) in curves.loss.iter().zip(expected) {
            assert!((point.0 - expected.0).abs() < 1e-9 && (point.1 - expected.1).abs() < 1e-9, "{point:?}");
        }
    }

    #[test]
    fn an_epoch_leaves_at_most_thirty_points_and_its_last_one() {
        let mut curves = Curves::default();
        for step in 1..=60 {
            curves.training(&status(1, step, 0.5));
        }
        assert_eq!(curves.loss.len(), 30);
        let mut few = Curves::default();
        few.training(&status(1, 59, 0.5));
        assert!(few.training(&status(1, 60, 0.5)));
    }

    #[test]
    fn they_are_told_in_words() {
        let mut curves = Curves::default();
        for (epoch, step, loss) in [(1, 30, 0.5), (1, 60, f64::NAN), (2, 60, 0.25)] {
            curves.training(&status(epoch, step, loss));
        }
        let told = "Over the epochs, the loss falls from 0.5 at 1 to 0.25 at 2; the accuracy rises from 0.5 at 1 to 0.75 at 2.";
        assert_eq!(curves.description(), told);
    }

    #[test]
    fn a_loss_that_is_no_number_spoils_its_own_epoch_only() {
        let mut curves = Curves::default();
        for (epoch, step, loss) in [(1, 30, 0.5), (1, 60, f64::NAN), (2, 30, 0.25)] {
            curves.training(&status(epoch, step, loss));
        }
        assert!(curves.loss[1].1.is_nan() && curves.loss[2].1 == 0.25);
        assert!(!curves.svg().contains("NaN"));
    }
}
