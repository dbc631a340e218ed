//! The cell that is executed before the user's first one: dependencies are compiled and loaded while the user reads.

use crate::answers::{Answer, Executed, Failure, Reply};
use crate::prepared;
use crate::session::Session;
use crate::settings::Settings;
use anyhow::{Context, Result};

/// After the user's own lines, or alone if those fail: what cells have from the kernel, and a first variable, a first `?`, and
/// what it takes to compile them, so that evcxr has done all of that once.
const ALWAYS: &str =
    concat!(include_str!("in_cells.rs"), "let _warm_up: Option<()> = None; Ok::<(), String>(())?;");

/// The warm-up of one evcxr.
pub struct WarmUp {
    cell: String,
    stamp: String,
    sent: Option<u64>,
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

    /// Has the cell executed.
    pub fn ask(&mut self, session: &mut Session) {
        self.sent = Some(session.execute(&self.code()));
    }

    fn code(&self) -> String {
        match self.alone {
            false => format!("{}\n{ALWAYS}", self.cell.trim_end()),
            true => ALWAYS.to_string(),
        }
    }

    /// After the answer, says whether something is left to ask for: of a cell that has failed, evcxr has kept nothing, not even
    /// what cells have from the kernel.
    pub fn has_more(&mut self) -> bool {
        let has_more = self.error.is_some() && !self.alone;
        self.alone |= has_more;
        has_more
    }

    /// Looks at an answer of the session, and says whether it is the one.
    pub fn is_done_with(&mut self, reply: &Reply) -> bool {
        if self.sent != Some(reply.id) {
            return false;
        }
        let failed = match &reply.answer {
            Answer::Executed(Executed { failure: None, .. }) => None,
            Answer::Executed(Executed { failure: Some(failure), .. }) => Some(reason(failure)),
            _ => Some("evcxr did not execute it".to_string()),
        };
        self.error = self.error.take().or(failed);
        true
    }

    /// What went wrong, if something did.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Compile(diagnostics) => {
            diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect::<Vec<_>>().join("; ")
        }
        Failure::Ended(message) | Failure::Message(message) | Failure::Panicked(message) => message.clone(),
        Failure::Lost(variables) => format!("{} are gone", variables.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warm_up() -> WarmUp {
        let cell = ":dep a = \"1\"\n".to_string();
        WarmUp { cell, stamp: String::new(), sent: Some(1), error: None, alone: false }
    }

    fn reply(id: u64, failure: Option<Failure>) -> Reply {
        Reply { id, answer: Answer::Executed(Executed { failure, ..Executed::default() }) }
    }

    #[test]
    fn after_a_failed_cell_the_rest_is_executed_alone() {
        let mut warm_up = warm_up();
        assert!(warm_up.code().starts_with(":dep a") && warm_up.code().ends_with(ALWAYS));
        assert!(!warm_up.is_done_with(&reply(7, None)));
        assert!(warm_up.is_done_with(&reply(1, Some(Failure::Message("no network".to_string())))));
        assert!(warm_up.has_more());
        assert_eq!(warm_up.code(), ALWAYS);
        assert!(warm_up.is_done_with(&reply(1, None)));
        assert!(!warm_up.has_more() && warm_up.error() == Some("no network"));
    }

    #[test]
    fn a_cell_that_succeeds_is_executed_once() {
        let mut warm_up = warm_up();
        assert!(warm_up.is_done_with(&reply(1, None)));
        assert!(warm_up.error().is_none() && !warm_up.has_more());
    }
}
