//! The sums of an epoch.

use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

use super::callback::Run;
use super::progress::Status;
use crate::evaluation::Evaluation;

/// An epoch so far. Its sums stay on the device until somebody wants to see them: reading a number makes a GPU wait.
pub(super) struct Epoch {
    pub begin: Instant,
    /// When the progress was told last.
    told: Instant,
    pub loss: Tensor,
    hits: Tensor,
    pub samples: i64,
}

impl Epoch {
    pub fn new(device: Device) -> Self {
        let loss = Tensor::zeros([], (Kind::Double, device));
        let hits = Tensor::zeros([], (Kind::Double, device));
        Epoch { begin: Instant::now(), told: Instant::now(), loss, hits, samples: 0 }
    }

    /// Adds a batch of `count` samples.
    pub fn add(&mut self, loss: &Tensor, hits: &Tensor, count: i64) {
        self.loss += loss.detach().to_kind(Kind::Double) * count as f64;
        self.hits += hits;
        self.samples += count;
    }

    /// Loss and accuracy of the samples so far.
    pub fn mean(&self) -> Evaluation {
        let samples = self.samples as f64;
        let (loss, hits) = (self.loss.double_value(&[]), self.hits.double_value(&[]));
        Evaluation { loss: loss / samples, accuracy: hits / samples }
    }

    /// Whether the progress was told longer ago than that; then it is told now.
    pub fn is_due(&mut self, interval: Duration) -> bool {
        let due = self.told.elapsed() >= interval;
        if due {
            self.told = Instant::now();
        }
        due
    }

    pub fn status(&self, run: &Run, epochs: usize) -> Status {
        let Evaluation { loss, accuracy } = self.mean();
        let seconds = self.begin.elapsed().as_secs_f64();
        Status { epoch: run.epoch, epochs, step: run.batch, steps: run.steps, seconds, loss, accuracy }
    }
}
