//! What the compiler says of a cell, as cargo hands it on, at the lines where evcxr looks for it.

use serde_json::{json, Value};

/// Keeps the diagnostics of rustc's standard error; the rest is not for evcxr.
pub fn diagnostics(stderr: &str) -> Vec<Value> {
    let parsed = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|message| message["$message_type"] == "diagnostic").collect()
}

/// Libraries that cannot be read, and what a macro ran into, are no fault of the cell's text, though they have a place in it.
const ELSEWHERE: [&str; 8] = ["E0460", "E0461", "E0462", "E0463", "E0514", "E0519", "E0523", "E0786"];

/// Whether the cell's text alone is what is wrong: each error says where it is. What a full disk, a missing linker or a
/// crash leads to may be otherwise the next time.
pub fn blame_the_source(diagnostics: &[Value]) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let errors: Vec<&Value> = diagnostics
        .iter()
        .filter(|diagnostic| text(&diagnostic["level"]).starts_with("error"))
        .filter(|error| !text(&error["message"]).starts_with("aborting due to"))
        .collect();
    let is_in_source = |error: &&Value| {
        error["level"] == "error"
            && error["spans"].as_array().is_some_and(|spans| !spans.is_empty())
            && !ELSEWHERE.contains(&text(&error["code"]["code"]).as_str())
            && !["panicked", "couldn't read"].iter().any(|words| text(&error["message"]).contains(words))
    };
    !errors.is_empty() && errors.iter().all(is_in_source)
}

/// Whether the compiler misses a name that may be that of a variable, or be meant to be.
pub fn misses_a_name(diagnostics: &[Value]) -> bool {
    diagnostics.iter().any(|error| error["code"]["code"] == "E0425")
}

/// The line that cargo would print for a diagnostic. `origins` says where the lines of the compiled source were.
pub fn of_cargo(mut diagnostic: Value, origins: &[usize]) -> String {
    to_origins(&mut diagnostic, origins);
    json!({"reason": "compiler-message", "target": {"kind": ["cdylib"], "name": "ctx"}, "message": diagnostic}).to_string()
}

fn to_origins(value: &mut Value, origins: &[usize]) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| to_origins(value, origins)),
        Value::Object(fields) => {
            if fields.get("file_name").is_some_and(|name| name == "src/lib.rs") {
                for name in ["line_start", "line_end"] {
                    let line = fields.get(name).and_then(Value::as_u64).unwrap_or(0) as usize;
                    if let Some(origin) = line.checked_sub(1).and_then(|line| origins.get(line)) {
                        fields.insert(name.to_string(), (origin + 1).into());
                    }
                }
            }
            fields.values_mut().for_each(|value| to_origins(value, origins));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_evcxrs_source() {
        let span =
            |file: &str, line: usize| json!({"file_name": file, "line_start": line, "line_end": line + 1});
        let inner = json!({"span": span("src/lib.rs", 2), "macro_decl_name": "m!"});
        let diagnostic = json!({"message": "m", "spans": [span("src/shown.rs", 1), span("src/lib.rs", 1), {"expansion": inner}]});
        let told: Value = serde_json::from_str(&of_cargo(diagnostic, &[5, 2, 7])).unwrap();
        let spans = &told["message"]["spans"];
        assert_eq!(spans[0], span("src/shown.rs", 1));
        assert_eq!((&spans[1]["line_start"], &spans[1]["line_end"]), (&json!(6), &json!(3)));
        let inner = &spans[2]["expansion"]["span"];
        assert_eq!((&inner["line_start"], &inner["line_end"]), (&json!(3), &json!(8)));
    }

    #[test]
    fn only_errors_with_a_place_are_the_sources_fault() {
        let placed = json!({"level": "error", "message": "mismatched types", "spans": [{}]});
        let linker = json!({"level": "error", "message": "linking with `cc` failed", "spans": []});
        let crash = json!({"level": "error: internal compiler error", "message": "x", "spans": [{}]});
        let summary = json!({"level": "error", "message": "aborting due to 1 previous error", "spans": []});
        let library = json!({"level": "error", "message": "m", "code": {"code": "E0463"}, "spans": [{}]});
        let warning = json!({"level": "warning", "message": "unused", "spans": [{}]});
        assert!(blame_the_source(&[placed.clone(), summary.clone(), warning.clone()]));
        for other in
            [vec![placed.clone(), linker], vec![crash], vec![library], vec![summary], vec![warning], vec![]]
        {
            assert!(!blame_the_source(&other), "{other:?}");
        }
    }
}
