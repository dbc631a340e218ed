//! Completes names and explains them, as evcxr's rust-analyzer knows them.

use evcxr::CommandContext;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::evaluation::message;
use crate::protocol::{Answer, Item};

/// Names that fit at this byte. evcxr panics for some positions, and goes on.
pub fn complete(context: &mut CommandContext, code: &str, at: usize) -> Answer {
    answer(|| {
        let found = context.completions(code, at)?;
        let items = found.completions.into_iter();
        let items = items.map(|item| Item { code: item.code, kind: item.kind, label: item.label }).collect();
        Ok(Answer::Completed { start: found.start_offset, end: found.end_offset, items })
    })
}

/// What stands at this byte.
pub fn inspect(context: &mut CommandContext, code: &str, at: usize) -> Answer {
    answer(|| {
        let (text, html) = context.hover_at(code, at)?;
        Ok(Answer::Inspected { text, html })
    })
}

fn answer(ask: impl FnOnce() -> anyhow::Result<Answer>) -> Answer {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::Failed(format!("{error:#}")),
        Err(panic) => Answer::Failed(message(panic.as_ref())),
    }
}
