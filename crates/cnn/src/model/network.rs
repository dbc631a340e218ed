//! The layers as one function: bytes or floats go in, logits come out, and these mean one thing to the loss and another to the
//! user.

use anyhow::{bail, ensure, Result};
use tch::{Device, Kind, Tensor};

use crate::engine::memory_format::channels_last;
use crate::layers::{through, Activation, ConvThenPool, Layer, Tape};
use crate::preprocessing::{found_and_remedy, to_float};

/// A layer with what the model knows of it.
#[derive(Debug)]
pub(crate) struct NamedLayer {
    pub name: String,
    pub layer: Box<dyn Layer>,
    pub output_shape: Vec<i64>,
}

/// The layers, built: each works on the output of the one before.
#[derive(Debug)]
pub(crate) struct Network {
    /// Without the batch.
    pub input_shape: Vec<i64>,
    pub layers: Vec<NamedLayer>,
    pub device: Device,
}

/// What the layers make of a batch.
pub(crate) struct Logits {
    /// `[batch, classes]`: the last layer's output before a softmax or sigmoid; another activation is applied already.
    pub values: Tensor,
    /// The last layer's activation.
    activation: Activation,
    /// What a training needs for its gradients beside libtorch's graph.
    pub tape: Tape,
}

impl Logits {
    /// What the model gives out: `[batch, classes]`.
    pub fn outputs(&self) -> Tensor {
        match self.activation {
            Activation::Softmax | Activation::Sigmoid => self.activation.apply(&self.values),
            _ => self.values.shallow_clone(),
        }
    }

    /// Numbers of which the largest is that of the model's answer; a softmax does not change which one that is.
    pub fn compared(&self) -> Tensor {
        match self.activation {
            Activation::Softmax => self.values.shallow_clone(),
            _ => self.outputs(),
        }
    }
}

impl Network {
    /// Runs all layers on a batch `[batch, ..input shape]`, bytes or floats, on any device.
    pub fn run(&self, x: &Tensor, training: bool) -> Logits {
        let tape = Tape::default();
        let x = to_float(&x.to_device(self.device));
        let values = self.before_the_end(&x, training, training.then_some(&tape));
        Logits { values, activation: self.last().layer.activation(), tape }
    }

    /// The last layer's output, with its activation if that is neither a softmax nor a sigmoid.
    fn before_the_end(&self, x: &Tensor, training: bool, tape: Option<&Tape>) -> Tensor {
        let layers: Vec<&dyn Layer> = self.layers().collect();
        let [before @ .., last] = layers.as_slice() else {
            unreachable!("build() refuses a model without layers")
        };
        let both = match before {
            // In one go where that is faster.
            [first, second, between @ ..] => ConvThenPool::of(*first, *second, x).map(|both| (both, between)),
            _ => None,
        };
        let x = match both {
            Some((both, between)) => {
                through(between.iter().copied(), both.activation, &both.run(x, tape), training, tape)
            }
            None => chained(before, x, training, tape),
        };
        let x = last.forward(&x, training);
        match last.activation() {
            Activation::Softmax | Activation::Sigmoid => x,
            activation => activation.apply(&x),
        }
    }

    /// The output of the first `count` layers, activations included, outside of training.
    pub fn output_of(&self, count: usize, x: &Tensor) -> Tensor {
        let layers: Vec<&dyn Layer> = self.layers().take(count).collect();
        chained(&layers, &to_float(&x.to_device(self.device)), false, None)
    }

    /// The layer that gives the output.
    pub fn last(&self) -> &NamedLayer {
        self.layers.last().expect("build() refuses a model without layers")
    }

    fn layers(&self) -> impl Iterator<Item = &dyn Layer> {
        self.layers.iter().map(|named| named.layer.as_ref())
    }

    /// Says what is wrong with a batch of images, if something is.
    pub fn check_images(&self, x: &Tensor) -> Result<()> {
        let size = x.size();
        let wanted = &self.input_shape;
        let names = wanted.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        ensure!(
            size.len() == wanted.len() + 1 && size[1..] == wanted[..],
            "the images have the shape {size:?}, and the model wants [n, {names}]{}",
            shape_advice(&size, wanted)
        );
        ensure!(size[0] > 0, "there are no images: the shape is {size:?}");
        if !matches!(x.kind(), Kind::Float | Kind::Uint8) {
            let (found, remedy) = found_and_remedy(x);
            bail!("the images are {found}, and the model wants 32-bit floats, or bytes from 0 to 255; use {remedy}");
        }
        Ok(())
    }
}

/// The output of these layers for floats `[batch, ..input shape]`.
fn chained(layers: &[&dyn Layer], x: &Tensor, training: bool, tape: Option<&Tape>) -> Tensor {
    through(layers.iter().copied(), Activation::Linear, &channels_last(x), training, tape)
}

/// The step that is missing, for the two commonest wrong shapes.
fn shape_advice(size: &[i64], wanted: &[i64]) -> &'static str {
    match (size, wanted) {
        (&[_, height, width], &[1, h, w]) if (height, width) == (h, w) => {
            "; preprocessing::add_channel adds the missing channel dimension"
        }
        (&[..], &[..]) if size == wanted => "; for a single image, x.unsqueeze(0) adds the batch dimension",
        (&[_, height, width, channels], &[c, h, w]) if (channels, height, width) == (c, h, w) => {
            "; x.permute([0, 3, 1, 2]) moves the channels to their place"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::processor::has_avx512;
    use crate::layers::{BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D};
    use crate::Sequential;

    #[test]
    fn frozen_layers_have_no_part_in_the_graph() {
        let mut model = Sequential::input([1, 8, 8])
            .add(Conv2D::new(2, (3, 3)).activation(Activation::Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(BatchNormalization::new())
            .add(Flatten)
            .add(Dense::new(3))
            .device(Device::Cpu)
            .build()
            .unwrap();
        let x = Tensor::ones([4, 1, 8, 8], (Kind::Float, Device::Cpu));
        let run = |model: &Sequential| {
            let logits = model.network.run(&x, true);
            (logits.values.requires_grad(), logits.tape.len())
        };
        let normalisation = usize::from(has_avx512());
        assert_eq!(run(&model), (true, 1 + normalisation));
        model.set_trainable_from("dense").unwrap();
        assert_eq!(run(&model), (true, 0), "the loops for both layers keep nothing for gradients");
        model.set_trainable("dense", false).unwrap();
        assert_eq!(run(&model), (false, 0), "libtorch notes nothing of what is frozen");
    }
}
