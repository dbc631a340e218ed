//! A block of layers with a way around it.

use super::{
    check_names, check_size, layer::to_config, named::name_method, names, through, Activation, Conv2D,
    Initializer, Layer,
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
///   convolution, called `shortcut`, with the strides that make the shapes equal.
/// - Weights: those of its layers, for example `conv2d_1/kernel`, and `shortcut/kernel` and `shortcut/bias`.
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
    shortcut: Option<Conv2D>,
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

    /// The function applied to the sum.
    pub fn activation(self, activation: Activation) -> Self {
        Residual { activation, ..self }
    }

    name_method!();

    pub(crate) fn add_boxed(mut self, layer: Box<dyn Layer>) -> Self {
        self.layers.push(layer);
        self
    }

    pub(crate) fn shortcut_boxed(self, _layer: Box<dyn Layer>) -> Self {
        self
    }

    /// The layers with their names.
    pub(crate) fn inside(&self) -> Vec<(String, &dyn Layer)> {
        names(&self.layers).into_iter().zip(self.layers.iter().map(|layer| layer.as_ref())).collect()
    }

    /// What the input goes through on its way around them.
    pub(crate) fn around(&self) -> Vec<(String, &dyn Layer)> {
        self.shortcut.iter().map(|shortcut| ("shortcut".to_string(), shortcut as &dyn Layer)).collect()
    }

    /// Reads what [`Layer::config`] gave; `from_config` makes one of its layers.
    pub(super) fn from_config(
        config: &Value,
        from_config: impl Fn(&str, &Value) -> Result<Box<dyn Layer>>,
    ) -> Result<Residual> {
        let layers = config["layers"].as_array().context("the layers are missing")?;
        let read = |saved: &Value| {
            from_config(saved["class_name"].as_str().context("a class_name is missing")?, &saved["config"])
        };
        let layers = layers.iter().map(read).collect::<Result<_>>()?;
        let activation = serde_json::from_value(config["activation"].clone())?;
        let name = serde_json::from_value(config["name"].clone())?;
        Ok(Residual { layers, shortcut: None, activation, name })
    }

    /// The convolution around the layers that turns `input` into `output`, if one is needed.
    fn shortcut(input: &[i64], output: &[i64]) -> Result<Option<Conv2D>> {
        if input == output {
            return Ok(None);
        }
        let (&[_, height, width], &[filters, new_height, new_width]) = (input, output) else {
            anyhow::bail!(
                "its layers make {output:?} of {input:?}, and only images can be added to other images"
            );
        };
        let stride = |length: i64, new: i64| (length + new - 1) / new;
        let shortcut =
            Conv2D::new(filters, (1, 1)).strides((stride(height, new_height), stride(width, new_width)));
        let reached = shortcut.output_shape(input)?;
        ensure!(
            reached == output,
            "its layers make {output:?} of {input:?}, and a shortcut with strides can only make {reached:?} of it; \
             use Padding::Same in the block's convolutions"
        );
        Ok(Some(shortcut))
    }

    /// The shapes between the layers: `input`, then the output of each.
    fn shapes(&self, input: &[i64]) -> Result<Vec<Vec<i64>>> {
        ensure!(!self.layers.is_empty(), "the block has no layers; add some");
        let names = names(&self.layers);
        check_names(&self.layers, &names)?;
        ensure!(
            names.iter().all(|name| name != SHORTCUT),
            "a layer of the block is called {SHORTCUT:?}, as the way around the block is; call it otherwise"
        );
        let mut shapes = vec![input.to_vec()];
        for (layer, name) in self.layers.iter().zip(names) {
            let shape = &shapes[shapes.len() - 1];
            let output = layer
                .output_shape(shape)
                .and_then(|output| check_size(&output).map(|()| output))
                .with_context(|| format!("its layer {name}, after {shape:?}"))?;
            shapes.push(output);
        }
        Ok(shapes)
    }

    /// The weights that `of` gives for each layer, under the layer's name.
    fn named(&self, of: impl Fn(&dyn Layer) -> Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
        let shortcut = self.shortcut.iter().map(|shortcut| (SHORTCUT.to_string(), shortcut as &dyn Layer));
        let layers = names(&self.layers).into_iter().zip(self.layers.iter().map(|layer| layer.as_ref()));
        let weights = layers.chain(shortcut).flat_map(|(name, layer)| {
            of(layer).into_iter().map(move |(weight, tensor)| (format!("{name}/{weight}"), tensor))
        });
        weights.collect()
    }
}

impl Layer for Residual {
    fn class_name(&self) -> &'static str {
        "Residual"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let mut shapes = self.shapes(input)?;
        let output = shapes.pop().expect("there is at least the input's");
        Residual::shortcut(input, &output)?;
        Ok(output)
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let shapes = self.shapes(input).expect("the model asks for the output shape first");
        for (layer, shape) in self.layers.iter_mut().zip(&shapes) {
            layer.build(shape, initializer);
        }
        self.shortcut = Residual::shortcut(input, &shapes[shapes.len() - 1]).expect("as above");
        if let Some(shortcut) = &mut self.shortcut {
            shortcut.build(input, initializer);
        }
    }

    fn works_on_images(&self) -> bool {
        self.layers.iter().any(|layer| layer.works_on_images())
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let layers = self.layers.iter().map(|layer| layer.as_ref());
        let output = through(layers, Activation::Linear, x, training);
        match &self.shortcut {
            Some(shortcut) => output + shortcut.forward(x, training),
            None => output + x,
        }
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

    fn config(&self) -> Value {
        let saved = |layer: &dyn Layer| json!({ "class_name": layer.class_name(), "config": layer.config() });
        let layers: Vec<Value> = self.layers.iter().map(|layer| saved(layer.as_ref())).collect();
        let mut config = json!({ "layers": layers, "activation": to_config(&self.activation) });
        if let Some(name) = &self.name {
            config["name"] = name.clone().into();
        }
        config
    }
}
