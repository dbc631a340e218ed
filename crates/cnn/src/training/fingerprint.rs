//! What tells a training from all others.

use anyhow::{ensure, Result};
use serde_json::{json, Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use tch::Tensor;

use super::callback::Callback;
use super::fit::Fit;
use super::Samples;
use crate::engine::error::Context;
use crate::engine::slices::to_bytes;
use crate::layers::from_config;
use crate::model::{Sequential, NOT_COMPILED};

/// Of the arguments of callbacks, those that concern later epochs alone.
const OF_LATER_EPOCHS: [&str; 4] = ["patience", "cooldown", "factor", "min_lr"];
const OF_CALLBACK: &str = "arguments of callback";
/// What the training itself changes: in a model that was trained until the backup, all of it may be other.
const OF_PROGRESS: [&str; 3] = [INITIAL_WEIGHTS, "optimizer", "optimizer steps"];
const INITIAL_WEIGHTS: &str = "initial weights";
const FROZEN: &str = "frozen layers";
const NONE: &str = "none";
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
    let frozen = model.frozen();
    insert(FROZEN, if frozen.is_empty() { NONE.into() } else { frozen.join(", ").into() });
    insert("optimizer", serde_json::to_value(&compiled.optimizer)?);
    insert("optimizer steps", compiled.state.steps.into());
    insert("loss", serde_json::to_value(compiled.loss)?);
    let settings = serde_json::to_value(settings)?;
    for (name, value) in settings.as_object().into_iter().flatten().filter(|(name, _)| *name != "verbose") {
        insert(name, value.clone());
    }
    let names: Vec<&str> = callbacks.iter().map(|callback| callback.class_name()).collect();
    for (number, callback) in callbacks.iter().enumerate() {
        insert(&format!("{OF_CALLBACK} {}, {}", number + 1, names[number]), callback.config());
    }
    insert("callbacks", if names.is_empty() { NONE.into() } else { names.join(", ").into() });
    insert("images", hash_of_data(x)?.into());
    insert("labels", hash_of_data(y)?.into());
    insert("validation images", validation.map(|(x, _)| hash_of_data(x)).transpose()?.into());
    insert("validation labels", validation.map(|(_, y)| hash_of_data(y)).transpose()?.into());
    insert(INITIAL_WEIGHTS, hash_of_weights(&model.weights())?.into());
    Ok(fingerprint)
}

/// Says what differs that must not. `is_its_model`: whether the model has the very weights that `theirs` left it with.
/// Returns in words what differs and may.
pub(crate) fn check_same(own: &Value, theirs: &Value, is_its_model: bool) -> Result<Vec<String>> {
    let (Value::Object(own), Value::Object(theirs)) = (own, theirs) else {
        anyhow::bail!("it is damaged");
    };
    // Readers know callbacks and arguments best, so these are looked at before the hashes.
    let is_hash = |name: &&String| HASHES.contains(&name.as_str());
    let names = || own.keys().chain(theirs.keys());
    let in_order = ["callbacks".to_string()];
    let in_order =
        in_order.iter().chain(names().filter(|name| !is_hash(name))).chain(names().filter(is_hash));
    let mut changes = BTreeSet::new();
    for name in in_order {
        let [mut own, mut theirs] = [own, theirs].map(|side| side.get(name).cloned().unwrap_or(Value::Null));
        if name == FROZEN && theirs.is_null() {
            theirs = NONE.into(); // an earlier version could not freeze layers
        }
        if name == "layers" {
            [&mut own, &mut theirs].into_iter().for_each(add_defaults);
        }
        changes.extend(take_changes(name, &mut own, &mut theirs));
        let same = own == theirs || (is_its_model && OF_PROGRESS.contains(&name.as_str()));
        ensure!(same, "it is of another training, {}", difference(name, &theirs, &own));
    }
    Ok(changes.into_iter().collect())
}

/// Gives layers the arguments that an earlier version did not have.
fn add_defaults(layers: &mut Value) {
    for layer in layers.as_array_mut().into_iter().flatten() {
        let Some([Value::String(class_name), config]) = layer.as_array_mut().map(Vec::as_mut_slice) else {
            continue;
        };
        if let Ok(whole) = from_config(class_name, config) {
            *config = whole.config();
        }
    }
}

/// Makes equal what may differ between a training and its backup, and says in words what did.
fn take_changes(name: &str, own: &mut Value, theirs: &mut Value) -> Vec<String> {
    let mut changes = Vec::new();
    let mut take = |name: &str, own: &Value, theirs: &mut Value| {
        if own != theirs {
            changes.push(format!("{name} {own} instead of {theirs}"));
            *theirs = own.clone();
        }
    };
    match (own, theirs) {
        (own, theirs) if name == "epochs" => take(name, own, theirs),
        (Value::Object(own), Value::Object(theirs)) if name.starts_with(OF_CALLBACK) => {
            for argument in OF_LATER_EPOCHS {
                if let (Some(own), Some(theirs)) = (own.get(argument), theirs.get_mut(argument)) {
                    take(argument, own, theirs);
                }
            }
        }
        _ => {}
    }
    changes
}

/// The hash of the weights with which this training began.
pub(crate) fn begun_with(fingerprint: &Value) -> &Value {
    &fingerprint[INITIAL_WEIGHTS]
}

/// The fingerprint `own` of a training that goes on: it began as the one did whose fingerprint is `theirs`.
pub(crate) fn going_on(mut own: Value, mut theirs: Value) -> Value {
    for name in OF_PROGRESS {
        own[name] = theirs[name].take();
    }
    own
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
        let monitor = |name: &str| json!({ "arguments of callback 1, EarlyStopping": { "monitor": name } });
        refusal(monitor("a"), monitor("b"), "with monitor \"b\", and this one has \"a\"");
        let schedule = |epochs: i64| json!({ "schedule": { "Step": { "epochs": epochs, "factor": 0.5 } } });
        refusal(schedule(3), schedule(2), "with epochs 2, and this one has 3");
        refusal(json!({ "validation images": "ab" }), json!({}), "with other validation images");
        refusal(json!({}), json!({ "validation labels": "ab" }), "with other validation labels");
        // The arguments first: they often explain why the data differ.
        let data = |hash: &str, split: f64| json!({ "images": hash, "validation_split": split });
        refusal(data("ab", 0.1), data("cd", 0.2), "with validation_split 0.2, and this one has 0.1");
    }

    #[test]
    fn what_may_differ_is_told_too() {
        let own = json!({ "epochs": 15, "arguments of callback 1, EarlyStopping": { "patience": 3, "mode": "auto" } });
        let theirs = json!({ "epochs": 10, "arguments of callback 1, EarlyStopping": { "patience": 2, "mode": "auto" } });
        let changes = check_same(&own, &theirs, false).unwrap();
        assert_eq!(changes, ["epochs 15 instead of 10", "patience 3 instead of 2"]);
        assert!(check_same(&own, &own, false).unwrap().is_empty());
    }

    #[test]
    fn a_backup_of_an_earlier_version_goes_on() {
        let layers = |dense: Value, activation: Value| json!({ "layers": [["Dense", dense], ["Activation", activation]] });
        let own = |use_bias: bool| {
            let dense = json!({ "units": 3, "activation": "relu", "use_bias": use_bias });
            layers(dense, json!({ "activation": "relu" }))
        };
        let earlier = layers(json!({ "units": 3, "activation": "relu" }), "relu".into());
        assert!(check_same(&own(true), &earlier, false).is_ok());
        assert!(check_same(&json!({ FROZEN: "none" }), &json!({}), false).is_ok());
        refusal(json!({ FROZEN: "a" }), json!({}), "with frozen layers \"none\", and this one has \"a\"");
        assert!(check_same(&own(false), &earlier, false).is_err());
    }

    #[test]
    fn a_model_goes_on_from_its_own_backup() {
        let [own, theirs] =
            ["ab", "cd"].map(|hash| json!({ INITIAL_WEIGHTS: hash, "optimizer steps": hash.len() }));
        assert!(check_same(&own, &theirs, true).is_ok());
        refusal(own, theirs, "with other initial weights");
    }
}
