//! A block of layers with a way around it.

use super::{
    arguments::argument, arguments::argument_or, check_names, check_size, layer::to_config, names,
    names::name_method, tape::Tape, through, Activation, Conv2D, Initializer, Layer,
};
use anyhow::{ensure, Result};
use serde_json::{json, Value};
use tch::Tensor;

use crate::engine::error::Context;

/// What the names of the weights around the layers begin with.
const SHORTCUT: &str = "shortcut";

/// Adds to the output of several layers their input: `activation(layers(x) + x)`. What the layers have to learn is
/// only the difference, and gradients find a short way through deep networks.
///
/// - Input and output `[channels, height, width]`. Where the layers change the shape, the input goes through a 1×1
///   convolution, called `shortcut`, with the strides that make the shapes equal; or through layers of your own, see
///   [`shortcut`](Self::shortcut).
/// - Weights: those of its layers, for example `conv2d_1/kernel`, and `shortcut/kernel` and `shortcut/bias`, or with layers
///   of your own `shortcut/conv2d/kernel` and so on.
/// - Default: activation `Linear`.
///
/// Source: He et al., *Deep residual learning for image recognition*, 2016.
///
/// ```
/// use cnn::prelude::*;
/// let block = Residual::new()
///     .add(Conv2D::new(32, (3, 3)).padding(Padding::Same).activation(Relu))
///     .add(Conv2D::new(32, (3, 3)).padding(Padding::Same))
///     .activation(Relu);
/// assert_eq!(block.output_shape(&[16, 14, 14])?, [32, 14, 14]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Residual {
    layers: Vec<Box<dyn Layer>>,
    /// The user's layers for the way around.
    shortcut: Vec<Box<dyn Layer>>,
    /// The convolution that is needed there without them.
    projection: Option<Conv2D>,
    activation: Activation,
    name: Option<String>,
}

impl Residual {
    /// A block without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer to the block.
    // Keras's name; it has nothing to do with `+`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// Adds a layer to the way around, in place of the automatic one; call it once for each layer. Published networks have
    /// a batch normalisation there:
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let block = Residual::new()
    ///     .add(Conv2D::new(32, (3, 3)).strides((2, 2)).padding(Padding::Same).use_bias(false))
    ///     .add(BatchNormalization::new())
    ///     .shortcut(Conv2D::new(32, (1, 1)).strides((2, 2)).use_bias(false))
    ///     .shortcut(BatchNormalization::new())
    ///     .activation(Relu);
    /// let model = Sequential::input([16, 14, 14]).add(block).build()?;
    /// assert_eq!(model.weight("residual/shortcut/conv2d/kernel")?.size(), [32, 16, 1, 1]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn shortcut(mut self, layer: impl Layer + 'static) -> Self {
        self.shortcut.push(Box::new(layer));
        self
    }

    /// The function applied to the sum.
    pub fn activation(self, activation: Activation) -> Self {
        Residual { activation, ..self }
    }

    name_method!();

    pub(crate) fn add_boxed(mut self, layer: Box<dyn Layer>) -> Self {
        self.layers.push(layer);
        self
    }

    pub(crate) fn shortcut_boxed(mut self, layer: Box<dyn Layer>) -> Self {
        self.shortcut.push(layer);
        self
    }

    /// All its layers, those inside and then those around, under the names that their weights' names begin with.
    pub(super) fn parts(&self) -> Vec<(String, &dyn Layer)> {
        let layers = self.layers.iter().chain(&self.shortcut).map(|layer| layer.as_ref());
        let projection = self.projection.iter().map(|conv| conv as &dyn Layer);
        self.names_of_parts().into_iter().zip(layers.chain(projection)).collect()
    }

    pub(super) fn parts_mut(&mut self) -> Vec<(String, &mut dyn Layer)> {
        let names = self.names_of_parts();
        let layers = self.layers.iter_mut().chain(&mut self.shortcut).map(|layer| layer.as_mut());
        let projection = self.projection.iter_mut().map(|conv| conv as &mut dyn Layer);
        names.into_iter().zip(layers.chain(projection)).collect()
    }

    fn names_of_parts(&self) -> Vec<String> {
        let around = names(&self.shortcut).into_iter().map(|name| format!("{SHORTCUT}/{name}"));
        let projection = self.projection.iter().map(|_| SHORTCUT.to_string());
        names(&self.layers).into_iter().chain(around).chain(projection).collect()
    }

    /// The layers with their names.
    pub(crate) fn inside(&self) -> Vec<(String, &dyn Layer)> {
        names(&self.layers).into_iter().zip(self.layers.iter().map(|layer| layer.as_ref())).collect()
    }

    /// What the input goes through on its way around them.
    pub(crate) fn around(&self) -> Vec<(String, &dyn Layer)> {
        let around = names(&self.shortcut).into_iter().map(|name| format!("{SHORTCUT}_{name}"));
        let around = around.zip(self.shortcut.iter().map(|layer| layer.as_ref()));
        let projection = self.projection.iter().map(|conv| (SHORTCUT.to_string(), conv as &dyn Layer));
        around.chain(projection).collect()
    }

    /// Reads what [`Layer::config`] gave; `from_config` makes one of its layers.
    pub(super) fn from_config(
        config: &Value,
        from_config: impl Fn(&str, &Value) -> Result<Box<dyn Layer>>,
    ) -> Result<Residual> {
        let read = |saved: &Value| {
            from_config(saved["class_name"].as_str().context("a class_name is missing")?, &saved["config"])
        };
        let all = |saved: &Vec<Value>| saved.iter().map(read).collect::<Result<Vec<_>>>();
        let layers = all(config["layers"].as_array().context("the layers are missing")?)?;
        let shortcut = config["shortcut"].as_array().map_or(Ok(Vec::new()), all)?;
        let (activation, name) = (argument(config, "activation")?, argument_or(config, "name", None)?);
        Ok(Residual { layers, shortcut, projection: None, activation, name })
    }

    /// The convolution around the layers that turns `input` into `output`, if one is needed.
    fn projection(&self, input: &[i64], output: &[i64]) -> Result<Option<Conv2D>> {
        if !self.shortcut.is_empty() || input == output {
            return Ok(None);
        }
        let (&[_, height, width], &[filters, new_height, new_width]) = (input, output) else {
            anyhow::bail!(
                "its layers make {output:?} of {input:?}, and only images can be added to other images"
            );
        };
        let stride = |length: i64, new: i64| (length + new - 1) / new;
        let projection =
            Conv2D::new(filters, (1, 1)).strides((stride(height, new_height), stride(width, new_width)));
        let reached = projection.output_shape(input)?;
        ensure!(
            reached == output,
            "its layers make {output:?} of {input:?}, and a shortcut with strides can only make {reached:?} of it; \
             use Padding::Same in the block's convolutions"
        );
        Ok(Some(projection))
    }

    fn both_ways(&self, x: &Tensor, training: bool, tape: Option<&Tape>) -> Tensor {
        let run = |layers: &[Box<dyn Layer>]| {
            through(layers.iter().map(|layer| layer.as_ref()), Activation::Linear, x, training, tape)
        };
        match &self.projection {
            Some(projection) => run(&self.layers) + projection.forward(x, training),
            None => run(&self.layers) + run(&self.shortcut), // without layers, that is x itself
        }
    }

    /// The output's shape, if the layers and the way around them both reach it.
    fn reached(&self, input: &[i64]) -> Result<Vec<i64>> {
        ensure!(!self.layers.is_empty(), "the block has no layers; add some");
        let output = last(shapes(&self.layers, "its layer", input)?);
        ensure!(
            names(&self.layers).iter().all(|name| name != SHORTCUT),
            "a layer of the block is called {SHORTCUT:?}, as the way around the block is; call it otherwise"
        );
        self.projection(input, &output)?;
        if !self.shortcut.is_empty() {
            let around = last(shapes(&self.shortcut, "the shortcut's layer", input)?);
            ensure!(
                around == output,
                "its layers make {output:?} of {input:?}, and its shortcut {around:?}; only equal shapes can be added, so give the \
                 shortcut the same filters, strides and padding"
            );
        }
        Ok(output)
    }

    /// The weights that `of` gives for each layer, under the layer's name.
    fn named(&self, of: impl Fn(&dyn Layer) -> Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
        let weights = self.parts().into_iter().flat_map(|(name, layer)| {
            of(layer).into_iter().map(move |(weight, tensor)| (format!("{name}/{weight}"), tensor))
        });
        weights.collect()
    }
}

/// The shapes between layers: `input`, then the output of each.
fn shapes(layers: &[Box<dyn Layer>], what: &str, input: &[i64]) -> Result<Vec<Vec<i64>>> {
    let names = names(layers);
    check_names(layers, &names)?;
    let mut shapes = vec![input.to_vec()];
    for (layer, name) in layers.iter().zip(names) {
        let shape = &shapes[shapes.len() - 1];
        let output = layer
            .output_shape(shape)
            .and_then(|output| check_size(&output).map(|()| output))
            .with_context(|| format!("{what} {name}, after {shape:?}"))?;
        shapes.push(output);
    }
    Ok(shapes)
}

fn last(mut shapes: Vec<Vec<i64>>) -> Vec<i64> {
    shapes.pop().expect("there is at least the input's")
}

/// Makes the weights of layers after each other, whose shapes were looked at, and gives the output's shape.
fn build_all(layers: &mut [Box<dyn Layer>], input: &[i64], initializer: &mut Initializer) -> Vec<i64> {
    let shapes = shapes(layers, "layer", input).expect("the model asks for the output shape first");
    for (layer, shape) in layers.iter_mut().zip(&shapes) {
        layer.build(shape, initializer);
    }
    last(shapes)
}

impl Layer for Residual {
    fn class_name(&self) -> &'static str {
        "Residual"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        self.reached(input)
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let output = build_all(&mut self.layers, input, initializer);
        build_all(&mut self.shortcut, input, initializer);
        self.projection = self.projection(input, &output).expect("as above");
        if let Some(projection) = &mut self.projection {
            projection.build(input, initializer);
        }
    }

    fn multiply_adds(&self, input: &[i64]) -> i64 {
        let all = |layers: &[Box<dyn Layer>]| -> i64 {
            let shapes = shapes(layers, "layer", input).unwrap_or_default();
            layers.iter().zip(&shapes).map(|(layer, shape)| layer.multiply_adds(shape)).sum()
        };
        let projection = self.projection.as_ref().map_or(0, |projection| projection.multiply_adds(input));
        all(&self.layers) + all(&self.shortcut) + projection
    }

    fn works_on_images(&self) -> bool {
        self.layers.iter().chain(&self.shortcut).any(|layer| layer.works_on_images())
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        self.both_ways(x, training, None)
    }

    fn noted(&self, x: &Tensor, tape: &Tape) -> Tensor {
        self.both_ways(&tape.parted(x), true, Some(tape))
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.named(|layer| layer.weights())
    }

    fn non_trainable_weights(&self) -> Vec<(String, Tensor)> {
        self.named(|layer| layer.non_trainable_weights())
    }

    fn set_trainable(&mut self, trainable: bool) {
        self.parts_mut().into_iter().for_each(|(_, layer)| layer.set_trainable(trainable));
    }

    fn config(&self) -> Value {
        let saved = |layer: &dyn Layer| json!({ "class_name": layer.class_name(), "config": layer.config() });
        let all = |layers: &[Box<dyn Layer>]| -> Value {
            layers.iter().map(|layer| saved(layer.as_ref())).collect()
        };
        let mut config = json!({ "layers": all(&self.layers), "activation": to_config(&self.activation) });
        if !self.shortcut.is_empty() {
            config["shortcut"] = all(&self.shortcut);
        }
        if let Some(name) = &self.name {
            config["name"] = name.clone().into();
        }
        config
    }
}
