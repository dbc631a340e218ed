//! Fashion-MNIST: 60,000 training and 10,000 test images of Zalando's articles, 28×28 pixels, in ten classes. It is harder
//! than MNIST, and takes its place in every program.
//!
//! Source: Xiao, Rasul and Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms*;
//! <https://github.com/zalandoresearch/fashion-mnist>, under the MIT licence.

use anyhow::Result;
use std::path::Path;

use super::class_names;
use super::dataset::Dataset;
use super::folder::Wanted;
use super::four_files::FourFiles;
use super::place::FASHION_MNIST;
use super::stand_in::StandIn;
use super::synthetic;

const SET: FourFiles = FourFiles {
    wanted: Wanted { name: "fashion-mnist", sets: &["", "fashion-mnist", "fashionmnist"], others: false },
    hashes: [
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ],
    is_mnist: false, // Kaggle's .csv files are shuffled
    stand_in: StandIn {
        of: FASHION_MNIST,
        name: SYNTHETIC,
        pictures: "garments",
        files: "Fashion-MNIST's four files",
        sides: [1, 28, 28],
        counts: [60_000, 10_000],
        class_names: || class_names::of(class_names::FASHION),
        draw: |count, seed, report| {
            synthetic::fashion::fashion_with(count, seed, report).map(|drawn| (drawn.images, drawn.labels))
        },
    },
};

/// The name of the data set that stands in for Fashion-MNIST where it cannot be had.
pub const SYNTHETIC: &str = "synthetic-fashion";

/// Loads Fashion-MNIST: `[60000, 28, 28]` and `[10000, 28, 28]` bytes with their labels, 0 to 9; `class_names` of the data set says
/// what they are: T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.
///
/// It comes from the folder that the environment variable `CNN_DATA_DIR` names, if that has it, or has a folder `fashion-mnist` or
/// `FashionMNIST`, or lies beside one; else from the project's `data/fashion-mnist`; else it is downloaded to there (31 MB), as
/// [`mnist::load_data`](super::mnist::load_data) does it. Where no mirror is of use, garments that this crate draws itself take
/// its place, with a banner; the data set is then called [`SYNTHETIC`].
///
/// # Errors
/// If a file is missing in a folder of the set's name, or is damaged or of another data set; if there is no folder that
/// `CNN_DATA_DIR` names; and if the user interrupts it.
pub fn load_data() -> Result<Dataset> {
    SET.load_data()
}

/// Loads Fashion-MNIST from a folder. In it, in `FashionMNIST/raw` below it (where torchvision puts them), in `fashion-mnist`
/// (where Keras puts them, in `~/.keras/datasets`), in another folder, at most two below, or in a zip archive, may be:
///
/// - its four files, which have the names of MNIST's, gzipped or not;
/// - Kaggle's `fashion-mnist_train.csv` and `fashion-mnist_test.csv`, whose images stand in an order of their own: the data set is
///   then called `"fashion-mnist (fashion-mnist_train.csv)"`.
///
/// # Errors
/// If a file is missing, damaged, or of another data set, MNIST for example: the four files are checked by their SHA-256. Of `.csv`
/// files only the form is checked: 28×28 pixels, and labels 0 to 9.
pub fn load_from(folder: impl AsRef<Path>) -> Result<Dataset> {
    SET.load_from(folder.as_ref())
}

/// The garments that stand in for Fashion-MNIST, `train` and `test` in number: `[train, 28, 28]` bytes; a seed always gives the same.
///
/// ```
/// let data = cnn::data::fashion_mnist::synthetic_fashion(20, 5, 1);
/// assert_eq!((data.x_train.size(), data.class_name(1).as_str()), (vec![20, 28, 28], "Trouser"));
/// ```
pub fn synthetic_fashion(train: usize, test: usize, seed: u64) -> Dataset {
    SET.stand_in.pictures([train, test], seed)
}
