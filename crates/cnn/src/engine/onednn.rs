//! Matrix products by oneDNN.
//!
//! libtorch computes them with MKL, which does not use the widest instructions (AVX-512) of AMD's processors; oneDNN,
//! which libtorch uses for convolutions, does. Forward and backward of the course's large dense layer for a batch of
//! 128, on two cores: 1.8 ms instead of 3.1. Where there are no such instructions, MKL is the faster one: 4.7 ms to 5.5.

use std::sync::OnceLock;
use tch::{no_grad, Device, Kind, Tensor};

use super::processor::has_avx512;

/// Whether oneDNN is the better choice for tensors like `x`, on this processor and with this libtorch.
pub(crate) fn is_for(x: &Tensor) -> bool {
    static BETTER: OnceLock<bool> = OnceLock::new();
    let is_there = || no_grad(|| Tensor::ones([1], (Kind::Float, Device::Cpu)).f_to_mkldnn(None).is_ok());
    let is_better = || has_avx512() && is_there();
    x.device() == Device::Cpu && x.kind() == Kind::Float && *BETTER.get_or_init(is_better)
}

/// `x · kernel + bias`, or without a bias, for `x [batch, inputs]` and `kernel [inputs, units]`, which oneDNN wants to lie in memory unit
/// by unit; see [`by_units`].
pub(crate) fn linear(x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>) -> Tensor {
    x.to_mkldnn().mkldnn_linear(&kernel.tr(), bias).to_dense(Kind::Float, false)
}

/// The same kernel `[inputs, units]`, its numbers in memory unit by unit.
pub(crate) fn by_units(kernel: &Tensor) -> Tensor {
    kernel.tr().contiguous().tr()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where it is not the better choice, so that it is tested on every processor that can do it at all.
    #[test]
    fn products_and_gradients_are_those_of_libtorch() {
        let random = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let (x, bias) = (random(&[5, 7]), random(&[3]));
        let kernel = by_units(&random(&[7, 3]).detach()).set_requires_grad(true);
        assert_eq!((kernel.size(), kernel.stride()), (vec![7, 3], vec![1, 7]));
        if x.detach().f_to_mkldnn(None).is_err() {
            return;
        }
        let leaves = [&x, &kernel, &bias];
        let with_gradients = |output: Tensor| {
            let gradients = Tensor::run_backward(&[output.square().sum(Kind::Float)], &leaves, false, false);
            [output.detach()].into_iter().chain(gradients).collect::<Vec<_>>()
        };
        let ours = with_gradients(linear(&x, &kernel, Some(&bias)));
        let theirs = with_gradients(x.matmul(&kernel) + &bias);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(ours.allclose(theirs, 1e-4, 1e-5, false), "{ours:?} {theirs:?}");
        }
        let without_bias = linear(&x, &kernel, None).detach();
        assert!(without_bias.allclose(&x.matmul(&kernel).detach(), 1e-4, 1e-5, false), "{without_bias:?}");
    }
}
