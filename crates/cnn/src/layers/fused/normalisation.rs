//! Batch normalisation of a training's images, and the ReLU after it, in one go.
//!
//! libtorch reads and writes a batch fourteen times for the two, forward and backward; these loops do it eight times: arithmetic costs
//! nothing beside memory. What is added up over pixels is so in parts that are always the same, however many threads there are.

use tch::{no_grad, Device, Kind, Tensor};

use super::normalisation_loops::{
    deviations, filled, gradients, normalise, sums_of_gradients, Channels, PART,
};
use crate::engine::processor::has_avx512;
use crate::engine::slices::{numbers, numbers_mut};
use crate::engine::threads;
use crate::layers::tape::Gradients;

/// A batch that was normalised, for the way back.
pub(in crate::layers) struct Normalised {
    /// What went in: `[batch, height, width, channels]`, one after the other in memory.
    x: Tensor,
    channels: Channels,
    /// 1 divided by the standard deviation, of each channel.
    inverse: Vec<f64>,
    relu: bool,
}

/// Mean and variance of a batch's channels, `[channels]`; the sum of squares is divided by their number.
pub(in crate::layers) struct Statistics {
    pub mean: Tensor,
    pub variance: Tensor,
}

impl Normalised {
    /// Whether these loops are for `x`: images of floats on a CPU with AVX-512.
    pub fn is_for(x: &Tensor) -> bool {
        x.dim() == 4 && x.numel() > 0 && x.device() == Device::Cpu && x.kind() == Kind::Float && has_avx512()
    }

    /// `max(gamma · (x - mean) / sqrt(variance + epsilon) + beta, 0)` for `x [batch, channels, height, width]`, or without the maximum.
    pub fn new(
        x: &Tensor,
        gamma: Option<&Tensor>,
        beta: Option<&Tensor>,
        epsilon: f64,
        relu: bool,
    ) -> (Self, Tensor, Statistics) {
        no_grad(|| Self::on_threads(x, [gamma, beta], epsilon, relu, threads::count()))
    }

    fn on_threads(
        x: &Tensor,
        [gamma, beta]: [Option<&Tensor>; 2],
        epsilon: f64,
        relu: bool,
        threads: usize,
    ) -> (Self, Tensor, Statistics) {
        let count = x.size()[1] as usize;
        let x = x.detach().permute([0, 2, 3, 1]).contiguous();
        let parts = Parts::new(&x, count, threads);
        let mut of_parts = Tensor::empty([(parts.count * 2 * count) as i64], (Kind::Float, Device::Cpu));
        let shares = numbers(&x)
            .chunks(parts.share)
            .zip(numbers_mut(&mut of_parts).chunks_mut(parts.of_share(2 * count)));
        threads::on_each(shares, |(x, of_parts)| {
            for (x, of_part) in x.chunks(parts.length).zip(of_parts.chunks_mut(2 * count)) {
                // SAFETY: `is_for` has seen that the processor has AVX-512.
                unsafe { deviations(x, of_part) }
            }
        });
        let (mean, variance) = parts.together(numbers(&of_parts), x.numel() / count);
        let values = |tensor: Option<&Tensor>, default: f64| -> Vec<f64> {
            let values = tensor.map(|tensor| Vec::try_from(tensor.detach().to_kind(Kind::Double)));
            values.map_or_else(|| vec![default; count], |values| values.expect("one for each channel"))
        };
        let (gamma, beta) = (values(gamma, 1.0), values(beta, 0.0));
        let inverse: Vec<f64> = variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        let scale: Vec<f64> = gamma.iter().zip(&inverse).map(|(gamma, inverse)| gamma * inverse).collect();
        let channels = Channels::new(&mean, &scale, &beta);
        let mut output = x.empty_like();
        let shares = numbers(&x).chunks(parts.share).zip(numbers_mut(&mut output).chunks_mut(parts.share));
        threads::on_each(shares, |(x, output)| {
            for (x, output) in x.chunks(parts.length).zip(output.chunks_mut(parts.length)) {
                // SAFETY: as above.
                unsafe { normalise(&channels, relu, x, output) }
            }
        });
        let statistics = [&mean, &variance].map(|values| Tensor::from_slice(values).to_kind(Kind::Float));
        let [mean, variance] = statistics;
        let output = output.permute([0, 3, 1, 2]);
        (Normalised { x, channels, inverse, relu }, output, Statistics { mean, variance })
    }

    /// The gradients of `x`, gamma and beta, from that of the output.
    pub fn gradients(&self, gradient: &Tensor) -> Gradients {
        no_grad(|| self.gradients_on_threads(gradient, threads::count()))
    }

    fn gradients_on_threads(&self, gradient: &Tensor, threads: usize) -> Gradients {
        let Normalised { x, channels, inverse, relu } = self;
        let (count, relu) = (inverse.len(), *relu);
        let gradient = gradient.permute([0, 2, 3, 1]).contiguous();
        let parts = Parts::new(x, count, threads);
        let mut of_parts = Tensor::empty([(parts.count * 2 * count) as i64], (Kind::Float, Device::Cpu));
        let inputs = || numbers(x).chunks(parts.share).zip(numbers(&gradient).chunks(parts.share));
        let shares = inputs().zip(numbers_mut(&mut of_parts).chunks_mut(parts.of_share(2 * count)));
        threads::on_each(shares, |((x, gradient), of_parts)| {
            let inputs = x.chunks(parts.length).zip(gradient.chunks(parts.length));
            for ((x, gradient), of_part) in inputs.zip(of_parts.chunks_mut(2 * count)) {
                // SAFETY: as above.
                unsafe { sums_of_gradients(channels, relu, x, gradient, of_part) }
            }
        });
        let mut sums = vec![0.0; 2 * count];
        for of_part in numbers::<f32>(&of_parts).chunks(2 * count) {
            sums.iter_mut().zip(of_part).for_each(|(sum, &number)| *sum += f64::from(number));
        }
        let rows = (x.numel() / count) as f64;
        let (of_beta, products) = sums.split_at(count);
        let of_gamma: Vec<f64> = products.iter().zip(inverse).map(|(sum, inverse)| sum * inverse).collect();
        // What the mean and the variance have of each pixel goes off its gradient.
        let off: Vec<f64> = of_beta.iter().map(|sum| sum / rows).collect();
        let slope: Vec<f64> =
            of_gamma.iter().zip(inverse).map(|(sum, inverse)| sum * inverse / rows).collect();
        let mut of_x = x.empty_like();
        let shares = inputs().zip(numbers_mut(&mut of_x).chunks_mut(parts.share));
        let (off, slope) = (filled(&off), filled(&slope));
        threads::on_each(shares, |((x, gradient), of_x)| {
            let inputs = x.chunks(parts.length).zip(gradient.chunks(parts.length));
            for ((x, gradient), of_x) in inputs.zip(of_x.chunks_mut(parts.length)) {
                // SAFETY: as above.
                unsafe { gradients(channels, relu, [&off, &slope], x, gradient, of_x) }
            }
        });
        let weights = [&of_gamma[..], of_beta].map(|values| Tensor::from_slice(values).to_kind(Kind::Float));
        Gradients { input: Some(of_x.permute([0, 3, 1, 2])), weights: weights.into() }
    }
}

/// How a batch is divided: into parts that depend on its size alone, and shares of whole parts for the threads.
struct Parts {
    channels: usize,
    /// Numbers of a part.
    length: usize,
    count: usize,
    /// Numbers of a share.
    share: usize,
}

impl Parts {
    fn new(x: &Tensor, channels: usize, threads: usize) -> Self {
        let length = PART.div_ceil(channels) * channels;
        let count = x.numel().div_ceil(length);
        Parts { channels, length, count, share: count.div_ceil(threads * threads::SHARES) * length }
    }

    /// Numbers that a share's parts have, with so many for each.
    fn of_share(&self, of_part: usize) -> usize {
        self.share / self.length * of_part
    }

    /// Mean and variance of the channels, each of `rows` numbers, from the parts' means and squared deviations.
    ///
    /// Source: Chan, Golub and LeVeque, *Updating formulae and a pairwise algorithm for computing sample variances*, 1979.
    fn together(&self, of_parts: &[f32], rows: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut mean, mut squares) = (vec![0.0; self.channels], vec![0.0; self.channels]);
        let mut before = 0.0;
        for (part, numbers) in of_parts.chunks(2 * self.channels).enumerate() {
            let here = (self.length / self.channels).min(rows - part * (self.length / self.channels)) as f64;
            let share = here / (before + here);
            for channel in 0..self.channels {
                let difference = f64::from(numbers[channel]) - mean[channel];
                mean[channel] += difference * share;
                squares[channel] +=
                    f64::from(numbers[self.channels + channel]) + difference * difference * before * share;
            }
            before += here;
        }
        (mean, squares.into_iter().map(|sum| sum / rows as f64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::tensor as random;

    fn difference(one: &Tensor, other: &Tensor) -> f64 {
        assert_eq!(one.size(), other.size());
        ((one - other).abs().max() / (other.abs().max() + 1e-3)).double_value(&[])
    }

    #[test]
    fn outputs_and_gradients_are_libtorchs_in_double_precision() {
        for (case, channels) in [1, 5, 16, 24, 33, 64, 100].into_iter().enumerate() {
            let shape = [30, channels, 9 + 30 * (case as i64 % 2), 7];
            // Far from 0, as a convolution's output may be.
            let x = random(&shape, 1) * 2.0 + random(&[1, channels, 1, 1], 2) * 5.0;
            if !Normalised::is_for(&x) {
                return;
            }
            let [gamma, beta] = [3, 4].map(|seed| random(&[channels], seed));
            let doubles =
                [&x, &gamma, &beta].map(|tensor| tensor.to_kind(Kind::Double).set_requires_grad(true));
            for relu in [false, true] {
                let [x64, gamma64, beta64] = &doubles;
                let (mean, variance) = (beta64.zeros_like(), beta64.zeros_like());
                let theirs = x64.batch_norm(
                    Some(gamma64),
                    Some(beta64),
                    Some(&mean),
                    Some(&variance),
                    true,
                    1.0,
                    1e-3,
                    false,
                );
                let theirs = if relu { theirs.relu() } else { theirs };
                let (ours, output, statistics) = Normalised::new(&x, Some(&gamma), Some(&beta), 1e-3, relu);
                let rows = (x.numel() / channels as usize) as f64;
                let gradient = random(&shape, 5);
                let loss = (&theirs * &gradient).sum(Kind::Double);
                let of_theirs = Tensor::run_backward(&[loss], &doubles, false, false);
                let of_ours = ours.gradients(&gradient);
                let all = [
                    ("output", &output, &theirs),
                    ("mean", &statistics.mean, &mean),
                    ("variance", &(&statistics.variance * (rows / (rows - 1.0))), &variance),
                    ("gradient of x", of_ours.input.as_ref().unwrap(), &of_theirs[0]),
                    ("gradient of gamma", &of_ours.weights[0], &of_theirs[1]),
                    ("gradient of beta", &of_ours.weights[1], &of_theirs[2]),
                ];
                for (what, ours, theirs) in all {
                    let far = difference(ours, theirs);
                    assert!(far < 3e-6, "{channels} channels, ReLU {relu}: {what} {far}");
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let x = random(&[23, 24, 17, 17], 1);
        if !Normalised::is_for(&x) {
            return;
        }
        let run = |threads| {
            let (ours, output, statistics) = Normalised::on_threads(&x, [None, None], 1e-3, true, threads);
            let gradients = ours.gradients_on_threads(&random(&x.size(), 2), threads);
            (output, statistics.mean, statistics.variance, gradients)
        };
        let alone = run(1);
        for threads in [2, 3, 5, 400] {
            assert_eq!(run(threads), alone, "{threads} threads");
        }
    }

    #[test]
    fn what_is_no_number_comes_out() {
        let x = random(&[2, 16, 3, 3], 1);
        if !Normalised::is_for(&x) {
            return;
        }
        let _ = x.get(1).get(3).get(0).get(0).fill_(f64::NAN);
        let (_, output, _) = Normalised::new(&x, None, None, 1e-3, true);
        assert_eq!(output.select(1, 3).isnan().all().int64_value(&[]), 1);
        assert_eq!(
            output.isnan().sum(Kind::Int64).int64_value(&[]),
            18,
            "the other channels are as they were"
        );
    }
}
