//! The names of kernel and bias.

use tch::Tensor;

/// Kernel and bias by name, as both `Conv2D` and `Dense` have them.
pub(super) fn named_weights(weights: &Option<[Tensor; 2]>) -> Vec<(String, Tensor)> {
    let names = ["kernel", "bias"].map(String::from);
    let tensors = weights.iter().flatten().map(Tensor::shallow_clone);
    names.into_iter().zip(tensors).collect()
}
