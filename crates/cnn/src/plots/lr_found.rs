//! A learning-rate range test as a figure.

use anyhow::Result;

use super::Chart;
use crate::show::Figure;
use crate::training::lr_find::{LrFound, EXPLODING};

impl LrFound {
    /// The loss over the learning rate, and the suggestion on it.
    ///
    /// # Errors
    /// If there is nothing to draw.
    pub fn figure(&self) -> Result<Figure> {
        let shown = self.losses.len().saturating_sub(EXPLODING).max(1);
        let points = self.learning_rates.iter().copied().zip(self.losses.iter().copied()).take(shown);
        let points: Vec<(f64, f64)> = points.collect();
        let mut chart =
            Chart::new("Learning-rate range test").axes("learning rate", "loss, smoothed").log_x();
        chart = chart.line("loss", &points);
        if let Ok(rate) = self.suggestion() {
            let suggested: Vec<(f64, f64)> = points.into_iter().filter(|&(tried, _)| tried == rate).collect();
            chart = chart.points(&format!("suggestion: {rate:.1e}"), &suggested);
        }
        chart.figure()
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        match self.figure() {
            Ok(figure) => figure.show(),
            Err(_) => println!("{self:?}"),
        }
    }
}
