//! Layers after each other.

use std::any::Any;
use tch::Tensor;

use super::tape::Tape;
use super::{Activation, Layer};

/// The output of several layers after each other, activations included; `activation` is still to be applied to `x`. With a tape, they are
/// computed for a training's step.
pub(crate) fn through<'a>(
    layers: impl IntoIterator<Item = &'a dyn Layer>,
    mut activation: Activation,
    x: &Tensor,
    training: bool,
    tape: Option<&Tape>,
) -> Tensor {
    let mut x = x.shallow_clone();
    let mut layers = layers.into_iter().peekable();
    while let Some(layer) = layers.next() {
        if layer.keeps_largest() && activation.is_rising() {
            x = layer.forward(&x, training);
            continue;
        }
        let input = activation.apply(&x);
        if let Some(tape) = tape {
            let is_before_relu = layers.peek().is_some_and(|next| is_relu(*next));
            let both = if is_before_relu { layer.noted_with_relu(&input, tape) } else { None };
            if let Some(output) = both {
                layers.next();
                (x, activation) = (output, Activation::Linear);
                continue;
            }
            x = layer.noted(&input, tape);
        } else {
            x = layer.forward(&input, training);
        }
        activation = layer.activation();
    }
    activation.apply(&x)
}

/// Whether the layer is a ReLU and nothing else.
fn is_relu(layer: &dyn Layer) -> bool {
    (layer as &dyn Any).downcast_ref() == Some(&Activation::Relu)
}
