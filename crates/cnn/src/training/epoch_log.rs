//! The numbers of each epoch for a program that follows the trainings of a notebook while they run, such as `scripts/tune`.

use anyhow::Result;
use serde_json::{json, Map, Value};
use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process;
use std::time::SystemTime;

use super::history::History;
use crate::engine::files::explain;

/// The file that the variable `CNN_EPOCHS` names. Every training adds a line of JSON to it after each epoch, also one that
/// shows nothing: which training it is, `epoch` (counted from 1) of `epochs`, and the history's quantities; null is what is no
/// finite number.
pub(super) struct EpochLog {
    path: PathBuf,
    /// Unlike that of any other training, also of other cells and processes.
    training: String,
}

impl EpochLog {
    /// For a training that begins; `None` where nobody wants to know.
    pub fn of_environment() -> Option<Self> {
        env::var_os("CNN_EPOCHS").filter(|path| !path.is_empty()).map(EpochLog::new)
    }

    fn new(path: OsString) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        EpochLog { path: path.into(), training: format!("{:x}-{:x}", process::id(), now.as_nanos()) }
    }

    /// Adds the newest epoch.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn epoch(&self, history: &History) -> Result<()> {
        let (epoch, epochs) = (history.epochs(), history.settings.epochs);
        let mut line = Map::new();
        line.extend(
            [("training", json!(self.training)), ("epoch", json!(epoch)), ("epochs", json!(epochs))]
                .map(|(name, value)| (name.to_string(), value)),
        );
        let measured = history.quantities().into_iter().filter(|(_, values)| !values.is_empty());
        line.extend(measured.map(|(name, _)| (name.to_string(), json!(history.last(name)))));
        // Written at once, so that a reader finds whole lines.
        let text = format!("{}\n", Value::Object(line));
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            explain(error, &format!("{}, which CNN_EPOCHS names, cannot be written", self.path.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;
    use crate::optimizers::Adam;
    use crate::training::Fit;

    fn history(losses: &[f64]) -> History {
        let mut history = History::new(&Fit { epochs: 3, ..Fit::default() }, &Adam::default().into());
        for &loss in losses {
            let validation = Evaluation { loss: loss / 2.0, accuracy: 0.75 };
            history.push(Evaluation { loss, accuracy: 0.5 }, Some(validation), 0.001, 1.5);
        }
        history
    }

    #[test]
    fn every_epoch_is_a_line_that_names_its_training() {
        let path = env::temp_dir().join(format!("cnn-epochs-{}.jsonl", process::id()));
        let (first, second) = (EpochLog::new(path.clone().into()), EpochLog::new(path.clone().into()));
        first.epoch(&history(&[0.1 + 0.2])).unwrap();
        second.epoch(&history(&[1.0, f64::NAN])).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = json!({
            "training": first.training, "epoch": 1, "epochs": 3, "loss": 0.1 + 0.2, "accuracy": 0.5,
            "val_loss": (0.1 + 0.2) / 2.0, "val_accuracy": 0.75, "learning_rate": 0.001, "seconds": 1.5,
        });
        assert_eq!(lines[0], expected);
        assert_eq!((&lines[1]["epoch"], &lines[1]["loss"]), (&json!(2), &Value::Null));
        assert_ne!(lines[0]["training"], lines[1]["training"]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let log = EpochLog::new("/no/such/folder/epochs.jsonl".into());
        let error = log.epoch(&history(&[1.0])).unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/folder/epochs.jsonl"), "{error:#}");
    }
}
