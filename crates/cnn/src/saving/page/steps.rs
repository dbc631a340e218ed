//! Each layer as steps of `network.js`, and the weights that these use.

use anyhow::{bail, Result};
use serde_json::{json, Map, Value};
use tch::{Kind, Tensor};

use crate::engine::error::Context;
use crate::engine::slices::to_bytes;
use crate::layers::{argument, argument_or, Activation, Layer, Normalization, Sides, Sliding, Windows};
use crate::saving::graph::{graph, Node, Op};
use crate::Sequential;

/// What `network.js` runs.
#[derive(Default)]
pub(super) struct Steps {
    /// Each after those that it needs; the last gives the output.
    pub steps: Vec<Value>,
    /// The numbers of all weights, 32-bit floats, one weight after the other.
    pub weights: Vec<u8>,
}

/// The model without the layers that only work while training.
///
/// # Errors
/// If a layer is none of this crate's.
pub(super) fn steps(model: &Sequential) -> Result<Steps> {
    let nodes = graph(model);
    let mut made = Steps::default();
    let mut outputs: Vec<usize> = Vec::new(); // of each node: the step that has it
    for node in &nodes {
        let from: Vec<usize> = node.inputs.iter().map(|&input| outputs[input]).collect();
        let output = match node.op {
            Op::Input => made.add("input", &from, &node.shape, json!({})),
            Op::Add => made.add("add", &from, &node.shape, json!({})),
            Op::Activation(activation) => made.activation(activation, from[0], &node.shape),
            Op::Layer(layer) => {
                let input = &nodes[node.inputs[0]].shape;
                let before = made.layer(node, layer, from[0], input);
                let before = before.with_context(|| format!("the layer {}", node.name))?;
                made.activation(layer.activation(), before, &node.shape)
            }
        };
        outputs.push(output);
    }
    Ok(made)
}

impl Steps {
    /// Adds a step; returns its place.
    fn add(&mut self, operation: &str, from: &[usize], shape: &[i64], arguments: Value) -> usize {
        self.add_weighted(operation, from, shape, arguments, Map::new())
    }

    fn add_weighted(
        &mut self,
        operation: &str,
        from: &[usize],
        shape: &[i64],
        mut step: Value,
        weights: Map<String, Value>,
    ) -> usize {
        step["op"] = operation.into();
        step["from"] = from.into();
        step["shape"] = shape.into();
        step["weights"] = weights.into();
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Keeps those of the weights that are there; a step names them by the first of their numbers, and how many these are.
    fn keep<const N: usize>(&mut self, weights: [(&str, Option<&Tensor>); N]) -> Result<Map<String, Value>> {
        let mut kept = Map::new();
        for (name, tensor) in weights {
            let Some(tensor) = tensor else { continue };
            kept.insert(name.to_string(), json!([self.weights.len() / 4, tensor.numel()]));
            self.weights.extend(to_bytes(tensor)?);
        }
        Ok(kept)
    }

    /// Adds a layer without its activation after the step `x`, whose shape without the batch is `input`.
    fn layer(&mut self, node: &Node, layer: &dyn Layer, x: usize, input: &[i64]) -> Result<usize> {
        let (from, shape, config) = ([x], node.shape.as_slice(), &layer.config());
        let float = |name| argument::<f64>(config, name);
        let weights = Weights(node.weights());
        Ok(match layer.class_name() {
            // Identity, but for the activation.
            "Activation" | "Dropout" | "SpatialDropout2D" | "GaussianNoise" | "GaussianDropout"
            | "RandomContrast" | "RandomFlip" | "RandomRotation" | "RandomTranslation" | "RandomZoom" => x,
            "Conv2D" => {
                let (sliding, groups) = (Sliding::from_config(config)?, argument_or(config, "groups", 1)?);
                let kernels = (weights.of("kernel")?, weights.of("bias").ok());
                self.convolution(&sliding, groups, kernels, x, input, shape)?
            }
            "DepthwiseConv2D" => {
                let kernels = (weights.of("kernel")?, weights.of("bias").ok());
                self.convolution(&Sliding::from_config(config)?, input[0], kernels, x, input, shape)?
            }
            "SeparableConv2D" => {
                let kernel = weights.of("depthwise_kernel")?;
                let between = [kernel.size()[0], shape[1], shape[2]];
                let sliding = Sliding::from_config(config)?;
                let x = self.convolution(&sliding, input[0], (kernel, None), x, input, &between)?;
                let kernels = (weights.of("pointwise_kernel")?, weights.of("bias").ok());
                self.convolution(&Sliding::new((1, 1)), 1, kernels, x, &between, shape)?
            }
            "Dense" => {
                let weights =
                    self.keep([("kernel", Some(weights.of("kernel")?)), ("bias", weights.of("bias").ok())])?;
                self.add_weighted("dense", &from, shape, json!({}), weights)
            }
            "MaxPooling2D" => self.pooling("max_pooling", &Windows::from_config(config)?, x, input, shape),
            "AveragePooling2D" => {
                self.pooling("average_pooling", &Windows::from_config(config)?, x, input, shape)
            }
            "GlobalMaxPooling2D" => {
                self.pooling("max_pooling", &Windows::new((input[1], input[2])), x, input, shape)
            }
            "GlobalAveragePooling2D" => {
                self.pooling("average_pooling", &Windows::new((input[1], input[2])), x, input, shape)
            }
            "Flatten" => self.add("flatten", &from, shape, json!({})),
            "Reshape" => self.add("reshape", &from, shape, json!({})),
            "Permute" => {
                let dims: Vec<i64> = argument(config, "dims")?;
                self.add("permute", &from, shape, json!({ "dims": dims }))
            }
            "BatchNormalization" => {
                let (mean, variance) = (weights.of("moving_mean")?, weights.of("moving_variance")?);
                let deviation = (variance.to_kind(Kind::Double) + float("epsilon")?).sqrt();
                let factor =
                    weights.of("gamma").map_or_else(|_| mean.ones_like(), Tensor::shallow_clone) / deviation;
                let zeros = mean.zeros_like();
                self.normalized([mean, &factor, weights.of("beta").unwrap_or(&zeros)], x, shape)?
            }
            "Normalization" => {
                let (mean, deviation) = Normalization::from_config(config)?.by_channel(input);
                let all = |tensor: &Tensor| tensor.flatten(0, -1).expand([input[0]], false);
                let (mean, factor) = (all(&mean), all(&deviation.to_kind(Kind::Double).reciprocal()));
                self.normalized([&mean, &factor, &mean.zeros_like()], x, shape)?
            }
            "LayerNormalization" => {
                let weights =
                    self.keep([("gamma", weights.of("gamma").ok()), ("beta", weights.of("beta").ok())])?;
                let arguments = json!({ "epsilon": float("epsilon")? });
                self.add_weighted("layer_normalization", &from, shape, arguments, weights)
            }
            "Rescaling" => {
                let arguments = json!({ "scale": float("scale")?, "offset": float("offset")? });
                self.add("rescaling", &from, shape, arguments)
            }
            "ZeroPadding2D" => {
                let Sides((top, _), (left, _)) = argument(config, "padding")?;
                self.add("moved", &from, shape, json!({ "by": [0, top, left] }))
            }
            "Cropping2D" => {
                let Sides((top, _), (left, _)) = argument(config, "cropping")?;
                self.add("moved", &from, shape, json!({ "by": [0, -top, -left] }))
            }
            "ZeroPaddingChannels" => {
                let before: i64 = argument(config, "before")?;
                self.add("moved", &from, shape, json!({ "by": [before, 0, 0] }))
            }
            "UpSampling2D" => {
                let arguments = json!({ "size": config["size"], "interpolation": config["interpolation"] });
                self.add("up_sampling", &from, shape, arguments)
            }
            // Nothing but the activation that comes after it.
            "ReLU" | "ELU" | "Softmax" if layer.activation() != Activation::Linear => x,
            "ReLU" => {
                let arguments = json!({
                    "max_value": config["max_value"],
                    "negative_slope": float("negative_slope")?,
                    "threshold": float("threshold")?,
                });
                self.add("relu", &from, shape, arguments)
            }
            "LeakyReLU" => {
                let arguments = json!({ "negative_slope": float("negative_slope")? });
                self.add("leaky_relu", &from, shape, arguments)
            }
            "ELU" => self.add("elu", &from, shape, json!({ "alpha": float("alpha")? })),
            class_name => {
                bail!("it is a {class_name}, which a page cannot compute; build the model without it")
            }
        })
    }

    fn activation(&mut self, activation: Activation, x: usize, shape: &[i64]) -> usize {
        match activation {
            Activation::Linear => x,
            _ => self.add("activation", &[x], shape, json!({ "name": activation.name() })),
        }
    }

    /// (x - mean) · factor + offset, each with a number per channel or unit.
    fn normalized(&mut self, [mean, factor, offset]: [&Tensor; 3], x: usize, shape: &[i64]) -> Result<usize> {
        let weights =
            self.keep([("mean", Some(mean)), ("factor", Some(factor)), ("offset", Some(offset))])?;
        Ok(self.add_weighted("normalized", &[x], shape, json!({}), weights))
    }

    fn convolution(
        &mut self,
        sliding: &Sliding,
        groups: i64,
        (kernel, bias): (&Tensor, Option<&Tensor>),
        x: usize,
        input: &[i64],
        shape: &[i64],
    ) -> Result<usize> {
        let [left, _, top, _] = sliding.around((input[1], input[2]));
        let arguments = json!({
            "size": sliding.kernel_size,
            "strides": sliding.strides,
            "dilation": sliding.dilation_rate,
            "padding": [top, left],
            "groups": groups,
        });
        let weights = self.keep([("kernel", Some(kernel)), ("bias", bias)])?;
        Ok(self.add_weighted("convolution", &[x], shape, arguments, weights))
    }

    fn pooling(
        &mut self,
        operation: &str,
        windows: &Windows,
        x: usize,
        input: &[i64],
        shape: &[i64],
    ) -> usize {
        let [left, _, top, _] = windows.around(input[1], input[2]);
        let arguments =
            json!({ "size": windows.pool_size, "strides": windows.strides(), "padding": [top, left] });
        self.add(operation, &[x], shape, arguments)
    }
}

/// A layer's weights by name.
struct Weights(Vec<(String, Tensor)>);

impl Weights {
    fn of(&self, name: &str) -> Result<&Tensor> {
        let found = self.0.iter().find(|(weight, _)| weight == name);
        found.map(|(_, tensor)| tensor).with_context(|| format!("has no weight {name}"))
    }
}
