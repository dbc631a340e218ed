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

pub use checked::{Checked, Told};
pub use n00::{iterations, mean_squared_error, neuron};

use anyhow::Result;
use exercise::{named, Exercise};

/// The exercises of each notebook.
const NOTEBOOKS: [&[Exercise]; 1] = [n00::EXERCISES];

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
