//! Two trainings for TensorBoard, the second of them interrupted and resumed, and their histories as JSON: scripts/tests
//! reads them back with TensorBoard's own reader.
//!
//! `cargo run --example tensorboard -- FOLDER`, then `tensorboard --logdir FOLDER`.

use cnn::anyhow::{self, ensure, Context};
use cnn::prelude::*;
use std::path::{Path, PathBuf};

/// Ends a training with an error, once its epoch has been written.
struct Interrupt {
    after_epoch: usize,
}

impl Callback for Interrupt {
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        ensure!(run.epoch != self.after_epoch, "interrupted");
        Ok(())
    }
}

fn train(folder: &Path, name: &str, after_epoch: usize) -> anyhow::Result<()> {
    let data = mnist::synthetic_digits(80, 0, 1);
    let x_train = add_channel(&data.x_train)?;
    let mut model = Sequential::input([1, 28, 28])
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()?;
    model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    let settings = Fit { epochs: 5, validation_split: 0.25, verbose: false, ..Fit::default() };
    let history = model
        .training(&x_train, &data.y_train, &settings)
        .callback(LearningRateScheduler::new(|_, rate| rate * 0.5))
        .callback(TensorBoard::new(folder.join(name)).histogram_freq(2))
        .callback(Interrupt { after_epoch })
        .callback(BackupAndRestore::new(folder.join("backup")))
        .run()?;
    history.save(folder.join(format!("{name}.json")))
}

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name a folder")?);
    train(&folder, "whole", 0)?;
    ensure!(train(&folder, "resumed", 3).is_err(), "the training was not interrupted");
    train(&folder, "resumed", 0)
}
