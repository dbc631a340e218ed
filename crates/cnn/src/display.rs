//! How values show themselves at the end of a notebook cell.
//!
//! A live kernel shows each item at once, in its place between what the cell prints.
//!
//! A stock evcxr kernel takes rich output from lines between `EVCXR_BEGIN_CONTENT type` and `EVCXR_END_CONTENT`. It
//! keeps one output of each type per cell, the last. So that a cell may show two figures, or a table and a figure,
//! everything that a cell has shown so far is sent again with each new item.

use base64::{engine::general_purpose::STANDARD, Engine};
use std::fmt;
use std::sync::Mutex;

use crate::figure::Figure;

/// Something that a cell shows.
#[derive(Clone)]
pub(crate) enum Item {
    Figure(Figure),
    Table(Table),
}

// evcxr links each cell with its own copy of this crate, so this list begins empty in every cell.
static SHOWN: Mutex<Vec<Item>> = Mutex::new(Vec::new());

/// Shows `item`: at once, or, in a stock kernel, as the newest part of all that this cell has shown.
pub(crate) fn show(item: Item) {
    if live::is_live() {
        let (mime_type, content) = match &item {
            Item::Figure(figure) => ("image/png", STANDARD.encode(figure.png())),
            Item::Table(table) => ("text/html", table.html()),
        };
        live::display(&[(mime_type, &content), ("text/plain", &item.text())]);
        return;
    }
    let mut shown = SHOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    shown.push(item);
    let only_figures: Option<Vec<&Figure>> = shown
        .iter()
        .map(|item| match item {
            Item::Figure(figure) => Some(figure),
            Item::Table(_) => None,
        })
        .collect();
    match only_figures {
        // A PNG of its own is what every viewer of notebooks can show.
        Some(figures) => send("image/png", &STANDARD.encode(Figure::stacked(&figures).png())),
        None => send("text/html", &shown.iter().map(Item::html).collect::<String>()),
    }
    send("text/plain", &shown.iter().map(Item::text).collect::<Vec<_>>().join("\n"));
}

fn send(mime_type: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT {mime_type}\n{content}\nEVCXR_END_CONTENT");
}

impl Item {
    fn html(&self) -> String {
        match self {
            Item::Figure(figure) => {
                let data = STANDARD.encode(figure.png());
                format!("<div><img src=\"data:image/png;base64,{data}\"/></div>")
            }
            Item::Table(table) => table.html(),
        }
    }

    fn text(&self) -> String {
        match self {
            Item::Figure(figure) => format!("{figure:?}"),
            Item::Table(table) => table.to_string(),
        }
    }
}

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
        show(Item::Table(self.clone()));
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
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |row: &[String], f: &mut fmt::Formatter| -> fmt::Result {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (text, &width))| {
                if self.stands_right(column, text) {
                    format!(" {text:>width$} ")
                } else {
                    format!(" {text:<width$} ")
                }
            });
            write!(f, "{}", cells.collect::<Vec<_>>().join("│").trim_end())
        };
        if !self.title.is_empty() {
            writeln!(f, "{}", self.title)?;
        }
        line(&self.columns, f)?;
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        write!(f, "\n{}", rule.join("┼"))?;
        for row in &self.rows {
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

/// 692352 as "692,352".
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

fn is_number(text: &str) -> bool {
    let bare = text.trim_end_matches([' ', '%', 's', 'm', '×']).replace(',', "");
    bare.parse::<f64>().is_ok()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 7, 999, 1000, 692_352, -1_234_567];
        let texts = ["0", "7", "999", "1,000", "692,352", "-1,234,567"];
        assert_eq!(numbers.map(thousands), texts);
    }

    #[test]
    fn a_table_aligns_numbers_right_and_escapes_html() {
        let mut table = Table::new("T", ["name", "n"]);
        table.row(["<a>", "1,000"]).row(["bc", "5"]).note("end");
        let text = "T\n name │     n\n──────┼───────\n <a>  │ 1,000\n bc   │     5\nend";
        assert_eq!(table.to_string(), text);
        assert!(table.html().contains("&lt;a&gt;</td><td style=\"text-align:right\">1,000"));
    }

    #[test]
    fn short_rows_are_filled() {
        let mut table = Table::new("", ["a", "b"]);
        table.row(["x"]).row(["x", "y", "too many"]);
        assert_eq!(table.to_string(), " a │ b\n───┼───\n x │\n x │ y");
    }
}
