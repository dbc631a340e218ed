//! Executes a cell, and says what came of it.

use evcxr::{CommandContext, CompilationError, Error, EvalOutputs};
use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::protocol::{Diagnostic, Executed, Failure, Note, Span};

/// Has evcxr compile and run the cell. A panic of evcxr itself costs nothing but this cell: what evcxr knows changes only when
/// a cell has succeeded.
pub fn execute(context: &mut CommandContext, code: &str) -> Executed {
    let result = catch_unwind(AssertUnwindSafe(|| context.execute(code)));
    let (outputs, failure) = match result {
        Ok(Ok(outputs)) => (outputs, None),
        Ok(Err(error)) => (EvalOutputs::default(), Some(failure(error))),
        Err(panic) => (EvalOutputs::default(), Some(Failure::Panicked(message(panic.as_ref())))),
    };
    let variables = context.variables_and_types().map(|(name, of)| (name.to_string(), of.to_string()));
    let mut variables: Vec<_> = variables.collect();
    variables.sort();
    Executed { contents: outputs.content_by_mime_type.into_iter().collect(), failure, variables }
}

/// What a panic has said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
}

fn failure(error: Error) -> Failure {
    match error {
        Error::CompilationErrors(errors) => Failure::Compile(errors.iter().map(diagnostic).collect()),
        Error::SubprocessTerminated(status) => Failure::Ended(status),
        Error::TypeRedefinedVariablesLost(variables) => Failure::Lost(variables),
        Error::Message(message) => Failure::Message(message),
    }
}

fn diagnostic(error: &CompilationError) -> Diagnostic {
    let spanned = error.help_spanned().iter().filter_map(|help| {
        let span = help.span.map(|at| [at.start_line, at.start_column, at.end_line, at.end_column])?;
        Some(Note { message: help.label.clone(), span: Some(span_at(span, "", false)) })
    });
    let plain = error.help().into_iter().map(|message| Note { message, span: None });
    // evcxr's hint is what it knows of its own ways.
    let own = error.evcxr_extra_hint().map(|hint| Note { message: hint.to_string(), span: None });
    let spans = error.spanned_messages().iter().filter_map(|message| {
        let span = message.span.map(|at| [at.start_line, at.start_column, at.end_line, at.end_column])?;
        Some(span_at(span, &message.label, message.is_primary))
    });
    Diagnostic {
        level: error.level().to_string(),
        code: error.code().map(str::to_string),
        message: error.message(),
        spans: spans.collect(),
        notes: spanned.chain(plain).chain(own).collect(),
    }
}

fn span_at(
    [start_line, start_column, end_line, end_column]: [usize; 4],
    label: &str,
    is_primary: bool,
) -> Span {
    Span { start_line, start_column, end_line, end_column, label: label.to_string(), is_primary }
}
