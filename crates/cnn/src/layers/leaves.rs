//! The layers that have no others within them.

use std::any::Any;

use super::{Layer, Residual};

/// The layer, or those within a block, each under the name that its weights' names begin with: `residual/conv2d`.
pub(crate) fn leaves<'a>(name: &str, layer: &'a dyn Layer) -> Vec<(String, &'a dyn Layer)> {
    match (layer as &dyn Any).downcast_ref::<Residual>() {
        None => vec![(name.to_string(), layer)],
        Some(block) => {
            let parts = block.parts().into_iter();
            parts.flat_map(|(part, layer)| leaves(&format!("{name}/{part}"), layer)).collect()
        }
    }
}

/// The same, to change them.
pub(crate) fn leaves_mut<'a>(name: &str, layer: &'a mut dyn Layer) -> Vec<(String, &'a mut dyn Layer)> {
    if !(&*layer as &dyn Any).is::<Residual>() {
        return vec![(name.to_string(), layer)];
    }
    let block = (layer as &mut dyn Any).downcast_mut::<Residual>().expect("it is one");
    let parts = block.parts_mut().into_iter();
    parts.flat_map(|(part, layer)| leaves_mut(&format!("{name}/{part}"), layer)).collect()
}
