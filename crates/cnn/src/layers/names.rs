//! The names of layers: those that users give, and counted ones as `conv2d_1`.

use anyhow::{bail, ensure, Result};
use serde_json::Value;

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
    let mut names = Vec::new();
    for layer in layers {
        names.push(next_name(&names, layer.as_ref()));
    }
    names
}

/// The name of a layer after those of these names; a counted one is the first that none of them has.
pub(crate) fn next_name(before: &[String], layer: &dyn Layer) -> String {
    if let Some(given) = layer.given_name() {
        return given.to_string();
    }
    let base = snake_case(layer.class_name());
    let numbered = (1..).map(|number| format!("{base}_{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    names.find(|name| !before.contains(name)).expect("there is no end of numbers")
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
    let mut all = layers.iter().enumerate();
    all.try_for_each(|(position, layer)| check_name(layer.as_ref(), &names[position], &names[..position]))
}

/// The same for one layer after those of the names `before`.
pub(crate) fn check_name(layer: &dyn Layer, name: &str, before: &[String]) -> Result<()> {
    let number = before.len() + 1;
    if layer.given_name().is_some() {
        ensure!(!name.trim().is_empty(), "the name of layer {number} is empty; give it one, or none at all");
        ensure!(
            !name.contains('/'),
            "layer {number} is called {name:?}, and a name must not have a '/', which stands between the names of \
             layers and weights; use '_' for example"
        );
    }
    if let Some(other) = before.iter().position(|other| other == name) {
        bail!(
            "layers {} and {number} are both called {name:?}; call one of them otherwise, with .name(\"…\")",
            other + 1
        );
    }
    Ok(())
}
