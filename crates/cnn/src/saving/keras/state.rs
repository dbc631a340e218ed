//! What the optimizer remembers, in Keras's files.

use anyhow::Result;
use formats::hdf5::{Group, Node};
use formats::Array;
use std::collections::BTreeMap;
use tch::Tensor;

use super::compile::{as_meant, optimizer_to_keras};
use super::layouts;
use super::write::{keras_layers, KerasLayer, Trained};
use crate::model::Compiled;
use crate::optimizers::{Optimizer, Slots, State};
use crate::saving::numbers::{array, checked, copy, tensor};
use crate::Sequential;

/// One tensor that is remembered: of which weight, and as what.
struct Slot {
    layer: usize,
    weight: usize,
    slot: usize,
}

/// The order of Keras's variables: Adam has the two of each weight side by side, RMSprop those of all weights one after the other.
fn order(optimizer: &Optimizer, layers: &[KerasLayer]) -> Vec<Slot> {
    let slots = optimizer.slots().len();
    let weights = || {
        let of_layer = |(layer, found): (usize, &KerasLayer)| {
            (0..found.trained.len()).map(move |weight| (layer, weight))
        };
        layers.iter().enumerate().flat_map(of_layer)
    };
    match optimizer {
        Optimizer::RMSprop(_) => (0..slots)
            .flat_map(|slot| weights().map(move |(layer, weight)| Slot { layer, weight, slot }))
            .collect(),
        _ => weights()
            .flat_map(|(layer, weight)| (0..slots).map(move |slot| Slot { layer, weight, slot }))
            .collect(),
    }
}

/// The model's own name of each trained weight of the layers, which are found by `(layer, weight)`, and the weight.
fn places(model: &Sequential, layers: &[KerasLayer]) -> BTreeMap<(usize, usize), (String, Tensor)> {
    let own = model.trainable_weights();
    let mut places = BTreeMap::new();
    for (position, layer) in layers.iter().enumerate() {
        for (weight, trained) in layer.trained.iter().enumerate() {
            let same = |(_, own): &&(String, Tensor)| own.data_ptr() == trained.own.data_ptr();
            if let Some((name, own)) = own.iter().find(same) {
                places.insert((position, weight), (name.clone(), own.shallow_clone()));
            }
        }
    }
    places
}

/// The group `optimizer/vars`: steps, rate, and the rest by number.
pub(super) fn write(compiled: &Compiled, model: &Sequential, layers: &[KerasLayer]) -> Result<Group> {
    let Compiled { optimizer, state, .. } = compiled;
    let mut vars = Group::default();
    let name = optimizer_to_keras(optimizer)?["config"]["name"].as_str().unwrap_or_default().to_string();
    vars.attributes.push(("name".to_string(), formats::hdf5::Attribute::Text(name)));
    vars.add("0", Array::from_i64([], &[state.steps])?);
    vars.add("1", Array::from_f32([], &[optimizer.learning_rate() as f32])?);
    let places = places(model, layers);
    for (number, Slot { layer, weight, slot }) in order(optimizer, layers).into_iter().enumerate() {
        let (kept, there) = (&layers[layer], &layers[layer].weights[weight].1);
        let remembered = places.get(&(layer, weight)).and_then(|(name, _)| state.slots.get(name));
        let turned = match remembered {
            Some(slots) => {
                let Trained { weight, multiplier, .. } = &kept.trained[weight];
                layouts::to_keras(&kept.class_name, weight, &slots.tensors[slot], *multiplier)
            }
            None => there.zeros_like(), // no step is done yet
        };
        vars.add((number + 2).to_string(), array(&turned)?);
    }
    Ok(vars)
}

/// Reads the variables of a `.keras` file, if the model is compiled. What does not fit is told, and the optimizer starts afresh.
pub(super) fn read_by_order(paths: &BTreeMap<String, Array>, model: &mut Sequential) -> Result<()> {
    let vars: Vec<&Array> =
        (0..).map_while(|number| paths.get(&format!("optimizer/vars/{number}"))).collect();
    let (Some(compiled), [steps, rest @ ..]) = (&model.compiled, vars.as_slice()) else { return Ok(()) };
    // Keras 2 left the rate out.
    let (rate, rest) = match rest {
        [rate, rest @ ..] if rate.shape().is_empty() => (Some(*rate), rest),
        rest => (None, rest),
    };
    let layers = keras_layers(model)?;
    let order = order(&compiled.optimizer, &layers);
    let found = (order.len() == rest.len()).then(|| order.into_iter().zip(rest.iter().copied()).collect());
    restore(model, &layers, steps, rate, found);
    Ok(())
}

/// Reads the group `optimizer_weights` of an `.h5` file, where names tell what is what: of Keras 3
/// `adam/sequential_conv2d_kernel_momentum`, of Keras 2 `Adam/conv2d/kernel/m:0` and `Adam/m/conv2d/kernel:0`.
pub(super) fn read_by_names(group: &Group, model: &mut Sequential) {
    let Some(compiled) = &model.compiled else { return };
    let Ok(layers) = keras_layers(model) else { return };
    let mut names = Vec::new();
    walk(group, "", &mut names);
    let find =
        |wanted: &[&str]| names.iter().find(|(name, _)| wanted.iter().any(|word| name.ends_with(word)));
    let Some((_, steps)) = find(&["/iteration", "/iter", "/iterations"]) else { return };
    let rate = find(&["/learning_rate"]).map(|(_, rate)| *rate);
    let slots = compiled.optimizer.slots();
    let array = |Slot { layer, weight, slot }: Slot| {
        let (kept, trained) = (&layers[layer], &layers[layer].trained[weight].weight);
        // Keras 2 called this kernel otherwise.
        let earlier =
            (kept.class_name == "DepthwiseConv2D" && trained == "kernel").then_some("depthwise_kernel");
        let wanted = [Some(trained.as_str()), earlier]
            .map(|weight| format!("_{}_{}", kept.name, weight.unwrap_or(trained)));
        let named = names.iter().filter(|(name, _)| {
            let flat = name.replace('/', "_");
            short_names(slots[slot]).iter().any(|short| {
                let is = |wanted: &String| {
                    flat.ends_with(&format!("{wanted}_{short}"))
                        || (flat.ends_with(wanted) && flat.contains(&format!("_{short}_")))
                };
                wanted.iter().any(is)
            })
        });
        // Another layer's name may end with this one's: that is longer.
        let found = named.min_by_key(|(name, _)| name.len()).map(|(_, array)| *array)?;
        Some((Slot { layer, weight, slot }, found))
    };
    let found: Option<Vec<_>> = order(&compiled.optimizer, &layers).into_iter().map(array).collect();
    restore(model, &layers, steps, rate, found);
}

/// What versions of Keras have called a slot.
fn short_names(slot: &str) -> &'static [&'static str] {
    match slot {
        "momentum" => &["momentum", "m"],
        _ => &["velocity", "v", "rms"],
    }
}

fn walk<'a>(group: &'a Group, path: &str, names: &mut Vec<(String, &'a Array)>) {
    for (name, node) in &group.members {
        let path = format!("{path}/{}", name.trim_end_matches(":0"));
        match node {
            Node::Group(group) => walk(group, &path, names),
            Node::Dataset(dataset) => names.extend(dataset.numbers().ok().map(|array| (path, array))),
        }
    }
}

/// Gives the model's optimizer what was found, all of it or nothing.
fn restore(
    model: &mut Sequential,
    layers: &[KerasLayer],
    steps: &Array,
    rate: Option<&Array>,
    found: Option<Vec<(Slot, &Array)>>,
) {
    let places = places(model, layers);
    let Some(compiled) = &mut model.compiled else { return };
    let count = steps
        .to_i64()
        .ok()
        .and_then(|steps| steps.first().copied())
        .filter(|steps| (0..1 << 30).contains(steps));
    let state = || -> Option<State> {
        let steps = count?;
        let made = |(name, own): &(String, Tensor)| {
            (name.clone(), Slots { steps, ..Slots::new(&compiled.optimizer, own) })
        };
        let slots: BTreeMap<String, Slots> = places.values().map(made).collect();
        for (Slot { layer, weight, slot }, array) in found? {
            let (name, like) = places.get(&(layer, weight))?;
            let new = tensor(array).ok()?;
            let new = layouts::from_keras(
                &layers[layer].class_name,
                &layers[layer].trained[weight].weight,
                new,
                &like.size(),
            )
            .ok()?;
            copy(&checked(name, &new, like).ok()?, &slots.get(name)?.tensors[slot]);
        }
        Some(State { steps, slots })
    };
    // Without a step there is nothing to remember.
    let state = if count == Some(0) { Some(State::default()) } else { state() };
    match state {
        Some(state) => {
            compiled.state = state;
            if let Some(&rate) = rate.map(Array::to_f32).as_deref().and_then(<[f32]>::first) {
                let _ = compiled.optimizer.set_learning_rate(as_meant(rate));
            }
        }
        None => println!("What the optimizer has learnt could not be read from the file: it starts afresh."),
    }
}
