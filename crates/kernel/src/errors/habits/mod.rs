//! Python and Keras typed by habit, and the Rust for it, in terms of the learner's own cell.

mod calls;
mod keras;
mod statements;
#[cfg(test)]
mod tests;
mod values;

use super::mistake::{pattern, Mistake};

/// The Rust for what was typed by habit, if this error comes from one.
pub fn advice(mistake: &Mistake) -> Option<String> {
    statements::advice(mistake)
        .or_else(|| keras::advice(mistake))
        .or_else(|| calls::advice(mistake))
        .or_else(|| values::advice(mistake))
}

/// A line as it is typed by habit, the compiler's word for it, and the Rust for it with `$1` and so on for what was typed.
struct Habit {
    /// What the error's number or message has to contain; empty for all.
    error: &'static str,
    line: &'static str,
    advice: &'static str,
}

/// A list of habits with their patterns compiled.
struct Habits(Vec<(regex::Regex, regex::Regex, &'static str)>);

impl Habits {
    fn new(habits: &[Habit]) -> Habits {
        let compiled = |pattern: &str| regex::Regex::new(pattern).expect("a valid pattern");
        Habits(
            habits.iter().map(|habit| (compiled(habit.error), compiled(habit.line), habit.advice)).collect(),
        )
    }

    fn advice(&self, mistake: &Mistake) -> Option<String> {
        let text = format!("{} {}", mistake.code(), mistake.message());
        let fitting = self.0.iter().filter(|(error, _, _)| error.is_match(&text));
        fitting.into_iter().find_map(|(_, line, advice)| Some(mistake.find(line)?.fill(advice)))
    }
}

/// The arguments of a call, apart at the commas that stand in no bracket and no string.
fn arguments(list: &str) -> Vec<&str> {
    let code = super::text::without_strings_and_comments(list);
    let (mut found, mut begin, mut depth) = (Vec::new(), 0, 0);
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(list.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.extend(list.get(begin..));
    found.into_iter().map(str::trim).filter(|argument| !argument.is_empty()).collect()
}

/// The name and the value of an argument such as `epochs=3`.
fn keyword(argument: &str) -> Option<(&str, &str)> {
    let found = pattern!(r"(?s)^(\w+)\s*=\s*([^=].*)$").captures(argument)?;
    Some((found.get(1)?.as_str(), found.get(2)?.as_str().trim()))
}

/// Python's values in Rust.
fn value(python: &str) -> String {
    match python.trim() {
        "True" => "true".to_string(),
        "False" => "false".to_string(),
        other => match other.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(text) if text.chars().count() != 1 => format!("\"{text}\""),
            _ => other.to_string(),
        },
    }
}
