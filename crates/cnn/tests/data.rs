//! Loading data sets from folders: good ones, and each way in which they can be bad.

use cnn::data::{emnist, fashion_mnist, idx, mnist, qmnist, Dataset};
use cnn::tch::{Kind, Tensor};
use flate2::{write::GzEncoder, Compression};
use std::fs;
use std::io::{Cursor, Write};
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
        for (name, bytes) in NAMES.iter().zip(small_files()) {
            folder.write(name, &bytes);
        }
        folder
    }

    /// Writes a file, and the folders that its name has in front.
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
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

/// The four files of a small data set of 3 training and 2 test images, 2×2 pixels.
fn small_files() -> [Vec<u8>; 4] {
    let pixels: Vec<u8> = (0..12).collect();
    [
        idx_bytes(&[3, 2, 2], &pixels),
        idx_bytes(&[3], &[7, 0, 9]),
        idx_bytes(&[2, 2, 2], &pixels[..8]),
        idx_bytes(&[2], &[7, 0]),
    ]
}

#[track_caller]
fn assert_is_small(data: &Dataset) {
    let pixels = |count: i64| Tensor::arange(4 * count, (Kind::Uint8, cnn::prelude::Device::Cpu));
    assert_eq!(data.x_train, pixels(3).reshape([3, 2, 2]));
    assert_eq!(data.x_test, pixels(2).reshape([2, 2, 2]));
    assert_eq!(data.y_train, Tensor::from_slice(&[7_i64, 0, 9]));
    assert_eq!(data.y_test, Tensor::from_slice(&[7_i64, 0]));
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, Default::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An array of bytes, as `np.save` writes it.
fn npy(shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", sides.trim_end());
    let text = format!("{text:<117}\n"); // 128 bytes in all
    [b"\x93NUMPY\x01\0\x76\0", text.as_bytes(), bytes].concat()
}

/// Keras's archive of the content of four IDX files.
fn npz(files: &[Vec<u8>; 4]) -> Vec<u8> {
    let array = |file: &[u8]| {
        let sides = (0..file[3] as usize).map(|side| 4 * side + 4);
        let shape: Vec<usize> =
            sides.map(|at| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize).collect();
        npy(&shape, &file[4 * shape.len() + 4..])
    };
    let arrays = files.each_ref().map(|file| array(file));
    let names = ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"];
    zip(&[0, 1, 2, 3].map(|number| (names[number], arrays[number].as_slice())))
}

/// Rows of a label and `pixels` pixels: label 0, 1, 2 … and pixels like the label.
fn csv(rows: usize, pixels: usize) -> String {
    (0..rows).map(|row| format!("{row}{}\n", format!(",{row}").repeat(pixels))).collect()
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
        (NAMES[0], idx_bytes(&[3, 4, 1], &[0; 12]), &[NAMES[0], NAMES[2], "4×1", "2×2"]),
        (NAMES[0], b"<html><body>404</body></html>".to_vec(), &[NAMES[0], "web page", "download"]),
        (NAMES[0], gz(&images)[..20].to_vec(), &[NAMES[0], "cut off after 20 bytes"]),
        (NAMES[0], images[..20].to_vec(), &[NAMES[0], "3 × 2 × 2 bytes, and 4 follow"]),
        (NAMES[0], idx_bytes(&[12], &[1; 12]), &[NAMES[0], "file of labels"]),
        (NAMES[1], idx_bytes(&[2], &[1, 2]), &["holds 3 images", "holds 2 labels"]),
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
#[cfg(unix)]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = Folder::with_data("permission");
    // Root may read everything, so a link to nowhere stands in for a file without permission.
    fs::remove_file(folder.0.join(NAMES[1])).unwrap();
    std::os::unix::fs::symlink("/no/such/file", folder.0.join(NAMES[1])).unwrap();
    assert_says(&folder.refusal(), &[NAMES[1], "cannot be read"]);
}

#[test]
fn files_are_found_however_they_were_unpacked() {
    let files = small_files();
    let dotted = NAMES.map(|name| name.replace("-idx", ".idx"));
    let layouts: [(&str, [String; 4]); 9] = [
        ("dotted", dotted.clone()),
        ("capitals", NAMES.map(|name| name.to_uppercase() + ".GZ")),
        ("kaggle", NAMES.map(|name| format!("{name}/{name}"))),
        ("raw", NAMES.map(|name| format!("raw/{name}"))),
        ("torchvision", NAMES.map(|name| format!("MNIST/raw/{name}"))),
        ("torchvision-fashion", NAMES.map(|name| format!("FashionMNIST/raw/{name}"))),
        ("kagglehub", NAMES.map(|name| format!("versions/1/{name}"))),
        ("below", dotted.map(|name| format!("archive/{name}"))),
        ("named", NAMES.map(|name| format!("small-{}", name.replace("t10k", "test")))),
    ];
    for (layout, names) in layouts {
        let folder = Folder::new(layout);
        for (name, bytes) in names.iter().zip(&files) {
            folder.write(name, bytes);
        }
        folder.write("._train-images-idx3-ubyte", b"what macOS writes");
        assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
    }
}

#[test]
fn archives_need_not_be_unpacked() {
    let files = small_files();
    let names = NAMES.map(|name| format!("data/{name}.gz"));
    let folder = Folder::new("zip");
    folder.write(
        "archive.zip",
        &zip(&[0, 1, 2, 3].map(|number| (names[number].as_str(), files[number].as_slice()))),
    );
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
    assert_is_small(&idx::load_folder(folder.0.join("archive.zip"), "small").unwrap());

    folder.write("archive.zip", &zip(&[("mnist.npz", &npz(&files))]));
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());

    let message = mnist::load_from(&folder.0).err().unwrap().to_string();
    assert_says(&message, &["mnist.npz in", "archive.zip", "not MNIST's file"]);

    folder.write("archive.zip", &zip(&[("photo.jpg", b"")]));
    assert_says(&folder.refusal(), &["holds no data set", "It has archive.zip"]);
    folder.write("mnist.tar.gz", b"");
    assert_says(&folder.refusal(), &["Unpack mnist.tar.gz first"]);
    folder.write("archive.zip", b"PK\x03\x04 and no more");
    assert_says(&folder.refusal(), &["archive.zip", "cannot be unpacked", "download it again"]);
}

#[test]
fn files_that_were_zipped_one_by_one_belong_together() {
    let folder = Folder::new("zipped-files");
    folder.write("x_train.csv.zip", &zip(&[("x_train.csv", b"7,0,1,2,3\n0,4,5,6,7\n9,8,9,10,11\n")]));
    folder.write("x_test.csv.zip", &zip(&[("x_test.csv", b"7,0,1,2,3\n0,4,5,6,7\n")]));
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
    // One of them unpacked.
    fs::remove_file(folder.0.join("x_train.csv.zip")).unwrap();
    folder.write("x_train.csv", b"7,0,1,2,3\n0,4,5,6,7\n9,8,9,10,11\n");
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
}

#[test]
fn a_set_of_the_wanted_name_goes_before_a_nearer_one() {
    // As in ~/.keras/datasets.
    let folder = Folder::new("keras-datasets");
    let mut files = small_files();
    for (name, bytes) in NAMES.iter().zip(&files) {
        folder.write(&format!("fashion-mnist/{name}.gz"), &gz(bytes));
    }
    files[1] = idx_bytes(&[3], &[1, 1, 1]);
    folder.write("mnist.npz", &npz(&files));
    assert_is_small(&idx::load_folder(&folder.0, "fashion-mnist").unwrap());
    assert_eq!(idx::load_folder(&folder.0, "mnist").unwrap().y_train, Tensor::from_slice(&[1_i64, 1, 1]));
}

#[test]
fn keras_and_kaggle_formats_are_read() {
    let folder = Folder::new("npz");
    folder.write("mnist.npz", &npz(&small_files()));
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
    assert_is_small(&idx::load_folder(folder.0.join("mnist.npz"), "small").unwrap());

    let folder = Folder::new("csv");
    folder.write("small_train.csv", b"label,1x1,1x2,2x1,2x2\n7,0,1,2,3\n0,4,5,6,7\n9,8,9,10,11\n");
    folder.write("small_test.csv", b"7,0,1,2,3\n0,4,5,6,7\n");
    assert_is_small(&idx::load_folder(&folder.0, "small").unwrap());
}

#[test]
fn the_last_seventh_of_kaggles_train_csv_is_the_test_set() {
    let folder = Folder::new("kaggle-competition");
    folder.write("train.csv", csv(10, 784).as_bytes());
    folder.write("test.csv", "0,".repeat(783).as_bytes()); // 784 pixels, and no label
    folder.write("sample_submission.csv", b"ImageId,Label\n1,0\n");
    let data = mnist::load_from(&folder.0).unwrap();
    assert_eq!(data.name, "mnist (train.csv)");
    assert_eq!(data.y_train, Tensor::arange(9, (Kind::Int64, cnn::prelude::Device::Cpu)));
    assert_eq!((data.y_test.size(), data.y_test.int64_value(&[0])), (vec![1], 9));
    assert_eq!(data.x_test.double_value(&[0, 27, 27]), 9.0);
    assert_eq!(idx::load_folder(&folder.0, "mine").unwrap().name, "mine");

    fs::remove_file(folder.0.join("train.csv")).unwrap();
    let message = mnist::load_from(&folder.0).err().unwrap().to_string();
    assert_says(&message, &["has test.csv alone", "no labels", "train.csv is needed"]);

    // Other images than MNIST's.
    folder.write("train.csv", csv(14, 784).as_bytes());
    assert_says(
        &mnist::load_from(&folder.0).err().unwrap().to_string(),
        &["no file of MNIST", "go up to 13", "28×28"],
    );
    folder.write("train.csv", csv(10, 9).as_bytes());
    assert_says(&mnist::load_from(&folder.0).err().unwrap().to_string(), &["3×3 pixels"]);
    folder.write("train.csv", csv(3, 784).as_bytes());
    assert_says(&mnist::load_from(&folder.0).err().unwrap().to_string(), &["train.csv", "3 images, too few"]);
}

#[test]
fn emnist_is_loaded_upright_with_its_own_labels() {
    let folder = Folder::new("emnist");
    for (part, count) in [("train", 2), ("test", 1)] {
        let pixels: Vec<u8> = [0, 2, 1, 3].repeat(count as usize); // the columns 0, 2 and 1, 3
        let name = |rest: &str| format!("gzip/emnist-letters-{part}-{rest}.gz");
        folder.write(&name("images-idx3-ubyte"), &gz(&idx_bytes(&[count, 2, 2], &pixels)));
        folder.write(&name("labels-idx1-ubyte"), &gz(&idx_bytes(&[count], &[1, 26][..count as usize])));
    }
    for data in [emnist::load_from(&folder.0, "letters"), idx::load_folder(&folder.0, "emnist-letters")] {
        let data = data.unwrap();
        assert_eq!(data.name, "emnist-letters");
        assert_eq!(Vec::<u8>::try_from(data.x_train.flatten(0, -1)).unwrap(), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(Vec::<i64>::try_from(&data.y_train).unwrap(), [1, 26]);
        assert_eq!(Vec::<i64>::try_from(&data.y_test).unwrap(), [1]);
    }
    let message = emnist::load_from(&folder.0, "digits").err().unwrap().to_string();
    assert_says(
        &message,
        &["another data set, \"emnist-letters\"", "emnist::load_from(\"folder\", \"letters\")"],
    );
    assert_says(
        &emnist::load_from(&folder.0, "Letters").err().unwrap().to_string(),
        &["no split", "balanced"],
    );
    assert_says(
        &mnist::load_from(&folder.0).err().unwrap().to_string(),
        &["emnist-letters", "load it as what it is"],
    );

    fs::remove_file(folder.0.join("gzip/emnist-letters-test-labels-idx1-ubyte.gz")).unwrap();
    let message = emnist::load_from(&folder.0, "letters").err().unwrap().to_string();
    assert_says(&message, &["lacks emnist-letters-test-labels-idx1-ubyte"]);
}

#[test]
fn qmnists_labels_are_the_first_numbers_of_their_rows() {
    let folder = Folder::new("qmnist");
    for (part, labels) in [("train", vec![4, 2, 9]), ("test", vec![8])] {
        let count = labels.len() as u32;
        let header = [0, 0, 12, 2].into_iter().chain([count, 8].into_iter().flat_map(u32::to_be_bytes));
        let rows =
            labels.iter().flat_map(|&label| [label, 1, 2600, -1, 5, 6, 7, 8]).flat_map(i32::to_be_bytes);
        folder.write(
            &format!("qmnist-{part}-labels-idx2-int.gz"),
            &gz(&header.chain(rows).collect::<Vec<_>>()),
        );
        folder.write(
            &format!("qmnist-{part}-images-idx3-ubyte"),
            &idx_bytes(&[count, 2, 2], &vec![0; 4 * count as usize]),
        );
    }
    let data = qmnist::load_from(&folder.0).unwrap();
    assert_eq!((data.name.as_str(), data.x_train.size()), ("qmnist", vec![3, 2, 2]));
    assert_eq!(Vec::<i64>::try_from(&data.y_train).unwrap(), [4, 2, 9]);
    assert_eq!(Vec::<i64>::try_from(&data.y_test).unwrap(), [8]);
}

#[test]
fn what_is_there_instead_is_named() {
    let folder = Folder::new("nothing");
    assert_says(
        &folder.refusal(),
        &["holds no data set", "train-images-idx3-ubyte", "mnist.npz", "It is empty"],
    );
    for number in 0..8 {
        folder.write(&format!("holiday-{number}.jpg"), b"");
    }
    folder.write("Album/1.jpg", b"");
    folder.write(".hidden", b"");
    assert_says(&folder.refusal(), &["It has Album/, holiday-0.jpg", "and 3 more"]);
    let mnists_names = Folder::with_data("other-names");
    let message = emnist::load_from(&mnists_names.0, "digits").err().unwrap().to_string();
    assert_says(&message, &["a data set with MNIST's file names", "load_folder(\"folder\", \"name\")"]);
    let message = idx::load_folder(folder.0.join("holiday-0.jpg"), "x").err().unwrap().to_string();
    assert_says(&message, &["holiday-0.jpg is a file", "name the folder"]);
}

#[test]
fn of_several_data_sets_the_one_of_that_name_is_taken() {
    let folder = Folder::new("several");
    for set in ["FashionMNIST", "KMNIST"] {
        for (name, bytes) in NAMES.iter().zip(small_files()) {
            folder.write(&format!("{set}/raw/{name}"), &bytes);
        }
    }
    folder.write(&format!("KMNIST/raw/{}", NAMES[1]), &idx_bytes(&[3], &[1, 1, 1]));
    assert_is_small(&idx::load_folder(&folder.0, "fashion-mnist").unwrap());
    assert_eq!(idx::load_folder(&folder.0, "kmnist").unwrap().y_train, Tensor::from_slice(&[1_i64, 1, 1]));
    assert_says(&folder.refusal(), &["several data sets", "FashionMNIST", "KMNIST", "name its folder"]);

    let folder = Folder::new("several-splits");
    for (split, part) in [("digits", "train"), ("digits", "test"), ("letters", "train"), ("letters", "test")]
    {
        folder.write(&format!("emnist-{split}-{part}-images-idx3-ubyte"), &small_files()[0]);
        folder.write(&format!("emnist-{split}-{part}-labels-idx1-ubyte"), &small_files()[1]);
    }
    assert_says(&folder.refusal(), &["emnist-digits, emnist-letters", "emnist::load_from"]);
    assert_eq!(idx::load_folder(&folder.0, "emnist-digits").unwrap().name, "emnist-digits");
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

    // The same from Keras's format, whose content is checked like that of the files.
    let content = |images: &Tensor, labels: &Tensor| {
        let count = images.size()[0] as u32;
        let bytes =
            |tensor: &Tensor| Vec::<u8>::try_from(tensor.flatten(0, -1).to_kind(Kind::Uint8)).unwrap();
        [idx_bytes(&[count, 28, 28], &bytes(images)), idx_bytes(&[count], &bytes(labels))]
    };
    let [x_train, y_train] = content(&data.x_train, &data.y_train);
    let [x_test, y_test] = content(&data.x_test, &data.y_test);
    let mut files = [x_train, y_train, x_test, y_test];
    let folder = Folder::new("keras");
    folder.write("mnist.npz", &npz(&files));
    let same = mnist::load_from(&folder.0).unwrap();
    assert!(same.name == "mnist" && same.x_train == data.x_train && same.y_test == data.y_test);

    // One pixel is another: this is not MNIST.
    files[2][5000] ^= 1;
    folder.write("mnist.npz", &npz(&files));
    assert_says(&mnist::load_from(&folder.0).err().unwrap().to_string(), &["mnist.npz", "not MNIST's file"]);
}

#[test]
fn fashion_mnist_is_loaded_and_checked() {
    let folder = Folder::with_data("not-fashion");
    let message = fashion_mnist::load_from(&folder.0).unwrap_err().to_string();
    assert_says(&message, &["not Fashion-MNIST's file", "SHA-256", NAMES[0]]);
    let named = idx::load_folder(&folder.0, "fashion-mnist").unwrap();
    assert_eq!(named.class_name(7), "Sneaker");

    // Kaggle's images stand in an order of their own.
    let folder = Folder::new("fashion-csv");
    folder.write("fashion-mnist_train.csv", csv(10, 784).as_bytes());
    folder.write("fashion-mnist_test.csv", csv(2, 784).as_bytes());
    let data = fashion_mnist::load_from(&folder.0).unwrap();
    assert_eq!(data.name, "fashion-mnist (fashion-mnist_train.csv)");
    assert_eq!((data.x_train.size(), data.class_name(9).as_str()), (vec![10, 28, 28], "Ankle boot"));
    folder.write("fashion-mnist_test.csv", csv(11, 784).as_bytes());
    assert_says(
        &fashion_mnist::load_from(&folder.0).unwrap_err().to_string(),
        &["no file of Fashion-MNIST", "go up to 10"],
    );

    // A file without a name may be of any set.
    let folder = Folder::new("fashion-nameless");
    folder.write("train.csv", csv(10, 784).as_bytes());
    assert_says(
        &fashion_mnist::load_from(&folder.0).unwrap_err().to_string(),
        &["train.csv does not tell", "fashion-mnist_train.csv"],
    );
    fs::remove_file(folder.0.join("train.csv")).unwrap();
    assert_says(
        &fashion_mnist::load_from(&folder.0).unwrap_err().to_string(),
        &["train-images-idx3-ubyte", "fashion-mnist_train.csv with fashion-mnist_test.csv"],
    );

    let beside =
        std::env::var_os("CNN_DATA_DIR").map(|folder| PathBuf::from(folder).with_file_name("fashion-mnist"));
    let Some(folder) = beside.filter(|folder| folder.exists()) else {
        eprintln!("skipped: CNN_DATA_DIR does not name a folder that lies beside fashion-mnist");
        return;
    };
    let data = fashion_mnist::load_from(&folder).unwrap();
    assert_eq!((data.x_train.size(), data.x_test.size()), (vec![60_000, 28, 28], vec![10_000, 28, 28]));
    assert_eq!(data.class_name(data.y_train.int64_value(&[0])), "Ankle boot");
    assert_says(&mnist::load_from(&folder).unwrap_err().to_string(), &["not MNIST's file"]);
}

#[test]
fn synthetic_digits_are_a_data_set_of_their_own() {
    let data = mnist::synthetic_digits(30, 10, 1);
    assert_eq!((data.name.as_str(), data.x_train.size()), ("synthetic-digits", vec![30, 28, 28]));
    assert_eq!((data.y_test.size(), data.class_names.join("").as_str()), (vec![10], "0123456789"));
    assert_eq!(data.x_train, mnist::synthetic_digits(30, 10, 1).x_train);
    assert_ne!(data.x_train, mnist::synthetic_digits(30, 10, 2).x_train);
}
