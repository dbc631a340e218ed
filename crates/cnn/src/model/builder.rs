//! From a list of layers to a model with its initial weights.

use anyhow::{ensure, Result};
use std::collections::BTreeMap;
use tch::Device;

use super::network::{NamedLayer, Network};
use super::scale::Scale;
use super::sequential::Sequential;
use crate::engine::device::{check, device};
use crate::engine::error::Context;
use crate::engine::memory::guarded;
use crate::engine::text::thousands;
use crate::layers::{check_names, check_size, names, Initializer, Layer, MOST_NUMBERS};

impl Sequential {
    /// Begins a model for inputs of this shape, without the batch: `[channels, height, width]`.
    pub fn input(shape: impl Into<Vec<i64>>) -> SequentialBuilder {
        SequentialBuilder {
            input_shape: shape.into(),
            layers: Vec::new(),
            seed: 42,
            device: None,
            most_weights: MOST_NUMBERS,
            draws: true,
        }
    }
}

/// Collects the layers of a [`Sequential`] model; see there for an example.
#[derive(Debug)]
pub struct SequentialBuilder {
    input_shape: Vec<i64>,
    layers: Vec<Box<dyn Layer>>,
    seed: u64,
    device: Option<Device>,
    most_weights: usize,
    draws: bool,
}

impl SequentialBuilder {
    /// Adds a layer at the end.
    // Keras's name; it has nothing to do with `+`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    pub(crate) fn add_boxed(mut self, layer: Box<dyn Layer>) -> Self {
        self.layers.push(layer);
        self
    }

    /// Seed of the initial weights; one seed always gives the same weights. Default 42.
    pub fn seed(self, seed: u64) -> Self {
        SequentialBuilder { seed, ..self }
    }

    /// Device of the weights; default is [`device()`](crate::device()).
    pub fn device(self, device: Device) -> Self {
        SequentialBuilder { device: Some(device), ..self }
    }

    /// For a model that gets its weights, so many at most, from a file.
    pub(crate) fn for_loading(self, most_weights: usize) -> Self {
        SequentialBuilder { most_weights, draws: false, ..self }
    }

    /// Makes the model, with its initial weights.
    ///
    /// # Errors
    /// If a layer cannot work on the shape that reaches it: the error names the layer, what it wants and
    /// what it gets. An input shape that looks like Keras's `[height, width, channels]` is refused where a layer works on
    /// images. If a name given to a layer is empty, has a `/`, or is that of another layer. Also if there is no such device, or not enough memory.
    pub fn build(self) -> Result<Sequential> {
        let advice =
            || "there is not enough memory for the model's weights; make its layers smaller".to_string();
        guarded("build", advice, || self.built())
    }

    fn built(self) -> Result<Sequential> {
        let SequentialBuilder { input_shape, layers, seed, most_weights, draws, .. } = self;
        let device = match self.device {
            Some(device) => check(device, &format!("the model is to be on {device:?}")).map(|()| device)?,
            None => device()?,
        };
        ensure!(
            !input_shape.is_empty() && input_shape.iter().all(|&side| side > 0),
            "the input shape is {input_shape:?}; every side must be at least 1, for example [1, 28, 28]"
        );
        ensure!(!layers.is_empty(), "the model has no layers; add some before build()");
        check_size(&input_shape).context("the input")?;
        check_channels(&input_shape, layers.iter().any(|layer| layer.works_on_images()))?;
        let mut initializer = match draws {
            true => Initializer::new(seed, device, most_weights),
            false => Initializer::for_loading(device, most_weights),
        };
        let names = names(&layers);
        check_names(&layers, &names)?;
        let mut network = Network { input_shape, layers: Vec::new(), device };
        for (layer, name) in layers.into_iter().zip(names) {
            add_layer(&mut network, layer, name, &mut initializer, most_weights)?;
        }
        let (compiled, notes) = (None, BTreeMap::new());
        Ok(Sequential { network, seed, compiled, last_training: None, notes, scale: Scale::default() })
    }
}

/// Adds a layer with its initial weights, if it can work on what the layers before give out.
pub(super) fn add_layer(
    network: &mut Network,
    mut layer: Box<dyn Layer>,
    name: String,
    initializer: &mut Initializer,
    most_weights: usize,
) -> Result<()> {
    let shape = network.layers.last().map_or(&network.input_shape, |last| &last.output_shape);
    let position = network.layers.len() + 1;
    let output_shape =
        layer.output_shape(shape).and_then(|output| check_size(&output).map(|()| output)).with_context(
            || format!("layer {position}, {name}, cannot be added after an output of shape {shape:?}"),
        )?;
    layer.build(shape, initializer);
    ensure!(
        !initializer.is_exhausted(),
        "layer {position}, {name}, brings the model beyond {} weights, which is all that there is room for; \
         make this layer smaller, or its input of shape {shape:?}, with pooling or strides for example",
        thousands(most_weights as i64)
    );
    layer.set_trainable(true);
    network.layers.push(NamedLayer { name, layer, output_shape });
    Ok(())
}

/// Refuses Keras's order, `[height, width, channels]`: the layers would take rows of pixels for channels.
pub(super) fn check_channels(input: &[i64], works_on_images: bool) -> Result<()> {
    let &[height, width, channels] = input else { return Ok(()) };
    let (short, long) = (height.min(width), height.max(width));
    // The sides of an image are not as different as those of a signal [channels, length, 1].
    let is_last = matches!(channels, 1 | 3 | 4) && short >= 8 && long / 2 <= short;
    ensure!(
        !is_last || !works_on_images,
        "the input shape {input:?} looks like [height, width, channels], and channels come first here: use \
         Sequential::input([{channels}, {height}, {width}]), and x.permute([0, 3, 1, 2]) for the images"
    );
    Ok(())
}
