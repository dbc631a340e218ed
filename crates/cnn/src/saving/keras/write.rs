//! A model in Keras's words: its configuration, and the names under which its layers' weights stand.

use anyhow::Result;
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use tch::Tensor;

use super::{config, layouts};
use crate::saving::graph::{graph, Node, Op};
use crate::Sequential;

/// The version whose files these are.
pub(super) const KERAS_VERSION: &str = "3.15.1";

/// A layer as Keras has it.
pub(in crate::saving) struct KerasLayer {
    pub name: String,
    pub class_name: String,
    pub config: Map<String, Value>,
    /// The layers whose outputs it gets.
    inputs: Vec<usize>,
    /// What comes out, without the batch, in Keras's order.
    shape: Vec<i64>,
    /// By name, in Keras's layout: first those that are trained.
    pub weights: Vec<(String, Tensor)>,
    /// Those of them that are trained, as they are here; none where the layer is frozen.
    pub trained: Vec<Trained>,
}

pub(in crate::saving) struct Trained {
    pub weight: String,
    /// Shares its memory with the model's own.
    pub own: Tensor,
    /// The layer's `depth_multiplier`, for [`layouts`].
    pub multiplier: i64,
}

/// A model's layers in the order in which Keras keeps them; the first one is the input.
pub(in crate::saving) fn keras_layers(model: &Sequential) -> Result<Vec<KerasLayer>> {
    let nodes = in_kerass_order(graph(model));
    nodes.iter().map(keras_layer).collect()
}

fn keras_layer(node: &Node) -> Result<KerasLayer> {
    let (class_name, config) = config::to_keras(node)?;
    let multiplier = config.get("depth_multiplier").and_then(Value::as_i64).unwrap_or(1);
    let there = |(name, tensor): (String, Tensor)| {
        let turned = layouts::to_keras(&class_name, &name, &tensor.detach(), multiplier);
        (name, turned)
    };
    let (mut weights, mut trained) = (Vec::new(), Vec::new());
    if let Op::Layer(layer) = node.op {
        let weights_of = layer.weights().into_iter().filter(|_| layer.trainable());
        trained = weights_of.map(|(weight, own)| Trained { weight, own, multiplier }).collect();
        weights = node.weights().into_iter().map(there).collect();
    }
    let shape = config::keras_shape(&node.shape);
    let (name, inputs) = (node.name.clone(), node.inputs.clone());
    Ok(KerasLayer { name, class_name, config, inputs, shape, weights, trained })
}

/// Keras keeps a functional model's layers by their distance from the output, the farthest first. Within one distance, those
/// come first that it meets first on its way back from the output, on which it takes a sum's inputs in their order.
///
/// Source: `map_graph` in `keras/src/ops/function.py`.
fn in_kerass_order(nodes: Vec<Node>) -> Vec<Node> {
    let mut depth = vec![0; nodes.len()];
    for position in (0..nodes.len()).rev() {
        for &input in &nodes[position].inputs {
            depth[input] = depth[input].max(depth[position] + 1);
        }
    }
    let mut met = Vec::new();
    let mut waiting = vec![nodes.len() - 1];
    while let Some(position) = waiting.pop() {
        if !met.contains(&position) {
            met.push(position);
            waiting.extend(nodes[position].inputs.iter().rev());
        }
    }
    let rank: HashMap<usize, usize> =
        met.into_iter().enumerate().map(|(rank, position)| (position, rank)).collect();
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|position| (std::cmp::Reverse(depth[*position]), rank[position]));
    let mut place = vec![0; nodes.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut ordered: Vec<Node> = order.iter().filter_map(|&position| nodes[position].take()).collect();
    for node in &mut ordered {
        node.inputs.iter_mut().for_each(|input| *input = place[*input]);
    }
    ordered
}

/// Whether the layers are a list, as Keras's Sequential has them.
fn is_chain(layers: &[KerasLayer]) -> bool {
    layers.iter().all(|layer| layer.class_name != "Add")
}

/// The name of the model's class in Keras, in small letters, which names of weights begin with.
pub(super) fn model_name(layers: &[KerasLayer]) -> &'static str {
    if is_chain(layers) {
        "sequential"
    } else {
        "functional"
    }
}

/// The configuration from which Keras builds the model.
pub(super) fn model_config(layers: &[KerasLayer]) -> Value {
    let name = model_name(layers);
    let batch = |shape: &[i64]| -> Vec<Value> {
        std::iter::once(Value::Null).chain(shape.iter().map(|&side| side.into())).collect()
    };
    let list: Vec<Value> = layers
        .iter()
        .map(|layer| {
            json!({ "module": "keras.layers", "class_name": layer.class_name, "config": layer.config,
                    "registered_name": null })
        })
        .collect();
    if is_chain(layers) {
        let config = json!({ "name": name, "trainable": true, "layers": list, "build_input_shape": batch(&layers[0].shape) });
        return json!({ "module": "keras", "class_name": "Sequential", "config": config, "registered_name": null });
    }
    let tensor = |&input: &usize| {
        let KerasLayer { name, shape, .. } = &layers[input];
        json!({ "class_name": "__keras_tensor__",
                "config": { "shape": batch(shape), "dtype": "float32", "keras_history": [name, 0, 0] } })
    };
    let list: Vec<Value> = list
        .into_iter()
        .zip(layers)
        .map(|(mut entry, layer)| {
            let inputs: Vec<Value> = layer.inputs.iter().map(tensor).collect();
            let arguments = match inputs.len() {
                0 => None,
                1 => Some(inputs),
                _ => Some(vec![Value::Array(inputs)]),
            };
            let nodes: Vec<Value> =
                arguments.iter().map(|args| json!({ "args": args, "kwargs": {} })).collect();
            entry["name"] = json!(layer.name);
            entry["inbound_nodes"] = json!(nodes);
            entry
        })
        .collect();
    let end = |layer: &KerasLayer| json!([[layer.name, 0, 0]]);
    let config = json!({ "name": name, "trainable": true, "layers": list,
                         "input_layers": end(&layers[0]), "output_layers": end(&layers[layers.len() - 1]) });
    json!({ "module": "keras.src.models.functional", "class_name": "Functional", "config": config, "registered_name": null })
}

/// Counts names that come again: `conv2d`, `conv2d_1`.
#[derive(Default)]
pub(super) struct Counter(HashMap<String, usize>);

impl Counter {
    pub fn next(&mut self, name: &str) -> String {
        let count = self.0.entry(name.to_string()).or_insert(0);
        *count += 1;
        match *count {
            1 => name.to_string(),
            more => format!("{name}_{}", more - 1),
        }
    }
}

/// A class as the name of a group. Source: `to_snake_case` in `keras/src/utils/naming.py`.
pub(super) fn snake_case(class_name: &str) -> String {
    let letters: Vec<char> =
        class_name.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let mut name = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let begins_a_word = letter.is_ascii_uppercase()
            && place > 0
            && (letters.get(place + 1).is_some_and(char::is_ascii_lowercase)
                || letters[place - 1].is_ascii_lowercase());
        if begins_a_word && !name.ends_with('_') {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_called_as_in_keras() {
        for (class_name, name) in [
            ("Conv2D", "conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("LeakyReLU", "leaky_re_lu"),
            ("ReLU", "re_lu"),
            ("ELU", "elu"),
            ("SpatialDropout2D", "spatial_dropout2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("InputLayer", "input_layer"),
        ] {
            assert_eq!(snake_case(class_name), name);
        }
        let mut counter = Counter::default();
        assert_eq!([counter.next("a"), counter.next("b"), counter.next("a")], ["a", "b", "a_1"]);
    }
}
