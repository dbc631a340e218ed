//! Models as files: one safetensors file with the weights by name and, in its header, the architecture.
//!
//! The format is read by Python's `safetensors` package and others, and holds no code that could run.

use anyhow::{bail, ensure, Result};
use safetensors::{serialize, tensor::TensorView, Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tch::{Device, Tensor};

use crate::error::Context;
use crate::files::{explain, write_whole};
use crate::layers::from_config;
use crate::loss::Loss;
use crate::model::Sequential;
use crate::optimizer::Optimizer;

/// The key in the file's header under which the architecture stands.
const HEADER: &str = "cnn.model";

/// What the header says of the model, as JSON.
#[derive(Serialize, Deserialize)]
struct Architecture {
    version: u32,
    input_shape: Vec<i64>,
    seed: u64,
    layers: Vec<SavedLayer>,
    compile: Option<(Optimizer, Loss)>,
    notes: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct SavedLayer {
    class_name: String,
    config: Value,
}

impl Sequential {
    /// Writes architecture, weights and what `compile` was given to a `.safetensors` file; missing folders are
    /// made, and an earlier file of that name is replaced only when the new one is whole. The optimizer's
    /// running means are not saved.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let saved_layer = |layer: &crate::model::NamedLayer| SavedLayer {
            class_name: layer.layer.class_name().to_string(),
            config: layer.layer.config(),
        };
        let architecture = Architecture {
            version: 1,
            input_shape: self.input_shape.clone(),
            seed: self.seed,
            layers: self.layers.iter().map(saved_layer).collect(),
            compile: self.compiled.as_ref().map(|compiled| (compiled.optimizer.clone(), compiled.loss)),
            notes: self.notes.clone(),
        };
        let header = HashMap::from([(HEADER.to_string(), serde_json::to_string(&architecture)?)]);
        let weights: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .weights()
            .into_iter()
            .map(|(name, weight)| {
                let shape = weight.size().into_iter().map(|side| side as usize).collect();
                let values = Vec::<f32>::try_from(weight.detach().to_device(Device::Cpu).flatten(0, -1))?;
                Ok((name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            })
            .collect::<Result<_>>()?;
        let views: Vec<(&String, TensorView)> = weights
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<_>>()?;
        let bytes = serialize(views, &Some(header))?;
        write_whole(path.as_ref(), &bytes).context("the model was not saved")
    }

    /// Reads a model that [`save`](Self::save) wrote, ready to predict, evaluate and train.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or of another format, or its weights do not fit its architecture
    /// or are not numbers.
    pub fn load(path: impl AsRef<Path>) -> Result<Sequential> {
        let path = path.as_ref();
        let (architecture, weights) = read(path)?;
        let build = || -> Result<Sequential> {
            let mut builder = Sequential::input(architecture.input_shape).seed(architecture.seed);
            for layer in &architecture.layers {
                builder = builder.add_boxed(from_config(&layer.class_name, &layer.config)?);
            }
            let mut model = builder.build()?;
            model.set_weights(&in_order_of(&model, &weights)?)?;
            if let Some((optimizer, loss)) = architecture.compile {
                model.compile(optimizer, loss)?;
            }
            model.notes = architecture.notes;
            Ok(model)
        };
        build().with_context(|| format!("{} holds no model that can be used", path.display()))
    }

    /// Reads only the weights of a saved model into this one, whose layers must be the same.
    ///
    /// # Errors
    /// As for [`load`](Self::load); if the architecture differs, the error names the first layer that does. The
    /// model is then unchanged.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (architecture, weights) = read(path)?;
        self.check_same_layers(&architecture)
            .and_then(|()| self.set_weights(&in_order_of(self, &weights)?))
            .with_context(|| {
                format!("the weights in {} do not fit this model, which is unchanged", path.display())
            })
    }

    fn check_same_layers(&self, saved: &Architecture) -> Result<()> {
        ensure!(
            self.input_shape == saved.input_shape,
            "this model's input has the shape {:?}, the saved one's {:?}",
            self.input_shape,
            saved.input_shape
        );
        for (position, (own, saved)) in self.layers.iter().zip(&saved.layers).enumerate() {
            let (class_name, config) = (own.layer.class_name(), own.layer.config());
            ensure!(
                class_name == saved.class_name && config == saved.config,
                "layer {} is {class_name} {config} in this model, and {} {} in the file",
                position + 1,
                saved.class_name,
                saved.config
            );
        }
        let (own, saved) = (self.layers.len(), saved.layers.len());
        ensure!(own == saved, "this model has {own} layers, and the saved one {saved}");
        Ok(())
    }
}

/// The weights in the model's order, after a look at each of them.
fn in_order_of(model: &Sequential, weights: &HashMap<String, Tensor>) -> Result<Vec<(String, Tensor)>> {
    let ordered = model.weights().into_iter().map(|(name, _)| {
        let weight = weights.get(&name).with_context(|| format!("the weight {name} is missing"))?;
        let finite = weight.isfinite().all().int64_value(&[]) == 1;
        ensure!(finite, "the weight {name} holds NaN or infinity: it was saved after a training that failed");
        Ok((name, weight.shallow_clone()))
    });
    ordered.collect()
}

fn read(path: &Path) -> Result<(Architecture, HashMap<String, Tensor>)> {
    let bytes = std::fs::read(path)
        .map_err(|error| explain(error, &format!("the model {} cannot be read", path.display())))?;
    parse(&bytes).with_context(|| format!("{} is not a whole model file", path.display()))
}

fn parse(bytes: &[u8]) -> Result<(Architecture, HashMap<String, Tensor>)> {
    let advice = "the file is damaged, only partly copied, or of another format: \
                  copy it again, or save the model again with model.save()";
    // A header longer than the file is what a truncated file and a foreign format have in common.
    let length = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    if length.is_none_or(|length| length > bytes.len() as u64) {
        bail!("its {} bytes do not begin with a safetensors header: {advice}", bytes.len());
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).context(advice)?;
    let file = SafeTensors::deserialize(bytes).context(advice)?;
    let header = metadata.metadata().as_ref().and_then(|header| header.get(HEADER)).with_context(|| {
        format!(
            "it is a safetensors file without the header entry {HEADER:?}: another program wrote it, \
                 and it holds no architecture"
        )
    })?;
    let architecture: Architecture = serde_json::from_str(header).context(advice)?;
    ensure!(
        architecture.version == 1,
        "it was written in version {} of the format, and this crate reads version 1: update the crate",
        architecture.version
    );
    let mut weights = HashMap::new();
    for (name, view) in file.tensors() {
        ensure!(view.dtype() == Dtype::F32, "the weight {name} is of type {:?}, not F32", view.dtype());
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        weights.insert(name, Tensor::from_slice(&values).reshape(shape));
    }
    Ok((architecture, weights))
}
