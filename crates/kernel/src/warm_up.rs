//! The cell that is executed before the user's first one: dependencies are compiled and loaded while the user reads.

use anyhow::{Context, Result};
use jupyter_protocol::messaging::{
    ExecuteRequest, JupyterMessage, JupyterMessageContent as Content, ReplyStatus,
};

use crate::message::parent_id;
use crate::prepared;
use crate::settings::Settings;

/// After the user's own lines, or alone if those fail: how cells report their end, and a first variable, a first `?`, and
/// what it takes to compile them, so that evcxr has done all of that once.
const ALWAYS: &str =
    concat!(include_str!("in_cells.rs"), "let _warm_up: Option<()> = None; Ok::<(), String>(())?;");

/// The warm-up of one evcxr.
pub struct WarmUp {
    cell: String,
    stamp: String,
    sent: Option<String>,
    error: Option<String>,
    /// Whether the cell has failed, and what follows it is executed without it.
    alone: bool,
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
        let stamp = prepared::stamp(&cell, settings.lock.as_deref(), &std::env::current_dir()?);
        Ok(WarmUp { cell, stamp, sent: None, error: None, alone: false })
    }

    /// What the prepared build depends on.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Whether the cell adds dependencies, so that rust-analyzer reads everything again.
    pub fn has_dependencies(&self) -> bool {
        self.cell.lines().any(|line| line.trim_start().starts_with(":dep "))
    }

    /// The request to execute the cell.
    pub fn request(&mut self) -> JupyterMessage {
        self.execute(format!("{}\n{ALWAYS}", self.cell.trim_end()))
    }

    /// The request that is left after the reply: of a cell that has failed, evcxr has kept nothing, not even how cells
    /// report errors.
    pub fn second_request(&mut self) -> Option<JupyterMessage> {
        if self.error.is_none() || self.alone {
            return None;
        }
        self.alone = true;
        Some(self.execute(ALWAYS.to_string()))
    }

    fn execute(&mut self, code: String) -> JupyterMessage {
        let message: JupyterMessage = ExecuteRequest { silent: true, ..ExecuteRequest::new(code) }.into();
        self.sent = Some(message.header.msg_id.clone());
        message
    }

    /// Looks at a message of evcxr, and says whether it is the reply.
    pub fn is_done_with(&mut self, message: &JupyterMessage) -> bool {
        if self.sent.is_none() || parent_id(message) != self.sent.as_deref() {
            return false;
        }
        match &message.content {
            Content::ErrorOutput(error) => {
                self.error.get_or_insert_with(|| error.evalue.clone());
                false
            }
            Content::ExecuteReply(reply) => {
                // The error itself comes on another socket, and may come later.
                if reply.status == ReplyStatus::Error {
                    self.error.get_or_insert_with(|| "execute it in a notebook to see why".to_string());
                }
                true
            }
            _ => false,
        }
    }

    /// What went wrong, if something did.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::{ErrorOutput, ExecuteReply};

    fn warm_up() -> WarmUp {
        let cell = ":dep a = \"1\"\n".to_string();
        WarmUp { cell, stamp: String::new(), sent: None, error: None, alone: false }
    }

    fn code(request: &JupyterMessage) -> &str {
        match &request.content {
            Content::ExecuteRequest(asked) => &asked.code,
            other => panic!("{other:?}"),
        }
    }

    fn reply(request: &JupyterMessage, status: ReplyStatus) -> JupyterMessage {
        JupyterMessage::new(ExecuteReply { status, ..ExecuteReply::default() }, Some(request))
    }

    #[test]
    fn after_a_failed_cell_the_rest_is_executed_alone() {
        let mut warm_up = warm_up();
        let first = warm_up.request();
        assert!(code(&first).starts_with(":dep a") && code(&first).ends_with(ALWAYS));
        assert!(warm_up.is_done_with(&reply(&first, ReplyStatus::Error)));
        assert!(warm_up.error().is_some());
        let second = warm_up.second_request().unwrap();
        assert_eq!(code(&second), ALWAYS);
        let error = ErrorOutput { ename: String::new(), evalue: "late".to_string(), traceback: vec![] };
        assert!(!warm_up.is_done_with(&JupyterMessage::new(error, Some(&first))));
        assert!(warm_up.is_done_with(&reply(&second, ReplyStatus::Ok)));
        assert!(warm_up.second_request().is_none() && warm_up.error().is_some());
    }

    #[test]
    fn a_cell_that_succeeds_is_executed_once() {
        let mut warm_up = warm_up();
        let request = warm_up.request();
        assert!(warm_up.is_done_with(&reply(&request, ReplyStatus::Ok)));
        assert!(warm_up.error().is_none() && warm_up.second_request().is_none());
    }
}
