//! Layers from what is saved of them.

use anyhow::{bail, Result};
use serde::{de::DeserializeOwned, Deserialize};
use serde_json::Value;

use super::{
    named::with_saved_name, Activation, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout,
    Flatten, GlobalAveragePooling2D, Layer, MaxPooling2D, Residual,
};
use crate::engine::error::Context;

/// Makes a layer from what [`Layer::class_name`] and [`Layer::config`] gave.
///
/// # Errors
/// If the name is not one of this crate's layers, or an argument is missing or of the wrong type.
pub(crate) fn from_config(class_name: &str, config: &Value) -> Result<Box<dyn Layer>> {
    fn read<L: Layer + DeserializeOwned + 'static>(config: &Value) -> Result<Box<dyn Layer>> {
        Ok(Box::new(L::deserialize(config)?))
    }
    let layer = match class_name {
        // Once an activation's config was its name alone.
        "Activation" => Activation::deserialize(config.get("activation").unwrap_or(config))
            .map_err(Into::into)
            .and_then(|activation| with_saved_name(activation, config)),
        "AveragePooling2D" => read::<AveragePooling2D>(config),
        "BatchNormalization" => read::<BatchNormalization>(config),
        "Conv2D" => read::<Conv2D>(config),
        "GlobalAveragePooling2D" => with_saved_name(GlobalAveragePooling2D, config),
        "MaxPooling2D" => read::<MaxPooling2D>(config),
        "Residual" => Residual::from_config(config, from_config).map(|residual| Box::new(residual) as Box<dyn Layer>),
        "Flatten" => with_saved_name(Flatten, config),
        "Dense" => read::<Dense>(config),
        "Dropout" => read::<Dropout>(config),
        _ => bail!(
            "{class_name:?} is not a layer that this version of the crate can load; if it is one of your own, build the \
             model and use load_weights()"
        ),
    };
    layer.with_context(|| format!("the saved arguments of a {class_name} layer cannot be read"))
}
