//! QMNIST: MNIST, made again from NIST's collection, with 60,000 test images.
//!
//! Source: Yadav and Bottou, *Cold Case: the Lost MNIST Digits*; <https://github.com/facebookresearch/qmnist>.

use anyhow::Result;
use std::path::Path;

use super::class_names::numbers;
use super::dataset::Dataset;
use super::folder::{find, Wanted};
use super::idx;

/// Loads QMNIST: `[60000, 28, 28]` bytes each of training and of test images, and of its labels the first number, the class.
///
/// `folder` is the one with `qmnist-train-images-idx3-ubyte.gz`, `qmnist-train-labels-idx2-int.gz`,
/// `qmnist-test-images-idx3-ubyte.gz` and `qmnist-test-labels-idx2-int.gz`, gzipped or not, or a folder above (`QMNIST/raw`, where
/// torchvision puts them). Of the test images, the first 10,000 are MNIST's.
///
/// # Errors
/// If a file is missing or damaged, or images and labels differ in number.
pub fn load_from(folder: impl AsRef<Path>) -> Result<Dataset> {
    let found = find(folder.as_ref(), &Wanted { name: "qmnist", sets: &["qmnist"], others: false })?;
    let parts = idx::read(&found)?;
    let class_names = numbers([&parts.train, &parts.test]);
    Ok(Dataset::new("qmnist", class_names, parts.train, parts.test))
}
