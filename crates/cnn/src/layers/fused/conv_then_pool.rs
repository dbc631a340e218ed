//! The first two layers of a model in one go: a convolution, and the max pooling after it.
//!
//! libtorch writes the convolution's whole output to memory (with the course's model, 11 MB for a batch of 128), reads it
//! for the pooling, and goes the same way back with gradients, three quarters of which are zero. The loops in
//! `window_loops.rs` compute a window's numbers, compare and forget them; what stays is the largest, and where it was.
//!
//! This is for a model's beginning alone: an image has few channels, so that there is little to compute, and needs no
//! gradient of its own. What comes after is libtorch's, and hands back the gradient of what is computed here.

use std::any::Any;
use tch::{no_grad, Device, Kind, Tensor};

use super::window_loops::{backward, forward, Sizes, GROUP, LANES, TAPS};
use crate::engine::slices::{numbers, numbers_mut};
use crate::engine::threads;
use crate::layers::tape::{Gradients, Tape};
use crate::layers::{Activation, Conv2D, Layer, MaxPooling2D};

/// A filter's weights: a 3×3 kernel for three colours has so many. With a hundred, arithmetic takes longer than memory, and
/// libtorch is the faster one.
const MOST_WEIGHTS: i64 = 27;
/// A place in a window is kept as a byte, from 1; 0 stands for none.
const MOST_PLACES: i64 = 255;

/// A convolution and a pooling that can be computed together, for images of one size.
pub(crate) struct ConvThenPool {
    kernel: Tensor,
    bias: Tensor,
    padding: [i64; 4],
    pool_size: (i64, i64),
    /// Only what is larger comes out, else this number: with 0, that is ReLU.
    floor: f32,
    /// What is still to be applied to the output.
    pub activation: Activation,
}

/// What [`ConvThenPool::forward`] gives.
struct Pooled {
    /// `[batch, filters, height, width]`, channels-last in memory.
    output: Tensor,
    /// For each number of the output its place in its window, from 1: `[batch, height, width, filters]`.
    places: Tensor,
    /// The images, padded.
    x: Tensor,
    sizes: Sizes,
    kernel_shape: Vec<i64>,
}

impl ConvThenPool {
    /// The first two layers, if they are what this is for, and `x [batch, ..input shape]` is on the CPU.
    pub fn of(first: &dyn Layer, second: &dyn Layer, x: &Tensor) -> Option<Self> {
        let conv = (first as &dyn Any).downcast_ref::<Conv2D>()?;
        let pool = (second as &dyn Any).downcast_ref::<MaxPooling2D>()?;
        let (_batch, _channels, height, width) = x.size4().ok()?;
        let (weights, padding) = conv.plain(height, width)?;
        let [kernel, bias] = weights.map(Tensor::shallow_clone);
        let pool_size = pool.plain()?;
        let (floor, activation) = match first.activation() {
            Activation::Relu => (0.0, Activation::Linear),
            other => (f32::NEG_INFINITY, other),
        };
        let fits = x.device() == Device::Cpu
            && x.kind() == Kind::Float
            && kernel.size()[1..].iter().product::<i64>() <= MOST_WEIGHTS
            && pool_size.0 * pool_size.1 <= MOST_PLACES
            && activation.is_rising()
            && kernel.requires_grad() == bias.requires_grad();
        fits.then_some(ConvThenPool { kernel, bias, padding, pool_size, floor, activation })
    }

    /// The output of both layers for `x [batch, channels, height, width]`. On a tape, the way back is noted, unless the convolution is frozen.
    pub fn run(&self, x: &Tensor, tape: Option<&Tape>) -> Tensor {
        let pooled = self.forward(x);
        let output = pooled.output.shallow_clone();
        match tape.filter(|_| self.kernel.requires_grad()) {
            Some(tape) => tape.note(None, &[&self.kernel, &self.bias], &output, move |gradient| Gradients {
                input: None,
                weights: pooled.gradients(gradient).into(),
            }),
            None => output,
        }
    }

    fn forward(&self, x: &Tensor) -> Pooled {
        self.on_threads(x, threads::count())
    }

    fn on_threads(&self, x: &Tensor, threads: usize) -> Pooled {
        let x = no_grad(|| x.constant_pad_nd(self.padding).contiguous());
        let sizes = Sizes::new(&x.size(), &self.kernel.size(), self.pool_size);
        let kernel = no_grad(|| in_blocks(&self.kernel, sizes.parts() * TAPS));
        let bias = no_grad(|| in_blocks(&self.bias, 1));
        let shape = [x.size()[0], sizes.rows as i64, sizes.columns as i64, sizes.filters as i64];
        let mut output = Tensor::empty(shape, (Kind::Float, Device::Cpu));
        let mut places = Tensor::empty(shape, (Kind::Uint8, Device::Cpu));
        let share = (shape[0] as usize).div_ceil(threads);
        let images = numbers(&x).chunks(share * sizes.image);
        let outputs = numbers_mut(&mut output).chunks_mut(share * sizes.output);
        let shares = images.zip(outputs).zip(numbers_mut(&mut places).chunks_mut(share * sizes.output));
        let (kernel, bias, floor) = (numbers(&kernel), numbers(&bias), self.floor);
        threads::on_each(shares, |((images, outputs), places)| {
            forward(&sizes, kernel, bias, floor, images, outputs, places);
        });
        let output = output.permute([0, 3, 1, 2]);
        Pooled { output, places, x, sizes, kernel_shape: self.kernel.size() }
    }
}

impl Pooled {
    /// The gradients of kernel and bias, from that of the output.
    fn gradients(&self, gradient: &Tensor) -> [Tensor; 2] {
        self.gradients_on_threads(gradient, threads::count())
    }

    fn gradients_on_threads(&self, gradient: &Tensor, threads: usize) -> [Tensor; 2] {
        let sizes = &self.sizes;
        let gradient = gradient.permute([0, 2, 3, 1]).contiguous();
        let groups = (self.x.size()[0] as usize).div_ceil(GROUP);
        let mut sums = Tensor::zeros([(groups * sizes.sums()) as i64], (Kind::Float, Device::Cpu));
        let share = groups.div_ceil(threads);
        let images = numbers(&self.x).chunks(share * GROUP * sizes.image);
        let gradients = numbers(&gradient).chunks(share * GROUP * sizes.output);
        let places = numbers(&self.places).chunks(share * GROUP * sizes.output);
        let sums_of_shares = numbers_mut(&mut sums).chunks_mut(share * sizes.sums());
        let shares = images.zip(gradients).zip(places).zip(sums_of_shares);
        threads::on_each(shares, |(((images, gradients), places), sums)| {
            backward(sizes, images, gradients, places, sums);
        });
        // A row for each weight of a filter, with those that fill the last part, and one for the bias: `[rows, filters]`.
        let blocks = sums.reshape([groups as i64, -1, (sizes.parts() * TAPS + 1) as i64, LANES as i64]);
        let rows =
            blocks.sum_dim_intlist([0_i64].as_slice(), false, Kind::Float).permute([1, 0, 2]).flatten(1, 2);
        let rows = rows.narrow(1, 0, sizes.filters as i64);
        let weights = self.kernel_shape[1..].iter().product();
        [rows.narrow(0, 0, weights).tr().reshape(&self.kernel_shape), rows.select(0, -1).contiguous()]
    }
}

/// Weights `[filters, ..]` as the loops want them, in blocks of filters: `[blocks, rows, LANES]`, filled up with zeros.
fn in_blocks(weights: &Tensor, rows: usize) -> Tensor {
    let weights = weights.reshape([weights.size()[0], -1]);
    let (filters, own_rows) = weights.size2().expect("two dimensions");
    let (rows, lanes) = (rows as i64, LANES as i64);
    let padded = weights.constant_pad_nd([0, rows - own_rows, 0, (-filters).rem_euclid(lanes)]);
    padded.reshape([-1, lanes, rows]).permute([0, 2, 1]).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::tensor as random;
    use crate::layers::{Initializer, Padding};

    /// A convolution with weights that are not zero, for images of this shape.
    fn built(mut conv: Conv2D, shape: &[i64]) -> Conv2D {
        conv.build(shape, &mut Initializer::new(1, Device::Cpu, 1 << 20));
        for (_, weight) in conv.weights() {
            no_grad(|| weight.shallow_clone().copy_(&random(&weight.size(), 1)));
            let _ = weight.set_requires_grad(true);
        }
        conv
    }

    fn weights(conv: &Conv2D) -> Vec<Tensor> {
        conv.weights().into_iter().map(|(_, weight)| weight).collect()
    }

    fn difference(one: &Tensor, other: &Tensor) -> f64 {
        assert_eq!(one.size(), other.size());
        ((one - other).abs().max() / (other.abs().max() + 1.0)).double_value(&[])
    }

    #[test]
    fn both_layers_at_once_are_one_after_the_other() {
        let kernels = [(3, 3), (1, 1), (2, 5), (5, 4)];
        let activations = [Activation::Relu, Activation::Tanh, Activation::Linear];
        for (case, filters) in [1, 5, 24, 32, 33, 70].into_iter().enumerate() {
            for (other_case, pool) in [(2, 2), (1, 1), (3, 2), (2, 4)].into_iter().enumerate() {
                let case = case + other_case;
                let (rows, columns) = kernels[case % 4];
                let channels = (other_case as i64 + 1).min(MOST_WEIGHTS / (rows * columns));
                let shape = [channels, 11 + case as i64 % 3, 12 + case as i64 % 2];
                let padding = if case % 2 == 0 { Padding::Same } else { Padding::Valid };
                let conv = Conv2D::new(filters, kernels[case % 4])
                    .padding(padding)
                    .activation(activations[case % 3]);
                let (conv, pool) = (built(conv, &shape), MaxPooling2D::new(pool));
                let x = random(&[case as i64 % 9 + 1, shape[0], shape[1], shape[2]], 2);
                let both = ConvThenPool::of(&conv, &pool, &x).unwrap();
                let pooled = both.forward(&x);
                let ours = both.activation.apply(&pooled.output.set_requires_grad(true));
                let theirs = Layer::activation(&conv).apply(&pool.forward(&conv.forward(&x, true), true));
                assert!(
                    difference(&ours, &theirs) < 1e-5,
                    "{conv:?} {pool:?}: {}",
                    difference(&ours, &theirs)
                );
                let loss = |output: &Tensor| (output * output.cos()).sum(Kind::Float);
                let of_output =
                    Tensor::run_backward(&[loss(&ours)], &[&pooled.output], false, false).remove(0);
                let theirs = Tensor::run_backward(&[loss(&theirs)], &weights(&conv), false, false);
                for (ours, theirs) in pooled.gradients(&of_output).iter().zip(&theirs) {
                    assert!(
                        difference(ours, theirs) < 1e-4,
                        "{conv:?} {pool:?}: {}",
                        difference(ours, theirs)
                    );
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (conv, pool) = (built(Conv2D::new(7, (3, 3)), &[1, 9, 9]), MaxPooling2D::new((2, 2)));
        let x = random(&[23, 1, 9, 9], 3);
        let both = ConvThenPool::of(&conv, &pool, &x).unwrap();
        let alone = both.on_threads(&x, 1);
        let gradient = random(&alone.output.size(), 4);
        for threads in [2, 3, 5, 40] {
            let shared = both.on_threads(&x, threads);
            assert_eq!(shared.output, alone.output);
            assert_eq!(
                shared.gradients_on_threads(&gradient, threads),
                alone.gradients_on_threads(&gradient, 1)
            );
        }
    }

    #[test]
    fn what_is_no_number_comes_out() {
        for activation in [Activation::Relu, Activation::Linear] {
            let conv = built(Conv2D::new(3, (3, 3)).activation(activation), &[1, 8, 8]);
            let x = random(&[2, 1, 8, 8], 5);
            let _ = x.get(1).get(0).get(0).get(0).fill_(f64::NAN);
            let pooled = ConvThenPool::of(&conv, &MaxPooling2D::new((2, 2)), &x).unwrap().forward(&x);
            assert_eq!(
                pooled.output.isnan().sum(Kind::Int64).int64_value(&[]),
                3,
                "one window of each filter"
            );
        }
    }

    #[test]
    fn other_layers_are_left_to_libtorch() {
        let x = random(&[2, 2, 8, 8], 6);
        let is_for = |conv: Conv2D, pool: MaxPooling2D, x: &Tensor| {
            let conv = built(conv, &x.size()[1..]);
            ConvThenPool::of(&conv, &pool, x).is_some()
        };
        let (conv, pool) = (|| Conv2D::new(4, (3, 3)), || MaxPooling2D::new((2, 2)));
        assert!(is_for(conv(), pool(), &x));
        assert!(!is_for(conv().strides((2, 1)), pool(), &x));
        assert!(!is_for(conv().groups(2), pool(), &x));
        assert!(!is_for(conv().dilation_rate((1, 2)), pool(), &x));
        assert!(!is_for(conv().use_bias(false), pool(), &x));
        assert!(!is_for(conv().activation(Activation::Gelu), pool(), &x));
        assert!(!is_for(conv(), pool().strides((1, 2)), &x));
        assert!(!is_for(conv(), pool().padding(Padding::Same), &x));
        assert!(!is_for(
            conv().padding(Padding::Same),
            MaxPooling2D::new((16, 16)),
            &random(&[1, 1, 16, 16], 8)
        ));
        assert!(!is_for(conv(), pool(), &random(&[2, 4, 8, 8], 7)));
    }

    #[test]
    fn a_frozen_convolution_is_computed_in_the_same_way() {
        let x = random(&[2, 2, 8, 8], 6);
        let (mut conv, pool) = (built(Conv2D::new(4, (3, 3)), &[2, 8, 8]), MaxPooling2D::new((2, 2)));
        let run = |conv: &Conv2D| {
            let tape = Tape::default();
            (ConvThenPool::of(conv, &pool, &x).unwrap().run(&x, Some(&tape)), tape.len())
        };
        let (trained, steps) = run(&conv);
        assert_eq!((trained.requires_grad(), steps), (true, 1));
        conv.set_trainable(false);
        let (frozen, steps) = run(&conv);
        assert_eq!((frozen.requires_grad(), steps), (false, 0));
        assert_eq!(frozen, trained);
        let _ = weights(&conv)[0].set_requires_grad(true);
        assert!(ConvThenPool::of(&conv, &pool, &x).is_none(), "only one of its gradients is wanted");
    }
}
