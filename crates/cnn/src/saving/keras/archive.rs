//! `.keras`: a zip of the configuration and an HDF5 file of weights; and `.weights.h5`, which is that file alone.
//!
//! The groups of weights bear the names of the layers' classes, counted: `layers/conv2d_1/vars/0`. A layer's own name stands in the
//! attribute `name` of `vars`.

use anyhow::Result;
use formats::hdf5::{self, Attribute, Group, Node};
use formats::zipped;
use serde_json::{json, Value};

use super::chain::chain;
use super::compile::{loss_to_keras, optimizer_to_keras};
use super::paths::paths;
use super::read::{self, Source};
use super::state;
use super::write::{keras_layers, model_config, model_name, snake_case, Counter, KerasLayer, KERAS_VERSION};
use crate::engine::error::Context;
use crate::engine::json::from_json;
use crate::saving::numbers::array;
use crate::saving::own_notes::Notes;
use crate::Sequential;

/// The bytes of a `.keras` file. As Keras's own, it has the optimizer's state.
pub(in crate::saving) fn write_archive(model: &Sequential) -> Result<Vec<u8>> {
    let layers = keras_layers(model)?;
    let mut config = model_config(&layers);
    if let Some(compiled) = &model.compiled {
        config["compile_config"] = json!({
            "optimizer": optimizer_to_keras(&compiled.optimizer)?,
            "loss": loss_to_keras(compiled.loss),
            "metrics": ["accuracy"],
        });
    }
    let metadata = json!({ "keras_version": KERAS_VERSION, Notes::KEY: Notes::of(model) });
    let mut root = weights(&layers)?;
    if let Some(compiled) = &model.compiled {
        let vars = state::write(compiled, model, &layers)?;
        let optimizer = Group { members: vec![("vars".to_string(), Node::Group(vars))], ..Group::default() };
        root.members.push(("optimizer".to_string(), Node::Group(optimizer)));
    }
    let (config, metadata) = (config.to_string(), metadata.to_string());
    zipped::write(&[
        ("metadata.json", metadata.as_bytes()),
        ("config.json", config.as_bytes()),
        ("model.weights.h5", &hdf5::write(&root)?),
    ])
}

/// The bytes of a `.weights.h5` file.
pub(in crate::saving) fn write_weights(model: &Sequential) -> Result<Vec<u8>> {
    hdf5::write(&weights(&keras_layers(model)?)?)
}

fn weights(layers: &[KerasLayer]) -> Result<Group> {
    let mut counter = Counter::default();
    let mut all = Group::default();
    let is_sequential = model_name(layers) == "sequential";
    for layer in layers.iter().filter(|layer| layer.class_name != "InputLayer" || !is_sequential) {
        let mut vars = Group::default();
        vars.attributes.push(("name".to_string(), Attribute::Text(layer.name.clone())));
        for (number, (_, tensor)) in layer.weights.iter().enumerate() {
            vars.add(number.to_string(), array(tensor)?);
        }
        let own = Group { members: vec![("vars".to_string(), Node::Group(vars))], ..Group::default() };
        all.members.push((counter.next(&snake_case(&layer.class_name)), Node::Group(own)));
    }
    let name = vec![("name".to_string(), Attribute::Text(model_name(layers).to_string()))];
    let vars = Group { attributes: name, members: Vec::new() };
    let members = vec![("layers".to_string(), Node::Group(all)), ("vars".to_string(), Node::Group(vars))];
    Ok(Group { attributes: Vec::new(), members })
}

/// Reads a whole model.
pub(in crate::saving) fn read_archive(bytes: &[u8]) -> Result<Sequential> {
    let archive = zipped::Archive::open(bytes)?;
    let config: Value = from_json(&archive.read("config.json")?).context("config.json in it")?;
    let root = hdf5::read(&archive.read("model.weights.h5")?).context("model.weights.h5 in it")?;
    let chain = chain(&config)?;
    let compile = Some(&config["compile_config"]).filter(|compile| compile.is_object());
    let mut model = read::model(&chain, &Source::ByClass(paths(&root)), compile)?;
    state::read_by_order(&paths(&root), &mut model)?;
    let metadata: Option<Value> = archive.read("metadata.json").ok().and_then(|bytes| from_json(&bytes).ok());
    if let Some(notes) = metadata.and_then(|metadata| metadata.get(Notes::KEY).cloned()) {
        Notes::read(&notes.to_string()).give(&mut model);
    }
    Ok(model)
}

/// Reads the weights of a `.keras` file into a model whose layers are the same.
pub(in crate::saving) fn read_archive_weights(bytes: &[u8], model: &mut Sequential) -> Result<()> {
    let archive = zipped::Archive::open(bytes)?;
    let config: Value = from_json(&archive.read("config.json")?).context("config.json in it")?;
    let root = hdf5::read(&archive.read("model.weights.h5")?).context("model.weights.h5 in it")?;
    read::weights_of_whole(model, &config, &Source::ByClass(paths(&root)))
}
