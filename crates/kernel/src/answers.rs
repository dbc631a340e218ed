//! What the session answers, one JSON object a line. Source: `protocol.rs` of live-session.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::completion::Offer;
use crate::errors::Diagnostic;
use crate::inspection::Explanation;

/// An answer of the session.
#[derive(Deserialize)]
pub struct Reply {
    /// The question's number; 0 when it is ready.
    pub id: u64,
    /// What it says.
    pub answer: Answer,
}

/// What the session says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// evcxr has started.
    Ready,
    /// A cell has ended.
    Executed(Executed),
    /// Names that fit.
    Completed(Offer),
    /// An explanation.
    Inspected(Option<Explanation>),
    /// evcxr could not answer, for this reason.
    Failed(String),
}

/// What came of a cell.
#[derive(Deserialize, Default)]
pub struct Executed {
    /// The value that it ends with, by MIME type.
    pub contents: BTreeMap<String, String>,
    /// Why it was not executed to its end.
    pub failure: Option<Failure>,
    /// The notebook's variables now, with their types.
    pub variables: Vec<(String, String)>,
}

/// Why a cell was not executed to its end; what `?` returns and panics are not among these.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It cannot be compiled.
    Compile(Vec<Diagnostic>),
    /// The process that ran it has ended.
    Ended(String),
    /// A type was defined anew, and these variables of the old one are gone.
    Lost(Vec<String>),
    /// Another reason.
    Message(String),
    /// evcxr has panicked.
    Panicked(String),
}
