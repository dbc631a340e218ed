//! The IDX format of MNIST and its relatives: a header of big-endian numbers, then one byte per pixel or label.
//!
//! Source: LeCun, Cortes and Burges, *The MNIST database of handwritten digits*. QMNIST's labels are rows of 32-bit
//! numbers, of which the first is the class (Yadav and Bottou, *Cold Case: the Lost MNIST Digits*).

use anyhow::{ensure, Result};

use crate::data::dataset::{Images, Part};
use crate::data::source::Source;
use crate::engine::error::Context;

const IMAGES_MAGIC: u32 = 0x0803; // unsigned bytes, 3 dimensions
const LABELS_MAGIC: u32 = 0x0801; // unsigned bytes, 1 dimension
const TABLE_MAGIC: u32 = 0x0c02; // 32-bit integers, 2 dimensions

/// Reads a file of images and the file of their labels.
pub(crate) fn read(images: &Source, labels: &Source) -> Result<Part> {
    let parsed = parse_images(images.read()?).with_context(|| images.to_string())?;
    let numbers = parse_labels(labels.read()?).with_context(|| labels.to_string())?;
    ensure!(
        parsed.count() == numbers.len(),
        "{images} holds {} images, and {labels} holds {} labels; they do not belong together. \
         Take both from the same data set",
        parsed.count(),
        numbers.len()
    );
    Ok(Part { images: parsed, labels: numbers })
}

/// The beginning of a file that holds these images; their pixels follow it.
pub(crate) fn images_header(images: &Images) -> Vec<u8> {
    let sides = [images.count(), images.height, images.width].map(|side| side as u32);
    [&[IMAGES_MAGIC], &sides[..]].concat().iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The beginning of a file that holds these labels; they follow it.
pub(crate) fn labels_header(labels: &[u8]) -> Vec<u8> {
    [LABELS_MAGIC, labels.len() as u32].map(u32::to_be_bytes).concat()
}

/// Reads images: magic number, count, height, width, then `count · height · width` pixels.
fn parse_images(mut bytes: Vec<u8>) -> Result<Images> {
    let ([count, height, width], pixels) = header::<3>(&bytes, IMAGES_MAGIC, "images")?;
    ensure!(
        height > 0 && width > 0,
        "its header says that images have {height}×{width} pixels; the file is damaged. \
         Delete it and download it again"
    );
    check_length(pixels, &[count, height, width])?;
    ensure!(count > 0, "it holds no images. Delete it and download it again");
    bytes.drain(..16); // in place: a copy of EMNIST's largest file would be half a gigabyte
    Ok(Images::grey(height, width, bytes))
}

/// Reads labels: magic number, count, then one byte per label; or QMNIST's rows.
fn parse_labels(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.starts_with(&TABLE_MAGIC.to_be_bytes()) {
        return parse_table(&bytes);
    }
    let ([count], labels) = header::<1>(&bytes, LABELS_MAGIC, "labels")?;
    check_length(labels, &[count])?;
    Ok(labels.to_vec())
}

/// Reads QMNIST's labels: magic number, count, numbers in a row; then `count` rows, the class in front.
fn parse_table(bytes: &[u8]) -> Result<Vec<u8>> {
    let ([count, columns], numbers) = header::<2>(bytes, TABLE_MAGIC, "labels")?;
    ensure!(
        columns > 0,
        "its header says that labels have no columns; the file is damaged. Delete it and download it again"
    );
    check_length(numbers, &[count, columns, 4])?;
    let rows = numbers.chunks_exact(4 * columns).enumerate();
    rows.map(|(row, numbers)| {
        let class = i32::from_be_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]);
        let label = u8::try_from(class);
        label.with_context(|| {
            format!(
                "label {} is {class}, and classes are 0 to 255; the file is damaged. \
                 Delete it and download it again",
                row + 1
            )
        })
    })
    .collect()
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
        LABELS_MAGIC | TABLE_MAGIC => "; this is a file of labels",
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

    fn images(count: u32, pixels: usize) -> Vec<u8> {
        let header = [IMAGES_MAGIC, count, 2, 3].map(u32::to_be_bytes).concat();
        [header, vec![7; pixels]].concat()
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        [labels_header(labels), labels.to_vec()].concat()
    }

    fn table(columns: u32, numbers: &[i32]) -> Vec<u8> {
        let header = [TABLE_MAGIC, numbers.len() as u32 / columns, columns].map(u32::to_be_bytes).concat();
        [header, numbers.iter().flat_map(|number| number.to_be_bytes()).collect()].concat()
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn good_files_are_read() {
        let read = parse_images(images(4, 24)).unwrap();
        assert_eq!((read.count(), read.height, read.width), (4, 2, 3));
        assert_eq!([images_header(&read), read.pixels].concat(), images(4, 24));
        assert_eq!(parse_labels(labels(&[3, 0, 61])).unwrap(), [3, 0, 61]);
        assert_eq!(parse_labels(table(8, &[7; 24])).unwrap(), [7, 7, 7]);
        assert_eq!(parse_labels(table(2, &[1, -5, 2, 300])).unwrap(), [1, 2]);
    }

    #[test]
    fn bad_files_are_refused_with_what_was_found() {
        let cases = [
            (refusal(parse_images(images(4, 23))), "announces 4 × 2 × 3 bytes, and 23 follow"),
            (refusal(parse_images(images(4, 25))), "and 25 follow"),
            (refusal(parse_images(images(0, 0))), "holds no images"),
            (refusal(parse_images(labels(&[1; 20]))), "this is a file of labels"),
            (refusal(parse_labels(images(4, 24))), "this is a file of images"),
            (refusal(parse_images(vec![0; 20])), "0x00000000"),
            (refusal(parse_images(vec![0, 0, 8])), "too few for the 16"),
            (refusal(parse_labels(table(2, &[1, 2, -1, 4]))), "label 2 is -1"),
            (refusal(parse_labels(table(2, &[1, 2, 3, 4])[..20].to_vec())), "2 × 2 × 4 bytes, and 8 follow"),
            (
                refusal(parse_images([[0, 0, 8, 3].as_slice(), &[255; 12]].concat())),
                "4294967295 × 4294967295",
            ),
        ];
        for (message, expected) in cases {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
