//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28 pixels.

use anyhow::{ensure, Result};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

use super::dataset::{Dataset, Images};
use super::{download, idx, synthetic};
use crate::engine::error::Context;
use crate::engine::project::project_folder;
use crate::show::Bar;

/// SHA-256 of the uncompressed files, in the order of [`idx::FILES`]: mirrors compress them in their own ways.
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
/// names, with commas between. Where no mirror answers, digits that this crate draws
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
    if !idx::FILES.iter().all(|name| idx::find(&folder, name).is_some()) {
        let named = std::env::var("CNN_MIRRORS").unwrap_or_default();
        let mirrors = if named.is_empty() { MIRRORS } else { &named };
        let mirrors: Vec<&str> = mirrors.split(',').map(str::trim).collect();
        if let Err(reasons) = download::download(&mirrors, PATIENCE, &folder, &idx::FILES, &verify)? {
            return stand_in(&reasons);
        }
    }
    load_from(&folder)
}

/// Loads MNIST from the folder that holds its four files, gzipped or not.
///
/// # Errors
/// If a file is missing, damaged, or of another data set: every file is checked by its SHA-256.
pub fn load_from(folder: impl AsRef<Path>) -> Result<Dataset> {
    let folder = folder.as_ref();
    let files = idx::read_folder(folder)?;
    // A damaged file is better explained by what is wrong in it than by its hash.
    let dataset = idx::parse("mnist", &files)?;
    for (position, (path, bytes)) in files.iter().enumerate() {
        verify(position, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(dataset)
}

fn verify(position: usize, content: &[u8]) -> Result<()> {
    let found: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
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
    let bar = "█".repeat(78);
    println!(
        "{bar}\n██\n██  THIS IS NOT MNIST. No mirror could be reached, so digits that this program\n\
         ██  draws itself take its place: the data set \"{SYNTHETIC}\".\n██\n\
         ██  Everything works with them, but accuracies differ from those of MNIST.\n\
         ██  To use MNIST, put its four files into a folder, name it in the environment\n\
         ██  variable CNN_DATA_DIR, and restart the kernel; or connect to the internet.\n██\n{bar}"
    );
    println!("{reasons}");
    let mut bar = Bar::new("drawing digits", 70_000, "images");
    let digits = synthetic::digits_with(60_000 + 10_000, 42, |more| {
        bar.advance(more as u64);
        bar.check()
    });
    Ok(split(digits?, 60_000))
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
    let set = |pixels| Images { height: 28, width: 28, pixels };
    let test_images = set(images.split_off(train * 28 * 28));
    let test_labels = labels.split_off(train);
    Dataset::from_bytes(SYNTHETIC, (&set(images), &labels), (&test_images, &test_labels))
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
