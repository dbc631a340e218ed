//! What `compile` was given, in Keras's words.

use anyhow::{ensure, Result};
use serde_json::{json, Value};

use crate::engine::error::Context;
use crate::engine::json::from_json;
use crate::model::Loss;
use crate::optimizers::Optimizer;

/// The optimizer, for a `.keras` file.
pub(super) fn optimizer_to_keras(optimizer: &Optimizer) -> Result<Value> {
    // The enum's own form is {"Adam": {"learning_rate": …}}: class and arguments, as Keras calls them.
    let Value::Object(object) = serde_json::to_value(optimizer)? else { unreachable!("an enum of structs") };
    let (class_name, mut config) = object.into_iter().next().expect("an enum of structs");
    if config["weight_decay"] == json!(0.0) {
        config["weight_decay"] = Value::Null;
    }
    config["name"] = json!(class_name.to_lowercase());
    Ok(
        json!({ "module": "keras.optimizers", "class_name": class_name, "config": config, "registered_name": null }),
    )
}

/// The loss, for both kinds of file.
pub(super) fn loss_to_keras(loss: Loss) -> Value {
    match loss {
        Loss::SmoothedCategoricalCrossentropy { label_smoothing } => json!({
            "module": "keras.losses", "class_name": "CategoricalCrossentropy",
            "config": { "name": "categorical_crossentropy", "from_logits": false, "label_smoothing": label_smoothing },
            "registered_name": null,
        }),
        named => serde_json::to_value(named).expect("losses without arguments are texts"),
    }
}

/// Reads the optimizer, from either kind of file.
///
/// # Errors
/// Names an optimizer or an argument that this crate does not have.
pub(super) fn optimizer(saved: &Value) -> Result<Optimizer> {
    let class_name =
        saved["class_name"].as_str().or_else(|| saved.as_str()).context("it names no optimizer")?;
    let class_name = ["SGD", "RMSprop", "AdamW", "Adam"]
        .into_iter()
        .find(|name| {
            class_name.rsplit(['>', '.']).next().is_some_and(|class| class.eq_ignore_ascii_case(name))
        })
        .with_context(|| {
            format!("its optimizer is {class_name}, and this crate has SGD, RMSprop, Adam and AdamW")
        })?;
    let mut config = saved["config"].as_object().cloned().unwrap_or_default();
    for refused in ["amsgrad", "centered", "use_ema"] {
        ensure!(
            config.get(refused) != Some(&json!(true)),
            "its optimizer has {refused}, which this crate's does not"
        );
    }
    for refused in ["clipnorm", "clipvalue", "global_clipnorm"] {
        let there = config.get(refused).is_some_and(|value| !value.is_null());
        ensure!(!there, "its optimizer clips gradients ({refused}), which this crate's does not");
    }
    if let Some(rate) = config.remove("lr") {
        config.entry("learning_rate").or_insert(rate);
    }
    if let Some(Value::Object(schedule)) = config.get("learning_rate") {
        // A schedule is an argument of fit here; what it began with is the rate.
        let begin = schedule.get("config").map(|config| config["initial_learning_rate"].clone());
        config.insert("learning_rate".to_string(), begin.unwrap_or_default());
    }
    config.retain(|_, value| !value.is_null());
    if let Some(rate) = config.get("learning_rate").and_then(Value::as_f64) {
        let is_keras_own = f64::from(rate as f32) == rate;
        let meant = if is_keras_own { as_meant(rate as f32) } else { rate };
        config.insert("learning_rate".to_string(), json!(meant));
    }
    // As a text, as optimizers are read everywhere.
    let optimizer = json!({ class_name: config }).to_string();
    let optimizer: Optimizer = from_json(optimizer.as_bytes()).context("its optimizer")?;
    optimizer.check()?;
    Ok(optimizer)
}

/// A rate as its user wrote it: Keras's are 32-bit floats, and 0.001 was meant, not 0.0010000000474974513.
pub(super) fn as_meant(rate: f32) -> f64 {
    rate.to_string().parse().unwrap_or(f64::from(rate))
}

/// Reads the loss.
pub(super) fn loss(saved: &Value) -> Result<Loss> {
    let name = match saved {
        Value::String(name) => name.clone(),
        Value::Array(losses) if losses.len() == 1 => return loss(&losses[0]),
        object => object["class_name"].as_str().map(String::from).unwrap_or_default(),
    };
    let smoothing = saved["config"]["label_smoothing"].as_f64().unwrap_or(0.0);
    ensure!(
        saved["config"]["from_logits"] != json!(true),
        "its loss computes from logits; add a softmax at the end there, or compile the model here"
    );
    Ok(match name.to_lowercase().replace('_', "").as_str() {
        "categoricalcrossentropy" if smoothing > 0.0 => {
            Loss::SmoothedCategoricalCrossentropy { label_smoothing: smoothing }
        }
        "categoricalcrossentropy" => Loss::CategoricalCrossentropy,
        "sparsecategoricalcrossentropy" => Loss::SparseCategoricalCrossentropy,
        "binarycrossentropy" => Loss::BinaryCrossentropy,
        "meansquarederror" | "mse" => Loss::MeanSquaredError,
        _ => anyhow::bail!("its loss is {saved}, which this crate does not have"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, AdamW, RMSprop, SGD};

    #[test]
    fn optimizers_go_there_and_back() {
        let all: [Optimizer; 4] = [
            Adam { learning_rate: 0.01, ..Adam::default() }.into(),
            AdamW { weight_decay: 0.1, ..AdamW::default() }.into(),
            SGD { momentum: 0.9, nesterov: true, ..SGD::default() }.into(),
            RMSprop { rho: 0.8, weight_decay: 0.5, ..RMSprop::default() }.into(),
        ];
        for own in all {
            assert_eq!(optimizer(&optimizer_to_keras(&own).unwrap()).unwrap(), own);
        }
    }

    #[test]
    fn what_the_crate_does_not_have_is_named() {
        for (saved, expected) in [
            (json!({ "class_name": "Nadam", "config": {} }), "Nadam"),
            (json!({ "class_name": "Adam", "config": { "amsgrad": true } }), "amsgrad"),
            (json!({ "class_name": "Adam", "config": { "clipnorm": 1.0 } }), "clipnorm"),
            (json!({ "class_name": "Adam", "config": { "beta_1": 2.0 } }), "beta_1"),
        ] {
            let message = optimizer(&saved).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let old = json!({ "class_name": "Adam", "config": { "lr": 0.5, "decay": 0.0, "epsilon": null } });
        assert_eq!(optimizer(&old).unwrap().learning_rate(), 0.5);
        assert!(loss(&json!("hinge")).unwrap_err().to_string().contains("hinge"));
        assert_eq!(
            loss(&json!("sparse_categorical_crossentropy")).unwrap(),
            Loss::SparseCategoricalCrossentropy
        );
    }
}
