//! A box that is ticked or not.

use std::fmt;

use super::switch::Switch;

/// Yes or no, which one ticks, also while a loop runs that reads it: [`checkbox`] makes it. All clones are one.
#[derive(Clone)]
pub struct Checkbox(Switch);

/// A box with a word beside it, ticked at the start or not. It shows itself as the value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let shuffled = checkbox("shuffle", true);
/// assert!(shuffled.value());
/// ```
pub fn checkbox(label: &str, start: bool) -> Checkbox {
    Checkbox(Switch::new("checkbox", include_str!("checkbox.js"), label, start))
}

impl Checkbox {
    /// Whether it is ticked now.
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

impl fmt::Debug for Checkbox {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Checkbox({:?}: {})", self.0.label, self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    #[test]
    fn the_page_and_the_program_change_it() {
        let switch = checkbox("shuffle", false);
        for value in [true, false] {
            switch.0.shown.widget.change("value", &value.to_string());
            until(|| switch.value() == value);
        }
        switch.clone().set(true);
        assert_eq!((switch.value(), switch.0.shown.widget.get("value").as_deref()), (true, Some("true")));
    }
}
