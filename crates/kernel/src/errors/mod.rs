//! What a learner reads when something is wrong: the message first, then where it comes from, then one line that says what to do.
//!
//! | file | what is in it |
//! |---|---|
//! | `diagnostic.rs` | what the compiler says, as the session hands it on |
//! | `known.rs` | what the kernel knows of the notebook: variables, and what has become of those that are gone |
//! | `compile.rs` | a cell that does not compile: which errors are shown, and with which advice |
//! | `warnings.rs` | the few warnings of a cell that ran that are worth a line |
//! | `report.rs` | one message of the compiler, drawn under the lines of the cell |
//! | `mistake.rs` | an error beside the code that it is about, as the rules for advice see it |
//! | `names.rs` | names that are not there: given away, lost, or misspelt |
//! | `habits/` | Python and Keras typed by habit, and the Rust for it |
//! | `rust.rs` | what beginners in Rust meet: ownership, types, `Result` |
//! | `advice.rs` | advice for errors that are only text, such as those of libtorch |
//! | `refused.rs` | cells that evcxr itself refuses |
//! | `values.rs` | errors as values: what `?` returns, and a last value that is an `Err` |
//! | `panics.rs` | panics, also those of threads, and places in the cell |
//! | `ended.rs` | cells that took their process with them |
//! | `text.rs`, `style.rs` | columns, brackets and strings of a cell; bold and colours |
//! | `rustc.rs` | for the tests: cells compiled by the real compiler |

mod advice;
mod compile;
mod diagnostic;
mod ended;
mod habits;
mod known;
mod mistake;
mod names;
mod panics;
mod refused;
mod report;
mod rust;
#[cfg(test)]
mod rustc;
mod style;
mod text;
mod values;
mod warnings;

use jupyter_protocol::messaging::ErrorOutput;

pub use compile::compile_errors;
pub use diagnostic::{Diagnostic, Span};
pub use ended::{interrupted, interrupted_with_evcxr, process_ended, ALL_GONE};
pub use known::Known;
pub use panics::{looks_like_panic, panicked, with_places};
pub use refused::refused;
pub use values::{looks_like_err, returned, without_mark};
pub use warnings::warnings;

/// An error with a name, a message, and lines under it.
pub fn error(name: &str, message: &str, more: &[String]) -> ErrorOutput {
    let mut traceback: Vec<String> =
        style::bold(&format!("{name}: {message}")).lines().map(String::from).collect();
    traceback.extend(more.iter().cloned());
    with_advice(ErrorOutput { ename: name.to_string(), evalue: message.to_string(), traceback })
}

/// Adds a line of advice, where there is one for this error.
fn with_advice(mut error: ErrorOutput) -> ErrorOutput {
    let text = format!("{}\n{}", error.evalue, error.traceback.join("\n"));
    if let Some(line) = advice::advice(&style::without_colours(&text)) {
        error.traceback.push(format!("→ {line}"));
    }
    error
}

/// The text without a terminal's colours.
#[cfg(test)]
pub fn plain(error: &ErrorOutput) -> String {
    style::without_colours(&error.traceback.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_comes_last() {
        assert!(plain(&returned("mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)\n", &|_| None))
            .contains("\n→ The shapes"));
        assert_eq!(plain(&returned("no such file\n", &|_| None)), "Error: no such file");
        let torch = "bad shape\nException raised from meta at /x.cpp:2 (most recent call first):\nframe #0: f (0x1 in a.so)\n";
        assert_eq!(plain(&returned(torch, &|_| None)), "Error: bad shape");
    }
}
