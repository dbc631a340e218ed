//! The file itself: messages as `onnx.proto` describes them.

use formats::protobuf::Message;
use tch::Tensor;

use anyhow::Result;

use crate::engine::slices::to_bytes;

/// The names of what goes in and comes out.
pub(super) const IMAGES: &str = "images";
pub(super) const CLASSES: &str = "classes";

/// Version of the operators: what is needed here stands in 17, and every runtime of today has it.
const OPSET: u64 = 17;
/// Version of the file's structure that belongs to it.
const IR_VERSION: u64 = 8;

const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// An argument of an operator.
pub(super) enum Argument {
    Float(&'static str, f64),
    Int(&'static str, i64),
    Ints(&'static str, Vec<i64>),
    Text(&'static str, &'static str),
}

impl Argument {
    fn message(&self) -> Message {
        let named = |name: &str, kind: u64| Message::default().text(1, name).varint(20, kind);
        match self {
            Argument::Float(name, value) => named(name, 1).float(2, *value as f32),
            Argument::Int(name, value) => named(name, 2).varint(3, *value as u64),
            Argument::Text(name, value) => named(name, 3).text(4, value),
            Argument::Ints(name, values) => {
                values.iter().fold(named(name, 7), |message, &value| message.varint(8, value as u64))
            }
        }
    }
}

/// A graph under construction.
#[derive(Default)]
pub(super) struct OnnxGraph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    count: usize,
}

impl OnnxGraph {
    /// Adds an operator, for the layer `name`; returns the name of its output.
    pub fn node(&mut self, operator: &str, name: &str, inputs: &[&str], arguments: Vec<Argument>) -> String {
        self.count += 1;
        let output = format!("{name}/{}_{}", operator.to_lowercase(), self.count);
        self.node_as(operator, &output, inputs, arguments, &output);
        output
    }

    /// Adds an operator whose output has this name.
    pub fn node_as(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        arguments: Vec<Argument>,
        output: &str,
    ) {
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, output).text(3, name).text(4, operator);
        self.nodes.push(arguments.iter().fold(node, |node, argument| node.message(5, &argument.message())));
    }

    pub fn transpose(&mut self, name: &str, x: &str, order: &[i64]) -> String {
        self.node("Transpose", name, &[x], vec![Argument::Ints("perm", order.to_vec())])
    }

    /// Adds a weight; returns its name.
    pub fn weight(&mut self, layer: &str, weight: &str, tensor: &Tensor) -> Result<String> {
        let name = format!("{layer}/{weight}");
        self.initializer(&name, &tensor.size(), FLOAT, &to_bytes(tensor)?);
        Ok(name)
    }

    /// Adds a number; returns its name.
    pub fn number(&mut self, layer: &str, value: f64) -> String {
        self.count += 1;
        let name = format!("{layer}/number_{}", self.count);
        self.initializer(&name, &[], FLOAT, &(value as f32).to_le_bytes());
        name
    }

    /// Adds a list of floats; returns its name.
    pub fn floats(&mut self, layer: &str, values: &[f32]) -> String {
        self.count += 1;
        let name = format!("{layer}/numbers_{}", self.count);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(&name, &[values.len() as i64], FLOAT, &bytes);
        name
    }

    /// Adds a list of whole numbers, as shapes are given; returns its name.
    pub fn ints(&mut self, layer: &str, values: &[i64]) -> String {
        self.count += 1;
        let name = format!("{layer}/numbers_{}", self.count);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(&name, &[values.len() as i64], INT64, &bytes);
        name
    }

    fn initializer(&mut self, name: &str, shape: &[i64], kind: u64, bytes: &[u8]) {
        let tensor = shape.iter().fold(Message::default(), |tensor, &side| tensor.varint(1, side as u64));
        self.initializers.push(tensor.varint(2, kind).text(8, name).bytes(9, bytes));
    }

    /// The file's bytes; the shapes are without the batch, which may have any size.
    pub fn finish(&self, input: &[i64], output: &[i64]) -> Vec<u8> {
        let graph = self.nodes.iter().fold(Message::default(), |graph, node| graph.message(1, node));
        let graph = graph.text(2, "cnn");
        let graph = self.initializers.iter().fold(graph, |graph, weight| graph.message(5, weight));
        let graph = graph.message(11, &value(IMAGES, input)).message(12, &value(CLASSES, output));
        let operators = Message::default().text(1, "").varint(2, OPSET);
        let model =
            Message::default().varint(1, IR_VERSION).text(2, "cnn").text(3, env!("CARGO_PKG_VERSION"));
        model.message(7, &graph).message(8, &operators).bytes_of().to_vec()
    }
}

/// Name, kind and shape of what goes in or comes out.
fn value(name: &str, shape: &[i64]) -> Message {
    let batch = Message::default().message(1, &Message::default().text(2, "batch"));
    let side = |shape: Message, &side: &i64| shape.message(1, &Message::default().varint(1, side as u64));
    let tensor = Message::default().varint(1, FLOAT).message(2, &shape.iter().fold(batch, side));
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
