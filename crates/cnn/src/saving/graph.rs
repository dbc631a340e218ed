//! A model as other programs see it: single operations, and which one gets whose output. Blocks with a way around them, and the
//! activations within them, are taken apart.

use std::any::Any;
use tch::Tensor;

use crate::layers::{Activation, Layer, Residual};
use crate::model::Sequential;

/// One operation of a model.
pub(super) struct Node<'a> {
    /// Unlike all others, and without `/`.
    pub name: String,
    pub op: Op<'a>,
    /// Where its input comes from: positions in the list.
    pub inputs: Vec<usize>,
    /// What comes out, without the batch; images are `[channels, height, width]`.
    pub shape: Vec<i64>,
}

impl Node<'_> {
    /// The layer's weights: those that are trained, then the others. None for what is no layer.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        let Op::Layer(layer) = self.op else { return Vec::new() };
        layer.weights().into_iter().chain(layer.non_trainable_weights()).collect()
    }
}

pub(super) enum Op<'a> {
    /// The images; always the first node, and the only one of this kind.
    Input,
    /// A layer with its activation.
    Layer(&'a dyn Layer),
    /// The sum of its two inputs.
    Add,
    /// A block's activation.
    Activation(Activation),
}

/// The operations, each after those that it needs; the last one gives the model's output.
pub(super) fn graph(model: &Sequential) -> Vec<Node<'_>> {
    let network = &model.network;
    let mut nodes = vec![Node {
        name: "input_layer".to_string(),
        op: Op::Input,
        inputs: Vec::new(),
        shape: network.input_shape.clone(),
    }];
    for named in &network.layers {
        add(&mut nodes, &named.name, named.layer.as_ref(), 0);
    }
    nodes
}

/// Adds a layer after the node that is the last one now, or one before it.
fn add<'a>(nodes: &mut Vec<Node<'a>>, name: &str, layer: &'a dyn Layer, back: usize) {
    let from = nodes.len() - 1 - back;
    let Some(block) = (layer as &dyn Any).downcast_ref::<Residual>() else {
        let shape = layer.output_shape(&nodes[from].shape).expect("the model is built");
        nodes.push(Node { name: unlike(nodes, name), op: Op::Layer(layer), inputs: vec![from], shape });
        return;
    };
    // A name that somebody gave is kept; others tell the block.
    let within = |inner: &str, layer: &dyn Layer| match layer.given_name() {
        Some(given) => given.to_string(),
        None => format!("{}_{inner}", block_name(name)),
    };
    for (inner, layer) in block.inside() {
        add(nodes, &within(&inner, layer), layer, 0);
    }
    let end = nodes.len() - 1;
    let mut back = end - from;
    for (inner, layer) in block.around() {
        add(nodes, &within(&inner, layer), layer, back);
        back = 0;
    }
    let around = if back == 0 { nodes.len() - 1 } else { from };
    let shape = nodes[end].shape.clone();
    let sum = nodes.len();
    let sum_name = if block.given_name().is_some() { name.to_string() } else { format!("{name}_add") };
    let sum_name = unlike(nodes, &sum_name);
    nodes.push(Node { name: sum_name, op: Op::Add, inputs: vec![end, around], shape: shape.clone() });
    if block.activation() != Activation::Linear {
        let (name, op) = (unlike(nodes, &activation_name(name)), Op::Activation(block.activation()));
        nodes.push(Node { name, op, inputs: vec![sum], shape });
    }
}

/// What a block's activation is called, for the name of the block or of its sum.
pub(super) fn activation_name(block: &str) -> String {
    format!("{}_activation", block_name(block))
}

/// What the names of a block's parts begin with, for the name of the block or of its sum.
pub(super) fn block_name(name: &str) -> &str {
    name.strip_suffix("_add").unwrap_or(name)
}

/// The name, or one like it that no node has yet.
fn unlike(nodes: &[Node], name: &str) -> String {
    let taken = |name: &str| nodes.iter().any(|node| node.name == name);
    let numbered = (1..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.to_string())
        .chain(numbered)
        .find(|name| !taken(name))
        .expect("there is no end of numbers")
}

/// The shape of the image that a Flatten before this node has laid out, with nothing but the likes of dropout between.
pub(super) fn flattened_before(nodes: &[Node], node: &Node) -> Option<Vec<i64>> {
    let mut node = node;
    loop {
        let before = &nodes[*node.inputs.first()?];
        match before.op {
            Op::Layer(layer) if layer.class_name() == "Flatten" => {
                return Some(nodes[before.inputs[0]].shape.clone()).filter(|shape| shape.len() == 3);
            }
            Op::Layer(layer)
                if layer.class_name() != "Dense" && before.shape == nodes[*before.inputs.first()?].shape =>
            {
                node = before;
            }
            _ => return None,
        }
    }
}
