//! The training loop.

use anyhow::{ensure, Result};
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tch::{no_grad, Device, Kind, Tensor};

use crate::batches::{Batch, Batches};
use crate::callbacks::{fingerprint, BackupAndRestore, Callback, Run};
use crate::error::Context;
use crate::fit::Fit;
use crate::history::History;
use crate::layers::Pooled;
use crate::loss::Labels;
use crate::memory::{guarded, in_memory};
use crate::metrics::Evaluation;
use crate::model::{Pass, Sequential, Snapshot, NOT_COMPILED, PREDICTION_BATCH};
use crate::progress::{Bar, Lines, Progress, Silent, Status, TrainingDisplay};
use crate::random::{generator, seed_at, Purpose};
use crate::stop::{is_stop, Stopped};

impl Sequential {
    /// Trains on `x [n, ..input shape]` and `y`, class numbers `[n]` or one-hot rows `[n, classes]`.
    ///
    /// Loss and accuracy in the history are means over the epoch, while the weights change; those of the
    /// validation samples are measured at the epoch's end. Training again goes on from the weights reached.
    ///
    /// Where the kernel lets the user stop a cell, the training ends within one batch: the history has the epochs until
    /// then and says where it was stopped, and the model keeps the weights it has reached.
    ///
    /// # Errors
    /// If the model is not compiled, an argument is out of its range, images or labels do not fit the model,
    /// the loss is no longer a number, or there is too little memory for the batch size. After an error in the
    /// middle of an epoch, the model has the weights that it had at the epoch's beginning.
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
    backup: Option<BackupAndRestore>,
    progress: Box<dyn Progress + 'a>,
}

/// Images and labels, checked.
type Samples = (Tensor, Tensor);

impl<'a> Training<'a> {
    /// Measures on these images `x [n, ..input shape]` and labels `y`, `[n]` or `[n, classes]`, at the end of each epoch,
    /// instead of on a part of the training data: `validation_split` then plays no part.
    pub fn validation_data(self, x: &'a Tensor, y: &'a Tensor) -> Self {
        Training { validation_data: Some((x, y)), ..self }
    }

    /// Adds a callback; they are called in the order in which they are added. A [`BackupAndRestore`] stands apart from
    /// the others: it is written after all of them have been called.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        match callback.as_backup() {
            Some(backup) => self.backup = Some(backup.clone()),
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
        let (device, images, batch_size) = (self.model.device, self.x.size(), self.settings.batch_size);
        let advice = || {
            format!(
                "there is not enough memory on {device:?} for the images {images:?} and their labels, beside a \
                 batch_size of {batch_size}; train on fewer images, or set CNN_DEVICE=cpu if it is a GPU"
            )
        };
        let mut under_way = guarded("the training", advice, || self.prepared())?;
        in_memory(batch_size, || under_way.begin())?;
        under_way.progress.on_begin(&under_way.run.history, under_way.run.steps);
        let result = under_way.train();
        under_way.progress.on_end(&under_way.run.history, result.as_ref().err());
        result.map(|()| under_way.run.history)
    }

    /// Checks everything that can be checked before the first step, and divides the data.
    fn prepared(self) -> Result<UnderWay<'a>> {
        let Training { model, x, y, settings, validation_data, callbacks, backup, progress } = self;
        let (device, classes) = (model.device, model.classes());
        let compiled = model.compiled.as_ref().context(NOT_COMPILED)?;
        let checked = |x: &Tensor, y: &Tensor| -> Result<Samples> {
            model.check_images(x)?;
            let labels = Labels::new(y, x.size()[0], classes, compiled.loss)?;
            Ok((x.shallow_clone(), labels.tensor().shallow_clone()))
        };
        let (x, y) = checked(x, y)?;
        let count = x.size()[0];
        let train = settings.check(count, classes, validation_data.is_none())?;
        let part = |start, length| (x.narrow(0, start, length), y.narrow(0, start, length));
        let validation = match validation_data {
            Some((x, y)) => Some(checked(x, y).context("the validation data")?),
            None => (train < count).then(|| part(train, count - train)),
        };
        let moved = |(x, y): Samples, device| (x.to_device(device), y.to_device(device));
        let history = History::new(settings, &compiled.optimizer);
        let steps = settings.steps(train);
        let class_weight = settings.class_weight.as_ref();
        Ok(UnderWay {
            class_weight: class_weight
                .map(|weights| Tensor::from_slice(weights).to_kind(Kind::Float).to_device(device)),
            // Augmentation works on the CPU: there the images stay, and each batch is moved when it is ready.
            train: moved(part(0, train), if settings.augment.is_some() { Device::Cpu } else { device }),
            validation: validation.map(|samples| moved(samples, device)),
            run: Run {
                model,
                history,
                epoch: 0,
                batch: 0,
                steps,
                stop_training: false,
                verbose: settings.verbose,
            },
            settings,
            callbacks,
            backup,
            progress,
            at_begin: None,
        })
    }
}

/// A training that has begun: what it was given, and where it is.
struct UnderWay<'a> {
    run: Run<'a>,
    settings: &'a Fit,
    train: Samples,
    validation: Option<Samples>,
    class_weight: Option<Tensor>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    backup: Option<BackupAndRestore>,
    progress: Box<dyn Progress + 'a>,
    /// The model at the epoch's beginning, to come back to after an error.
    at_begin: Option<Snapshot>,
}

impl UnderWay<'_> {
    /// The loop: epoch, batch, forward, loss, backward, step. All else is in the small functions below.
    fn epochs(&mut self) -> Result<()> {
        while let Some(mut epoch) = self.begin_epoch()? {
            let mut weights = weights_to_train(self.run.model);
            self.batches().each(|Batch { images, labels }| {
                self.begin_batch()?;
                let Pass { logits, pooled } = self.forward(&images);
                let loss = self.loss(&logits, &labels)?;
                epoch.add(&loss, &logits, &labels);
                if !self.is_number(&epoch)? {
                    return Ok(ControlFlow::Break(()));
                }
                let gradients = backward(&loss, &weights, pooled.as_ref());
                self.step(&mut weights, &gradients)?;
                self.end_batch(&loss, &mut epoch)
            })?;
            self.end_epoch(epoch)?;
        }
        Ok(())
    }

    /// Before the first epoch. Goes on with an interrupted training, if a callback kept it.
    fn begin(&mut self) -> Result<()> {
        for callback in &mut self.callbacks {
            callback.on_train_begin(&mut self.run)?;
        }
        if let Some(backup) = &mut self.backup {
            let (model, validation) = (&*self.run.model, self.validation.as_ref());
            let fingerprint = fingerprint(model, self.settings, &self.train, validation, &self.callbacks)?;
            backup.resume(&mut self.run, &mut self.callbacks, fingerprint)?;
        }
        Ok(())
    }

    /// Trains until all epochs are done, a callback or the user ends the training, or something fails.
    fn train(&mut self) -> Result<()> {
        let result = in_memory(self.settings.batch_size, || self.epochs());
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
        in_memory(self.settings.batch_size, || self.end())
    }

    /// After the last epoch.
    fn end(&mut self) -> Result<()> {
        for callback in &mut self.callbacks {
            callback.on_train_end(&mut self.run)?;
        }
        let run = &mut self.run;
        if let Some(backup) = &self.backup {
            let epochs = run.history.epochs();
            // The training is done: what goes wrong with its backup must not cost its history.
            match &mut run.history.stopped {
                None => backup.finish().unwrap_or_else(|error| println!("{error:#}")),
                Some(note) => match backup.keep(run.model) {
                    Ok(true) => *note += &format!(" Run the cell again to go on after epoch {epochs}."),
                    Ok(false) => {}
                    Err(error) => println!("It cannot go on later: {error:#}"),
                },
            }
        }
        Ok(())
    }

    /// The next epoch, if there is one.
    fn begin_epoch(&mut self) -> Result<Option<Epoch>> {
        let run = &mut self.run;
        if run.epoch >= self.settings.epochs || run.stop_training {
            return Ok(None);
        }
        (run.epoch, run.batch) = (run.epoch + 1, 0);
        let epoch = Epoch::new(run.model.device);
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
            device: self.run.model.device,
        }
    }

    /// Counts the batch. Dropout's draws follow from its place alone.
    fn begin_batch(&mut self) -> Result<()> {
        ensure!(!live::stop_requested(), Stopped("the training was stopped by the interrupt".to_string()));
        self.run.batch += 1;
        let place = [self.run.epoch as u64, self.run.batch as u64];
        tch::manual_seed(seed_at(self.settings.seed, Purpose::Dropout, place) as i64);
        Ok(())
    }

    /// The outputs `[batch, classes]` before the softmax, for `images [batch, ..input shape]`.
    fn forward(&self, images: &Tensor) -> Pass {
        self.run.model.pass(images, true)
    }

    /// The mean loss of a batch; `logits [batch, classes]`, and `labels [batch]` or `[batch, classes]`.
    fn loss(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let model = &*self.run.model;
        let loss = model.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let weights = self.class_weight.as_ref().map(|weights| Labels::weights(labels, weights));
        Ok(loss.compute(logits, || model.outputs(logits), labels, weights.as_ref()))
    }

    /// Whether the loss is a number. If it is none, the training ends: quietly if a callback says so, else with an error.
    fn is_number(&mut self, epoch: &Epoch) -> Result<bool> {
        let run = &mut self.run;
        // Reading a number makes a GPU wait, so there the loss is looked at now and then only.
        let is_read = !run.model.device.is_cuda() || run.batch % 50 == 0 || run.batch == run.steps;
        if !is_read || epoch.loss.double_value(&[]).is_finite() {
            return Ok(true);
        }
        for callback in &mut self.callbacks {
            run.stop_training |= callback.on_invalid_loss(run);
        }
        ensure!(
            run.stop_training,
            "the loss is NaN or infinite in epoch {}, batch {} of {}. Likely causes: a learning_rate that is too high \
             (it is {}), images that hold NaN or are not from 0 to 1, or weights that were so before. The model has \
             the weights it had before this epoch; to begin anew, build it again, and compile it with a smaller \
             learning_rate, or set global_clipnorm",
            run.epoch,
            run.batch,
            run.steps,
            run.model.learning_rate()?
        );
        Ok(false)
    }

    /// Moves the weights along the gradients, which may be clipped before.
    fn step(&mut self, weights: &mut [Tensor], gradients: &[Tensor]) -> Result<()> {
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
        for callback in &mut self.callbacks {
            callback.on_epoch_end(run)?;
        }
        match &self.backup {
            Some(backup) => backup.save(run, &self.callbacks),
            None => Ok(()),
        }
    }
}

/// An epoch so far. Its sums stay on the device until somebody wants to see them: reading a number makes a GPU wait.
struct Epoch {
    begin: Instant,
    /// When the progress was told last.
    told: Instant,
    loss: Tensor,
    hits: Tensor,
    samples: i64,
}

impl Epoch {
    fn new(device: Device) -> Self {
        let loss = Tensor::zeros([], (Kind::Double, device));
        let hits = Tensor::zeros([], (Kind::Int64, device));
        Epoch { begin: Instant::now(), told: Instant::now(), loss, hits, samples: 0 }
    }

    /// Adds a batch.
    fn add(&mut self, loss: &Tensor, logits: &Tensor, labels: &Tensor) {
        let count = labels.size()[0];
        self.loss += loss.detach().to_kind(Kind::Double) * count as f64;
        self.hits += Labels::hits(&logits.detach(), labels);
        self.samples += count;
    }

    /// Loss and accuracy of the samples so far.
    fn mean(&self) -> Evaluation {
        let samples = self.samples as f64;
        let (loss, hits) = (self.loss.double_value(&[]), self.hits.int64_value(&[]));
        Evaluation { loss: loss / samples, accuracy: hits as f64 / samples }
    }

    /// Whether the progress was told longer ago than that; then it is told now.
    fn is_due(&mut self, interval: Duration) -> bool {
        let due = self.told.elapsed() >= interval;
        if due {
            self.told = Instant::now();
        }
        due
    }

    fn status(&self, run: &Run, epochs: usize) -> Status {
        let Evaluation { loss, accuracy } = self.mean();
        let seconds = self.begin.elapsed().as_secs_f64();
        Status { epoch: run.epoch, epochs, step: run.batch, steps: run.steps, seconds, loss, accuracy }
    }
}

/// Where the user stopped the training, and what is left of it.
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
    format!("Stopped {place}: the history has {history}, the model keeps the weights it has now.")
}

fn weights_to_train(model: &Sequential) -> Vec<Tensor> {
    model.trainable_weights().into_iter().map(|(_, weight)| weight).collect()
}

/// The gradients of the loss, one per weight and of its shape. As `loss.backward()`, but they come back instead of
/// being added to earlier ones. For layers that were computed in one go, libtorch's part ends at their output.
fn backward(loss: &Tensor, weights: &[Tensor], pooled: Option<&Pooled>) -> Vec<Tensor> {
    let Some(pooled) = pooled else {
        return gradients(loss, weights);
    };
    let [_kernel, _bias, later @ ..] = weights else { unreachable!("the first layer has two weights") };
    let mut leaves = vec![pooled.output.shallow_clone()];
    leaves.extend(later.iter().map(Tensor::shallow_clone));
    let mut gradients = gradients(loss, &leaves);
    let of_output = gradients.remove(0);
    pooled.gradients(&of_output).into_iter().chain(gradients).collect()
}

fn gradients(loss: &Tensor, weights: &[Tensor]) -> Vec<Tensor> {
    let mut gradients = Tensor::run_backward(&[loss], weights, false, false);
    let pairs = gradients.iter_mut().zip(weights);
    for (gradient, weight) in pairs.filter(|(gradient, _)| !gradient.defined()) {
        *gradient = weight.zeros_like(); // the loss does not depend on this weight
    }
    gradients
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

/// Makes gradients shorter that are too long.
///
/// Source: Pascanu et al., *On the difficulty of training recurrent neural networks*, 2013; `clip_by_global_norm` in
/// `keras/src/optimizers/base_optimizer.py`.
fn clip(settings: &Fit, gradients: &[Tensor]) {
    no_grad(|| {
        if let Some(limit) = settings.clipvalue {
            for gradient in gradients {
                let _ = gradient.shallow_clone().clamp_(-limit, limit);
            }
        }
        if let Some(limit) = settings.global_clipnorm {
            let squares: Vec<Tensor> =
                gradients.iter().map(|gradient| gradient.square().sum(Kind::Float)).collect();
            let norm = Tensor::stack(&squares, 0).sum(Kind::Float).sqrt();
            let factor = limit / norm.clamp_min(limit);
            for gradient in gradients {
                let _ = gradient.shallow_clone().g_mul_(&factor);
            }
        }
    });
}

/// The numbers 0 to `count - 1`, in the order of this epoch.
fn sample_order(count: i64, settings: &Fit, epoch: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..count).collect();
    if settings.shuffle {
        order.shuffle(&mut generator(settings.seed, Purpose::Order, [epoch as u64, 0]));
    }
    order
}
