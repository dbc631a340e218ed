//! From a file's numbers to tensors, and back.

use anyhow::{ensure, Result};
use formats::{Array, Number};
use tch::{no_grad, Kind, Tensor};

use crate::engine::slices::{memory_order, to_bytes};

/// Gives weights, each the first of a pair, the numbers of the second, which were looked at.
pub(super) fn give(pairs: Vec<(Tensor, Tensor)>) {
    no_grad(|| pairs.iter().for_each(|(own, new)| copy(new, own)));
}

/// Copies numbers from one tensor to another of the same shape. A dense kernel lies transposed in memory, and libtorch transposes
/// quickly only into a tensor that is contiguous.
pub(super) fn copy(from: &Tensor, to: &Tensor) {
    let order = memory_order(to);
    to.permute(&order).copy_(&from.permute(&order));
}

/// A file's numbers as a tensor of 32-bit floats on the CPU.
pub(super) fn tensor(array: &Array) -> Result<Tensor> {
    let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    let floats = match array.kind() {
        Number::F32 => return Ok(Tensor::f_from_data_size(array.bytes(), &shape, Kind::Float)?),
        kind => {
            ensure!(kind.is_float(), "its numbers are {kind:?}, and weights are F32, F64, F16 or BF16");
            array.to_f32()
        }
    };
    Ok(Tensor::f_from_slice(&floats)?.f_reshape(shape)?)
}

/// A tensor's numbers as 32-bit floats, row by row.
pub(super) fn array(tensor: &Tensor) -> Result<Array> {
    let shape: Vec<usize> = tensor.size().into_iter().map(|side| side as usize).collect();
    Array::new(Number::F32, shape, to_bytes(tensor)?)
}

/// The weight called `name` as 32-bit floats, if it has the shape of `like` and holds numbers.
pub(super) fn checked(name: &str, tensor: &Tensor, like: &Tensor) -> Result<Tensor> {
    ensure!(
        tensor.size() == like.size(),
        "the weight {name} has the shape {:?}, and this model wants {:?}",
        tensor.size(),
        like.size()
    );
    ensure!(
        tensor.is_floating_point(),
        "the weight {name} is of kind {:?}, and weights are F32, F64, F16 or BF16: convert it, or save the model again \
         with model.save()",
        tensor.kind()
    );
    ensure!(
        finite(tensor),
        "the weight {name} holds NaN or infinity: it was saved after a training that failed"
    );
    let float = tensor.f_to_kind(Kind::Float)?;
    ensure!(
        tensor.kind() == Kind::Float || finite(&float),
        "the weight {name} holds numbers beyond ±3.4e38, the range of 32-bit floats"
    );
    Ok(float)
}

/// Whether no number is NaN or infinite. Their sum tells in a tenth of the time, unless it is itself beyond the range.
fn finite(tensor: &Tensor) -> bool {
    tensor.sum(tensor.kind()).double_value(&[]).is_finite() || tensor.isfinite().all().int64_value(&[]) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finite_numbers_may_be_large() {
        for kind in [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16] {
            let of = |numbers: &[f32]| finite(&Tensor::from_slice(numbers).to_kind(kind));
            assert!(of(&[]) && of(&[1.0, -2.0]), "{kind:?}");
            assert!(of(&[60_000.0; 3]), "the sum of these halves is beyond their range: {kind:?}");
            assert!(of(&[f32::MAX / 2.0; 3]) || kind == Kind::Half, "{kind:?}");
            for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(!of(&[1.0, wrong]) && !of(&[-wrong, 1.0, wrong]), "{wrong} {kind:?}");
            }
        }
    }
}
