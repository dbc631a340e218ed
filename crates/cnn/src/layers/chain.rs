//! Layers after each other.

use std::any::Any;
use tch::Tensor;

use super::{Activation, BatchNormalization, Layer};

/// The output of several layers after each other, activations included; `activation` is still to be applied to `x`.
pub(crate) fn through<'a>(
    layers: impl IntoIterator<Item = &'a dyn Layer>,
    mut activation: Activation,
    x: &Tensor,
    training: bool,
) -> Tensor {
    let mut x = x.shallow_clone();
    let mut layers = layers.into_iter().peekable();
    while let Some(layer) = layers.next() {
        if layer.keeps_largest() && activation.is_rising() {
            x = layer.forward(&x, training);
            continue;
        }
        let input = activation.apply(&x);
        if layers.peek().is_some_and(|next| is_relu(*next)) {
            if let Some(output) = normalised_with_relu(layer, &input, training) {
                (x, activation) = (output, Activation::Linear);
                layers.next();
                continue;
            }
        }
        x = layer.forward(&input, training);
        activation = layer.activation();
    }
    activation.apply(&x)
}

fn is_relu(layer: &dyn Layer) -> bool {
    (layer as &dyn Any).downcast_ref() == Some(&Activation::Relu)
}

/// What a batch normalisation and the ReLU after it give, if they are computed in one go.
fn normalised_with_relu(layer: &dyn Layer, x: &Tensor, training: bool) -> Option<Tensor> {
    (layer as &dyn Any).downcast_ref::<BatchNormalization>()?.in_one_go(x, training, true)
}
