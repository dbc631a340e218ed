//! Data sets, and where each comes from.

mod certificates;
mod class_names;
mod dataset;
mod download;
pub mod emnist;
mod folder;
mod formats;
pub mod idx;
mod image_folder;
pub mod mnist;
pub mod qmnist;
mod source;
pub mod synthetic;
mod upright;

pub use dataset::Dataset;
pub use image_folder::{image_dataset_from_directory, ColorMode, ImageFolder};
