//! The training loop.

use anyhow::{ensure, Result};
use rand::{rngs::StdRng, seq::SliceRandom, SeedableRng};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tch::{Kind, Tensor};

use crate::augmentation::Augment;
use crate::error::Context;
use crate::history::History;
use crate::loss::Labels;
use crate::model::{batches, Sequential, NOT_COMPILED};

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
    /// Whether a line is printed for every epoch. Default true.
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
        (train + self.batch_size - 1) / self.batch_size
    }

    fn check(&self, count: i64) -> Result<(i64, i64)> {
        ensure!(self.epochs > 0, "epochs must be at least 1, not 0");
        ensure!(self.batch_size > 0, "batch_size must be at least 1, not {}", self.batch_size);
        let (train, validation) = self.split(count)?;
        ensure!(
            self.batch_size <= train,
            "batch_size is {}, and there are only {train} training samples; use a smaller one",
            self.batch_size
        );
        if let Some(augment) = &self.augment {
            augment.check()?;
        }
        Ok((train, validation))
    }
}

impl Sequential {
    /// Trains on `x [n, ..input shape]` and `y`, class numbers `[n]` or one-hot rows `[n, classes]`.
    ///
    /// Loss and accuracy in the history are means over the epoch, while the weights change; those of the
    /// validation samples are measured at the epoch's end. Training again goes on from the weights reached.
    ///
    /// # Errors
    /// If the model is not compiled, an argument is out of its range, images or labels do not fit the model,
    /// or the loss is no longer a number.
    ///
    /// Source: `keras/src/trainers/trainer.py`.
    pub fn fit(&mut self, x: &Tensor, y: &Tensor, settings: &Fit) -> Result<History> {
        self.check_images(x)?;
        let count = x.size()[0];
        let (train, validation) = settings.check(count)?;
        let labels = Labels::new(y, count, self.classes())?;
        let compiled = self.compiled.as_mut().context(NOT_COMPILED)?;
        let (optimizer, loss_function) = (compiled.optimizer.clone(), compiled.loss);
        let mut optimizer_state = std::mem::take(&mut compiled.state);
        let mut history = History::new(settings, &optimizer);

        let (x, y) = (x.to_device(self.device), labels.tensor().to_device(self.device));
        let mut weights: Vec<Tensor> = self.weights().into_iter().map(|(_, weight)| weight).collect();
        let mut random = StdRng::seed_from_u64(settings.seed);
        tch::manual_seed(settings.seed as i64); // for dropout

        for epoch in 1..=settings.epochs {
            let begin = Instant::now();
            let order = sample_order(train, settings.shuffle, &mut random).to_device(self.device);
            let mut total_loss = Tensor::zeros([], (Kind::Double, self.device));
            let mut total_hits = Tensor::zeros([], (Kind::Int64, self.device));

            for (start, length) in batches(train, settings.batch_size) {
                let batch = order.narrow(0, start, length);
                let (mut images, labels) = (x.index_select(0, &batch), y.index_select(0, &batch));
                if let Some(augment) = &settings.augment {
                    images = augment.apply(&images, &mut random);
                }
                let logits = self.logits(&images, true);
                let loss = loss_function.compute(&logits, || self.outputs(&logits), &labels);
                loss.backward();
                optimizer_state.step(&optimizer, &mut weights);

                total_loss += loss.detach().to_kind(Kind::Double) * length as f64;
                total_hits += Labels::hits(&logits, &labels);
            }

            let loss = total_loss.double_value(&[]) / train as f64;
            let accuracy = total_hits.int64_value(&[]) as f64 / train as f64;
            ensure!(
                loss.is_finite(),
                "the loss is {loss} after epoch {epoch}: the weights have grown beyond all bounds. \
                 Build the model again and compile it with a smaller learning_rate; check the images for NaN"
            );
            let measured = match validation {
                0 => None,
                _ => Some(self.evaluate(&x.narrow(0, train, validation), &y.narrow(0, train, validation))?),
            };
            history.push(loss, accuracy, measured, begin.elapsed().as_secs_f64());
            if settings.verbose {
                println!("{}", history.line(settings.steps(train)));
            }
        }
        self.keep_optimizer_state(optimizer_state);
        Ok(history)
    }
}

/// The numbers 0 to `count - 1`, shuffled if wanted.
fn sample_order(count: i64, shuffle: bool, random: &mut StdRng) -> Tensor {
    let mut order: Vec<i64> = (0..count).collect();
    if shuffle {
        order.shuffle(random);
    }
    Tensor::from_slice(&order)
}
