//! A widget's values, as cells and as Jupyter's clients write them.

use bytes::Bytes;
use serde_json::{json, Map, Value as Json};
use std::collections::BTreeMap;

/// A value: JSON, or bytes.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Json(Json),
    Bytes(Bytes),
}

/// Values by their keys.
pub type Values = BTreeMap<String, Value>;

/// Values as clients have them: those that are JSON, the places of the others, and those.
pub struct Split {
    pub state: Map<String, Json>,
    pub keys: Vec<String>,
    pub buffers: Vec<Bytes>,
}

/// Takes JSON and bytes apart.
pub fn split(values: &Values) -> Split {
    let mut split = Split { state: Map::new(), keys: Vec::new(), buffers: Vec::new() };
    for (key, value) in values {
        match value {
            Value::Json(json) => {
                split.state.insert(key.clone(), json.clone());
            }
            Value::Bytes(bytes) => {
                split.keys.push(key.clone());
                split.buffers.push(bytes.clone());
            }
        }
    }
    split
}

/// The content of a message that has values, for the method that it is: `update` or `echo_update`.
/// Source: ipywidgets' messaging protocol, 2.1.
pub fn message(method: &str, values: &Values) -> (Json, Vec<Bytes>) {
    let Split { state, keys, buffers } = split(values);
    let paths: Vec<Json> = keys.into_iter().map(|key| json!([key])).collect();
    (json!({"method": method, "state": state, "buffer_paths": paths}), buffers)
}

/// The values of a client's message. Bytes are values of their own, not parts of others.
///
/// # Errors
/// If they are not; what is wrong is for the user.
pub fn of_client(data: &Map<String, Json>, buffers: &[Bytes]) -> Result<Values, String> {
    let mut values = of_json(data.get("state"));
    let paths = data.get("buffer_paths").and_then(Json::as_array).cloned().unwrap_or_default();
    for (path, bytes) in paths.iter().zip(buffers) {
        match path.as_array().map(Vec::as_slice) {
            Some([Json::String(key)]) => {
                values.insert(key.clone(), Value::Bytes(bytes.clone()));
            }
            _ => return Err(format!("bytes must be a value of their own, and came within another: {path}")),
        }
    }
    Ok(values)
}

/// The values of a frame.
pub fn of_cells(data: &Map<String, Json>, buffers: &[Bytes]) -> Values {
    let mut values = of_json(data.get("state"));
    let keys = data.get("buffers").and_then(Json::as_array).cloned().unwrap_or_default();
    for (key, bytes) in keys.iter().filter_map(Json::as_str).zip(buffers) {
        values.insert(key.to_string(), Value::Bytes(bytes.clone()));
    }
    values
}

fn of_json(state: Option<&Json>) -> Values {
    let state = state.and_then(Json::as_object).cloned().unwrap_or_default();
    state.into_iter().map(|(key, value)| (key, Value::Json(value))).collect()
}

/// About how much memory they take, in bytes.
pub fn size(values: &Values) -> usize {
    let of = |value: &Value| match value {
        Value::Json(Json::String(text)) => text.len(),
        Value::Json(json) => json.to_string().len(),
        Value::Bytes(bytes) => bytes.len(),
    };
    values.iter().map(|(key, value)| key.len() + of(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_apart_from_json() {
        let data = json!({"state": {"a": [1]}, "buffer_paths": [["b"]]});
        let bytes = Bytes::from_static(b"\x00\xff");
        let values = of_client(data.as_object().unwrap(), std::slice::from_ref(&bytes)).unwrap();
        let expected = json!({"method": "update", "state": {"a": [1]}, "buffer_paths": [["b"]]});
        assert_eq!(message("update", &values), (expected, vec![bytes.clone()]));
        let of_frame = json!({"state": {"a": [1]}, "buffers": ["b"]});
        assert_eq!(of_cells(of_frame.as_object().unwrap(), &[bytes]), values);
        assert_eq!(size(&values), 2 + 3 + 2);
    }

    #[test]
    fn bytes_within_values_are_refused() {
        let data = json!({"state": {"a": {}}, "buffer_paths": [["a", "b"]]});
        let error = of_client(data.as_object().unwrap(), &[Bytes::new()]).unwrap_err();
        assert!(error.contains(r#"["a","b"]"#), "{error}");
    }
}
