//! Layers from what is saved of them.

use anyhow::{bail, Result};
use serde::Deserialize;
use serde_json::Value;

use super::{
    arguments::argument_or, names::with_saved_name, Activation, AveragePooling2D, BatchNormalization, Conv2D,
    Cropping2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianDropout, GaussianNoise,
    GlobalAveragePooling2D, GlobalMaxPooling2D, KeepDims, Layer, LayerNormalization, LeakyReLU, MaxPooling2D,
    Normalization, Permute, RandomContrast, RandomFlip, RandomRotation, RandomTranslation, RandomZoom, ReLU,
    Rescaling, Reshape, Residual, SeparableConv2D, Softmax, SpatialDropout2D, UpSampling2D, ZeroPadding2D,
    ZeroPaddingChannels, ELU,
};
use crate::engine::error::Context;

/// Makes a layer from what [`Layer::class_name`] and [`Layer::config`] gave.
///
/// # Errors
/// If the name is not one of this crate's layers, or an argument is missing or of the wrong type.
pub(crate) fn from_config(class_name: &str, config: &Value) -> Result<Box<dyn Layer>> {
    fn read<L: Layer>(layer: Result<L>) -> Result<Box<dyn Layer>> {
        Ok(Box::new(layer?))
    }
    /// A global pooling has only `keepdims`, and once had nothing.
    fn global<L: Layer>(layer: L, config: &Value) -> Result<Box<dyn Layer>> {
        match argument_or(config, "keepdims", None)? {
            Some(keepdims) => with_saved_name(KeepDims::new(layer, keepdims), config),
            None => with_saved_name(layer, config),
        }
    }
    let layer = match class_name {
        // Once an activation's config was its name alone.
        "Activation" => Activation::deserialize(config.get("activation").unwrap_or(config))
            .map_err(Into::into)
            .and_then(|activation| with_saved_name(activation, config)),
        "AveragePooling2D" => read(AveragePooling2D::from_config(config)),
        "BatchNormalization" => read(BatchNormalization::from_config(config)),
        "Conv2D" => read(Conv2D::from_config(config)),
        "Cropping2D" => read(Cropping2D::from_config(config)),
        "Dense" => read(Dense::from_config(config)),
        "DepthwiseConv2D" => read(DepthwiseConv2D::from_config(config)),
        "Dropout" => read(Dropout::from_config(config)),
        "ELU" => read(ELU::from_config(config)),
        "Flatten" => with_saved_name(Flatten, config),
        "GaussianDropout" => read(GaussianDropout::from_config(config)),
        "GaussianNoise" => read(GaussianNoise::from_config(config)),
        "GlobalAveragePooling2D" => global(GlobalAveragePooling2D, config),
        "GlobalMaxPooling2D" => global(GlobalMaxPooling2D, config),
        "LayerNormalization" => read(LayerNormalization::from_config(config)),
        "LeakyReLU" => read(LeakyReLU::from_config(config)),
        "MaxPooling2D" => read(MaxPooling2D::from_config(config)),
        "Normalization" => read(Normalization::from_config(config)),
        "Permute" => read(Permute::from_config(config)),
        "RandomContrast" => read(RandomContrast::from_config(config)),
        "RandomFlip" => read(RandomFlip::from_config(config)),
        "RandomRotation" => read(RandomRotation::from_config(config)),
        "RandomTranslation" => read(RandomTranslation::from_config(config)),
        "RandomZoom" => read(RandomZoom::from_config(config)),
        "ReLU" => read(ReLU::from_config(config)),
        "Rescaling" => read(Rescaling::from_config(config)),
        "Reshape" => read(Reshape::from_config(config)),
        "Residual" => read(Residual::from_config(config, from_config)),
        "SeparableConv2D" => read(SeparableConv2D::from_config(config)),
        "Softmax" => read(Softmax::from_config(config)),
        "SpatialDropout2D" => read(SpatialDropout2D::from_config(config)),
        "UpSampling2D" => read(UpSampling2D::from_config(config)),
        "ZeroPadding2D" => read(ZeroPadding2D::from_config(config)),
        "ZeroPaddingChannels" => read(ZeroPaddingChannels::from_config(config)),
        _ => bail!(
            "{class_name:?} is not a layer that this version of the crate can load; if it is one of your own, build the \
             model and use load_weights()"
        ),
    };
    layer.with_context(|| format!("the saved arguments of a {class_name} layer cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn configs_of_before_there_were_these_arguments_are_read() {
        let read = |class_name: &str, config: Value| from_config(class_name, &config).unwrap().config();
        let conv = json!({
            "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid", "activation": "relu"
        });
        let conv = read("Conv2D", conv);
        for (argument, value) in
            [("groups", json!(1)), ("dilation_rate", json!([1, 1])), ("use_bias", json!(true))]
        {
            assert_eq!(conv[argument], value, "{argument}");
        }
        assert!(conv.get("name").is_none(), "{conv}");
        assert_eq!(read("Dense", json!({ "units": 3, "activation": "linear" }))["use_bias"], true);
        let norm = read("BatchNormalization", json!({ "momentum": 0.9, "epsilon": 0.001 }));
        assert_eq!((&norm["center"], &norm["scale"]), (&json!(true), &json!(true)));
        assert_eq!(read("Activation", json!("relu")), json!({ "activation": "relu" }));
        assert_eq!(read("Flatten", Value::Null), Value::Null);
        assert_eq!(read("GlobalAveragePooling2D", Value::Null), Value::Null);
        let block = read("Residual", json!({ "layers": [], "activation": "relu" }));
        assert_eq!(block, json!({ "layers": [], "activation": "relu" }));
    }

    #[test]
    fn what_a_layer_says_of_itself_makes_it_again() {
        let configs = [
            ("Flatten", json!({ "name": "a" })),
            ("Activation", json!({ "activation": "gelu", "name": "a" })),
            ("GlobalMaxPooling2D", json!({ "keepdims": true, "name": "a" })),
            ("ZeroPadding2D", json!({ "padding": [[0, 1], [2, 3]], "name": "a" })),
            (
                "RandomZoom",
                json!({
                    "height_factor": [-0.1, 0.2], "width_factor": null, "fill_mode": "wrap", "interpolation": "nearest",
                    "fill_value": 0.5
                }),
            ),
            ("RandomContrast", json!({ "factor": [0.0, 0.2], "value_range": [0.0, 255.0] })),
        ];
        for (class_name, config) in configs {
            let layer = from_config(class_name, &config).unwrap();
            assert_eq!((layer.class_name(), layer.config()), (class_name, config));
        }
        // A single number, as Keras writes it.
        let factor =
            json!({ "factor": 0.1, "fill_mode": "reflect", "interpolation": "bilinear", "fill_value": 0.0 });
        assert_eq!(from_config("RandomRotation", &factor).unwrap().config()["factor"], json!([-0.1, 0.1]));
        let nameless = from_config("Flatten", &json!({ "name": 3 })).unwrap_err().to_string();
        assert!(nameless.contains("Flatten") && nameless.contains("names are text"), "{nameless}");
    }
}
