//! Several trainings in one figure.

use anyhow::{ensure, Result};

use super::Chart;
use crate::engine::error::Context;
use crate::show::style::COLOURS;
use crate::show::Figure;
use crate::training::history::{epochs, History};

/// What the trainings are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The epochs, from 1 on.
    Epochs,
    /// The seconds from the beginning of the training to the end of each epoch.
    Seconds,
}

/// A quantity of several histories, each with its name: a line per training.
///
/// The quantity is `"loss"`, `"accuracy"`, `"val_loss"`, `"val_accuracy"`, `"learning_rate"` or `"seconds"`.
///
/// # Errors
/// If there is no history, or there are more than 7, which is as many as there are colours; or if one of them has no such
/// quantity.
///
/// ```
/// use cnn::{plots::By, prelude::*};
/// let data = mnist::synthetic_digits(100, 10, 1);
/// let x_train = add_channel(&data.x_train)?;
/// let settings = Fit { epochs: 3, validation_split: 0.2, ..Fit::default() };
/// let adam = course::model(1)?.fit(&x_train, &data.y_train, &settings)?;
/// let mut model = course::model(1)?;
/// model.compile(SGD::default(), Loss::CategoricalCrossentropy)?;
/// let sgd = model.fit(&x_train, &data.y_train, &settings)?;
/// let figure = plots::compare(&[("Adam", &adam), ("SGD", &sgd)], "val_accuracy", By::Epochs)?;
/// assert_eq!(figure.size(), (720, 420));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn compare<S: AsRef<str>>(histories: &[(S, &History)], quantity: &str, by: By) -> Result<Figure> {
    ensure!(
        (1..=COLOURS.len()).contains(&histories.len()),
        "compare() draws 1 to {} histories, and was given {}",
        COLOURS.len(),
        histories.len()
    );
    let x_label = match by {
        By::Epochs => "epoch",
        By::Seconds => "training time in seconds",
    };
    let mut chart = Chart::new(quantity).axes(x_label, quantity);
    for (name, history) in histories {
        let name = name.as_ref();
        let measured = || history.quantities().into_iter().filter(|(_, values)| !values.is_empty());
        let (_, values) = measured().find(|(known, _)| *known == quantity).with_context(|| {
            let names: Vec<&str> = measured().map(|(known, _)| known).collect();
            format!("the history {name:?} has no {quantity:?}; it has {}", names.join(", "))
        })?;
        let points: Vec<(f64, f64)> = match by {
            By::Epochs => epochs(values),
            By::Seconds => {
                let until = history.seconds.iter().scan(0.0, |total, seconds| {
                    *total += seconds;
                    Some(*total)
                });
                until.zip(values.iter().copied()).collect()
            }
        };
        chart = chart.line(name, &points);
    }
    chart.figure()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizers::Adam;
    use crate::training::Fit;

    fn history(loss: &[f64], seconds: f64) -> History {
        let mut history = History::new(&Fit::default(), &Adam::default().into());
        history.loss = loss.to_vec();
        history.seconds = vec![seconds; loss.len()];
        history
    }

    #[test]
    fn a_slower_training_has_another_figure_by_seconds_alone() {
        let (fast, slow) = (history(&[0.9, 0.5, 0.3], 1.0), history(&[0.9, 0.5, 0.3], 2.0));
        let figure = |first, by| compare(&[("a", first), ("b", &fast)], "loss", by).unwrap();
        assert!(figure(&fast, By::Epochs) == figure(&slow, By::Epochs));
        assert!(figure(&fast, By::Seconds) != figure(&slow, By::Seconds));
        let long = history(&[0.9, 0.5, 0.3, f64::NAN], 1.0);
        assert!(figure(&long, By::Epochs) == figure(&fast, By::Epochs), "NaN is left out");
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let one = history(&[0.5], 1.0);
        let message = compare(&[("mine", &one)], "val_loss", By::Epochs).unwrap_err().to_string();
        assert_eq!(message, "the history \"mine\" has no \"val_loss\"; it has loss, seconds");
        for count in [0, 8] {
            let message = compare(&vec![("x", &one); count], "loss", By::Epochs).unwrap_err().to_string();
            assert!(message.contains(&format!("1 to 7 histories, and was given {count}")), "{message}");
        }
    }
}
