//! The batches of an epoch, prepared ahead of the training step that needs them.
//!
//! A batch is picked from the data when it is wanted: a shuffled copy of the whole data set would double the memory in
//! every epoch. Augmentation takes longer than picking; so it has a thread of its own, beside the training.

use anyhow::Result;
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;
use tch::{Device, Tensor};

use super::fit::Fit;

use crate::engine::memory::in_memory;
use crate::engine::random::{generator, seed_at, Purpose};
use crate::engine::ranges::batches;
use crate::preprocessing::augmentation::Augment;
use crate::preprocessing::to_float;

/// Images `[batch, ..]` as 32-bit floats, and their labels.
pub(crate) struct Batch {
    pub images: Tensor,
    pub labels: Tensor,
}

/// All that it takes to make the batches of one epoch.
pub(crate) struct Batches {
    pub x: Tensor,
    pub y: Tensor,
    /// Which samples, in which order.
    pub order: Vec<i64>,
    pub batch_size: i64,
    pub augment: Option<Augment>,
    pub seed: u64,
    pub epoch: u64,
    pub device: Device,
}

impl Batches {
    /// Gives the batches to `consume`, one after the other, until it says that there are enough, or there is an error.
    ///
    /// Augmentation takes time; so a second thread prepares the next batch while the current one trains.
    pub fn each(self, mut consume: impl FnMut(Batch) -> Result<ControlFlow<()>>) -> Result<()> {
        let parts = batches(self.order.len() as i64, self.batch_size);
        let order = Tensor::from_slice(&self.order).to_device(self.x.device());
        if self.augment.is_none() {
            return until_enough(parts.map(|part| self.batch(&order, part)), consume);
        }
        let (sender, receiver) = sync_channel(1);
        thread::scope(|scope| {
            scope.spawn(move || {
                for part in parts {
                    if sender.send(self.batch(&order, part)).is_err() {
                        break; // the training has ended early
                    }
                }
            });
            until_enough(receiver.into_iter(), &mut consume)
        })
    }

    fn batch(&self, order: &Tensor, part: (i64, i64)) -> Result<Batch> {
        in_memory(self.batch_size, || Ok(self.made(order, part)))
    }

    fn made(&self, order: &Tensor, (start, length): (i64, i64)) -> Batch {
        let samples = order.narrow(0, start, length);
        let images = self.x.index_select(0, &samples);
        let labels = self.y.index_select(0, &samples).to_device(self.device);
        let images = match &self.augment {
            Some(augment) => {
                let samples = &self.order[start as usize..][..length as usize];
                let place = |&sample: &i64| [self.epoch, sample as u64];
                let seed = |sample| seed_at(self.seed, Purpose::Augmentation, place(sample));
                augment.apply(&images, &samples.iter().map(seed).collect::<Vec<_>>())
            }
            None => to_float(&images),
        };
        Batch { images: images.to_device(self.device), labels }
    }
}

fn until_enough(
    mut batches: impl Iterator<Item = Result<Batch>>,
    mut consume: impl FnMut(Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    while let Some(batch) = batches.next().transpose()? {
        if consume(batch)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The numbers 0 to `count - 1`, in the order of this epoch.
pub(super) fn sample_order(count: i64, settings: &Fit, epoch: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..count).collect();
    if settings.shuffle {
        order.shuffle(&mut generator(settings.seed, Purpose::Order, [epoch as u64, 0]));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn batches_follow_the_order_until_there_are_enough() {
        let x = Tensor::arange(7, (Kind::Uint8, Device::Cpu)).reshape([7, 1, 1, 1]);
        for augment in [None, Some(Augment::default())] {
            for enough in [1, 2, 3, 4] {
                let batches = Batches {
                    x: x.shallow_clone(),
                    y: x.flatten(0, -1).to_kind(Kind::Int64),
                    order: vec![6, 0, 5, 1, 4, 2, 3],
                    batch_size: 3,
                    augment: augment.clone(),
                    seed: 1,
                    epoch: 1,
                    device: Device::Cpu,
                };
                let mut seen = Vec::new();
                let each = batches.each(|Batch { images, labels }| {
                    assert_eq!(images.flatten(0, -1), labels.to_kind(Kind::Float) / 255.0);
                    seen.push(Vec::<i64>::try_from(labels).unwrap());
                    let is_enough = seen.len() == enough;
                    Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                });
                each.unwrap();
                let all = [vec![6, 0, 5], vec![1, 4, 2], vec![3]];
                assert_eq!(seen, all[..enough.min(3)]);
            }
        }
    }
}
