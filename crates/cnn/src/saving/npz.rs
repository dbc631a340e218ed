//! NumPy's `.npz`: weights alone, in Keras's layouts and order, so that `model.set_weights([file[name] for name in file.files])`
//! takes them there.

use anyhow::Result;
use formats::npz;

use super::keras::{in_order, keras_layers};
use super::numbers::array;
use crate::Sequential;

/// The bytes of a file with the weights by name, `conv2d/kernel`.
pub(super) fn write_npz(model: &Sequential) -> Result<Vec<u8>> {
    let mut arrays = Vec::new();
    for layer in keras_layers(model)? {
        for (weight, tensor) in &layer.weights {
            arrays.push((format!("{}/{weight}", layer.name), array(tensor)?));
        }
    }
    npz::write(&arrays)
}

/// Reads weights: by their names, if they are the model's, otherwise in the file's order.
pub(super) fn read_npz(bytes: &[u8], model: &mut Sequential) -> Result<()> {
    let mut arrays = npz::read(bytes)?;
    let names: Vec<String> = keras_layers(model)?
        .iter()
        .flat_map(|layer| {
            layer.weights.iter().map(|(weight, _)| format!("{}/{weight}", layer.name)).collect::<Vec<_>>()
        })
        .collect();
    let place = |name: &String| names.iter().position(|own| own == name);
    if arrays.iter().all(|(name, _)| place(name).is_some()) {
        arrays.sort_by_key(|(name, _)| place(name));
    }
    in_order(model, arrays)
}
