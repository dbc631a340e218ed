//! One layer's arguments in Keras's words, and here.
//!
//! The layers' own fields bear Keras's names, so what is left to do is: shapes, which have the channels last in Keras; activations,
//! which Keras spells in three ways; and what Keras has had other names for.

use anyhow::{bail, ensure, Result};
use serde_json::{json, Map, Value};

use crate::engine::error::Context;
use crate::layers::{from_config, Activation, Layer};
use crate::saving::graph::{Node, Op};

/// Layers that are called the same in Keras and here.
const COMMON: [&str; 32] = [
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "ELU",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling2D",
    "Normalization",
    "Permute",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "SeparableConv2D",
    "Softmax",
    "SpatialDropout2D",
    "UpSampling2D",
    "ZeroPadding2D",
];

/// Those of them whose arguments tell where an image's channels are.
const ON_IMAGES: [&str; 13] = [
    "AveragePooling2D",
    "Conv2D",
    "Cropping2D",
    "DepthwiseConv2D",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
    "Rescaling",
    "SeparableConv2D",
    "SpatialDropout2D",
    "UpSampling2D",
    "ZeroPadding2D",
];

/// A shape without the batch as Keras has it: an image's channels are last.
pub(super) fn keras_shape(shape: &[i64]) -> Vec<i64> {
    match *shape {
        [channels, height, width] => vec![height, width, channels],
        _ => shape.to_vec(),
    }
}

/// The other way round.
pub(super) fn own_shape(shape: &[i64]) -> Vec<i64> {
    match *shape {
        [height, width, channels] => vec![channels, height, width],
        _ => shape.to_vec(),
    }
}

/// Class and arguments of an operation, for Keras.
pub(super) fn to_keras(node: &Node) -> Result<(String, Map<String, Value>)> {
    let (class_name, own) = match &node.op {
        Op::Input => {
            let mut shape = vec![Value::Null];
            shape.extend(keras_shape(&node.shape).into_iter().map(Value::from));
            ("InputLayer", json!({ "batch_shape": shape, "dtype": "float32" }))
        }
        Op::Add => ("Add", json!({})),
        Op::Activation(activation) => ("Activation", json!(activation.name())),
        Op::Layer(layer) => {
            let class_name = layer.class_name();
            ensure!(
                COMMON.contains(&class_name),
                "the layer {} is a {class_name}, which Keras does not have; save to .safetensors, which keeps its weights",
                node.name
            );
            (class_name, layer.config())
        }
    };
    let mut config = match own {
        Value::Object(map) => map,
        Value::String(activation) => Map::from_iter([("activation".to_string(), activation.into())]),
        _ => Map::new(),
    };
    for key in ["factor", "height_factor", "width_factor"] {
        // The same both ways, as a number: Keras 3.15 cannot write lists of arguments that it has read to .h5.
        match config.get(key).and_then(Value::as_array).map(Vec::as_slice) {
            Some([low, high]) if low.as_f64().map(|low| -low) == high.as_f64() => {
                let both = high.clone();
                config.insert(key.to_string(), both);
            }
            _ => {}
        }
    }
    match class_name {
        "BatchNormalization" | "LayerNormalization" | "Normalization" => {
            config.insert("axis".to_string(), json!(-1));
        }
        "Reshape" => {
            let shape = keras_shape(&list(&config, "target_shape")?);
            config.insert("target_shape".to_string(), json!(shape));
        }
        "Permute" => {
            let dims = permuted(&list(&config, "dims")?, keras_axis, own_axis);
            config.insert("dims".to_string(), json!(dims));
        }
        _ => {}
    }
    if ON_IMAGES.contains(&class_name) && class_name != "Rescaling" {
        config.insert("data_format".to_string(), json!("channels_last"));
    }
    if matches!(node.op, Op::Layer(layer) if !layer.trainable()) {
        config.insert("trainable".to_string(), json!(false));
    }
    config.insert("name".to_string(), json!(node.name));
    Ok((class_name.to_string(), config))
}

/// Where an image's axis is in Keras, counted from 1 without the batch, and here.
fn keras_axis(own: i64) -> i64 {
    [3, 1, 2][own as usize - 1]
}

fn own_axis(keras: i64) -> i64 {
    [2, 3, 1][keras as usize - 1]
}

/// The order of axes in the other world: what stands at the place that is `from(axis)` there is `to` of what stands here.
fn permuted(dims: &[i64], to: fn(i64) -> i64, from: fn(i64) -> i64) -> Vec<i64> {
    if dims.len() != 3 || dims.iter().any(|axis| !(1..=3).contains(axis)) {
        return dims.to_vec();
    }
    (1..=3).map(|axis| to(dims[from(axis) as usize - 1])).collect()
}

/// Where a file's images have their channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Channels {
    Last,
    First,
}

impl Channels {
    /// What a layer's arguments say.
    pub fn of(config: &Value) -> Option<Channels> {
        match config["data_format"].as_str()? {
            "channels_first" => Some(Channels::First),
            _ => Some(Channels::Last),
        }
    }

    /// A shape without the batch, as it is here.
    pub fn own_shape(self, shape: &[i64]) -> Vec<i64> {
        match self {
            Channels::Last => own_shape(shape),
            Channels::First => shape.to_vec(),
        }
    }
}

/// Makes a layer of what Keras says of it.
///
/// # Errors
/// Names class and argument of what this crate does not have.
pub(super) fn from_keras(class_name: &str, config: &Value, channels: Channels) -> Result<Box<dyn Layer>> {
    let class_name = match class_name {
        "Convolution2D" => "Conv2D",
        "BatchNormalizationV1" | "BatchNormalizationV2" => "BatchNormalization",
        "LeakyRelu" => "LeakyReLU",
        "GlobalAvgPool2D" => "GlobalAveragePooling2D",
        "MaxPool2D" => "MaxPooling2D",
        "AvgPool2D" => "AveragePooling2D",
        other => other,
    };
    ensure!(
        COMMON.contains(&class_name),
        "it is a {class_name}, which this crate does not have; build the model without it, and read the weights with \
         load_weights()"
    );
    let mut config = config.as_object().cloned().unwrap_or_default();
    rename(&mut config, class_name);
    for key in ["kernel_size", "strides", "pool_size", "dilation_rate", "size"] {
        if let Some(Value::Number(side)) = config.get(key) {
            let both = json!([side, side]);
            config.insert(key.to_string(), both);
        }
    }
    if let Some(activation) = config.get("activation") {
        let activation = self::activation(activation)?;
        config.insert("activation".to_string(), json!(activation.name()));
    }
    match class_name {
        "BatchNormalization" | "LayerNormalization" | "Normalization" => check_axis(&mut config, channels)?,
        "Reshape" => {
            let shape = channels.own_shape(&list(&config, "target_shape")?);
            config.insert("target_shape".to_string(), json!(shape));
        }
        "Permute" if channels == Channels::Last => {
            let dims = permuted(&list(&config, "dims")?, own_axis, keras_axis);
            config.insert("dims".to_string(), json!(dims));
        }
        "Softmax" => {
            let axis = config.get("axis").and_then(Value::as_i64).unwrap_or(-1);
            ensure!(axis == -1, "its axis is {axis}, and a softmax here is over the last one");
        }
        _ => {}
    }
    if let Some(shape) = config.get("noise_shape").filter(|shape| !shape.is_null()) {
        bail!("its noise_shape is {shape}, which this crate's layer does not have");
    }
    from_config(class_name, &Value::Object(config))
}

/// An argument that is a list of whole numbers.
fn list(config: &Map<String, Value>, key: &str) -> Result<Vec<i64>> {
    let found = config.get(key).and_then(Value::as_array);
    let numbers: Option<Vec<i64>> =
        found.map(|list| list.iter().map(Value::as_i64).collect()).unwrap_or_default();
    numbers.with_context(|| format!("its {key} is no list of whole numbers"))
}

/// Arguments that had other names in earlier versions.
fn rename(config: &mut Map<String, Value>, class_name: &str) {
    let mut move_to = |old: &str, new: &str| {
        if let Some(value) = config.remove(old) {
            config.entry(new.to_string()).or_insert(value);
        }
    };
    move_to("border_mode", "padding");
    move_to("nb_filter", "filters");
    move_to("output_dim", "units");
    move_to("subsample", "strides");
    move_to("p", "rate");
    if class_name == "LeakyReLU" {
        move_to("alpha", "negative_slope");
    }
    if let (Some(rows), Some(columns)) = (config.remove("nb_row"), config.remove("nb_col")) {
        config.insert("kernel_size".to_string(), json!([rows, columns]));
    }
}

/// An activation's name: Keras has written it as text, as a function's name in an object, and as a layer in an object.
pub(super) fn activation(value: &Value) -> Result<Activation> {
    let name = match value {
        Value::Null => "linear",
        Value::String(name) => name,
        object => match (&object["config"], &object["class_name"]) {
            (Value::String(name), _) => name,
            (_, Value::String(class_name)) => class_name,
            _ => bail!("its activation {object} is not understood"),
        },
    };
    let name = name.to_lowercase();
    let name = match name.as_str() {
        "swish" => "silu",
        "leakyrelu" => "leaky_relu",
        other => other,
    };
    name.parse().context("its activation")
}

/// A normalisation is over the channels, the only one that this crate has.
fn check_axis(config: &mut Map<String, Value>, channels: Channels) -> Result<()> {
    let axis = match config.remove("axis") {
        Some(Value::Array(axes)) if axes.len() == 1 => axes[0].as_i64(),
        Some(Value::Number(axis)) => axis.as_i64(),
        _ => return Ok(()),
    };
    // The batch is axis 0; an image's last axis is 3, a vector's 1.
    let fits = match channels {
        Channels::Last => matches!(axis, Some(-1 | 1 | 3)),
        Channels::First => matches!(axis, Some(1 | -1)),
    };
    ensure!(
        fits,
        "it normalises along axis {}, and this crate's layer along the channels",
        axis.unwrap_or(0)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_axes_go_there_and_back() {
        // Keras's (2, 1, 3) swaps height and width: here these are the axes 2 and 3 of [channels, height, width].
        assert_eq!(permuted(&[2, 1, 3], own_axis, keras_axis), [1, 3, 2]);
        for dims in [[1, 2, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
            let there = permuted(&dims, keras_axis, own_axis);
            assert_eq!(permuted(&there, own_axis, keras_axis), dims);
        }
    }

    #[test]
    fn activations_are_read_in_every_spelling() {
        for (value, name) in [
            (json!("relu"), "relu"),
            (Value::Null, "linear"),
            (json!({ "class_name": "function", "config": "softmax" }), "softmax"),
            (json!({ "class_name": "LeakyReLU", "config": {} }), "leaky_relu"),
            (json!("swish"), "silu"),
        ] {
            assert_eq!(activation(&value).unwrap().name(), name);
        }
        let message = activation(&json!("mish")).unwrap_err().to_string();
        assert!(message.contains("mish") && message.contains("silu"), "{message}");
    }
}
