//! Layers after each other: their names, and what comes out at the end.

use std::collections::HashMap;
use tch::Tensor;

use super::{Activation, Layer};

/// The names of layers in a list: those that they were given, and for the others Keras's, `conv2d`, `conv2d_1`, and so on.
pub(crate) fn names(layers: &[Box<dyn Layer>]) -> Vec<String> {
    let mut counts = HashMap::new();
    let mut name = |class_name: &'static str| {
        let (base, count) = (snake_case(class_name), counts.entry(class_name).or_insert(0));
        *count += 1;
        match *count {
            1 => base,
            number => format!("{base}_{}", number - 1),
        }
    };
    let names = layers.iter().map(|layer| match layer.given_name() {
        Some(given) => given.to_string(),
        None => name(layer.class_name()),
    });
    names.collect()
}

/// `MaxPooling2D` as `max_pooling2d`.
fn snake_case(class_name: &str) -> String {
    let mut text = String::new();
    let mut after_lowercase = false;
    for letter in class_name.chars() {
        if letter.is_uppercase() && after_lowercase {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        after_lowercase = letter.is_lowercase();
    }
    text
}

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
