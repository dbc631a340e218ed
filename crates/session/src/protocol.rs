//! What the kernel asks and is answered: one JSON object a line, on the standard input and output.
//!
//! ```json
//! {"id":7,"now":false,"question":{"execute":{"code":"1 + 1"}}}
//! {"id":7,"answer":{"executed":{"contents":{"text/plain":"2"},"failure":null,"variables":[["x","i32"]]}}}
//! {"id":8,"now":false,"question":{"complete":{"code":"x.po","at":4}}}
//! {"id":8,"answer":{"completed":{"start":2,"end":4,"items":[{"code":"pow(exp)","kind":"function"}]}}}
//! {"id":9,"now":true,"question":{"inspect":{"code":"x","ends":[1]}}}
//! {"id":9,"answer":{"inspected":{"text":"x: i32","html":"<pre>…"}}}
//! ```
//!
//! Positions are in bytes. Answers come in the order of the questions, but for those with `now`, which are answered
//! while a cell runs. The first line says that evcxr is ready: `{"id":0,"answer":"ready"}`.

use anyhow::Result;
use nix::unistd::dup2_stdout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use crate::completion::Offer;
use crate::inspection::Explanation;

/// A line from the kernel.
#[derive(Deserialize)]
pub struct Request {
    pub id: u64,
    /// Whether it is to be answered while a cell runs.
    pub now: bool,
    pub question: Question,
}

/// What is to be done.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    Execute {
        code: String,
    },
    Complete {
        code: String,
        at: usize,
    },
    /// About the first of the names that end there and are known.
    Inspect {
        code: String,
        ends: Vec<usize>,
    },
}

/// A line to the kernel.
#[derive(Serialize)]
pub struct Reply {
    pub id: u64,
    pub answer: Answer,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Ready,
    Executed(Executed),
    Completed(Offer),
    Inspected(Option<Explanation>),
    /// evcxr could not answer, for this reason.
    Failed(String),
}

/// What came of a cell.
#[derive(Serialize)]
pub struct Executed {
    /// The value that it ends with, by MIME type.
    pub contents: BTreeMap<String, String>,
    pub failure: Option<Failure>,
    /// The notebook's variables now, with their types.
    pub variables: Vec<(String, String)>,
}

/// Why a cell was not executed to its end. What `?` returns and panics are not among these: cells report those themselves.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It cannot be compiled.
    Compile(Vec<Diagnostic>),
    /// The process that ran it has ended; all variables are gone.
    Ended(String),
    /// A type was defined anew, and variables of the old one are gone.
    Lost(Vec<String>),
    /// Another reason.
    Message(String),
    /// evcxr has panicked, and goes on.
    Panicked(String),
}

/// What the compiler says. Lines and columns count from 1, columns in characters, in the text of the cell.
#[derive(Serialize)]
pub struct Diagnostic {
    pub level: String,
    pub code: Option<String>,
    pub message: String,
    pub spans: Vec<Span>,
    pub notes: Vec<Note>,
}

#[derive(Serialize)]
pub struct Span {
    pub start_line: usize,
    pub start_column: usize,
    pub end_line: usize,
    /// The column behind the last character.
    pub end_column: usize,
    pub label: String,
    pub is_primary: bool,
}

#[derive(Serialize)]
pub struct Note {
    pub message: String,
    pub span: Option<Span>,
}

/// The way to the kernel.
#[derive(Clone)]
pub struct Replies(Arc<Mutex<File>>);

impl Replies {
    /// Takes the standard output for itself: what evcxr prints there goes to the standard error.
    ///
    /// # Errors
    /// If the system has no more files.
    pub fn open() -> Result<Replies> {
        // What evcxr starts does not get it.
        let own = std::io::stdout().as_fd().try_clone_to_owned()?;
        dup2_stdout(std::io::stderr())?;
        Ok(Replies(Arc::new(Mutex::new(File::from(own)))))
    }

    /// Sends a line. A kernel that is gone needs none.
    pub fn send(&self, reply: Reply) {
        self.send_line(&serde_json::to_string(&reply).unwrap_or_default());
    }

    /// Sends a line that was made elsewhere.
    pub fn send_line(&self, line: &str) {
        let mut file = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n"));
    }
}
