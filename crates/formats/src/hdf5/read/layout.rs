//! Layouts: where a dataset's elements stand.

use anyhow::{bail, ensure, Context, Result};

use super::file::File;
use crate::bytes::Reader;

/// Where a dataset's elements stand.
pub(super) enum Layout<'a> {
    /// In the header itself.
    Compact(&'a [u8]),
    /// In one piece; None if nothing was ever written.
    Contiguous(Option<u64>),
    /// In chunks of equal size.
    Chunked(Chunked),
    /// In a way that is not read, and what to do.
    Other(&'static str),
}

/// Chunks: their sides in elements, and where the list of them is.
pub(super) struct Chunked {
    pub sides: Vec<usize>,
    pub index: Index,
    /// None if nothing was ever written.
    pub address: Option<u64>,
}

/// How the chunks are found.
pub(super) enum Index {
    /// A tree (B-tree, version 1).
    Tree,
    /// The address is that of the only chunk; its stored size and its skipped filters, where it has filters.
    Single(Option<(u64, u32)>),
    /// All chunks one after the other, unfiltered.
    Implicit,
    /// A list of the chunks' addresses.
    FixedArray,
}

impl<'a> File<'a> {
    /// A dataset's layout, of elements of `size` bytes.
    pub fn layout(&self, body: &'a [u8], size: usize) -> Result<Layout<'a>> {
        let mut reader = Reader::new(body);
        match reader.u8()? {
            1 | 2 => self.layout_1(reader),
            version @ (3 | 4) => match reader.u8()? {
                0 => {
                    let length = reader.u16()?.into();
                    Ok(Layout::Compact(reader.take(length)?))
                }
                1 => Ok(Layout::Contiguous(self.address(&mut reader)?)),
                2 if version == 3 => {
                    let rank = reader.u8()?;
                    let address = self.address(&mut reader)?;
                    let sides = sides(&mut reader, rank, 4)?;
                    chunked(sides, Index::Tree, address, size)
                }
                2 => self.layout_4(reader, size),
                3 => Ok(Layout::Other("it is put together from other datasets (virtual), which is not read. Copy it to a dataset of its own")),
                class => bail!("a layout of class {class} is not known"),
            },
            version => bail!("a layout of version {version} is not known, 1 to 4 are"),
        }
    }

    fn layout_1(&self, mut reader: Reader<'a>) -> Result<Layout<'a>> {
        let (rank, class) = (reader.u8()?, reader.u8()?);
        reader.take(5)?;
        let address = if class == 0 { None } else { self.address(&mut reader)? };
        let sides = sides(&mut reader, rank, 4)?;
        match class {
            0 => {
                let length = reader.u32()? as usize;
                Ok(Layout::Compact(reader.take(length)?))
            }
            1 => Ok(Layout::Contiguous(address)),
            2 => {
                let size = reader.u32()? as usize;
                chunked([sides, vec![size]].concat(), Index::Tree, address, size)
            }
            _ => bail!("a layout of class {class} is not known"),
        }
    }

    fn layout_4(&self, mut reader: Reader<'a>, size: usize) -> Result<Layout<'a>> {
        let (flags, rank, width) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let sides = sides(&mut reader, rank, width.into())?;
        let index = match reader.u8()? {
            1 if flags & 2 != 0 => Index::Single(Some((self.length(&mut reader)?, reader.u32()?))),
            1 => Index::Single(None),
            2 => Index::Implicit,
            3 => {
                reader.take(1)?;
                Index::FixedArray
            }
            _ => {
                return Ok(Layout::Other(
                    "it can grow, and lists its chunks in a way that is not read. Save it without maxshape, or with \
                     libver=\"earliest\"",
                ));
            }
        };
        let address = self.address(&mut reader)?;
        chunked(sides, index, address, size)
    }
}

fn sides(reader: &mut Reader, rank: u8, width: usize) -> Result<Vec<usize>> {
    (0..rank).map(|_| Ok(usize::try_from(reader.uint(width)?)?)).collect()
}

/// Chunks have one side more than their dataset: the size of an element.
fn chunked<'a>(mut sides: Vec<usize>, index: Index, address: Option<u64>, size: usize) -> Result<Layout<'a>> {
    let last = sides.pop().context("chunks have no sides")?;
    ensure!(
        last == size && !sides.contains(&0),
        "chunks of the sides {sides:?} and elements of {last} bytes do not fit"
    );
    Ok(Layout::Chunked(Chunked { sides, index, address }))
}
