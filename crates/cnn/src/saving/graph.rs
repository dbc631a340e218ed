//! A model as other programs see it: single operations, and which one gets whose output. Blocks with a way around them, and the
//! activations within them, are taken apart.

use std::any::Any;

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
        nodes.push(Node { name: name.to_string(), op: Op::Layer(layer), inputs: vec![from], shape });
        return;
    };
    for (inner, layer) in block.inside() {
        add(nodes, &format!("{name}_{inner}"), layer, 0);
    }
    let end = nodes.len() - 1;
    let mut back = end - from;
    for (inner, layer) in block.around() {
        add(nodes, &format!("{name}_{inner}"), layer, back);
        back = 0;
    }
    let around = if back == 0 { nodes.len() - 1 } else { from };
    let shape = nodes[end].shape.clone();
    let sum = nodes.len();
    let sum_name = format!("{name}_add");
    nodes.push(Node { name: sum_name, op: Op::Add, inputs: vec![end, around], shape: shape.clone() });
    if block.activation() != Activation::Linear {
        let op = Op::Activation(block.activation());
        nodes.push(Node { name: format!("{name}_activation"), op, inputs: vec![sum], shape });
    }
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
            Op::Layer(layer) if layer.class_name() != "Dense" && before.shape == nodes[*before.inputs.first()?].shape => {
                node = before;
            }
            _ => return None,
        }
    }
}
