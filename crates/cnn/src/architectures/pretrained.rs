//! Networks with weights that somebody has trained and published.

use anyhow::{bail, ensure, Result};
use std::path::{Path, PathBuf};

use super::{mobilenet, resnet};
use crate::data::{download_archive, sha256, PATIENCE};
use crate::engine::error::Context;
use crate::engine::project::project_folder;
use crate::layers::Normalization;
use crate::model::{Sequential, SequentialBuilder};

/// Mean and variance of ImageNet's pixels from 0 to 1, channel by channel; ResNet-20's training used them, too.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const VARIANCE: [f64; 3] = [0.229 * 0.229, 0.224 * 0.224, 0.225 * 0.225];

/// A published file; the first eight digits of its SHA-256 stand in its name.
struct Published {
    /// What a file that is put into a folder by hand begins with.
    begins: &'static str,
    address: &'static str,
    /// What the names of the weights begin with that are not wanted here: those of its classifier.
    without: Option<&'static str>,
}

/// MobileNetV2 without its classifier, with weights that were trained on ImageNet: it makes 1,280 numbers of an image. Images are bytes,
/// or floats from 0 to 1; the first layer normalises them as ImageNet's were.
///
/// The file is looked for in the folder that the environment variable `CNN_WEIGHTS_DIR` names and in the project's `data/weights`, as `.pth`,
/// `.pt` or `.safetensors`, under any name that begins with `mobilenet_v2`; else it is downloaded to the latter (14 MB), and checked.
///
/// - `input`: `[3, height, width]`, with sides of 32 and more; 96 and more are sensible.
///
/// # Errors
/// If the file is neither there nor can be had: the error says what was tried. If the file is damaged or of another network.
///
/// ```no_run
/// use cnn::prelude::*;
/// let mut model = architectures::pretrained::mobilenet_v2([3, 96, 96])?;
/// model.set_all_trainable(false);
/// model.add(Dense::new(2).activation(Softmax))?; // a new head, for two classes
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn mobilenet_v2(input: [i64; 3]) -> Result<Sequential> {
    let published = Published {
        begins: "mobilenet_v2",
        address: "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        without: Some("classifier."),
    };
    with_weights(mobilenet::features(normalised(input)), &published)
}

/// ResNet-18 without its classifier, as [`mobilenet_v2`]: 512 numbers of an image; names that begin with `resnet18`, 45 MB.
///
/// # Errors
/// As for [`mobilenet_v2`].
pub fn resnet18(input: [i64; 3]) -> Result<Sequential> {
    let published = Published {
        begins: "resnet18",
        address: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        without: Some("fc."),
    };
    with_weights(resnet::features18(normalised(input)), &published)
}

/// ResNet-20 for CIFAR-10's ten classes, with weights by Yerlan Idelbayev that are right in 91.7 % of the test images; images as for
/// [`mobilenet_v2`], names that begin with `resnet20`, 1 MB.
///
/// # Errors
/// As for [`mobilenet_v2`].
pub fn resnet20() -> Result<Sequential> {
    let published = Published {
        begins: "resnet20",
        address: "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/resnet20-12fca82f.th",
        without: None,
    };
    with_weights(resnet::small20(normalised([3, 32, 32]), 10), &published)
}

/// A model that begins with ImageNet's normalisation.
fn normalised(input: [i64; 3]) -> SequentialBuilder {
    Sequential::input(input).add(Normalization::new(&MEAN, &VARIANCE))
}

fn with_weights(model: SequentialBuilder, published: &Published) -> Result<Sequential> {
    let mut model = model.build()?;
    let file = file(published)?;
    model.load_weights_without(&file, published.without)?;
    Ok(model)
}

/// Where the file is, after a download if need be.
fn file(published: &Published) -> Result<PathBuf> {
    let named = std::env::var_os("CNN_WEIGHTS_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if let Some(folder) = &named {
        ensure!(
            folder.is_dir(),
            "CNN_WEIGHTS_DIR is {0}: there is no folder {0}; check the path",
            folder.display()
        );
    }
    let own = project_folder().join("data").join("weights");
    let places = named.iter().chain([&own]);
    if let Some(found) = places.clone().find_map(|folder| in_folder(folder, published.begins)) {
        return Ok(found);
    }
    let name = published.address.rsplit('/').next().unwrap_or_default();
    let keep = |name: &str, bytes: &[u8]| {
        check(name, bytes)?;
        Ok(vec![(name.to_string(), bytes.to_vec())])
    };
    match download_archive(&[published.address.to_string()], PATIENCE, &own, &keep)? {
        Ok(()) => Ok(own.join(name)),
        Err(reasons) => bail!(
            "there are no weights {}…, in {}, and they cannot be downloaded: {reasons}. Put {name} into a folder, and name \
             that in the environment variable CNN_WEIGHTS_DIR; or connect to the internet",
            published.begins,
            places.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
        ),
    }
}

/// A file of weights whose name begins so; the first in alphabetical order.
fn in_folder(folder: &Path, begins: &str) -> Option<PathBuf> {
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.rsplit('.').next().unwrap_or_default();
        name.starts_with(begins) && ["pth", "th", "pt", "safetensors"].contains(&ending)
    };
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(is_wanted).collect();
    found.sort();
    found.into_iter().next()
}

/// Checks what was downloaded by the digits in its name.
fn check(name: &str, bytes: &[u8]) -> Result<()> {
    let digits = name
        .rsplit(['-', '/'])
        .next()
        .and_then(|end| end.split('.').next())
        .context("the name has no digits")?;
    let found = sha256([bytes]);
    ensure!(
        found.starts_with(digits),
        "{name} is not the file that was published: its SHA-256 begins with {}, and {digits} is expected",
        &found[..8]
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_checked_by_the_digits_in_its_name() {
        assert!(check("net-ba7816bf.pth", b"abc").is_ok());
        let message = check("net-ba7816bf.pth", b"abd").unwrap_err().to_string();
        assert!(message.contains("ba7816bf is expected"), "{message}");
    }

    #[test]
    fn a_file_is_found_by_the_beginning_of_its_name() {
        let folder = std::env::temp_dir().join(format!("cnn-weights-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["resnet18.txt", "resnet18-b.pth", "resnet18-a.safetensors", "other.pth"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let found = |begins| in_folder(&folder, begins).and_then(|path| Some(path.file_name()?.to_owned()));
        assert_eq!(found("resnet18").unwrap(), "resnet18-a.safetensors");
        assert_eq!(found("resnet50"), None);
        assert_eq!(in_folder(&folder.join("nowhere"), "resnet18"), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
