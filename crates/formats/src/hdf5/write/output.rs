//! The file that is being written.

/// An address that is not set.
pub(super) const NOWHERE: u64 = u64::MAX;

/// The file's bytes so far. What is placed begins at a multiple of eight.
#[derive(Default)]
pub(super) struct Output {
    pub bytes: Vec<u8>,
    /// The collection of texts in which there may be space.
    pub collection: Option<Collection>,
}

impl Output {
    /// Puts these bytes at the end, and returns their address.
    pub fn place(&mut self, bytes: &[u8]) -> u64 {
        let address = self.reserve(0);
        self.bytes.extend(bytes);
        address
    }

    /// Zeros at the end, to be filled later.
    pub fn reserve(&mut self, size: usize) -> u64 {
        let start = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(start + size, 0);
        start as u64
    }

    /// Fills what was reserved.
    pub fn fill(&mut self, address: u64, bytes: &[u8]) {
        let start = address as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

/// A collection of texts, and how much of it is used.
pub(super) struct Collection {
    pub address: u64,
    pub size: usize,
    pub used: usize,
    pub objects: u16,
}

/// Bytes with zeros behind them, up to a multiple of eight.
pub(super) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(8), 0);
    padded
}
