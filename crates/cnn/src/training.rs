//! The arguments of a training, and the loop.

use anyhow::{bail, ensure, Result};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tch::{no_grad, Kind, Tensor};

use crate::augmentation::Augment;
use crate::batches::{in_memory, Batch, Batches};
use crate::callbacks::{identity, Callback, Run};
use crate::error::Context;
use crate::history::History;
use crate::loss::Labels;
use crate::metrics::Evaluation;
use crate::model::{Sequential, NOT_COMPILED};
use crate::progress::{Bar, Lines, Progress, Silent, Status, TrainingDisplay};
use crate::random::{generator, seed_at, Purpose};
use crate::schedule::Schedule;
use crate::stop::{is_stop, Stopped};

/// The arguments of [`Sequential::fit`], with Keras's names and defaults.
///
/// ```
/// use cnn::prelude::*;
/// let settings = Fit { epochs: 10, batch_size: 128, validation_split: 0.1, ..Fit::default() };
/// assert_eq!(settings.split(60_000)?, (54_000, 6_000));
/// assert_eq!(settings.steps(54_000), 422);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fit {
    /// How often training goes through all training samples. Default 1.
    pub epochs: usize,
    /// Samples per step of the optimizer. Default 32.
    pub batch_size: i64,
    /// Share of the samples, 0 to 1, kept apart to measure on; they are the last ones. Default 0.
    pub validation_split: f64,
    /// Whether each epoch goes through the samples in an order of its own. Default true.
    pub shuffle: bool,
    /// Seed of the order, the augmentation and dropout. Default 42.
    pub seed: u64,
    /// Random changes to the training images, new ones in every epoch. Default none.
    pub augment: Option<Augment>,
    /// How the learning rate changes from step to step. Default constant.
    pub schedule: Schedule,
    /// A factor for the loss of each class's samples, for data with rare classes; one number per class, 0 or more.
    /// Default none. Validation is measured without.
    pub class_weight: Option<Vec<f64>>,
    /// Gradients that together are longer than this are made so long. Default none.
    pub global_clipnorm: Option<f64>,
    /// Gradients are cut off at ± this, number by number. Default none.
    pub clipvalue: Option<f64>,
    /// Whether the progress is shown: as a display in a live kernel, elsewhere as a line for every epoch. Default true.
    pub verbose: bool,
}

impl Default for Fit {
    fn default() -> Self {
        Fit {
            epochs: 1,
            batch_size: 32,
            validation_split: 0.0,
            shuffle: true,
            seed: 42,
            augment: None,
            schedule: Schedule::Constant,
            class_weight: None,
            global_clipnorm: None,
            clipvalue: None,
            verbose: true,
        }
    }
}

impl Fit {
    /// How many of `count` samples are trained on, and how many are kept for validation, as Keras splits.
    ///
    /// # Errors
    /// If `validation_split` is not at least 0 and below 1, or leaves one of the two parts empty.
    pub fn split(&self, count: i64) -> Result<(i64, i64)> {
        let share = self.validation_split;
        ensure!((0.0..1.0).contains(&share), "validation_split must be at least 0 and below 1, not {share}");
        let train = (count as f64 * (1.0 - share)).floor() as i64;
        ensure!(
            train > 0 && (train < count || share == 0.0),
            "validation_split = {share} of {count} samples leaves {train} for training and {} for validation; \
             both need at least one",
            count - train
        );
        Ok((train, count - train))
    }

    /// Steps of one epoch over `train` samples. The last batch may be smaller than the others.
    pub fn steps(&self, train: i64) -> i64 {
        (train + self.batch_size - 1) / self.batch_size.max(1)
    }

    /// Says what is wrong, or how many samples are for training; `split` tells whether others are kept apart.
    fn check(&self, count: i64, classes: i64, split: bool) -> Result<i64> {
        ensure!(self.epochs > 0, "epochs must be at least 1, not 0");
        ensure!(self.batch_size > 0, "batch_size must be at least 1, not {}", self.batch_size);
        let train = if split { self.split(count)?.0 } else { count };
        ensure!(
            self.batch_size <= train,
            "batch_size is {}, and there are only {train} training samples; use a smaller one",
            self.batch_size
        );
        self.schedule.check()?;
        if let Some(weights) = &self.class_weight {
            ensure!(
                weights.len() as i64 == classes
                    && weights.iter().all(|&weight| weight >= 0.0 && weight.is_finite()),
                "class_weight must be {classes} numbers of 0 or more, one per class, not {weights:?}"
            );
        }
        for (name, limit) in [("global_clipnorm", self.global_clipnorm), ("clipvalue", self.clipvalue)] {
            if let Some(limit) = limit {
                ensure!(limit > 0.0, "{name} must be a positive number, not {limit}");
            }
        }
        if let Some(augment) = &self.augment {
            augment.check()?;
        }
        Ok(train)
    }
}

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
        Training { model: self, x, y, settings, validation_data: None, callbacks: Vec::new(), progress }
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
    progress: Box<dyn Progress + 'a>,
}

/// Images and labels on the model's device, checked.
type Samples = (Tensor, Tensor);

impl<'a> Training<'a> {
    /// Measures on these images and labels at the end of each epoch, instead of on a part of the training data.
    pub fn validation_data(self, x: &'a Tensor, y: &'a Tensor) -> Self {
        Training { validation_data: Some((x, y)), ..self }
    }

    /// Adds a callback; they are called in the order in which they are added.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
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
        let (samples, validation) = self.samples()?;
        let Training { model, settings, mut callbacks, mut progress, .. } = self;
        let steps = settings.steps(samples.0.size()[0]);
        let compiled = model.compiled.as_ref().context(NOT_COMPILED)?;
        let mut run = Run {
            history: History::new(settings, &compiled.optimizer),
            model,
            epoch: 0,
            batch: 0,
            steps,
            stop_training: false,
            verbose: settings.verbose,
        };
        for callback in &mut callbacks {
            callback.on_train_begin(&mut run)?;
        }
        resume(&mut run, settings, &samples, &mut callbacks)?;
        progress.on_begin(&run.history, steps);
        let result =
            to_the_end(&mut run, settings, &samples, validation.as_ref(), &mut callbacks, progress.as_mut());
        progress.on_end(&run.history, result.as_ref().err());
        result.map(|()| run.history)
    }

    /// Checks everything that can be checked before the first step, and divides the data.
    fn samples(&self) -> Result<(Samples, Option<Samples>)> {
        let Training { model, x, y, settings, .. } = self;
        let (device, classes) = (model.device, model.classes());
        let loss = model.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let checked = |x: &Tensor, y: &Tensor| -> Result<Samples> {
            model.check_images(x)?;
            let labels = Labels::new(y, x.size()[0], classes, loss)?;
            Ok((x.to_device(device), labels.tensor().to_device(device)))
        };
        let (x, y) = checked(x, y)?;
        let count = x.size()[0];
        let train = settings.check(count, classes, self.validation_data.is_none())?;
        let part = |start, length| (x.narrow(0, start, length), y.narrow(0, start, length));
        let validation = match self.validation_data {
            Some((x, y)) => Some(checked(x, y).context("the validation data")?),
            None => (train < count).then(|| part(train, count - train)),
        };
        Ok((part(0, train), validation))
    }
}

/// Goes on with an interrupted training, if a callback kept it.
fn resume(
    run: &mut Run,
    settings: &Fit,
    (x, y): &Samples,
    callbacks: &mut [Box<dyn Callback + '_>],
) -> Result<()> {
    let count = callbacks.len();
    let Some(backup) = callbacks.iter_mut().find_map(|callback| callback.as_backup()) else {
        return Ok(());
    };
    let identity = identity(run.model, settings, &[("images", x), ("labels", y)], count)?;
    let path = backup.path.clone();
    if let Some(resumed) = backup.resume(run.model, identity, run.verbose)? {
        (run.epoch, run.history, run.stop_training) = (resumed.epoch, resumed.history, resumed.stop_training);
        for (callback, state) in callbacks.iter_mut().zip(resumed.states) {
            callback.restore(state).with_context(|| {
                format!("the backup {} is damaged; delete it, and begin the training anew", path.display())
            })?;
        }
    }
    Ok(())
}

/// Trains until all epochs are done, a callback or the user ends the training, or something fails.
fn to_the_end(
    run: &mut Run,
    settings: &Fit,
    samples: &Samples,
    validation: Option<&Samples>,
    callbacks: &mut [Box<dyn Callback + '_>],
    progress: &mut dyn Progress,
) -> Result<()> {
    let result = all_epochs(run, settings, samples, validation, callbacks, progress);
    if let Err(error) = result {
        if !is_stop(&error) {
            return Err(error);
        }
        run.history.stopped = Some(place(run));
    }
    for callback in callbacks.iter_mut() {
        callback.on_train_end(run)?;
    }
    if let Some(backup) = callbacks.iter_mut().find_map(|callback| callback.as_backup()) {
        let epochs = run.history.epochs();
        match &mut run.history.stopped {
            None => backup.finish()?,
            Some(note) => {
                if backup.keep(run.model)? {
                    *note += &format!(" Run the cell again to go on after epoch {epochs}.");
                }
            }
        }
    }
    Ok(())
}

fn all_epochs(
    run: &mut Run,
    settings: &Fit,
    samples: &Samples,
    validation: Option<&Samples>,
    callbacks: &mut [Box<dyn Callback + '_>],
    progress: &mut dyn Progress,
) -> Result<()> {
    let steps = run.steps;
    while run.epoch < settings.epochs && !run.stop_training {
        run.epoch += 1;
        let begin = Instant::now();
        for callback in callbacks.iter_mut() {
            callback.on_epoch_begin(run)?;
        }
        let trained = one_epoch(run, settings, samples, callbacks, progress)?;
        let Some(trained) = trained else { break };
        let validation = validation.map(|(x, y)| {
            let bar = Bar::silent("the validation", x.size()[0] as u64, "images");
            run.model.measure(x, y, bar)
        });
        let validation = validation.transpose()?;
        let factor =
            settings.schedule.factor(run.epoch as i64 * steps - 1, steps, settings.epochs as i64 * steps);
        let learning_rate = run.model.learning_rate()? * factor;
        run.history.push(trained, validation, learning_rate, begin.elapsed().as_secs_f64());
        progress.on_epoch(&run.history, steps);
        for callback in callbacks.iter_mut() {
            callback.on_epoch_end(run)?;
        }
        let states: Vec<_> = callbacks.iter().map(|callback| callback.state()).collect();
        if let Some(backup) = callbacks.iter_mut().find_map(|callback| callback.as_backup()) {
            backup.save(run, states)?;
        }
    }
    Ok(())
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

/// Trains for one epoch. Returns its loss and accuracy, or nothing if a callback ended it in its middle.
fn one_epoch(
    run: &mut Run,
    settings: &Fit,
    (x, y): &Samples,
    callbacks: &mut [Box<dyn Callback + '_>],
    progress: &mut dyn Progress,
) -> Result<Option<Evaluation>> {
    let device = run.model.device;
    let (steps, count) = (run.steps, x.size()[0]);
    let mut weights: Vec<Tensor> =
        run.model.trainable_weights().into_iter().map(|(_, weight)| weight).collect();
    let class_weight = settings
        .class_weight
        .as_ref()
        .map(|weights| Tensor::from_slice(weights).to_kind(Kind::Float).to_device(device));
    let batches = Batches {
        x: x.shallow_clone(),
        y: y.shallow_clone(),
        order: sample_order(count, settings, run.epoch).to_device(device),
        batch_size: settings.batch_size,
        augment: settings.augment.clone(),
        seed: settings.seed,
        epoch: run.epoch as u64,
        device,
    };
    let at_begin = run.model.snapshot();
    let (begin, mut shown) = (Instant::now(), Instant::now());
    let mut total_loss = Tensor::zeros([], (Kind::Double, device));
    let mut total_hits = Tensor::zeros([], (Kind::Int64, device));
    let mut done = 0;
    run.batch = 0;

    let result = batches.each(|Batch { images, labels }| -> Result<()> {
        if run.stop_training {
            return Ok(());
        }
        ensure!(!live::stop_requested(), Stopped("the training was stopped by the interrupt".to_string()));
        run.batch += 1;
        let step = (run.epoch as i64 - 1) * steps + run.batch - 1;
        let factor = settings.schedule.factor(step, steps, settings.epochs as i64 * steps);
        tch::manual_seed(
            seed_at(settings.seed, Purpose::Dropout, [run.epoch as u64, run.batch as u64]) as i64
        );

        let model = &mut *run.model;
        let sample_weights = class_weight.as_ref().map(|weights| Labels::weights(&labels, weights));
        let loss_function = model.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let (loss, hits, gradients) = in_memory(settings.batch_size, || {
            let logits = model.logits(&images, true);
            let loss =
                loss_function.compute(&logits, || model.outputs(&logits), &labels, sample_weights.as_ref());
            // As `loss.backward()`, but the gradients come back instead of being added to earlier ones.
            let mut gradients = Tensor::run_backward(&[&loss], &weights, false, false);
            for (gradient, weight) in
                gradients.iter_mut().zip(&weights).filter(|(gradient, _)| !gradient.defined())
            {
                *gradient = weight.zeros_like(); // the loss does not depend on this weight
            }
            (loss.detach(), Labels::hits(&logits.detach(), &labels), gradients)
        })?;
        let length = labels.size()[0];
        done += length;
        total_loss += loss.to_kind(Kind::Double) * length as f64;
        total_hits += hits;
        // Reading a number makes a GPU wait, so there the loss is looked at now and then only.
        if (!device.is_cuda() || run.batch % 50 == 0 || run.batch == steps) && !is_finite(&total_loss) {
            return invalid_loss(run, callbacks);
        }
        clip(settings, &gradients);
        let compiled = run.model.compiled.as_mut().context(NOT_COMPILED)?;
        let learning_rate = compiled.optimizer.learning_rate() * factor;
        compiled.state.step(&compiled.optimizer, learning_rate, &mut weights, &gradients);

        for callback in callbacks.iter_mut() {
            callback.on_batch_end(run, &loss)?;
        }
        if shown.elapsed() >= progress.interval() || run.batch == steps {
            shown = Instant::now();
            progress.on_batch(&Status {
                epoch: run.epoch,
                epochs: settings.epochs,
                step: run.batch,
                steps,
                seconds: begin.elapsed().as_secs_f64(),
                loss: total_loss.double_value(&[]) / done as f64,
                accuracy: total_hits.int64_value(&[]) as f64 / done as f64,
            });
        }
        Ok(())
    });
    if let Err(error) = result {
        if !is_stop(&error) {
            run.model.restore(&at_begin)?;
        }
        return Err(error);
    }
    if run.stop_training && done < count {
        return Ok(None);
    }
    let loss = total_loss.double_value(&[]) / count as f64;
    Ok(Some(Evaluation { loss, accuracy: total_hits.int64_value(&[]) as f64 / count as f64 }))
}

fn is_finite(total: &Tensor) -> bool {
    total.double_value(&[]).is_finite()
}

/// Ends a training whose loss is no number: quietly if a callback says so, else with an error.
fn invalid_loss(run: &mut Run, callbacks: &mut [Box<dyn Callback + '_>]) -> Result<()> {
    let mut quietly = false;
    for callback in callbacks {
        quietly |= callback.on_invalid_loss(run);
    }
    if quietly {
        run.stop_training = true;
        return Ok(());
    }
    bail!(
        "the loss is NaN or infinite in epoch {}, batch {} of {}. Likely causes: a learning_rate that is too high \
         (it is {}), images that hold NaN or are not from 0 to 1, or weights that were so before. The model has \
         the weights it had before this epoch; to begin anew, build it again, and compile it with a smaller \
         learning_rate, or set global_clipnorm",
        run.epoch,
        run.batch,
        run.steps,
        run.model.learning_rate()?
    )
}

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
fn sample_order(count: i64, settings: &Fit, epoch: usize) -> Tensor {
    let mut order: Vec<i64> = (0..count).collect();
    if settings.shuffle {
        order.shuffle(&mut generator(settings.seed, Purpose::Order, [epoch as u64, 0]));
    }
    Tensor::from_slice(&order)
}
