//! The table of variables: for the page, and as text and HTML for clients that have no widgets.

use serde_json::{json, Value as Json};
use std::collections::BTreeMap;

use super::question::Details;

const TITLES: [&str; 6] = ["Name", "Type", "Shape", "Device", "Memory", "Cell"];

/// A variable.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub name: String,
    pub of: String,
    pub details: Details,
    /// The cell that has made it.
    pub cell: Option<usize>,
    /// What the last cell did with it: "new", "changed", or nothing.
    pub mark: &'static str,
}

/// All variables, and those that are gone, each with the reason.
#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub rows: Vec<Row>,
    pub gone: Vec<(String, String)>,
}

impl Row {
    fn texts(&self) -> [String; 6] {
        let Details(shape, device, bytes) = &self.details;
        [
            self.name.clone(),
            self.of.clone(),
            shape.clone().unwrap_or_default(),
            device.clone().unwrap_or_default(),
            bytes.map(memory).unwrap_or_default(),
            self.cell.map(|cell| format!("[{cell}]")).unwrap_or_default(),
        ]
    }
}

impl Table {
    fn caption(&self) -> String {
        let all: u64 = self.rows.iter().filter_map(|row| row.details.2).sum();
        match self.rows.len() {
            0 => "No variables".to_string(),
            1 => format!("1 variable, {}", memory(all)),
            count => format!("{count} variables, {}", memory(all)),
        }
    }

    /// What the page gets.
    pub fn json(&self) -> Json {
        let row = |row: &Row| {
            let texts = row.texts();
            json!({"texts": texts, "bytes": row.details.2, "cell": row.cell, "mark": row.mark})
        };
        json!({
            "titles": TITLES,
            "caption": self.caption(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "gone": self.gone,
        })
    }

    /// What stands for the widget, by MIME type.
    pub fn still(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("text/plain".to_string(), self.text()), ("text/html".to_string(), self.html())])
    }

    fn text(&self) -> String {
        let mut lines: Vec<[String; 6]> = vec![TITLES.map(str::to_string)];
        lines.extend(self.rows.iter().map(Row::texts));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..TITLES.len()).map(width).collect();
        let mut text = self.caption();
        for line in lines.iter().filter(|_| !self.rows.is_empty()) {
            let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            text.push('\n');
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        for (name, why) in &self.gone {
            text.push_str(&format!("\n{name}: {why}"));
        }
        text
    }

    fn html(&self) -> String {
        let titles: String = TITLES.iter().map(|title| format!("<th scope=\"col\">{title}</th>")).collect();
        let row = |row: &Row| {
            let texts = row.texts().map(|text| escaped(&text));
            let cells: String = texts[1..].iter().map(|text| format!("<td>{text}</td>")).collect();
            format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", texts[0])
        };
        let rows: String = self.rows.iter().map(row).collect();
        let gone = |(name, why): &(String, String)| {
            let more = TITLES.len() - 1;
            let style = "style=\"opacity: 0.7; text-align: left\"";
            format!(
                "<tr {style}><th scope=\"row\">{}</th><td colspan=\"{more}\" {style}>{}</td></tr>",
                escaped(name),
                escaped(why)
            )
        };
        let gone: String = self.gone.iter().map(gone).collect();
        format!(
            "<table><caption>{}</caption><thead><tr>{titles}</tr></thead><tbody>{rows}{gone}</tbody></table>",
            escaped(&self.caption())
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Bytes as people read them, in powers of ten as in the rest of the course.
fn memory(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut value = bytes as f64 / 1000.0;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let details = Details(Some("[60000, 28, 28]".to_string()), Some("Cpu".to_string()), Some(47_040_000));
        let row = Row { name: "x_train".into(), of: "Tensor".into(), details, cell: Some(3), mark: "new" };
        let small =
            Row { name: "v".into(), of: "Vec<u8>".into(), details: Details::default(), cell: None, mark: "" };
        Table { rows: vec![row, small], gone: vec![("old".into(), "given away in cell [5]".into())] }
    }

    #[test]
    fn the_text_has_columns() {
        let expected = "2 variables, 47.0 MB\n\
                        Name     Type     Shape            Device  Memory   Cell\n\
                        x_train  Tensor   [60000, 28, 28]  Cpu     47.0 MB  [3]\n\
                        v        Vec<u8>\n\
                        old: given away in cell [5]";
        assert_eq!(table().still()["text/plain"], expected);
        assert_eq!(Table::default().still()["text/plain"], "No variables");
    }

    #[test]
    fn the_html_is_a_table_with_headers_and_is_escaped() {
        let html = &table().still()["text/html"];
        for part in [
            "<caption>2 variables, 47.0 MB</caption>",
            "<th scope=\"col\">Shape</th>",
            "<th scope=\"row\">x_train</th><td>Tensor</td>",
            "<td>Vec&lt;u8&gt;</td>",
            "given away in cell [5]</td>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn memory_is_readable() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (2_500_000_000, "2.5 GB"),
        ] {
            assert_eq!(memory(bytes), text);
        }
    }
}
