//! The batches of CIFAR-10: of its binary version, records of a label and 3,072 pixels, and of its Python version, a pickled
//! dictionary of `data` and `labels`. Pixels are 1,024 red ones, 1,024 green and 1,024 blue, row by row.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>

use anyhow::{bail, ensure, Result};
use formats::numpy_pickle::{self, Pickled};

use crate::data::checksum::sha256;
use crate::data::dataset::{Images, Part};
use crate::engine::error::Context;

/// Rows, and columns, of an image.
pub(crate) const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
const RECORD: usize = 1 + PIXELS;
const AGAIN: &str = "Delete the file and download it again";

/// Reads a batch of either version: its first byte tells which, whatever the file is called.
pub(crate) fn parse(bytes: Vec<u8>) -> Result<Part> {
    // A pickle begins with this code, and a record with its label.
    let (labels, pixels) = match bytes.first() {
        Some(0x80) => pickled(&bytes)?,
        _ => records(bytes)?,
    };
    if let Some((record, label)) = labels.iter().enumerate().find(|(_, &label)| label > 9) {
        bail!(
            "image {} has the label {label}, and CIFAR-10's labels are 0 to 9: it is no batch of CIFAR-10, or a damaged one. {AGAIN}",
            record + 1
        );
    }
    Ok(Part { images: Images { channels: 3, height: SIDE, width: SIDE, pixels }, labels })
}

/// Labels and pixels of the binary version. The pixels move together in their own place: no second copy is needed.
fn records(mut bytes: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>)> {
    ensure!(
        !bytes.is_empty() && bytes.len().is_multiple_of(RECORD),
        "it has {} bytes, and a batch of CIFAR-10 is a number of records of {RECORD} bytes, a label and 3 × 32 × 32 pixels: it is \
         cut off, or of another kind. {AGAIN}",
        bytes.len()
    );
    let count = bytes.len() / RECORD;
    let mut labels = Vec::with_capacity(count);
    for record in 0..count {
        let start = record * RECORD;
        labels.push(bytes[start]);
        bytes.copy_within(start + 1..start + RECORD, record * PIXELS);
    }
    bytes.truncate(count * PIXELS);
    Ok((labels, bytes))
}

/// Labels and pixels of the Python version.
fn pickled(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut read = numpy_pickle::read(bytes)?;
    let keys: Vec<String> = read.iter().map(|(key, _)| format!("{key:?}")).collect();
    let mut take = |wanted: &str| {
        let at = read.iter().position(|(key, _)| key == wanted);
        at.map(|at| read.swap_remove(at).1).with_context(|| {
            format!(
                "the pickle has no {wanted:?}, only {}: it is no batch of CIFAR-10. Check the path",
                keys.join(", ")
            )
        })
    };
    let (data, labels) = (take("data")?, take("labels")?);
    let (Pickled::Bytes { shape, bytes: pixels }, Pickled::Numbers(labels)) = (data, labels) else {
        bail!("its \"data\" is no array of bytes, or its \"labels\" no list of numbers: it is no batch of CIFAR-10. {AGAIN}");
    };
    ensure!(
        shape == [labels.len(), PIXELS] && !labels.is_empty(),
        "its \"data\" has the shape {shape:?}, and it has {} labels, where [{}, {PIXELS}] is expected. {AGAIN}",
        labels.len(),
        labels.len()
    );
    // What is no byte is no label either.
    let labels = labels.iter().map(|&label| u8::try_from(label).unwrap_or(u8::MAX)).collect();
    Ok((labels, pixels))
}

/// The SHA-256 of a batch as it stands in the binary version.
pub(crate) fn hash(part: &Part) -> String {
    let images = part.images.pixels.chunks_exact(PIXELS);
    sha256(part.labels.chunks_exact(1).zip(images).flat_map(|(label, image)| [label, image]))
}

/// A batch as it stands in the binary version.
pub(crate) fn to_records(part: &Part) -> Vec<u8> {
    let images = part.images.pixels.chunks_exact(PIXELS);
    part.labels
        .chunks_exact(1)
        .zip(images)
        .flat_map(|(label, image)| [label, image])
        .collect::<Vec<_>>()
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records with these labels; each pixel is its place, so that red begins with 0 and green with 1,024 % 251 = 20.
    fn batch(labels: &[u8]) -> Vec<u8> {
        let pixels: Vec<u8> = (0..PIXELS).map(|place| (place % 251) as u8).collect();
        labels.iter().flat_map(|&label| [vec![label], pixels.clone()].concat()).collect()
    }

    /// What Python 2 writes of a batch.
    fn pickle(labels: &[u8], count: u16, pixels: &[u8]) -> Vec<u8> {
        let list: Vec<u8> = labels.iter().flat_map(|&label| [b'K', label]).collect();
        [
            b"\x80\x02}q\x01(U\x06labelsq\x04]q\x05(",
            list.as_slice(),
            b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01M",
            &count.to_le_bytes(),
            b"M\x00\x0c\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
            &(pixels.len() as u32).to_le_bytes(),
            pixels,
            b"tbu.",
        ]
        .concat()
    }

    #[test]
    fn both_versions_are_read() {
        let bytes = batch(&[3, 9]);
        let part = parse(bytes.clone()).unwrap();
        assert_eq!((part.labels.as_slice(), part.images.count()), (&[3, 9][..], 2));
        assert_eq!(part.images.pixels[PIXELS + 1024], (1024 % 251) as u8);
        assert_eq!(part.images.pixels[2 * PIXELS - 1], (3071 % 251) as u8);
        assert_eq!(to_records(&part), bytes);
        assert_eq!(hash(&part), sha256([bytes.as_slice()]));
        assert_eq!(parse(pickle(&[3, 9], 2, &part.images.pixels)).unwrap(), part);
    }

    #[test]
    fn bad_batches_are_refused_with_what_was_found() {
        let refused = |bytes: Vec<u8>| format!("{:#}", parse(bytes).unwrap_err());
        for (message, expected) in [
            (
                refused(batch(&[1, 2])[..6000].to_vec()),
                "6000 bytes, and a batch of CIFAR-10 is a number of records of 3073",
            ),
            (refused(Vec::new()), "0 bytes"),
            (refused(batch(&[1, 10, 2])), "image 2 has the label 10"),
            (refused(pickle(&[1, 200], 2, &[0; 2 * PIXELS])), "image 2 has the label 200"),
            (refused(pickle(&[1], 2, &[0; 2 * PIXELS])), "[2, 3072], and it has 1 labels"),
            (refused(pickle(&[1, 2], 2, &[0; 2 * PIXELS])[..5000].to_vec()), "cut off"),
            (refused(b"\x80\x02}q\x01(U\x0bfine_labels]u.".to_vec()), "no \"data\", only \"fine_labels\""),
            (refused(b"\x80\x02cos\nsystem\nU\x04echo\x85R.".to_vec()), "would call os.system"),
        ] {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
