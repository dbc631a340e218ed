//! LearningRateScheduler.

use anyhow::Result;
use std::fmt;

use super::{Callback, Run};
use crate::engine::error::Context;

/// Sets the learning rate before every epoch, by a function of your own.
///
/// The function is given the epoch's index and the learning rate so far, and returns the new one. As in Keras, **the
/// first epoch has the index 0**, so that Keras's functions can be taken over as they are; everywhere else in this
/// crate epochs are counted from 1. Default: verbose false.
///
/// ```
/// use cnn::{callbacks::LearningRateScheduler, prelude::*};
/// let data = mnist::synthetic_digits(200, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let scheduler = LearningRateScheduler::new(|epoch, rate| if epoch < 2 { rate } else { rate * 0.5 });
/// let settings = Fit { epochs: 4, ..Fit::default() };
/// let history = model.training(&x_train, &data.y_train, &settings).callback(scheduler).run()?;
/// assert_eq!(history.learning_rate, [0.001, 0.001, 0.0005, 0.00025]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training ends if the function returns anything but a number of 0 or more.
///
/// Source: `keras/src/callbacks/learning_rate_scheduler.py`.
pub struct LearningRateScheduler {
    schedule: Box<dyn Fn(usize, f64) -> f64>,
    verbose: bool,
}

impl LearningRateScheduler {
    /// Before every epoch the learning rate becomes `schedule(index of the epoch, learning rate so far)`.
    pub fn new(schedule: impl Fn(usize, f64) -> f64 + 'static) -> Self {
        LearningRateScheduler { schedule: Box::new(schedule), verbose: false }
    }

    /// Whether it prints what it does.
    pub fn verbose(self, verbose: bool) -> Self {
        LearningRateScheduler { verbose, ..self }
    }
}

impl Callback for LearningRateScheduler {
    fn on_epoch_begin(&mut self, run: &mut Run) -> Result<()> {
        let index = run.epoch - 1;
        let rate = (self.schedule)(index, run.model.learning_rate()?);
        run.model.set_learning_rate(rate).with_context(|| {
            format!("what LearningRateScheduler's function returned for epoch {} (index {index})", run.epoch)
        })?;
        if self.verbose {
            println!("Epoch {}: the learning rate is set to {rate}", run.epoch);
        }
        Ok(())
    }
}

impl fmt::Debug for LearningRateScheduler {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "LearningRateScheduler(verbose: {})", self.verbose)
    }
}
