//! CSVLogger.

use anyhow::Result;
use serde_json::{json, Value};
use std::path::{Path, PathBuf};

use super::{Callback, Run, State};
use crate::engine::error::Context;
use crate::engine::files::{check_place, explain, write_whole};
use crate::model::Sequential;

/// Writes a line per epoch to a file of comma-separated values, as [`History::to_csv`](crate::History::to_csv) makes
/// them: epochs are counted from 1 there (in Keras's file from 0).
///
/// Defaults: separator `','`, append false. After each epoch the file is whole, and a training that
/// [`BackupAndRestore`](super::BackupAndRestore) resumes leaves the same lines as one that was not interrupted.
///
/// ```
/// use cnn::{callbacks::CSVLogger, prelude::*};
/// # let path = std::env::temp_dir().join(format!("cnn-doc-{}.csv", std::process::id()));
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let settings = Fit { epochs: 2, ..Fit::default() };
/// let history = model.training(&x_train, &data.y_train, &settings).callback(CSVLogger::new(&path)).run()?;
/// assert_eq!(std::fs::read_to_string(&path)?, history.to_csv());
/// # std::fs::remove_file(path)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if the path leads to a folder, or if with `append` the file cannot be read; it ends if the
/// file cannot be written.
///
/// Source: `keras/src/callbacks/csv_logger.py`.
#[derive(Debug, Clone)]
pub struct CSVLogger {
    filename: PathBuf,
    separator: char,
    append: bool,
    /// What was in the file before this training, with `append`.
    before: String,
}

impl CSVLogger {
    /// Writes to `filename`, for example `artifacts/training.csv`; missing folders are made.
    pub fn new(filename: impl AsRef<Path>) -> Self {
        let filename = filename.as_ref().to_path_buf();
        CSVLogger { filename, separator: ',', append: false, before: String::new() }
    }

    /// What stands between two values.
    pub fn separator(self, separator: char) -> Self {
        CSVLogger { separator, ..self }
    }

    /// Whether the lines are put after those of an earlier training, instead of replacing them.
    pub fn append(self, append: bool) -> Self {
        CSVLogger { append, ..self }
    }
}

impl Callback for CSVLogger {
    fn on_train_begin(&mut self, _run: &mut Run) -> Result<()> {
        check_place(&self.filename).context("CSVLogger")?;
        self.before.clear();
        if self.append && self.filename.exists() {
            let name = self.filename.display();
            self.before = std::fs::read_to_string(&self.filename)
                .map_err(|error| explain(error, &format!("the log {name} cannot be read")))?;
            if !self.before.is_empty() && !self.before.ends_with('\n') {
                self.before.push('\n');
            }
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        // Written anew every time: so no interruption can leave a line out, or twice, or half of one.
        let own = run.history.csv(&self.separator.to_string());
        let text = match self.before.is_empty() {
            true => own,
            false => self.before.clone() + own.split_once('\n').map_or("", |(_names, lines)| lines),
        };
        write_whole(&self.filename, text.as_bytes()).context("CSVLogger")
    }

    fn config(&self) -> Value {
        json!({ "filename": self.filename, "separator": self.separator, "append": self.append })
    }

    fn state(&self) -> State {
        State { values: json!({ "before": self.before }), ..State::default() }
    }

    fn restore(&mut self, mut state: State, _model: &Sequential) -> Result<()> {
        self.before = serde_json::from_value(state.values["before"].take())?;
        Ok(())
    }
}
