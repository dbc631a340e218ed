//! What happened during a training, epoch by epoch.

use anyhow::{ensure, Result};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::Path;

use super::fit::Fit;
use crate::engine::error::Context;
use crate::engine::files::{explain, write_whole};
use crate::engine::json::from_json;
use crate::evaluation::Evaluation;
use crate::optimizers::Optimizer;
use crate::show::Table;

/// The result of [`Sequential::fit`](crate::Sequential::fit): one number per epoch for each quantity, and the
/// settings that led to them.
///
/// `accuracy` and `val_accuracy` are between 0 and 1. `val_loss` and `val_accuracy` are empty where nothing
/// was kept for validation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Mean training loss over the epoch, while the weights change.
    #[serde(deserialize_with = "numbers")]
    pub loss: Vec<f64>,
    /// Training accuracy over the epoch, while the weights change.
    #[serde(deserialize_with = "numbers")]
    pub accuracy: Vec<f64>,
    /// Loss on the validation samples at the end of the epoch.
    #[serde(deserialize_with = "numbers")]
    pub val_loss: Vec<f64>,
    /// Accuracy on the validation samples at the end of the epoch.
    #[serde(deserialize_with = "numbers")]
    pub val_accuracy: Vec<f64>,
    /// The optimizer's learning rate at the end of the epoch, times the schedule's factor.
    #[serde(default, deserialize_with = "numbers")]
    pub learning_rate: Vec<f64>,
    /// Duration of the epoch, its validation included.
    #[serde(deserialize_with = "numbers")]
    pub seconds: Vec<f64>,
    /// The arguments of `fit`.
    pub settings: Fit,
    /// The optimizer's arguments.
    pub optimizer: Optimizer,
    /// Where the user stopped the training, and what the model has since; `None` if it came to its end, or to an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// JSON has neither NaN nor infinity: both are written as null, which is NaN when it is read.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

impl History {
    pub(crate) fn new(settings: &Fit, optimizer: &Optimizer) -> Self {
        History {
            loss: Vec::new(),
            accuracy: Vec::new(),
            val_loss: Vec::new(),
            val_accuracy: Vec::new(),
            learning_rate: Vec::new(),
            seconds: Vec::new(),
            settings: settings.clone(),
            optimizer: optimizer.clone(),
            stopped: None,
        }
    }

    /// Adds an epoch.
    pub(crate) fn push(
        &mut self,
        trained: Evaluation,
        validation: Option<Evaluation>,
        learning_rate: f64,
        seconds: f64,
    ) {
        self.loss.push(trained.loss);
        self.accuracy.push(trained.accuracy);
        self.val_loss.extend(validation.as_ref().map(|measured| measured.loss));
        self.val_accuracy.extend(validation.as_ref().map(|measured| measured.accuracy));
        self.learning_rate.push(learning_rate);
        self.seconds.push(seconds);
    }

    /// The quantities with Keras's names, each with a number per epoch; those not measured are empty.
    pub fn quantities(&self) -> [(&'static str, &[f64]); 6] {
        [
            ("loss", &self.loss),
            ("accuracy", &self.accuracy),
            ("val_loss", &self.val_loss),
            ("val_accuracy", &self.val_accuracy),
            ("learning_rate", &self.learning_rate),
            ("seconds", &self.seconds),
        ]
    }

    /// The newest value of a quantity, for example `"val_loss"`; `None` where it is not measured, and before the first
    /// epoch has ended, as after a training that was stopped in it.
    pub fn last(&self, quantity: &str) -> Option<f64> {
        let found = self.quantities().into_iter().find(|(name, _)| *name == quantity);
        found.and_then(|(_, values)| values.last().copied())
    }

    /// The history as comma-separated values: a line of names, then a line per epoch. What was not measured is
    /// left empty.
    pub fn to_csv(&self) -> String {
        self.csv(",")
    }

    pub(crate) fn csv(&self, separator: &str) -> String {
        let quantities = self.quantities();
        let row = |epoch: usize| {
            let number = |(_, values): (_, &[f64])| values.get(epoch).map_or(String::new(), f64::to_string);
            format!("{}{separator}{}\n", epoch + 1, quantities.map(number).join(separator))
        };
        let names = quantities.map(|(name, _)| name).join(separator);
        format!("epoch{separator}{names}\n{}", (0..self.epochs()).map(row).collect::<String>())
    }

    /// The history as JSON, Keras's names as keys; null stands for what is no finite number.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts are always JSON")
    }

    /// Puts the epochs of a later training after these, for example to plot both as one: `more.settings` plays no part. A
    /// quantity that one of the two did not measure is NaN in its epochs.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let data = mnist::synthetic_digits(200, 10, 1);
    /// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
    /// let settings = Fit { epochs: 2, ..Fit::default() };
    /// let mut history = model.fit(&x_train, &data.y_train, &settings)?;
    /// history.extend(&model.fit(&x_train, &data.y_train, &Fit { validation_split: 0.1, ..settings })?);
    /// assert_eq!((history.epochs(), history.val_loss.len()), (4, 4));
    /// assert!(history.val_loss[1].is_nan() && history.val_loss[2] > 0.0);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn extend(&mut self, more: &History) {
        let (before, all) = (self.epochs(), self.epochs() + more.epochs());
        for (own, more) in [
            (&mut self.loss, &more.loss),
            (&mut self.accuracy, &more.accuracy),
            (&mut self.val_loss, &more.val_loss),
            (&mut self.val_accuracy, &more.val_accuracy),
            (&mut self.learning_rate, &more.learning_rate),
            (&mut self.seconds, &more.seconds),
        ] {
            if !own.is_empty() || !more.is_empty() {
                own.resize(before, f64::NAN);
                own.extend(more);
                own.resize(all, f64::NAN);
            }
        }
        self.stopped.clone_from(&more.stopped);
    }

    /// Says if a file's quantities do not belong together: loss and accuracy have a number per epoch, the others may have
    /// fewer, as in histories that were joined by hand, or none.
    pub(crate) fn check(&self) -> Result<()> {
        let epochs = self.epochs();
        for (name, values) in self.quantities() {
            ensure!(
                values.len() == epochs || (name != "accuracy" && values.len() < epochs),
                "it has {} numbers of {name} for {epochs} epochs",
                values.len()
            );
        }
        Ok(())
    }

    /// How many epochs were trained.
    pub fn epochs(&self) -> usize {
        self.loss.len()
    }

    /// The epoch, counted from 1, with the lowest validation loss; `None` without validation, or if all are NaN.
    pub fn best_epoch(&self) -> Option<usize> {
        let losses = self.val_loss.iter().enumerate().filter(|(_, loss)| !loss.is_nan());
        losses.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(epoch, _)| epoch + 1)
    }

    /// The newest epoch as Keras prints it, on one line.
    pub(crate) fn line(&self, steps: i64) -> String {
        let width = self.settings.epochs.to_string().len();
        let last = |quantity| self.last(quantity).unwrap_or(f64::NAN);
        let seconds = last("seconds");
        let mut line = format!(
            "Epoch {:>width$}/{}  {steps} steps  {seconds:.1} s  {:.0} ms/step  loss: {:.4}  accuracy: {:.4}",
            self.epochs(),
            self.settings.epochs,
            1000.0 * seconds / steps as f64,
            last("loss"),
            last("accuracy"),
        );
        if let (Some(loss), Some(accuracy)) = (self.val_loss.last(), self.val_accuracy.last()) {
            line += &format!("  val_loss: {loss:.4}  val_accuracy: {accuracy:.4}");
        }
        line
    }

    /// A row per epoch, and a note if the training was stopped.
    pub fn table(&self) -> Table {
        let mut table = self.table_of(&(0..self.epochs()).collect::<Vec<_>>());
        if let Some(note) = &self.stopped {
            table.note(note);
        }
        table
    }

    /// A row for each of these epochs, counted from 0; an ellipsis stands for those between.
    pub(crate) fn table_of(&self, epochs: &[usize]) -> Table {
        let columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"];
        let mut table = Table::new("", columns);
        // Fields are public, and files are edited: there may be fewer numbers than epochs.
        let text = |values: &[f64], epoch: usize, decimals: usize| {
            values.get(epoch).map_or("–".to_string(), |value| format!("{value:.decimals$}"))
        };
        for (position, &epoch) in epochs.iter().enumerate() {
            if position > 0 && epochs[position - 1] + 1 < epoch {
                table.row(["…"]);
            }
            table.row([
                (epoch + 1).to_string(),
                text(&self.loss, epoch, 4),
                text(&self.accuracy, epoch, 4),
                text(&self.val_loss, epoch, 4),
                text(&self.val_accuracy, epoch, 4),
                text(&self.seconds, epoch, 1),
            ]);
        }
        table
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.table().show();
    }

    /// Writes the history as JSON, Keras's names as keys.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), self.to_json().as_bytes()).context("the history was not saved")
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If the file cannot be read or is no history.
    pub fn load(path: impl AsRef<Path>) -> Result<History> {
        let path = path.as_ref();
        let text = std::fs::read(path)
            .map_err(|error| explain(error, &format!("the history {} cannot be read", path.display())))?;
        let history = from_json(&text).map_err(anyhow::Error::from);
        history.and_then(|history: History| history.check().map(|()| history)).with_context(|| {
            format!(
                "{} is not a history that fit() returned and save() wrote; train again to make one",
                path.display()
            )
        })
    }
}

/// What the kernel's panel of variables shows: how many epochs, and the memory of their numbers.
impl live::Describe for History {
    fn shape(&self) -> Option<String> {
        let count = self.loss.len();
        Some(format!("{count} epoch{}", if count == 1 { "" } else { "s" }))
    }

    fn bytes(&self) -> Option<usize> {
        let columns = [
            &self.loss,
            &self.accuracy,
            &self.val_loss,
            &self.val_accuracy,
            &self.learning_rate,
            &self.seconds,
        ];
        Some(columns.into_iter().map(|column| std::mem::size_of_val(column.as_slice())).sum())
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.table())
    }
}

/// Values of epochs 1, 2, ... as points of a line.
pub fn epochs(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(index, &value)| (index as f64 + 1.0, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizers::Adam;

    fn history() -> History {
        let settings = Fit { epochs: 3, ..Fit::default() };
        let mut history = History::new(&settings, &Adam::default().into());
        for (loss, val_loss) in [(0.9, 0.5), (0.5, 0.3), (0.2, 0.4)] {
            let trained = Evaluation { loss, accuracy: 1.0 - loss };
            history.push(trained, Some(Evaluation { loss: val_loss, accuracy: 0.75 }), 0.001, 1.5);
        }
        history
    }

    #[test]
    fn the_best_epoch_has_the_lowest_validation_loss() {
        assert_eq!(history().best_epoch(), Some(2));
        assert_eq!(History::new(&Fit::default(), &Adam::default().into()).best_epoch(), None);
    }

    #[test]
    fn a_history_that_lacks_numbers_still_shows_itself() {
        let mut history = history();
        history.seconds.truncate(1);
        assert!(format!("{history:?}").ends_with("│       –"), "{history:?}");
    }

    #[test]
    fn nan_is_never_best() {
        let mut history = history();
        history.val_loss[0] = -f64::NAN; // sorts below all numbers
        assert_eq!(history.best_epoch(), Some(2));
        history.val_loss.fill(f64::NAN);
        assert_eq!(history.best_epoch(), None);
    }

    #[test]
    fn a_history_without_epochs_can_be_used() {
        let empty = History::new(&Fit::default(), &Adam::default().into());
        assert_eq!((empty.epochs(), empty.last("val_accuracy"), empty.best_epoch()), (0, None, None));
        assert!(format!("{empty:?}").contains("val_accuracy") && empty.line(10).starts_with("Epoch 0/1"));
        assert_eq!((empty.to_csv().lines().count(), empty.check().is_ok()), (1, true));
        assert!(crate::plots::history(&empty, "empty").is_err());
    }

    #[test]
    fn a_line_says_what_keras_says() {
        let line = "Epoch 3/3  10 steps  1.5 s  150 ms/step  loss: 0.2000  accuracy: 0.8000  val_loss: 0.4000  val_accuracy: 0.7500";
        assert_eq!(history().line(10), line);
    }

    #[test]
    fn csv_has_a_line_of_names_and_one_per_epoch() {
        let mut history = history();
        history.val_accuracy.clear();
        let lines: Vec<String> = history.to_csv().lines().map(String::from).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds");
        assert_eq!(lines[2], "2,0.5,0.5,0.3,,0.001,1.5");
    }

    #[test]
    fn what_is_saved_is_loaded_again() {
        let path = std::env::temp_dir().join(format!("cnn-history-{}.json", std::process::id()));
        let mut original = history();
        for n in 1..1000 {
            let odd = (n as f64).sqrt() / 7.0; // every bit counts
            let measured = Evaluation { loss: odd, accuracy: odd };
            original.push(measured, Some(measured), odd, odd);
        }
        original.save(&path).unwrap();
        assert_eq!(History::load(&path).unwrap(), original);
        let mut diverged = history();
        diverged.loss = vec![0.5, f64::NAN, f64::INFINITY];
        diverged.save(&path).unwrap();
        let loss = History::load(&path).unwrap().loss;
        assert!(loss[0] == 0.5 && loss[1].is_nan() && loss[2].is_nan(), "{loss:?}");
        for (content, expected) in [
            ("{\"loss\": [".to_string(), "is not a history"),
            (original.to_json().replace("\"loss\": [", "\"loss\": [0.5,"), "1002 numbers of"),
        ] {
            std::fs::write(&path, content).unwrap();
            let message = format!("{:#}", History::load(&path).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        std::fs::remove_file(&path).unwrap();
        let message = format!("{:#}", History::load(&path).unwrap_err());
        assert!(message.contains("check the path"), "{message}");
    }
}
