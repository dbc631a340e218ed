//! What checkboxes and toggles have in common: yes or no.

use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::shown::{sentence, Shown};

/// Yes or no, in whatever form.
#[derive(Clone)]
pub(super) struct Switch {
    pub label: String,
    value: Arc<AtomicBool>,
    pub shown: Shown,
}

impl Switch {
    /// `kind` is what the sentence in its place calls it.
    pub fn new(kind: &str, script: &str, label: &str, start: bool) -> Switch {
        let state = json!({ "label": label, "value": start });
        let word = if start { "yes" } else { "no" };
        let still = sentence(format!(
            "{label}: {word} (a {kind}, which changes where the notebook has a running kernel)"
        ));
        let shown = Shown::new(&[script], &state, still);
        let value = Arc::new(AtomicBool::new(start));
        let set = value.clone();
        shown.widget.on_change("value", move |widget| {
            set.store(widget.get("value").as_deref() == Some("true"), Ordering::Relaxed);
            Ok(())
        });
        Switch { label: label.to_string(), value, shown }
    }

    pub fn value(&self) -> bool {
        self.value.load(Ordering::Relaxed)
    }

    pub fn set(&self, value: bool) {
        self.value.store(value, Ordering::Relaxed);
        self.shown.widget.set("value", &value.to_string());
    }
}
