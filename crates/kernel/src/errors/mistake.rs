//! An error beside the code that it is about, as the rules for advice see it.

use regex::{Captures, Regex};

use super::diagnostic::Diagnostic;
use super::known::Known;
use super::text::part;

/// A regular expression that is made once.
macro_rules! pattern {
    ($pattern:expr) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($pattern).expect("a valid pattern"));
        &*PATTERN
    }};
}
pub(super) use pattern;

/// One of the compiler's errors about a cell.
pub struct Mistake<'a> {
    pub error: &'a Diagnostic,
    pub cell: &'a str,
    pub known: &'a Known,
    /// The cell without what stands in strings and comments; each byte has its place.
    code: &'a str,
}

/// A rule: the advice for a mistake, if it is of the rule's kind.
pub type Rule = fn(&Mistake) -> Option<String>;

/// What a pattern has found in a line of code, as the learner typed it.
pub struct Found<'a>(Vec<&'a str>);

impl<'a> Mistake<'a> {
    /// `code` is the cell [without strings and comments](super::text::without_strings_and_comments).
    pub fn new(error: &'a Diagnostic, cell: &'a str, code: &'a str, known: &'a Known) -> Self {
        Mistake { error, cell, known, code }
    }

    /// The compiler's code, or an empty text for errors of syntax.
    pub fn code(&self) -> &str {
        self.error.code.as_deref().unwrap_or("")
    }

    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// The message with all labels and notes.
    pub fn all_text(&self) -> String {
        let labels = self.error.spans.iter().map(|span| span.label.as_str());
        let notes = self.error.notes.iter().map(|note| note.message.as_str());
        [self.message()].into_iter().chain(labels).chain(notes).collect::<Vec<_>>().join("\n")
    }

    /// What stands in the message's backticks.
    pub fn quoted(&self) -> Vec<&str> {
        self.message().split('`').skip(1).step_by(2).collect()
    }

    /// The code that the compiler has marked, if it is in one line.
    pub fn marked(&self) -> String {
        let Some(span) = self.error.primary().filter(|span| span.start_line == span.end_line) else {
            return String::new();
        };
        let line = self.cell.lines().nth(span.start_line.saturating_sub(1)).unwrap_or("");
        part(line, span.start_column, span.end_column)
    }

    /// The first of the error's lines in which the pattern finds something; strings and comments are no code.
    pub fn find(&self, pattern: &Regex) -> Option<Found<'a>> {
        let primary = self.error.primary().into_iter();
        let numbers = primary.chain(&self.error.spans).flat_map(|span| [span.start_line, span.end_line]);
        let mut numbers: Vec<usize> = numbers.collect();
        if numbers.is_empty() {
            // The compiler names no place in the cell where evcxr has put the last expression into code of its own.
            numbers.push(self.cell.trim_end().lines().count());
        }
        numbers.into_iter().find_map(|number| self.find_in(pattern, number))
    }

    fn find_in(&self, pattern: &Regex, number: usize) -> Option<Found<'a>> {
        let start: usize = self.code.split_inclusive('\n').take(number.checked_sub(1)?).map(str::len).sum();
        let line = self.code.get(start..)?.lines().next()?;
        let original = &self.cell.get(start..start + line.len())?;
        let found: Captures = pattern.captures(line)?;
        let group = |at: usize| found.get(at).and_then(|group| original.get(group.range())).unwrap_or("");
        Some(Found((0..found.len()).map(group).collect()))
    }
}

impl<'a> Found<'a> {
    /// A group of the pattern, empty where it has matched nothing.
    pub fn group(&self, number: usize) -> &'a str {
        let group = self.0.get(number).copied().unwrap_or("");
        // Blanks in a text are the learner's.
        if group.starts_with('"') {
            group
        } else {
            group.trim()
        }
    }

    /// The text with `$1`, `$2` and so on replaced by what was found.
    pub fn fill(&self, template: &str) -> String {
        (1..self.0.len()).rev().fold(template.to_string(), |text, number| {
            text.replace(&format!("${number}"), &in_rust(self.group(number)))
        })
    }
}

/// Code of Python with its constants in Rust's letters.
fn in_rust(code: &str) -> String {
    let text = pattern!(r"\bTrue\b").replace_all(code, "true");
    pattern!(r"\bFalse\b").replace_all(&text, "false").to_string()
}
