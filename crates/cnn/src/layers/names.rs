//! The names of layers: those that users give, and counted ones as `conv2d_1`.

use anyhow::{bail, ensure, Result};
use serde_json::Value;
use std::collections::HashMap;

use super::{Layer, Named};

/// The method `name` of a layer with a field `name: Option<String>`.
macro_rules! name_method {
    () => {
        /// A name of its own, in place of a counted one. It begins the names of the layer's weights, stands in
        /// `summary()`, and is saved with the model; no other layer of the model may have it, and it has no `/`.
        pub fn name(self, name: impl Into<String>) -> Self {
            Self { name: Some(name.into()), ..self }
        }
    };
}
pub(super) use name_method;

/// The names of layers in a list: those that they were given, and for the others Keras's, `conv2d`, `conv2d_1`, and so on.
pub(crate) fn names(layers: &[Box<dyn Layer>]) -> Vec<String> {
    let mut counts = HashMap::new();
    let mut name = |class_name: &'static str| {
        let (base, count) = (snake_case(class_name), counts.entry(class_name).or_insert(0));
        *count += 1;
        match *count {
            1 => base,
            number => format!("{base}_{}", number - 1),
        }
    };
    let names = layers.iter().map(|layer| match layer.given_name() {
        Some(given) => given.to_string(),
        None => name(layer.class_name()),
    });
    names.collect()
}

/// `MaxPooling2D` as `max_pooling2d`.
fn snake_case(class_name: &str) -> String {
    let mut text = String::new();
    let mut after_lowercase = false;
    for letter in class_name.chars() {
        if letter.is_uppercase() && after_lowercase {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        after_lowercase = letter.is_lowercase();
    }
    text
}

/// A layer without a field for its name, under the name that a saved config has, if it has one.
pub(super) fn with_saved_name(layer: impl Layer, config: &Value) -> Result<Box<dyn Layer>> {
    match &config["name"] {
        Value::Null => Ok(Box::new(layer)),
        Value::String(name) => Ok(Box::new(Named::new(layer, name.clone()))),
        other => bail!("its name is {other}, and names are text"),
    }
}

/// A config without the names in it, those of layers within a layer too.
pub(crate) fn without_names(mut config: Value) -> Value {
    match &mut config {
        Value::Object(entries) => {
            entries.remove("name");
            entries.values_mut().for_each(|entry| *entry = without_names(entry.take()));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| *entry = without_names(entry.take())),
        _ => {}
    }
    match &config {
        // So is that of a layer which has nothing but its name.
        Value::Object(entries) if entries.is_empty() => Value::Null,
        _ => config,
    }
}

/// Refuses names that weights could not be called after, or that two layers have.
pub(crate) fn check_names(layers: &[Box<dyn Layer>], names: &[String]) -> Result<()> {
    for (position, (layer, name)) in layers.iter().zip(names).enumerate() {
        let number = position + 1;
        if layer.given_name().is_some() {
            ensure!(
                !name.trim().is_empty(),
                "the name of layer {number} is empty; give it one, or none at all"
            );
            ensure!(
                !name.contains('/'),
                "layer {number} is called {name:?}, and a name must not have a '/', which stands between the names of \
                 layers and weights; use '_' for example"
            );
        }
        if let Some(other) = names[..position].iter().position(|other| other == name) {
            bail!(
                "layers {} and {number} are both called {name:?}; call one of them otherwise, with .name(\"…\")",
                other + 1
            );
        }
    }
    Ok(())
}
