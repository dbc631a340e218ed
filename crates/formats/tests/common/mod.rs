//! The fixtures, which real programs wrote, and what is in them: see `scripts/fixtures/model_files.py`.

#![allow(dead_code)] // Each test file uses its part.

use flate2::read::GzDecoder;
use formats::Array;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A fixture's bytes.
pub fn fixture(name: &str) -> Vec<u8> {
    let packed = std::fs::read(path(&format!("{name}.gz"))).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// What Python's libraries read from it, by path.
pub fn told(name: &str) -> BTreeMap<String, Value> {
    serde_json::from_slice(&std::fs::read(path(&format!("{name}.json"))).unwrap()).unwrap()
}

/// Numbers as the script writes them.
pub fn as_json(array: &Array) -> Value {
    let data: Value = match array.kind().is_float() {
        true => array.to_f32().into_iter().map(f64::from).collect(),
        false => array.to_i64().unwrap().into(),
    };
    serde_json::json!({ "kind": format!("{:?}", array.kind()), "shape": array.shape(), "data": data })
}

/// Compares what was read with what Python's libraries read.
pub fn compare(name: &str, read: BTreeMap<String, Value>) {
    let told = told(name);
    for (path, value) in &told {
        assert_eq!(read.get(path), Some(value), "{name}: {path}");
    }
    assert_eq!(read.keys().collect::<Vec<_>>(), told.keys().collect::<Vec<_>>(), "{name}");
}
