//! Names that users give to layers, in place of counted ones as `conv2d_1`.

use anyhow::{bail, ensure, Result};
use serde_json::{Map, Value};
use tch::Tensor;

use super::{Activation, Initializer, Layer};

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

/// A layer under a name: what [`Layer::name`] gives.
#[derive(Debug)]
pub struct Named<L> {
    layer: L,
    name: String,
}

impl<L: Layer> Named<L> {
    pub(super) fn new(layer: L, name: String) -> Self {
        Named { layer, name }
    }
}

impl<L: Layer> Layer for Named<L> {
    fn class_name(&self) -> &'static str {
        self.layer.class_name()
    }

    fn given_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        self.layer.output_shape(input)
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        self.layer.forward(x, training)
    }

    fn activation(&self) -> Activation {
        self.layer.activation()
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        self.layer.build(input, initializer);
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.layer.weights()
    }

    fn non_trainable_weights(&self) -> Vec<(String, Tensor)> {
        self.layer.non_trainable_weights()
    }

    fn keeps_largest(&self) -> bool {
        self.layer.keeps_largest()
    }

    fn works_on_images(&self) -> bool {
        self.layer.works_on_images()
    }

    fn config(&self) -> Value {
        let mut config = match self.layer.config() {
            Value::Object(config) => config,
            Value::Null => Map::new(),
            // A layer of the user's own; it is not loaded from this.
            other => Map::from_iter([("config".to_string(), other)]),
        };
        config.insert("name".into(), self.name.clone().into());
        config.into()
    }
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
