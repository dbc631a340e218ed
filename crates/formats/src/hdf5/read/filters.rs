//! Filters: what a chunk of numbers went through before it was stored.

use anyhow::{ensure, Context, Result};
use flate2::read::ZlibDecoder;
use std::io::Read;

use super::super::checksum::fletcher32;
use crate::bytes::Reader;

/// A filter, and what it was told.
pub(super) struct Filter {
    id: u16,
    values: Vec<u32>,
}

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER: u16 = 3;

/// Those that people meet, by HDF5's register.
const NAMES: [(u16, &str); 9] = [
    (4, "szip"),
    (5, "nbit"),
    (6, "scaleoffset"),
    (307, "bzip2"),
    (32000, "lzf"),
    (32001, "blosc"),
    (32004, "lz4"),
    (32015, "zstd"),
    (32026, "blosc2"),
];

/// The filters of a dataset, in the order in which they were applied.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Filter>> {
    let mut reader = Reader::new(body);
    let (version, count) = (reader.u8()?, reader.u8()?);
    ensure!(version == 1 || version == 2, "filters of version {version} are not known, 1 and 2 are");
    reader.take(if version == 1 { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = reader.u16()?;
        let name = if version == 1 || id >= 256 { usize::from(reader.u16()?) } else { 0 };
        let (_flags, values) = (reader.u16()?, reader.u16()?);
        reader.take(if version == 1 { name.next_multiple_of(8) } else { name })?;
        let values: Vec<u32> = (0..values).map(|_| reader.u32()).collect::<Result<_>>()?;
        reader.take(if version == 1 && values.len() % 2 == 1 { 4 } else { 0 })?;
        filters.push(Filter { id, values });
    }
    Ok(filters)
}

/// The first filter that is not known here, in words.
pub(super) fn unknown(filters: &[Filter]) -> Option<String> {
    let filter = filters.iter().find(|filter| !matches!(filter.id, DEFLATE | SHUFFLE | FLETCHER))?;
    let name = NAMES.iter().find(|(id, _)| *id == filter.id).map_or("of a plugin", |(_, name)| name);
    Some(format!(
        "it is compressed with filter {} ({name}); save it without compression, or with gzip",
        filter.id
    ))
}

/// A chunk as it was, `size` bytes. Bits of `skipped` name the filters that it did not go through.
pub(super) fn undo(filters: &[Filter], skipped: u32, stored: &[u8], size: usize) -> Result<Vec<u8>> {
    // What is between two filters may be longer by checksums.
    let most = size.saturating_add(4 * filters.len());
    let mut bytes = stored.to_vec();
    for (index, filter) in filters.iter().enumerate().rev() {
        if skipped.checked_shr(index as u32).unwrap_or(0) & 1 == 1 {
            continue;
        }
        match filter.id {
            DEFLATE => bytes = inflate(&bytes, most)?,
            SHUFFLE => bytes = unshuffle(bytes, filter.values.first().map_or(1, |&size| size as usize)),
            _ => {
                let (content, sum) =
                    bytes.split_last_chunk::<4>().context("it is too short to have a checksum")?;
                let fits = cfg!(fuzzing) || fletcher32(content) == u32::from_le_bytes(*sum);
                ensure!(fits, "its checksum does not fit: the file is damaged. Copy or download it again");
                bytes.truncate(content.len());
            }
        }
    }
    ensure!(bytes.len() == size, "it has {} bytes, and {size} are expected", bytes.len());
    Ok(bytes)
}

fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let unpacked = ZlibDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut content);
    unpacked.context("its compressed bytes are damaged. Copy or download the file again")?;
    ensure!(content.len() <= most, "it unpacks to more than the {most} bytes that it should have");
    Ok(content)
}

/// Shuffling puts the first bytes of all elements first, then their second bytes, and so on. What is left over stays at the end.
fn unshuffle(bytes: Vec<u8>, size: usize) -> Vec<u8> {
    let count = bytes.len().checked_div(size).unwrap_or(0);
    if size < 2 || count < 2 {
        return bytes;
    }
    let mut whole = vec![0; bytes.len()];
    for (byte, plane) in bytes.chunks_exact(count).take(size).enumerate() {
        for (element, &value) in whole.chunks_exact_mut(size).zip(plane) {
            element[byte] = value;
        }
    }
    let end = count * size;
    whole[end..].copy_from_slice(&bytes[end..]);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_bytes_are_put_back() {
        assert_eq!(unshuffle(vec![1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(unshuffle(vec![1, 2, 3], 0), [1, 2, 3]);
        assert_eq!(unshuffle(vec![1, 2, 3], 4), [1, 2, 3]);
    }

    #[test]
    fn unknown_filters_are_named() {
        let body = [2, 1, 1, 0x7d, 2, 0, 0, 0, 1, 0, b'b', 0, 9, 0, 0, 0];
        let filters = parse(&body).unwrap();
        assert_eq!(filters[0].values, [9]);
        assert!(unknown(&filters).unwrap().contains("32001 (blosc)"));
    }
}
