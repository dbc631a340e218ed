//! Models as files: one safetensors file with the weights by name and, in its header, the architecture.
//!
//! The format is read by Python's `safetensors` package and others, and holds no code that could run.

use anyhow::{anyhow, bail, ensure, Result};
use formats::Array;
use safetensors::{serialize, tensor::TensorView, Dtype};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tch::{Kind, Tensor};

use crate::engine::error::Context;
use crate::engine::files::{explain, write_whole};
use crate::engine::json::from_json;
use crate::engine::slices::to_bytes;
use crate::layers::{from_config, without_names};
use crate::model::{Compiled, Loss, NamedLayer, Scale, Sequential};
use crate::optimizers::{check_learning_rate, Optimizer, Slots, State};
use crate::saving::numbers::{array, checked, copy};
use crate::saving::pytorch::give_all;

/// The keys in the file's header under which the architecture stands, and in a backup the training.
const HEADER: &str = "cnn.model";
const TRAINING: &str = "cnn.training";

const NOT_WHOLE: &str = "it is not a whole model file";
const DAMAGED: &str = "the file is damaged, only partly copied, or of another format: \
                       copy it again, or save the model again with model.save()";
/// What the names of tensors begin with that are no weights: the optimizer's state, and in a backup the callbacks'.
const BESIDE_WEIGHTS: [&str; 2] = ["optimizer/", "callback/"];
/// So many names of weights are listed in a message.
const MOST_LISTED: usize = 20;
/// A count beyond this is damage; optimizers compute powers with it.
const MOST_STEPS: i64 = 1 << 30;

/// What the header says of the model, as JSON.
#[derive(Serialize, Deserialize)]
struct Architecture {
    version: u32,
    input_shape: Vec<i64>,
    seed: u64,
    layers: Vec<SavedLayer>,
    compile: Option<(Optimizer, Loss)>,
    #[serde(default)]
    optimizer_steps: i64,
    /// Of weights that have made fewer steps, since they were frozen at first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    weight_steps: BTreeMap<String, i64>,
    /// Layers that are not trainable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    frozen: Vec<String>,
    notes: BTreeMap<String, String>,
    #[serde(default)]
    scale: Scale,
}

#[derive(Serialize, Deserialize)]
struct SavedLayer {
    class_name: String,
    config: Value,
}

/// What a model file holds.
pub(crate) struct Saved {
    /// None in a file that another program wrote, or wrote anew.
    architecture: Option<Architecture>,
    pub tensors: BTreeMap<String, Tensor>,
    /// What [`write`] was given as `training`.
    pub training: Option<String>,
}

/// A model's state that is known to fit it.
pub(crate) struct Fitting {
    weights: Vec<(String, Tensor)>,
    frozen: Vec<String>,
    state: State,
    learning_rate: Option<f64>,
}

impl Fitting {
    /// Gives it to the model.
    pub fn restore(self, model: &mut Sequential) -> Result<()> {
        model.set_weights(&self.weights)?;
        model.freeze(&self.frozen)?;
        if let (Some(compiled), Some(learning_rate)) = (&mut model.compiled, self.learning_rate) {
            compiled.state = self.state;
            compiled.optimizer.set_learning_rate(learning_rate)?;
        }
        Ok(())
    }
}

/// Writes a model, with the optimizer's state if wanted, and with further tensors and a text beside it.
pub(crate) fn write(
    path: &Path,
    model: &Sequential,
    with_optimizer: bool,
    more: &[(String, Tensor)],
    training: Option<String>,
) -> Result<()> {
    let saved_layer = |named: &NamedLayer| SavedLayer {
        class_name: named.layer.class_name().to_string(),
        config: named.layer.config(),
    };
    let compiled = model.compiled.as_ref();
    let architecture = Architecture {
        version: 1,
        input_shape: model.network.input_shape.clone(),
        seed: model.seed,
        layers: model.network.layers.iter().map(saved_layer).collect(),
        compile: compiled.map(|compiled| (compiled.optimizer.clone(), compiled.loss)),
        optimizer_steps: compiled.filter(|_| with_optimizer).map_or(0, |compiled| compiled.state.steps),
        weight_steps: if with_optimizer { fewer_steps(model) } else { BTreeMap::new() },
        frozen: model.frozen(),
        notes: model.notes.clone(),
        scale: model.scale.clone(),
    };
    let mut header = HashMap::from([(HEADER.to_string(), serde_json::to_string(&architecture)?)]);
    header.extend(training.map(|training| (TRAINING.to_string(), training)));

    let optimizer = if with_optimizer { optimizer_tensors(model) } else { Vec::new() };
    let tensors = model.weights().into_iter().chain(optimizer);
    let tensors = tensors.chain(more.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())));
    write_whole(path, &bytes_of(tensors, Some(header))?)
}

/// The bytes of a file that holds these weights and nothing else.
pub(super) fn weights_alone(weights: &[(String, Tensor)]) -> Result<Vec<u8>> {
    bytes_of(weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())), None)
}

fn bytes_of(
    tensors: impl Iterator<Item = (String, Tensor)>,
    header: Option<HashMap<String, String>>,
) -> Result<Vec<u8>> {
    let stored: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .map(|(name, tensor)| {
            let shape = tensor.size().into_iter().map(|side| side as usize).collect();
            Ok((name, shape, to_bytes(&tensor)?))
        })
        .collect::<Result<_>>()?;
    let views: Vec<(&String, TensorView)> = stored
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<_>>()?;
    Ok(serialize(views, &header)?)
}

/// What the optimizer remembers, by name: `optimizer/momentum/conv2d/kernel`.
fn optimizer_tensors(model: &Sequential) -> Vec<(String, Tensor)> {
    let Some(Compiled { optimizer, state, .. }) = &model.compiled else {
        return Vec::new();
    };
    let of_weight = |(weight, slots): (&String, &Slots)| {
        let name = |slot: &str| format!("optimizer/{slot}/{weight}");
        let named = optimizer.slots().iter().zip(&slots.tensors);
        named.map(|(slot, tensor)| (name(slot), tensor.shallow_clone())).collect::<Vec<_>>()
    };
    state.slots.iter().flat_map(of_weight).collect()
}

/// The steps of weights that have made fewer than the optimizer.
fn fewer_steps(model: &Sequential) -> BTreeMap<String, i64> {
    let Some(Compiled { state, .. }) = &model.compiled else { return BTreeMap::new() };
    let steps = |name: &String| state.slots.get(name).map_or(0, |slots| slots.steps);
    let all = model.trainable_weights().into_iter().map(|(name, _)| (steps(&name), name));
    all.filter(|(steps, _)| *steps < state.steps).map(|(steps, name)| (name, steps)).collect()
}

impl Saved {
    pub fn read(path: &Path) -> Result<Saved> {
        let bytes = std::fs::read(path)
            .map_err(|error| explain(error, &format!("the model {} cannot be read", path.display())))?;
        parse(&bytes).with_context(|| format!("{} is not a whole model file", path.display()))
    }

    /// Gives `model`, whose layers are the same, these weights, and its optimizer this state.
    pub fn restore(&self, model: &mut Sequential) -> Result<()> {
        self.fitting(model)?.restore(model)
    }

    fn architecture(&self) -> Result<&Architecture> {
        self.architecture.as_ref().with_context(|| {
            format!(
                "it holds weights alone: its header has no entry {HEADER:?} with an architecture. Build the model, and read \
                 them with model.load_weights(); what model.save() wrote can be loaded as it is"
            )
        })
    }

    /// What [`restore`](Self::restore) is about to give the model, looked at in all its parts.
    pub fn fitting(&self, model: &Sequential) -> Result<Fitting> {
        self.check_same_layers(model)?;
        let compile = self.architecture()?.compile.as_ref();
        let learning_rate = compile.map(|(optimizer, _)| optimizer.learning_rate());
        if let Some(learning_rate) = learning_rate {
            check_learning_rate(learning_rate)?;
        }
        let architecture = self.architecture()?;
        model.check_frozen(&architecture.frozen)?;
        let (weights, state) = (self.in_order_of(model)?, self.optimizer_state(model)?);
        Ok(Fitting { weights, frozen: architecture.frozen.clone(), state, learning_rate })
    }

    fn optimizer_state(&self, model: &Sequential) -> Result<State> {
        let Architecture { optimizer_steps: steps, weight_steps, frozen, .. } = self.architecture()?;
        let Some(Compiled { optimizer, .. }) = model.compiled.as_ref().filter(|_| *steps > 0) else {
            return Ok(State::default());
        };
        let mut slots = BTreeMap::new();
        for (name, weight) in model.weights_but_of(frozen) {
            let steps = *weight_steps.get(&name).unwrap_or(steps);
            if steps == 0 {
                continue; // it has not been moved yet
            }
            let own = Slots::new(optimizer, &weight);
            for (slot, tensor) in optimizer.slots().iter().zip(&own.tensors) {
                let saved = self.tensor(&format!("optimizer/{slot}/{name}"), tensor)?;
                copy(&saved, tensor);
            }
            slots.insert(name, Slots { steps, ..own });
        }
        Ok(State { steps: *steps, slots })
    }

    /// The tensor called `name` as 32-bit floats, if it has the shape of `like` and holds numbers.
    fn tensor(&self, name: &str, like: &Tensor) -> Result<Tensor> {
        let tensor = self.tensors.get(name).with_context(|| format!("the weight {name} is missing"))?;
        checked(name, tensor, like)
    }

    /// The weights in the model's order, after a look at each of them.
    fn in_order_of(&self, model: &Sequential) -> Result<Vec<(String, Tensor)>> {
        let ordered = model.weights().into_iter().map(|(name, own)| {
            let weight = self.tensor(&name, &own)?;
            Ok((name, weight))
        });
        ordered.collect()
    }

    /// The weights in the model's order, of a file without an architecture: it must have just the model's names and shapes.
    fn named_as_in(&self, model: &Sequential) -> Result<Vec<(String, Tensor)>> {
        let own: BTreeSet<String> = model.weights().into_iter().map(|(name, _)| name).collect();
        let is_weight = |name: &&String| !BESIDE_WEIGHTS.iter().any(|beside| name.starts_with(beside));
        let check = |weights| match self.tensors.keys().filter(is_weight).find(|name| !own.contains(*name)) {
            Some(name) => bail!("this model has no weight {name}"),
            None => Ok(weights),
        };
        let fitting = self.in_order_of(model).and_then(check);
        fitting.map_err(|error| anyhow!("{error}. The file has {}", self.listed()))
    }

    /// The first of the tensors, with their shapes.
    fn listed(&self) -> String {
        let tensors = self.tensors.iter().take(MOST_LISTED);
        let mut names: Vec<String> =
            tensors.map(|(name, tensor)| format!("{name} {:?}", tensor.size())).collect();
        match self.tensors.len() {
            0 => return "no weights".to_string(),
            count if count > MOST_LISTED => names.push(format!("and {} more", count - MOST_LISTED)),
            _ => {}
        }
        names.join(", ")
    }

    /// Whether the weights are called as PyTorch calls them: `0.weight`, `conv1.bias`.
    fn has_pytorchs_names(&self) -> bool {
        let is_pytorchs =
            |name: &String| PYTORCHS_NAMES.contains(&name.rsplit('.').next().unwrap_or_default());
        !self.tensors.is_empty() && self.tensors.keys().all(|name| name.contains('.') && is_pytorchs(name))
    }

    fn check_same_layers(&self, model: &Sequential) -> Result<()> {
        let saved = self.architecture()?;
        ensure!(
            model.network.input_shape == saved.input_shape,
            "this model's input has the shape {:?}, the saved one's {:?}",
            model.network.input_shape,
            saved.input_shape
        );
        for (position, (own, saved)) in model.network.layers.iter().zip(&saved.layers).enumerate() {
            let (class_name, config) = (own.layer.class_name(), own.layer.config());
            // A file of an earlier version may lack arguments, which then have their defaults.
            let whole = from_config(&saved.class_name, &saved.config).map(|layer| layer.config());
            ensure!(
                class_name == saved.class_name
                    && without_names(config.clone())
                        == without_names(whole.unwrap_or_else(|_| saved.config.clone())),
                "layer {} is {class_name} {config} in this model, and {} {} in the file",
                position + 1,
                saved.class_name,
                saved.config
            );
        }
        let (own, saved) = (model.network.layers.len(), saved.layers.len());
        ensure!(own == saved, "this model has {own} layers, and the saved one {saved}");
        Ok(())
    }
}

/// Reads a model that [`write`] wrote; None if the file holds weights alone.
pub(super) fn read_model(bytes: &[u8]) -> Result<Option<Sequential>> {
    let saved = parse(bytes).context(NOT_WHOLE)?;
    let Some(Architecture { input_shape, seed, layers, compile, notes, scale, .. }) = &saved.architecture
    else {
        return Ok(None);
    };
    // A damaged size must not cost more memory than the file's own weights do.
    let weights = saved.tensors.values().map(Tensor::numel).sum();
    let mut builder = Sequential::input(input_shape.clone()).seed(*seed).for_loading(weights);
    for layer in layers {
        builder = builder.add_boxed(from_config(&layer.class_name, &layer.config)?);
    }
    let mut model = builder.build()?;
    if let Some((optimizer, loss)) = compile {
        let mut optimizer = optimizer.clone();
        if optimizer.learning_rate() == 0.0 {
            optimizer.set_learning_rate(1.0)?; // a rate to begin with; the file's own follows below
        }
        model.compile(optimizer, *loss)?;
    }
    saved.restore(&mut model)?;
    model.notes = notes.clone();
    model.scale = scale.clone();
    Ok(Some(model))
}

/// What a file holds, whatever it is called.
pub(super) fn arrays(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let tensors = parse(bytes)?.tensors.into_iter().filter(|(_, tensor)| tensor.is_floating_point());
    tensors.map(|(name, tensor)| Ok((name, array(&tensor)?))).collect()
}

/// What PyTorch's modules call their weights, in their order.
const PYTORCHS_NAMES: [&str; 5] = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/// A safetensors file does not keep the order of its weights: the modules' names tell it, with numbers in them as numbers.
fn in_pytorchs_order(mut arrays: Vec<(String, Array)>) -> Vec<(String, Array)> {
    arrays.sort_by_cached_key(|(name, _)| {
        let (module, weight) = name.rsplit_once('.').unwrap_or(("", name));
        let part = |part: &str| (part.parse::<u64>().unwrap_or(u64::MAX), part.to_string());
        let module: Vec<_> = module.split('.').map(part).collect();
        (module, PYTORCHS_NAMES.iter().position(|known| *known == weight))
    });
    arrays
}

/// Reads only the weights, into a model whose layers are the same.
pub(super) fn read_weights(bytes: &[u8], model: &mut Sequential, without: Option<&str>) -> Result<()> {
    let saved = parse(bytes).context(NOT_WHOLE)?;
    let weights = match saved.architecture {
        Some(_) => saved.check_same_layers(model).and_then(|()| saved.in_order_of(model)),
        None if saved.has_pytorchs_names() => {
            return give_all(model, in_pytorchs_order(arrays(bytes)?), without)
        }
        None => saved.named_as_in(model),
    };
    model.set_weights(&weights?)?;
    model.scale = saved.architecture.map(|architecture| architecture.scale).unwrap_or_default();
    Ok(())
}

/// A tensor, as the file's header describes it.
#[derive(Deserialize)]
struct Stored {
    dtype: String,
    shape: Vec<i64>,
    /// Where its bytes begin and end.
    data_offsets: (usize, usize),
}

impl Stored {
    /// The kind of its numbers, if libtorch has it.
    fn kind(&self) -> Option<Kind> {
        Some(match self.dtype.as_str() {
            "F32" => Kind::Float,
            "F64" => Kind::Double,
            "F16" => Kind::Half,
            "BF16" => Kind::BFloat16,
            "I64" => Kind::Int64,
            "I32" => Kind::Int,
            "I16" => Kind::Int16,
            "I8" => Kind::Int8,
            "U8" => Kind::Uint8,
            "BOOL" => Kind::Bool,
            _ => return None,
        })
    }

    /// Its bytes, if they are all there and as many as the shape says.
    fn bytes<'a>(&self, kind: Kind, data: &'a [u8]) -> Option<&'a [u8]> {
        let bytes = data.get(self.data_offsets.0..self.data_offsets.1)?;
        let number = kind.elt_size_in_bytes() as i64;
        let length = self.shape.iter().try_fold(number, |length, &side| length.checked_mul(side))?;
        let whole = self.shape.iter().all(|&side| side >= 0) && length == bytes.len() as i64;
        whole.then_some(bytes)
    }
}

/// Takes the file apart. The safetensors crate would do this too, but its sums overflow where a header is damaged.
fn parse(bytes: &[u8]) -> Result<Saved> {
    // A header longer than the file is what a truncated file and a foreign format have in common.
    let parts = bytes.split_first_chunk::<8>().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    let Some((header, data)) = parts else {
        bail!("its {} bytes do not begin with a safetensors header: {DAMAGED}", bytes.len());
    };
    let mut header: BTreeMap<String, Value> = from_json(header).context(DAMAGED)?;
    let texts = header.remove("__metadata__").unwrap_or_default();
    let architecture: Option<Architecture> =
        texts[HEADER].as_str().map(|text| from_json(text.as_bytes())).transpose().context(DAMAGED)?;
    if let Some(Architecture { version, optimizer_steps: steps, ref weight_steps, .. }) = architecture {
        ensure!(
            version == 1,
            "it was written in version {version} of the format, and this crate reads version 1: update the crate"
        );
        ensure!((0..MOST_STEPS).contains(&steps), "its optimizer has done {steps} steps: {DAMAGED}");
        if let Some((name, made)) = weight_steps.iter().find(|(_, made)| !(0..=steps).contains(*made)) {
            bail!("the weight {name} has made {made} of {steps} steps: {DAMAGED}");
        }
    }
    let mut tensors = BTreeMap::new();
    let mut used = 0;
    for (name, stored) in header {
        let stored: Stored = serde_json::from_value(stored).context(DAMAGED)?;
        let kind = stored.kind().with_context(|| {
            format!("the weight {name} is of type {}: save the model again with model.save()", stored.dtype)
        })?;
        let bytes =
            stored.bytes(kind, data).with_context(|| format!("the weight {name} is not whole: {DAMAGED}"))?;
        used += bytes.len();
        // Many names for the same bytes would fill the memory.
        ensure!(used <= data.len(), "the weight {name} overlaps with another: {DAMAGED}");
        tensors.insert(name, Tensor::f_from_data_size(bytes, &stored.shape, kind)?);
    }
    ensure!(used == data.len(), "{} bytes belong to no weight: {DAMAGED}", data.len() - used);
    let training = texts[TRAINING].as_str().map(String::from);
    Ok(Saved { architecture, tensors, training })
}
