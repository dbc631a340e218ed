//! EMNIST: handwritten letters and digits of NIST's collection, in MNIST's format. Its images are stored transposed.
//!
//! Source: Cohen, Afshar, Tapson and van Schaik, *EMNIST: an extension of MNIST to handwritten letters*; the archive `gzip.zip`.

use anyhow::{ensure, Result};
use std::path::Path;

use super::class_names::of_emnist;
use super::dataset::Dataset;
use super::folder::{find, Wanted};
use super::idx;

/// The ways in which EMNIST is divided, by torchvision's names.
pub const SPLITS: [&str; 6] = ["byclass", "bymerge", "balanced", "letters", "digits", "mnist"];

/// Loads a split of EMNIST, upright: `[n, 28, 28]` bytes; the data set is called `"emnist-letters"`, for example.
///
/// | split | labels | training images | test images |
/// |---|---|---:|---:|
/// | `"byclass"` | 0 to 61: 0–9, A–Z, a–z | 697,932 | 116,323 |
/// | `"bymerge"` | 0 to 46: small letters that look like their capitals count as these | 697,932 | 116,323 |
/// | `"balanced"` | 0 to 46, equally many of each | 112,800 | 18,800 |
/// | `"letters"` | **1** to 26: a–z, capital or small | 124,800 | 20,800 |
/// | `"digits"` | 0 to 9 | 240,000 | 40,000 |
/// | `"mnist"` | 0 to 9 | 60,000 | 10,000 |
///
/// Labels are as they are stored, as in torchvision; [`classes`] names them, and `class_names` of the data set. The `Dense` layer of a model for `"letters"` needs 27
/// units, or 26 and `&data.y_train - 1`.
///
/// `folder` is the one with `emnist-letters-train-images-idx3-ubyte.gz` and its three siblings, gzipped or not, or the one with
/// `gzip.zip`, or a folder above (`EMNIST/raw`, where torchvision puts them). Kaggle's `emnist-letters-train.csv` and
/// `emnist-letters-test.csv` will do, too.
///
/// # Errors
/// If there is no such split, a file is missing or damaged, or images and labels differ in number.
pub fn load_from(folder: impl AsRef<Path>, split: &str) -> Result<Dataset> {
    check(split)?;
    let name = format!("emnist-{split}");
    let found = find(folder.as_ref(), &Wanted { name: "emnist", sets: &[&name], others: false })?;
    let parts = idx::read(&found)?;
    Ok(Dataset::new(&name, of_emnist(split), parts.train, parts.test))
}

/// What the labels of a split stand for: the name of label 0, of label 1, and so on, as torchvision has them.
///
/// ```
/// let names = cnn::data::emnist::classes("letters")?;
/// assert_eq!((names.len(), names[0].as_str(), names[26].as_str()), (27, "N/A", "z"));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If there is no such split.
pub fn classes(split: &str) -> Result<Vec<String>> {
    check(split)?;
    Ok(of_emnist(split))
}

fn check(split: &str) -> Result<()> {
    ensure!(
        SPLITS.contains(&split),
        "EMNIST has no split {split:?}; check the name: it has {}",
        SPLITS.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_has_its_classes() {
        let counts = SPLITS.map(|split| classes(split).unwrap().len());
        assert_eq!(counts, [62, 47, 47, 27, 10, 10]);
        assert_eq!(classes("balanced").unwrap()[46], "t");
        assert!(classes("letter").unwrap_err().to_string().contains("byclass, bymerge"));
    }
}
