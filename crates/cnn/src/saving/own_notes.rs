//! What this crate keeps beside a model in a file of another program, which passes over it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::engine::json::from_json;
use crate::model::Scale;
use crate::Sequential;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    seed: Option<u64>,
    notes: BTreeMap<String, String>,
    scale: Scale,
}

impl Notes {
    /// Under which name they stand.
    pub const KEY: &'static str = "cnn";

    pub fn of(model: &Sequential) -> Notes {
        Notes { seed: Some(model.seed), notes: model.notes.clone(), scale: model.scale.clone() }
    }

    /// What cannot be read was not written by this crate, and is left out.
    pub fn read(text: &str) -> Notes {
        from_json(text.as_bytes()).unwrap_or_default()
    }

    pub fn give(self, model: &mut Sequential) {
        model.seed = self.seed.unwrap_or(model.seed);
        model.notes = self.notes;
        model.scale = self.scale;
    }
}
