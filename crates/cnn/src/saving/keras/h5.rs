//! `.h5`: one HDF5 file with the configuration as text in its attributes, and a group of weights for each layer.
//!
//! It is written without the optimizer's state: Keras 3.15 cannot train on from its own files that have it.

use anyhow::{ensure, Result};
use formats::hdf5::{self, Attribute, Group, Node};
use formats::Array;
use serde_json::{json, Value};

use super::chain::chain;
use super::compile::{loss_to_keras, optimizer_to_keras};
use super::paths::paths;
use super::read::{self, Source};
use super::state;
use super::write::{keras_layers, model_config, model_name, KerasLayer, KERAS_VERSION};
use crate::engine::error::Context;
use crate::engine::json::from_json;
use crate::model::Compiled;
use crate::saving::numbers::array;
use crate::saving::own_notes::Notes;
use crate::Sequential;

/// The bytes of an `.h5` file.
pub(in crate::saving) fn write_h5(model: &Sequential) -> Result<Vec<u8>> {
    let layers = keras_layers(model)?;
    let mut root = Group::default();
    let mut text = |name: &str, text: String| root.attributes.push((name.to_string(), Attribute::Text(text)));
    text("backend", "tensorflow".to_string());
    text("keras_version", KERAS_VERSION.to_string());
    text("model_config", model_config(&layers).to_string());
    if let Some(compiled) = &model.compiled {
        text("training_config", training_config(compiled)?.to_string());
    }
    text(Notes::KEY, serde_json::to_string(&Notes::of(model))?);
    root.members.push(("model_weights".to_string(), Node::Group(weights(&layers)?)));
    hdf5::write(&root)
}

fn training_config(compiled: &Compiled) -> Result<Value> {
    let mut optimizer = optimizer_to_keras(&compiled.optimizer)?;
    let class = json!({ "class_name": optimizer["class_name"].take(), "config": optimizer["config"].take() });
    Ok(
        json!({ "loss": loss_to_keras(compiled.loss), "loss_weights": null, "metrics": ["accuracy"], "weighted_metrics": null,
               "optimizer_config": class }),
    )
}

/// The group with a group for each layer: `conv2d/sequential/conv2d/kernel`.
fn weights(layers: &[KerasLayer]) -> Result<Group> {
    let model = model_name(layers);
    let mut root = Group::default();
    // Keras leaves a Sequential's input out of the list.
    let layers = layers.iter().filter(|layer| layer.class_name != "InputLayer" || model != "sequential");
    let mut names = Vec::new();
    for layer in layers {
        let mut own = Group::default();
        let paths = layer.weights.iter().map(|(weight, _)| format!("{model}/{}/{weight}", layer.name));
        own.attributes.push(("weight_names".to_string(), texts(paths.collect())?));
        if !layer.weights.is_empty() {
            let mut inner = Group::default();
            for (name, tensor) in &layer.weights {
                inner.add(name, array(tensor)?);
            }
            let within =
                Group { members: vec![(layer.name.clone(), Node::Group(inner))], ..Group::default() };
            own.members.push((model.to_string(), Node::Group(within)));
        }
        root.members.push((layer.name.clone(), Node::Group(own)));
        names.push(layer.name.clone());
    }
    let none = vec![("weight_names".to_string(), texts(Vec::new())?)];
    let top = Group { attributes: none, members: Vec::new() };
    root.members.push(("top_level_model_weights".to_string(), Node::Group(top)));
    root.attributes.push(("backend".to_string(), Attribute::Text("tensorflow".to_string())));
    root.attributes.push(("keras_version".to_string(), Attribute::Text(KERAS_VERSION.to_string())));
    push_texts(&mut root, "layer_names", names)?;
    Ok(root)
}

/// A list of texts, in parts where it is too long for an attribute.
fn push_texts(group: &mut Group, name: &str, all: Vec<String>) -> Result<()> {
    let longest = all.iter().map(String::len).max().unwrap_or(1).max(1);
    let most = hdf5::HEADER_LIMIT / longest / 2;
    if all.len() <= most {
        group.attributes.push((name.to_string(), texts(all)?));
        return Ok(());
    }
    for (part, some) in all.chunks(most.max(1)).enumerate() {
        group.attributes.push((format!("{name}{part}"), Attribute::Texts(some.to_vec())));
    }
    Ok(())
}

/// As Keras writes a list without texts: as no numbers.
fn texts(texts: Vec<String>) -> Result<Attribute> {
    Ok(match texts.is_empty() {
        true => Attribute::Numbers(Array::new(formats::Number::F64, [0], Vec::new())?),
        false => Attribute::Texts(texts),
    })
}

/// The list that [`push_texts`] wrote.
fn read_texts(group: &Group, name: &str) -> Result<Vec<String>> {
    if let Ok(all) = group.attribute(name) {
        return Ok(all.texts()?.to_vec());
    }
    let parts = (0..).map_while(|part| group.attribute(&format!("{name}{part}")).ok());
    let parts: Vec<&[String]> = parts.map(Attribute::texts).collect::<Result<_>>()?;
    ensure!(!parts.is_empty(), "it has no attribute {name}, which tells the order of its parts");
    Ok(parts.concat())
}

/// Reads a whole model; None if the file holds weights alone.
pub(in crate::saving) fn read_h5(bytes: &[u8]) -> Result<Option<Sequential>> {
    let root = hdf5::read(bytes)?;
    let Ok(config) = root.attribute("model_config") else { return Ok(None) };
    let config: Value = from_json(config.text()?.as_bytes()).context("the attribute model_config")?;
    let chain = chain(&config)?;
    let source = source(&root)?;
    let training: Option<Value> = match root.attribute("training_config") {
        Ok(text) => Some(from_json(text.text()?.as_bytes()).context("the attribute training_config")?),
        Err(_) => None,
    };
    let mut model = read::model(&chain, &source, training.as_ref())?;
    if let Ok(group) = root.group("optimizer_weights") {
        state::read_by_names(group, &mut model);
    }
    if let Some(notes) = root.attribute(Notes::KEY).ok().and_then(|notes| notes.text().ok()) {
        Notes::read(notes).give(&mut model);
    }
    Ok(Some(model))
}

/// Reads the weights of a whole model, or weights alone, into a model whose layers are the same.
pub(in crate::saving) fn read_h5_weights(bytes: &[u8], model: &mut Sequential) -> Result<()> {
    let root = hdf5::read(bytes)?;
    if let Ok(config) = root.attribute("model_config") {
        let config: Value = from_json(config.text()?.as_bytes()).context("the attribute model_config")?;
        return read::weights_of_whole(model, &config, &source(&root)?);
    }
    let paths = paths(&root);
    if paths.keys().any(|path| path.starts_with("layers/")) {
        return read::weights(model, &Source::ByClass(paths));
    }
    read::weights(model, &source(&root)?)
}

/// Each layer's weights, in the file's order.
fn source(root: &Group) -> Result<Source> {
    let weights = root.group("model_weights").unwrap_or(root);
    let mut layers = Vec::new();
    for name in read_texts(weights, "layer_names")? {
        let group = weights.group(&name)?;
        let mut arrays = Vec::new();
        for path in read_texts(group, "weight_names")? {
            // What a layer's generator of random numbers is at is no weight.
            if path.contains("seed_generator") {
                continue;
            }
            let dataset = group.dataset(&path).with_context(|| format!("the layer {name}"))?;
            arrays.push((path, dataset.numbers()?.clone()));
        }
        layers.push((name, arrays));
    }
    Ok(Source::ByLayer(layers))
}
