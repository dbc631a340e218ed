//! BackupAndRestore.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tch::Tensor;

use super::{Callback, Run, State};
use crate::engine::error::Context;
use crate::engine::files::{check_place, explain, remove_parts};
use crate::engine::json::from_json;
use crate::model::Sequential;
use crate::saving::safetensors::{write, Saved};
use crate::training::{begun_with, check_same, going_on, hash_of_weights, Backup, Fit, History};

/// Makes a training survive whatever ends its process: started again, it goes on where it was.
///
/// After each epoch it writes model, optimizer, history and the other callbacks' states to one file, which takes a
/// few hundredths of a second. When a training begins and finds the backup of the same training, it continues
/// after the last whole epoch, and ends with the very weights, to the last bit, that it would have had without
/// the interruption (on a CPU, with as many threads). When a training is done, its backup is deleted; when the user has stopped
/// it, or an error has ended it, the backup stays, and the same cell goes on with the training.
///
/// Some arguments may differ from those of the interrupted training, and a line says so: `epochs`, so that a training of
/// 10 goes on to 15 (with fewer epochs than are done, it ends at once); the callbacks' `patience`, `cooldown`, `factor` and
/// `min_lr`; `verbose`. They hold for the epochs to come. The schedules `Cosine` and `OneCycle`, which depend on the number of
/// epochs, go on at the place that the new number gives, so that the learning rate may jump. A training that a
/// callback had ended goes on if something differs, until a callback ends it again.
///
/// A backup of another training is never used: it is set aside as `<name>.aside`, and a message says what differs.
/// Another model, other data, other settings or callbacks than said above make it another training, and so do other arguments
/// of a callback; functions, such as that of [`LearningRateScheduler`](super::LearningRateScheduler), cannot be compared, and
/// of large data a sample of the numbers is. A damaged file is set aside too.
///
/// A training has one backup; if several are added, it is the last one.
///
/// ```
/// use cnn::{callbacks::BackupAndRestore, prelude::*};
/// # let path = std::env::temp_dir().join(format!("cnn-doc-backup-{}.safetensors", std::process::id()));
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let backup = BackupAndRestore::new(&path);
/// model.training(&x_train, &data.y_train, &Fit::default()).callback(backup).run()?;
/// assert!(!path.exists());
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training ends if the backup cannot be written, or its path is a folder.
///
/// Source: `keras/src/callbacks/backup_and_restore.py`.
#[derive(Debug, Clone)]
pub struct BackupAndRestore {
    path: PathBuf,
    delete_checkpoint: bool,
    /// What tells this training from others; known once it has begun.
    fingerprint: Value,
    /// The last epoch in the file.
    epoch: Option<usize>,
}

/// What stands in the file beside model and optimizer.
#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: Value,
    epoch: usize,
    history: History,
    stop_training: bool,
    callbacks: Vec<Value>,
}

impl BackupAndRestore {
    /// Keeps the backup in the file `path`, for example `artifacts/training.backup`.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_path_buf();
        BackupAndRestore { path, delete_checkpoint: true, fingerprint: Value::Null, epoch: None }
    }

    /// Whether the backup is deleted when the training is done. Default true. A backup that stays makes a repeated
    /// training end at once, with the result of the first, and one of more epochs go on from there.
    pub fn delete_checkpoint(self, delete_checkpoint: bool) -> Self {
        BackupAndRestore { delete_checkpoint, ..self }
    }

    /// Reads the backup, and takes its state over when all of it is known to fit. Returns what is said of it.
    fn go_on(&mut self, run: &mut Run, callbacks: &mut [Box<dyn Callback + '_>]) -> Result<String> {
        let saved = Saved::read(&self.path)?;
        let text = saved.training.as_ref().context("it is a model, without a training")?;
        let backup: Kept = from_json(text.as_bytes()).context("it is damaged")?;
        // The model may also be the very one that was backed up, after an error or a stop in this process.
        let weights = begun_with(&self.fingerprint);
        let is_its_model = saved_weights_hash(&saved, run.model)? == *weights
            || run.model.is_left_by(begun_with(&backup.fingerprint), weights);
        let changes = check_same(&self.fingerprint, &backup.fingerprint, is_its_model)?;
        backup.history.check()?;
        ensure!(
            backup.epoch == backup.history.epochs()
                && backup.callbacks.len() == callbacks.len()
                && backup.callbacks.iter().all(is_state),
            "it is damaged"
        );
        let states = states(backup.callbacks, &saved, run.model)?;
        let fitting = saved.fitting(run.model)?;
        restore(callbacks, states, run.model).context("it is damaged")?;
        fitting.restore(run.model)?;
        // With the weights of the very beginning: so a model that is built anew can go on too, in another kernel.
        let settings = run.history.settings.clone();
        let note = self.note(&changes, &backup.history, &settings);
        self.fingerprint = going_on(std::mem::take(&mut self.fingerprint), backup.fingerprint);
        self.epoch = Some(backup.epoch);
        run.epoch = backup.epoch;
        // Where a callback had ended the training, and something is other now, the callbacks decide anew.
        run.stop_training = backup.stop_training && changes.is_empty();
        run.history = History { settings, ..backup.history };
        Ok(note)
    }

    /// From where the training goes on, and with what other arguments.
    fn note(&self, changes: &[String], history: &History, settings: &Fit) -> String {
        let (epoch, epochs) = (history.epochs(), settings.epochs);
        let mut note = format!("Going on after epoch {epoch}, from the backup {}", self.path.display());
        if !changes.is_empty() {
            note += &format!(", with {}", changes.join(", "));
        }
        if epoch >= epochs {
            note += &format!("; of {epochs} epochs all are done");
        } else if epochs != history.settings.epochs && settings.schedule.depends_on_epochs() {
            note += &format!("; the schedule's factors are from here on those of {epochs} epochs");
        }
        note
    }

    fn set_aside(&self) -> Result<PathBuf> {
        let name = |number: usize| {
            let mut name = self.path.clone().into_os_string();
            name.push(if number == 1 { ".aside".to_string() } else { format!(".aside-{number}") });
            PathBuf::from(name)
        };
        let free = (1..).map(name).find(|path| !path.exists()).expect("there are endless numbers");
        std::fs::rename(&self.path, &free).map_err(|error| {
            explain(error, &format!("the backup {} cannot be set aside", self.path.display()))
        })?;
        Ok(free)
    }
}

impl Backup for BackupAndRestore {
    fn resume(
        &mut self,
        run: &mut Run,
        callbacks: &mut [Box<dyn Callback + '_>],
        fingerprint: Map<String, Value>,
    ) -> Result<()> {
        self.fingerprint = Value::Object(fingerprint);
        ensure!(
            !self.path.is_dir(),
            "the backup {} would be a file, and there is a folder; check the path, or name a file in the folder, for example {}",
            self.path.display(),
            self.path.join("training.backup").display()
        );
        check_place(&self.path).context("the backup")?;
        remove_parts(&self.path);
        if !self.path.exists() {
            return Ok(());
        }
        match self.go_on(run, callbacks) {
            Ok(note) if run.verbose => println!("{note}"),
            Ok(_) => {}
            Err(reason) => {
                let aside = self.set_aside()?;
                println!(
                    "The backup {} is not used: {reason:#}. It is kept as {}, and the training begins anew.",
                    self.path.display(),
                    aside.display()
                );
            }
        }
        Ok(())
    }

    fn save(&mut self, run: &Run, callbacks: &[Box<dyn Callback + '_>]) -> Result<()> {
        let mut tensors = Vec::new();
        let mut values = Vec::new();
        for (number, callback) in callbacks.iter().enumerate() {
            let state = callback.state();
            let named = |(name, tensor)| (format!("callback/{number}/{name}"), tensor);
            tensors.extend(state.tensors.into_iter().map(named));
            ensure!(
                is_state(&state.values),
                "a callback's state must be a JSON object, not {}",
                state.values
            );
            values.push(state.values);
        }
        let backup = Kept {
            fingerprint: self.fingerprint.clone(),
            epoch: run.epoch,
            history: run.history.clone(),
            stop_training: run.stop_training,
            callbacks: values,
        };
        let text = serde_json::to_string(&backup)?;
        write(&self.path, run.model, true, &tensors, Some(text)).context("the backup was not written")?;
        self.epoch = Some(run.epoch);
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        if !self.delete_checkpoint {
            return Ok(());
        }
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let what =
                    format!("the training is done, but its backup {} cannot be deleted", self.path.display());
                Err(explain(error, &what))
            }
            _ => Ok(()),
        }
    }

    fn epoch(&self) -> Option<usize> {
        self.epoch
    }

    fn begun_with(&self) -> Value {
        begun_with(&self.fingerprint).clone()
    }
}

/// Callbacks take their state apart by its keys.
fn is_state(values: &Value) -> bool {
    values.is_object() || values.is_null()
}

/// The callbacks' states, in their order: their JSON, and the tensors that belong to it.
fn states(values: Vec<Value>, saved: &Saved, model: &Sequential) -> Result<Vec<State>> {
    let mut states: Vec<State> =
        values.into_iter().map(|values| State { values, tensors: Vec::new() }).collect();
    for (name, tensor) in &saved.tensors {
        let mut parts = name.splitn(3, '/');
        if let (Some("callback"), Some(number), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
            let state = number.parse().ok().and_then(|number: usize| states.get_mut(number));
            let state = state.context("it is damaged")?;
            state.tensors.push((rest.to_string(), tensor.shallow_clone()));
        }
    }
    // Tensors are named in the file, and their order there is not that of the model.
    let order: Vec<String> = model.weights().into_iter().map(|(name, _)| name).collect();
    for state in &mut states {
        state.tensors.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
    }
    Ok(states)
}

/// Gives the callbacks their states. If one cannot take its own, all have again those of before.
fn restore(callbacks: &mut [Box<dyn Callback + '_>], states: Vec<State>, model: &Sequential) -> Result<()> {
    let before: Vec<State> = callbacks.iter().map(|callback| callback.state()).collect();
    let give = |callbacks: &mut [Box<dyn Callback + '_>], states: Vec<State>| {
        callbacks.iter_mut().zip(states).try_for_each(|(callback, state)| callback.restore(state, model))
    };
    let given = give(callbacks, states);
    if given.is_err() {
        give(callbacks, before)?;
    }
    given
}

fn saved_weights_hash(saved: &Saved, model: &Sequential) -> Result<Value> {
    let named = |(name, _): (String, Tensor)| {
        let weight = saved.tensors.get(&name).with_context(|| format!("it lacks the weight {name}"))?;
        Ok((name, weight.shallow_clone()))
    };
    let weights = model.weights().into_iter().map(named).collect::<Result<Vec<_>>>();
    // Another model's weights have other names; that the layers differ is said later.
    Ok(weights.ok().map(|weights| hash_of_weights(&weights)).transpose()?.into())
}

impl Callback for BackupAndRestore {
    fn as_backup(&self) -> Option<Box<dyn Backup>> {
        Some(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Schedule};

    #[test]
    fn what_goes_on_is_said() {
        let backup = BackupAndRestore::new("b");
        let of = |epochs, schedule| Fit { epochs, schedule, ..Fit::default() };
        let cosine = || Schedule::Cosine { alpha: 0.0 };
        for (before, now, changes, expected) in [
            (of(10, cosine()), of(10, cosine()), &[][..], ""),
            (
                of(10, Schedule::Constant),
                of(15, Schedule::Constant),
                &["epochs 15 instead of 10"],
                ", with epochs 15 instead of 10",
            ),
            (
                of(10, cosine()),
                of(15, cosine()),
                &["a", "b"],
                ", with a, b; the schedule's factors are from here on those of 15 epochs",
            ),
            (of(10, cosine()), of(2, cosine()), &["a"], ", with a; of 2 epochs all are done"),
        ] {
            let mut history = History::new(&before, &Adam::default().into());
            history.loss = vec![0.5; 6];
            let changes: Vec<String> = changes.iter().map(|change| change.to_string()).collect();
            let note = backup.note(&changes, &history, &now);
            assert_eq!(note, format!("Going on after epoch 6, from the backup b{expected}"));
        }
    }
}
