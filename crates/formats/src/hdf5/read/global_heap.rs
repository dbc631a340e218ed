//! Global heaps: collections of objects of any length, in which texts of variable length stand.

use anyhow::{ensure, Context, Result};
use std::collections::hash_map::Entry;

use super::file::{File, Objects};
use crate::bytes::Reader;

impl<'a> File<'a> {
    /// The bytes of a text, given what stands in its place: its length, a collection's address, a number.
    pub fn variable(&self, reference: &[u8]) -> Result<&'a [u8]> {
        let mut reader = Reader::new(reference);
        let length = u64::from(reader.u32()?);
        let address = self.address(&mut reader)?;
        let number = u16::try_from(reader.u32()?).context("there is no object of such a number")?;
        if length == 0 {
            return Ok(&[]);
        }
        let address = address.context("a text has a length, but no place")?;
        let mut collections = self.collections.borrow_mut();
        let objects = match collections.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.collection(address)?),
        };
        let found = objects.get(&number);
        let (place, there) =
            *found.with_context(|| format!("the heap at {address} has no object {number}"))?;
        ensure!(length <= there, "a text has {length} bytes, and {there} are there");
        self.slice(place, length)
    }

    fn collection(&self, address: u64) -> Result<Objects> {
        let mut reader = self.at(address)?;
        reader.expect(b"GCOL\x01").with_context(|| format!("the heap at the address {address}"))?;
        reader.take(3)?;
        let size = self.length(&mut reader)?;
        let start = 8 + self.length_size as u64;
        let mut reader = Reader::new(self.slice(address, size)?);
        reader.take(start as usize)?;
        let (mut objects, mut place) = (Objects::new(), address + start);
        let head = 8 + self.length_size as u64;
        while reader.rest().len() as u64 >= head {
            let number = reader.u16()?;
            reader.take(6)?;
            let length = self.length(&mut reader)?;
            // Number 0 is the space that is left, to the end.
            if number == 0 {
                break;
            }
            self.budget.spend(64)?;
            let padded = length.checked_next_multiple_of(8).context("an object of a heap is too long")?;
            reader
                .take(usize::try_from(padded)?)
                .with_context(|| format!("object {number} of the heap at {address}"))?;
            objects.insert(number, (place + head, length));
            place += head + padded;
        }
        Ok(objects)
    }
}
