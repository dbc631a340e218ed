//! TensorBoard.

use anyhow::{ensure, Result};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};

use super::event_file::{histogram, scalar, EventFile};
use super::{Callback, Run, State};
use crate::engine::error::Context;
use crate::engine::files::check_place;
use crate::model::Sequential;

/// Writes loss, accuracy and learning rate of every epoch for TensorBoard, with Keras's tags: `tensorboard --logdir
/// logs` shows trainings of both side by side.
///
/// Default: histogram_freq 0. Training values are in the run `train`, validation values in `validation`; the first epoch
/// is step 0, as in Keras. Give each training a folder of its own below `logs`. Graphs, images and batches are not written.
///
/// ```
/// use cnn::{callbacks::TensorBoard, prelude::*};
/// # let logs = std::env::temp_dir().join(format!("cnn-doc-logs-{}", std::process::id()));
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let board = TensorBoard::new(logs.join("first")).histogram_freq(1);
/// model.training(&x_train, &data.y_train, &Fit::default()).callback(board).run()?;
/// assert_eq!(logs.join("first").join("train").read_dir()?.count(), 1);
/// # std::fs::remove_dir_all(logs)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if the folder's path leads to a file; it ends if a file cannot be written.
///
/// Source: `keras/src/callbacks/tensorboard.py`.
#[derive(Debug, Clone)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    train: EventFile,
    validation: EventFile,
}

impl TensorBoard {
    /// Writes below the folder `log_dir`, for example `logs/first`; missing folders are made.
    pub fn new(log_dir: impl AsRef<Path>) -> Self {
        let log_dir = log_dir.as_ref().to_path_buf();
        let (train, validation) = files(&log_dir);
        TensorBoard { log_dir, histogram_freq: 0, train, validation }
    }

    /// Every so many epochs, from the first on, histograms of all weights are written; 0 for never.
    pub fn histogram_freq(self, histogram_freq: usize) -> Self {
        TensorBoard { histogram_freq, ..self }
    }
}

/// New files for the runs `train` and `validation`.
fn files(log_dir: &Path) -> (EventFile, EventFile) {
    (EventFile::new(log_dir.join("train")), EventFile::new(log_dir.join("validation")))
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, _run: &mut Run) -> Result<()> {
        (self.train, self.validation) = files(&self.log_dir);
        let mut places = [&self.train, &self.validation].into_iter().map(|file| file.folder.join(&file.name));
        places.try_for_each(|place| check_place(&place)).context("TensorBoard")
    }

    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        let step = run.epoch - 1;
        let scalars = |quantities: &[(&str, &str)]| {
            let measured = quantities.iter().filter_map(|(tag, name)| Some((tag, run.history.last(name)?)));
            measured.map(|(tag, value)| scalar(tag, value)).collect::<Vec<_>>()
        };
        let mut train = scalars(&[
            ("epoch_loss", "loss"),
            ("epoch_accuracy", "accuracy"),
            ("epoch_learning_rate", "learning_rate"),
        ]);
        let validation = scalars(&[("epoch_loss", "val_loss"), ("epoch_accuracy", "val_accuracy")]);
        if self.histogram_freq > 0 && step.is_multiple_of(self.histogram_freq) {
            for (name, weight) in run.model.weights() {
                let numbers = Vec::<f32>::try_from(weight.detach().flatten(0, -1))?;
                train.extend(histogram(&format!("{name}/histogram"), &numbers));
            }
        }
        self.train.add(step, &train)?;
        if !validation.is_empty() {
            self.validation.add(step, &validation)?;
        }
        Ok(())
    }

    fn config(&self) -> Value {
        json!({ "log_dir": self.log_dir, "histogram_freq": self.histogram_freq })
    }

    fn state(&self) -> State {
        let written = |file: &EventFile| json!({ "name": file.name, "length": file.length });
        let values = json!({ "train": written(&self.train), "validation": written(&self.validation) });
        State { values, ..State::default() }
    }

    fn restore(&mut self, State { mut values, .. }: State, _model: &Sequential) -> Result<()> {
        for (run, file) in [("train", &mut self.train), ("validation", &mut self.validation)] {
            let name: String = serde_json::from_value(values[run]["name"].take())?;
            ensure!(
                Path::new(&name).file_name() == Some(name.as_ref()),
                "{name:?} is not the name of an event file"
            );
            file.name = name;
            file.length = serde_json::from_value(values[run]["length"].take())?;
        }
        Ok(())
    }
}
