//! Cells that took their process with them, and how each way to end is told.

use jupyter_protocol::messaging::ErrorOutput;
use regex::Regex;
use std::sync::LazyLock;

use super::error;

/// What to do after evcxr itself has ended.
pub const ALL_GONE: &str = "All variables and definitions are gone: run the cells again from the first one.";
/// What to do after the process with the variables has ended.
const VARIABLES_GONE: &str =
    "→ All variables are gone, definitions are still there: run the cells again from the first one.";

/// evcxr's word that the process with the variables has ended.
pub fn process_ended(message: &str, stderr: &str) -> ErrorOutput {
    static STATUS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("Subprocess terminated with status: (.*)").expect("a valid pattern"));
    let status = match STATUS.captures(message) {
        Some(found) => found.get(1).map_or("", |status| status.as_str()),
        // On macOS, evcxr says this one in other words.
        None if message.contains("Subprocess terminated with signal 9") => "signal: 9 (SIGKILL)",
        None => message,
    };
    let mut more: Vec<String> = cause(status, stderr).into_iter().collect();
    more.push(VARIABLES_GONE.to_string());
    error("ProcessEnded", &format!("the process that ran the cell has ended ({status})"), &more)
}

/// Why a process ended, and what to do, as far as can be told.
fn cause(status: &str, stderr: &str) -> Option<String> {
    static ALLOCATION: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"memory allocation of (\d+) bytes failed").expect("a valid pattern"));
    let crashed = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL"].iter().any(|signal| status.contains(signal));
    let line = if stderr.contains("cannot open shared object file") || stderr.contains("dlopen") {
        "A library that the cell needs was not found: its folder has to be on LD_LIBRARY_PATH (macOS: DYLD_LIBRARY_PATH), in the \
         `env` of the kernelspec."
            .to_string()
    } else if stderr.contains("has overflowed its stack") || stderr.contains("stack overflow") {
        "A function has called itself without end, or too often: look for the case in which it returns without calling itself."
            .to_string()
    } else if let Some(found) = ALLOCATION.captures(stderr) {
        format!("There was no memory for another {}: try with smaller data or batches.", bytes(&found[1]))
    } else if stderr.contains("std::bad_alloc") || stderr.contains("not enough memory") {
        "There was not enough memory: try with smaller data or batches.".to_string()
    } else if status.contains("SIGKILL") {
        "Most often that means that the memory was full: try with smaller data or batches.".to_string()
    } else if status.contains("SIGSEGV") {
        "A function has called itself without end, or a library, or `unsafe` code, has crashed.".to_string()
    } else if crashed {
        "A library, or `unsafe` code, has crashed.".to_string()
    } else if status.contains("exit status") {
        "The cell, or a library, has ended the process, as `std::process::exit` does.".to_string()
    } else {
        return None;
    };
    Some(format!("→ {line}"))
}

/// A number of bytes in the largest unit of which it has more than one.
fn bytes(number: &str) -> String {
    let bytes: f64 = number.parse().unwrap_or(f64::INFINITY);
    match [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")].iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes / unit),
        None => format!("{number} bytes"),
    }
}

/// The end of a cell by a second interrupt.
pub fn interrupted() -> ErrorOutput {
    error("Interrupted", "the process that ran the cell was ended", &[VARIABLES_GONE.to_string()])
}

/// The end of a cell for which evcxr had to be ended as well.
pub fn interrupted_with_evcxr() -> ErrorOutput {
    error("Interrupted", "evcxr, which had the cell run, was ended", &[format!("→ {ALL_GONE}")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::plain;

    fn ended(status: &str, stderr: &str) -> String {
        plain(&process_ended(&format!("text\nSubprocess terminated with status: {status}"), stderr))
    }

    #[test]
    fn the_end_of_the_process_says_why_and_what_to_do() {
        assert!(ended("signal: 9 (SIGKILL)", "").contains("memory was full"));
        assert!(
            ended("exit status: 99", "libx.so: cannot open shared object file").contains("LD_LIBRARY_PATH")
        );
        assert!(ended("signal: 4 (SIGILL)", "").contains("crashed"));
        let on_macos = "Subprocess terminated with signal 9. This is known to happen when evcxr";
        assert!(plain(&process_ended(on_macos, "")).contains("memory was full"));
        assert!(ended("exit status: 1", "").contains("(exit status: 1)\n→ The cell, or a library, has ended"));
        assert!(ended("exit status: 1", "").ends_with(VARIABLES_GONE));
    }

    #[test]
    fn endless_recursion_full_memory_and_crashes_are_told_apart() {
        let overflow = "\nthread '<unnamed>' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        assert!(ended("signal: 6 (SIGABRT) (core dumped)", overflow).contains("called itself without end"));
        let allocation = "memory allocation of 1125899906842624 bytes failed\nstack backtrace:\n";
        let text = ended("signal: 6 (SIGABRT)", allocation);
        assert!(text.contains("no memory for another 1125.9 TB") && !text.contains("crashed"), "{text}");
        assert!(ended("signal: 11 (SIGSEGV) (core dumped)", "").contains("crashed"));
        assert!(
            ended("signal: 6 (SIGABRT)", "free(): invalid pointer").contains("`unsafe` code, has crashed")
        );
    }
}
