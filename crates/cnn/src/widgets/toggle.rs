//! A button that stays down.

use std::fmt;

use super::switch::Switch;

/// A button that stays down until it is pressed again, also while a loop runs that looks at it: [`toggle`] makes it. All clones are one.
#[derive(Clone)]
pub struct Toggle(Switch);

/// A button that is up, stays down when it is pressed, and comes up when it is pressed again: to pause a loop, for example. It shows
/// itself as the value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let pause = toggle("Pause");
/// assert!(!pause.value());
/// ```
pub fn toggle(label: &str) -> Toggle {
    Toggle(Switch::new("toggle", include_str!("toggle.js"), label, false))
}

impl Toggle {
    /// Whether it is down now.
    pub fn value(&self) -> bool {
        self.0.value()
    }

    /// Changes it from the program.
    pub fn set(&self, value: bool) {
        self.0.set(value);
    }

    /// Shows it as output of the cell, as often as you want it; all change together.
    pub fn show(&self) {
        self.0.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for Toggle {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Toggle({:?}: {})", self.0.label, self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    #[test]
    fn the_page_and_the_program_change_it() {
        let switch = toggle("Pause");
        for value in [true, false] {
            switch.0.shown.widget.change("value", &value.to_string());
            until(|| switch.value() == value);
        }
        switch.clone().set(true);
        assert_eq!((switch.value(), switch.0.shown.widget.get("value").as_deref()), (true, Some("true")));
    }
}
