//! A convolution of a batch by Winograd's way, on all threads.

use tch::{no_grad, Device, Kind, Tensor};

use super::passes::{backward, forward, transform_kernel, whole, Sizes};
use super::transforms::PLACES;
use crate::engine::processor::has_avx512;
use crate::engine::slices::{numbers, numbers_mut};
use crate::engine::threads;
use crate::layers::tape::Gradients;

/// With fewer channels or filters, vectors of sixteen are mostly empty.
const FEWEST: i64 = 16;
/// With more pairs of a channel and a filter, what the transforms make of a kernel does not stay in a processor's cache.
const MOST_PAIRS: i64 = 256 * 256;
/// How many groups of images a batch is divided into, each of whose gradients are added up before those of all groups are: always the
/// same, however many threads there are.
const GROUPS: usize = 8;
/// Tiles of a group, if there are so many: what is done once for each group is then little beside them.
const TILES: usize = 64;

/// A convolution that can be computed this way, for a batch.
pub(in crate::layers) struct Winograd {
    /// `[batch, height, width, channels]`, one after the other in memory.
    x: Tensor,
    kernel: Tensor,
    sizes: Sizes,
    batch: usize,
}

impl Winograd {
    /// For `x [batch, channels, height, width]` on the CPU and a 3×3 kernel `[filters, channels, 3, 3]` that moves by 1, if this way is the faster
    /// one; `padding` is what is put around an image.
    pub fn of(x: &Tensor, kernel: &Tensor, padding: [i64; 4]) -> Option<Self> {
        let (&[batch, channels, height, width], &[filters, of_channels, 3, 3]) =
            (&x.size()[..], &kernel.size()[..])
        else {
            return None;
        };
        let [x, kernel] = [x, kernel].map(Tensor::detach);
        let is_float = [&x, &kernel].iter().all(|t| t.device() == Device::Cpu && t.kind() == Kind::Float);
        let fits = is_float
            && has_avx512()
            && batch > 0
            && channels == of_channels
            && channels.min(filters) >= FEWEST
            && channels * filters <= MOST_PAIRS
            && (padding == [0; 4] || padding == [1; 4])
            && height.min(width) + 2 * padding[0] >= 3;
        if !fits {
            return None;
        }
        let [batch, channels, height, width, filters, padding] =
            [batch, channels, height, width, filters, padding[0]].map(|size| size as usize);
        let sizes = Sizes { channels, height, width, filters, padding };
        // Tiles reach beyond small images: then little or nothing is saved.
        let saves = 9 * sizes.rows() * sizes.columns() * 2 >= 3 * PLACES * sizes.tiles();
        let x = no_grad(|| x.permute([0, 2, 3, 1]).contiguous());
        saves.then_some(Winograd { x, kernel, sizes, batch })
    }

    /// The output `[batch, filters, rows, columns]`, channels-last in memory.
    pub fn forward(&self, bias: Option<&Tensor>) -> Tensor {
        no_grad(|| self.forward_on_threads(bias, threads::count()))
    }

    fn forward_on_threads(&self, bias: Option<&Tensor>, threads: usize) -> Tensor {
        let (sizes, filters) = (&self.sizes, self.sizes.filters as i64);
        let kernel = transformed(&self.kernel.permute([2, 3, 1, 0]));
        let bias = bias.map_or_else(|| numbers_for(filters as usize).zero_(), Tensor::detach);
        let bias = bias.constant_pad_nd([0, whole(sizes.filters) as i64 - filters]).contiguous();
        let shape = [self.batch, sizes.rows(), sizes.columns(), sizes.filters].map(|size| size as i64);
        let mut output = Tensor::empty(shape, (Kind::Float, Device::Cpu));
        let share = self.batch.div_ceil(threads * threads::SHARES);
        let mut notes = numbers_for(threads * sizes.notes_forward());
        let images = numbers(&self.x).chunks(share * sizes.image());
        let shares = images.zip(numbers_mut(&mut output).chunks_mut(share * sizes.output()));
        let notes = numbers_mut(&mut notes).chunks_mut(sizes.notes_forward());
        let (kernel, bias) = (numbers(&kernel), numbers(&bias));
        threads::on_each_with(notes, shares, |notes, (images, outputs)| {
            // SAFETY: `of` has seen that the processor has AVX-512.
            unsafe { forward(sizes, images, kernel, bias, outputs, notes) }
        });
        output.permute([0, 3, 1, 2])
    }

    /// Gradients from that of the output: of the weights, which are kernel and bias, of the input, or of both.
    pub fn gradients(&self, gradient: &Tensor, weights: bool, input: bool) -> Gradients {
        no_grad(|| self.gradients_on_threads(gradient, weights, input, threads::count()))
    }

    fn gradients_on_threads(
        &self,
        gradient: &Tensor,
        weights: bool,
        input: bool,
        threads: usize,
    ) -> Gradients {
        let sizes = &self.sizes;
        let gradient = gradient.permute([0, 2, 3, 1]).contiguous();
        let kernel = transformed(&self.kernel.permute([2, 3, 0, 1]));
        let group = self.batch.div_ceil(GROUPS).max(TILES.div_ceil(sizes.tiles()));
        let groups = self.batch.div_ceil(group);
        let mut of_weights = numbers_for(groups * sizes.gradients());
        let mut of_input =
            Tensor::empty(if input { self.x.size() } else { vec![0] }, (Kind::Float, Device::Cpu));
        let mut notes = numbers_for(threads * sizes.notes_backward());
        let images = numbers(&self.x).chunks(group * sizes.image());
        let gradients = numbers(&gradient).chunks(group * sizes.output());
        let mut rest = numbers_mut(&mut of_input);
        let of_inputs = images.clone().map(|images| {
            let here = if input { images.len() } else { 0 };
            rest.split_off_mut(..here).expect("as many numbers as the images have")
        });
        let sums = numbers_mut(&mut of_weights).chunks_mut(sizes.gradients());
        let notes = numbers_mut(&mut notes).chunks_mut(sizes.notes_backward());
        let kernel = numbers(&kernel);
        let parts = images.zip(gradients).zip(of_inputs).zip(sums);
        threads::on_each_with(notes, parts, |notes, (((images, gradients), of_images), sums)| {
            let sums = if weights { sums } else { &mut [] };
            // SAFETY: as above.
            unsafe { backward(sizes, images, kernel, gradients, sums, of_images, notes) }
        });
        Gradients {
            input: input.then(|| of_input.permute([0, 3, 1, 2])),
            weights: if weights {
                self.of_weights(&of_weights.reshape([groups as i64, -1]))
            } else {
                Vec::new()
            },
        }
    }

    /// The gradients of kernel and bias from those of the groups.
    fn of_weights(&self, groups: &Tensor) -> Vec<Tensor> {
        let (channels, filters) = (self.sizes.channels as i64, self.sizes.filters as i64);
        let rows =
            groups.sum_dim_intlist([0_i64].as_slice(), false, Kind::Float).reshape([9 * channels + 1, -1]);
        let rows = rows.narrow(1, 0, filters);
        let kernel = rows.narrow(0, 0, 9 * channels).reshape([3, 3, channels, filters]).permute([3, 2, 0, 1]);
        vec![kernel.contiguous(), rows.select(0, -1).contiguous()]
    }
}

/// Memory for so many numbers.
fn numbers_for(count: usize) -> Tensor {
    Tensor::empty([count as i64], (Kind::Float, Device::Cpu))
}

/// A kernel `[3, 3, rows, columns]` as the passes want it: `[PLACES, rows, columns]`, filled up to whole vectors.
fn transformed(kernel: &Tensor) -> Tensor {
    let columns = kernel.size()[3];
    let kernel = kernel.constant_pad_nd([0, whole(columns as usize) as i64 - columns]).contiguous();
    let mut transformed = numbers_for(kernel.numel() / 9 * PLACES);
    // SAFETY: as above.
    unsafe { transform_kernel(numbers(&kernel), numbers_mut(&mut transformed)) }
    transformed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::tensor as random;

    /// The largest difference, as a share of the largest number.
    fn difference(one: &Tensor, other: &Tensor) -> f64 {
        assert_eq!(one.size(), other.size());
        ((one - other).abs().max() / other.abs().max()).double_value(&[])
    }

    /// Without the instructions there is nothing to test: `of` gives none.
    fn skipped() -> bool {
        if !has_avx512() {
            assert!(Winograd::of(&random(&[2, 16, 8, 8], 1), &random(&[16, 16, 3, 3], 2), [1; 4]).is_none());
        }
        !has_avx512()
    }

    #[test]
    fn outputs_and_gradients_are_libtorchs() {
        if skipped() {
            return;
        }
        let sides = [(8, 8), (12, 12), (10, 7), (5, 13), (9, 16), (26, 11)];
        for (case, (channels, filters)) in
            [(16, 16), (24, 48), (17, 40), (48, 24), (33, 31), (64, 96), (96, 130)].into_iter().enumerate()
        {
            for padding in [0, 1] {
                let (height, width) = sides[(case + padding as usize) % sides.len()];
                let batch = [1, 3, 17, 9][case % 4];
                let x = random(&[batch, channels, height, width], 1).set_requires_grad(true);
                let kernel = random(&[filters, channels, 3, 3], 2).set_requires_grad(true);
                let bias = random(&[filters], 3).set_requires_grad(true);
                let theirs = x.conv2d(&kernel, Some(&bias), [1, 1], [padding, padding], [1, 1], 1);
                let conv = Winograd::of(&x, &kernel, [padding; 4]).unwrap();
                let case =
                    format!("{channels} to {filters}, {batch} images of {height}×{width}, padding {padding}");
                let far = difference(&conv.forward(Some(&bias)), &theirs);
                assert!(far < 1e-5, "{case}: output {far}");
                let far = difference(&conv.forward(None), &(&theirs - bias.reshape([1, -1, 1, 1])));
                assert!(far < 1e-5, "{case}: output without bias {far}");
                let gradient = random(&theirs.size(), 4);
                let all = Tensor::run_backward(
                    &[(&theirs * &gradient).sum(Kind::Float)],
                    &[&x, &kernel, &bias],
                    false,
                    false,
                );
                let ours = conv.gradients(&gradient, true, true);
                let [of_kernel, of_bias] = &ours.weights[..] else {
                    panic!("{case}: {} gradients", ours.weights.len())
                };
                let of_input = ours.input.as_ref().unwrap();
                for (name, ours, theirs) in
                    [("x", of_input, &all[0]), ("kernel", of_kernel, &all[1]), ("bias", of_bias, &all[2])]
                {
                    let far = difference(ours, theirs);
                    assert!(far < 1e-5, "{case}: gradient of {name} {far}");
                }
                let alone = conv.gradients(&gradient, true, false);
                assert_eq!((&alone.weights, &alone.input), (&ours.weights, &None), "{case}");
                let alone = conv.gradients(&gradient, false, true);
                assert_eq!((&alone.weights, &alone.input), (&Vec::new(), &ours.input), "{case}");
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        if skipped() {
            return;
        }
        let (x, kernel, bias) = (random(&[21, 16, 9, 9], 1), random(&[20, 16, 3, 3], 2), random(&[20], 3));
        let conv = Winograd::of(&x, &kernel, [1; 4]).unwrap();
        let alone = conv.forward_on_threads(Some(&bias), 1);
        let gradient = random(&alone.size(), 4);
        let gradients = conv.gradients_on_threads(&gradient, true, true, 1);
        for threads in [2, 3, 5, 40] {
            assert_eq!(conv.forward_on_threads(Some(&bias), threads), alone, "{threads} threads");
            assert_eq!(
                conv.gradients_on_threads(&gradient, true, true, threads),
                gradients,
                "{threads} threads"
            );
        }
    }

    #[test]
    fn an_image_is_computed_alike_alone_and_among_others() {
        if skipped() {
            return;
        }
        let (x, kernel) = (random(&[50, 32, 10, 10], 1), random(&[32, 32, 3, 3], 2));
        let of = |x: &Tensor| Winograd::of(x, &kernel, [0; 4]).unwrap().forward(None);
        assert_eq!(of(&x).narrow(0, 37, 1), of(&x.narrow(0, 37, 1)));
    }

    #[test]
    fn what_is_no_number_comes_out() {
        if skipped() {
            return;
        }
        let (x, kernel) = (random(&[2, 16, 8, 8], 1), random(&[16, 16, 3, 3], 2));
        let _ = x.get(1).get(3).get(0).get(0).fill_(f64::NAN);
        let output = Winograd::of(&x, &kernel, [0; 4]).unwrap().forward(None);
        assert_eq!(output.get(0).isnan().any().int64_value(&[]), 0);
        assert_eq!(output.get(1).select(1, 0).select(1, 0).isnan().all().int64_value(&[]), 1);
    }

    #[test]
    fn other_convolutions_are_left_to_libtorch() {
        if skipped() {
            return;
        }
        let is_for = |x: [i64; 4], kernel: [i64; 4], padding: [i64; 4]| {
            Winograd::of(&random(&x, 1), &random(&kernel, 2), padding).is_some()
        };
        let (x, kernel) = ([2, 16, 8, 8], [16, 16, 3, 3]);
        assert!(is_for(x, kernel, [0; 4]) && is_for(x, kernel, [1; 4]));
        assert!(!is_for(x, [16, 16, 5, 5], [0; 4]) && !is_for(x, [16, 16, 1, 1], [0; 4]));
        assert!(!is_for(x, [16, 8, 3, 3], [0; 4]), "groups");
        assert!(!is_for(x, kernel, [1, 0, 1, 0]) && !is_for(x, kernel, [2; 4]));
        assert!(!is_for([2, 3, 8, 8], [16, 3, 3, 3], [1; 4]) && !is_for(x, [10, 16, 3, 3], [1; 4]));
        assert!(!is_for([2, 16, 4, 4], kernel, [0; 4]), "of 4×4 outputs of a tile, 2×2 are used");
        let x = random(&x, 1).to_kind(Kind::Double);
        assert!(Winograd::of(&x, &random(&kernel, 2).to_kind(Kind::Double), [1; 4]).is_none());
    }
}
