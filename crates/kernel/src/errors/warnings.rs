//! Warnings of a cell that ran. Most are of no use in a notebook; a forgotten `?` is silent otherwise.

use super::diagnostic::Diagnostic;

/// The warnings of the cell with this number that are worth showing, as text for the standard error.
pub fn warnings(diagnostics: &[Diagnostic], cell: &str, number: usize) -> Option<String> {
    let worth = diagnostics.iter().filter(|found| found.level == "warning" && is_worth_showing(found));
    let lines: Vec<String> = worth.map(|warning| line(warning, cell, number)).collect();
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

fn is_worth_showing(warning: &Diagnostic) -> bool {
    let code = warning.code.as_deref().unwrap_or("");
    ["unused_must_use", "unconditional_recursion", "static_mut_refs", "overflowing_literals"].contains(&code)
}

fn line(warning: &Diagnostic, cell: &str, number: usize) -> String {
    let at = warning.primary().map_or(String::new(), |span| format!(", line {}", span.start_line));
    let code = warning
        .primary()
        .and_then(|span| cell.lines().nth(span.start_line.checked_sub(1)?))
        .unwrap_or("")
        .trim();
    let what = match warning.message.contains("`Result`") || warning.message.contains("Result<") {
        true => "this may have failed, and nobody looks: write a `?` before the `;`".to_string(),
        false => {
            let note = warning.notes.first().map_or("", |note| note.message.trim_start_matches("note: "));
            format!("{}{}{note}", warning.message, if note.is_empty() { "" } else { "; " })
        }
    };
    format!("warning in cell [{number}]{at}: {what}\n    {code}")
}
