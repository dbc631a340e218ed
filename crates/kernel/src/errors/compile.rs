//! A cell that does not compile: which of the compiler's errors are shown, and with which advice.

use jupyter_protocol::messaging::ErrorOutput;

use super::diagnostic::Diagnostic;
use super::known::Known;
use super::mistake::Mistake;
use super::report::report;
use super::style::bold;
use super::text::without_strings_and_comments;
use super::{advice, habits, names, rust};

/// More errors than this are counted only.
const SHOWN: usize = 3;
/// What evcxr puts around a cell; the compiler may name it where something is missing at the cell's end.
const INNER: [&str; 7] = [
    "`evcxr_variable_store`",
    "<end of input>",
    "keyword `fn`",
    "`evcxr_send_text_plain`",
    "`evcxr_internal_runtime`",
    "`evcxr_display`",
    "`Ok`",
];

/// The compile errors of the cell with this number, as rustc shows them, with one line of advice. Follow-ups of an error of
/// syntax, and of what was typed by habit from another language, are left out.
pub fn compile_errors(diagnostics: &[Diagnostic], cell: &str, number: usize, known: &Known) -> ErrorOutput {
    let errors = worth_showing(diagnostics);
    let code = without_strings_and_comments(cell);
    let mistakes: Vec<Mistake> = errors.iter().map(|error| Mistake::new(error, cell, &code, known)).collect();
    let Choice { shown, advice, is_habit } = choose(&mistakes);
    let mut traceback: Vec<String> = Vec::new();
    for &at in shown.iter().take(SHOWN) {
        // The compiler's guesses at what somebody meant who thinks in another language lead astray.
        traceback.extend(report(&errors[at], cell, number, !is_habit));
    }
    match shown.len().saturating_sub(SHOWN) {
        0 => {}
        1 => traceback.push("… and 1 more error".to_string()),
        more => traceback.push(format!("… and {more} more errors")),
    }
    traceback.extend(advice.map(|line| format!("→ {line}")));
    let first = shown.first().map(|&at| &errors[at]);
    if first.is_none() {
        traceback.push(bold("error: the cell could not be compiled, and the compiler does not say why"));
    }
    ErrorOutput {
        ename: first.and_then(|error| error.code.clone()).unwrap_or("CompileError".to_string()),
        evalue: first.map_or("the cell could not be compiled".to_string(), |error| error.message.clone()),
        traceback,
    }
}

/// The errors without repetitions, and without evcxr's own parts.
fn worth_showing(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut errors: Vec<Diagnostic> = Vec::new();
    for error in diagnostics.iter().filter(|found| found.is_error()) {
        let mut error = error.clone();
        error.message = in_the_cell(&error.message);
        // Where the compiler has no label, evcxr repeats the message.
        for span in &mut error.spans {
            let is_message = ["error: ", "warning: "].iter().any(|level| span.label.starts_with(level));
            span.label = if is_message { String::new() } else { in_the_cell(&span.label) };
        }
        let is_known =
            |other: &Diagnostic| other.message == error.message && other.primary() == error.primary();
        if !errors.iter().any(is_known) {
            errors.push(error);
        }
    }
    if errors.iter().any(|error| !error.spans.is_empty()) {
        errors.retain(|error| !error.spans.is_empty());
    }
    // Errors of syntax come in the order in which they follow from each other.
    if errors.iter().all(|error| error.code.is_some()) {
        errors.sort_by_key(|error| error.primary().map_or(usize::MAX, |span| span.start_line));
    }
    errors
}

/// A message in which what follows the cell is called its end.
fn in_the_cell(message: &str) -> String {
    INNER.iter().fold(message.to_string(), |text, inner| match text.ends_with(&format!("found {inner}")) {
        true => text.replace(&format!("found {inner}"), "found the end of the cell"),
        false => text,
    })
}

/// Which errors to show, and the advice for the first of them.
struct Choice {
    shown: Vec<usize>,
    advice: Option<String>,
    /// Whether it is about what was typed by habit.
    is_habit: bool,
}

fn choose(mistakes: &[Mistake]) -> Choice {
    let is_syntax = mistakes.iter().any(|mistake| mistake.code().is_empty());
    let shown = |at: usize| if is_syntax { vec![at] } else { (0..mistakes.len()).collect() };
    let lost_count = mistakes.iter().position(rust::is_about_brackets);
    // What follows an error of syntax may say more clearly what was meant.
    let looked_at = match (lost_count, is_syntax) {
        (Some(at), _) => at..at + 1,
        (None, true) => 0..mistakes.len(),
        (None, false) => 0..mistakes.len().min(1),
    };
    for at in looked_at {
        if let Some(advice) = habits::advice(&mistakes[at]) {
            return Choice { shown: shown(at), advice: Some(advice), is_habit: true };
        }
    }
    let at = lost_count.unwrap_or(0);
    let advice = mistakes.get(at).and_then(|first| {
        names::advice(first)
            .or_else(|| rust::advice(first))
            .or_else(|| advice::advice(&first.all_text()).map(String::from))
    });
    Choice { shown: if mistakes.is_empty() { Vec::new() } else { shown(at) }, advice, is_habit: false }
}
