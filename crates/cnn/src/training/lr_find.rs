//! The learning-rate range test: which rate is right for this model and this data?

use anyhow::{anyhow, ensure, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use tch::Tensor;

use super::callback::{Callback, Run};
use super::fit::Fit;
use crate::engine::memory::in_memory;
use crate::model::Sequential;
use crate::show::Bar;

/// How much of the smoothed loss is kept from step to step.
const BETA: f64 = 0.98;
/// The last losses are those that explode; neither the figure nor the suggestion looks at them.
pub(crate) const EXPLODING: usize = 5;

/// The arguments of [`Sequential::lr_find`], with fastai's names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LrFind {
    /// The rate of the first batch. Default 1e-7.
    pub start_lr: f64,
    /// The rate that the last batch comes close to. Default 10.
    pub end_lr: f64,
    /// How many batches, at least 10. Default 100.
    pub num_it: usize,
    /// Samples per batch; take that of your training. Fewer samples are one batch. Default 32.
    pub batch_size: i64,
    /// Seed of the order and of dropout. Default 42.
    pub seed: u64,
}

impl Default for LrFind {
    fn default() -> Self {
        LrFind { start_lr: 1e-7, end_lr: 10.0, num_it: 100, batch_size: 32, seed: 42 }
    }
}

impl LrFind {
    fn check(&self) -> Result<()> {
        let LrFind { start_lr, end_lr, num_it, .. } = *self;
        ensure!(
            start_lr > 0.0 && start_lr < end_lr && end_lr.is_finite(),
            "start_lr must be above 0 and below end_lr, not {start_lr} with an end_lr of {end_lr}"
        );
        ensure!(num_it >= 10, "num_it must be at least 10, not {num_it}; 100 is a good choice");
        Ok(())
    }
}

/// What [`Sequential::lr_find`] measures, one number per batch. In a notebook it shows itself as a figure.
#[derive(Clone, PartialEq)]
pub struct LrFound {
    /// The rates tried, from low to high.
    pub learning_rates: Vec<f64>,
    /// The loss at each of them, smoothed.
    pub losses: Vec<f64>,
    num_it: usize,
}

impl Sequential {
    /// Trains on `x [n, ..input shape]` and `y`, class numbers `[n]` or one-hot rows `[n, classes]`, for some batches with a
    /// learning rate that rises from step to step, to see at which rates the loss falls
    /// and at which it explodes. Afterwards, also after an error, weights, optimizer and learning rate are as before.
    ///
    /// The loss is smoothed, `mean = 0.98 · mean + 0.02 · loss`, divided by `1 - 0.98^step` since the mean begins at 0. The
    /// test ends when it exceeds four times the lowest so far, or is no number.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let data = mnist::synthetic_digits(500, 10, 1);
    /// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
    /// let found = model.lr_find(&x_train, &data.y_train, &LrFind::default())?;
    /// model.set_learning_rate(found.suggestion()?)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model is not compiled, an argument is out of its range, or images or labels do not fit the model; if there is
    /// too little memory for the batch size; and if the user interrupts it.
    ///
    /// Source: Smith, *Cyclical learning rates for training neural networks*, 2017; fastai's `LRFinder` in
    /// `fastai/callback/schedule.py`.
    pub fn lr_find(&mut self, x: &Tensor, y: &Tensor, settings: &LrFind) -> Result<LrFound> {
        settings.check()?;
        let rate = self.learning_rate()?;
        let before = in_memory(settings.batch_size, || Ok(self.snapshot()))?;
        let found = LrFound { learning_rates: Vec::new(), losses: Vec::new(), num_it: settings.num_it };
        let bar = Bar::new("lr_find", settings.num_it as u64, "batches");
        let mut search = Search { settings, found, mean: 0.0, lowest: f64::INFINITY, bar };
        // Each epoch has at least one batch; the search ends the training when it has seen enough.
        let fit = Fit {
            epochs: settings.num_it,
            batch_size: settings.batch_size,
            seed: settings.seed,
            verbose: false,
            ..Fit::default()
        };
        let last_training = self.last_training.take();
        let result = self.training(x, y, &fit).callback(&mut search).run();
        self.last_training = last_training;
        self.restore(before)?;
        self.set_learning_rate(rate)?;
        // Of the error only its cause: the history that it speaks of is not kept.
        let history = result.map_err(|error| anyhow!("{}", error.root_cause()))?;
        ensure!(history.stopped.is_none(), search.bar.stopped());
        Ok(search.found)
    }
}

/// Raises the rate before each batch, and notes the loss after it.
struct Search<'a> {
    settings: &'a LrFind,
    found: LrFound,
    mean: f64,
    lowest: f64,
    bar: Bar,
}

impl Search<'_> {
    fn set_rate(&self, run: &mut Run) -> Result<()> {
        let LrFind { start_lr, end_lr, num_it, .. } = *self.settings;
        let share = self.found.losses.len() as f64 / num_it as f64;
        run.model.set_learning_rate(start_lr * (end_lr / start_lr).powf(share))
    }
}

impl Callback for Search<'_> {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        self.set_rate(run)
    }

    fn on_batch_end(&mut self, run: &mut Run, loss: &Tensor) -> Result<()> {
        self.mean = BETA * self.mean + (1.0 - BETA) * loss.double_value(&[]);
        let steps = self.found.losses.len() + 1;
        let smoothed = self.mean / (1.0 - BETA.powi(steps as i32));
        self.found.learning_rates.push(run.model.learning_rate()?);
        self.found.losses.push(smoothed);
        self.lowest = self.lowest.min(smoothed);
        self.bar.advance(1);
        run.stop_training = smoothed > 4.0 * self.lowest || steps == self.settings.num_it;
        self.set_rate(run)
    }

    fn on_invalid_loss(&mut self, _run: &mut Run) -> bool {
        true
    }
}

impl LrFound {
    /// A good learning rate: about the middle of the longest valley, fastai's `valley`.
    ///
    /// The valley is the longest run of batches, not necessarily one after the other, in which each loss is lower
    /// than the one before; of length `n` and ending at batch `e`, the suggestion is the rate of batch
    /// `e - n + ⌊n/3⌋ + ⌊n/6⌋`. The first tenth of the batches, where the smoothed loss is not steady yet, and the last
    /// five are not looked at.
    ///
    /// # Errors
    /// If the loss did not fall: then no rate that was tried is right, or there were too few batches.
    pub fn suggestion(&self) -> Result<f64> {
        let seen = self.losses.len().saturating_sub(EXPLODING);
        let begin = (self.num_it / 10).min(seen);
        let (end, length) = longest_fall(&self.losses[begin..seen]);
        ensure!(
            length >= 3,
            "the loss did not fall at any of the {} learning rates that were tried; begin with a lower start_lr, use \
             more batches (num_it is {}), and look at the data",
            self.learning_rates.len(),
            self.num_it
        );
        Ok(self.learning_rates[(begin + end + length / 3 + length / 6).saturating_sub(length)])
    }
}

/// Where the longest subsequence of falling values ends, and its length; of several the first.
fn longest_fall(values: &[f64]) -> (usize, usize) {
    let mut lengths: Vec<usize> = Vec::with_capacity(values.len());
    let mut longest = (0, 0);
    for (index, value) in values.iter().enumerate() {
        let higher = values.iter().zip(&lengths).filter(|(before, _)| value < before);
        let length = 1 + higher.map(|(_, &length)| length).max().unwrap_or(0);
        lengths.push(length);
        if length > longest.1 {
            longest = (index, length);
        }
    }
    longest
}

impl fmt::Debug for LrFound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (Some(first), Some(last)) = (self.learning_rates.first(), self.learning_rates.last()) else {
            return write!(f, "LrFound: the loss was no number from the first batch on");
        };
        let lowest = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let batches = self.losses.len();
        write!(
            f,
            "LrFound: {batches} batches, rates from {first:.1e} to {last:.1e}, lowest loss {lowest:.4}, "
        )?;
        match self.suggestion() {
            Ok(rate) => write!(f, "suggestion {rate:.1e}"),
            Err(_) => write!(f, "no suggestion"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Activation, Dense, Flatten};
    use crate::model::Loss;
    use crate::optimizers::{Adam, SGD};
    use tch::Device;

    fn data() -> (Tensor, Tensor) {
        let data = crate::data::mnist::synthetic_digits(320, 0, 3);
        (crate::preprocessing::add_channel(&data.x_train).unwrap(), data.y_train)
    }

    fn model() -> Sequential {
        let mut model = Sequential::input([1, 28, 28])
            .add(Flatten)
            .add(Dense::new(16).activation(Activation::Relu))
            .add(Dense::new(10).activation(Activation::Softmax))
            .device(Device::Cpu)
            .build()
            .unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        model
    }

    fn same(one: &Sequential, other: &Sequential) -> bool {
        let of_optimizer = |model: &Sequential| {
            let state = model.compiled.as_ref().unwrap().state.copy();
            (state.steps, state.slots.into_values().flat_map(|slots| slots.tensors).collect::<Vec<_>>())
        };
        let ((steps, slots), (other_steps, other_slots)) = (of_optimizer(one), of_optimizer(other));
        let weights = one.weights().into_iter().zip(other.weights());
        steps == other_steps
            && slots.len() == other_slots.len()
            && slots.iter().zip(&other_slots).all(|(slot, other)| slot.equal(other))
            && weights.into_iter().all(|((_, weight), (_, other))| weight.equal(&other))
            && one.learning_rate().unwrap() == other.learning_rate().unwrap()
    }

    #[test]
    fn the_model_is_untouched() {
        let ((x, y), settings) = (data(), Fit { verbose: false, ..Fit::default() });
        let (mut searched, mut other) = (model(), model());
        // Before the first step, when the optimizer remembers nothing yet, and after some.
        for _ in 0..2 {
            searched.lr_find(&x, &y, &LrFind::default()).unwrap();
            assert!(same(&searched, &other));
            for model in [&mut searched, &mut other] {
                model.fit(&x, &y, &settings).unwrap();
            }
            assert!(same(&searched, &other));
        }
    }

    #[test]
    fn the_model_is_untouched_by_what_goes_wrong() {
        let (x, y) = data();
        let (mut searched, other) = (model(), model());
        let find = |settings| searched.lr_find(&x, &y, &settings).unwrap_err().to_string();
        let mut errors = [
            LrFind { batch_size: 0, ..LrFind::default() },
            LrFind { start_lr: 0.0, ..LrFind::default() },
            LrFind { start_lr: 1.0, end_lr: 0.1, ..LrFind::default() },
            LrFind { num_it: 9, ..LrFind::default() },
        ]
        .map(find)
        .into_iter();
        for expected in
            ["batch_size must be at least 1", "not 0 with", "not 1 with an end_lr of 0.1", "not 9"]
        {
            let message = errors.next().unwrap();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
        // Rates of this size make an infinite loss soon.
        searched.compile(SGD::default(), Loss::CategoricalCrossentropy).unwrap();
        let wild = LrFind { start_lr: 1e30, end_lr: 1e38, ..LrFind::default() };
        let found = searched.lr_find(&x, &y, &wild).unwrap();
        assert!(found.losses.len() < 100 && found.suggestion().is_err(), "{found:?}");
        searched.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        assert!(same(&searched, &other));
    }

    #[test]
    fn rates_rise_exponentially_until_the_loss_explodes() {
        let (x, y) = data();
        let settings = LrFind { num_it: 50, ..LrFind::default() };
        let found = model().lr_find(&x, &y, &settings).unwrap();
        assert_eq!(found.learning_rates[0], 1e-7);
        for pair in found.learning_rates.windows(2) {
            assert!((pair[1] / pair[0] - 1e8_f64.powf(0.02)).abs() < 1e-9);
        }
        let found = model().lr_find(&x, &y, &LrFind { start_lr: 1e-4, end_lr: 1e4, ..settings }).unwrap();
        let (last, before) = found.losses.split_last().unwrap();
        let lowest = before.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(*last > 4.0 * lowest && before.iter().all(|&loss| loss <= 4.0 * lowest));
        assert!(found.losses.len() < 50);
    }

    #[test]
    fn the_suggestion_trains_well() {
        let (x, y) = data();
        let mut model = model();
        let rate = model.lr_find(&x, &y, &LrFind::default()).unwrap().suggestion().unwrap();
        let settings = Fit { epochs: 3, verbose: false, ..Fit::default() };
        let loss = |rate| {
            let mut model = self::model();
            model.set_learning_rate(rate).unwrap();
            model.fit(&x, &y, &settings).unwrap().loss[2]
        };
        let (suggested, low, high) = (loss(rate), loss(rate / 100.0), loss(rate * 1000.0));
        assert!(suggested < low && suggested < high, "{rate}: {suggested}, {low}, {high}");
    }

    /// A loss that falls, rises again and has some noise, at 100 rates.
    fn curve(batches: usize) -> LrFound {
        let loss = |batch: usize| {
            let share = batch as f64 / 100.0;
            let explosion = if share > 0.8 { (40.0 * (share - 0.9)).exp() } else { 0.0 };
            2.3 - 1.5 / (1.0 + (-30.0 * (share - 0.55)).exp()) + 0.02 * (batch as f64).sin() + explosion
        };
        let rate = |batch: usize| 1e-7 * 1e8_f64.powf(batch as f64 / 100.0);
        LrFound {
            learning_rates: (0..batches).map(rate).collect(),
            losses: (0..batches).map(loss).collect(),
            num_it: 100,
        }
    }

    /// fastai's `valley` gives batch 59 for the whole curve, and 43 for its first 60 batches.
    #[test]
    fn the_suggestion_is_fastais() {
        assert_eq!(curve(100).suggestion().unwrap(), curve(100).learning_rates[59]);
        assert_eq!(curve(60).suggestion().unwrap(), curve(60).learning_rates[43]);
    }

    #[test]
    fn without_a_fall_there_is_no_suggestion() {
        for batches in [0, 1, 5, 12, 16] {
            let found = LrFound { losses: vec![1.0; batches], ..curve(batches) };
            assert!(found.suggestion().unwrap_err().to_string().contains("did not fall"));
            assert_eq!(found.figure().is_ok(), batches > 0);
            assert!(!format!("{found:?}").is_empty());
        }
        let text = "LrFound: 100 batches, rates from 1.0e-7 to 8.3e0, lowest loss 0.7810, suggestion 5.2e-3";
        assert_eq!(format!("{:?}", curve(100)), text);
    }
}
