//! A file's bytes: read from front to back with bounds, and numbers written.

use anyhow::{ensure, Context, Result};

/// The bytes that are still to be read. Numbers are little-endian.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let cut =
            || format!("it is cut off: {count} more bytes are expected, and {} are there", self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(count).with_context(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        Ok(self.take(SIZE)?.try_into()?)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number of 0 to 8 bytes.
    pub fn uint(&mut self, size: usize) -> Result<u64> {
        ensure!(size <= 8, "numbers of {size} bytes are not known");
        Ok(self.take(size)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The bytes of a mark that must stand here.
    pub fn expect(&mut self, mark: &[u8]) -> Result<()> {
        let found = self.take(mark.len())?;
        ensure!(
            found == mark,
            "{:?} is expected, and {:?} is there",
            String::from_utf8_lossy(mark),
            String::from_utf8_lossy(found)
        );
        Ok(())
    }

    /// The bytes before `end`, which is read, too.
    pub fn until(&mut self, end: u8) -> Result<&'a [u8]> {
        let length = self.rest.iter().position(|&byte| byte == end);
        let taken = self.take(length.with_context(|| format!("it is cut off before a byte {end}"))?)?;
        self.take(1)?;
        Ok(taken)
    }
}

/// Numbers of 16 bits as bytes.
pub(crate) fn u16s(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Numbers of 32 bits as bytes.
pub(crate) fn u32s(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Numbers of 64 bits as bytes.
pub(crate) fn u64s(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
