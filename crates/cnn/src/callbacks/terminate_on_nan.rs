//! TerminateOnNaN.

use super::{Callback, Run};

/// Ends a training quietly when the loss of a batch is NaN or infinite; without it, that is an error.
///
/// The history then holds the epochs before; one whose very last batch it was is among them. On a GPU the loss is looked
/// at in every fiftieth batch and in the last one of each epoch.
///
/// ```
/// use cnn::{callbacks::TerminateOnNaN, prelude::*};
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let (x_train, mut model) = (normalize(&add_channel(&data.x_train)?)? * f64::NAN, course::model(1)?);
/// let settings = Fit { epochs: 3, ..Fit::default() };
/// let history = model.training(&x_train, &data.y_train, &settings).callback(TerminateOnNaN).run()?;
/// assert_eq!(history.epochs(), 0);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// Source: `keras/src/callbacks/terminate_on_nan.py`.
#[derive(Debug, Clone, Default)]
pub struct TerminateOnNaN;

impl Callback for TerminateOnNaN {
    fn on_invalid_loss(&mut self, run: &mut Run) -> bool {
        println!("Epoch {}, batch {}: the loss is NaN or infinite, the training ends", run.epoch, run.batch);
        true
    }
}
