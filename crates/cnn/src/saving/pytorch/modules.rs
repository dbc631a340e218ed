//! Layers as PyTorch's modules: the Python that makes them, and their weights.

use anyhow::{bail, Result};
use std::any::Any;
use tch::Tensor;

use crate::engine::error::Context;
use crate::layers::{
    argument, argument_or, Activation, Layer, Normalization, Residual, Sides, Sliding, Windows,
};
use crate::saving::keras::rows_to_channels_first;

/// Modules one after the other, as `nn.Sequential` has them.
#[derive(Default)]
pub(super) struct Modules {
    /// Each module's Python, a line or, for a block, several.
    pub lines: Vec<String>,
    /// By PyTorch's names: `0.weight`.
    pub weights: Vec<(String, Tensor)>,
    /// Whether a block is among them.
    pub has_blocks: bool,
    pub has_normalization: bool,
}

impl Modules {
    fn add(&mut self, line: String, weights: Vec<(&str, Tensor)>) {
        let number = self.lines.len();
        let named = weights.into_iter().map(|(name, tensor)| (format!("{number}.{name}"), tensor));
        self.weights.extend(named);
        self.lines.push(line);
    }

    /// Adds layers, whose input has this shape; returns that of their output. `image` is what a Flatten before has laid out.
    pub fn add_layers<'a>(
        &mut self,
        layers: impl Iterator<Item = (String, &'a dyn Layer)>,
        mut shape: Vec<i64>,
    ) -> Result<Vec<i64>> {
        let mut image = None;
        for (name, layer) in layers {
            let output = layer.output_shape(&shape)?;
            match (layer as &dyn Any).downcast_ref::<Residual>() {
                Some(block) => self.add_block(block, &shape),
                None => self.add_layer(layer, &shape, &image),
            }
            .with_context(|| format!("the layer {name} ({})", layer.class_name()))?;
            match layer.class_name() {
                "Flatten" => image = Some(shape.clone()).filter(|shape| shape.len() == 3),
                "Dense" => image = None,
                _ => {}
            }
            self.add_activation(layer.activation(), &output);
            shape = output;
        }
        Ok(shape)
    }

    fn add_block(&mut self, block: &Residual, shape: &[i64]) -> Result<()> {
        self.has_blocks = true;
        let number = self.lines.len();
        let mut python = String::from("Residual(\n");
        let ways = [("inside", block.inside()), ("shortcut", block.around())];
        for (way, layers) in ways.into_iter().filter(|(_, layers)| !layers.is_empty()) {
            let mut modules = Modules::default();
            modules.add_layers(layers.into_iter(), shape.to_vec())?;
            self.has_blocks |= modules.has_blocks;
            self.has_normalization |= modules.has_normalization;
            let indented =
                modules.lines.iter().map(|line| format!("    {},\n", line.replace('\n', "\n    ")));
            python += &format!(
                "    nn.Sequential(\n{}    ),\n",
                indented.map(|line| format!("    {line}")).collect::<String>()
            );
            let weights = modules.weights.into_iter();
            self.weights.extend(weights.map(|(name, tensor)| (format!("{number}.{way}.{name}"), tensor)));
        }
        python += ")";
        self.lines.push(python);
        Ok(())
    }

    fn add_layer(&mut self, layer: &dyn Layer, shape: &[i64], image: &Option<Vec<i64>>) -> Result<()> {
        let own: Vec<(String, Tensor)> =
            layer.weights().into_iter().chain(layer.non_trainable_weights()).collect();
        let weight = |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor.detach());
        let config = &layer.config();
        let float = |name| argument::<f64>(config, name);
        match layer.class_name() {
            "Activation" => {}
            "Dropout" => self.add(format!("nn.Dropout({})", float("rate")?), vec![]),
            "SpatialDropout2D" => self.add(format!("nn.Dropout2d({})", float("rate")?), vec![]),
            "Flatten" => self.add("nn.Flatten()".to_string(), vec![]),
            "Dense" => {
                let kernel = weight("kernel").context("it has no kernel")?;
                let rows = match image {
                    Some(image) => rows_to_channels_first(&kernel, image),
                    None => kernel,
                };
                let (inputs, units) = rows.size2()?;
                let bias = weight("bias");
                let none = if bias.is_none() { ", bias=False" } else { "" };
                let weights = [Some(("weight", rows.transpose(0, 1))), bias.map(|bias| ("bias", bias))];
                self.add(
                    format!("nn.Linear({inputs}, {units}{none})"),
                    weights.into_iter().flatten().collect(),
                );
            }
            "Conv2D" => {
                let groups = argument_or(config, "groups", 1)?;
                self.conv(weight("kernel"), weight("bias"), &Sliding::from_config(config)?, shape, groups)?
            }
            "DepthwiseConv2D" => {
                let kernel = own.first().map(|(_, kernel)| kernel.detach());
                self.conv(kernel, weight("bias"), &Sliding::from_config(config)?, shape, shape[0])?
            }
            "SeparableConv2D" => {
                self.conv(weight("depthwise_kernel"), None, &Sliding::from_config(config)?, shape, shape[0])?;
                let pointwise = weight("pointwise_kernel").context("it has no pointwise_kernel")?;
                let between = [pointwise.size()[1], 1, 1];
                self.conv(Some(pointwise), weight("bias"), &Sliding::new((1, 1)), &between, 1)?
            }
            "MaxPooling2D" => {
                let windows = Windows::from_config(config)?;
                let around = windows.around(shape[1], shape[2]);
                if around != [0; 4] {
                    self.add(format!("nn.ConstantPad2d({}, float(\"-inf\"))", tuple(&around)), vec![]);
                }
                self.add(format!("nn.MaxPool2d({})", python(&windows)), vec![]);
            }
            "AveragePooling2D" => {
                let windows = Windows::from_config(config)?;
                let padding = match windows.around(shape[1], shape[2]) {
                    [0, 0, 0, 0] => String::new(),
                    [left, right, top, bottom] if (left, top) == (right, bottom) => {
                        format!(", padding=({top}, {left}), count_include_pad=False")
                    }
                    around => {
                        bail!("it pads unequal sides, {around:?}, which PyTorch's average pooling cannot")
                    }
                };
                self.add(format!("nn.AvgPool2d({}{padding})", python(&windows)), vec![]);
            }
            "GlobalAveragePooling2D" | "GlobalMaxPooling2D" => {
                let which = if layer.class_name() == "GlobalMaxPooling2D" { "Max" } else { "Avg" };
                self.add(format!("nn.Adaptive{which}Pool2d(1)"), vec![]);
                if layer.output_shape(shape)?.len() == 1 {
                    self.add("nn.Flatten()".to_string(), vec![]);
                }
            }
            "BatchNormalization" => {
                let (epsilon, momentum) = (float("epsilon")?, float("momentum")?);
                let mean = weight("moving_mean").context("it has no moving_mean")?;
                let dimensions = if shape.len() == 3 { "2d" } else { "1d" };
                // Keras counts what stays, PyTorch what is new.
                let momentum = (1e6 * (1.0 - momentum)).round() / 1e6;
                let (gamma, beta) = (weight("gamma"), weight("beta"));
                let affine = if gamma.is_none() && beta.is_none() { ", affine=False" } else { "" };
                let line = format!(
                    "nn.BatchNorm{dimensions}({}, eps={epsilon}, momentum={momentum}{affine})",
                    shape[0]
                );
                let mut weights = Vec::new();
                if affine.is_empty() {
                    // PyTorch has both or none.
                    weights.push(("weight", gamma.unwrap_or_else(|| mean.ones_like())));
                    weights.push(("bias", beta.unwrap_or_else(|| mean.zeros_like())));
                }
                weights
                    .push(("running_var", weight("moving_variance").context("it has no moving_variance")?));
                weights.push(("running_mean", mean));
                self.add(line, weights);
            }
            "Normalization" => {
                self.has_normalization = true;
                let (mean, deviation) = Normalization::from_config(config)?.numbers();
                self.add(format!("Normalization({mean:?}, {deviation:?}, {})", shape.len()), vec![]);
            }
            "ZeroPadding2D" => {
                let Sides((top, bottom), (left, right)) = argument(config, "padding")?;
                self.add(format!("nn.ZeroPad2d(({left}, {right}, {top}, {bottom}))"), vec![]);
            }
            "ReLU" => match (
                argument::<Option<f64>>(config, "max_value")?,
                float("negative_slope")?,
                float("threshold")?,
            ) {
                (None, 0.0, 0.0) => {} // its activation comes after it
                (None, negative_slope, 0.0) => self.add(format!("nn.LeakyReLU({negative_slope})"), vec![]),
                (Some(most), 0.0, 0.0) => self.add(format!("nn.Hardtanh(0.0, {most:?})"), vec![]),
                _ => bail!("its arguments together have no module in PyTorch"),
            },
            "LeakyReLU" => {
                self.add(format!("nn.LeakyReLU({})", float("negative_slope")?), vec![]);
            }
            "ELU" if layer.activation() == Activation::Linear => {
                self.add(format!("nn.ELU({})", float("alpha")?), vec![]);
            }
            "Softmax" if layer.activation() == Activation::Linear => {
                self.add("nn.Softmax(dim=1)".to_string(), vec![])
            }
            "ELU" | "Softmax" => {}
            "UpSampling2D" => {
                let ((down, right), interpolation): ((i64, i64), &str) =
                    (argument(config, "size")?, argument(config, "interpolation")?);
                self.add(
                    format!("nn.Upsample(scale_factor=({down}, {right}), mode=\"{interpolation}\")"),
                    vec![],
                );
            }
            random if random.starts_with("Random") => {} // it works only while training, and not as torchvision's
            _ => bail!("PyTorch's nn has no module for it; save to .onnx, which other programs run"),
        }
        Ok(())
    }

    fn conv(
        &mut self,
        kernel: Option<Tensor>,
        bias: Option<Tensor>,
        sliding: &Sliding,
        shape: &[i64],
        groups: i64,
    ) -> Result<()> {
        let kernel = kernel.context("it has no kernel")?;
        let (filters, _, rows, columns) = kernel.size4()?;
        let rates = sliding.dilation_rate;
        let covered = ((rows - 1) * rates.0 + 1, (columns - 1) * rates.1 + 1);
        let around = match shape {
            &[_, height, width] => sliding.padding.of_image((height, width), covered, sliding.strides),
            _ => [0; 4],
        };
        let mut arguments = format!("{}, {filters}, {}", shape[0], pair((rows, columns)));
        if sliding.strides != (1, 1) {
            arguments += &format!(", stride={}", pair(sliding.strides));
        }
        match around {
            [0, 0, 0, 0] => {}
            [left, right, top, bottom] if (left, top) == (right, bottom) => {
                arguments += &format!(", padding={}", pair((top, left)));
            }
            // TensorFlow's "same" gives the end one more.
            around => self.add(format!("nn.ZeroPad2d({})", tuple(&around)), vec![]),
        }
        if rates != (1, 1) {
            arguments += &format!(", dilation={}", pair(rates));
        }
        if groups != 1 {
            arguments += &format!(", groups={groups}");
        }
        if bias.is_none() {
            arguments += ", bias=False";
        }
        let weights = [Some(("weight", kernel)), bias.map(|bias| ("bias", bias))];
        self.add(format!("nn.Conv2d({arguments})"), weights.into_iter().flatten().collect());
        Ok(())
    }

    fn add_activation(&mut self, activation: Activation, shape: &[i64]) {
        let module = match activation {
            Activation::Linear => return,
            Activation::Relu => "nn.ReLU()",
            Activation::Relu6 => "nn.ReLU6()",
            Activation::LeakyRelu => "nn.LeakyReLU(0.2)",
            Activation::Elu => "nn.ELU()",
            Activation::Selu => "nn.SELU()",
            Activation::Gelu => "nn.GELU()",
            Activation::Silu => "nn.SiLU()",
            Activation::Softplus => "nn.Softplus()",
            Activation::Sigmoid => "nn.Sigmoid()",
            Activation::Tanh => "nn.Tanh()",
            Activation::Softmax if shape.len() == 3 => "nn.Softmax(dim=1)",
            Activation::Softmax => "nn.Softmax(dim=-1)",
        };
        self.add(module.to_string(), vec![]);
    }
}

/// Two numbers as Python's users write them: one where they are the same.
fn pair((one, other): (i64, i64)) -> String {
    if one == other {
        one.to_string()
    } else {
        format!("({one}, {other})")
    }
}

fn tuple(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("({})", numbers.join(", "))
}

/// The arguments of a pooling's module that say where its windows lie.
fn python(windows: &Windows) -> String {
    match windows.strides() == windows.pool_size {
        true => pair(windows.pool_size),
        false => format!("{}, stride={}", pair(windows.pool_size), pair(windows.strides())),
    }
}
