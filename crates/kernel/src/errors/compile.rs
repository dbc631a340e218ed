//! A cell that does not compile: which of the compiler's errors are shown, and with which advice.

use jupyter_protocol::messaging::ErrorOutput;

use super::diagnostic::Diagnostic;
use super::known::Known;
use super::report::report;
use super::with_advice;

/// More errors than this are counted only.
const SHOWN: usize = 3;

/// The compile errors of the cell with this number, as rustc shows them, with one line of advice.
pub fn compile_errors(diagnostics: &[Diagnostic], cell: &str, number: usize, known: &Known) -> ErrorOutput {
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|found| found.is_error()).collect();
    let _ = known;
    let mut traceback: Vec<String> = Vec::new();
    for error in errors.iter().take(SHOWN) {
        traceback.extend(report(error, cell, number));
    }
    let ename = errors.first().and_then(|error| error.code.clone()).unwrap_or("CompileError".to_string());
    let evalue = errors.first().map_or("the cell could not be compiled", |error| &error.message).to_string();
    with_advice(ErrorOutput { ename, evalue, traceback })
}
