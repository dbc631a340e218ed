//! Tables: rows and columns of text.

use std::fmt;

use super::html::escape;
use super::item::{show, Item};
use super::text_width::text_width;

/// Rows and columns: aligned text with `println!("{table}")`, an HTML table at the end of a cell.
///
/// Columns that begin with a number, and other cells that hold one, are aligned to the right.
///
/// ```
/// use cnn::Table;
/// let mut table = Table::new("Epochs", ["epoch", "loss"]);
/// table.row(["1", "0.25"]);
/// assert_eq!(table.to_string(), "Epochs\n epoch │ loss\n───────┼──────\n     1 │ 0.25");
/// ```
#[derive(Clone)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table without rows. An empty title is left out.
    pub fn new<S: ToString>(title: &str, columns: impl IntoIterator<Item = S>) -> Self {
        let columns = columns.into_iter().map(|name| name.to_string()).collect();
        Table { title: title.to_string(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row. Missing cells stay empty, and cells beyond the last column are left out.
    pub fn row<S: ToString>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut row: Vec<String> = cells.into_iter().map(|cell| cell.to_string()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
        self
    }

    /// Adds a line below the table.
    pub fn note(&mut self, text: &str) -> &mut Self {
        self.notes.push(text.to_string());
        self
    }

    /// Shows the table as output of the cell, also in the middle of one.
    pub fn show(&self) {
        show(Item::Html { html: self.html(), text: self.to_string() });
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }

    pub(crate) fn html(&self) -> String {
        let line = |tag: &str, row: &[String]| -> String {
            let cells = row.iter().enumerate().map(|(column, text)| {
                let align = if self.stands_right(column, text) { "right" } else { "left" };
                format!("<{tag} style=\"text-align:{align}\">{}</{tag}>", escape(text))
            });
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        let head = line("th", &self.columns);
        let body: String = self.rows.iter().map(|row| line("td", row)).collect();
        let title = match self.title.is_empty() {
            true => String::new(),
            false => format!("<div><b>{}</b></div>", escape(&self.title)),
        };
        let notes: String = self.notes.iter().map(|note| format!("<div>{}</div>", escape(note))).collect();
        format!("<div>{title}<table><thead>{head}</thead><tbody>{body}</tbody></table>{notes}</div>")
    }

    /// Whether a cell is aligned to the right: it holds a number, or the first cell of its column does.
    fn stands_right(&self, column: usize, text: &str) -> bool {
        is_number(text) || self.rows.first().is_some_and(|row| is_number(&row[column]))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<String> = self.columns.iter().map(|name| in_one_line(name)).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|text| in_one_line(text)).collect()).collect();
        let widest = |column: usize| {
            let cells = rows.iter().map(|row| text_width(&row[column]));
            cells.chain([text_width(&columns[column])]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
        let line = |row: &[String], f: &mut fmt::Formatter| -> fmt::Result {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (text, &widest))| {
                let room = " ".repeat(widest - text_width(text));
                if self.stands_right(column, text) {
                    format!(" {room}{text} ")
                } else {
                    format!(" {text}{room} ")
                }
            });
            write!(f, "{}", cells.collect::<Vec<_>>().join("│").trim_end())
        };
        if !self.title.is_empty() {
            writeln!(f, "{}", self.title)?;
        }
        line(&columns, f)?;
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        write!(f, "\n{}", rule.join("┼"))?;
        for row in &rows {
            writeln!(f)?;
            line(row, f)?;
        }
        for note in &self.notes {
            write!(f, "\n{note}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A cell's text without line breaks and tabs, which would break its row. HTML does the same.
fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn is_number(text: &str) -> bool {
    let bare = text.trim_end_matches([' ', '%', 's', 'm', '×']).replace(',', "");
    bare.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_numbers_right_and_escapes_html() {
        let mut table = Table::new("T", ["name", "n"]);
        table.row(["<a>", "1,000"]).row(["bc", "5"]).note("end");
        let text = "T\n name │     n\n──────┼───────\n <a>  │ 1,000\n bc   │     5\nend";
        assert_eq!(table.to_string(), text);
        assert!(table.html().contains("&lt;a&gt;</td><td style=\"text-align:right\">1,000"));
    }

    #[test]
    fn wide_letters_and_accents_keep_the_columns() {
        let mut table = Table::new("", ["class", "n"]);
        table.row(["猫", "1"]).row(["cafe\u{301}", "2"]).row(["😀 ok", "3"]).row(["a\tb\nc", "4"]);
        let text = " class │ n\n───────┼───\n 猫    │ 1\n cafe\u{301}  │ 2\n 😀 ok │ 3\n a b c │ 4";
        assert_eq!(table.to_string(), text);
    }

    #[test]
    fn short_rows_are_filled() {
        let mut table = Table::new("", ["a", "b"]);
        table.row(["x"]).row(["x", "y", "too many"]);
        assert_eq!(table.to_string(), " a │ b\n───┼───\n x │\n x │ y");
    }
}
