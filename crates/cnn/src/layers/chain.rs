//! Layers after each other.

use tch::Tensor;

use super::{Activation, Layer};

/// The output of several layers after each other, activations included; `activation` is still to be applied to `x`.
pub(crate) fn through<'a>(
    layers: impl IntoIterator<Item = &'a dyn Layer>,
    mut activation: Activation,
    x: &Tensor,
    training: bool,
) -> Tensor {
    let mut x = x.shallow_clone();
    for layer in layers {
        if layer.keeps_largest() && activation.is_rising() {
            x = layer.forward(&x, training);
            continue;
        }
        x = layer.forward(&activation.apply(&x), training);
        activation = layer.activation();
    }
    activation.apply(&x)
}
