//! How the outcome of a check, a hint and a solution are shown.

use std::fmt;

use super::attempt::{attempt, Finding, Verdict};
use super::exercise::Exercise;
use crate::course::progress;
use crate::show::html::escape;
use crate::show::item::{show, Item};

/// What a check has found: shown at the end of a cell, as text with `println!("{checked}")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    name: &'static str,
    verdict: Verdict,
}

/// A hint, or a solution: shown at the end of a cell, as text with `println!`.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    title: String,
    /// Each with whether it is code.
    parts: Vec<(String, bool)>,
}

/// Runs a check, and remembers if it has passed.
pub(super) fn examine(name: &'static str, check: impl FnOnce() -> Verdict) -> Checked {
    // What a learner returns may be of any shape: a check that stumbles over it has found something.
    let verdict = attempt(check).and_then(|verdict| verdict);
    // Passing counts even where it cannot be kept; in the crate's own tests nobody has passed anything.
    if verdict.is_ok() && !cfg!(test) {
        let _ = progress::passed(name);
    }
    Checked { name, verdict }
}

impl Checked {
    /// Whether the answer is right.
    pub fn has_passed(&self) -> bool {
        self.verdict.is_ok()
    }

    /// Sign, word, and more, if there is more to say.
    fn parts(&self) -> (&'static str, &'static str, String) {
        match &self.verdict {
            Ok(()) => ("✓", "passed", String::new()),
            Err(Finding::NotYet(why)) => ("✗", "not yet", why.clone()),
            Err(Finding::NotAttempted) => {
                ("○", "not attempted", format!("replace the todo!(…); check::hint(\"{}\")? helps", self.name))
            }
        }
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        let (sign, word, more) = self.parts();
        let colour = match &self.verdict {
            Ok(()) => "rgb(0,158,115)",
            Err(Finding::NotYet(_)) => "rgb(213,94,0)",
            Err(Finding::NotAttempted) => "rgb(128,128,128)",
        };
        let html = format!("{sign} <b>{}</b>: <b>{word}</b>{}", self.name, escape(&after_colon(&more)));
        show(Item::Html { html: boxed(colour, &html), text: self.to_string() });
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let (sign, word, more) = self.parts();
        write!(out, "{sign} {}: {word}{}", self.name, after_colon(&more))
    }
}

fn after_colon(more: &str) -> String {
    if more.is_empty() {
        String::new()
    } else {
        format!(": {more}")
    }
}

fn boxed(colour: &str, html: &str) -> String {
    format!("<div style=\"border-left:4px solid {colour};padding:4px 10px;max-width:960px\">{html}</div>")
}

impl Told {
    /// The first hints of an exercise.
    pub(super) fn hints(of: &Exercise, count: usize) -> Told {
        let count = count.clamp(1, of.hints.len());
        let title = match count < of.hints.len() {
            true => {
                format!("{}, hint {count} of {} (run the cell again for the next)", of.name, of.hints.len())
            }
            false => format!("{}, hint {count} of {count}", of.name),
        };
        Told { title, parts: of.hints[..count].iter().map(|hint| (hint.to_string(), false)).collect() }
    }

    /// The solution of an exercise.
    pub(super) fn solution(of: &Exercise) -> Told {
        let parts = vec![(of.solution.trim_end().to_string(), true), (of.why.to_string(), false)];
        Told { title: format!("{}, a solution", of.name), parts }
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        let part = |(text, is_code): &(String, bool)| match is_code {
            true => format!("<pre>{}</pre>", escape(text)),
            false => format!("<div>{}</div>", code_marked(&escape(text))),
        };
        let parts: String = self.parts.iter().map(part).collect();
        let html = format!("<b>{}</b>{parts}", escape(&self.title));
        show(Item::Html { html: boxed("rgb(0,114,178)", &html), text: self.to_string() });
    }
}

/// What stands between backticks is code.
fn code_marked(html: &str) -> String {
    let parts = html.split('`').enumerate();
    parts
        .map(|(number, part)| if number % 2 == 1 { format!("<code>{part}</code>") } else { part.into() })
        .collect()
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}", self.title)?;
        self.parts.iter().try_for_each(|(text, _)| write!(out, "\n{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_words() {
        let of = |verdict| Checked { name: "mean", verdict };
        assert_eq!(of(Ok(())).to_string(), "✓ mean: passed");
        let wrong = of(Err(Finding::NotYet("3 < 4".into())));
        assert_eq!(wrong.to_string(), "✗ mean: not yet: 3 < 4");
        assert!(of(Err(Finding::NotAttempted))
            .to_string()
            .starts_with("○ mean: not attempted: replace the todo!"));
        assert!(!wrong.has_passed());
    }

    #[test]
    fn hints_come_one_by_one() {
        let exercise = Exercise {
            name: "mean",
            notebook: 0,
            hints: &["a", "b `c`"],
            solution: "fn mean() {}",
            why: "so",
        };
        assert_eq!(
            Told::hints(&exercise, 0).to_string(),
            "mean, hint 1 of 2 (run the cell again for the next)\na"
        );
        assert_eq!(Told::hints(&exercise, 9).to_string(), "mean, hint 2 of 2\na\nb `c`");
        assert_eq!(Told::solution(&exercise).to_string(), "mean, a solution\nfn mean() {}\nso");
        assert_eq!(code_marked("b `c`"), "b <code>c</code>");
    }
}
