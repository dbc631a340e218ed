//! A training's curves.

use super::Chart;
use crate::show::Figure;
use crate::training::history::{epochs, History};

/// Accuracy and loss over the epochs, training and validation, side by side, or one below the other on a narrow page.
///
/// # Errors
/// If the history is empty.
pub fn history(history: &History, title: &str) -> anyhow::Result<Figure> {
    let panel = |name: &str, train: &[f64], validation: &[f64]| {
        let mut chart = Chart::new(&format!("{title}: {name}")).axes("epoch", name).size(640, 420);
        chart = chart.line("training", &epochs(train));
        if !validation.is_empty() {
            chart = chart.line("validation", &epochs(validation));
        }
        chart.figure()
    };
    let accuracy = panel("accuracy", &history.accuracy, &history.val_accuracy)?;
    Ok(accuracy.beside(&panel("loss", &history.loss, &history.val_loss)?))
}
