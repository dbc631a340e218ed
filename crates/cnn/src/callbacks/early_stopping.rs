//! EarlyStopping.

use anyhow::Result;
use serde_json::{json, Value};
use tch::Tensor;

use super::{monitor::Monitor, Callback, Mode, Run, State};
use crate::model::Sequential;

/// Ends a training when a quantity has stopped improving.
///
/// Defaults: monitor `"val_loss"`, min_delta 0, patience 0, mode `Auto`, no baseline, restore_best_weights false,
/// start_from_epoch 0.
///
/// ```
/// use cnn::{callbacks::EarlyStopping, prelude::*};
/// let data = mnist::synthetic_digits(200, 10, 1);
/// let mut model = course::model(1)?;
/// let mut stop = EarlyStopping::new().patience(2).restore_best_weights(true);
/// let settings = Fit { epochs: 3, validation_split: 0.1, ..Fit::default() };
/// let x_train = add_channel(&data.x_train)?;
/// let history = model.training(&x_train, &data.y_train, &settings).callback(&mut stop).run()?;
/// assert_eq!(stop.stopped_epoch().unwrap_or(3), history.epochs());
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if the monitored quantity is not measured in it.
///
/// Source: `keras/src/callbacks/early_stopping.py`.
#[derive(Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    best_epoch: Option<usize>,
    best_weights: Vec<(String, Tensor)>,
    stopped_epoch: Option<usize>,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping {
            monitor: Monitor::new("val_loss", 0.0),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            best_epoch: None,
            best_weights: Vec::new(),
            stopped_epoch: None,
        }
    }
}

impl EarlyStopping {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The quantity to watch: `"loss"`, `"accuracy"`, `"val_loss"` or `"val_accuracy"`.
    pub fn monitor(mut self, quantity: &str) -> Self {
        self.monitor.quantity = quantity.to_string();
        self
    }

    /// A change smaller than this is no improvement.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// How many epochs without improvement end the training.
    pub fn patience(self, patience: usize) -> Self {
        EarlyStopping { patience, ..self }
    }

    /// Which way the quantity gets better.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// A value that the quantity must beat: until it does, improvements do not make the patience begin anew.
    pub fn baseline(self, baseline: f64) -> Self {
        EarlyStopping { baseline: Some(baseline), ..self }
    }

    /// Whether the model gets back the weights of its best epoch when the training ends.
    pub fn restore_best_weights(self, restore_best_weights: bool) -> Self {
        EarlyStopping { restore_best_weights, ..self }
    }

    /// So many epochs go by before the watching begins.
    pub fn start_from_epoch(self, start_from_epoch: usize) -> Self {
        EarlyStopping { start_from_epoch, ..self }
    }

    /// The epoch after which this callback ended the training, if it did.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The best epoch, counted from 1.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best_epoch
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        self.monitor.check(run)?;
        // The same callback may serve several trainings.
        (self.wait, self.best_epoch, self.stopped_epoch) = (0, None, None);
        self.monitor.best = None;
        self.best_weights.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        let value = self.monitor.value(run)?;
        self.stopped_epoch = None; // a training that has gone on with more patience
        if run.epoch <= self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.best_weights.is_empty() {
            self.best_weights = run.model.copy_of_weights(); // so that there are some, even if all values are NaN
        }
        self.wait = self.wait.saturating_add(1); // a damaged backup may hold any number
        if self.monitor.is_better(value) {
            self.monitor.best = Some(value);
            self.best_epoch = Some(run.epoch);
            if self.restore_best_weights {
                self.best_weights = run.model.copy_of_weights();
            }
            if self.baseline.is_none_or(|baseline| self.monitor.beats(value, baseline)) {
                self.wait = 0;
            }
        } else if self.wait >= self.patience && run.epoch > 1 {
            self.stopped_epoch = Some(run.epoch);
            run.stop_training = true;
        }
        Ok(())
    }

    fn on_train_end(&mut self, run: &mut Run) -> Result<()> {
        if let (Some(epoch), true) = (self.stopped_epoch, run.verbose) {
            println!("Epoch {epoch}: early stopping, {} has not improved any more", self.monitor.quantity);
        }
        if self.restore_best_weights && !self.best_weights.is_empty() {
            run.model.set_weights(&self.best_weights)?;
            let weights = match self.best_epoch {
                Some(epoch) => format!("the weights of its best epoch, {epoch}"),
                None => {
                    format!("the weights of epoch {}, since no value was a number", self.start_from_epoch + 1)
                }
            };
            match &mut run.history.stopped {
                Some(note) => *note += &format!(", the model has {weights}"),
                None if run.verbose => println!("The model has {weights}"),
                None => {}
            }
        }
        Ok(())
    }

    fn config(&self) -> Value {
        let EarlyStopping { monitor, patience, baseline, restore_best_weights, start_from_epoch, .. } = self;
        json!({ "monitor": monitor.quantity, "min_delta": monitor.min_delta, "mode": monitor.mode,
                "patience": patience, "baseline": baseline, "restore_best_weights": restore_best_weights,
                "start_from_epoch": start_from_epoch })
    }

    fn state(&self) -> State {
        let values = json!({ "best": self.monitor.best, "wait": self.wait, "best_epoch": self.best_epoch,
                             "stopped_epoch": self.stopped_epoch });
        let tensors = self.best_weights.iter().map(|(name, weight)| (name.clone(), weight.shallow_clone()));
        State { values, tensors: tensors.collect() }
    }

    fn restore(&mut self, state: State, model: &Sequential) -> Result<()> {
        let State { mut values, tensors } = state;
        if !tensors.is_empty() {
            model.check_weights(&tensors)?;
        }
        self.monitor.best = serde_json::from_value(values["best"].take())?;
        self.wait = serde_json::from_value(values["wait"].take())?;
        self.best_epoch = serde_json::from_value(values["best_epoch"].take())?;
        self.stopped_epoch = serde_json::from_value(values["stopped_epoch"].take())?;
        self.best_weights = tensors;
        Ok(())
    }
}
