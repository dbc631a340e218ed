//! Adam.
//!
//! tch has no fused optimizers: written with tensor operations, a step reads and writes each of a weight's numbers eight
//! times, and memory is what it waits for. On the CPU `in_one_pass` does it once, on all cores.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::engine::slices::{memory_order, numbers, numbers_mut};
use crate::engine::threads;

/// Adam: each weight's step is scaled by running means of its gradient and of its gradient squared.
///
/// `step = learning_rate · sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon)`, with epsilon at
/// the place, and of the size, that Keras gives it (PyTorch's differ).
///
/// Source: Kingma and Ba, *Adam*, 2014 (the "epsilon hat" form of section 2); `keras/src/optimizers/adam.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adam {
    /// Step size, a positive number. Default 0.001.
    pub learning_rate: f64,
    /// Decay of the mean gradient, at least 0 and below 1. Default 0.9.
    pub beta_1: f64,
    /// Decay of the mean squared gradient, at least 0 and below 1. Default 0.999.
    pub beta_2: f64,
    /// Keeps the division away from zero. Default 1e-7.
    pub epsilon: f64,
    /// See [`Optimizer`](super::Optimizer). Default 0.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, weight_decay: 0.0 }
    }
}

impl Adam {
    pub(super) fn update(
        &self,
        step: i64,
        learning_rate: f64,
        weight: &mut Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
    ) {
        let [mean, square] = slots else { unreachable!("Adam has two slots") };
        let correction = (1.0 - self.beta_2.powi(step as i32)).sqrt() / (1.0 - self.beta_1.powi(step as i32));
        let rate = learning_rate * correction;
        let order = memory_order(weight);
        let [mut own, mut mean_view, mut square_view] =
            [&*weight, mean, square].map(|tensor| tensor.permute(&order));
        let side_by_side = [&own, &mean_view, &square_view].iter().all(|tensor| tensor.is_contiguous());
        if weight.device() == Device::Cpu && weight.kind() == Kind::Float && side_by_side {
            let gradient = gradient.permute(&order).contiguous();
            let terms = [rate, 1.0 - self.beta_1, 1.0 - self.beta_2, self.epsilon].map(|term| term as f32);
            let (own, mean, square) =
                (numbers_mut(&mut own), numbers_mut(&mut mean_view), numbers_mut(&mut square_view));
            in_one_pass(terms, own, numbers(&gradient), mean, square);
        } else {
            let _ = mean.lerp_(gradient, 1.0 - self.beta_1);
            let _ = square.lerp_(&gradient.square(), 1.0 - self.beta_2);
            *weight -= &*mean * rate / (square.sqrt() + self.epsilon);
        }
    }
}

/// Weights above which the work is shared between threads: below, starting one takes longer than it saves.
const WORTH_A_THREAD: usize = 1 << 16;

/// What the tensor operations of `update` compute, reading and writing each number once instead of eight times.
fn in_one_pass(terms: [f32; 4], weight: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
    let threads = threads::count();
    if threads == 1 || weight.len() < WORTH_A_THREAD {
        return step(terms, weight, gradient, mean, square);
    }
    let share = weight.len().div_ceil(threads);
    let moments = mean.chunks_mut(share).zip(square.chunks_mut(share));
    let parts = weight.chunks_mut(share).zip(gradient.chunks(share)).zip(moments);
    threads::on_each(parts, |((weight, gradient), (mean, square))| {
        step(terms, weight, gradient, mean, square)
    });
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
fn step(terms: [f32; 4], weight: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
    let ([rate, new_mean, new_square, epsilon], count) = (terms, weight.len());
    let (gradient, mean, square) = (&gradient[..count], &mut mean[..count], &mut square[..count]);
    // Indices instead of three iterators in one: the kernel's build takes those apart.
    for i in 0..count {
        mean[i] += (gradient[i] - mean[i]) * new_mean;
        square[i] += (gradient[i] * gradient[i] - square[i]) * new_square;
        weight[i] -= rate * mean[i] / (square[i].sqrt() + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_computes_what_the_tensor_operations_do() {
        tch::manual_seed(1);
        let random = |size: i64| Tensor::randn([size], (Kind::Float, Device::Cpu));
        for size in [1, 1000, 3 * WORTH_A_THREAD as i64 + 1] {
            // Every second number of a tensor twice as long is not contiguous, and takes the other way.
            let twice = random(2 * size);
            let (mut strided, mut contiguous) =
                (twice.slice(0, None, None, 2), twice.slice(0, None, None, 2).copy());
            let mut slots = [random(size), random(size).square()];
            let mut other_slots = [slots[0].copy(), slots[1].copy()];
            for step in 1..4 {
                let gradient = random(size);
                Adam::default().update(step, 0.1, &mut contiguous, &gradient, &mut slots);
                Adam::default().update(step, 0.1, &mut strided, &gradient, &mut other_slots);
            }
            let difference = (&contiguous - &strided).abs().max().double_value(&[]);
            assert!(difference < 1e-5, "{size} weights: {difference}");
        }
    }
}
