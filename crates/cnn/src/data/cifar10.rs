//! CIFAR-10: 50,000 training and 10,000 test photographs in colour, 32×32 pixels, in ten classes.
//!
//! Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*; <https://www.cs.toronto.edu/~kriz/cifar.html>.

use anyhow::{ensure, Result};
use std::path::Path;

use super::cifar_files::{find, is_in, unpack, Batch, BATCHES, TEST};
use super::class_names;
use super::dataset::{Dataset, Part};
use super::download::{download_archive, mirrors, PATIENCE};
use super::formats::cifar::{hash, parse, to_records, SIDE};
use super::place::CIFAR_10;
use super::stand_in::StandIn;
use super::synthetic;
use crate::engine::error::Context;
use crate::engine::memory::guarded;
use crate::engine::text::thousands;

/// SHA-256 of the files of the binary version, in the order of [`BATCHES`]; the Python version's images give the same.
const HASHES: [&str; 6] = [
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
];
/// Images in each batch.
const OF_BATCH: usize = 10_000;
/// Images in all training batches.
const OF_TRAINING: usize = OF_BATCH * TEST;
/// The official archive, and the one from which PaddlePaddle's users have the Python version.
const ARCHIVES: [&str; 2] = [
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
];
/// What the archives are called at mirrors that `CNN_MIRRORS` names.
const NAMES: [&str; 2] = ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"];

/// The name of the data set that stands in for CIFAR-10 where it cannot be had.
pub const SYNTHETIC: &str = "synthetic-objects";

const STAND_IN: StandIn = StandIn {
    of: CIFAR_10,
    name: SYNTHETIC,
    pictures: "objects",
    files: "cifar-10-binary.tar.gz",
    sides: [3, SIDE, SIDE],
    counts: [OF_TRAINING, OF_BATCH],
    class_names: || class_names::of(class_names::CIFAR_10),
    draw: |count, seed, report| {
        synthetic::objects::objects_with(count, seed, report).map(|drawn| (drawn.images, drawn.labels))
    },
};

/// Loads CIFAR-10: `[50000, 3, 32, 32]` and `[10000, 3, 32, 32]` bytes with their labels, 0 to 9; `class_names` of the data set says
/// what they are: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. The images have their channels, so that
/// [`normalize`](crate::preprocessing::normalize) alone makes of them what a network wants.
///
/// It comes from the folder that the environment variable `CNN_DATA_DIR` names, if that has it, or has a folder `cifar10` or
/// `cifar-10-batches-py`, for example, or lies beside one; else from the project's `data/cifar10`; else it is downloaded (170 MB)
/// from one of two addresses, or from those that `CNN_MIRRORS` names, checked, and unpacked to there (184 MB). Where no mirror is of
/// use, objects that this crate draws itself take its place, with a banner; the data set is then called [`SYNTHETIC`].
///
/// # Errors
/// If a batch is missing in a folder of the set's name, or is damaged or of another data set; if there is no folder that
/// `CNN_DATA_DIR` names; and if the user interrupts it.
pub fn load_data() -> Result<Dataset> {
    if let Some(folder) = CIFAR_10.named_folder(is_in)? {
        return load_from(&folder).with_context(|| format!("CNN_DATA_DIR is {}", folder.display()));
    }
    let folder = CIFAR_10.folder();
    if find(&folder).is_err() {
        let addresses = match mirrors(CIFAR_10.name, &[]) {
            named if named.is_empty() => ARCHIVES.map(String::from).to_vec(),
            named => named.iter().flat_map(|mirror| NAMES.map(|name| format!("{mirror}{name}"))).collect(),
        };
        if let Err(reasons) = download_archive(&addresses, PATIENCE, &folder, &to_keep)? {
            return STAND_IN.take_its_place(&reasons);
        }
    }
    load_from(&folder)
}

/// Loads CIFAR-10 from a folder. In it, in a folder below it (`cifar-10-batches-py`, `raw`), or one further down, or in a zip archive
/// may be:
///
/// - the binary version, `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, gzipped or not;
/// - the Python version, `data_batch_1` to `data_batch_5` and `test_batch`, as torchvision and Keras unpack it. It is read without
///   Python, and nothing that a pickle names is run. Keras's own is found from `~/.keras/datasets`, torchvision's from its `root`;
/// - `cifar-10-binary.tar.gz` or `cifar-10-python.tar.gz`, which takes some times longer than what is unpacked.
///
/// `folder` may also be the archive itself.
///
/// A folder with `test_batch` and some of the training batches, or with batches that have fewer records, is loaded as what it is:
/// the data set is called `"cifar10 (5,000 of 50,000 images)"`, for example, because accuracies on it are not those on CIFAR-10.
///
/// # Errors
/// If a batch is damaged or of another data set: batches with all their 10,000 images are checked by the SHA-256 of the binary
/// version's files, and in others the length and the labels.
///
/// ```no_run
/// use cnn::prelude::*;
/// let data = cifar10::load_from("/home/me/.keras/datasets")?;
/// assert_eq!(data.x_train.size(), [50000, 3, 32, 32]);
/// println!("the first image shows a {}", data.class_name(data.y_train.int64_value(&[0])));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn load_from(folder: impl AsRef<Path>) -> Result<Dataset> {
    let folder = folder.as_ref();
    let memory = || {
        "there is not enough memory for CIFAR-10, which takes 400 MB; close other programs, then try again"
            .to_string()
    };
    guarded("loading CIFAR-10", memory, || {
        let mut parts: Vec<Part> = read(find(folder)?)?.into_iter().map(|(_number, part)| part).collect();
        let test = parts.pop().context("there are no batches")?; // the test set's is the last
        let count = parts.iter().map(|part| part.labels.len()).sum();
        let name = name([count, test.labels.len()], folder);
        Ok(Dataset::of_parts(&name, (STAND_IN.class_names)(), parts, test))
    })
}

/// The objects that stand in for CIFAR-10, `train` and `test` in number: `[train, 3, 32, 32]` bytes; a seed always gives the same.
///
/// ```
/// let data = cnn::data::cifar10::synthetic_objects(20, 5, 1);
/// assert_eq!((data.x_train.size(), data.x_test.size()), (vec![20, 3, 32, 32], vec![5, 3, 32, 32]));
/// ```
pub fn synthetic_objects(train: usize, test: usize, seed: u64) -> Dataset {
    STAND_IN.pictures([train, test], seed)
}

/// Reads and checks batches, on several threads.
fn read(batches: Vec<Batch>) -> Result<Vec<(usize, Part)>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = batches.into_iter().map(|batch| scope.spawn(|| checked(batch))).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a batch cannot be read")));
        joined.collect()
    })
}

/// A batch by its number. Whether it is CIFAR-10's can only be told of one with all its images.
fn checked(batch: Batch) -> Result<(usize, Part)> {
    let (number, place) = (batch.number, batch.place.clone());
    let part = parse(batch.read()?).context(&place)?;
    let count = part.labels.len();
    ensure!(
        count <= OF_BATCH,
        "{place}: it has {count} images, and a batch of CIFAR-10 has {OF_BATCH}: it is of another data set. Check the path"
    );
    if count == OF_BATCH {
        let found = hash(&part);
        ensure!(
            found == HASHES[number],
            "{place}: these are not the images of CIFAR-10's {}: as in the binary version, their SHA-256 is {found}, CIFAR-10's {}. \
             The file is damaged (delete it and download it again), or of another data set",
            BATCHES[number],
            HASHES[number]
        );
    }
    Ok((number, part))
}

/// What a data set with so many training and test images is called; of a part of them, a line says so.
fn name([train, test]: [usize; 2], folder: &Path) -> String {
    if (train, test) == (OF_TRAINING, OF_BATCH) {
        return CIFAR_10.name.to_string();
    }
    let [train, test, of_training, of_batch] =
        [train, test, OF_TRAINING, OF_BATCH].map(|count| thousands(count as i64));
    println!(
        "{} has a part of CIFAR-10: {train} of {of_training} training images and {test} of {of_batch} test images",
        folder.display()
    );
    match train == of_training {
        true => format!("cifar10 ({test} of {of_batch} test images)"),
        false => format!("cifar10 ({train} of {of_training} images)"),
    }
}

/// What is kept of a downloaded archive, checked: the batches of the binary version, which are read fastest. The test set's
/// comes last: without it, no folder is taken for one with CIFAR-10.
fn to_keep(name: &str, archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let parts = read(unpack(name, archive)?)?;
    let counts: Vec<usize> = parts.iter().map(|(_, part)| part.labels.len()).collect();
    ensure!(
        counts == [OF_BATCH; 6],
        "{name}: its batches have {counts:?} images, and {OF_BATCH} each are expected"
    );
    Ok(parts
        .into_iter()
        .map(|(number, part)| (format!("{}.bin", BATCHES[number]), to_records(&part)))
        .collect())
}
