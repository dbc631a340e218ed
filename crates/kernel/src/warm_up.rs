//! The cell that is executed before the user's first one: dependencies are compiled and loaded while the user reads.

use anyhow::{Context, Result};
use jupyter_protocol::messaging::{ExecuteRequest, JupyterMessage, JupyterMessageContent as Content};

use crate::message::parent_id;
use crate::prepared;
use crate::settings::Settings;

/// After the user's own lines: how cells report their end, and a first variable, a first `?`, and what it takes to compile
/// them, so that evcxr has done all of that once.
const ALWAYS: &str =
    concat!(include_str!("in_cells.rs"), "let _warm_up: Option<()> = None; Ok::<(), String>(())?;");

/// The warm-up of one evcxr.
pub struct WarmUp {
    code: String,
    stamp: String,
    sent: Option<String>,
    error: Option<String>,
}

impl WarmUp {
    /// Reads the cell that the settings name, if they do.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(settings: &Settings) -> Result<WarmUp> {
        let cell = match &settings.warm_up {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("the warm-up cell {} cannot be read", path.display()))?,
            None => String::new(),
        };
        let stamp = prepared::stamp(&cell, &std::env::current_dir()?);
        Ok(WarmUp { code: format!("{}\n{ALWAYS}", cell.trim_end()), stamp, sent: None, error: None })
    }

    /// What the prepared build depends on.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Whether the cell adds dependencies, so that rust-analyzer reads everything again.
    pub fn has_dependencies(&self) -> bool {
        self.code.lines().any(|line| line.trim_start().starts_with(":dep "))
    }

    /// The request to execute the cell.
    pub fn request(&mut self) -> JupyterMessage {
        let message: JupyterMessage =
            ExecuteRequest { silent: true, ..ExecuteRequest::new(self.code.clone()) }.into();
        self.sent = Some(message.header.msg_id.clone());
        message
    }

    /// Looks at a message of evcxr, and says whether it is the reply.
    pub fn is_done_with(&mut self, message: &JupyterMessage) -> bool {
        if self.sent.is_none() || parent_id(message) != self.sent.as_deref() {
            return false;
        }
        if let Content::ErrorOutput(error) = &message.content {
            self.error.get_or_insert_with(|| error.evalue.clone());
        }
        matches!(message.content, Content::ExecuteReply(_))
    }

    /// What went wrong, if something did.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}
