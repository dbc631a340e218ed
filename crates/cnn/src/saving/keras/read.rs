//! From Keras's layers and weights to a model.

use anyhow::{bail, ensure, Result};
use formats::Array;
use serde_json::Value;
use std::collections::BTreeMap;
use tch::Tensor;

use super::chain::{chain, Chain, Step};
use super::config::{self, from_keras, Channels};
use super::layouts::{self, rows_from_channels_first};
use super::write::{snake_case, Counter, KerasLayer};
use super::{compile, write};
use crate::engine::error::Context;
use crate::layers::{Layer, Residual};
use crate::saving::graph::{block_name, flattened_before, graph, Node, Op};
use crate::saving::numbers::{self, checked, tensor};
use crate::Sequential;

/// A file's weights, by how it names them.
pub(super) enum Source {
    /// `.h5`: by the layers' names, in their order, each with its weights in their order.
    ByLayer(Vec<(String, Vec<(String, Array)>)>),
    /// `.keras`: by paths, `layers/conv2d_1/vars/0`.
    ByClass(BTreeMap<String, Array>),
}

impl Source {
    /// Mean and variance of a normalisation that has found them in data; none where others share its group.
    fn of_adapted(&self, step: &Step) -> Vec<&Array> {
        match self {
            Source::ByLayer(layers) => {
                let own = layers.iter().find(|(name, _)| *name == step.group && *name == step.name);
                own.into_iter().flat_map(|(_, arrays)| arrays).map(|(_, array)| array).collect()
            }
            Source::ByClass(paths) => {
                (0..2).filter_map(|number| paths.get(&format!("{}/vars/{number}", step.path))).collect()
            }
        }
    }
}

/// Whether it is a `Normalization` whose numbers stand among the weights. Here they are arguments.
fn is_adapted(step: &Step) -> bool {
    step.class_name == "Normalization" && step.config["mean"].is_null()
}

/// Builds the model that a file describes, with its weights, and says what its user has to know.
pub(super) fn model(chain: &Chain, source: &Source, training: Option<&Value>) -> Result<Sequential> {
    let mut model = build(chain, source)?;
    if matches!(chain.steps[0].class_name.as_str(), "Rescaling" | "Normalization") {
        println!(
            "The model scales its images itself: give it floats on the scale that it had in Keras, x.to_kind(Kind::Float), \
             not bytes, which are divided by 255 here."
        );
    }
    if let Some(training) = training {
        // A model that cannot be trained on as it was can still predict: a line says so.
        if let Err(error) = compile_as(&mut model, training) {
            println!("The model is not compiled: {error}. Call compile() to train it.");
        }
    }
    Ok(model)
}

/// Builds the model that a file describes, with its weights.
fn build(chain: &Chain, source: &Source) -> Result<Sequential> {
    let channels = first_channels(&chain.steps).unwrap_or(Channels::Last);
    let mut builder = Sequential::input(channels.own_shape(&chain.input_shape)).for_loading(count(source));
    for step in &chain.steps {
        builder = builder.add_boxed(layer(step, channels, source)?);
    }
    let mut model = builder.build()?;
    freeze(&mut model, &chain.steps)?;
    let arrays = arrays_of_steps(&chain.steps, &model, source)?;
    give(&model, arrays, channels)?;
    Ok(model)
}

/// Freezes the layers that are frozen in the file.
fn freeze(model: &mut Sequential, steps: &[Step]) -> Result<()> {
    let mut leaf_steps = Vec::new();
    flatten(steps, &mut leaf_steps);
    let both = model.network.leaves().into_iter().zip(leaf_steps);
    let frozen: Vec<String> = both.filter(|(_, step)| !step.trainable).map(|((name, _), _)| name).collect();
    model.freeze(&frozen)
}

/// Gives a model, whose layers are the same, the weights of a whole model's file: of the model that it describes, where that can be
/// built, and otherwise by the file's names.
pub(super) fn weights_of_whole(model: &mut Sequential, config: &Value, source: &Source) -> Result<()> {
    let Ok(other) = chain(config).and_then(|chain| build(&chain, source)) else {
        return weights(model, source);
    };
    let (nodes, others) = (graph(model), graph(&other));
    let all = |nodes: &[Node]| -> Vec<(String, Tensor)> {
        let named = |node: &Node| {
            let name = node.name.clone();
            node.weights().into_iter().map(move |(weight, tensor)| (format!("{name}/{weight}"), tensor))
        };
        leaves(nodes).into_iter().flat_map(named).collect()
    };
    let (own, others) = (all(&nodes), all(&others));
    for ((name, own), (other_name, other)) in own.iter().zip(&others) {
        ensure!(
            own.size() == other.size(),
            "{name} has the shape {:?} in this model, and {other_name} {:?} in the file",
            own.size(),
            other.size()
        );
    }
    ensure!(own.len() == others.len(), "this model has {} weights, and the file {}", own.len(), others.len());
    numbers::give(own.into_iter().zip(others).map(|((_, own), (_, other))| (own, other)).collect());
    Ok(())
}

/// Gives a model, whose layers are the same, a file's weights; by order, as Keras does.
pub(super) fn weights(model: &mut Sequential, source: &Source) -> Result<()> {
    let arrays = match source {
        Source::ByLayer(layers) => {
            let arrays: Vec<_> = layers.iter().filter(|(_, arrays)| !arrays.is_empty()).collect();
            by_layers(model, &arrays)?
        }
        Source::ByClass(paths) => {
            let layers = write::keras_layers(model)?;
            let mut counter = Counter::default();
            let mut by_name = BTreeMap::new();
            for layer in &layers {
                let path = format!("layers/{}", counter.next(&snake_case(&layer.class_name)));
                by_name.insert(layer.name.clone(), vars(paths, &path));
            }
            let found: usize = by_name.values().map(Vec::len).sum();
            let all = paths
                .keys()
                .filter(|path| path.starts_with("layers/") && !path.contains("seed_generator"))
                .count();
            ensure!(
                found == all,
                "the file has {all} weights, of which {found} belong to layers that this model has: {}",
                listed(paths)
            );
            in_own_order(model, by_name)
        }
    };
    give(model, arrays, Channels::Last)
}

fn listed(paths: &BTreeMap<String, Array>) -> String {
    let names: Vec<String> =
        paths.iter().take(20).map(|(path, array)| format!("{path} {:?}", array.shape())).collect();
    names.join(", ")
}

/// Gives a model weights that stand one after the other, in Keras's layouts, as `model.get_weights()` has them.
pub(in crate::saving) fn in_order(model: &mut Sequential, arrays: Vec<(String, Array)>) -> Result<()> {
    let count = arrays.len();
    let mut arrays = arrays.into_iter();
    let of_layer =
        |layer: &KerasLayer| (layer.name.clone(), arrays.by_ref().take(layer.weights.len()).collect());
    let by_name: BTreeMap<_, _> = write::keras_layers(model)?.iter().map(of_layer).collect();
    if let Some((name, _)) = arrays.next() {
        bail!("the file has {count} weights, which are more than this model's: it has no place for {name}");
    }
    give(model, in_own_order(model, by_name), Channels::Last)
}

/// In Keras's order of the model's layers, each that has weights gets those of the next layer of the file that has any.
fn by_layers(
    model: &Sequential,
    layers: &[&(String, Vec<(String, Array)>)],
) -> Result<Vec<Vec<(String, Array)>>> {
    let mut left = layers.iter();
    let mut by_name = BTreeMap::new();
    for layer in write::keras_layers(model)?.into_iter().filter(|layer| !layer.weights.is_empty()) {
        let (_, arrays) = left.next().with_context(|| {
            format!(
                "the file has weights of {} layers, and this model has more: {} gets none",
                layers.len(),
                layer.name
            )
        })?;
        by_name.insert(layer.name, arrays.clone());
    }
    if let Some((name, _)) = left.next() {
        bail!(
            "the file has weights of {} layers, and this model of fewer: it has no place for those of {name}",
            layers.len()
        );
    }
    Ok(in_own_order(model, by_name))
}

/// Weights by layer, in the order of the model's layers.
fn in_own_order(
    model: &Sequential,
    mut by_name: BTreeMap<String, Vec<(String, Array)>>,
) -> Vec<Vec<(String, Array)>> {
    leaves(&graph(model)).iter().map(|node| by_name.remove(&node.name).unwrap_or_default()).collect()
}

/// The weights of each layer of the model that was made from these steps.
fn arrays_of_steps(steps: &[Step], model: &Sequential, source: &Source) -> Result<Vec<Vec<(String, Array)>>> {
    let mut leaf_steps = Vec::new();
    flatten(steps, &mut leaf_steps);
    let layers = match source {
        Source::ByClass(paths) => {
            let own = |step: &&Step| if is_adapted(step) { Vec::new() } else { vars(paths, &step.path) };
            return Ok(leaf_steps.iter().map(own).collect());
        }
        Source::ByLayer(layers) => layers,
    };
    let nodes = graph(model);
    let own: Vec<_> = leaves(&nodes).into_iter().map(own_weights).collect();
    let mut all: Vec<Vec<(String, Array)>> = leaf_steps.iter().map(|_| Vec::new()).collect();
    for (name, arrays) in layers {
        let members: Vec<usize> =
            (0..leaf_steps.len()).filter(|&leaf| leaf_steps[leaf].group == *name).collect();
        if matches!(members[..], [only] if is_adapted(leaf_steps[only])) {
            continue;
        }
        let mut arrays = arrays.iter().cloned();
        // Of a model within the model, all that is trained comes first.
        for trained in [true, false] {
            for &leaf in &members {
                let (weights, trained_count) = &own[leaf];
                let wanted = if trained { *trained_count } else { weights.len() - trained_count };
                all[leaf].extend(arrays.by_ref().take(wanted));
            }
        }
        if let (Some((path, _)), Some(&last)) = (arrays.next(), members.last()) {
            bail!("the file has more weights for {}, for example {path}", leaf_steps[last].name);
        }
    }
    Ok(all)
}

fn flatten<'a>(steps: &'a [Step], leaves: &mut Vec<&'a Step>) {
    for step in steps {
        match &step.block {
            Some(ways) => ways.iter().for_each(|way| flatten(way, leaves)),
            None => leaves.push(step),
        }
    }
}

/// The weights under a path, in the order of their numbers.
fn vars(paths: &BTreeMap<String, Array>, path: &str) -> Vec<(String, Array)> {
    let path = |number: usize| format!("{path}/vars/{number}");
    (0..).map_while(|number| paths.get(&path(number)).map(|array| (path(number), array.clone()))).collect()
}

/// How many weights a file has: a damaged size must not cost more memory.
fn count(source: &Source) -> usize {
    match source {
        Source::ByLayer(layers) => {
            layers.iter().flat_map(|(_, arrays)| arrays).map(|(_, array)| array.count()).sum()
        }
        Source::ByClass(paths) => paths.values().map(Array::count).sum(),
    }
}

fn leaves<'a, 'b>(nodes: &'b [Node<'a>]) -> Vec<&'b Node<'a>> {
    nodes.iter().filter(|node| matches!(node.op, Op::Layer(_))).collect()
}

/// A layer's weights, and how many of them are trained.
fn own_weights(node: &Node) -> (Vec<(String, Tensor)>, usize) {
    let Op::Layer(layer) = node.op else { return (Vec::new(), 0) };
    // Keras counts all weights of a frozen layer among those that are not.
    (node.weights(), if layer.trainable() { layer.weights().len() } else { 0 })
}

/// Looks at all weights, then gives them to the model's layers.
fn give(model: &Sequential, arrays: Vec<Vec<(String, Array)>>, channels: Channels) -> Result<()> {
    let nodes = graph(model);
    let mut both = Vec::new();
    for (node, arrays) in leaves(&nodes).into_iter().zip(arrays) {
        let Op::Layer(layer) = node.op else { continue };
        let own = node.weights();
        ensure!(
            own.len() == arrays.len(),
            "the layer {} ({}) has {} weights in the file, and {} here",
            node.name,
            layer.class_name(),
            arrays.len(),
            own.len()
        );
        for ((weight, own), (path, array)) in own.into_iter().zip(arrays) {
            let name = format!("{}/{weight}", node.name);
            let turned = tensor(&array)
                .and_then(|new| layouts::from_keras(layer.class_name(), &weight, new, &own.size()))
                .with_context(|| format!("the weight {path} in the file"))?;
            let turned = match flattened_before(&nodes, node) {
                Some(image)
                    if channels == Channels::First && weight == "kernel" && turned.size() == own.size() =>
                {
                    rows_from_channels_first(&turned, &image)
                }
                _ => turned,
            };
            let new = checked(&name, &turned, &own)?;
            both.push((own, new));
        }
    }
    numbers::give(both);
    Ok(())
}

fn first_channels(steps: &[Step]) -> Option<Channels> {
    steps.iter().find_map(|step| match &step.block {
        Some(ways) => ways.iter().find_map(|way| first_channels(way)),
        None => Channels::of(&step.config),
    })
}

fn layer(step: &Step, channels: Channels, source: &Source) -> Result<Box<dyn Layer>> {
    let Some([inside, around]) = &step.block else {
        let mut config = step.config.clone();
        if let Some(arguments) = config.as_object_mut() {
            arguments.insert("name".to_string(), step.name.clone().into());
            if is_adapted(step) {
                let found = ["mean", "variance"].into_iter().zip(source.of_adapted(step));
                found.for_each(|(name, array)| {
                    arguments.insert(name.to_string(), array.to_f32().into());
                });
            }
        }
        let made = from_keras(&step.class_name, &config, channels);
        return made.with_context(|| format!("the layer {} cannot be made", step.name));
    };
    let activation = config::activation(&step.config["activation"])?;
    let mut block = Residual::new().name(&step.name).activation(activation);
    for step in inside {
        block = block.add_boxed(layer(step, channels, source)?);
    }
    for step in around.iter().filter(|_| !is_projection(step, around)) {
        block = block.shortcut_boxed(layer(step, channels, source)?);
    }
    Ok(Box::new(block))
}

/// Whether what stands around a block is the convolution that a [`Residual`] makes by itself where shapes differ.
fn is_projection(block: &Step, around: &[Step]) -> bool {
    let [conv] = around else { return false };
    conv.class_name == "Conv2D"
        && conv.name == format!("{}_shortcut", block_name(&block.name))
        && conv.config["kernel_size"] == serde_json::json!([1, 1])
        && conv.config["use_bias"] != serde_json::json!(false)
}

/// Compiles a model as the file says; both spellings, `compile_config` and `training_config`.
fn compile_as(model: &mut Sequential, training: &Value) -> Result<()> {
    let optimizer =
        ["optimizer_config", "optimizer"].iter().map(|key| &training[*key]).find(|value| !value.is_null());
    let optimizer = compile::optimizer(optimizer.context("the file names no optimizer")?)?;
    model.compile(optimizer, compile::loss(&training["loss"])?)
}
