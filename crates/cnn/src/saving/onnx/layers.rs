//! Each layer as operators of ONNX.

use anyhow::{bail, Result};
use std::f64::consts::FRAC_1_SQRT_2;
use tch::Tensor;

use super::file::{Argument, Argument::*, OnnxGraph};
use crate::engine::error::Context;
use crate::layers::{
    argument, argument_or, Activation, Interpolation, Layer, Normalization, Padding, Sides, Sliding, Windows,
};
use crate::saving::graph::Node;

/// Adds a layer with its activation after `x`, whose shape without the batch is `input`; returns the name of its output.
pub(super) fn layer(
    onnx: &mut OnnxGraph,
    node: &Node,
    layer: &dyn Layer,
    x: String,
    input: &[i64],
) -> Result<String> {
    let made = operators(onnx, node, layer, x, input).with_context(|| format!("the layer {}", node.name))?;
    Ok(activation(onnx, &node.name, layer.activation(), made, &node.shape))
}

fn operators(
    onnx: &mut OnnxGraph,
    node: &Node,
    layer: &dyn Layer,
    x: String,
    input: &[i64],
) -> Result<String> {
    let name = node.name.as_str();
    let config = &layer.config();
    let float = |name| argument::<f64>(config, name);
    let weights = Weights(node.weights());
    let images = input.len() == 3;
    Ok(match layer.class_name() {
        // Identity, but for the activation and the shape.
        "Activation" | "Dropout" | "SpatialDropout2D" | "GaussianNoise" | "GaussianDropout" => x,
        "Conv2D" => {
            let sliding = Sliding::from_config(config)?;
            let groups = argument_or(config, "groups", 1)?;
            conv(onnx, name, &x, &weights, ("kernel", "bias"), &sliding, input, groups)?
        }
        "DepthwiseConv2D" => {
            let kernel = weights.0[0].0.clone();
            conv(
                onnx,
                name,
                &x,
                &weights,
                (&kernel, "bias"),
                &Sliding::from_config(config)?,
                input,
                input[0],
            )?
        }
        "SeparableConv2D" => {
            let between = conv(
                onnx,
                name,
                &x,
                &weights,
                ("depthwise_kernel", ""),
                &Sliding::from_config(config)?,
                input,
                input[0],
            )?;
            let shape = [input[0], node.shape[1], node.shape[2]];
            conv(
                onnx,
                name,
                &between,
                &weights,
                ("pointwise_kernel", "bias"),
                &Sliding::new((1, 1)),
                &shape,
                1,
            )?
        }
        "Dense" => {
            let kernel = onnx.weight(name, "kernel", weights.of("kernel")?)?;
            let bias = weights.of("bias").ok().map(|bias| onnx.weight(name, "bias", bias)).transpose()?;
            let inputs: Vec<&str> =
                [Some(x.as_str()), Some(&kernel), bias.as_deref()].into_iter().flatten().collect();
            onnx.node("Gemm", name, &inputs, vec![])
        }
        "MaxPooling2D" => pool(onnx, "MaxPool", name, &x, &Windows::from_config(config)?, input, vec![]),
        "AveragePooling2D" => {
            // The mean over what is inside of the image.
            pool(
                onnx,
                "AveragePool",
                name,
                &x,
                &Windows::from_config(config)?,
                input,
                vec![Int("count_include_pad", 0)],
            )
        }
        "GlobalAveragePooling2D" | "GlobalMaxPooling2D" => {
            let operator = match layer.class_name() {
                "GlobalMaxPooling2D" => "GlobalMaxPool",
                _ => "GlobalAveragePool",
            };
            let pixel = onnx.node(operator, name, &[&x], vec![]);
            match node.shape.len() {
                1 => onnx.node("Flatten", name, &[&pixel], vec![Int("axis", 1)]),
                _ => pixel,
            }
        }
        "Flatten" => {
            // Pixel by pixel, all channels of one pixel together.
            let x = if images { onnx.transpose(name, &x, &[0, 2, 3, 1]) } else { x };
            onnx.node("Flatten", name, &[&x], vec![Int("axis", 1)])
        }
        "Reshape" => {
            let x = if images { onnx.transpose(name, &x, &[0, 2, 3, 1]) } else { x };
            let mut shape = node.shape.clone();
            let to_images = shape.len() == 3;
            if to_images {
                shape.rotate_left(1);
            }
            shape.insert(0, 0); // the batch, as it is
            let shape = onnx.ints(name, &shape);
            let x = onnx.node("Reshape", name, &[&x, &shape], vec![]);
            if to_images {
                onnx.transpose(name, &x, &[0, 3, 1, 2])
            } else {
                x
            }
        }
        "Permute" => {
            let dims: Vec<i64> = argument(config, "dims")?;
            onnx.transpose(name, &x, &[&[0], dims.as_slice()].concat())
        }
        "BatchNormalization" => {
            let epsilon = float("epsilon")?;
            let mean = weights.of("moving_mean")?;
            let mut inputs = vec![x];
            for (weight, default) in [("gamma", mean.ones_like()), ("beta", mean.zeros_like())] {
                inputs.push(onnx.weight(name, weight, weights.of(weight).unwrap_or(&default))?);
            }
            inputs.push(onnx.weight(name, "moving_mean", mean)?);
            inputs.push(onnx.weight(name, "moving_variance", weights.of("moving_variance")?)?);
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            onnx.node("BatchNormalization", name, &inputs, vec![Float("epsilon", epsilon)])
        }
        "LayerNormalization" => {
            let epsilon = float("epsilon")?;
            let x = if images { onnx.transpose(name, &x, &[0, 2, 3, 1]) } else { x };
            let ones = Tensor::ones([input[0]], (tch::Kind::Float, tch::Device::Cpu));
            let gamma = onnx.weight(name, "gamma", weights.of("gamma").unwrap_or(&ones))?;
            let beta = onnx.weight(name, "beta", weights.of("beta").unwrap_or(&ones.zeros_like()))?;
            let arguments = vec![Int("axis", -1), Float("epsilon", epsilon)];
            let x = onnx.node("LayerNormalization", name, &[&x, &gamma, &beta], arguments);
            if images {
                onnx.transpose(name, &x, &[0, 3, 1, 2])
            } else {
                x
            }
        }
        "Rescaling" => {
            let (scale, offset) = (onnx.number(name, float("scale")?), onnx.number(name, float("offset")?));
            let x = onnx.node("Mul", name, &[&x, &scale], vec![]);
            onnx.node("Add", name, &[&x, &offset], vec![])
        }
        "Normalization" => {
            let (mean, deviation) = Normalization::from_config(config)?.by_channel(input);
            let mean = onnx.weight(name, "mean", &mean)?;
            let deviation = onnx.weight(name, "deviation", &deviation)?;
            let centred = onnx.node("Sub", name, &[&x, &mean], vec![]);
            onnx.node("Div", name, &[&centred, &deviation], vec![])
        }
        "ZeroPadding2D" => {
            let Sides((top, bottom), (left, right)) = argument(config, "padding")?;
            let pads = onnx.ints(name, &[0, 0, top, left, 0, 0, bottom, right]);
            onnx.node("Pad", name, &[&x, &pads], vec![Text("mode", "constant")])
        }
        "Cropping2D" => {
            let Sides((top, _), (left, _)) = argument(config, "cropping")?;
            let starts = onnx.ints(name, &[top, left]);
            let ends = onnx.ints(name, &[top + node.shape[1], left + node.shape[2]]);
            let axes = onnx.ints(name, &[2, 3]);
            onnx.node("Slice", name, &[&x, &starts, &ends, &axes], vec![])
        }
        "UpSampling2D" => {
            let (down, right): (i64, i64) = argument(config, "size")?;
            let interpolation: Interpolation = argument(config, "interpolation")?;
            let scales = onnx.floats(name, &[1.0, 1.0, down as f32, right as f32]);
            let arguments = match interpolation {
                Interpolation::Nearest => vec![
                    Text("mode", "nearest"),
                    Text("coordinate_transformation_mode", "asymmetric"),
                    Text("nearest_mode", "floor"),
                ],
                Interpolation::Bilinear => {
                    vec![Text("mode", "linear"), Text("coordinate_transformation_mode", "half_pixel")]
                }
            };
            onnx.node("Resize", name, &[&x, "", &scales], arguments)
        }
        "ReLU" if layer.activation() != Activation::Linear => x, // nothing but the activation that comes after it
        "ReLU" => {
            relu(onnx, name, x, argument(config, "max_value")?, float("negative_slope")?, float("threshold")?)
        }
        "LeakyReLU" => onnx.node("LeakyRelu", name, &[&x], vec![Float("alpha", float("negative_slope")?)]),
        "ELU" if layer.activation() == Activation::Linear => {
            onnx.node("Elu", name, &[&x], vec![Float("alpha", float("alpha")?)])
        }
        "Softmax" if layer.activation() == Activation::Linear => {
            onnx.node("Softmax", name, &[&x], vec![Int("axis", if images { 1 } else { -1 })])
        }
        "ELU" | "Softmax" => x,
        class_name => {
            bail!("it is a {class_name}, which cannot be written as ONNX; build the model without it")
        }
    })
}

/// Adds an activation; returns the name of its output, whose shape without the batch is `shape`.
pub(super) fn activation(
    onnx: &mut OnnxGraph,
    name: &str,
    activation: Activation,
    x: String,
    shape: &[i64],
) -> String {
    let simple =
        |onnx: &mut OnnxGraph, operator: &str, arguments| onnx.node(operator, name, &[&x], arguments);
    match activation {
        Activation::Linear => x,
        Activation::Relu => simple(onnx, "Relu", vec![]),
        Activation::Relu6 => {
            let [least, most] = [0.0, 6.0].map(|number| onnx.number(name, number));
            onnx.node("Clip", name, &[&x, &least, &most], vec![])
        }
        Activation::LeakyRelu => simple(onnx, "LeakyRelu", vec![Float("alpha", 0.2)]),
        Activation::Elu => simple(onnx, "Elu", vec![]),
        Activation::Selu => simple(onnx, "Selu", vec![]),
        Activation::Softplus => simple(onnx, "Softplus", vec![]),
        Activation::Sigmoid => simple(onnx, "Sigmoid", vec![]),
        Activation::Tanh => simple(onnx, "Tanh", vec![]),
        Activation::Softmax => {
            let axis = if shape.len() == 3 { 1 } else { -1 };
            simple(onnx, "Softmax", vec![Int("axis", axis)])
        }
        Activation::Silu => {
            let gate = simple(onnx, "Sigmoid", vec![]);
            onnx.node("Mul", name, &[&x, &gate], vec![])
        }
        Activation::Gelu => {
            // x / 2 · (1 + erf(x / √2)): the operator of that name came later.
            let [root, one, half] = [FRAC_1_SQRT_2, 1.0, 0.5].map(|number| onnx.number(name, number));
            let scaled = onnx.node("Mul", name, &[&x, &root], vec![]);
            let erf = onnx.node("Erf", name, &[&scaled], vec![]);
            let share = onnx.node("Add", name, &[&erf, &one], vec![]);
            let whole = onnx.node("Mul", name, &[&x, &share], vec![]);
            onnx.node("Mul", name, &[&whole, &half], vec![])
        }
    }
}

fn relu(
    onnx: &mut OnnxGraph,
    name: &str,
    x: String,
    max_value: Option<f64>,
    negative_slope: f64,
    threshold: f64,
) -> String {
    let mut y = if threshold == 0.0 {
        onnx.node("Relu", name, &[&x], vec![])
    } else {
        let (threshold, zero) = (onnx.number(name, threshold), onnx.number(name, 0.0));
        let below = onnx.node("LessOrEqual", name, &[&x, &threshold], vec![]);
        onnx.node("Where", name, &[&below, &zero, &x], vec![])
    };
    if let Some(max_value) = max_value {
        let most = onnx.number(name, max_value);
        y = onnx.node("Min", name, &[&y, &most], vec![]);
    }
    if negative_slope != 0.0 {
        let (threshold, slope) = (onnx.number(name, threshold), onnx.number(name, negative_slope));
        let under = onnx.node("Sub", name, &[&threshold, &x], vec![]);
        let under = onnx.node("Relu", name, &[&under], vec![]);
        let part = onnx.node("Mul", name, &[&under, &slope], vec![]);
        y = onnx.node("Sub", name, &[&y, &part], vec![]);
    }
    y
}

/// A convolution; `weights` are the names of kernel and bias.
#[allow(clippy::too_many_arguments)] // what a convolution is made of
fn conv(
    onnx: &mut OnnxGraph,
    name: &str,
    x: &str,
    weights: &Weights,
    (kernel, bias): (&str, &str),
    sliding: &Sliding,
    input: &[i64],
    groups: i64,
) -> Result<String> {
    let tensor = weights.of(kernel)?;
    let size: Vec<i64> = tensor.size()[2..].to_vec();
    let kernel = onnx.weight(name, kernel, tensor)?;
    let bias = weights.of(bias).ok().map(|tensor| onnx.weight(name, bias, tensor)).transpose()?;
    let inputs: Vec<&str> = [Some(x), Some(&kernel), bias.as_deref()].into_iter().flatten().collect();
    let (rates, (rows, columns)) = (sliding.dilation_rate, (size[0], size[1]));
    let covered = ((rows - 1) * rates.0 + 1, (columns - 1) * rates.1 + 1);
    let mut arguments = window(sliding.padding, covered, sliding.strides, input);
    arguments.extend([
        Ints("kernel_shape", size),
        Ints("dilations", vec![rates.0, rates.1]),
        Int("group", groups),
    ]);
    Ok(onnx.node("Conv", name, &inputs, arguments))
}

fn pool(
    onnx: &mut OnnxGraph,
    operator: &str,
    name: &str,
    x: &str,
    windows: &Windows,
    input: &[i64],
    mut arguments: Vec<Argument>,
) -> String {
    let (rows, columns) = windows.pool_size;
    arguments.extend(window(windows.padding, windows.pool_size, windows.strides(), input));
    arguments.push(Ints("kernel_shape", vec![rows, columns]));
    onnx.node(operator, name, &[x], arguments)
}

/// Strides, and the pixels around the image as TensorFlow has them: where they are odd in number, the end gets one more.
fn window(padding: Padding, size: (i64, i64), strides: (i64, i64), input: &[i64]) -> Vec<Argument> {
    let [left, right, top, bottom] = padding.of_image((input[1], input[2]), size, strides);
    vec![Ints("strides", vec![strides.0, strides.1]), Ints("pads", vec![top, left, bottom, right])]
}

struct Weights(Vec<(String, Tensor)>);

impl Weights {
    fn of(&self, name: &str) -> Result<&Tensor> {
        let found = self.0.iter().find(|(weight, _)| weight == name);
        found.map(|(_, tensor)| tensor).with_context(|| format!("has no weight {name}"))
    }
}
