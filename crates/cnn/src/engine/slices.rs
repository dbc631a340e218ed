//! A tensor's numbers as a Rust slice, for the few loops that libtorch has no operation for.
//!
//! They are those of layers, in `layers/fused/` and `layers/winograd/`; the step of [`Adam`](crate::Adam), which reads
//! and writes each number once instead of eight times; and [`Augment`](crate::Augment), whose own loop is faster than
//! libtorch's operations. What `unsafe` all of these need is here.

use anyhow::Result;
use tch::kind::Element;
use tch::{Device, Kind, Tensor};

fn check<T: Element>(tensor: &Tensor) -> usize {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == T::KIND && tensor.is_contiguous(),
        "the callers choose tensors of this kind"
    );
    tensor.numel()
}

/// The numbers of a contiguous tensor on the CPU, 32-bit floats or bytes.
pub(crate) fn numbers<T: Element>(tensor: &Tensor) -> &[T] {
    let count = check::<T>(tensor);
    if count == 0 {
        return &[]; // libtorch then has no memory at all
    }
    // SAFETY: the memory holds `count` numbers of this kind one after the other, and lives as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), count) }
}

/// The numbers of a contiguous tensor on the CPU, to be changed.
pub(crate) fn numbers_mut<T: Element>(tensor: &mut Tensor) -> &mut [T] {
    let count = check::<T>(tensor);
    if count == 0 {
        return &mut [];
    }
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

/// The bytes of 32-bit floats, in the order that files have (little-endian, as all machines that libtorch runs on).
pub(crate) fn to_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let mut bytes = vec![0; tensor.numel() * 4];
    tensor.detach().to_kind(Kind::Float).f_copy_data_u8(&mut bytes, tensor.numel())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_without_numbers_is_an_empty_slice() {
        let mut none = Tensor::zeros([0, 3], (Kind::Uint8, Device::Cpu));
        assert!(numbers::<u8>(&none).is_empty() && numbers_mut::<u8>(&mut none).is_empty());
    }
}
