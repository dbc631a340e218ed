//! One of several words.

use anyhow::{ensure, Result};
use serde_json::json;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::shown::{sentence, Shown};

/// One of several words, which one chooses from a list, also while a loop runs that reads it: [`dropdown`] makes it. All clones are
/// one list.
#[derive(Clone)]
pub struct Dropdown {
    label: String,
    options: Arc<[String]>,
    index: Arc<AtomicUsize>,
    shown: Shown,
}

/// A list of words of which one is chosen, at first the first. It shows itself as the value of a cell.
///
/// ```
/// use cnn::prelude::*;
/// let optimizer = dropdown("optimizer", &["Adam", "SGD"])?;
/// assert_eq!((optimizer.value(), optimizer.index()), ("Adam", 0));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If there are no words, or the label is empty.
pub fn dropdown<S: AsRef<str>>(label: &str, options: &[S]) -> Result<Dropdown> {
    ensure!(!label.trim().is_empty(), "a dropdown needs a label that says what is chosen, as \"optimizer\"");
    ensure!(
        !options.is_empty(),
        "the dropdown {label:?} has nothing to choose from; give it one word at least, as &[\"Adam\", \"SGD\"]"
    );
    let options: Arc<[String]> = options.iter().map(|option| option.as_ref().to_string()).collect();
    let state = json!({ "label": label, "options": &options[..], "value": 0 });
    let still = sentence(format!(
        "{label}: {} (of {}, to be chosen where the notebook has a running kernel)",
        options[0],
        options.join(", ")
    ));
    let shown = Shown::new(&[include_str!("dropdown.js")], &state, still);
    let index = Arc::new(AtomicUsize::new(0));
    let (set, count) = (index.clone(), options.len());
    shown.widget.on_change("value", move |widget| {
        let text = widget.get("value").unwrap_or_default();
        match text.parse() {
            Ok(index) if index < count => set.store(index, Ordering::Relaxed),
            _ => return Err(format!("a place from 0 to {} is wanted, and the page sent {text}", count - 1)),
        }
        Ok(())
    });
    Ok(Dropdown { label: label.to_string(), options, index, shown })
}

impl Dropdown {
    /// The word that is chosen now.
    pub fn value(&self) -> &str {
        &self.options[self.index()]
    }

    /// Its place in the list, from 0.
    pub fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }

    /// Chooses a word from the program.
    ///
    /// # Errors
    /// If it is not in the list.
    pub fn set(&self, value: &str) -> Result<()> {
        let index = self.options.iter().position(|option| option == value);
        let index = index.ok_or_else(|| {
            let (label, options) = (&self.label, self.options.join(", "));
            anyhow::anyhow!("the dropdown {label:?} has {options}, and not {value:?}")
        })?;
        self.index.store(index, Ordering::Relaxed);
        self.shown.widget.set("value", &index.to_string());
        Ok(())
    }

    /// Shows the list as output of the cell, as often as you want it; all change together.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for Dropdown {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Dropdown({:?}: {:?} of {:?})", self.label, self.value(), self.options)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    #[test]
    fn what_the_page_chooses_is_read_and_other_places_are_refused() {
        let list = dropdown("optimizer", &["Adam", "SGD"]).unwrap();
        list.shown.widget.change("value", "1");
        until(|| list.value() == "SGD");
        for wrong in ["2", "-1", "null"] {
            list.shown.widget.change("value", wrong);
            until(|| list.shown.widget.get("error").is_some_and(|error| error.contains(wrong)));
            assert_eq!(list.index(), 1);
        }
        list.set("Adam").unwrap();
        assert_eq!((list.value(), list.shown.widget.get("value").as_deref()), ("Adam", Some("0")));
        assert!(list.set("AdamW").unwrap_err().to_string().contains("has Adam, SGD, and not \"AdamW\""));
    }

    #[test]
    fn an_empty_list_is_refused() {
        let empty: [&str; 0] = [];
        let refusal = dropdown("optimizer", &empty).unwrap_err().to_string();
        assert!(refusal.contains("\"optimizer\" has nothing to choose from"), "{refusal}");
        assert!(dropdown("", &["a"]).is_err());
    }
}
