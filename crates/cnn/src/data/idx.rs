//! Any data set in MNIST's format, or in one of the formats in which MNIST itself is found, from a folder.

use anyhow::{ensure, Result};
use std::path::Path;

use super::dataset::{Dataset, Part};
use super::folder::{find, Files, Found, Wanted};
use super::formats::{csv, idx, npz};
use super::{class_names, upright};
use crate::engine::error::Context;

/// Loads a data set in MNIST's format, KMNIST for example, from the folder that holds its four files, gzipped or
/// not. The data set is called `name`. Unlike [`mnist::load_data`](super::mnist::load_data) it does not check which set it is.
///
/// What [`mnist::load_from`](super::mnist::load_from) accepts is accepted here, too: torchvision's folders (of several the
/// one called like `name`: `FashionMNIST` for `"fashion-mnist"`), zip archives, `.npz` and `.csv` files. Files of EMNIST and
/// QMNIST are known by their names; EMNIST's images, which are stored transposed, are turned upright.
///
/// Labels are class numbers from 0 to 255, as they are stored; they have names where the set is known, else numbers for names. Where digits look transposed, or where the only files are
/// called like another data set, a line is printed that says so.
///
/// # Errors
/// If a file is missing or damaged, or images and labels differ in number; and if the folder holds several data sets.
pub fn load_folder(folder: impl AsRef<Path>, name: &str) -> Result<Dataset> {
    let set = name.to_lowercase().replace('_', "-");
    let found = find(folder.as_ref(), &Wanted { name, sets: &[&set, ""], others: true })?;
    let parts = read(&found)?;
    let plain = |name: &str| name.replace('-', "");
    if !found.set.is_empty() && plain(&found.set) != plain(&set) {
        let folder = folder.as_ref().display();
        println!("{folder}: its files are called {:?}; they are loaded as {name:?}", found.set);
    }
    if let Some(hint) = upright::hint(&parts.train) {
        println!("{}: {hint}", folder.as_ref().display());
    }
    let both = [&parts.train, &parts.test];
    let names = match found.set.starts_with("emnist") {
        true => class_names::of_set(&found.set, both),
        false => class_names::of_set(name, both),
    };
    Ok(Dataset::new(name, names, parts.train, parts.test))
}

/// What was read of a data set.
pub(crate) struct Parts {
    pub train: Part,
    pub test: Part,
    /// The file that held all images, if there was none with test images.
    pub divided: Option<String>,
}

/// Reads the training and the test part of a data set.
pub(crate) fn read(found: &Found) -> Result<Parts> {
    let mut divided = None;
    let (mut train, mut test) = match &found.files {
        Files::Idx([x_train, y_train, x_test, y_test]) => {
            (idx::read(x_train, y_train)?, idx::read(x_test, y_test)?)
        }
        Files::Npz(file) => npz::read(file)?,
        Files::Csv { train, test: Some(test) } if csv::has_labels(test)? => {
            (csv::read(train)?, csv::read(test)?)
        }
        Files::Csv { train, test } => {
            let (file, all) = (train.name(), csv::read(train)?);
            let count = all.labels.len();
            let (train, last) = csv::split(all).with_context(|| train.to_string())?;
            let why = test.as_ref().map_or(String::new(), |test| format!("{} has no labels: ", test.name()));
            println!("{why}the last {} of the {count} images in {file} are the test set", last.labels.len());
            divided = Some(file);
            (train, last)
        }
    };
    let [size, test_size] = [&train, &test].map(|part| (part.images.height, part.images.width));
    ensure!(
        size == test_size,
        "{} holds images of {}×{} pixels, and {} of {}×{}; they do not belong together. \
         Take both from the same data set",
        found.files.of(0)[0],
        size.0,
        size.1,
        found.files.of(2)[0],
        test_size.0,
        test_size.1
    );
    if found.set.starts_with("emnist") {
        train.images.transpose();
        test.images.transpose();
    }
    Ok(Parts { train, test, divided })
}
