//! Errors as a cell shows them: the message first, then where it comes from, then what to do.

use jupyter_protocol::messaging::ErrorOutput;
use regex::Regex;
use std::sync::LazyLock;

use crate::advice::advice;

const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";
/// What a terminal's colours look like in text.
static COLOURS: LazyLock<Regex> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*m").expect("a valid pattern"));

/// An error with a name, a message, and lines under it.
pub fn error(name: &str, message: &str, more: &[String]) -> ErrorOutput {
    let mut traceback: Vec<String> =
        format!("{name}: {message}").lines().map(|line| format!("{RED}{line}{PLAIN}")).collect();
    traceback.extend(more.iter().cloned());
    with_advice(ErrorOutput { ename: name.to_string(), evalue: message.to_string(), traceback })
}

/// Adds a line of advice, where there is one for this error.
pub fn with_advice(mut error: ErrorOutput) -> ErrorOutput {
    let text = format!("{}\n{}", error.evalue, error.traceback.join("\n"));
    if let Some(line) = advice(&COLOURS.replace_all(&text, "")) {
        error.traceback.push(format!("→ {line}"));
    }
    error
}

/// What to do after evcxr itself has ended.
pub const ALL_GONE: &str = "All variables and definitions are gone: run the cells again from the first one.";

/// What the `?` operator returned from a cell.
pub fn returned(stderr: &str) -> ErrorOutput {
    error("Error", &without_frames(stderr), &[])
}

/// Libraries in C++, such as libtorch, put the addresses of their functions under a message.
fn without_frames(message: &str) -> String {
    static FRAMES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^(Exception raised from .* \(most recent call first\):|frame #\d+: .*)\n?")
            .expect("a valid pattern")
    });
    FRAMES.replace_all(message, "").trim().to_string()
}

/// The panic in a cell's standard error: what was printed before it, and the error. Of several it is the last one; those
/// before it were caught. evcxr adds a listing of its own inner workings to each, which is left out.
pub fn panicked(stderr: &str) -> (String, ErrorOutput) {
    static PANIC: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?s)^(.*)thread '[^']*'(?: \(\d+\))? panicked at ([^\n]*):\n(.*?)\n?(?:stack backtrace:.*)?$",
        )
        .expect("a valid pattern")
    });
    let Some(found) = PANIC.captures(stderr) else {
        return (String::new(), error("Panic", &without_frames(stderr), &[]));
    };
    // A place in src/lib.rs is in the file that evcxr has made of the cell, which nobody sees.
    let place = &found[2];
    let more: Vec<String> = match place.starts_with("src/lib.rs") {
        true => Vec::new(),
        false => vec![format!("at {place}")],
    };
    let before = found[1].strip_suffix('\n').unwrap_or(&found[1]);
    (before.to_string(), error("Panic", &without_frames(&found[3]), &more))
}

/// Whether text on the standard error begins to report a panic.
pub fn looks_like_panic(stderr: &str) -> bool {
    stderr.contains("panicked at ")
}

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
    let mut more = Vec::new();
    if stderr.contains("cannot open shared object file") || stderr.contains("dlopen") {
        more.push(
            "→ A library that the cell needs was not found: its folder has to be on LD_LIBRARY_PATH (macOS: \
             DYLD_LIBRARY_PATH), in the `env` of the kernelspec."
                .to_string(),
        );
    } else if status.contains("SIGKILL") {
        more.push(
            "→ Most often that means that the memory was full: try with smaller data or batches.".to_string(),
        );
    } else if status.contains("SIGSEGV") || status.contains("SIGABRT") {
        more.push("→ A library, or `unsafe` code, has crashed.".to_string());
    }
    more.push(
        "→ All variables are gone, definitions are still there: run the cells again from the first one."
            .to_string(),
    );
    error("ProcessEnded", &format!("the process that ran the cell has ended ({status})"), &more)
}

/// The end of a cell by a second interrupt.
pub fn interrupted() -> ErrorOutput {
    let more =
        ["→ All variables are gone, definitions are still there: run the cells again from the first one."];
    error("Interrupted", "the process that ran the cell was ended", &more.map(String::from))
}

/// The end of a cell for which evcxr had to be ended as well.
pub fn interrupted_with_evcxr() -> ErrorOutput {
    error("Interrupted", "evcxr_jupyter, which ran the cell, was ended", &[format!("→ {ALL_GONE}")])
}

/// The text without a terminal's colours.
#[cfg(test)]
pub fn plain(error: &ErrorOutput) -> String {
    COLOURS.replace_all(&error.traceback.join("\n"), "").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_shows_its_message_without_evcxrs_inner_workings() {
        let stderr = "before\nthread '<unnamed>' (123) panicked at src/lib.rs:10:5:\nindex out of bounds\nthe len is 3\n\
                      stack backtrace:\n   0: std::panicking\nnote: more\n";
        let (before, error) = panicked(stderr);
        assert_eq!(before, "before");
        assert_eq!(error.evalue, "index out of bounds\nthe len is 3");
        assert_eq!(plain(&error), "Panic: index out of bounds\nthe len is 3");
        let (_, elsewhere) = panicked("thread 'main' panicked at /src/a.rs:1:2:\noh\n");
        assert_eq!(plain(&elsewhere), "Panic: oh\nat /src/a.rs:1:2");
    }

    #[test]
    fn of_two_panics_the_last_one_is_the_error() {
        let panic = |message: &str| {
            format!("thread '<unnamed>' panicked at src/lib.rs:1:2:\n{message}\nstack backtrace:\n 0: a\n")
        };
        let (before, error) = panicked(&(panic("caught") + &panic("real")));
        assert_eq!(error.evalue, "real");
        assert!(before.contains("caught"));
    }

    #[test]
    fn the_end_of_the_process_says_why_and_what_to_do() {
        let ended = |status: &str, stderr: &str| {
            plain(&process_ended(&format!("text\nSubprocess terminated with status: {status}"), stderr))
        };
        assert!(ended("signal: 9 (SIGKILL)", "").contains("memory was full"));
        assert!(
            ended("exit status: 99", "libx.so: cannot open shared object file").contains("LD_LIBRARY_PATH")
        );
        assert!(ended("signal: 11 (SIGSEGV) (core dumped)", "").contains("crashed"));
        let on_macos = "Subprocess terminated with signal 9. This is known to happen when evcxr";
        assert!(plain(&process_ended(on_macos, "")).contains("memory was full"));
        assert!(ended("exit status: 1", "").contains("(exit status: 1)\n→ All variables are gone"));
    }

    #[test]
    fn advice_comes_last() {
        assert!(plain(&returned("mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)\n"))
            .contains("\n→ The shapes"));
        assert_eq!(plain(&returned("no such file\n")), "Error: no such file");
        let torch = "bad shape\nException raised from meta at /x.cpp:2 (most recent call first):\nframe #0: f (0x1 in a.so)\n";
        assert_eq!(plain(&returned(torch)), "Error: bad shape");
    }
}
