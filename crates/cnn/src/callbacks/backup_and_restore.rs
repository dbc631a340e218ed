//! BackupAndRestore.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tch::Tensor;

use super::{Callback, Run, State};
use crate::error::Context;
use crate::files::{explain, remove_parts};
use crate::fit::Fit;
use crate::history::History;
use crate::model::Sequential;
use crate::saving::{replace_training, to_bytes, write, Saved};

/// Makes a training survive whatever ends its process: started again, it goes on where it was.
///
/// After each epoch it writes model, optimizer, history and the other callbacks' states to one file, which takes a
/// few hundredths of a second. When a training begins and finds the backup of the same training, it continues
/// after the last whole epoch, and ends with the very weights, to the last bit, that it would have had without
/// the interruption. When a training is done, its backup is deleted; when the user has stopped it, the backup stays, and
/// the same cell goes on with the training.
///
/// A backup of another training is never used: it is set aside as `<name>.aside`, and a message says what differs.
/// The same goes for a damaged file.
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
/// Source: `keras/src/callbacks/backup_and_restore.py`.
#[derive(Debug, Clone)]
pub struct BackupAndRestore {
    pub(crate) path: PathBuf,
    delete_checkpoint: bool,
    /// What tells this training from others; known once it has begun.
    identity: Value,
}

/// What stands in the file beside model and optimizer.
#[derive(Serialize, Deserialize)]
struct Backup {
    identity: Value,
    epoch: usize,
    history: History,
    stop_training: bool,
    callbacks: Vec<Value>,
    /// The hash of the weights that the model was left with when the user stopped the training, else null.
    #[serde(default)]
    left: Value,
}

/// Where an interrupted training goes on.
pub(crate) struct Resumed {
    pub epoch: usize,
    pub history: History,
    pub stop_training: bool,
    /// The states of all callbacks, in their order.
    pub states: Vec<State>,
}

impl BackupAndRestore {
    /// Keeps the backup in the file `path`, for example `artifacts/training.backup`.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_path_buf();
        BackupAndRestore { path, delete_checkpoint: true, identity: Value::Null }
    }

    /// Whether the backup is deleted when the training is done. Default true. A backup that stays makes a repeated
    /// training end at once, with the result of the first.
    pub fn delete_checkpoint(self, delete_checkpoint: bool) -> Self {
        BackupAndRestore { delete_checkpoint, ..self }
    }

    /// Looks for a backup of the training that is about to begin. If there is one, model and optimizer get its
    /// state.
    pub(crate) fn resume(
        &mut self,
        model: &mut Sequential,
        mut identity: Map<String, Value>,
        verbose: bool,
    ) -> Result<Option<Resumed>> {
        identity.insert("initial weights".into(), hash_of_weights(&model.weights())?.into());
        self.identity = Value::Object(identity);
        ensure!(
            !self.path.is_dir(),
            "the backup {} would be a file, and there is a folder; check the path, or name a file in the folder, for example {}",
            self.path.display(),
            self.path.join("training.backup").display()
        );
        remove_parts(&self.path);
        if !self.path.exists() {
            return Ok(None);
        }
        match self.read(model) {
            Ok(resumed) => {
                if verbose {
                    let path = self.path.display();
                    println!("Going on after epoch {}, from the backup {path}", resumed.epoch);
                }
                Ok(Some(resumed))
            }
            Err(reason) => {
                let aside = self.set_aside()?;
                println!(
                    "The backup {} is not used: {reason:#}. It is kept as {}, and the training begins anew.",
                    self.path.display(),
                    aside.display()
                );
                Ok(None)
            }
        }
    }

    fn read(&self, model: &mut Sequential) -> Result<Resumed> {
        let saved = Saved::read(&self.path)?;
        let text = saved.training.as_ref().context("it is a model, without a training")?;
        let backup: Backup = serde_json::from_str(text).context("it is damaged")?;
        backup.history.check()?;
        ensure!(
            backup.epoch == backup.history.epochs()
                && backup.callbacks.len() == self.identity["callbacks"]
                && backup.callbacks.iter().all(is_state),
            "it is damaged"
        );
        // The model may also be the very one that was backed up, after an error or a stop in this process.
        let weights = &self.identity["initial weights"];
        let as_backed_up = saved_weights_hash(&saved, model)? == *weights || backup.left == *weights;
        let (Value::Object(own), Value::Object(theirs)) = (&self.identity, &backup.identity) else {
            anyhow::bail!("it is damaged");
        };
        for (what, value) in own {
            let other = theirs.get(what).unwrap_or(&Value::Null);
            let of_progress = ["initial weights", "optimizer", "optimizer steps"].contains(&what.as_str());
            let same = value == other || (of_progress && as_backed_up);
            ensure!(same, "it is of another training, {}", difference(what, other, value));
        }
        let mut states: Vec<State> =
            backup.callbacks.into_iter().map(|values| State { values, tensors: Vec::new() }).collect();
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
        saved.restore(model)?;
        Ok(Resumed {
            epoch: backup.epoch,
            history: backup.history,
            stop_training: backup.stop_training,
            states,
        })
    }

    /// Writes the state after an epoch; `states` are those of all callbacks.
    pub(crate) fn save(&self, run: &Run, states: Vec<State>) -> Result<()> {
        let mut tensors = Vec::new();
        let mut callbacks = Vec::new();
        for (number, state) in states.into_iter().enumerate() {
            let named = |(name, tensor)| (format!("callback/{number}/{name}"), tensor);
            tensors.extend(state.tensors.into_iter().map(named));
            ensure!(
                is_state(&state.values),
                "a callback's state must be a JSON object, not {}",
                state.values
            );
            callbacks.push(state.values);
        }
        let backup = Backup {
            identity: self.identity.clone(),
            epoch: run.epoch,
            history: run.history.clone(),
            stop_training: run.stop_training,
            callbacks,
            left: Value::Null,
        };
        let text = serde_json::to_string(&backup)?;
        write(&self.path, run.model, true, &tensors, Some(text)).context("the backup was not written")
    }

    /// The training is done.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.delete_checkpoint && self.path.exists() {
            std::fs::remove_file(&self.path).map_err(|error| {
                explain(error, &format!("the backup {} cannot be deleted", self.path.display()))
            })?;
        }
        Ok(())
    }

    /// The user has stopped the training, and the model stays as it is now. Says whether there is a backup to go on from.
    pub(crate) fn keep(&self, model: &Sequential) -> Result<bool> {
        if !self.path.exists() {
            return Ok(false); // it was stopped in its first epoch
        }
        let saved = Saved::read(&self.path)?;
        let mut backup: Backup = serde_json::from_str(&saved.training.context("the backup is damaged")?)?;
        backup.left = hash_of_weights(&model.weights())?.into();
        replace_training(&self.path, serde_json::to_string(&backup)?)
            .context("the backup was not written")?;
        Ok(true)
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

/// Callbacks take their state apart by its keys.
fn is_state(values: &Value) -> bool {
    values.is_object() || values.is_null()
}

/// What makes a training this one and no other, but for the initial weights.
pub(crate) fn identity(
    model: &Sequential,
    settings: &Fit,
    data: &[(&str, &Tensor)],
    callbacks: usize,
) -> Result<Map<String, Value>> {
    let compiled = model.compiled.as_ref().context(crate::model::NOT_COMPILED)?;
    let layers: Vec<Value> =
        model.layers.iter().map(|named| json!([named.layer.class_name(), named.layer.config()])).collect();
    let mut identity = Map::new();
    identity.insert("layers".into(), layers.into());
    identity.insert("optimizer".into(), serde_json::to_value(&compiled.optimizer)?);
    identity.insert("optimizer steps".into(), compiled.state.steps.into());
    identity.insert("loss".into(), serde_json::to_value(compiled.loss)?);
    identity.insert("callbacks".into(), callbacks.into());
    let settings = serde_json::to_value(settings)?;
    for (name, value) in settings.as_object().into_iter().flatten().filter(|(name, _)| *name != "verbose") {
        identity.insert(name.clone(), value.clone());
    }
    for (name, tensor) in data {
        identity.insert(name.to_string(), hash_of_data(tensor)?.into());
    }
    Ok(identity)
}

/// "with learning_rate 0.01, and this one has 0.001".
fn difference(what: &str, theirs: &Value, own: &Value) -> String {
    if let (Value::Object(own), Value::Object(theirs)) = (own, theirs) {
        for (name, value) in own {
            let other = theirs.get(name).unwrap_or(&Value::Null);
            if value != other {
                return difference(name, other, value);
            }
        }
    }
    let (theirs, own) = (theirs.to_string(), own.to_string());
    match theirs.len().max(own.len()) {
        0..=40 if !what.starts_with("initial") => format!("with {what} {theirs}, and this one has {own}"),
        _ => format!("with other {what}"),
    }
}

/// Tells data sets apart by their shape and up to 100,000 numbers from all over them.
fn hash_of_data(tensor: &Tensor) -> Result<String> {
    let flat = tensor.flatten(0, -1);
    let step = (flat.size()[0] / 100_000).max(1);
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {:?}", tensor.size(), tensor.kind()));
    hash.update(to_bytes(&flat.slice(0, None, None, step))?);
    Ok(hex(hash))
}

fn hash_of_weights(weights: &[(String, Tensor)]) -> Result<String> {
    let mut hash = Sha256::new();
    for (_, weight) in weights {
        hash.update(to_bytes(weight)?);
    }
    Ok(hex(hash))
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

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Callback for BackupAndRestore {
    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        Some(self)
    }
}
