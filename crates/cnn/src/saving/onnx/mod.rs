//! ONNX, for other runtimes: a graph of standard operators, with the weights in it.
//!
//! Source: onnx.ai, "Operators" and `onnx.proto`.

mod file;
mod layers;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use self::file::{OnnxGraph, CLASSES, IMAGES};
use super::graph::{graph, Op};
use crate::Sequential;

/// Where the channels of an image stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// `[n, channels, height, width]`, as in this crate and in PyTorch.
    #[default]
    ChannelsFirst,
    /// `[n, height, width, channels]`, as in Keras.
    ChannelsLast,
}

/// The bytes of an ONNX file whose images are in this format.
///
/// Layers that only work while training are left out: dropout, noise, augmentation.
pub(super) fn write_onnx(model: &Sequential, format: DataFormat) -> Result<Vec<u8>> {
    let nodes = graph(model);
    let mut onnx = OnnxGraph::default();
    let mut outputs: Vec<String> = Vec::new();
    let turned = format == DataFormat::ChannelsLast && nodes[0].shape.len() == 3;
    for node in &nodes {
        let x = || outputs[node.inputs[0]].clone();
        let output = match node.op {
            Op::Input if turned => onnx.transpose(&node.name, IMAGES, &[0, 3, 1, 2]),
            Op::Input => IMAGES.to_string(),
            Op::Add => onnx.node("Add", &node.name, &[&x(), &outputs[node.inputs[1]]], vec![]),
            Op::Activation(activation) => {
                layers::activation(&mut onnx, &node.name, activation, x(), &node.shape)
            }
            Op::Layer(layer) if layer.class_name().starts_with("Random") => {
                println!("The layer {} works only while training, and is left out.", node.name);
                x()
            }
            Op::Layer(layer) => layers::layer(&mut onnx, node, layer, x(), &nodes[node.inputs[0]].shape)?,
        };
        outputs.push(output);
    }
    let last = outputs.pop().expect("build() refuses a model without layers");
    onnx.node_as("Identity", CLASSES, &[&last], vec![], CLASSES);
    let mut input = nodes[0].shape.clone();
    if turned {
        input.rotate_left(1);
    }
    Ok(onnx.finish(&input, &nodes[nodes.len() - 1].shape))
}
