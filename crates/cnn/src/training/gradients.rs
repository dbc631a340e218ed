//! From the loss back to the weights.

use tch::{no_grad, Kind, Tensor};

use super::fit::Fit;
use crate::layers::Tape;
use crate::optimizers::Trained;

/// The gradients of the loss, one per weight and of its shape. As `loss.backward()`, but they come back instead of
/// being added to earlier ones.
pub(super) fn backward(loss: &Tensor, weights: &[Trained], tape: Tape) -> Vec<Tensor> {
    let weights: Vec<Tensor> = weights.iter().map(|trained| trained.weight.shallow_clone()).collect();
    tape.gradients(loss, &weights)
}

/// Makes gradients shorter that are too long.
///
/// Source: Pascanu et al., *On the difficulty of training recurrent neural networks*, 2013; `clip_by_global_norm` in
/// `keras/src/optimizers/base_optimizer.py`.
pub(super) fn clip(settings: &Fit, gradients: &[Tensor]) {
    no_grad(|| {
        if let Some(limit) = settings.clipvalue {
            for gradient in gradients {
                let _ = gradient.shallow_clone().clamp_(-limit, limit);
            }
        }
        if let Some(limit) = settings.global_clipnorm {
            let squares: Vec<Tensor> =
                gradients.iter().map(|gradient| gradient.square().sum(Kind::Float)).collect();
            let norm = Tensor::stack(&squares, 0).sum(Kind::Float).sqrt();
            let factor = limit / norm.clamp_min(limit);
            for gradient in gradients {
                let _ = gradient.shallow_clone().g_mul_(&factor);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory_format::channels_last;
    use crate::engine::processor::has_avx512;
    use crate::engine::random;
    use crate::layers::{
        through, Activation, BatchNormalization, Conv2D, Dense, Flatten, GlobalAveragePooling2D, Initializer,
        Layer, MaxPooling2D, Padding, Residual,
    };
    use crate::model::{Sequential, SequentialBuilder};
    use tch::Device;

    /// A layer of a user's own, whose input goes two ways without its knowing of graphs.
    #[derive(Debug)]
    struct Doubled(Conv2D);

    impl Layer for Doubled {
        fn class_name(&self) -> &'static str {
            "Doubled"
        }

        fn output_shape(&self, input: &[i64]) -> anyhow::Result<Vec<i64>> {
            self.0.output_shape(input)
        }

        fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
            self.0.build(input, initializer);
        }

        fn forward(&self, x: &Tensor, training: bool) -> Tensor {
            self.0.forward(x, training) + x.tanh() + self.0.forward(&x.cos(), training)
        }

        fn weights(&self) -> Vec<(String, Tensor)> {
            self.0.weights()
        }
    }

    fn conv(filters: i64) -> Conv2D {
        Conv2D::new(filters, (3, 3)).padding(Padding::Same)
    }

    fn end(model: SequentialBuilder) -> Sequential {
        let end = model.add(GlobalAveragePooling2D).add(Dense::new(3));
        end.seed(1).device(Device::Cpu).build().unwrap()
    }

    /// Nothing but a notebook's own loop would do: one graph, all of it libtorch's.
    fn of_libtorch(model: &Sequential, x: &Tensor, weights: &[Tensor]) -> Vec<Tensor> {
        let layers = model.layers().map(|(_, layer)| layer);
        let output = through(layers, Activation::Linear, &channels_last(x), true, None);
        assert!(output.requires_grad());
        gradients_of(&output, |loss| Tensor::run_backward(&[loss], weights, false, false))
    }

    fn gradients_of(output: &Tensor, gradients: impl FnOnce(&Tensor) -> Vec<Tensor>) -> Vec<Tensor> {
        let factors = Tensor::from_slice(&[1.0_f32, -2.0, 0.5]);
        gradients(&(output.tanh() * factors).sum(Kind::Float))
    }

    /// That both ways lead to the same gradients, and how many steps libtorch's graph had no part of.
    fn steps(model: &Sequential, channels: i64) -> usize {
        let x = random::tensor(&[6, channels, 12, 12], 2);
        let (names, weights): (Vec<_>, Vec<_>) = model.trainable_weights().into_iter().unzip();
        let logits = model.network.run(&x, true);
        let steps = logits.tape.len();
        let ours = gradients_of(&logits.values, |loss| logits.tape.gradients(loss, &weights));
        for ((name, ours), theirs) in names.iter().zip(&ours).zip(of_libtorch(model, &x, &weights)) {
            assert_eq!(ours.size(), theirs.size(), "{name}");
            let largest = theirs.abs().max().double_value(&[]);
            let difference = (ours - &theirs).abs().max().double_value(&[]);
            assert!(difference <= 1e-4 * largest + 1e-6, "{name}: {difference} beside {largest}");
        }
        steps
    }

    /// So many steps where the processor has the instructions of the crate's own loops for convolutions and normalisation.
    fn on_avx512(steps: usize) -> usize {
        usize::from(has_avx512()) * steps
    }

    #[test]
    fn gradients_are_libtorchs_through_convolutions_after_each_other() {
        let model = Sequential::input([2, 12, 12])
            .add(conv(16).activation(Activation::Relu))
            .add(conv(24).use_bias(false))
            .add(BatchNormalization::new())
            .add(conv(32).activation(Activation::Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(conv(16))
            .add(conv(16).strides((2, 2)));
        assert_eq!(steps(&end(model), 2), on_avx512(4), "neither the first nor the one with strides");
    }

    #[test]
    fn gradients_are_libtorchs_after_the_first_layers_in_one_go() {
        let model = Sequential::input([1, 12, 12])
            .add(conv(16).activation(Activation::Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(conv(16).activation(Activation::Tanh));
        assert_eq!(steps(&end(model), 1), 1 + on_avx512(1));
    }

    #[test]
    fn gradients_are_libtorchs_through_blocks() {
        let block = |filters| {
            Residual::new()
                .add(conv(filters).use_bias(false))
                .add(BatchNormalization::new())
                .add(conv(filters))
        };
        let model = Sequential::input([3, 12, 12])
            .add(conv(16))
            .add(block(16).activation(Activation::Relu))
            .add(block(32).activation(Activation::Relu))
            .add(Residual::new().add(block(32)).add(conv(32)));
        // Two convolutions in each block, and one; blocks whose input is a step's output already have no step of their own.
        assert_eq!(steps(&end(model), 3), on_avx512(7 + 3) + 3);
    }

    #[test]
    fn gradients_are_libtorchs_where_a_layer_parts_ways_itself() {
        let model =
            Sequential::input([16, 12, 12]).add(conv(16)).add(Doubled(conv(16))).add(Doubled(conv(16)));
        assert_eq!(steps(&end(model), 16), on_avx512(1), "such a layer's parts are libtorch's");
    }

    #[test]
    fn gradients_are_libtorchs_beside_frozen_layers() {
        let mut model =
            end(Sequential::input([16, 12, 12]).add(conv(16)).add(conv(16)).add(conv(16)).add(conv(16)));
        model.set_trainable("conv2d", false).unwrap();
        assert_eq!(steps(&model, 16), on_avx512(3), "nothing goes back to the first");
        model.set_trainable("conv2d_2", false).unwrap();
        assert_eq!(model.trainable_weights().len(), 6);
        assert_eq!(steps(&model, 16), on_avx512(3), "through the frozen one gradients go on");
    }

    #[test]
    fn a_loss_without_the_weights_has_gradients_of_zero() {
        let model = Sequential::input([16, 6, 6]).add(conv(16)).add(Flatten).add(Dense::new(3));
        let model = model.device(Device::Cpu).build().unwrap();
        let x = Tensor::ones([2, 16, 6, 6], (Kind::Float, Device::Cpu));
        let weights: Vec<Tensor> = model.weights().into_iter().map(|(_, weight)| weight).collect();
        let tape = model.network.run(&x, true).tape;
        let loss = weights[3].square().sum(Kind::Float) + weights[3].sum(Kind::Float);
        let gradients = tape.gradients(&loss, &weights);
        assert!(gradients[..3].iter().all(|gradient| gradient.abs().max().double_value(&[]) == 0.0));
        assert_eq!(gradients[3], Tensor::ones([3], (Kind::Float, Device::Cpu)));
    }
}
