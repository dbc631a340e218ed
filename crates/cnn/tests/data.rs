//! Loading data sets from folders: good ones, and each way in which they can be bad.

use cnn::data::{idx, mnist};
use flate2::{write::GzEncoder, Compression};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A folder that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("cnn-data-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// With the four files of a small data set of 3 training and 2 test images, 2×2 pixels.
    fn with_data(name: &str) -> Folder {
        let folder = Folder::new(name);
        for (file, count) in [(0, 3), (2, 2)] {
            let pixels = (0..count * 4).map(|pixel| pixel as u8).collect::<Vec<_>>();
            folder.write(NAMES[file], &idx_bytes(&[count, 2, 2], &pixels));
            folder.write(NAMES[file + 1], &idx_bytes(&[count], &[7, 0, 9][..count as usize]));
        }
        folder
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    fn refusal(&self) -> String {
        idx::load_folder(&self.0, "small").unwrap_err().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn idx_bytes(sides: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sides.len() as u8];
    bytes.extend(sides.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend(content);
    bytes
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn assert_says(message: &str, expected: &[&str]) {
    for words in expected {
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

#[test]
fn a_folder_is_read_raw_and_gzipped() {
    let folder = Folder::with_data("good");
    let raw = fs::read(folder.0.join(NAMES[0])).unwrap();
    fs::remove_file(folder.0.join(NAMES[0])).unwrap();
    folder.write(&format!("{}.gz", NAMES[0]), &gz(&raw));
    let data = idx::load_folder(&folder.0, "small").unwrap();
    assert_eq!(data.x_train.size(), [3, 2, 2]);
    assert_eq!(data.x_test.size(), [2, 2, 2]);
    assert_eq!(Vec::<i64>::try_from(&data.y_train).unwrap(), [7, 0, 9]);
    assert_eq!(data.x_train.double_value(&[2, 1, 1]), 11.0);
    assert!(format!("{data:?}").contains("x_train  [3, 2, 2] Uint8"));
}

#[test]
fn missing_files_are_named() {
    let folder = Folder::with_data("missing");
    fs::remove_file(folder.0.join(NAMES[3])).unwrap();
    assert_says(&folder.refusal(), &["lacks t10k-labels-idx1-ubyte"]);
    assert_says(
        &mnist::load_from("/no/such/folder").unwrap_err().to_string(),
        &["no folder /no/such/folder"],
    );
}

#[test]
fn damaged_files_are_named_with_what_was_found() {
    let images = idx_bytes(&[3, 2, 2], &[0; 12]);
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        (NAMES[0], b"<html><body>404</body></html>".to_vec(), &[NAMES[0], "web page", "download"]),
        (NAMES[0], gz(&images)[..20].to_vec(), &[NAMES[0], "cut off after 20 bytes"]),
        (NAMES[0], images[..20].to_vec(), &[NAMES[0], "3 × 2 × 2 bytes, and 4 follow"]),
        (NAMES[0], idx_bytes(&[12], &[1; 12]), &[NAMES[0], "file of labels"]),
        (NAMES[1], idx_bytes(&[2], &[1, 2]), &["holds 3 images", "holds 2 labels"]),
        (NAMES[1], idx_bytes(&[3], &[1, 10, 2]), &[NAMES[1], "label 2 is 10"]),
        (NAMES[1], Vec::new(), &[NAMES[1], "has 0 bytes"]),
    ];
    for (position, (name, bytes, expected)) in cases.iter().enumerate() {
        let folder = Folder::with_data(&format!("damaged-{position}"));
        folder.write(name, bytes);
        assert_says(&folder.refusal(), expected);
    }
}

#[test]
fn another_data_set_with_mnists_file_names_is_refused_as_mnist() {
    let folder = Folder::with_data("other");
    let message = mnist::load_from(&folder.0).unwrap_err().to_string();
    assert_says(&message, &["not MNIST's file", "SHA-256", "load_folder", NAMES[0]]);
    assert!(idx::load_folder(&folder.0, "on-purpose").is_ok());
}

#[test]
fn a_file_without_read_permission_is_an_error() {
    let folder = Folder::with_data("permission");
    // Root may read everything, so a folder stands in for a file that cannot be read.
    fs::remove_file(folder.0.join(NAMES[1])).unwrap();
    fs::create_dir(folder.0.join(NAMES[1])).unwrap();
    assert_says(&folder.refusal(), &[NAMES[1], "cannot be read"]);
}

#[test]
fn mnist_itself_is_loaded_and_checked() {
    let Some(folder) = std::env::var_os("CNN_DATA_DIR") else {
        eprintln!("skipped: CNN_DATA_DIR does not name MNIST's folder");
        return;
    };
    let data = mnist::load_from(Path::new(&folder)).unwrap();
    assert_eq!((data.x_train.size(), data.x_test.size()), (vec![60_000, 28, 28], vec![10_000, 28, 28]));
    assert_eq!(data.y_train.int64_value(&[0]), 5);
}

#[test]
fn synthetic_digits_are_a_data_set_of_their_own() {
    let data = mnist::synthetic_digits(30, 10, 1);
    assert_eq!((data.name.as_str(), data.x_train.size()), ("synthetic-digits", vec![30, 28, 28]));
    assert_eq!(data.y_test.size(), [10]);
    assert_eq!(data.x_train, mnist::synthetic_digits(30, 10, 1).x_train);
    assert_ne!(data.x_train, mnist::synthetic_digits(30, 10, 2).x_train);
}
