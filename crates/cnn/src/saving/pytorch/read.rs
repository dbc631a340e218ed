//! The weights of a `state_dict`, given to a model by the modules' names where its layers have these, else by order and shape; or by
//! names that the user pairs.
//!
//! A convolution's kernel lies in PyTorch as here. A linear layer's is `[units, inputs]` there and `[inputs, units]` here, and after a
//! Flatten its inputs go channel by channel there, and pixel by pixel here.

use anyhow::{bail, ensure, Result};
use formats::Array;
use std::collections::{BTreeMap, HashMap};
use tch::Tensor;

use crate::engine::error::Context;
use crate::saving::graph::{flattened_before, graph, Node, Op};
use crate::saving::numbers::{checked, give, tensor};
use crate::Sequential;

/// One of a model's weights, and how PyTorch has it.
struct Place {
    name: String,
    own: Tensor,
    /// Whether it is a dense kernel.
    dense: bool,
    /// The image that was laid out as its inputs.
    image: Option<Vec<i64>>,
}

impl Place {
    /// The file's tensor as it lies here.
    fn turned(&self, new: &Tensor) -> Tensor {
        if !self.dense || new.dim() != 2 {
            return new.shallow_clone();
        }
        let kernel = new.transpose(0, 1);
        match &self.image {
            Some(image) if kernel.size() == self.own.size() => {
                crate::saving::keras::rows_from_channels_first(&kernel, image)
            }
            _ => kernel,
        }
    }
}

/// The weights in the order of the layers, which is that of PyTorch's modules, too.
fn places(model: &Sequential) -> Vec<Place> {
    let nodes = graph(model);
    // The graph has names of its own; users know the model's.
    let names: HashMap<_, _> =
        model.weights().into_iter().map(|(name, weight)| (weight.data_ptr(), name)).collect();
    let of_node = |node: &Node| {
        let Op::Layer(layer) = node.op else { return Vec::new() };
        let place = |(weight, own): (String, Tensor)| {
            let dense = layer.class_name() == "Dense" && weight == "kernel";
            let image = flattened_before(&nodes, node).filter(|_| dense);
            let name = names.get(&own.data_ptr()).cloned();
            Place { name: name.unwrap_or_else(|| format!("{}/{weight}", node.name)), own, dense, image }
        };
        node.weights().into_iter().map(place).collect()
    };
    nodes.iter().flat_map(of_node).collect()
}

/// Gives a model a file's weights: by names where its layers are called as PyTorch's modules are, else in their order.
/// BatchNorm's count of batches is no weight; those whose names begin with `without` are not wanted.
pub(in crate::saving) fn give_all(
    model: &mut Sequential,
    arrays: Vec<(String, Array)>,
    without: Option<&str>,
) -> Result<()> {
    let places = places(model);
    let is_wanted = |name: &str| {
        !name.ends_with("num_batches_tracked") && !without.is_some_and(|without| name.starts_with(without))
    };
    let arrays: Vec<_> = arrays.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    let named: BTreeMap<&str, &Array> = without_prefix(&arrays).collect();
    let known = places.iter().filter(|place| named.contains_key(pytorchs_name(&place.name).as_str())).count();
    match 2 * known > places.len() {
        true => by_names(&places, named),
        false => by_order(&places, &arrays),
    }
}

/// The names without what DataParallel puts in front of all.
fn without_prefix(arrays: &[(String, Array)]) -> impl Iterator<Item = (&str, &Array)> {
    let prefix = match arrays.iter().all(|(name, _)| name.starts_with("module.")) {
        true => "module.",
        false => "",
    };
    arrays.iter().map(|(name, array)| (&name[prefix.len()..], array))
}

/// What PyTorch would call a weight: `layer1.0/conv1/kernel` is `layer1.0.conv1.weight` there.
fn pytorchs_name(name: &str) -> String {
    let parts = name.split('/').filter(|part| *part != "shortcut").map(|part| match part {
        "kernel" | "gamma" => "weight",
        "beta" => "bias",
        "moving_mean" => "running_mean",
        "moving_variance" => "running_var",
        other => other,
    });
    parts.collect::<Vec<_>>().join(".")
}

fn by_names(places: &[Place], mut named: BTreeMap<&str, &Array>) -> Result<()> {
    let mut pairs = Vec::new();
    let mut missing = None;
    for place in places {
        match named.remove_entry(pytorchs_name(&place.name).as_str()) {
            Some((name, array)) => pairs.push((place, name, array)),
            None => missing = missing.or(Some(place)),
        }
    }
    // A tensor of another shape tells more than one that is not there.
    let fitting = fitting(pairs.into_iter())?;
    if let Some(place) = missing {
        bail!(
            "the file has no {}, which this model's {} {:?} wants; if it holds a network without its classifier, load it into one \
             without",
            pytorchs_name(&place.name),
            place.name,
            place.own.size()
        );
    }
    if let Some((name, array)) = named.first_key_value() {
        bail!("this model has no place for {name} {:?} in the file", array.shape());
    }
    give(fitting);
    Ok(())
}

fn by_order(places: &[Place], arrays: &[(String, Array)]) -> Result<()> {
    let pairs = places.iter().zip(arrays).map(|(place, (name, array))| (place, name.as_str(), array));
    let fitting = fitting(pairs)?;
    ensure!(
        places.len() == arrays.len(),
        "the file has {} weights, and this model {}: {}",
        arrays.len(),
        places.len(),
        match (arrays.get(places.len()), places.get(arrays.len())) {
            (Some((name, array)), _) => format!("it has no place for {name} {:?}", array.shape()),
            (_, Some(place)) => format!("{} {:?} gets none", place.name, place.own.size()),
            _ => String::new(),
        }
    );
    give(fitting);
    Ok(())
}

/// Gives a model the weights of a file by a list of names here and names there.
pub(in crate::saving) fn by_map(
    model: &mut Sequential,
    arrays: &[(String, Array)],
    map: &[(&str, &str)],
) -> Result<()> {
    let places = places(model);
    let named: BTreeMap<&str, &Array> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    let mut pairs = Vec::new();
    for (own, there) in map {
        let place = places.iter().find(|place| place.name == *own).with_context(|| {
            let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
            format!("this model has no weight {own}; it has {}", names.join(", "))
        })?;
        let array = named.get(there).with_context(|| {
            let names: Vec<&str> = named.keys().copied().take(20).collect();
            format!("the file has no weight {there}; it has {}", names.join(", "))
        })?;
        pairs.push((place, *there, *array));
    }
    give(fitting(pairs.into_iter())?);
    Ok(())
}

/// Looks at all weights before the first is given away.
fn fitting<'a>(
    pairs: impl Iterator<Item = (&'a Place, &'a str, &'a Array)>,
) -> Result<Vec<(Tensor, Tensor)>> {
    let mut fitting = Vec::new();
    for (place, name, array) in pairs {
        let new = tensor(array).with_context(|| format!("the weight {name} in the file"))?;
        let turned = place.turned(&new);
        if turned.size() != place.own.size() {
            bail!(
                "the weight {name} in the file has the shape {:?}, and this model's {} wants {:?}{}; if the order of the layers \
                 differs, use load_weights_by_name()",
                new.size(),
                place.name,
                place.own.size(),
                if place.dense { " (the other way round)" } else { "" }
            );
        }
        fitting.push((place.own.shallow_clone(), checked(&place.name, &turned, &place.own)?));
    }
    Ok(fitting)
}
