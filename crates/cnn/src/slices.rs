//! A tensor's numbers as a Rust slice, for the few loops that libtorch has no operation for.
//!
//! They are a model's first two layers in one go, in `conv_then_pool.rs`, the step of [`Adam`](crate::Adam), which reads and writes each number once instead of eight times, and
//! [`Augment`](crate::Augment), whose own loop changes half as many images again in the same time as libtorch's operations
//! do. All `unsafe` that these need is here.

use tch::{Device, Kind, Tensor};

fn check(tensor: &Tensor, kind: Kind) -> usize {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == kind && tensor.is_contiguous(),
        "the callers choose tensors of this kind"
    );
    tensor.numel()
}

/// The numbers of a contiguous 32-bit float tensor on the CPU.
pub(crate) fn numbers(tensor: &Tensor) -> &[f32] {
    let count = check(tensor, Kind::Float);
    // SAFETY: the memory holds `count` floats one after the other, and lives as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), count) }
}

/// The numbers of a contiguous 32-bit float tensor on the CPU, to be changed.
pub(crate) fn numbers_mut(tensor: &mut Tensor) -> &mut [f32] {
    let count = check(tensor, Kind::Float);
    // SAFETY: as above; the callers hold no other view of these numbers while they change them.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), count) }
}

/// The numbers of a contiguous tensor of bytes on the CPU.
pub(crate) fn bytes(tensor: &Tensor) -> &[u8] {
    let count = check(tensor, Kind::Uint8);
    // SAFETY: the memory holds `count` bytes, and lives as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), count) }
}

/// The numbers of a contiguous tensor of bytes on the CPU, to be changed.
pub(crate) fn bytes_mut(tensor: &mut Tensor) -> &mut [u8] {
    let count = check(tensor, Kind::Uint8);
    // SAFETY: as above; the callers hold no other view of these numbers while they change them.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), count) }
}

/// A tensor's dimensions in the order in which they lie in memory: with them, `permute` gives a tensor that is
/// contiguous, if its numbers lie side by side at all.
pub(crate) fn memory_order(tensor: &Tensor) -> Vec<i64> {
    let strides = tensor.stride();
    let mut dimensions: Vec<i64> = (0..strides.len() as i64).collect();
    dimensions.sort_by_key(|&dimension| std::cmp::Reverse(strides[dimension as usize]));
    dimensions
}
