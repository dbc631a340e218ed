//! What the compiler has to say about a cell that it has compiled.

use serde::Deserialize;

use crate::errors::{Diagnostic, Span};
use crate::places::Places;

/// A message of the compiler. Source: "JSON Output" in the rustc book.
#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Place>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Place {
    line_start: usize,
    column_start: usize,
    line_end: usize,
    column_end: usize,
    label: Option<String>,
    is_primary: bool,
}

/// Those of the messages, one a line, that are about the cell of this number, with the places in it.
pub fn of_cell(messages: &str, places: &Places, number: usize) -> Vec<Diagnostic> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let in_cell = |line: usize| places.locate(line).filter(|(cell, _)| *cell == number).map(|(_, line)| line);
    let span = |place: Place| {
        Some(Span {
            start_line: in_cell(place.line_start)?,
            start_column: place.column_start,
            end_line: in_cell(place.line_end)?,
            end_column: place.column_end,
            label: place.label.unwrap_or_default(),
            is_primary: place.is_primary,
        })
    };
    let diagnostic = |message: Message| Diagnostic {
        level: message.level,
        code: message.code.map(|code| code.code),
        message: message.message,
        spans: message.spans.into_iter().filter_map(span).collect(),
        notes: Vec::new(),
    };
    let mut found: Vec<Diagnostic> = Vec::new();
    for diagnostic in messages.map(diagnostic).filter(|diagnostic| !diagnostic.spans.is_empty()) {
        let place =
            |diagnostic: &Diagnostic| (diagnostic.spans[0].start_line, diagnostic.spans[0].start_column);
        // What evcxr has put in twice is the learner's once.
        if !found
            .iter()
            .any(|other| other.message == diagnostic.message && place(other) == place(&diagnostic))
        {
            found.push(diagnostic);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_about_other_cells_are_left_out() {
        let mut places = Places::default();
        places.add(1, "fn f() {\n    let x = 1;\n}");
        places.add(2, "\nread();");
        places.set_generated("fn f() {\n    let x = 1;\n}\nread();\n".to_string());
        let warning = |line: usize, code: &str| {
            format!(
                r#"{{"message":"unused","level":"warning","code":{{"code":"{code}"}},"spans":[{{"line_start":{line},"column_start":1,"line_end":{line},"column_end":7,"label":null,"is_primary":true}}]}}"#
            )
        };
        let messages =
            format!("{}\n{}\nno JSON\n", warning(2, "unused_variables"), warning(4, "unused_must_use"));
        let found = of_cell(&messages, &places, 2);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code.as_deref(), Some("unused_must_use"));
        assert_eq!((found[0].spans[0].start_line, found[0].spans[0].end_column), (2, 7));
    }
}
