//! What the compiler says about a cell, as the session hands it on.

use serde::Deserialize;

/// One message of the compiler. Lines and columns are 1-based, columns count characters; positions are in the text of the
/// cell that the learner typed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Diagnostic {
    /// `error` or `warning`, or `help` and `note` for what is left of an error.
    pub level: String,
    /// Such as `E0382` or `unused_must_use`.
    pub code: Option<String>,
    pub message: String,
    pub spans: Vec<Span>,
    pub notes: Vec<Note>,
}

/// A part of the cell.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Span {
    pub start_line: usize,
    pub start_column: usize,
    pub end_line: usize,
    /// Exclusive.
    pub end_column: usize,
    pub label: String,
    pub is_primary: bool,
}

/// A help or a note, which may contain a suggested replacement as its last paragraph.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Note {
    pub message: String,
    pub span: Option<Span>,
}

impl Diagnostic {
    /// Whether the cell does not compile because of it. Of some errors, evcxr keeps the help only.
    pub fn is_error(&self) -> bool {
        self.level != "warning"
    }

    /// The place that the message is about, if it is in the cell.
    pub fn primary(&self) -> Option<&Span> {
        self.spans.iter().find(|span| span.is_primary).or(self.spans.first())
    }
}
