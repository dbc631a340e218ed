//! Errors as values: what `?` returns from a cell, and a last value that is an `Err`.

use jupyter_protocol::messaging::ErrorOutput;
use regex::Regex;
use std::sync::LazyLock;

use super::error;

/// What the `?` operator returned from a cell, and where that stands in it.
pub fn returned(stderr: &str, place: &dyn Fn(&str) -> Option<String>) -> ErrorOutput {
    let (message, at) = match PLACE.captures(stderr) {
        Some(found) => (PLACE.replace(stderr, "").into_owned(), place(&found[1])),
        None => (stderr.to_string(), None),
    };
    let more: Vec<String> = at.map(|at| format!("at {at}")).into_iter().collect();
    error("Error", &first_sentence(&message), &more)
}

/// The text without the place of a `?`.
pub fn without_mark(stderr: &str) -> String {
    PLACE.replace_all(stderr, "").into_owned()
}

/// How a cell tells the place; see live-cargo's `source.rs`.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\u{1f}at ([^\n]*)\n?").expect("a valid pattern"));

/// A cell's value that is an `Err`, as the standard library shows it with `Debug`, as an error.
pub fn looks_like_err(plain: &str) -> Option<ErrorOutput> {
    let inner = plain.trim().strip_prefix("Err(")?.strip_suffix(')')?.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    let inner = inner.split("\n\nStack backtrace:").next().unwrap_or(inner);
    let message = unquoted(inner).unwrap_or_else(|| inner.to_string());
    let advice = "→ The cell's value is an `Err`: what it called has failed. With a `?` behind the call, the value comes out of its \
                  `Result`, or the cell ends there.";
    let mut error = error("Error", &first_sentence(&message), &[]);
    if !error.traceback.iter().any(|line| line.starts_with("→ ")) {
        error.traceback.push(advice.to_string());
    }
    Some(error)
}

/// A message of a library without what is for its developers: libraries in C++, such as libtorch, put the addresses of their
/// functions under it, and `Debug` shows that with escaped line ends, in the name of the error's variant.
pub fn first_sentence(message: &str) -> String {
    static ESCAPED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?s)^(?:.*Err\S* value: )?(?:\w+\()*"((?:[^"\\]|\\.)*?)\\n(?:Exception raised from|C\+\+ CapturedTraceback|frame #).*"#)
            .expect("a valid pattern")
    });
    static FRAMES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?m)^(Exception raised from .* \(most recent call first\):|C\+\+ CapturedTraceback:|frame #\d+: .*|<omitting python frames>|#\d+ .*:\d+)\n?",
        )
        .expect("a valid pattern")
    });
    match ESCAPED.captures(message) {
        Some(found) => unescaped(&found[1]).trim().to_string(),
        None => FRAMES.replace_all(message, "").trim().to_string(),
    }
}

/// What stands in the quotes of a string that `Debug` has shown.
fn unquoted(shown: &str) -> Option<String> {
    static QUOTED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?s)^"((?:[^"\\]|\\.)*)"$"#).expect("a valid pattern"));
    Some(unescaped(&QUOTED.captures(shown)?[1]))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => {}
            },
            (other, false) => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::plain;

    #[test]
    fn what_a_question_mark_returns_has_its_place() {
        let place = |at: &str| (at == "src/lib.rs:9:3").then(|| "cell [4], line 2".to_string());
        let shown = crate::errors::plain(&returned("no such file\n\u{1f}at src/lib.rs:9:3\n", &place));
        assert_eq!(shown, "Error: no such file\nat cell [4], line 2");
        assert_eq!(without_mark("a\n\u{1f}at src/lib.rs:9:3\nb\n"), "a\nb\n");
    }

    #[test]
    fn an_err_at_the_end_is_an_error() {
        for (shown, message) in [
            (r#"Err("no \"such\" file")"#, "no \"such\" file"),
            ("Err(ParseIntError { kind: InvalidDigit })", "ParseIntError { kind: InvalidDigit }"),
            ("Err(\n    \"no\",\n)", "no"),
            (
                "Err(cannot be read\n\nCaused by:\n    none\n\nStack backtrace:\n   0: a)",
                "cannot be read\n\nCaused by:\n    none",
            ),
        ] {
            let error = looks_like_err(shown).expect(shown);
            assert_eq!((error.ename.as_str(), error.evalue.as_str()), ("Error", message));
            assert!(plain(&error).contains("\n→ The cell's value is an `Err`"), "{}", plain(&error));
        }
        for shown in ["Ok(1)", "\"Err(1)\"", "Some(Err(1))", "Error", "[Err(1)]"] {
            assert!(looks_like_err(shown).is_none(), "{shown}");
        }
    }

    #[test]
    fn libtorch_says_one_sentence() {
        let real = "bad shape\nException raised from meta at /x.cpp:2 (most recent call first):\nframe #0: f (0x1 in a.so)\n";
        assert_eq!(first_sentence(real), "bad shape");
        let unwrapped = "called `Result::unwrap()` on an `Err` value: Torch(\"shape \\\"[3]\\\" is invalid\\nException raised from f at \
                         x.cpp:1 (most recent call first):\\nframe #0: g\\n\")";
        assert_eq!(first_sentence(unwrapped), "shape \"[3]\" is invalid");
        assert_eq!(first_sentence("Torch(\"a\\nframe #0: b\")"), "a");
        let other = "called `Result::unwrap()` on an `Err` value: \"a\\nb\"";
        assert_eq!(first_sentence(other), other);
    }
}
