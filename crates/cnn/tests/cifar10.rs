//! Loading CIFAR-10 from folders and archives of both versions, and each way in which they can be bad. The batches here have few
//! records, so that they are a part of CIFAR-10, which is loaded without being checked by its hashes.

use cnn::data::{cifar10, Dataset};
use flate2::{write::GzEncoder, Compression};
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

const PIXELS: usize = 3 * 32 * 32;
const BATCHES: [&str; 6] =
    ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];

/// A folder that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("cnn-cifar10-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Writes a file, and the folders that its name has in front.
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn refusal(&self) -> String {
        cifar10::load_from(&self.0).unwrap_err().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An image's pixels: red, green and blue are each of one shade, which the label tells.
fn image(label: u8) -> Vec<u8> {
    [1, 2, 3].iter().flat_map(|colour| [colour * 20 + label; PIXELS / 3]).collect()
}

/// A batch of the binary version.
fn binary(labels: &[u8]) -> Vec<u8> {
    labels.iter().flat_map(|&label| [vec![label], image(label)].concat()).collect()
}

/// A batch of the Python version, as Python 2 and NumPy wrote it.
fn pickled(labels: &[u8]) -> Vec<u8> {
    let list: Vec<u8> = labels.iter().flat_map(|&label| [b'K', label]).collect();
    let pixels: Vec<u8> = labels.iter().flat_map(|&label| image(label)).collect();
    [
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(",
        list.as_slice(),
        b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01M",
        &(labels.len() as u16).to_le_bytes(),
        b"M\x00\x0c\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
        &(pixels.len() as u32).to_le_bytes(),
        &pixels,
        b"tbU\x09filenamesq\x0c]q\x0d(U\x05a.pngq\x0eU\x05b.pngq\x0feu.",
    ]
    .concat()
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, Default::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An archive of files, as tar writes it.
fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o} ", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// All six batches in a folder of that name: two images in each training batch, one in the test set's.
fn six(folder: &str, ending: &str, batch: fn(&[u8]) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let labels: [&[u8]; 6] = [&[0, 9], &[1, 8], &[2, 7], &[3, 6], &[4, 5], &[9]];
    let files = BATCHES.iter().zip(labels);
    files.map(|(name, labels)| (format!("{folder}{name}{ending}"), batch(labels))).collect()
}

#[track_caller]
fn assert_is_six(data: &Dataset) {
    assert_eq!(data.name, "cifar10 (10 of 50,000 images)");
    assert_eq!((data.x_train.size(), data.x_test.size()), (vec![10, 3, 32, 32], vec![1, 3, 32, 32]));
    assert_eq!(Vec::<i64>::try_from(&data.y_train).unwrap(), [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
    assert_eq!(Vec::<i64>::try_from(&data.y_test).unwrap(), [9]);
    for (number, label) in [(1, 9), (9, 5)] {
        let pixels = Vec::<u8>::try_from(data.x_train.get(number).flatten(0, -1)).unwrap();
        assert_eq!(pixels, image(label), "image {number}");
    }
    assert_eq!(data.class_name(data.y_test.int64_value(&[0])), "truck");
}

#[track_caller]
fn assert_says(message: &str, expected: &[&str]) {
    for words in expected {
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

#[test]
fn batches_are_found_however_they_were_unpacked() {
    for (number, (folder, ending, batch)) in [
        ("", ".bin", binary as fn(&[u8]) -> Vec<u8>),
        ("cifar-10-batches-bin/", ".bin", binary),
        ("cifar-10-batches-py/", "", pickled),
        ("cifar-10-batches-py-target/cifar-10-batches-py/", "", pickled), // Keras 3
        ("versions/1/", ".bin", binary),
        ("", ".bin", pickled), // what is in a file counts, not its name
        ("", "", binary),
    ]
    .into_iter()
    .enumerate()
    {
        let there = Folder::new(&format!("layout-{number}"));
        for (name, bytes) in six(folder, ending, batch) {
            there.write(&name, &bytes);
        }
        assert_is_six(&cifar10::load_from(&there.0).unwrap());
    }
}

#[test]
fn archives_need_not_be_unpacked() {
    let py = six("cifar-10-batches-py/", "", pickled);
    let bin = six("cifar-10-batches-bin/", ".bin", binary);
    for (name, bytes) in [
        ("cifar-10-python.tar.gz", gz(&tar(&py))),
        ("cifar-10-binary.tar.gz", gz(&tar(&bin))),
        ("cifar-10-batches-py-target_archive", gz(&tar(&py))), // as Keras 3 calls it
        ("cifar-10-binary.tar", tar(&bin)),
        ("archive.zip", zip(&py)),
    ] {
        let folder = Folder::new(name);
        folder.write(name, &bytes);
        assert_is_six(&cifar10::load_from(&folder.0).unwrap());
        assert_is_six(&cifar10::load_from(folder.0.join(name)).unwrap());
        // A part of what the archive holds does not go before it.
        folder.write("cifar-10/data_batch_1.bin", &binary(&[7]));
        folder.write("cifar-10/test_batch.bin", &binary(&[7]));
        assert_is_six(&cifar10::load_from(&folder.0).unwrap());
    }
}

#[test]
fn a_part_is_loaded_as_what_it_is() {
    let folder = Folder::new("part");
    folder.write("data_batch_3.bin.gz", &gz(&binary(&[3, 1])));
    folder.write("test_batch", &pickled(&[4]));
    let data = cifar10::load_from(&folder.0).unwrap();
    assert_eq!(data.name, "cifar10 (2 of 50,000 images)");
    assert_eq!((data.x_train.size(), data.x_test.size()), (vec![2, 3, 32, 32], vec![1, 3, 32, 32]));
    assert_eq!(data.class_names[..2], ["airplane", "automobile"]);
    assert_eq!(data.x_train.int64_value(&[1, 2, 31, 31]), 61);

    fs::remove_file(folder.0.join("test_batch")).unwrap();
    assert_says(&folder.refusal(), &["has some of CIFAR-10's batches", "lacks data_batch_1", "test_batch."]);
}

#[test]
fn damaged_batches_are_named_with_what_was_found() {
    let code = b"\x80\x02cposix\nsystem\nU\x04echo\x85R.";
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("data_batch_1.bin", binary(&[1, 2])[..5000].to_vec(), &["data_batch_1.bin", "5000 bytes", "3073"]),
        ("data_batch_1.bin", binary(&[1, 2, 77]), &["data_batch_1.bin", "image 3 has the label 77"]),
        ("test_batch.bin", Vec::new(), &["test_batch.bin", "0 bytes"]),
        ("test_batch.bin", b"<!DOCTYPE html><html>404</html>".to_vec(), &["test_batch.bin", "web page"]),
        (
            "data_batch_1.bin",
            gz(&binary(&[1, 2]))[..40].to_vec(),
            &["data_batch_1.bin", "cut off after 40 bytes"],
        ),
        (
            "data_batch_1.bin",
            code.to_vec(),
            &["data_batch_1.bin", "would call posix.system", "not done here"],
        ),
        ("data_batch_1.bin", pickled(&[1, 2])[..4000].to_vec(), &["data_batch_1.bin", "cut off"]),
        ("data_batch_1.bin", b"\x80\x02}U\x0bfine_labels]s.".to_vec(), &["data_batch_1.bin", "fine_labels"]),
    ];
    for (number, (name, bytes, expected)) in cases.iter().enumerate() {
        let folder = Folder::new(&format!("damaged-{number}"));
        folder.write("data_batch_1.bin", &binary(&[1, 2]));
        folder.write("test_batch.bin", &binary(&[3]));
        folder.write(name, bytes);
        assert_says(&folder.refusal(), expected);
    }
}

#[test]
fn whole_batches_are_checked_by_their_hashes() {
    let folder = Folder::new("hash");
    folder.write("data_batch_2.bin", &binary(&[0; 10_000]));
    folder.write("test_batch.bin", &binary(&[3]));
    assert_says(
        &folder.refusal(),
        &["data_batch_2.bin", "not the images of CIFAR-10's data_batch_2", "SHA-256"],
    );
    folder.write("data_batch_2.bin", &binary(&[0; 10_001]));
    assert_says(&folder.refusal(), &["data_batch_2.bin", "10001 images"]);
}

#[test]
fn damaged_archives_are_named_with_what_was_found() {
    let whole = tar(&six("cifar-10-batches-bin/", ".bin", binary));
    let cases: [(Vec<u8>, &[&str]); 5] = [
        (gz(&whole)[..100].to_vec(), &["damaged or cut off"]),
        (whole[..20_000].to_vec(), &["damaged or cut off"]),
        (b"<html>login</html>".to_vec(), &["web page"]),
        (tar(&six("", ".bin", binary)[..4]), &["4 of CIFAR-10's 6 batches"]),
        (vec![b'x'; 4096], &["no archive of tar"]),
    ];
    for (number, (bytes, expected)) in cases.iter().enumerate() {
        let folder = Folder::new(&format!("archive-{number}"));
        folder.write("cifar-10-binary.tar.gz", bytes);
        let message = folder.refusal();
        assert_says(&message, expected);
        assert_says(&message, &["cifar-10-binary.tar.gz"]);
    }
}

#[test]
fn what_is_there_instead_is_named() {
    let folder = Folder::new("nothing");
    folder.write("holiday.jpg", b"");
    folder.write("cifar-100-python.tar.gz", b"");
    assert_says(
        &folder.refusal(),
        &["holds no CIFAR-10", "data_batch_1.bin to", "It has cifar-100-python.tar.gz, holiday.jpg"],
    );
    assert_says(
        &cifar10::load_from("/no/such/folder").unwrap_err().to_string(),
        &["there is no folder /no/such/folder"],
    );
    folder.write("data_batch_1.bin", &binary(&[1]));
    assert_says(
        &cifar10::load_from(folder.0.join("data_batch_1.bin")).unwrap_err().to_string(),
        &["is a file", "name the folder"],
    );
}

#[test]
fn cifar_10_itself_is_loaded() {
    let beside =
        std::env::var_os("CNN_DATA_DIR").map(|folder| PathBuf::from(folder).with_file_name("cifar-10"));
    let Some(folder) = beside.filter(|folder| folder.exists()) else {
        eprintln!("skipped: CNN_DATA_DIR does not name a folder that lies beside cifar-10");
        return;
    };
    let data = cifar10::load_from(folder).unwrap();
    assert!(data.name.starts_with("cifar10"));
    let first = |labels: &cnn::tch::Tensor| data.class_name(labels.int64_value(&[0]));
    assert_eq!((first(&data.y_train), first(&data.y_test)), ("frog".to_string(), "cat".to_string()));
    // The first pixel, as other libraries read it.
    let pixel = |channel: i64| data.x_train.int64_value(&[0, channel, 0, 0]);
    assert_eq!([pixel(0), pixel(1), pixel(2)], [59, 62, 63]);
}
