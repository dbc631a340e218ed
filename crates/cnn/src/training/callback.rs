//! What a training calls at its turning points; the callbacks themselves are in `callbacks`.

use anyhow::Result;
use serde_json::{Map, Value};
use std::fmt::Debug;
use tch::Tensor;

use super::history::History;
use crate::model::Sequential;

/// A training under way, as callbacks see it and change it.
#[derive(Debug)]
pub struct Run<'a> {
    /// The model, with the weights reached so far.
    pub model: &'a mut Sequential,
    /// The epochs done so far; at an epoch's end, it is the last one.
    pub history: History,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The batch of this epoch, counted from 1.
    pub batch: i64,
    /// How many batches an epoch has.
    pub steps: i64,
    /// Whether there is a validation: `val_loss` and `val_accuracy` are measured with it alone.
    pub validation: bool,
    /// Set it to end the training after this epoch, or, from `on_batch_end`, at once.
    pub stop_training: bool,
    /// Whether the training prints its progress, so that a callback may say what it does.
    pub verbose: bool,
}

/// Something that a training calls at its turning points. Every method does nothing unless you write it.
///
/// An error that a method returns ends the training, and is what [`Training::run`](crate::Training::run) returns; if it
/// comes before the end of an epoch, the model has again the weights of the epoch's beginning. The epochs before are in
/// [`Sequential::history`].
///
/// ```
/// use cnn::{anyhow, callbacks::{Callback, Run}, prelude::*};
/// struct Printer;
/// impl Callback for Printer {
///     fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
///         println!("epoch {}: {:?}", run.epoch, run.history.loss.last());
///         Ok(())
///     }
/// }
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let mut model = course::model(1)?;
/// model.training(&add_channel(&data.x_train)?, &data.y_train, &Fit::default()).callback(Printer).run()?;
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// Source: `keras/src/callbacks/callback.py`.
#[allow(unused_variables)]
pub trait Callback {
    /// Before the first epoch. Arguments are best checked here.
    ///
    /// # Errors
    /// Yours; no epoch is trained.
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        Ok(())
    }

    /// Before the first batch of an epoch.
    ///
    /// # Errors
    /// Yours; the epoch does not begin.
    fn on_epoch_begin(&mut self, run: &mut Run) -> Result<()> {
        Ok(())
    }

    /// After each step. `loss []` is the batch's mean loss, a single number; reading it makes a GPU wait.
    ///
    /// # Errors
    /// Yours; the steps of this epoch are taken back.
    fn on_batch_end(&mut self, run: &mut Run, loss: &Tensor) -> Result<()> {
        Ok(())
    }

    /// After an epoch and its validation.
    ///
    /// # Errors
    /// Yours; the model keeps the weights of this epoch.
    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        Ok(())
    }

    /// After the last epoch, also when the user has stopped the training; not after an error. `run.history.stopped` then
    /// says where; who gives the model other weights here adds that: `", the model has the weights of ..."`.
    ///
    /// # Errors
    /// Yours; the model keeps its weights, and the other callbacks are called.
    fn on_train_end(&mut self, run: &mut Run) -> Result<()> {
        Ok(())
    }

    /// Called when the loss of a batch is NaN or infinite. `true` ends the training quietly; if no callback
    /// returns that, the training ends with an error.
    fn on_invalid_loss(&mut self, run: &mut Run) -> bool {
        false
    }

    /// What the callback must know to go on after an interruption.
    fn state(&self) -> State {
        State::default()
    }

    /// Takes back what [`state`](Self::state) returned, for the model that is trained.
    ///
    /// # Errors
    /// If the state does not fit: the backup is then set aside, and the training begins anew.
    fn restore(&mut self, state: State, model: &Sequential) -> Result<()> {
        Ok(())
    }

    /// The callback's name, for example `"EarlyStopping"`.
    fn class_name(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }

    /// The arguments that tell this callback from others of its type. An interrupted training goes on only with
    /// callbacks of the same names and arguments, but for those that concern later epochs alone: `patience`, `cooldown`,
    /// `factor` and `min_lr`.
    fn config(&self) -> Value {
        Value::Null
    }

    /// The backup, which is no callback like the others: it sees the states of all of them.
    #[doc(hidden)]
    fn as_backup(&self) -> Option<Box<dyn Backup>> {
        None
    }
}

/// What a callback has to remember beyond the end of the process: JSON, and tensors by name.
#[derive(Debug, Default)]
pub struct State {
    /// A JSON object of anything but tensors, or null.
    pub values: Value,
    /// For example, the best weights so far.
    pub tensors: Vec<(String, Tensor)>,
}

/// [`BackupAndRestore`](crate::callbacks::BackupAndRestore), as the training sees it.
pub trait Backup {
    /// Looks for a backup of the training that is about to begin. If there is one, model, history and callbacks get
    /// its state; else all of them stay as they are.
    ///
    /// # Errors
    /// If no backup can be kept at its path.
    fn resume(
        &mut self,
        run: &mut Run,
        callbacks: &mut [Box<dyn Callback + '_>],
        fingerprint: Map<String, Value>,
    ) -> Result<()>;

    /// Writes the state after an epoch.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save(&mut self, run: &Run, callbacks: &[Box<dyn Callback + '_>]) -> Result<()>;

    /// The training is done.
    ///
    /// # Errors
    /// If the backup cannot be deleted.
    fn finish(&self) -> Result<()>;

    /// The last epoch that the backup holds, if there is one: after it the training can go on.
    fn epoch(&self) -> Option<usize>;

    /// The hash of the weights with which the training began, before it was interrupted for the first time.
    fn begun_with(&self) -> Value;
}

/// A callback may be lent to a training, to look at it afterwards.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        (**self).on_train_begin(run)
    }
    fn on_epoch_begin(&mut self, run: &mut Run) -> Result<()> {
        (**self).on_epoch_begin(run)
    }
    fn on_batch_end(&mut self, run: &mut Run, loss: &Tensor) -> Result<()> {
        (**self).on_batch_end(run, loss)
    }
    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        (**self).on_epoch_end(run)
    }
    fn on_train_end(&mut self, run: &mut Run) -> Result<()> {
        (**self).on_train_end(run)
    }
    fn on_invalid_loss(&mut self, run: &mut Run) -> bool {
        (**self).on_invalid_loss(run)
    }
    fn state(&self) -> State {
        (**self).state()
    }
    fn restore(&mut self, state: State, model: &Sequential) -> Result<()> {
        (**self).restore(state, model)
    }
    fn class_name(&self) -> &'static str {
        (**self).class_name()
    }
    fn config(&self) -> Value {
        (**self).config()
    }
    fn as_backup(&self) -> Option<Box<dyn Backup>> {
        (**self).as_backup()
    }
}
