//! Panics: the message, and the place in the cell; without the listing of functions that evcxr adds to each.

use jupyter_protocol::messaging::ErrorOutput;
use regex::Regex;
use std::sync::LazyLock;

use super::error;
use super::values::first_sentence;

/// Says where in a cell a place such as `src/lib.rs:10:5` is, in words such as `cell [3], line 2`.
pub type Place<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A piece of a standard error.
enum Piece {
    Text(String),
    Panic { thread: String, place: String, message: String },
}

/// Whether text on the standard error begins to report a panic.
pub fn looks_like_panic(stderr: &str) -> bool {
    stderr.contains("panicked at ")
}

/// The panic in a cell's standard error: what was printed before it, and the error, with its place in the learner's words. Of
/// several it is the last one; those before it were caught, or happened in other threads.
pub fn panicked(stderr: &str, place: Place) -> (String, ErrorOutput) {
    let mut pieces = pieces(stderr);
    let Some(last) = pieces.iter().rposition(|piece| matches!(piece, Piece::Panic { .. })) else {
        return (String::new(), error("Panic", &first_sentence(stderr), &[]));
    };
    let Piece::Panic { place: at, message, .. } = pieces.remove(last) else {
        unreachable!("a panic was found")
    };
    let mut message = first_sentence(&message);
    let mut more: Vec<String> = seen_place(&at, place).map(|at| format!("at {at}")).into_iter().collect();
    // A thread that was joined hands its panic on as a value that says nothing; the reason was printed before.
    if message.contains("Any { .. }") {
        let cause = pieces.iter().rposition(|piece| matches!(piece, Piece::Panic { .. }));
        if let Some(Piece::Panic { thread, place: at, message: cause }) =
            cause.map(|cause| pieces.remove(cause))
        {
            let name = if thread == "<unnamed>" { String::new() } else { format!(" `{thread}`") };
            message = format!("the thread{name} panicked: {}", first_sentence(&cause));
            more = seen_place(&at, place).map(|at| format!("at {at}")).into_iter().collect();
        }
    }
    let before: String = pieces.iter().map(|piece| text(piece, place)).collect();
    let before = before.strip_suffix('\n').unwrap_or(&before);
    (before.to_string(), error("Panic", &message, &more))
}

/// The standard error with places in the cell instead of those in the file that evcxr makes of it, which nobody sees, as `dbg!`
/// prints them; and with panics of other threads in two lines.
pub fn with_places(stderr: &str, place: Place) -> String {
    pieces(stderr).iter().map(|piece| text(piece, place)).collect()
}

/// A piece as it is printed.
fn text(piece: &Piece, place: Place) -> String {
    static PLACES: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bsrc/lib\.rs:\d+:\d+").expect("a valid pattern"));
    match piece {
        Piece::Text(text) => PLACES
            .replace_all(text, |found: &regex::Captures| {
                place(&found[0]).unwrap_or_else(|| found[0].to_string())
            })
            .to_string(),
        Piece::Panic { thread, place: at, message } => {
            let name =
                if thread == "<unnamed>" { "a thread".to_string() } else { format!("the thread `{thread}`") };
            let at = seen_place(at, place).map_or(String::new(), |at| format!(" at {at}"));
            format!("{name} panicked{at}: {}\n", first_sentence(message))
        }
    }
}

/// A place that the learner can look at: not in evcxr's file, unless it is known where in the cell that is, and not in a library.
fn seen_place(at: &str, place: Place) -> Option<String> {
    let is_hidden =
        at.starts_with("src/lib.rs") || at.starts_with("/rustc/") || at.contains("/registry/src/");
    place(at).or_else(|| (!is_hidden).then(|| at.to_string()))
}

/// Tells panics from other text.
fn pieces(stderr: &str) -> Vec<Piece> {
    static PANIC: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^thread '(.*)'(?: \(\d+\))? panicked at (.+):$").expect("a valid pattern")
    });
    static LISTING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(stack backtrace:|\s+\d+: .*|\s+at .*|note: Some details are omitted.*|note: run with `RUST_BACKTRACE=.*)$")
            .expect("a valid pattern")
    });
    let mut pieces: Vec<Piece> = Vec::new();
    let mut lists = false;
    for line in stderr.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if let Some(found) = PANIC.captures(bare) {
            // An empty line stands before it.
            if let Some(Piece::Text(text)) = pieces.last_mut() {
                if text == "\n" || text.ends_with("\n\n") {
                    text.pop();
                }
            }
            pieces.push(Piece::Panic {
                thread: found[1].to_string(),
                place: found[2].to_string(),
                message: String::new(),
            });
            lists = false;
            continue;
        }
        let is_listing = LISTING.is_match(bare);
        match pieces.last_mut() {
            // Within a message, only the listing's first line and the notes begin the listing.
            Some(Piece::Panic { .. }) if lists && is_listing => {}
            Some(Piece::Panic { .. })
                if bare == "stack backtrace:" || bare.starts_with("note: run with `RUST_B") =>
            {
                lists = true
            }
            Some(Piece::Panic { message, .. }) if !lists => message.push_str(line),
            Some(Piece::Text(text)) => text.push_str(line),
            _ => pieces.push(Piece::Text(line.to_string())),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::plain;

    /// As evcxr's child prints it.
    fn panic(thread: &str, place: &str, message: &str) -> String {
        format!(
            "\nthread '{thread}' (123) panicked at {place}:\n{message}\nstack backtrace:\n   0: std::panicking\n             at /rustc/1/x.rs:1:2\n\
             note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n"
        )
    }

    fn place(at: &str) -> Option<String> {
        at.strip_prefix("src/lib.rs:12").map(|_| "cell [3], line 2".to_string())
    }

    #[test]
    fn a_panic_shows_its_message_without_evcxrs_inner_workings() {
        let stderr = "before\nthread '<unnamed>' (123) panicked at src/lib.rs:10:5:\nindex out of bounds\nthe len is 3\n\
                      stack backtrace:\n   0: std::panicking\nnote: more\n";
        let (before, error) = panicked(stderr, &|_| None);
        assert_eq!(before, "before\nnote: more");
        assert_eq!(error.evalue, "index out of bounds\nthe len is 3");
        assert_eq!(plain(&error), "Panic: index out of bounds\nthe len is 3");
        let (_, elsewhere) = panicked("thread 'main' panicked at /src/a.rs:1:2:\noh\n", &|_| None);
        assert_eq!(plain(&elsewhere), "Panic: oh\nat /src/a.rs:1:2");
        let in_a_library = panic("main", "/home/ada/.cargo/registry/src/x/tch/a.rs:1:2", "oh");
        assert_eq!(plain(&panicked(&in_a_library, &|_| None).1), "Panic: oh");
    }

    #[test]
    fn of_two_panics_the_last_one_is_the_error() {
        let stderr =
            panic("<unnamed>", "src/lib.rs:1:2", "caught") + &panic("<unnamed>", "src/lib.rs:12:2", "real");
        let (before, error) = panicked(&stderr, &place);
        assert_eq!(error.evalue, "real");
        assert_eq!(plain(&error), "Panic: real\nat cell [3], line 2");
        assert_eq!(before, "a thread panicked: caught");
    }

    #[test]
    fn a_joined_threads_reason_is_the_error() {
        let unwrapped = "called `Result::unwrap()` on an `Err` value: Any { .. }";
        let stderr = panic("worker", "src/lib.rs:12:5", "the reason")
            + &panic("<unnamed>", "src/lib.rs:13:5", unwrapped);
        let (before, error) = panicked(&stderr, &place);
        assert_eq!(before, "");
        assert_eq!(plain(&error), "Panic: the thread `worker` panicked: the reason\nat cell [3], line 2");
    }

    #[test]
    fn a_thread_that_nobody_joined_is_reported() {
        let stderr = format!("first\n{}last\n", panic("worker", "src/lib.rs:12:5", "oh"));
        assert_eq!(
            with_places(&stderr, &place),
            "first\nthe thread `worker` panicked at cell [3], line 2: oh\nlast\n"
        );
        assert_eq!(with_places("[src/lib.rs:12:1] 3 = 3\n", &place), "[cell [3], line 2] 3 = 3\n");
        assert_eq!(with_places("[src/lib.rs:9:1] 3 = 3", &place), "[src/lib.rs:9:1] 3 = 3");
    }

    #[test]
    fn a_wrong_shape_is_one_sentence_with_advice() {
        let message = "called `Result::unwrap()` on an `Err` value: Torch(\"mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)\\n\
                       Exception raised from meta at /x.cpp:2 (most recent call first):\\nframe #0: f (0x1 in a.so)\\n\")";
        let shown = plain(&panicked(&panic("main", "/registry/src/tch.rs:1:2", message), &|_| None).1);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "Panic: mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)");
        assert!(lines.len() == 2 && lines[1].starts_with("→ The shapes do not fit"), "{shown}");
    }
}
