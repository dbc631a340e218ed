//! A message of the compiler, drawn under the lines of the cell that it is about, as rustc draws it.

use super::diagnostic::{Diagnostic, Note, Span};
use super::style::bold;
use super::text::{part, screen_column, shown};
use unicode_width::UnicodeWidthStr;

/// A line of a cell that is longer is shown in part.
const WIDEST: usize = 110;
/// So much of a long line stands before the place that is shown.
const BEFORE: usize = 40;
/// More notes than this confuse.
const NOTES: usize = 2;

/// The lines of the report, with the compiler's own notes or without.
pub fn report(diagnostic: &Diagnostic, cell: &str, number: usize, with_notes: bool) -> Vec<String> {
    let level = if diagnostic.is_error() { "error" } else { "warning" };
    let code = diagnostic.code.as_deref().map_or(String::new(), |code| format!("[{code}]"));
    let mut lines = vec![bold(&format!("{level}{code}: {}", diagnostic.message.trim()))];
    let source: Vec<&str> = cell.lines().collect();
    let mut spans: Vec<&Span> =
        diagnostic.spans.iter().filter(|span| (1..=source.len()).contains(&span.start_line)).collect();
    spans.sort_by_key(|span| (span.start_line, std::cmp::Reverse(span.start_column)));
    spans.dedup_by(|a, b| {
        (a.start_line, a.start_column, &a.label) == (b.start_line, b.start_column, &b.label)
    });
    let gutter = spans.last().map_or(1, |last| last.start_line.to_string().len());
    let empty = " ".repeat(gutter);
    if let Some(primary) = diagnostic.primary() {
        lines.push(format!("{empty}--> cell [{number}], line {}", primary.start_line));
        lines.push(format!("{empty} |"));
    }
    let mut before = None;
    for line_spans in spans.chunk_by(|a, b| a.start_line == b.start_line) {
        let line = line_spans[0].start_line;
        match before {
            Some(before) if line == before + 2 => lines.push(source_line(before + 1, &source, gutter, 0)),
            Some(before) if line > before + 2 => lines.push("...".to_string()),
            _ => {}
        }
        let offset = offset(source[line - 1], line_spans);
        lines.push(source_line(line, &source, gutter, offset));
        lines.extend(
            line_spans.iter().map(|span| format!("{empty} | {}", marks(span, source[line - 1], offset))),
        );
        before = Some(line);
    }
    if !with_notes {
        return lines;
    }
    lines.extend(notes(diagnostic).into_iter().map(|note| format!("{empty} = {note}")));
    lines
}

fn source_line(line: usize, source: &[&str], gutter: usize, offset: usize) -> String {
    let text = shown(source[line - 1]);
    let width = text.chars().count();
    let cut: String = text.chars().skip(offset).take(WIDEST).collect();
    let (begin, end) = (if offset > 0 { "…" } else { "" }, if width > offset + WIDEST { "…" } else { "" });
    format!("{line:>gutter$} | {begin}{cut}{end}").trim_end().to_string()
}

/// How many characters of a long line are left out at its beginning.
fn offset(line: &str, spans: &[&Span]) -> usize {
    let first = spans.iter().map(|span| span.start_column).min().unwrap_or(1);
    let is_long = shown(line).chars().count() > WIDEST && first > WIDEST - BEFORE;
    if is_long {
        shown(&part(line, 1, first)).chars().count() - BEFORE
    } else {
        0
    }
}

/// Signs under a part of a line, and what they mean.
fn marks(span: &Span, line: &str, offset: usize) -> String {
    let text = shown(line);
    let left_out = text.chars().take(offset).collect::<String>().width() - usize::from(offset > 0);
    let start = screen_column(line, span.start_column);
    let end = match span.end_line > span.start_line {
        true => text.trim_end().width(),
        false => screen_column(line, span.end_column),
    };
    let sign = if span.is_primary { "^" } else { "-" };
    let width = end.saturating_sub(start).clamp(1, WIDEST);
    let label = span.label.split('\n').next().unwrap_or("").trim();
    let marked = format!("{} {}", sign.repeat(width), shown(label));
    let marked = if span.is_primary { bold(marked.trim_end()) } else { marked.trim_end().to_string() };
    format!("{}{marked}", " ".repeat(start.saturating_sub(left_out)))
}

/// The compiler's advice in one line each: its text, and the code that it suggests.
fn notes(diagnostic: &Diagnostic) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for Note { message, .. } in &diagnostic.notes {
        // A suggestion stands in backticks, or in a paragraph of its own.
        let message = message.trim().replace("\n`", "`");
        let (text, code) = match message.split_once("\n\n") {
            Some((text, code)) => (text, code.trim()),
            None => (message.as_str(), ""),
        };
        let text = text.lines().next().unwrap_or("");
        let is_inner = [
            "RUST_BACKTRACE",
            "originates in the macro",
            "evcxr",
            "run_user_code",
            "rust-lang.org",
            "rustc --explain",
        ];
        if text.is_empty() || is_inner.iter().any(|word| text.contains(word) || code.contains(word)) {
            continue;
        }
        let level =
            if ["help: ", "note: "].iter().any(|level| text.starts_with(level)) { "" } else { "help: " };
        // A sign alone, such as `;` or `mut `, says more in its place, which the text describes.
        let line = match code.contains('\n') || code.is_empty() || text.contains(code) {
            true => format!("{level}{text}"),
            false => format!("{level}{text}: `{code}`"),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.truncate(NOTES);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::style::without_colours;

    fn span(line: usize, columns: std::ops::Range<usize>, label: &str, is_primary: bool) -> Span {
        Span {
            start_line: line,
            start_column: columns.start,
            end_line: line,
            end_column: columns.end,
            label: label.to_string(),
            is_primary,
        }
    }

    fn drawn(spans: Vec<Span>, notes: &[&str], cell: &str) -> String {
        let notes = notes.iter().map(|note| Note { message: note.to_string(), span: None }).collect();
        let diagnostic = Diagnostic {
            level: "error".to_string(),
            code: Some("E0001".to_string()),
            message: "wrong".to_string(),
            spans,
            notes,
        };
        without_colours(&report(&diagnostic, cell, 3, true).join("\n"))
    }

    #[test]
    fn marks_stand_under_their_characters() {
        let spans = vec![span(2, 9..10, "here", true), span(1, 5..8, "because of this", false)];
        assert_eq!(
            drawn(spans, &["consider this\n\na.clone()", "note: and that"], "let abc = 1;\n\"ä–🙂\" + b"),
            "error[E0001]: wrong\n --> cell [3], line 2\n  |\n1 | let abc = 1;\n  |     --- because of this\n\
             2 | \"ä–🙂\" + b\n  |          ^ here\n  = help: consider this: `a.clone()`\n  = note: and that"
        );
    }

    #[test]
    fn lines_between_are_shown_or_left_out() {
        let cell = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj";
        let text = drawn(
            vec![span(1, 1..2, "", false), span(3, 1..2, "", false), span(10, 1..2, "", true)],
            &[],
            cell,
        );
        assert!(text.contains(" 1 | a\n   | -\n 2 | b\n 3 | c\n   | -\n...\n10 | j\n   | ^"), "{text}");
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let cell = format!("{}+ wrong; {}", "ä".repeat(500), "x".repeat(500));
        let text = drawn(vec![span(1, 503..508, "this", true)], &[], &cell);
        let lines: Vec<&str> = text.lines().collect();
        let (line, marks) = (lines[3], lines[4]);
        let column = marks.find('^').unwrap();
        assert_eq!(line.chars().skip(column).take(5).collect::<String>(), "wrong", "{text}");
        assert!(line.chars().count() < WIDEST + 10);
    }

    #[test]
    fn places_outside_of_the_cell_are_not_drawn() {
        assert!(drawn(vec![span(7, 1..2, "", true)], &[], "a").contains("wrong"));
        assert_eq!(drawn(vec![], &[], ""), "error[E0001]: wrong");
    }
}
