//! Before the first step: everything is checked that can be, and the data divided.

use anyhow::{ensure, Result};
use tch::{Device, Kind, Tensor};

use super::callback::{Backup, Callback, Run};
use super::epoch_log::EpochLog;
use super::fit::Fit;
use super::history::History;
use super::progress::{Lines, Progress, Silent, TrainingDisplay};
use super::remarks::{on_images, on_split};
use super::under_way::UnderWay;
use super::weights_to_train::weights_to_train;
use super::Samples;
use crate::engine::allocator::KeepsMemory;
use crate::engine::error::Context;
use crate::engine::memory::{guarded, in_memory};
use crate::model::{Labels, Sequential, NOT_COMPILED};
use crate::preprocessing::PixelRange;

impl Sequential {
    /// Trains on `x [n, ..input shape]` and `y`, class numbers `[n]` or `[n, 1]`, or one-hot rows `[n, classes]`; for a model
    /// with a single output, 0 and 1, `[n]` or `[n, 1]`. [`Loss`](crate::Loss) has a table.
    ///
    /// Images are bytes, which the model divides by 255, or 32-bit floats, best from 0 to 1 or standardised. With `verbose`,
    /// a line is printed where the root of their mean square is above 3 (standardised images have 1), where they are on
    /// another scale than the validation data or an earlier training, and where `validation_split` divides sorted labels.
    /// A sample of the images is looked at for it.
    ///
    /// Loss and accuracy in the history are means over the epoch, while the weights change; those of the
    /// validation samples are measured at the epoch's end. Training again goes on from the weights reached.
    ///
    /// Where the kernel lets the user stop a cell, the training ends within one batch: the history has the epochs until
    /// then and says where it was stopped, and the model keeps the weights it has reached.
    ///
    /// # Errors
    /// If the model is not compiled, all its layers are frozen, an argument is out of its range, images or labels do not fit the model,
    /// the loss is no longer a number, or there is too little memory for the batch size. After an error in the
    /// middle of an epoch, the model has the weights that it had at the epoch's beginning, and
    /// [`history`](Self::history) the epochs before.
    ///
    /// Source: `keras/src/trainers/trainer.py`.
    pub fn fit(&mut self, x: &Tensor, y: &Tensor, settings: &Fit) -> Result<History> {
        self.training(x, y, settings).run()
    }

    /// Prepares a training with more than [`fit`](Self::fit) has: validation data, callbacks, another progress.
    ///
    /// As there, `x` is `[n, ..input shape]` and `y` class numbers `[n]` or one-hot rows `[n, classes]`; both are checked
    /// when it is [`run`](Training::run).
    ///
    /// ```
    /// use cnn::{callbacks::EarlyStopping, prelude::*};
    /// let data = mnist::synthetic_digits(200, 50, 1);
    /// let (x_train, x_test) = (add_channel(&data.x_train)?, add_channel(&data.x_test)?);
    /// let mut model = course::model(1)?;
    /// let history = model
    ///     .training(&x_train, &data.y_train, &Fit { epochs: 2, ..Fit::default() })
    ///     .validation_data(&x_test, &data.y_test)
    ///     .callback(EarlyStopping::new().patience(1))
    ///     .run()?;
    /// assert_eq!(history.val_loss.len(), history.epochs());
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn training<'a>(&'a mut self, x: &'a Tensor, y: &'a Tensor, settings: &'a Fit) -> Training<'a> {
        let progress: Box<dyn Progress> = match settings.verbose {
            true if live::is_live() => Box::<TrainingDisplay>::default(),
            true => Box::new(Lines),
            false => Box::new(Silent),
        };
        Training {
            model: self,
            x,
            y,
            settings,
            validation_data: None,
            callbacks: Vec::new(),
            backup: None,
            progress,
        }
    }
}

/// A training that is about to begin; [`Sequential::training`] makes it.
pub struct Training<'a> {
    model: &'a mut Sequential,
    x: &'a Tensor,
    y: &'a Tensor,
    settings: &'a Fit,
    validation_data: Option<(&'a Tensor, &'a Tensor)>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    backup: Option<Box<dyn Backup>>,
    progress: Box<dyn Progress + 'a>,
}

impl<'a> Training<'a> {
    /// Measures on these images `x [n, ..input shape]` and labels `y`, `[n]` or `[n, classes]`, at the end of each epoch,
    /// instead of on a part of the training data: `validation_split` then plays no part.
    pub fn validation_data(self, x: &'a Tensor, y: &'a Tensor) -> Self {
        Training { validation_data: Some((x, y)), ..self }
    }

    /// Adds a callback; they are called in the order in which they are added. A [`BackupAndRestore`](crate::callbacks::BackupAndRestore) stands apart from
    /// the others: it is written after all of them have been called.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        match callback.as_backup() {
            Some(backup) => self.backup = Some(backup),
            None => self.callbacks.push(Box::new(callback)),
        }
        self
    }

    /// Shows the progress in another way.
    pub fn progress(self, progress: impl Progress + 'a) -> Self {
        Training { progress: Box::new(progress), ..self }
    }

    /// Trains.
    ///
    /// # Errors
    /// See [`Sequential::fit`]; and if a callback returns an error.
    pub fn run(self) -> Result<History> {
        let _memory = KeepsMemory::new();
        let (device, images, batch_size) = (self.model.device(), self.x.size(), self.settings.batch_size);
        let advice = || {
            format!(
                "there is not enough memory on {device:?} for the images {images:?} and their labels, beside a \
                 batch_size of {batch_size}; train on fewer images, or set CNN_DEVICE=cpu if it is a GPU"
            )
        };
        let mut under_way = guarded("the training", advice, || self.prepared())?;
        in_memory(batch_size, || under_way.begin())?;
        under_way.train()
    }

    /// Checks everything that can be checked before the first step, and divides the data.
    fn prepared(self) -> Result<UnderWay<'a>> {
        let Training { model, x, y, settings, validation_data, callbacks, backup, progress } = self;
        let (device, classes) = (model.device(), model.classes());
        let compiled = model.compiled.as_ref().context(NOT_COMPILED)?;
        let checked = |x: &Tensor, y: &Tensor| -> Result<Samples> {
            model.network.check_images(x)?;
            let labels = Labels::new(y, x.size()[0], model.outputs(), compiled.loss)?;
            Ok((x.shallow_clone(), labels.tensor().shallow_clone()))
        };
        let (x, y) = checked(x, y)?;
        let count = x.size()[0];
        let train = settings.check(count, classes, validation_data.is_none())?;
        weights_to_train(model, settings)?;
        // With several outputs that answer for themselves, a sample may be of several classes.
        let is_of_several = model.outputs() > 1 && compiled.loss.is_binary(model.outputs());
        ensure!(
            settings.class_weight.is_none() || !is_of_several,
            "class_weight has a weight for each class, and with BinaryCrossentropy and {classes} outputs a sample may be of \
             several classes; leave it out"
        );
        let part = |start, length| (x.narrow(0, start, length), y.narrow(0, start, length));
        let validation = match validation_data {
            Some((x, y)) => Some(checked(x, y).context("the validation data")?),
            None => (train < count).then(|| part(train, count - train)),
        };
        let samples = part(0, train);
        let range = PixelRange::of(&samples.0);
        if settings.verbose {
            let given = validation_data.map(|(x, _)| x);
            let mut remarks = on_images(&model.scale, &samples.0, range, given);
            let is_split = given.is_none() && !is_of_several;
            let split = validation.as_ref().filter(|_| is_split);
            remarks.extend(split.and_then(|validation| on_split(&samples, validation, classes)));
            remarks.iter().for_each(|remark| println!("{remark}"));
        }
        let moved = |(x, y): Samples, device| (x.to_device(device), y.to_device(device));
        let history = History::new(settings, &compiled.optimizer);
        let steps = settings.steps(train);
        let class_weight = settings.class_weight.as_ref();
        Ok(UnderWay {
            class_weight: class_weight
                .map(|weights| Tensor::from_slice(weights).to_kind(Kind::Float).to_device(device)),
            // Augmentation works on the CPU: there the images stay, and each batch is moved when it is ready.
            range,
            train: moved(samples, if settings.augment.is_some() { Device::Cpu } else { device }),
            run: Run {
                model,
                history,
                epoch: 0,
                batch: 0,
                steps,
                validation: validation.is_some(),
                stop_training: false,
                verbose: settings.verbose,
            },
            validation: validation.map(|samples| moved(samples, device)),
            settings,
            callbacks,
            backup,
            progress,
            epoch_log: EpochLog::of_environment(),
            at_begin: None,
        })
    }
}
