//! A model's configuration in Keras, read as the one way that images take through it.
//!
//! Sequential models are lists. A functional model is a graph, which is understood where it is a chain, or has ways around some
//! layers that meet these again in an `Add`: a residual block.

use anyhow::{bail, ensure, Result};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

use super::write::{snake_case, Counter};
use crate::engine::error::Context;
use crate::saving::graph::activation_name;

/// No model has models within models, or blocks within blocks, deeper than this.
const DEEPEST: usize = 32;

/// A layer of the file, or a block of them.
#[derive(Debug)]
pub(super) struct Step {
    pub name: String,
    pub class_name: String,
    pub config: Value,
    /// Where its weights stand in a `.keras` file: `layers/conv2d_1`.
    pub path: String,
    /// Under which name they stand in an `.h5` file: the layer's, or that of the model that it is within.
    pub group: String,
    /// Whether it is trained: neither it nor the model that it is within is frozen.
    pub trainable: bool,
    /// The layers of a block, and those around it.
    pub block: Option<[Vec<Step>; 2]>,
}

/// A model's layers, and the shape of its images without the batch, as the file has it.
#[derive(Debug)]
pub(super) struct Chain {
    pub input_shape: Vec<i64>,
    pub steps: Vec<Step>,
}

/// Reads `model_config`, or the root of a `.keras` file's config.json.
pub(super) fn chain(config: &Value) -> Result<Chain> {
    let mut input_shape = None;
    let mut steps = model(config, &Place::top(is_trainable(&config["config"])), &mut input_shape)?;
    ensure!(!steps.is_empty(), "the model has no layers");
    take_activations(&mut steps);
    let mut taken = HashSet::new();
    name_apart(&mut steps, &mut taken);
    let input_shape = input_shape.or_else(|| shape(&config["config"]["build_input_shape"]));
    let input_shape = input_shape.context(
        "the file does not tell the shape of the images; build the model here, and read the weights with load_weights()",
    )?;
    let sides: Option<Vec<i64>> = input_shape.iter().skip(1).map(Value::as_i64).collect();
    let input_shape = sides.with_context(|| {
        let shape = Value::Array(input_shape);
        format!("its input has the shape {shape}, and sizes must be given here; build the model, and use load_weights()")
    })?;
    Ok(Chain { input_shape, steps })
}

/// The activation after a block belongs to it, if it is called after it, as this crate writes it.
fn take_activations(steps: &mut Vec<Step>) {
    for position in (0..steps.len()).rev() {
        steps[position].block.iter_mut().flatten().for_each(take_activations);
        let [block, next, ..] = &mut steps[position..] else { continue };
        if block.block.is_some()
            && next.class_name == "Activation"
            && next.name == activation_name(&block.name)
        {
            block.config = next.config.take();
            steps.remove(position + 1);
        }
    }
}

/// Gives each layer a name of its own, as this crate wants it: layers of models within the model may be called the same, and names
/// of Keras 2 may have a `/`.
fn name_apart(steps: &mut [Step], taken: &mut HashSet<String>) {
    for step in steps {
        let name = step.name.replace('/', "_");
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        step.name = names.find(|name| !taken.contains(name)).expect("there is no end of numbers");
        taken.insert(step.name.clone());
        step.block.iter_mut().flatten().for_each(|way| name_apart(way, taken));
    }
}

/// Where a model is: by itself, or within another.
struct Place {
    path: String,
    group: Option<String>,
    trainable: bool,
    depth: usize,
}

impl Place {
    fn top(trainable: bool) -> Place {
        Place { path: String::new(), group: None, trainable, depth: 0 }
    }
}

/// What a layer's or a model's arguments say; files of Keras 1 may not.
fn is_trainable(config: &Value) -> bool {
    config["trainable"] != Value::Bool(false)
}

fn model(model: &Value, place: &Place, input_shape: &mut Option<Vec<Value>>) -> Result<Vec<Step>> {
    ensure!(place.depth < DEEPEST, "models stand within models more than {DEEPEST} times");
    let class_name = model["class_name"].as_str().context("the configuration names no class of model")?;
    let config = &model["config"];
    // Keras 2.1 wrote the list itself.
    let layers = config.as_array().or_else(|| config["layers"].as_array());
    let layers = layers.context("the configuration has no list of layers")?;
    let entries = entries(layers, place)?;
    match class_name {
        "Sequential" => {
            let mut steps = Vec::new();
            for entry in &entries {
                steps.extend(entry.steps(place, input_shape)?);
            }
            Ok(steps)
        }
        "Functional" | "Model" => Graph::new(&entries, config)?.steps(place, input_shape),
        other => {
            bail!("it is a {other}: only Sequential and functional models can be read; use load_weights()")
        }
    }
}

/// A layer as it stands in a model's list.
struct Entry<'a> {
    name: String,
    class_name: &'a str,
    whole: &'a Value,
    path: String,
}

fn entries<'a>(layers: &'a [Value], place: &Place) -> Result<Vec<Entry<'a>>> {
    let mut counter = Counter::default();
    let entry = |whole: &'a Value| {
        let class_name = whole["class_name"].as_str().context("a layer has no class")?;
        let name = whole["config"]["name"].as_str().or_else(|| whole["name"].as_str()).unwrap_or(class_name);
        let path = format!("{}layers/{}", place.path, counter.next(&snake_case(class_name)));
        Ok(Entry { name: name.to_string(), class_name, whole, path })
    };
    layers.iter().map(entry).collect()
}

impl Entry<'_> {
    fn is_input(&self) -> bool {
        self.class_name == "InputLayer"
    }

    fn steps(&self, place: &Place, input_shape: &mut Option<Vec<Value>>) -> Result<Vec<Step>> {
        let config = &self.whole["config"];
        if input_shape.is_none() {
            let keys = ["batch_shape", "batch_input_shape"];
            *input_shape = keys.iter().find_map(|key| shape(&config[*key]));
        }
        if self.is_input() {
            return Ok(Vec::new());
        }
        let group = place.group.clone().unwrap_or_else(|| self.name.clone());
        if matches!(self.class_name, "Sequential" | "Functional" | "Model") {
            let place = Place {
                path: format!("{}/", self.path),
                group: Some(group),
                trainable: place.trainable && is_trainable(config),
                depth: place.depth + 1,
            };
            return model(self.whole, &place, input_shape)
                .with_context(|| format!("the model {} in it", self.name));
        }
        Ok(vec![Step {
            name: self.name.clone(),
            class_name: self.class_name.to_string(),
            config: config.clone(),
            path: self.path.clone(),
            group,
            trainable: place.trainable && is_trainable(config),
            block: None,
        }])
    }
}

fn shape(value: &Value) -> Option<Vec<Value>> {
    // Models with several inputs have a list of lists.
    value.as_array().filter(|sides| sides.iter().all(|side| side.is_null() || side.is_i64())).cloned()
}

/// A functional model: which layers get whose output.
struct Graph<'a> {
    entries: &'a [Entry<'a>],
    /// By position: where the inputs come from, and where the output goes.
    inputs: Vec<Vec<usize>>,
    consumers: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn new(entries: &'a [Entry<'a>], config: &Value) -> Result<Graph<'a>> {
        let positions: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(position, entry)| (entry.name.as_str(), position)).collect();
        ensure!(positions.len() == entries.len(), "two of its layers have the same name");
        let mut graph =
            Graph { entries, inputs: Vec::new(), consumers: entries.iter().map(|_| Vec::new()).collect() };
        for (position, entry) in entries.iter().enumerate() {
            let calls = entry.whole["inbound_nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
            ensure!(
                calls.len() <= 1,
                "the layer {} is used {} times, which this crate's models cannot do",
                entry.name,
                calls.len()
            );
            let mut names = Vec::new();
            calls.iter().for_each(|call| sources(call, &mut names));
            let mut inputs = Vec::new();
            for name in names {
                let from = *positions
                    .get(name)
                    .with_context(|| format!("the layer {} wants {name}, which is not there", entry.name))?;
                graph.consumers[from].push(position);
                inputs.push(from);
            }
            graph.inputs.push(inputs);
        }
        for (key, what) in [("input_layers", "inputs"), ("output_layers", "outputs")] {
            let ends = config[key].as_array().map(Vec::as_slice).unwrap_or_default();
            let several = ends.len() > 1 && ends.iter().all(Value::is_array);
            ensure!(!several, "the model has {} {what}, and this crate's models have one", ends.len());
        }
        Ok(graph)
    }

    fn steps(&self, place: &Place, input_shape: &mut Option<Vec<Value>>) -> Result<Vec<Step>> {
        let starts: Vec<usize> =
            (0..self.entries.len()).filter(|&position| self.inputs[position].is_empty()).collect();
        let &[start] = starts.as_slice() else {
            bail!("the model begins at {} places, and this crate's models at one", starts.len());
        };
        let mut steps = self.entries[start].steps(place, input_shape)?;
        let (found, end) = self.way(start, None, place, input_shape, 0)?;
        ensure!(end.is_none(), "its layers meet in a way that is no chain");
        steps.extend(found);
        Ok(steps)
    }

    /// What comes after `from`, until the output or a layer that also gets something else: that layer is returned, too.
    fn way(
        &self,
        mut from: usize,
        first: Option<usize>,
        place: &Place,
        input_shape: &mut Option<Vec<Value>>,
        depth: usize,
    ) -> Result<(Vec<Step>, Option<usize>)> {
        ensure!(depth < DEEPEST, "its blocks stand within blocks more than {DEEPEST} times");
        let mut steps: Vec<Step> = Vec::new();
        // Sums ahead that also get what a layer behind gave out: the sum, that layer, and how many steps there were by then.
        let mut ahead: Vec<(usize, usize, usize)> = Vec::new();
        let mut next = first;
        loop {
            let then = match next.take() {
                Some(first) => first,
                None => {
                    let (sums, layers): (Vec<usize>, Vec<usize>) =
                        self.consumers[from].iter().partition(|&&consumer| self.inputs[consumer].len() > 1);
                    if layers.is_empty() && sums.len() <= 1 {
                        match sums.first() {
                            Some(&sum) => sum,
                            None => return Ok((steps, None)),
                        }
                    } else {
                        ahead.extend(sums.iter().map(|&sum| (sum, from, steps.len())));
                        match layers[..] {
                            [only] => only,
                            [one, other] => {
                                let (block, meeting) = self.block(from, [one, other], place, input_shape, depth)?;
                                steps.push(block);
                                from = meeting;
                                continue;
                            }
                            _ => bail!(
                                "the output of {} goes to {} layers; only chains, and blocks with one way around them, can be read",
                                self.entries[from].name,
                                self.consumers[from].len()
                            ),
                        }
                    }
                }
            };
            if self.inputs[then].len() > 1 {
                let Some(place_ahead) = ahead.iter().position(|(sum, ..)| *sum == then) else {
                    return Ok((steps, Some(then)));
                };
                let (_, source, begin) = ahead.remove(place_ahead);
                let inside = steps.split_off(begin);
                steps.push(self.sum(source, then, [inside, Vec::new()], place)?);
            } else {
                steps.extend(self.entries[then].steps(place, input_shape)?);
            }
            from = then;
        }
    }

    /// Two ways from `from`, neither of them empty, that meet in an `Add`, whose position is returned, too.
    fn block(
        &self,
        from: usize,
        firsts: [usize; 2],
        place: &Place,
        input_shape: &mut Option<Vec<Value>>,
        depth: usize,
    ) -> Result<(Step, usize)> {
        let (one, end) = self.way(from, Some(firsts[0]), place, input_shape, depth + 1)?;
        let (other, other_end) = self.way(from, Some(firsts[1]), place, input_shape, depth + 1)?;
        let meeting = end.filter(|_| end == other_end);
        let meeting = meeting
            .with_context(|| format!("the two ways after {} do not meet again", self.entries[from].name))?;
        let ways = if one.len() >= other.len() { [one, other] } else { [other, one] };
        Ok((self.sum(from, meeting, ways, place)?, meeting))
    }

    /// A block from its layers and those around it.
    fn sum(&self, from: usize, meeting: usize, ways: [Vec<Step>; 2], place: &Place) -> Result<Step> {
        let (name, entry) = (&self.entries[from].name, &self.entries[meeting]);
        ensure!(
            entry.class_name == "Add" && self.inputs[meeting].len() == 2,
            "two ways after {name} meet in {}, a {}; what can be read is an Add of two",
            entry.name,
            entry.class_name
        );
        ensure!(!ways[0].is_empty(), "{} adds the output of {name} to itself", entry.name);
        Ok(Step {
            name: entry.name.clone(),
            class_name: "Residual".to_string(),
            config: Value::Null,
            path: entry.path.clone(),
            group: place.group.clone().unwrap_or_else(|| entry.name.clone()),
            trainable: true, // its layers tell
            block: Some(ways),
        })
    }
}

/// The names of the layers whose outputs a call gets, in both spellings: Keras 2's `[["conv2d", 0, 0, {}]]` and Keras 3's tensors.
fn sources<'a>(call: &'a Value, names: &mut Vec<&'a str>) {
    match call {
        Value::Array(items) => match items.as_slice() {
            [Value::String(name), Value::Number(_), ..] => names.push(name),
            items => items.iter().for_each(|item| sources(item, names)),
        },
        Value::Object(object) => match object.get("class_name").and_then(Value::as_str) {
            Some("__keras_tensor__") => sources(&call["config"]["keras_history"], names),
            _ => sources(&call["args"], names),
        },
        _ => {}
    }
}
