//! A whole number that is set with a slider.

use anyhow::{ensure, Result};
use std::fmt;
use std::ops::RangeInclusive;

use super::slider::Slider;

/// Beyond it JavaScript has no whole numbers.
const LARGEST: i64 = 1 << 53;

/// A whole number that one sets with a slider, also while a loop runs that reads it: [`whole_slider`] makes it. All clones are one
/// slider.
#[derive(Clone)]
pub struct WholeSlider(Slider);

/// A slider for a whole number within `range`, which begins at `start`. It shows itself as the value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let image = whole_slider("image", 0..=99, 8)?;
/// assert_eq!(image.value(), 8);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the range does not go from a number to a larger one, is beyond ±2⁵³, `start` is not within, or the label is empty.
pub fn whole_slider(label: &str, range: RangeInclusive<i64>, start: i64) -> Result<WholeSlider> {
    let (low, high) = (*range.start(), *range.end());
    ensure!(
        low >= -LARGEST && high <= LARGEST,
        "the slider {label:?} must stay within ±{LARGEST}, and its range is {low}..={high}"
    );
    Ok(WholeSlider(Slider::new(label, low as f64..=high as f64, start as f64, 1.0, false)?))
}

impl WholeSlider {
    /// The number that is set now. Reading it costs nothing that a loop would notice.
    pub fn value(&self) -> i64 {
        self.0.value().round() as i64
    }

    /// Moves the slider from the program.
    ///
    /// # Errors
    /// If the value is not within the range.
    pub fn set(&self, value: i64) -> Result<()> {
        self.0.set(value as f64)
    }

    /// The same slider, moving in steps of so many; call it before the slider is shown.
    ///
    /// # Errors
    /// If the step is below 1, or larger than the range.
    pub fn step(self, step: i64) -> Result<WholeSlider> {
        Ok(WholeSlider(self.0.step(step as f64)?))
    }

    /// Shows the slider as output of the cell, as often as you want it; all move together.
    pub fn show(&self) {
        self.0.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for WholeSlider {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Whole{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_within() {
        let epochs = whole_slider("epochs", 1..=9, 3).unwrap();
        epochs.set(9).unwrap();
        assert_eq!(epochs.value(), 9);
        assert!(epochs.set(10).unwrap_err().to_string().contains("from 1 to 9, and cannot be set to 10"));
        assert_eq!(format!("{epochs:?}"), "WholeSlider(\"epochs\": 9 of 1.0..=9.0)");
        assert!(epochs.step(0).unwrap_err().to_string().contains("must be above 0"));
        let beyond = whole_slider("epochs", 0..=i64::MAX, 3).unwrap_err().to_string();
        assert!(beyond.contains("must stay within"), "{beyond}");
    }
}
