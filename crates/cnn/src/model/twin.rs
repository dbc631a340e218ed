//! A model for another thread, which keeps up with the one that it was made of.

use anyhow::Result;
use tch::{no_grad, Tensor};

use super::builder::add_layer;
use super::network::Network;
use super::sequential::Sequential;
use crate::engine::error::Context;
use crate::layers::{from_config, Initializer, MOST_NUMBERS};

/// The layers of a model once more, with weights of their own, and the model's weights to copy.
pub(crate) struct Twin {
    own: Sequential,
    /// They share their memory with the model's; it lives as long as one of the two.
    of_the_model: Vec<(String, Tensor)>,
}

impl Twin {
    /// # Errors
    /// If a layer is none of this crate's.
    pub fn of(model: &Sequential) -> Result<Twin> {
        let device = model.device();
        let mut network =
            Network { input_shape: model.network.input_shape.clone(), layers: Vec::new(), device };
        let mut initializer = Initializer::for_loading(device, MOST_NUMBERS);
        for named in &model.network.layers {
            let layer = from_config(named.layer.class_name(), &named.layer.config())
                .with_context(|| format!("the layer {} cannot be made a second time", named.name))?;
            add_layer(&mut network, layer, named.name.clone(), &mut initializer, MOST_NUMBERS)?;
        }
        let (notes, scale) = (model.notes.clone(), model.scale.clone());
        let (seed, compiled, last_training) = (model.seed, None, None);
        let mut own = Sequential { network, seed, compiled, last_training, notes, scale };
        own.set_all_trainable(false);
        let of_the_model: Vec<(String, Tensor)> =
            model.weights().into_iter().map(|(name, weight)| (name, weight.detach())).collect();
        own.set_weights(&of_the_model)?;
        Ok(Twin { own, of_the_model })
    }

    /// The model with the weights that the other one has now. While it is trained, some may be a step ahead of others.
    pub fn newest(&self) -> &Sequential {
        no_grad(|| {
            for ((_, mut own), (_, newest)) in self.own.weights().into_iter().zip(&self.of_the_model) {
                own.copy_(newest);
            }
        });
        &self.own
    }

    /// What the model gives out for a batch that fits it, as [`predict`](Sequential::predict) does, and silently.
    pub fn answers(&self, x: &Tensor) -> Tensor {
        no_grad(|| self.newest().network.run(x, false).outputs().to_device(tch::Device::Cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{
        Activation, BatchNormalization, Conv2D, Dense, Flatten, Layer, MaxPooling2D, Residual,
    };
    use crate::{Adam, Fit, Loss};
    use tch::{Device, Kind};

    fn model() -> Sequential {
        let block = Residual::new().add(Conv2D::new(2, (1, 1))).add(BatchNormalization::new());
        let mut model = Sequential::input([1, 6, 6])
            .add(Conv2D::new(2, (3, 3)).activation(Activation::Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(block)
            .add(Flatten.name("row"))
            .add(Dense::new(3).activation(Activation::Softmax))
            .device(Device::Cpu)
            .build()
            .unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        model
    }

    #[test]
    fn it_answers_as_the_model_does_also_after_a_training() {
        let mut model = model();
        let x = Tensor::rand([30, 1, 6, 6], (Kind::Float, Device::Cpu));
        let y = Tensor::randint(3, [30], (Kind::Int64, Device::Cpu));
        let twin = Twin::of(&model).unwrap();
        let before = twin.answers(&x);
        assert_eq!(before, model.predict(&x).unwrap());
        model.fit(&x, &y, &Fit { epochs: 2, verbose: false, ..Fit::default() }).unwrap();
        let after = std::thread::spawn(move || (twin.answers(&x), x)).join().unwrap();
        assert!(after.0 != before);
        assert_eq!(after.0, model.predict(&after.1).unwrap());
    }

    #[test]
    fn it_outlives_the_model_and_keeps_the_layers_names() {
        let model = model();
        let twin = Twin::of(&model).unwrap();
        let names = |model: &Sequential| {
            model.weights().into_iter().map(|(name, weight)| (name, weight.size())).collect::<Vec<_>>()
        };
        assert_eq!(names(twin.newest()), names(&model));
        let x = Tensor::ones([1, 1, 6, 6], (Kind::Float, Device::Cpu));
        let answer = model.predict(&x).unwrap();
        drop(model);
        assert_eq!(twin.answers(&x), answer);
    }
}
