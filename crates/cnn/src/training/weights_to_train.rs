//! The weights that a training moves, and how fast each.

use anyhow::{ensure, Result};

use super::fit::Fit;
use crate::engine::error::Context;
use crate::model::Sequential;
use crate::optimizers::Trained;

/// The model's weights that are not frozen, with the factors that `lr_multipliers` has for them.
///
/// # Errors
/// If there is none, or no layer is called as `lr_multipliers` says.
pub(super) fn weights_to_train(model: &Sequential, settings: &Fit) -> Result<Vec<Trained>> {
    let weights = model.trainable_weights().into_iter();
    let mut trained: Vec<Trained> =
        weights.map(|(name, weight)| Trained { name, weight, lr_multiplier: 1.0 }).collect();
    ensure!(!trained.is_empty(), "the model has no weights to train: {}", advice(model));
    for (name, factor) in &settings.lr_multipliers {
        let chosen = model.network.chosen(name).context("lr_multipliers")?;
        for weight in &mut trained {
            let layer = weight.name.rsplit_once('/').map_or("", |(layer, _)| layer);
            if chosen.iter().any(|name| name == layer) {
                weight.lr_multiplier = *factor;
            }
        }
    }
    Ok(trained)
}

fn advice(model: &Sequential) -> &'static str {
    match model.frozen()[..] {
        [] => "its layers have none; add a Dense layer, for example",
        _ => {
            "its layers are frozen; model.set_trainable(\"name\", true) lets training change one, and model.add() gives it \
             a new head"
        }
    }
}
