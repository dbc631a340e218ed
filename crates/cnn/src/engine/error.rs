//! Context for errors, for readers of notebooks.

use anyhow::{anyhow, Error, Result};
use std::fmt::Display;

/// Like `anyhow::Context`, but the message holds the whole chain of causes: evcxr shows only the outermost
/// message of an error that `?` returns from a cell.
pub(crate) trait Context<T> {
    /// Puts `what` before the error's message.
    fn context(self, what: impl Display) -> Result<T>;

    /// Like `context`, for a text that takes work to make.
    fn with_context<D: Display>(self, what: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Display) -> Result<T> {
        self.map_err(|error| anyhow!("{what}: {:#}", error.into()))
    }

    fn with_context<D: Display>(self, what: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| anyhow!("{}: {:#}", what(), error.into()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: impl Display) -> Result<T> {
        self.ok_or_else(|| anyhow!("{what}"))
    }

    fn with_context<D: Display>(self, what: impl FnOnce() -> D) -> Result<T> {
        self.ok_or_else(|| anyhow!("{}", what()))
    }
}
