//! ModelCheckpoint.

use anyhow::{bail, ensure, Result};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};

use super::{monitor::measured, monitor::Monitor, Callback, Mode, Run, State};
use crate::engine::error::Context;
use crate::engine::files::check_place;
use crate::model::Sequential;
use crate::saving::FileFormat;

/// Saves the model after every epoch, or after every epoch that is the best so far. Keras's `save_freq`, which saves after
/// a number of batches, is not offered.
///
/// Defaults: monitor `"val_loss"`, save_best_only false, save_weights_only false, mode `Auto`, no
/// initial_value_threshold, verbose false.
///
/// The end of the path says the format, as with [`Sequential::save`]; `.safetensors` and `.keras` also hold what the optimizer
/// has learnt. The path may hold placeholders, as in Keras: `{epoch}`, counted from 1, and the quantities of the
/// [`History`](crate::History), for example `{val_loss}`. After a colon stands how they are written: `{epoch:02d}`
/// has at least two digits, `{val_loss:.3f}` has three decimals. A file of the same name is replaced, when the new one
/// is whole.
///
/// ```
/// use cnn::{callbacks::ModelCheckpoint, prelude::*};
/// # let folder = std::env::temp_dir().join(format!("cnn-doc-checkpoint-{}", std::process::id()));
/// let data = mnist::synthetic_digits(200, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let checkpoint = ModelCheckpoint::new(folder.join("epoch-{epoch:02d}.safetensors"));
/// let settings = Fit { epochs: 2, ..Fit::default() };
/// model.training(&x_train, &data.y_train, &settings).callback(checkpoint).run()?;
/// let first = Sequential::load(folder.join("epoch-01.safetensors"))?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if the path holds a placeholder that is not known or not measured, or leads to a folder, or
/// if with `save_best_only` the quantity is not measured; it ends if the file cannot be written.
///
/// Source: `keras/src/callbacks/model_checkpoint.py`.
#[derive(Debug, Clone)]
pub struct ModelCheckpoint {
    filepath: PathBuf,
    monitor: Monitor,
    save_best_only: bool,
    save_weights_only: bool,
    initial_value_threshold: Option<f64>,
    verbose: bool,
}

impl ModelCheckpoint {
    /// Saves to `filepath`, for example `artifacts/best.safetensors`; missing folders are made.
    pub fn new(filepath: impl AsRef<Path>) -> Self {
        ModelCheckpoint {
            filepath: filepath.as_ref().to_path_buf(),
            monitor: Monitor::new("val_loss", 0.0),
            save_best_only: false,
            save_weights_only: false,
            initial_value_threshold: None,
            verbose: false,
        }
    }

    /// The quantity that tells which epoch is best: `"loss"`, `"accuracy"`, `"val_loss"` or `"val_accuracy"`.
    pub fn monitor(mut self, quantity: &str) -> Self {
        self.monitor.quantity = quantity.to_string();
        self
    }

    /// Whether only epochs better than all before are saved.
    pub fn save_best_only(self, save_best_only: bool) -> Self {
        ModelCheckpoint { save_best_only, ..self }
    }

    /// Whether what the optimizer has learnt is left out, which with Adam makes a `.safetensors` file a third as large.
    pub fn save_weights_only(self, save_weights_only: bool) -> Self {
        ModelCheckpoint { save_weights_only, ..self }
    }

    /// Which way the quantity gets better.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// The value that the first epoch must beat to be saved, with `save_best_only`.
    pub fn initial_value_threshold(mut self, threshold: f64) -> Self {
        self.initial_value_threshold = Some(threshold);
        self.monitor.best = Some(threshold);
        self
    }

    /// Whether it prints what it does.
    pub fn verbose(self, verbose: bool) -> Self {
        ModelCheckpoint { verbose, ..self }
    }

    /// The path with its placeholders filled in, where `value` knows the name.
    fn filled(&self, value: impl Fn(&str) -> Option<f64>) -> Result<PathBuf> {
        let template = self.filepath.to_str().context("the checkpoint's path is no valid Unicode text")?;
        filled(template, value)
            .with_context(|| format!("the checkpoint's path {template:?}"))
            .map(PathBuf::from)
    }

    /// Whether this epoch is to be saved; then its value is the best so far.
    fn is_due(&mut self, run: &Run) -> Result<bool> {
        if !self.save_best_only {
            return Ok(true);
        }
        let (value, best) = (self.monitor.value(run)?, self.monitor.best);
        let better = self.monitor.is_better(value);
        if self.verbose {
            let quantity = &self.monitor.quantity;
            let best = best.map_or("None".to_string(), |best| format!("{best:.5}"));
            match better {
                true => println!("Epoch {}: {quantity} improved from {best} to {value:.5}", run.epoch),
                false => println!("Epoch {}: {quantity} did not improve from {best}", run.epoch),
            }
        }
        if better {
            self.monitor.best = Some(value);
        }
        Ok(better)
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        // A mistake should not come to light only after the first epoch.
        match self.save_best_only {
            true => self.monitor.check(run)?,
            false => self.monitor.check_name(run)?,
        }
        let known = measured(run);
        let path = self.filled(|name| (name == "epoch" || known.contains(&name)).then_some(1.0))?;
        check_place(&path)
            .and_then(|()| FileFormat::of_name(&path))
            .map(|_| ())
            .context("the model cannot be saved")
    }

    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        if !self.is_due(run)? {
            return Ok(());
        }
        let epoch = run.epoch as f64;
        let path = self.filled(|name| if name == "epoch" { Some(epoch) } else { run.history.last(name) })?;
        match self.save_weights_only || !FileFormat::of_name(&path)?.holds_optimizers() {
            true => run.model.save(&path)?,
            false => run.model.save_with_optimizer(&path)?,
        }
        if self.verbose {
            println!("Epoch {}: the model is saved to {}", run.epoch, path.display());
        }
        Ok(())
    }

    fn config(&self) -> Value {
        let ModelCheckpoint { filepath, monitor, save_best_only, save_weights_only, .. } = self;
        json!({ "filepath": filepath, "monitor": monitor.quantity, "mode": monitor.mode,
                "save_best_only": save_best_only, "save_weights_only": save_weights_only,
                "initial_value_threshold": self.initial_value_threshold })
    }

    fn state(&self) -> State {
        State { values: json!({ "best": self.monitor.best }), ..State::default() }
    }

    fn restore(&mut self, mut state: State, _model: &Sequential) -> Result<()> {
        self.monitor.best = serde_json::from_value(state.values["best"].take())?;
        Ok(())
    }
}

/// Replaces `{name}` and `{name:format}` by values.
fn filled(template: &str, value: impl Fn(&str) -> Option<f64>) -> Result<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) =
            after.split_once('}').with_context(|| format!("has no }} for its {{{after}"))?;
        let (name, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        let Some(value) = value(name) else {
            bail!(
                "holds {{{name}}}, which is not measured in this training; {{epoch}} and {{loss}} always are, \
                 {{val_loss}} is with a validation_split or validation_data"
            );
        };
        text += before;
        text += &written(name, value, format)?;
        rest = after;
    }
    Ok(text + rest)
}

/// A number as Python's `format` writes it, for the formats that make sense in a file's name.
fn written(name: &str, value: f64, format: &str) -> Result<String> {
    let is_count = name == "epoch";
    let advice = || {
        format!("holds {{{name}:{format}}}; what can stand after the colon is like 02d for the epoch, and like .3f for all others")
    };
    if format.is_empty() {
        return Ok(if is_count { value.to_string() } else { format!("{value:?}") });
    }
    let (size, decimals) = match format.strip_suffix('d').filter(|_| is_count) {
        Some(size) => (size, 0),
        None => {
            let format = format.strip_suffix('f').with_context(advice)?;
            let (size, decimals) = format.split_once('.').unwrap_or((format, "6"));
            (size, decimals.parse().ok().with_context(advice)?)
        }
    };
    let width: usize = if size.is_empty() { 0 } else { size.parse().ok().with_context(advice)? };
    ensure!(width.max(decimals) <= 50, advice());
    Ok(match size.starts_with('0') {
        true => format!("{value:0width$.decimals$}"),
        false => format!("{value:width$.decimals$}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(template: &str) -> Result<String> {
        filled(template, |name| match name {
            "epoch" => Some(7.0),
            "val_loss" => Some(0.123_456),
            "loss" => Some(2.0),
            _ => None,
        })
    }

    /// Python 3.11: `template.format(epoch=7, val_loss=0.123456, loss=2.0)`.
    #[test]
    fn placeholders_are_filled_as_python_does() {
        for (template, expected) in [
            ("model.safetensors", "model.safetensors"),
            ("{epoch}", "7"),
            ("a/{epoch:02d}-{val_loss:.2f}.x", "a/07-0.12.x"),
            ("{epoch:3d}|{epoch:d}|{epoch:.1f}", "  7|7|7.0"),
            ("{val_loss}|{loss}", "0.123456|2.0"),
            ("{val_loss:f}|{val_loss:08.3f}|{val_loss:8.3f}", "0.123456|0000.123|   0.123"),
        ] {
            assert_eq!(path(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn a_placeholder_that_cannot_be_filled_is_named() {
        for (template, expected) in [
            ("{val_acuracy:.2f}", "{val_acuracy}"),
            ("{epoch", "no } for its {epoch"),
            ("{epoch:02x}", "{epoch:02x}"),
            ("{val_loss:d}", "{val_loss:d}"),
            ("{val_loss:.f}", "like .3f"),
            ("{val_loss:.999999999f}", "like .3f"),
            ("{}", "{}"),
        ] {
            let message = path(template).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
