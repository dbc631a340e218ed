//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28 pixels.

use anyhow::{anyhow, ensure, Result};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

use super::certificates::is_about_certificates;
use super::class_names::of_digits;
use super::dataset::{Dataset, Images, Part};
use super::folder::{find, Wanted, FILES};
use super::formats::idx::{images_header, labels_header};
use super::{download, idx, synthetic, upright};
use crate::engine::error::Context;
use crate::engine::project::project_folder;
use crate::show::Bar;

/// SHA-256 of the uncompressed files, in the order of [`FILES`]: mirrors compress them in their own ways.
const HASHES: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// Where the four files lie, gzipped.
const MIRRORS: &str = "https://ossci-datasets.s3.amazonaws.com/mnist/,\
                       https://storage.googleapis.com/cvdf-datasets/mnist/";
/// A learner without a network should not wait long to be told so.
const PATIENCE: Duration = Duration::from_secs(10);

/// The name of the data set that stands in for MNIST where it cannot be had.
pub const SYNTHETIC: &str = "synthetic-digits";

/// Loads MNIST: `[60000, 28, 28]` and `[10000, 28, 28]` bytes with their labels.
///
/// It comes from the folder that the environment variable `CNN_DATA_DIR` names, else from the project's
/// `data/mnist`, else it is downloaded to there (11 MB) from one of two mirrors, or from those that `CNN_MIRRORS`
/// names, with commas between. What such a folder may hold is said at [`load_from`].
///
/// Certificates of mirrors are checked against the file and the folders that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else
/// against the system's, and against Mozilla's list. Where no mirror is of use, digits that this crate draws
/// itself take its place, with a banner; the data set is then called [`SYNTHETIC`].
///
/// In notebooks the project is the course's checkout; in a program of your own it is that program's package, or the
/// folder in which it is started if there is none.
///
/// # Errors
/// If the named folder lacks a file, or a file is damaged or of another data set; and if the user interrupts it.
pub fn load_data() -> Result<Dataset> {
    if let Some(folder) = std::env::var_os("CNN_DATA_DIR").filter(|folder| !folder.is_empty()) {
        let path = Path::new(&folder);
        return load_from(path).with_context(|| format!("CNN_DATA_DIR is {}", path.display()));
    }
    let folder = project_folder().join("data").join("mnist");
    if find(&folder, &WANTED).is_err() {
        let named = std::env::var("CNN_MIRRORS").unwrap_or_default();
        let mirrors = if named.is_empty() { MIRRORS } else { &named };
        let mirrors: Vec<&str> = mirrors.split(',').map(str::trim).collect();
        let verify = |position: usize, content: &[u8]| verify(position, &[content]);
        if let Err(reasons) = download::download(&mirrors, PATIENCE, &folder, &FILES, &verify)? {
            return stand_in(&reasons);
        }
    }
    load_from(&folder)
}

/// MNIST's files have no name in front; Keras's is `mnist.npz`, Kaggle's are `mnist_train.csv` or `train.csv`.
const WANTED: Wanted = Wanted { name: "mnist", sets: &["", "mnist"], others: false };

/// Loads MNIST from a folder. In it, or in `raw`, `MNIST` or `MNIST/raw` below it (where torchvision puts them), or in another
/// folder, at most two below (`versions/1`, where kagglehub puts them), or in a zip archive, may be:
///
/// - its four files, gzipped or not, with hyphens or dots in their names, or in folders of the same name, as in Kaggle's archive;
/// - Keras's `mnist.npz`, which is also in `~/.keras/datasets`;
/// - `mnist_train.csv` and `mnist_test.csv`: in each row a label and 784 pixels;
/// - Kaggle's `train.csv`, which has 42,000 of the 70,000 images in an order of its own. Kaggle's `test.csv` has no labels:
///   so the last seventh of `train.csv`, 6,000 images, are the test set. The data set is then called
///   `"mnist (train.csv)"`, because accuracies differ a little from those on MNIST's own test set.
///
/// `folder` may also be the zip archive or the `.npz` file itself.
///
/// # Errors
/// If a file is missing, damaged, or of another data set: whatever the format, pixels and labels are checked by the SHA-256 of MNIST's
/// files. Of `train.csv` only its form is checked: 28×28 pixels, and labels 0 to 9.
pub fn load_from(folder: impl AsRef<Path>) -> Result<Dataset> {
    let found = find(folder.as_ref(), &WANTED)?;
    // A damaged file is better explained by what is wrong in it than by its hash.
    let parts = idx::read(&found)?;
    let hint = || upright::hint(&parts.train).map_or(String::new(), |hint| format!(". Also, {hint}"));
    let name = match &parts.divided {
        None => {
            for (first, part) in [(0, &parts.train), (2, &parts.test)] {
                let [images, labels] = found.files.of(first);
                let header = images_header(&part.images);
                verify(first, &[&header, &part.images.pixels])
                    .with_context(|| images.to_string())
                    .map_err(|error| anyhow!("{error}{}", hint()))?;
                verify(first + 1, &[&labels_header(&part.labels), &part.labels])
                    .with_context(|| labels.to_string())?;
            }
            "mnist".to_string()
        }
        Some(file) => {
            let (width, largest) =
                (parts.train.images.width, parts.train.labels.iter().chain(&parts.test.labels).max());
            ensure!(
                width == 28 && largest.is_some_and(|&label| label < 10),
                "{} is no file of MNIST: its images have {width}×{width} pixels, and its labels go up to {}, where 28×28 and 9 are \
                 expected. Check the path; data::idx::load_folder(\"folder\", \"name\") loads other data sets",
                found.files.of(0)[0],
                largest.unwrap_or(&0)
            );
            if let Some(hint) = upright::hint(&parts.train) {
                println!("{file}: {hint}");
            }
            format!("mnist ({file})")
        }
    };
    Ok(Dataset::new(&name, of_digits(), &parts.train, &parts.test))
}

/// Checks one of the four files, which may be given in pieces, by its hash.
fn verify(position: usize, content: &[&[u8]]) -> Result<()> {
    let hash = content.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece)).finalize();
    let found: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        found == HASHES[position],
        "this is not MNIST's file: its SHA-256 is {found}, MNIST's {}. It is damaged (delete it and download it \
         again), or of another data set whose files have the same names; \
         data::idx::load_folder(\"folder\", \"fashion-mnist\") loads such a set on purpose",
        HASHES[position]
    );
    Ok(())
}

/// Says loudly that MNIST is not there, and draws digits instead.
fn stand_in(reasons: &str) -> Result<Dataset> {
    println!("{}\n{reasons}", banner(reasons));
    let mut bar = Bar::new("drawing digits", 70_000, "images");
    let digits = synthetic::digits_with(60_000 + 10_000, 42, |more| {
        bar.advance(more as u64);
        bar.check()
    });
    Ok(split(digits?, 60_000))
}

/// What is wrong, and what to do about it.
fn banner(reasons: &str) -> String {
    let bar = "█".repeat(78);
    let (why, remedy) = match is_about_certificates(reasons) {
        true => (
            "A mirror's certificate was not believed",
            "██  Your network may have a certificate authority of its own, which looks into what\n\
             ██  is encrypted: name its file (PEM) in the environment variable SSL_CERT_FILE, and\n\
             ██  restart the kernel. Or put MNIST's four files into a folder, and name that in\n\
             ██  CNN_DATA_DIR.",
        ),
        false => (
            "No mirror could be reached",
            "██  To use MNIST, put its four files into a folder, name it in the environment\n\
             ██  variable CNN_DATA_DIR, and restart the kernel; or connect to the internet.",
        ),
    };
    format!(
        "{bar}\n██\n██  THIS IS NOT MNIST. {why}, so digits that this program\n\
         ██  draws itself take its place: the data set \"{SYNTHETIC}\".\n██\n\
         ██  Everything works with them, but accuracies differ from those of MNIST.\n{remedy}\n██\n{bar}"
    )
}

/// The digits that stand in for MNIST, `train` and `test` in number; a seed always gives the same.
///
/// Ten thousand take about a second; the interrupt button does not end it.
pub fn synthetic_digits(train: usize, test: usize, seed: u64) -> Dataset {
    let mut bar = Bar::new("drawing digits", (train + test) as u64, "images");
    let digits = synthetic::digits_with(train + test, seed, |more| {
        bar.advance(more as u64);
        Ok(())
    });
    split(digits.expect("nothing ends the work early"), train)
}

fn split(digits: synthetic::Digits, train: usize) -> Dataset {
    let synthetic::Digits { mut images, mut labels } = digits;
    let part = |pixels, labels| Part { images: Images::grey(28, 28, pixels), labels };
    let test = part(images.split_off(train * 28 * 28), labels.split_off(train));
    Dataset::new(SYNTHETIC, of_digits(), &part(images, labels), &test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn a_stand_in_in_a_process_of_its_own() {
        let message = stand_in("no network").unwrap_err().to_string();
        assert!(message.starts_with("drawing digits was stopped by the interrupt after"), "{message}");
        assert!(message.ends_with("of 70,000 images; run the cell again"), "{message}");
        assert_eq!(synthetic_digits(10, 2, 1).x_test.size(), [2, 28, 28]);
    }

    #[test]
    fn the_banner_says_what_can_be_done() {
        let network = banner("https://a/: io: Connection refused");
        assert!(
            network.contains("No mirror could be reached") && !network.contains("certificate"),
            "{network}"
        );
        let tls = banner("https://a/: io: invalid peer certificate: UnknownIssuer");
        assert!(tls.contains("certificate was not believed") && tls.contains("SSL_CERT_FILE"), "{tls}");
        assert!(!tls.contains("No mirror could be reached"), "{tls}");
    }

    #[test]
    fn drawing_the_stand_in_can_be_stopped() {
        let stop = std::env::temp_dir().join(format!("cnn-mnist-stop-{}", std::process::id()));
        std::fs::write(&stop, "").unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "data::mnist::tests::a_stand_in_in_a_process_of_its_own"])
            .env("LIVE_STOP", &stop)
            .output()
            .unwrap();
        std::fs::remove_file(&stop).unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}
