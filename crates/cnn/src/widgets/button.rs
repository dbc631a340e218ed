//! A button that counts how often it is pressed.

use serde_json::json;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::shown::{sentence, Shown};

/// A button, which may be pressed while a loop runs that asks for it: [`button`] makes it. All clones are one button.
#[derive(Clone)]
pub struct Button {
    label: String,
    clicks: Arc<AtomicU64>,
    /// How many of them [`pressed`](Button::pressed) has told.
    told: Arc<AtomicU64>,
    shown: Shown,
}

/// A button with this word on it. It shows itself as the value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let again = button("Another digit");
/// assert_eq!((again.clicks(), again.pressed()), (0, false));
/// ```
pub fn button(label: &str) -> Button {
    let state = json!({ "label": label, "clicks": 0 });
    let still =
        sentence(format!("{label} (a button, to be pressed where the notebook has a running kernel)"));
    let shown = Shown::new(&[include_str!("button.js")], &state, still);
    let clicks = Arc::new(AtomicU64::new(0));
    let set = clicks.clone();
    shown.widget.on_change("clicks", move |widget| {
        let text = widget.get("clicks").unwrap_or_default();
        let count = text.parse().map_err(|_| format!("a count is wanted, and the page sent {text}"))?;
        set.fetch_max(count, Ordering::Relaxed);
        Ok(())
    });
    Button { label: label.to_string(), clicks, told: Arc::new(AtomicU64::new(0)), shown }
}

impl Button {
    /// How often it was pressed so far.
    pub fn clicks(&self) -> u64 {
        self.clicks.load(Ordering::Relaxed)
    }

    /// Whether it was pressed since this was asked last.
    pub fn pressed(&self) -> bool {
        let clicks = self.clicks();
        self.told.swap(clicks, Ordering::Relaxed) < clicks
    }

    /// Shows the button as output of the cell, as often as you want it.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for Button {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Button({:?}: {} clicks)", self.label, self.clicks())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    #[test]
    fn presses_are_counted_and_told_once() {
        let button = button("Next");
        button.shown.widget.change("clicks", "2");
        until(|| button.clicks() == 2);
        assert!(button.clone().pressed() && !button.pressed());
        button.shown.widget.change("clicks", "3");
        until(|| button.clicks() == 3);
        assert!(button.pressed() && !button.pressed());
    }
}
