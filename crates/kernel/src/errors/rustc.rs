//! For tests: cells compiled by the real compiler, in code like that which evcxr puts around them.

use serde_json::Value;
use std::process::Command;

use super::diagnostic::{Diagnostic, Note, Span};

/// What the course's crate offers, as far as the tests' cells use it.
const STUBS: &str = r#"
#![allow(unused_imports, unused_mut, dead_code, unused_variables)]
pub mod cnn { pub mod prelude {
    #[derive(Clone, Debug, Default)] pub struct Fit { pub epochs: usize, pub batch_size: i64, pub validation_split: f64, pub verbose: bool }
    #[derive(Clone, Copy, Debug)] pub enum Activation { Relu, Softmax }
    pub use Activation::*;
    #[derive(Clone, Copy, Debug)] pub enum Padding { Valid, Same }
    #[derive(Debug)] pub enum Loss { CategoricalCrossentropy }
    #[derive(Debug, Default)] pub struct Adam { pub learning_rate: f64 }
    #[derive(Debug)] pub struct Tensor;
    impl Tensor { pub fn size(&self) -> Vec<i64> { vec![] } pub fn shallow_clone(&self) -> Tensor { Tensor } }
    pub struct Dense; impl Dense { pub fn new(_: i64) -> Dense { Dense } pub fn activation(self, _: Activation) -> Dense { self } pub fn padding(self, _: Padding) -> Dense { self } }
    pub struct Sequential;
    impl Sequential {
        pub fn new() -> Sequential { Sequential }
        pub fn fit(&mut self, _: &Tensor, _: &Tensor, _: &Fit) -> Result<i32, String> { Ok(1) }
        pub fn compile(&mut self, _: Adam, _: Loss) -> Result<(), String> { Ok(()) }
        pub fn summary(&self) -> String { String::new() }
    }
} }
use cnn::prelude::*;
mod evcxr_internal_runtime { pub struct VariableStore; impl VariableStore { pub fn put_variable<T>(&mut self, _: &str, _: T) {} } }
fn evcxr_show<T: std::fmt::Debug>(_: T) {}
fn run(evcxr_variable_store: &mut evcxr_internal_runtime::VariableStore) -> Result<(), Box<dyn std::error::Error>> {
"#;

/// The compiler's messages about a cell. Only what the notebook would have after an earlier cell may stand in `before`.
pub fn compiled_after(before: &str, cell: &str) -> Vec<Diagnostic> {
    let folder = tempfile::tempdir().expect("a folder");
    // evcxr shows the last expression by code of its own, which it puts around it.
    let lines: Vec<&str> = cell.trim_end().lines().collect();
    let last = lines.last().copied().unwrap_or("");
    let is_expression = !last.trim_end().ends_with([';', '}', '{', ':', ','])
        && !pattern_of_statement(last)
        && super::text::unmatched_bracket(cell).is_none();
    let shown = if is_expression { lines.len() - 1 } else { lines.len() };
    let mut source: Vec<String> = STUBS.lines().chain(before.lines()).map(String::from).collect();
    let first = source.len();
    source.extend(lines[..shown].iter().map(|line| line.to_string()));
    let mut last_at = usize::MAX;
    if is_expression {
        source.push("fn evcxr_send_text_plain() {}".to_string());
        source.push("evcxr_show(&(".to_string());
        last_at = source.len();
        source.push(last.to_string());
        source.push("));".to_string());
    }
    for name in cell
        .lines()
        .filter_map(|line| line.strip_prefix("let ")?.split([' ', ':', '=']).find(|word| *word != "mut"))
    {
        if !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        source.push(format!("evcxr_variable_store.put_variable::<_>(stringify!({name}), &{name});"));
    }
    source.push("Ok(()) }".to_string());
    let path = folder.path().join("lib.rs");
    std::fs::write(&path, source.join("\n")).expect("a file");
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
        "--error-format",
        "json",
        "--out-dir",
    ]);
    let output = command.arg(folder.path()).arg(&path).output().expect("rustc");
    let line_of = |line: usize| match line {
        _ if line > last_at => (line == last_at + 1).then_some(lines.len()),
        _ if line > first && line <= first + shown => Some(line - first),
        _ => None,
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    let messages = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| diagnostic(&message, &line_of)).collect()
}

/// The compiler's messages about a cell of its own.
pub fn compiled(cell: &str) -> Vec<Diagnostic> {
    compiled_after("", cell)
}

fn pattern_of_statement(line: &str) -> bool {
    ["let ", "fn ", "use ", "struct ", "#", "//"].iter().any(|word| line.trim_start().starts_with(word))
}

/// As evcxr reads it: places outside of the cell are left out, as are helps with several.
fn diagnostic(message: &Value, line_of: &dyn Fn(usize) -> Option<usize>) -> Option<Diagnostic> {
    let text = message["message"].as_str()?;
    if text.starts_with("aborting due to")
        || text.starts_with("For more information")
        || text.starts_with("Some errors")
    {
        return None;
    }
    let spans = |of: &Value| -> Vec<Span> {
        of["spans"].as_array().into_iter().flatten().filter_map(|span| self::span(span, line_of)).collect()
    };
    let note = |child: &Value| {
        let replacement = child["spans"][0]["suggested_replacement"]
            .as_str()
            .map_or(String::new(), |text| format!("\n\n{}", text.trim_end()));
        let level = if child["level"] == "note" { "note: " } else { "" };
        Some(Note {
            message: format!("{level}{}{replacement}", child["message"].as_str()?),
            span: spans(child).into_iter().next(),
        })
    };
    Some(Diagnostic {
        level: message["level"].as_str()?.to_string(),
        code: message["code"]["code"].as_str().map(String::from),
        message: text.replace("`evcxr_variable_store`", "<end of input>"),
        spans: spans(message),
        notes: message["children"].as_array().into_iter().flatten().filter_map(note).collect(),
    })
}

fn span(span: &Value, line_of: &dyn Fn(usize) -> Option<usize>) -> Option<Span> {
    let number = |name: &str| span[name].as_u64().map(|number| number as usize);
    let is_in_file = span["file_name"].as_str().is_some_and(|name| name.ends_with("lib.rs"));
    let outer = &span["expansion"]["span"];
    let here = || {
        Some(Span {
            start_line: line_of(number("line_start")?)?,
            start_column: number("column_start")?,
            end_line: line_of(number("line_end")?)?,
            end_column: number("column_end")?,
            label: span["label"].as_str().unwrap_or("").to_string(),
            is_primary: span["is_primary"].as_bool()?,
        })
    };
    let found = if is_in_file { here() } else { None };
    found.or_else(|| if outer.is_object() { self::span(outer, line_of) } else { None })
}
