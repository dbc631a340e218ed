//! A file's bytes by address, from its superblock on.

use anyhow::{ensure, Context, Result};
use std::cell::RefCell;
use std::collections::HashMap;

use super::super::checksum::lookup3;
use crate::budget::Budget;
use crate::bytes::Reader;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// A collection's texts by number: where each stands in the file, and its length.
pub(super) type Objects = HashMap<u16, (u64, u64)>;

/// An open file.
pub(super) struct File<'a> {
    /// The file from the superblock on: addresses count from there.
    bytes: &'a [u8],
    /// How many bytes an address takes, and a length.
    pub offset_size: usize,
    pub length_size: usize,
    pub root: u64,
    pub budget: Budget,
    /// Collections of texts that were read, by their address.
    pub collections: RefCell<HashMap<u64, Objects>>,
}

impl<'a> File<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<File<'a>> {
        // Another program's bytes may stand before the file: it begins at 0, 512, 1024, 2048 and so on.
        let starts = std::iter::once(0).chain((9..usize::BITS - 1).map(|power| 1 << power));
        let mut places = starts.map_while(|start| bytes.get(start..));
        let bytes = places.find(|place| place.starts_with(SIGNATURE)).context(
            "it does not begin as an HDF5 file: it is of another format, or damaged. Copy or download it again",
        )?;
        let mut file = File {
            bytes,
            offset_size: 8,
            length_size: 8,
            root: 0,
            budget: Budget::of_file(bytes.len()),
            collections: RefCell::default(),
        };
        let end = file.superblock().context("the superblock, with which the file begins")?;
        ensure!(
            end <= bytes.len() as u64,
            "the file is cut off: it has {} bytes, and had {end}. Copy or download it again",
            bytes.len()
        );
        Ok(file)
    }

    /// Reads the superblock, and returns where the file ends.
    fn superblock(&mut self) -> Result<u64> {
        let mut reader = Reader::new(self.bytes);
        reader.take(SIGNATURE.len())?;
        let version = reader.u8()?;
        match version {
            0 | 1 => {
                // Versions of parts that have had one version ever since.
                reader.take(4)?;
                self.sizes(&mut reader)?;
                // The sizes of groups' trees, which the trees tell themselves, and flags.
                reader.take(if version == 0 { 9 } else { 13 })?;
                self.address(&mut reader)?;
                self.address(&mut reader)?;
                let end = self.address(&mut reader)?.context("the file's end is not known")?;
                self.address(&mut reader)?;
                // The root group's entry: its name, then its header.
                self.address(&mut reader)?;
                self.root = self.address(&mut reader)?.context("there is no root group")?;
                Ok(end)
            }
            2 | 3 => {
                self.sizes(&mut reader)?;
                reader.take(1)?;
                self.address(&mut reader)?;
                self.address(&mut reader)?;
                let end = self.address(&mut reader)?.context("the file's end is not known")?;
                self.root = self.address(&mut reader)?.context("there is no root group")?;
                self.checked(0, SIGNATURE.len() + 4 + 4 * self.offset_size + 4)?;
                Ok(end)
            }
            _ => anyhow::bail!(
                "version {version} is not known, 0 to 3 are. Save the file with an older library"
            ),
        }
    }

    fn sizes(&mut self, reader: &mut Reader) -> Result<()> {
        (self.offset_size, self.length_size) = (reader.u8()?.into(), reader.u8()?.into());
        for size in [self.offset_size, self.length_size] {
            ensure!([2, 4, 8].contains(&size), "addresses or lengths of {size} bytes are not known");
        }
        Ok(())
    }

    /// An address; None is one that is not set.
    pub fn address(&self, reader: &mut Reader) -> Result<Option<u64>> {
        let address = reader.uint(self.offset_size)?;
        Ok(Some(address).filter(|&address| address != u64::MAX >> (64 - 8 * self.offset_size)))
    }

    pub fn length(&self, reader: &mut Reader) -> Result<u64> {
        reader.uint(self.length_size)
    }

    /// The bytes from an address to the file's end.
    pub fn at(&self, address: u64) -> Result<Reader<'a>> {
        let from = usize::try_from(address).ok().and_then(|from| self.bytes.get(from..));
        from.map(Reader::new).with_context(|| {
            format!(
                "the address {address} lies behind the file's end, {}. The file is damaged or cut off",
                self.bytes.len()
            )
        })
    }

    /// So many bytes at an address, which are paid for.
    pub fn slice(&self, address: u64, length: u64) -> Result<&'a [u8]> {
        let count = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = self.at(address)?.take(count).with_context(|| format!("at the address {address}"))?;
        self.budget.spend(count)?;
        Ok(bytes)
    }

    /// A structure of so many bytes, of which the last four are its checksum. They are left out.
    pub fn checked(&self, address: u64, length: usize) -> Result<&'a [u8]> {
        let bytes = self.slice(address, length as u64)?;
        let (content, sum) = bytes.split_last_chunk::<4>().context("it is too short to have a checksum")?;
        // A fuzzer that changes bytes is to come behind this door.
        let fits = cfg!(fuzzing) || lookup3(content) == u32::from_le_bytes(*sum);
        ensure!(fits, "the checksum at the address {address} does not fit: the file is damaged. Copy or download it again");
        Ok(content)
    }
}
