//! The training loop.

use anyhow::{anyhow, ensure, Error, Result};
use std::ops::ControlFlow;
use tch::{no_grad, Tensor};

use super::batches::{sample_order, Batch, Batches};
use super::callback::{Backup, Callback, Run};
use super::epoch::Epoch;
use super::epoch_log::EpochLog;
use super::fingerprint::{fingerprint, hash_of_weights};
use super::fit::Fit;
use super::gradients::{backward, clip};
use super::history::History;
use super::last_training::LastTraining;
use super::progress::Progress;
use super::weights_to_train::weights_to_train;
use super::Samples;
use crate::engine::error::Context;
use crate::engine::memory::{guarded, in_memory};
use crate::engine::random::{drawing, seed_at, Purpose};
use crate::engine::stop::{is_stop, Stopped};
use crate::evaluation::Evaluation;
use crate::model::{Labels, Logits, Sequential, Snapshot, NOT_COMPILED, PREDICTION_BATCH};
use crate::optimizers::Trained;
use crate::preprocessing::{first_not_finite, PixelRange};
use crate::show::Bar;

/// A training that has begun: what it was given, and where it is.
pub(super) struct UnderWay<'a> {
    pub run: Run<'a>,
    pub settings: &'a Fit,
    pub train: Samples,
    /// That of the training images, for the model to remember.
    pub range: PixelRange,
    pub validation: Option<Samples>,
    pub class_weight: Option<Tensor>,
    pub callbacks: Vec<Box<dyn Callback + 'a>>,
    pub backup: Option<Box<dyn Backup>>,
    pub progress: Box<dyn Progress + 'a>,
    pub epoch_log: Option<EpochLog>,
    /// The model at the epoch's beginning, to come back to after an error.
    pub at_begin: Option<Snapshot>,
}

impl UnderWay<'_> {
    /// The loop: epoch, batch, forward, loss, backward, step. All else is in the small functions below.
    fn epochs(&mut self) -> Result<()> {
        while let Some(mut epoch) = self.begin_epoch()? {
            self.batches().each(|Batch { images, labels }| {
                self.begin_batch()?;
                let logits = self.forward(&images);
                let loss = self.loss(&logits, &labels)?;
                epoch.add(&loss, &self.hits(&logits, &labels)?, labels.size()[0]);
                if !self.is_number(&epoch)? {
                    return Ok(ControlFlow::Break(()));
                }
                let mut weights = weights_to_train(self.run.model, self.settings)?;
                let gradients = backward(&loss, &weights, logits.tape);
                self.step(&mut weights, &gradients)?;
                self.end_batch(&loss, &mut epoch)
            })?;
            self.end_epoch(epoch)?;
        }
        Ok(())
    }

    /// Before the first epoch. Goes on with an interrupted training, if a callback kept it.
    pub fn begin(&mut self) -> Result<()> {
        for callback in &mut self.callbacks {
            callback.on_train_begin(&mut self.run)?;
        }
        if let Some(backup) = &mut self.backup {
            let (model, validation) = (&*self.run.model, self.validation.as_ref());
            let fingerprint = fingerprint(model, self.settings, &self.train, validation, &self.callbacks)?;
            backup.resume(&mut self.run, &mut self.callbacks, fingerprint)?;
        }
        self.run.model.scale.remember(self.range);
        Ok(())
    }

    /// Trains, and leaves the history in the model, whatever the end.
    pub fn train(mut self) -> Result<History> {
        let batch_size = self.settings.batch_size;
        let result = self.all_epochs().and_then(|()| in_memory(batch_size, || self.end()));
        let result = result.map_err(|error| self.with_history(error));
        let UnderWay { run, progress, backup, .. } = &mut self;
        let shown = in_memory(batch_size, || {
            progress.on_end(&run.history, result.as_ref().err());
            Ok(())
        });
        let left = backup.as_ref().and_then(|_| hash_of_weights(&run.model.weights()).ok());
        let weights = backup.as_ref().zip(left).map(|(backup, left)| [backup.begun_with(), left.into()]);
        run.model.last_training = Some(Box::new(LastTraining { history: run.history.clone(), weights }));
        result.and(shown).map(|()| self.run.history)
    }

    /// Until all epochs are done, a callback or the user ends the training, or something fails.
    fn all_epochs(&mut self) -> Result<()> {
        let result = in_memory(self.settings.batch_size, || {
            self.progress.on_begin(&self.run.history, self.run.steps);
            self.epochs()
        });
        let at_begin = self.at_begin.take();
        match result {
            Err(error) if is_stop(&error) => self.run.history.stopped = Some(place(&self.run)),
            Err(error) => {
                if let Some(at_begin) = at_begin {
                    self.run.model.restore(at_begin)?;
                }
                return Err(error);
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// The error, and where the epochs before it are: in one message, which `{}` and `{:#}` show alike.
    fn with_history(&self, error: Error) -> Error {
        let epochs = match self.run.history.epochs() {
            0 => return error,
            1 => "the epoch".to_string(),
            epochs => format!("the {epochs} epochs"),
        };
        let mut message = format!("{error:#}");
        message.truncate(message.trim_end_matches('.').len());
        message += &format!("; the history of {epochs} before is model.history()");
        if let Some(epoch) = self.backup.as_ref().and_then(|backup| backup.epoch()) {
            message += &format!(", and the same cell goes on after epoch {epoch}");
        }
        anyhow!(message)
    }

    /// After the last epoch.
    fn end(&mut self) -> Result<()> {
        let run = &mut self.run;
        let stopped = run.history.stopped.clone();
        // Each is called, also after another's error: one of them may give the best weights back.
        let mut result = Ok(());
        for callback in &mut self.callbacks {
            result = result.and(callback.on_train_end(run));
        }
        match &mut run.history.stopped {
            Some(note) => {
                if stopped.as_ref() == Some(note) {
                    *note += ", the model keeps the weights it has now";
                }
                note.push('.');
                if let Some(epoch) = self.backup.as_ref().and_then(|backup| backup.epoch()) {
                    *note += &format!(" Run the cell again to go on after epoch {epoch}.");
                }
            }
            // The training is done: what goes wrong with its backup must not cost its history.
            None => match &self.backup {
                Some(backup) if result.is_ok() => {
                    backup.finish().unwrap_or_else(|error| println!("{error:#}"));
                }
                _ => {}
            },
        }
        result
    }

    /// The next epoch, if there is one.
    fn begin_epoch(&mut self) -> Result<Option<Epoch>> {
        let run = &mut self.run;
        if run.epoch >= self.settings.epochs || run.stop_training {
            return Ok(None);
        }
        (run.epoch, run.batch) = (run.epoch + 1, 0);
        let epoch = Epoch::new(run.model.device());
        for callback in &mut self.callbacks {
            callback.on_epoch_begin(run)?;
        }
        if run.stop_training {
            return Ok(None);
        }
        self.at_begin = Some(run.model.snapshot());
        Ok(Some(epoch))
    }

    /// This epoch's batches, in its order.
    fn batches(&self) -> Batches {
        let (x, y) = &self.train;
        Batches {
            x: x.shallow_clone(),
            y: y.shallow_clone(),
            order: sample_order(x.size()[0], self.settings, self.run.epoch),
            batch_size: self.settings.batch_size,
            augment: self.settings.augment.clone(),
            seed: self.settings.seed,
            epoch: self.run.epoch as u64,
            device: self.run.model.device(),
        }
    }

    /// Counts the batch.
    fn begin_batch(&mut self) -> Result<()> {
        ensure!(!live::stop_requested(), Stopped("the training was stopped by the interrupt".to_string()));
        self.run.batch += 1;
        Ok(())
    }

    /// The outputs `[batch, classes]` before the softmax or sigmoid, for `images [batch, ..input shape]`. Dropout's draws follow
    /// from the batch's place alone.
    fn forward(&self, images: &Tensor) -> Logits {
        let place = [self.run.epoch as u64, self.run.batch as u64];
        let seed = seed_at(self.settings.seed, Purpose::Dropout, place);
        drawing(seed, || self.run.model.network.run(images, true))
    }

    /// The mean loss of a batch; `labels` are `[batch]` or `[batch, classes]`.
    fn loss(&self, logits: &Logits, labels: &Tensor) -> Result<Tensor> {
        let loss = self.run.model.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let weights = self.class_weight.as_ref().map(|weights| Labels::weights(labels, weights));
        Ok(loss.compute(logits, labels, weights.as_ref()))
    }

    /// How many samples of a batch are right.
    fn hits(&self, logits: &Logits, labels: &Tensor) -> Result<Tensor> {
        let loss = self.run.model.compiled.as_ref().context(NOT_COMPILED)?.loss;
        Ok(no_grad(|| Labels::hits(logits, labels, loss)))
    }

    /// Whether the loss is a number. If it is none, the training ends: quietly if a callback says so, else with an error.
    fn is_number(&mut self, epoch: &Epoch) -> Result<bool> {
        let run = &mut self.run;
        // Reading a number makes a GPU wait, so there the loss is looked at now and then only.
        let is_read = !run.model.device().is_cuda() || run.batch % 50 == 0 || run.batch == run.steps;
        if !is_read || epoch.loss.double_value(&[]).is_finite() {
            return Ok(true);
        }
        for callback in &mut self.callbacks {
            run.stop_training |= callback.on_invalid_loss(run);
        }
        let broken = if run.stop_training { None } else { first_not_finite(&self.train.0) };
        let broken = broken.map(|image| format!(" Training image {image} holds NaN or infinity."));
        ensure!(
            run.stop_training,
            "the loss is NaN or infinite in epoch {}, batch {} of {}.{} Likely causes: a learning_rate that is too high \
             (it is {}), images that hold NaN or are not from 0 to 1, or weights that were so before. The model has \
             the weights it had before this epoch; to begin anew, build it again, and compile it with a smaller \
             learning_rate, or set global_clipnorm",
            run.epoch,
            run.batch,
            run.steps,
            broken.unwrap_or_default(),
            run.model.learning_rate()?
        );
        Ok(false)
    }

    /// Moves the weights along the gradients, which may be clipped before.
    fn step(&mut self, weights: &mut [Trained], gradients: &[Tensor]) -> Result<()> {
        clip(self.settings, gradients);
        let factor = self.factor();
        let compiled = self.run.model.compiled.as_mut().context(NOT_COMPILED)?;
        let learning_rate = compiled.optimizer.learning_rate() * factor;
        compiled.state.step(&compiled.optimizer, learning_rate, weights, gradients);
        Ok(())
    }

    /// The schedule's factor for this batch.
    fn factor(&self) -> f64 {
        let Run { epoch, batch, steps, .. } = self.run;
        let step = (epoch as i64 - 1) * steps + batch - 1;
        let epochs = i64::try_from(self.settings.epochs).unwrap_or(i64::MAX);
        self.settings.schedule.factor(step, steps, epochs.saturating_mul(steps))
    }

    /// Tells callbacks and progress of the step. They may end the training.
    fn end_batch(&mut self, loss: &Tensor, epoch: &mut Epoch) -> Result<ControlFlow<()>> {
        let loss = loss.detach();
        for callback in &mut self.callbacks {
            callback.on_batch_end(&mut self.run, &loss)?;
        }
        if epoch.is_due(self.progress.interval()) || self.run.batch == self.run.steps {
            self.progress.on_batch(&epoch.status(&self.run, self.settings.epochs));
        }
        Ok(if self.run.stop_training { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Validates, and tells everybody of the epoch; one that was ended in its middle is not counted.
    fn end_epoch(&mut self, epoch: Epoch) -> Result<()> {
        let factor = self.factor();
        let run = &mut self.run;
        if epoch.samples < self.train.0.size()[0] {
            self.at_begin = None;
            return Ok(());
        }
        let validation = self.validation.as_ref().map(|samples| validate(run.model, samples, self.settings));
        let validation = validation.transpose()?;
        let learning_rate = run.model.learning_rate()? * factor;
        run.history.push(epoch.mean(), validation, learning_rate, epoch.begin.elapsed().as_secs_f64());
        self.at_begin = None;
        self.progress.on_epoch(&run.history, run.steps);
        if let Some(log) = &self.epoch_log {
            log.epoch(&run.history)?;
        }
        for callback in &mut self.callbacks {
            callback.on_epoch_end(run)?;
        }
        match &mut self.backup {
            Some(backup) => backup.save(run, &self.callbacks),
            None => Ok(()),
        }
    }
}

fn validate(model: &Sequential, (x, y): &Samples, settings: &Fit) -> Result<Evaluation> {
    let advice = || {
        format!(
            "there is not enough memory to validate {PREDICTION_BATCH} images at a time, beside a batch_size of {}; \
             make the model or the images smaller",
            settings.batch_size
        )
    };
    let bar = Bar::silent("the validation", x.size()[0] as u64, "images");
    guarded("the validation", advice, || model.measure(x, y, bar))
}

/// Where the user stopped the training; what the model has is added when the callbacks were called.
fn place(run: &Run) -> String {
    let Run { epoch, batch, steps, .. } = *run;
    let place = match batch == steps {
        true => format!("at the end of epoch {epoch}"),
        false => format!("in epoch {epoch}, batch {batch} of {steps}"),
    };
    let history = match run.history.epochs() {
        0 => "no epochs".to_string(),
        1 => "1 epoch".to_string(),
        epochs => format!("{epochs} epochs"),
    };
    format!("Stopped {place}: the history has {history}")
}
