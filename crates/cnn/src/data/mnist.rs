//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28 pixels.

use anyhow::Result;
use std::path::Path;

use super::class_names;
use super::dataset::Dataset;
use super::folder::Wanted;
use super::four_files::FourFiles;
use super::place::MNIST;
use super::stand_in::StandIn;
use super::synthetic;

const SET: FourFiles = FourFiles {
    // Its files have no name in front; Keras's is `mnist.npz`, Kaggle's are `mnist_train.csv` or `train.csv`.
    wanted: Wanted { name: "mnist", sets: &["", "mnist"], others: false },
    hashes: [
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ],
    mirrors: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    is_mnist: true,
    stand_in: StandIn {
        of: MNIST,
        name: SYNTHETIC,
        pictures: "digits",
        files: "MNIST's four files",
        sides: [1, 28, 28],
        counts: [60_000, 10_000],
        class_names: class_names::of_digits,
        draw: |count, seed, report| {
            synthetic::digits_with(count, seed, report).map(|drawn| (drawn.images, drawn.labels))
        },
    },
};

/// The name of the data set that stands in for MNIST where it cannot be had.
pub const SYNTHETIC: &str = "synthetic-digits";

/// Loads MNIST: `[60000, 28, 28]` and `[10000, 28, 28]` bytes with their labels.
///
/// It comes from the folder that the environment variable `CNN_DATA_DIR` names, or from `mnist` in it, or beside it if it is
/// another data set's; else from the project's `data/mnist`, else it is downloaded to there (11 MB) from one of two mirrors, or from
/// those that `CNN_MIRRORS` names, with commas between. What such a folder may hold is said at [`load_from`].
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
    SET.load_data()
}

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
    SET.load_from(folder.as_ref())
}

/// The digits that stand in for MNIST, `train` and `test` in number; a seed always gives the same.
///
/// Ten thousand take about a second; the interrupt button does not end it.
pub fn synthetic_digits(train: usize, test: usize, seed: u64) -> Dataset {
    SET.stand_in.pictures([train, test], seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn a_stand_in_in_a_process_of_its_own() {
        let message = SET.stand_in.take_its_place("no network").unwrap_err().to_string();
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
