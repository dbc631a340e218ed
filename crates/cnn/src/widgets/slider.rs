//! A number that is set with a slider.

use anyhow::{ensure, Result};
use serde_json::json;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::shown::{sentence, Shown};

/// Where no step is given, a range has so many.
const STEPS: f64 = 200.0;

/// A number that one sets with a slider, also while a loop runs that reads it: [`slider`] and [`log_slider`] make it. All clones are
/// one slider.
#[derive(Clone)]
pub struct Slider {
    label: String,
    range: RangeInclusive<f64>,
    /// The bits of an `f64`.
    value: Arc<AtomicU64>,
    shown: Shown,
}

/// A slider for a number within `range`, which begins at `start`; it moves in steps of a 200th of the range. It shows itself as the
/// value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let noise = slider("noise", 0.0..=1.0, 0.2)?.step(0.1)?;
/// noise.show();
/// assert_eq!(noise.value(), 0.2); // or what the user has set since
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the range does not go from a number to a larger one, `start` is not within, or the label is empty.
pub fn slider(label: &str, range: RangeInclusive<f64>, start: f64) -> Result<Slider> {
    let step = (range.end() - range.start()) / STEPS;
    Slider::new(label, range, start, step, false)
}

/// As [`slider`], for a number of which the size matters, as a learning rate: equal distances are equal factors.
///
/// ```
/// use cnn::prelude::*;
/// let learning_rate = log_slider("learning rate", 1e-5..=1e-1, 1e-3)?;
/// assert_eq!(learning_rate.value(), 1e-3);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// As [`slider`], and if the range does not begin above 0.
pub fn log_slider(label: &str, range: RangeInclusive<f64>, start: f64) -> Result<Slider> {
    ensure!(
        *range.start() > 0.0,
        "log_slider {label:?} must begin above 0, not at {}, since equal distances on it are equal factors",
        range.start()
    );
    Slider::new(label, range, start, STEPS, true)
}

impl Slider {
    /// `step` is the distance between two positions, or, of a logarithmic slider, how many there are.
    pub(super) fn new(
        label: &str,
        range: RangeInclusive<f64>,
        start: f64,
        step: f64,
        log: bool,
    ) -> Result<Slider> {
        let (low, high) = (*range.start(), *range.end());
        ensure!(
            !label.trim().is_empty(),
            "a slider needs a label that says what it sets, as \"learning rate\""
        );
        ensure!(
            low < high && (high - low).is_finite(),
            "the slider {label:?} must go from a number to a larger one, as 0.0..=1.0, and its range is {low}..={high}"
        );
        ensure!(
            range.contains(&start),
            "the slider {label:?} goes from {low} to {high}, and cannot begin at {start}"
        );
        let state =
            json!({ "label": label, "low": low, "high": high, "step": step, "log": log, "value": start });
        let still = sentence(format!(
            "{label}: {start} (a slider from {low} to {high}, which moves where the notebook has a running kernel)"
        ));
        let shown = Shown::new(&[include_str!("slider.js")], &state, still);
        let value = Arc::new(AtomicU64::new(start.to_bits()));
        let (set, limits) = (value.clone(), range.clone());
        shown.widget.on_change("value", move |widget| {
            let text = widget.get("value").unwrap_or_default();
            let number: f64 =
                text.parse().map_err(|_| format!("a number is wanted, and the page sent {text}"))?;
            set.store(number.clamp(*limits.start(), *limits.end()).to_bits(), Ordering::Relaxed);
            Ok(())
        });
        Ok(Slider { label: label.to_string(), range, value, shown })
    }

    /// The same slider, moving in steps of this size from the beginning of its range; call it before the slider is shown. Of a
    /// [`log_slider`], `step` is the factor between two positions.
    ///
    /// # Errors
    /// If the step is not above 0 (above 1 as a factor), or larger than the range.
    pub fn step(self, step: f64) -> Result<Slider> {
        let (low, high) = (self.range.start(), self.range.end());
        let is_log = self.shown.widget.get("log").as_deref() == Some("true");
        let (least, most) = if is_log { (1.0, high / low) } else { (0.0, high - low) };
        ensure!(
            step > least && step <= most,
            "the step of the slider {:?} must be above {least} and at most {most}, which is its whole range, not {step}",
            self.label
        );
        let step = if is_log { most.ln() / step.ln() } else { step };
        self.shown.widget.set("step", &json!(step).to_string());
        Ok(self)
    }

    /// The number that is set now. Reading it costs nothing that a loop would notice.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.value.load(Ordering::Relaxed))
    }

    /// Moves the slider from the program.
    ///
    /// # Errors
    /// If the value is not within the range.
    pub fn set(&self, value: f64) -> Result<()> {
        let (label, low, high) = (&self.label, self.range.start(), self.range.end());
        ensure!(
            self.range.contains(&value),
            "the slider {label:?} goes from {low} to {high}, and cannot be set to {value}"
        );
        self.value.store(value.to_bits(), Ordering::Relaxed);
        self.shown.widget.set("value", &json!(value).to_string());
        Ok(())
    }

    /// Shows the slider as output of the cell, as often as you want it; all move together.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }

    pub(super) fn range(&self) -> &RangeInclusive<f64> {
        &self.range
    }
}

impl fmt::Debug for Slider {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Slider({:?}: {} of {:?})", self.label, self.value(), self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    fn refusal(slider: Result<Slider>) -> String {
        slider.unwrap_err().to_string()
    }

    #[test]
    fn what_the_page_sets_is_read_and_stays_within_the_range() {
        let rate = slider("rate", 0.0..=1.0, 0.25).unwrap();
        assert_eq!(rate.value(), 0.25);
        for (sent, read) in [("0.75", 0.75), ("1", 1.0), ("7.5", 1.0), ("-1e9", 0.0)] {
            rate.shown.widget.change("value", sent);
            until(|| rate.value() == read);
        }
        rate.shown.widget.change("value", "\"much\"");
        until(|| rate.shown.widget.get("error").is_some_and(|error| error.contains("a number is wanted")));
        assert_eq!(rate.value(), 0.0);
        rate.clone().set(0.5).unwrap();
        assert_eq!((rate.value(), rate.shown.widget.get("value").as_deref()), (0.5, Some("0.5")));
        assert!(rate
            .set(f64::NAN)
            .unwrap_err()
            .to_string()
            .contains("from 0 to 1, and cannot be set to NaN"));
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn wrong_ranges_and_steps_are_named() {
        assert!(refusal(slider("a", 1.0..=1.0, 1.0)).contains("its range is 1..=1"));
        assert!(refusal(slider("a", 2.0..=1.0, 1.0)).contains("its range is 2..=1"));
        assert!(refusal(slider("a", f64::NAN..=1.0, 1.0)).contains("its range is NaN..=1"));
        assert!(refusal(slider("a", 0.0..=f64::INFINITY, 1.0)).contains("its range is 0..=inf"));
        assert!(refusal(slider("a", f64::MIN..=f64::MAX, 1.0)).contains("its range is"));
        assert!(refusal(slider("a", 0.0..=1.0, f64::NAN)).contains("cannot begin at NaN"));
        assert!(refusal(slider("a", 0.0..=1.0, 1.5)).contains("from 0 to 1, and cannot begin at 1.5"));
        assert!(refusal(slider(" ", 0.0..=1.0, 0.5)).contains("needs a label"));
        assert!(refusal(log_slider("a", 0.0..=1.0, 0.5)).contains("must begin above 0, not at 0"));
        let step = |step| slider("a", 0.0..=1.0, 0.5).unwrap().step(step);
        for wrong in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(refusal(step(wrong)).contains("must be above 0 and at most 1"), "{wrong}");
        }
        assert_eq!(step(0.5).unwrap().shown.widget.get("step").unwrap(), "0.5");
        let tenfold = log_slider("a", 1e-4..=1.0, 0.1).unwrap().step(10.0).unwrap();
        assert!(tenfold.shown.widget.get("step").unwrap().parse::<f64>().unwrap() - 4.0 < 1e-9);
    }
}
