//! ReduceLROnPlateau.

use anyhow::{ensure, Result};
use serde_json::{json, Value};

use super::{monitor::Monitor, Callback, Mode, Run, State};
use crate::model::Sequential;

/// Makes the learning rate smaller when a quantity has stopped improving.
///
/// Defaults: monitor `"val_loss"`, factor 0.1, patience 10, min_delta 0.0001, mode `Auto`, cooldown 0, min_lr 0, verbose
/// false.
///
/// ```
/// use cnn::{callbacks::ReduceLROnPlateau, prelude::*};
/// let data = mnist::synthetic_digits(200, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// // No epoch is better than the first by 100: after each of the others the rate is halved.
/// let reduce = ReduceLROnPlateau::new().monitor("loss").min_delta(100.0).factor(0.5).patience(1);
/// let settings = Fit { epochs: 3, ..Fit::default() };
/// let history = model.training(&x_train, &data.y_train, &settings).callback(reduce).run()?;
/// assert_eq!(history.learning_rate, [0.001, 0.001, 0.0005]);
/// assert_eq!(model.learning_rate()?, 0.00025);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if `factor` is not above 0 and below 1, `min_lr` is below 0, or the quantity is not measured
/// in it.
///
/// Source: `keras/src/callbacks/reduce_lr_on_plateau.py`.
#[derive(Debug, Clone)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    verbose: bool,
    wait: usize,
    cooldown_counter: usize,
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        ReduceLROnPlateau {
            monitor: Monitor::new("val_loss", 1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            verbose: false,
            wait: 0,
            cooldown_counter: 0,
        }
    }
}

impl ReduceLROnPlateau {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The quantity to watch: `"loss"`, `"accuracy"`, `"val_loss"` or `"val_accuracy"`.
    pub fn monitor(mut self, quantity: &str) -> Self {
        self.monitor.quantity = quantity.to_string();
        self
    }

    /// What the learning rate is multiplied by: above 0 and below 1.
    pub fn factor(self, factor: f64) -> Self {
        ReduceLROnPlateau { factor, ..self }
    }

    /// How many epochs without improvement make the rate smaller.
    pub fn patience(self, patience: usize) -> Self {
        ReduceLROnPlateau { patience, ..self }
    }

    /// Which way the quantity gets better.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// A change smaller than this is no improvement.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// So many epochs after the rate was made smaller go by before epochs without improvement are counted again.
    pub fn cooldown(self, cooldown: usize) -> Self {
        ReduceLROnPlateau { cooldown, ..self }
    }

    /// The rate never gets smaller than this.
    pub fn min_lr(self, min_lr: f64) -> Self {
        ReduceLROnPlateau { min_lr, ..self }
    }

    /// Whether it prints what it does.
    pub fn verbose(self, verbose: bool) -> Self {
        ReduceLROnPlateau { verbose, ..self }
    }

    fn reduce(&mut self, run: &mut Run) -> Result<()> {
        let rate = run.model.learning_rate()?;
        if rate <= self.min_lr {
            return Ok(());
        }
        let reduced = (rate * self.factor).max(self.min_lr);
        run.model.set_learning_rate(reduced)?;
        (self.wait, self.cooldown_counter) = (0, self.cooldown);
        if self.verbose {
            println!("Epoch {}: the learning rate is reduced to {reduced}", run.epoch);
        }
        Ok(())
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        let (factor, min_lr) = (self.factor, self.min_lr);
        ensure!(
            factor > 0.0 && factor < 1.0,
            "ReduceLROnPlateau's factor must be above 0 and below 1, not {factor}"
        );
        self.monitor.check(run)?;
        ensure!(min_lr >= 0.0, "ReduceLROnPlateau's min_lr must be 0 or more, not {min_lr}");
        (self.wait, self.cooldown_counter, self.monitor.best) = (0, 0, None);
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        let value = self.monitor.value(run)?;
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.wait = 0;
        }
        if self.monitor.is_better(value) {
            self.monitor.best = Some(value);
            self.wait = 0;
        } else if self.cooldown_counter == 0 {
            self.wait = self.wait.saturating_add(1); // a damaged backup may hold any number
            if self.wait >= self.patience {
                self.reduce(run)?;
            }
        }
        Ok(())
    }

    fn config(&self) -> Value {
        let ReduceLROnPlateau { monitor, factor, patience, cooldown, min_lr, .. } = self;
        json!({ "monitor": monitor.quantity, "min_delta": monitor.min_delta, "mode": monitor.mode,
                "factor": factor, "patience": patience, "cooldown": cooldown, "min_lr": min_lr })
    }

    fn state(&self) -> State {
        let values = json!({ "best": self.monitor.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter });
        State { values, ..State::default() }
    }

    fn restore(&mut self, State { mut values, .. }: State, _model: &Sequential) -> Result<()> {
        self.monitor.best = serde_json::from_value(values["best"].take())?;
        self.wait = serde_json::from_value(values["wait"].take())?;
        self.cooldown_counter = serde_json::from_value(values["cooldown_counter"].take())?;
        Ok(())
    }
}
