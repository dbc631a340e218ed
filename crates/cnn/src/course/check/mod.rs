//! Exercises that check themselves.
//!
//! A check takes what the learner has written, calls it with values whose answers it knows, and shows what it has found: *passed*,
//! *not yet* and why, or *not attempted*. It never looks at how something is written, so every right way passes.
//!
//! ```
//! use cnn::prelude::*;
//! # std::env::set_var("CNN_ARTIFACTS", std::env::temp_dir().join("cnn-doc-check"));
//! fn iterations(samples: i64, batch_size: i64) -> i64 {
//!     samples / batch_size
//! }
//! let found = check::iterations(iterations);
//! assert!(found.to_string().contains("54,000 images in batches of 128"));
//! println!("{}", check::hint("iterations")?);
//! # Ok::<(), cnn::anyhow::Error>(())
//! ```
//!
//! One file per notebook; `solutions/` has a cell that passes for each exercise, which tests compile and check.

mod attempt;
mod checked;
pub(super) mod exercise;
mod n00;
mod n01;
mod n02;
mod n03;
mod n04;
mod n05;
mod n06;
mod n07;
mod n08;
mod n09;
mod n10;
mod n11;
mod n12;
mod n13;
mod n14;
mod n15;
mod values;

pub use checked::{Checked, Told};
pub use n00::{iterations, mean_absolute_error, neuron};
pub use n01::{count_of, mean_image, nearest_mean};
pub use n02::{one_hot, split_sizes, standardise};
pub use n03::{conv_parameters, output_side, softmax, two_blocks};
pub use n04::{cross_entropy, one_step, running_mean};
pub use n05::{accuracy_when_sure, precision_of, recall_of};
pub use n06::{lowest_epoch, smoothed, stopping_epoch};
pub use n07::{answer_if_sure, left_to_people, top_two};
pub use n08::{erase_filters, same_weights, size_in_bytes};
pub use n09::{one_cycle, smooth_labels, worth_believing};
pub use n10::{classify, factor_to_halve, hardest_pair};
pub use n11::{channel_means, mirrored_too, to_grey};
pub use n12::{receptive_field, residual, separable_multiply_adds};
pub use n13::{change_head, cosine, freeze_all_but_the_head};
pub use n14::{halving_epochs, log_uniform, survivors};
pub use n15::{digits_of, mean_confidence, percentile};

use anyhow::Result;
use exercise::{named, Exercise};

/// The exercises of each notebook.
const NOTEBOOKS: [&[Exercise]; 16] = [
    n00::EXERCISES,
    n01::EXERCISES,
    n02::EXERCISES,
    n03::EXERCISES,
    n04::EXERCISES,
    n05::EXERCISES,
    n06::EXERCISES,
    n07::EXERCISES,
    n08::EXERCISES,
    n09::EXERCISES,
    n10::EXERCISES,
    n11::EXERCISES,
    n12::EXERCISES,
    n13::EXERCISES,
    n14::EXERCISES,
    n15::EXERCISES,
];

/// The next hint of an exercise: up to three, one more each time.
///
/// # Errors
/// If there is no exercise of this name, or how many were shown cannot be kept in `artifacts/`.
pub fn hint(name: &str) -> Result<Told> {
    let exercise = named(name)?;
    Ok(Told::hints(exercise, super::progress::one_more_hint(name, exercise.hints.len())?))
}

/// A solution of an exercise, and the reason in a line.
///
/// # Errors
/// If there is no exercise of this name.
pub fn solution(name: &str) -> Result<Told> {
    Ok(Told::solution(named(name)?))
}

#[cfg(test)]
mod testing;
