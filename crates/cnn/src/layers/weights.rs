//! Kernel and bias.

use tch::Tensor;

/// The weights of `Conv2D`, `DepthwiseConv2D` and `Dense`.
#[derive(Debug)]
pub(super) struct Weights {
    pub kernel: Tensor,
    /// None with `use_bias(false)`.
    pub bias: Option<Tensor>,
}

impl Weights {
    /// By name, in Keras's order.
    pub fn named(&self) -> Vec<(String, Tensor)> {
        let tensors = [("kernel", Some(&self.kernel)), ("bias", self.bias.as_ref())];
        named(tensors)
    }
}

/// Those of the tensors that are there, by name; they share their memory with the layer's own.
pub(super) fn named<const N: usize>(tensors: [(&str, Option<&Tensor>); N]) -> Vec<(String, Tensor)> {
    let there = tensors.into_iter().filter_map(|(name, tensor)| Some((name, tensor?)));
    there.map(|(name, tensor)| (name.to_string(), tensor.shallow_clone())).collect()
}
