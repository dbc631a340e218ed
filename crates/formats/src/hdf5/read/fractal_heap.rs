//! Fractal heaps: objects in blocks whose sizes double row by row. An object is known by its place in one long line of
//! addresses.

use anyhow::{bail, ensure, Context, Result};

use super::file::File;
use crate::bytes::Reader;

/// Where the blocks are.
pub(super) struct Heap {
    /// Blocks in a row, the size of those in the first two rows, and that of the largest that hold objects.
    width: u64,
    first: u64,
    largest: u64,
    /// The bytes of a place in the heap, and of an object's length.
    place: usize,
    length: usize,
    root: Option<u64>,
    /// Rows of the root, if it is a table of blocks; 0 if it is a block itself.
    rows: u64,
}

impl Heap {
    pub fn open(file: &File, address: u64) -> Result<Heap> {
        let (offset, length) = (file.offset_size, file.length_size);
        let size = 4 + 1 + 2 + 2 + 1 + 4 + 12 * length + 3 * offset + 2 + 2 + 2 + 2 + 4;
        let mut reader = Reader::new(file.checked(address, size)?);
        reader.expect(b"FRHP\0")?;
        let (_id, filters, _flags, largest_object) =
            (reader.u16()?, reader.u16()?, reader.u8()?, reader.u32()?);
        ensure!(filters == 0, "it is compressed, which is not read. Save the file again without");
        // Numbers of objects, and where there is space.
        reader.take(length + offset + length + offset + 8 * length)?;
        let width = reader.u16()?.into();
        let (first, largest) = (file.length(&mut reader)?, file.length(&mut reader)?);
        let bits = usize::from(reader.u16()?);
        reader.take(2)?;
        let root = file.address(&mut reader)?;
        let rows = reader.u16()?.into();
        ensure!(
            width > 0
                && first.is_power_of_two()
                && largest.is_power_of_two()
                && first <= largest
                && bits <= 64
                && rows <= 64,
            "its sizes are not possible"
        );
        let bytes = |most: u64| most.max(1).ilog2() as usize / 8 + 1;
        let length = bytes(largest).min(bytes(largest_object.into()));
        Ok(Heap { width, first, largest, place: bits.div_ceil(8), length, root, rows })
    }

    /// An object, by its number.
    pub fn object<'a>(&self, file: &File<'a>, id: &'a [u8]) -> Result<&'a [u8]> {
        let mut reader = Reader::new(id);
        match reader.u8()? {
            0x00 => {
                let place = reader.uint(self.place)?;
                let length = reader.uint(self.length)?;
                let root = self.root.context("a heap without blocks has objects")?;
                self.find(file, root, self.rows, 0, place, length)
            }
            head @ 0x20..=0x2f => reader.take(usize::from(head & 15) + 1),
            head => bail!("an object of a heap is stored in the way {head:#x}, which is not read (one larger than 64 KiB)"),
        }
    }

    fn row_size(&self, row: u64) -> Option<u64> {
        self.first
            .checked_shl(u32::try_from(row.saturating_sub(1)).ok()?)
            .filter(|size| size.is_power_of_two())
    }

    /// The object at `place`, in the block or table of blocks at an address that begins at `start`.
    fn find<'a>(
        &self,
        file: &File<'a>,
        address: u64,
        rows: u64,
        start: u64,
        place: u64,
        length: u64,
    ) -> Result<&'a [u8]> {
        if rows == 0 {
            file.at(address)?.expect(b"FHDB")?;
            return file.slice(address.saturating_add(place.saturating_sub(start)), length);
        }
        let mut reader = file.at(address)?;
        reader.expect(b"FHIB\0")?;
        file.address(&mut reader)?;
        reader.take(self.place)?;
        file.budget.spend(64)?;
        let mut begin = start;
        for row in 0..rows {
            let size = self.row_size(row).context("a heap has too many rows")?;
            let entries = Reader::new(reader.take(usize::try_from(self.width)? * file.offset_size)?);
            let whole = size.checked_mul(self.width).and_then(|whole| whole.checked_add(begin));
            let end = whole.context("a heap is too large")?;
            if place >= end {
                begin = end;
                continue;
            }
            let column = (place - begin) / size;
            let mut entries = entries;
            entries.take(usize::try_from(column)? * file.offset_size)?;
            let child = file.address(&mut entries)?.context("an object's block is not there")?;
            let begin = begin + column * size;
            // Blocks larger than the largest are tables of smaller ones.
            let table = self.first.saturating_mul(self.width);
            let inner = match size > self.largest {
                true if size >= table => u64::from((size / table).ilog2()) + 1,
                true => bail!("a heap's rows do not fit its blocks"),
                false => 0,
            };
            ensure!(inner < rows, "a heap's tables do not get smaller");
            return self.find(file, child, inner, begin, place, length);
        }
        bail!("an object lies behind its heap's end")
    }
}
