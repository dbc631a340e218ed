//! What a model remembers of its last training.

use serde_json::Value;

use super::history::History;
use crate::model::Sequential;

/// Kept in the model, whatever the end of the training.
pub(super) struct LastTraining {
    pub history: History,
    /// If it had a backup: hashes of the weights with which it began, and of those that the model was left with.
    pub weights: Option<[Value; 2]>,
}

impl Sequential {
    /// The history of the last training, also of one that an error has ended; `None` before the first. A training that is
    /// refused before its first epoch leaves it as it was. It is not saved with the model: see [`History::save`].
    ///
    /// ```
    /// use cnn::{anyhow, prelude::*};
    /// struct Full;
    /// impl Callback for Full {
    ///     fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
    ///         anyhow::ensure!(run.epoch < 3, "the disk is full");
    ///         Ok(())
    ///     }
    /// }
    /// let data = mnist::synthetic_digits(100, 10, 1);
    /// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
    /// let settings = Fit { epochs: 10, ..Fit::default() };
    /// let error = model.training(&x_train, &data.y_train, &settings).callback(Full).run().unwrap_err();
    /// assert_eq!(error.to_string(), "the disk is full; the history of the 3 epochs before is model.history()");
    /// let history = model.history().unwrap();
    /// assert_eq!(history.loss.len(), 3);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    ///
    /// Source: `model.history` in `keras/src/callbacks/history.py`.
    pub fn history(&self) -> Option<&History> {
        self.last().map(|last| &last.history)
    }

    /// Whether the weights, whose hash is `now`, are those that a training left which had begun with weights of the hash
    /// `begun_with`.
    pub(crate) fn is_left_by(&self, begun_with: &Value, now: &Value) -> bool {
        let weights = self.last().and_then(|last| last.weights.as_ref());
        weights.is_some_and(|[begun, left]| begun == begun_with && left == now)
    }

    fn last(&self) -> Option<&LastTraining> {
        self.last_training.as_ref().and_then(|last| last.downcast_ref())
    }
}
