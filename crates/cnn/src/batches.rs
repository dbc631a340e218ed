//! The batches of an epoch, prepared ahead of the training step that needs them.

use anyhow::Result;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::sync_channel;
use std::thread;
use tch::{Device, Tensor};

use crate::augmentation::Augment;
use crate::model::batches;
use crate::preprocessing::to_float;
use crate::random::{seed_at, Purpose};

/// Images `[batch, ..]` as 32-bit floats, and their labels.
pub(crate) struct Batch {
    pub images: Tensor,
    pub labels: Tensor,
}

/// All that it takes to make the batches of one epoch.
pub(crate) struct Batches {
    pub x: Tensor,
    pub y: Tensor,
    /// Which samples, in which order: `[samples]`, where `x` is.
    pub order: Tensor,
    pub batch_size: i64,
    pub augment: Option<Augment>,
    pub seed: u64,
    pub epoch: u64,
    pub device: Device,
}

impl Batches {
    /// Gives the batches to `consume`, one after the other, until there is an error.
    ///
    /// Augmentation takes time; so a second thread prepares the next batch while the current one trains.
    pub fn each(self, mut consume: impl FnMut(Batch) -> Result<()>) -> Result<()> {
        let batches = batches(self.order.size()[0], self.batch_size);
        if self.augment.is_none() {
            return batches.map(|part| self.batch(part)).try_for_each(|batch| consume(batch?));
        }
        let (sender, receiver) = sync_channel(1);
        thread::scope(|scope| {
            scope.spawn(move || {
                for part in batches {
                    if sender.send(self.batch(part)).is_err() {
                        break; // the training has ended early
                    }
                }
            });
            receiver.into_iter().try_for_each(|batch| consume(batch?))
        })
    }

    fn batch(&self, part: (i64, i64)) -> Result<Batch> {
        in_memory(self.batch_size, || self.made(part))
    }

    fn made(&self, (start, length): (i64, i64)) -> Batch {
        let samples = self.order.narrow(0, start, length);
        let images = self.x.index_select(0, &samples);
        let labels = self.y.index_select(0, &samples).to_device(self.device);
        let images = match &self.augment {
            Some(augment) => {
                let samples = Vec::<i64>::try_from(samples).expect("the order is of 64-bit integers");
                let seeds = samples
                    .into_iter()
                    .map(|sample| seed_at(self.seed, Purpose::Augmentation, [self.epoch, sample as u64]));
                augment.apply(&images, &seeds.collect::<Vec<_>>())
            }
            None => to_float(&images),
        };
        Batch { images: images.to_device(self.device), labels }
    }
}

/// Does the work for a batch; where libtorch cannot get the memory for it, the error says what to do.
pub(crate) fn in_memory<T>(batch_size: i64, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let first_line = text.lines().next().unwrap_or("libtorch gives no reason");
        if text.contains("memory") {
            anyhow::anyhow!(
                "there is not enough memory for a batch_size of {batch_size}; halve it. ({first_line})"
            )
        } else {
            anyhow::anyhow!("the training step failed: {first_line}")
        }
    })
}
