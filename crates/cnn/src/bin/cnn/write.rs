//! Writing a model in the format that is asked for, and what that format has no place for.

use cnn::anyhow::Result;
use cnn::serde_json::Value;
use cnn::{DataFormat, Sequential};
use std::collections::BTreeSet;
use std::path::Path;

use super::arguments::{has_ending, Conversion};

/// Writes the model in the format that is asked for; returns the Python that belongs to it, where some does.
pub fn write(model: &Sequential, conversion: &Conversion, to: &Path) -> Result<String> {
    if conversion.pytorch {
        return model.save_for_pytorch(to);
    }
    if conversion.channels_last {
        model.save_onnx(to, DataFormat::ChannelsLast)?;
    } else if has_ending(to, ".safetensors") {
        model.save_with_optimizer(to)?;
    } else {
        model.save(to)?;
    }
    Ok(String::new())
}

/// What the model has, and the written file has no place for.
pub fn left_behind(model: &Sequential, Conversion { to, pytorch, .. }: &Conversion) -> Vec<String> {
    let weights_alone = has_ending(to, ".weights.h5") || has_ending(to, ".npz");
    let is_page = has_ending(to, ".html"); // it shows the model's notes
    let for_others = has_ending(to, ".onnx") || is_page || *pytorch;
    let mut lines = Vec::new();
    if weights_alone {
        lines.push("the layers: these are the weights alone, for a model that is built already".to_string());
    }
    if for_others {
        let left_out: Vec<String> = training_only(model).into_iter().collect();
        if !left_out.is_empty() {
            lines.push(format!(
                "layers that work only while training, and pass images on: {}",
                left_out.join(", ")
            ));
        }
    }
    let compiled = model.learning_rate().is_ok();
    if compiled && (weights_alone || for_others) {
        lines.push("optimizer and loss: the file is for predicting".to_string());
    } else if compiled && (has_ending(to, ".h5") || has_ending(to, ".hdf5")) {
        lines.push(
            "what the optimizer has learnt, for which .keras and .safetensors have a place".to_string(),
        );
    }
    if !model.notes.is_empty() && (weights_alone || for_others && !is_page) {
        let names: Vec<&str> = model.notes.keys().map(String::as_str).collect();
        lines.push(format!("the model's notes: {}", names.join(", ")));
    }
    lines
}

/// The classes of layers that other programs get to see nothing of, also within blocks.
fn training_only(model: &Sequential) -> BTreeSet<String> {
    fn collect(class_name: &str, config: &Value, found: &mut BTreeSet<String>) {
        if class_name.starts_with("Random") || class_name.starts_with("Gaussian") {
            found.insert(class_name.to_string());
        }
        for inner in ["layers", "shortcut"].iter().filter_map(|key| config[*key].as_array()).flatten() {
            collect(inner["class_name"].as_str().unwrap_or_default(), &inner["config"], found);
        }
    }
    let mut found = BTreeSet::new();
    for (_, layer) in model.layers() {
        collect(layer.class_name(), &layer.config(), &mut found);
    }
    found
}
