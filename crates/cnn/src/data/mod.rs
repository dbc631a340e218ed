//! Data sets, and where each comes from.

mod certificates;
mod checksum;
pub mod cifar10;
mod cifar_files;
mod class_names;
mod dataset;
mod download;
pub mod emnist;
pub mod fashion_mnist;
mod folder;
mod formats;
mod four_files;
pub mod idx;
mod image_folder;
pub mod mnist;
mod place;
pub mod qmnist;
mod source;
mod stand_in;
pub mod synthetic;
mod upright;

pub use dataset::Dataset;
pub use image_folder::{image_dataset_from_directory, ColorMode, ImageFolder};

pub(crate) use checksum::sha256;
pub(crate) use download::{download_archive, PATIENCE};
