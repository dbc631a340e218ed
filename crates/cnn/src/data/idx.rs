//! The IDX format of MNIST and its relatives: a header of big-endian numbers, then one byte per pixel or label.
//!
//! Source: LeCun, Cortes and Burges, *The MNIST database of handwritten digits*.

use anyhow::{bail, ensure, Result};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::dataset::{Dataset, Images};
use crate::engine::error::Context;
use crate::engine::files::explain;

/// The four files of a data set, as MNIST names them.
pub(crate) const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

const IMAGES_MAGIC: u32 = 0x0803; // unsigned bytes, 3 dimensions
const LABELS_MAGIC: u32 = 0x0801; // unsigned bytes, 1 dimension

/// Decompressed, no file of such a data set has more bytes than this: EMNIST's largest has half of it. Ten megabytes
/// of gzip can hold ten gigabytes of zeros, which must not fill the memory.
const LARGEST_CONTENT: usize = 1 << 30;

/// Loads any data set in MNIST's format with up to ten classes, Fashion-MNIST for example, from the folder that holds its four
/// files, gzipped or not. Unlike [`mnist::load_data`](super::mnist::load_data) it does not check which set it is.
///
/// # Errors
/// If a file is missing or damaged, or images and labels differ in number.
pub fn load_folder(folder: impl AsRef<Path>, name: &str) -> Result<Dataset> {
    let files = read_folder(folder.as_ref())?;
    parse(name, &files)
}

/// A file's path and its bytes, without compression.
pub(crate) type File = (PathBuf, Vec<u8>);

/// Reads the four files of a folder.
pub(crate) fn read_folder(folder: &Path) -> Result<[File; 4]> {
    ensure!(folder.is_dir(), "there is no folder {}; check the path", folder.display());
    let missing: Vec<&str> = FILES.into_iter().filter(|name| find(folder, name).is_none()).collect();
    ensure!(
        missing.is_empty(),
        "{} lacks {} (with or without .gz); a data set is four files: {}",
        folder.display(),
        missing.join(" and "),
        FILES.join(", ")
    );
    let files: Vec<File> = FILES
        .into_iter()
        .map(|name| {
            let path = find(folder, name).with_context(|| format!("{name} disappeared while it was read"))?;
            let bytes = read_file(&path)?;
            Ok((path, bytes))
        })
        .collect::<Result<_>>()?;
    files.try_into().ok().context("a data set is four files")
}

/// The file with or without `.gz`; some archives write `idx3` after a dot.
pub(crate) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    let names = [name.to_string(), format!("{name}.gz"), dotted.clone(), format!("{dotted}.gz")];
    names.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

/// Reads a file and, if it is compressed, decompresses it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let bytes =
        std::fs::read(path).map_err(|error| explain(error, &format!("{} cannot be read", path.display())))?;
    decompress(bytes).with_context(|| path.display().to_string())
}

/// The bytes without compression, which is known by its first two bytes, whatever the file is called.
pub(crate) fn decompress(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    ensure!(
        !start.contains("<html") && !start.contains("<!doctype"),
        "this is a web page, not data: the server sent an error or a login page under the file's name. \
         Delete it and download the file again"
    );
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    gunzip(&bytes, LARGEST_CONTENT)
}

fn gunzip(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    match GzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut content) {
        Ok(length) if length > most => bail!(
            "its {} compressed bytes hold more than {most}; this is no file of a data set. \
             Delete it and download it again",
            bytes.len()
        ),
        Ok(_) => Ok(content),
        Err(error) => bail!(
            "the compressed file is damaged or cut off after {} bytes ({error}). \
             Delete it and download it again",
            bytes.len()
        ),
    }
}

/// Makes a data set of the four files' bytes.
pub(crate) fn parse(name: &str, files: &[File; 4]) -> Result<Dataset> {
    let pair = |images: &File, labels: &File| -> Result<(Images, Vec<u8>)> {
        let parsed = parse_images(&images.1).with_context(|| images.0.display().to_string())?;
        let numbers = parse_labels(&labels.1).with_context(|| labels.0.display().to_string())?;
        ensure!(
            parsed.count() == numbers.len(),
            "{} holds {} images, and {} holds {} labels; they do not belong together. \
             Take both from the same data set",
            images.0.display(),
            parsed.count(),
            labels.0.display(),
            numbers.len()
        );
        Ok((parsed, numbers))
    };
    let [train_images, train_labels, test_images, test_labels] = files;
    let train = pair(train_images, train_labels)?;
    let test = pair(test_images, test_labels)?;
    Ok(Dataset::from_bytes(name, (&train.0, &train.1), (&test.0, &test.1)))
}

/// Reads images: magic number, count, height, width, then `count · height · width` pixels.
pub(crate) fn parse_images(bytes: &[u8]) -> Result<Images> {
    let ([count, height, width], pixels) = header::<3>(bytes, IMAGES_MAGIC, "images")?;
    ensure!(
        height > 0 && width > 0,
        "its header says that images have {height}×{width} pixels; the file is damaged. \
         Delete it and download it again"
    );
    check_length(pixels, &[count, height, width])?;
    ensure!(count > 0, "it holds no images. Delete it and download it again");
    Ok(Images { height, width, pixels: pixels.to_vec() })
}

/// Reads labels: magic number, count, then one byte per label, 0 to 9.
pub(crate) fn parse_labels(bytes: &[u8]) -> Result<Vec<u8>> {
    let ([count], labels) = header::<1>(bytes, LABELS_MAGIC, "labels")?;
    check_length(labels, &[count])?;
    if let Some(position) = labels.iter().position(|&label| label > 9) {
        bail!(
            "label {} is {}, and the ten classes are 0 to 9; the file is damaged (delete it and \
             download it again), or belongs to a data set with more classes",
            position + 1,
            labels[position]
        );
    }
    Ok(labels.to_vec())
}

/// The header's numbers and the bytes after it.
fn header<'a, const N: usize>(bytes: &'a [u8], magic: u32, kind: &str) -> Result<([usize; N], &'a [u8])> {
    let length = 4 * (N + 1);
    ensure!(
        bytes.len() >= length,
        "it has {} bytes, too few for the {length} of a header; the file is cut off. Delete it and download it again",
        bytes.len()
    );
    let number = |index: usize| {
        let start = 4 * index;
        u32::from_be_bytes([bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]])
    };
    let found = number(0);
    let other = match found {
        IMAGES_MAGIC => "; this is a file of images",
        LABELS_MAGIC => "; this is a file of labels",
        _ => "",
    };
    ensure!(
        found == magic,
        "its first four bytes are {found:#010x}, where a file of {kind} has {magic:#010x}{other}. \
         Check that it is the file that its name says"
    );
    Ok((std::array::from_fn(|index| number(index + 1) as usize), &bytes[length..]))
}

fn check_length(content: &[u8], sides: &[usize]) -> Result<()> {
    // A damaged header may name numbers whose product is beyond 64 bits.
    let wanted = sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    let sides = sides.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    ensure!(
        wanted == Some(content.len()),
        "its header announces {sides} bytes, and {} follow; the file is cut off or damaged. \
         Delete it and download it again",
        content.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;

    fn images(count: u32, pixels: usize) -> Vec<u8> {
        let header = [IMAGES_MAGIC, count, 2, 3].map(u32::to_be_bytes).concat();
        [header, vec![7; pixels]].concat()
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        let header = [LABELS_MAGIC, labels.len() as u32].map(u32::to_be_bytes).concat();
        [header, labels.to_vec()].concat()
    }

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn good_files_are_read() {
        let read = parse_images(&images(4, 24)).unwrap();
        assert_eq!((read.count(), read.height, read.width), (4, 2, 3));
        assert_eq!(read.tensor().size(), [4, 2, 3]);
        assert_eq!(parse_labels(&labels(&[3, 0, 9])).unwrap(), [3, 0, 9]);
        assert_eq!(gunzip(&gz(&[7; 1000]), 1000).unwrap(), [7; 1000]);
    }

    #[test]
    fn bad_files_are_refused_with_what_was_found() {
        let cases = [
            (refusal(parse_images(&images(4, 23))), "announces 4 × 2 × 3 bytes, and 23 follow"),
            (refusal(parse_images(&images(4, 25))), "and 25 follow"),
            (refusal(parse_images(&images(0, 0))), "holds no images"),
            (refusal(parse_images(&labels(&[1; 20]))), "this is a file of labels"),
            (refusal(parse_labels(&images(4, 24))), "this is a file of images"),
            (refusal(parse_images(&[0; 20])), "0x00000000"),
            (refusal(parse_images(&[0, 0, 8])), "too few for the 16"),
            (refusal(parse_labels(&labels(&[1, 10]))), "label 2 is 10"),
            (
                refusal(parse_images(&[[0, 0, 8, 3].as_slice(), &[255; 12]].concat())),
                "4294967295 × 4294967295",
            ),
            (refusal(decompress(b"<!DOCTYPE html><html>404".to_vec())), "web page"),
            (refusal(decompress(vec![0x1f, 0x8b, 8, 0, 0])), "cut off after 5 bytes"),
            (refusal(gunzip(&gz(&[0; 1001]), 1000)), "hold more than 1000"),
        ];
        for (message, expected) in cases {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
