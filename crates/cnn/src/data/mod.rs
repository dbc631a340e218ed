//! Data sets, and where each comes from.

mod dataset;
mod download;
pub mod idx;
pub mod mnist;
pub mod synthetic;

pub use dataset::Dataset;
