//! Fixed arrays: lists of the chunks of a dataset whose size does not change.

use anyhow::{ensure, Context, Result};

use super::file::File;
use crate::bytes::Reader;

/// A chunk as it is stored.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    /// None if it was never written.
    pub address: Option<u64>,
    pub size: u64,
    /// Bits for the filters that it did not go through.
    pub skipped: u32,
}

impl File<'_> {
    /// The chunks of a list, each of `bytes` without filters.
    pub fn fixed_array(&self, address: u64, bytes: usize) -> Result<Vec<Stored>> {
        self.fixed_array_at(address, bytes)
            .with_context(|| format!("the list of chunks at the address {address}"))
    }

    fn fixed_array_at(&self, address: u64, bytes: usize) -> Result<Vec<Stored>> {
        let mut reader = Reader::new(self.checked(address, 4 + 4 + self.length_size + self.offset_size + 4)?);
        reader.expect(b"FAHD\0")?;
        let (filtered, size, page_bits) = (reader.u8()? == 1, usize::from(reader.u8()?), reader.u8()?);
        let count = usize::try_from(self.length(&mut reader)?)?;
        let block = self.address(&mut reader)?;
        let beside = self.offset_size + if filtered { 4 } else { 0 };
        let fits = if filtered { size > beside && size <= beside + 8 } else { size == beside };
        ensure!(fits && page_bits < 32, "its entries have {size} bytes");
        let length = count.checked_mul(size).context("it is too long")?;
        let Some(block) = block else {
            return Ok(vec![]);
        };

        // A long list stands in pages, each with a checksum of its own; a bit for each says whether it was written.
        let page = 1_usize << page_bits;
        let pages = if count > page { count.div_ceil(page) } else { 0 };
        let head = 4 + 2 + self.offset_size + pages.div_ceil(8);
        let mut reader = self.at(block)?;
        reader.expect(b"FADB\0")?;
        reader.take(1 + self.offset_size)?;
        let written = reader.take(pages.div_ceil(8))?;
        let mut entries = Vec::new();
        let entry = |entry: &[u8]| -> Result<Stored> {
            let mut reader = Reader::new(entry);
            let address = self.address(&mut reader)?;
            match filtered {
                true => Ok(Stored { address, size: reader.uint(size - beside)?, skipped: reader.u32()? }),
                false => Ok(Stored { address, size: bytes as u64, skipped: 0 }),
            }
        };
        if pages == 0 {
            let whole = self.checked(block, head.saturating_add(length).saturating_add(4))?;
            self.budget.spend(count.saturating_mul(32))?;
            for bytes in whole.get(head..).unwrap_or_default().chunks_exact(size) {
                entries.push(entry(bytes)?);
            }
            return Ok(entries);
        }
        self.checked(block, head + 4)?;
        let mut place = block + head as u64 + 4;
        for index in 0..pages {
            let there = page.min(count - index * page);
            self.budget.spend(there.saturating_mul(32))?;
            let bit = written.get(index / 8).copied().unwrap_or(0) & (0x80 >> (index % 8)) != 0;
            if bit {
                let whole = self.checked(place, there * size + 4)?;
                for bytes in whole.chunks_exact(size) {
                    entries.push(entry(bytes)?);
                }
            } else {
                entries.extend(std::iter::repeat_n(Stored { address: None, size: 0, skipped: 0 }, there));
            }
            place += (page * size + 4) as u64;
        }
        Ok(entries)
    }
}
