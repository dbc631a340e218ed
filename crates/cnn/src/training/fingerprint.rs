//! What tells a training from all others.

use anyhow::{ensure, Result};
use serde_json::{json, Map, Value};
use sha2::{Digest, Sha256};
use tch::Tensor;

use super::callback::Callback;
use super::fit::Fit;
use super::Samples;
use crate::engine::error::Context;
use crate::engine::slices::to_bytes;
use crate::model::{Sequential, NOT_COMPILED};

/// What the training itself changes: in a model that was trained until the backup, all of it may be other.
const OF_PROGRESS: [&str; 3] = [INITIAL_WEIGHTS, "optimizer", "optimizer steps"];
const INITIAL_WEIGHTS: &str = "initial weights";
/// Data and weights stand here as hashes, which mean nothing to a reader.
const HASHES: [&str; 5] = ["images", "labels", "validation images", "validation labels", INITIAL_WEIGHTS];

/// Everything that a training's result follows from, by name: model, data, settings, and callbacks in their order.
pub(super) fn fingerprint(
    model: &Sequential,
    settings: &Fit,
    (x, y): &Samples,
    validation: Option<&Samples>,
    callbacks: &[Box<dyn Callback + '_>],
) -> Result<Map<String, Value>> {
    let compiled = model.compiled.as_ref().context(NOT_COMPILED)?;
    let layers: Vec<Value> = model
        .network
        .layers
        .iter()
        .map(|named| json!([named.layer.class_name(), named.layer.config()]))
        .collect();
    let mut fingerprint = Map::new();
    let mut insert = |name: &str, value: Value| fingerprint.insert(name.to_string(), value);
    insert("layers", layers.into());
    insert("optimizer", serde_json::to_value(&compiled.optimizer)?);
    insert("optimizer steps", compiled.state.steps.into());
    insert("loss", serde_json::to_value(compiled.loss)?);
    let settings = serde_json::to_value(settings)?;
    for (name, value) in settings.as_object().into_iter().flatten().filter(|(name, _)| *name != "verbose") {
        insert(name, value.clone());
    }
    let names: Vec<&str> = callbacks.iter().map(|callback| callback.class_name()).collect();
    for (number, callback) in callbacks.iter().enumerate() {
        insert(&format!("arguments of callback {}, {}", number + 1, names[number]), callback.config());
    }
    insert("callbacks", if names.is_empty() { "none".into() } else { names.join(", ").into() });
    insert("images", hash_of_data(x)?.into());
    insert("labels", hash_of_data(y)?.into());
    insert("validation images", validation.map(|(x, _)| hash_of_data(x)).transpose()?.into());
    insert("validation labels", validation.map(|(_, y)| hash_of_data(y)).transpose()?.into());
    insert(INITIAL_WEIGHTS, hash_of_weights(&model.weights())?.into());
    Ok(fingerprint)
}

/// Says what differs, if something does. `is_its_model`: whether the model has the very weights that `theirs` left it with.
pub(crate) fn check_same(own: &Value, theirs: &Value, is_its_model: bool) -> Result<()> {
    let (Value::Object(own), Value::Object(theirs)) = (own, theirs) else {
        anyhow::bail!("it is damaged");
    };
    // Readers know callbacks and arguments best, so these are looked at before the hashes.
    let is_hash = |name: &&String| HASHES.contains(&name.as_str());
    let names = || own.keys().chain(theirs.keys());
    let in_order = ["callbacks".to_string()];
    let in_order =
        in_order.iter().chain(names().filter(|name| !is_hash(name))).chain(names().filter(is_hash));
    for name in in_order {
        let [own, theirs] = [own, theirs].map(|side| side.get(name).unwrap_or(&Value::Null));
        let same = own == theirs || (is_its_model && OF_PROGRESS.contains(&name.as_str()));
        ensure!(same, "it is of another training, {}", difference(name, theirs, own));
    }
    Ok(())
}

/// "with learning_rate 0.01, and this one has 0.001".
fn difference(what: &str, theirs: &Value, own: &Value) -> String {
    if let (Value::Object(own), Value::Object(theirs)) = (own, theirs) {
        for (name, value) in own {
            let other = theirs.get(name).unwrap_or(&Value::Null);
            if value != other {
                return difference(name, other, value);
            }
        }
    }
    let (theirs, own) = (theirs.to_string(), own.to_string());
    match theirs.len().max(own.len()) {
        0..=60 if !HASHES.contains(&what) => format!("with {what} {theirs}, and this one has {own}"),
        _ => format!("with other {what}"),
    }
}

/// Tells data sets apart by their shape and 100,000 to 200,000 numbers from all over them, or all if they have no more.
fn hash_of_data(tensor: &Tensor) -> Result<String> {
    let flat = tensor.flatten(0, -1);
    let step = (flat.size()[0] / 100_000).max(1);
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {:?}", tensor.size(), tensor.kind()));
    hash.update(to_bytes(&flat.slice(0, None, None, step))?);
    Ok(hex(hash))
}

pub(crate) fn hash_of_weights(weights: &[(String, Tensor)]) -> Result<String> {
    let mut hash = Sha256::new();
    for (_, weight) in weights {
        hash.update(to_bytes(weight)?);
    }
    Ok(hex(hash))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(own: Value, theirs: Value, expected: &str) {
        let message = check_same(&own, &theirs, false).unwrap_err().to_string();
        assert_eq!(message, format!("it is of another training, {expected}"));
    }

    #[test]
    fn what_differs_is_named() {
        let callbacks = |names: &str| json!({ "callbacks": names });
        refusal(
            callbacks("CSVLogger, EarlyStopping"),
            callbacks("none"),
            "with callbacks \"none\", and this one has \"CSVLogger, EarlyStopping\"",
        );
        let patience =
            |epochs: i64| json!({ "arguments of callback 1, EarlyStopping": { "patience": epochs } });
        refusal(patience(3), patience(2), "with patience 2, and this one has 3");
        refusal(json!({ "validation images": "ab" }), json!({}), "with other validation images");
        refusal(json!({}), json!({ "validation labels": "ab" }), "with other validation labels");
        // The arguments first: they often explain why the data differ.
        let data = |hash: &str, split: f64| json!({ "images": hash, "validation_split": split });
        refusal(data("ab", 0.1), data("cd", 0.2), "with validation_split 0.2, and this one has 0.1");
    }

    #[test]
    fn a_model_goes_on_from_its_own_backup() {
        let [own, theirs] =
            ["ab", "cd"].map(|hash| json!({ INITIAL_WEIGHTS: hash, "optimizer steps": hash.len() }));
        assert!(check_same(&own, &theirs, true).is_ok());
        refusal(own, theirs, "with other initial weights");
    }
}
