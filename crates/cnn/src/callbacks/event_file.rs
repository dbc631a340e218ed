//! TensorBoard's event files, as far as scalars and histograms need them: TFRecords of protobuf messages.
//!
//! Sources: `tensorflow/core/lib/io/record_writer.h`; `event.proto`, `summary.proto` and `histogram.proto` in
//! `tensorboard/compat/proto/`.

use anyhow::Result;
use formats::protobuf::Message;
use std::array::from_fn;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::files::explain;

const BUCKETS: usize = 30;

/// A file to which events are added.
#[derive(Debug, Clone)]
pub(super) struct EventFile {
    pub folder: PathBuf,
    pub name: String,
    /// How many bytes this training has written.
    pub length: u64,
}

impl EventFile {
    /// Nothing is written before the first event.
    pub fn new(folder: PathBuf) -> Self {
        // TensorBoard reads a folder's files in the order of their names: the newest comes last.
        let (now, process) = (since_1970(), std::process::id());
        let name =
            format!("events.out.tfevents.{:010}.{:09}.{process}.v2", now.as_secs(), now.subsec_nanos());
        EventFile { folder, name, length: 0 }
    }

    /// Adds values, each made by [`scalar`] or [`histogram`], at `step`.
    pub fn add(&mut self, step: usize, values: &[Message]) -> Result<()> {
        let path = self.folder.join(&self.name);
        if std::fs::metadata(&path).map_or(true, |found| found.len() < self.length) {
            self.length = 0; // somebody has removed what was there
        }
        let time = since_1970().as_secs_f64();
        let summary =
            values.iter().fold(Message::default(), |summary, value| summary.bytes(1, value.bytes_of()));
        let event = Message::default().double(1, time).varint(2, step as u64).bytes(5, summary.bytes_of());
        let mut records = record(event.bytes_of());
        if self.length == 0 {
            let version = Message::default().double(1, time).bytes(3, b"brain.Event:2");
            records = [record(version.bytes_of()), records].concat();
        }
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
            // Behind the known bytes stands what an interrupted training has written since its last backup.
            file.set_len(self.length)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(&records)
        };
        write().map_err(|error| {
            explain(error, &format!("the event file {} cannot be written", path.display()))
        })?;
        self.length += records.len() as u64;
        Ok(())
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A number, for [`EventFile::add`].
pub(super) fn scalar(tag: &str, value: f64) -> Message {
    Message::default().bytes(1, tag.as_bytes()).float(2, value as f32)
}

/// How often values are in each of 30 equal parts of their range, for [`EventFile::add`]. Those that are not finite
/// are left out; if none is, there is no histogram.
pub(super) fn histogram(tag: &str, values: &[f32]) -> Option<Message> {
    let values = || values.iter().filter(|value| value.is_finite()).map(|&value| f64::from(value));
    let (low, high) = values()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return None;
    }
    // Values that are all the same stand in the middle of a range of 1.
    let (begin, range) = if high > low { (low, high - low) } else { (low - 0.5, 1.0) };
    let mut counts = [0.0; BUCKETS];
    for value in values() {
        let bucket = ((value - begin) / range * BUCKETS as f64) as usize;
        counts[bucket.min(BUCKETS - 1)] += 1.0;
    }
    let limits: [f64; BUCKETS] = from_fn(|bucket| begin + range * (bucket + 1) as f64 / BUCKETS as f64);
    let packed = |numbers: [f64; BUCKETS]| numbers.map(f64::to_le_bytes).concat();
    let histogram = Message::default()
        .double(1, low)
        .double(2, high)
        .double(3, values().count() as f64)
        .double(4, values().sum())
        .double(5, values().map(|value| value * value).sum())
        .bytes(6, &packed(limits))
        .bytes(7, &packed(counts));
    Some(Message::default().bytes(1, tag.as_bytes()).bytes(5, histogram.bytes_of()))
}

/// A TFRecord: length, checksum of the length, data, checksum of the data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_checksum(&length), data, &masked_checksum(data)].concat()
}

/// TFRecords mask their checksums, since one of data that holds checksums itself would be weak.
fn masked_checksum(data: &[u8]) -> [u8; 4] {
    crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
}

/// Source: RFC 3720, appendix B.4.
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA); // RFC 3720, appendix B.4
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }
}
