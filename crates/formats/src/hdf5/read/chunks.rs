//! Chunked datasets: their chunks are found, unpacked and put in their places.

use anyhow::{ensure, Context, Result};

use super::file::File;
use super::filters::{undo, Filter};
use super::fixed_array::Stored;
use super::layout::{Chunked, Index};
use crate::array::bytes_of;
use crate::bytes::Reader;

/// A chunk that was written: where its first element belongs, and where it is.
struct Chunk {
    corner: Vec<usize>,
    address: u64,
    stored: u64,
    skipped: u32,
}

impl File<'_> {
    /// Fills `all`, a dataset of these sides with elements of `size` bytes, from its chunks.
    pub fn fill(
        &self,
        all: &mut [u8],
        sides: &[usize],
        size: usize,
        chunked: &Chunked,
        filters: &[Filter],
    ) -> Result<()> {
        let Some(address) = chunked.address.filter(|_| !all.is_empty()) else {
            return Ok(());
        };
        ensure!(
            chunked.sides.len() == sides.len(),
            "its chunks have {} sides, and it has {}",
            chunked.sides.len(),
            sides.len()
        );
        let bytes = bytes_of(&chunked.sides, size)?;
        let chunks = match &chunked.index {
            Index::Tree => {
                let mut chunks = Vec::new();
                self.chunk_tree(address, None, sides.len(), &mut chunks)?;
                chunks
            }
            Index::Single(stored) => {
                let (stored, skipped) = stored.unwrap_or((bytes as u64, 0));
                vec![Chunk { corner: vec![0; sides.len()], address, stored, skipped }]
            }
            Index::Implicit | Index::FixedArray => {
                let stored = match chunked.index {
                    Index::Implicit => None,
                    _ => Some(self.fixed_array(address, bytes)?),
                };
                self.in_order(address, sides, &chunked.sides, bytes, stored)?
            }
        };
        for chunk in chunks {
            let at = || format!("the chunk at {:?}", chunk.corner);
            self.budget.spend(bytes).with_context(at)?;
            let stored = self.slice(chunk.address, chunk.stored).with_context(at)?;
            let content = undo(filters, chunk.skipped, stored, bytes).with_context(at)?;
            place(all, sides, &content, &chunked.sides, &chunk.corner, size);
        }
        Ok(())
    }

    fn chunk_tree(
        &self,
        address: u64,
        level: Option<u8>,
        rank: usize,
        chunks: &mut Vec<Chunk>,
    ) -> Result<()> {
        let (level, children) = self
            .tree(address, 1, 8 + 8 * (rank + 1), level)
            .with_context(|| format!("the tree of chunks at the address {address}"))?;
        for (key, child) in children {
            if level > 0 {
                self.chunk_tree(child, Some(level), rank, chunks)?;
                continue;
            }
            let mut key = Reader::new(key);
            let (stored, skipped) = (key.u32()?.into(), key.u32()?);
            let corner = (0..rank).map(|_| Ok(usize::try_from(key.u64()?)?)).collect::<Result<_>>()?;
            self.budget.spend(64 + 8 * rank)?;
            chunks.push(Chunk { corner, address: child, stored, skipped });
        }
        Ok(())
    }

    /// All chunks of a dataset, row by row: one after the other at an address, or as a list says.
    fn in_order(
        &self,
        address: u64,
        sides: &[usize],
        chunk: &[usize],
        bytes: usize,
        stored: Option<Vec<Stored>>,
    ) -> Result<Vec<Chunk>> {
        let counts: Vec<usize> = sides.iter().zip(chunk).map(|(side, chunk)| side.div_ceil(*chunk)).collect();
        let count = bytes_of(&counts, 1)?;
        self.budget.spend(count.saturating_mul(64 + 8 * sides.len()))?;
        let mut chunks = Vec::new();
        for index in 0..count {
            let place = match &stored {
                None => {
                    let before = (bytes as u64).saturating_mul(index as u64);
                    Stored { address: Some(address.saturating_add(before)), size: bytes as u64, skipped: 0 }
                }
                Some(stored) => *stored.get(index).context("its list of chunks is too short")?,
            };
            let (mut corner, mut rest) = (vec![0; sides.len()], index);
            for (side, (count, chunk)) in corner.iter_mut().zip(counts.iter().zip(chunk)).rev() {
                *side = rest % count * chunk;
                rest /= count;
            }
            if let Stored { address: Some(address), size, skipped } = place {
                chunks.push(Chunk { corner, address, stored: size, skipped });
            }
        }
        Ok(chunks)
    }
}

/// Copies what of a chunk lies within the dataset, row by row.
fn place(all: &mut [u8], sides: &[usize], content: &[u8], chunk: &[usize], corner: &[usize], size: usize) {
    // The first side of what is left: its rows are whole slices, of which each is placed in turn.
    let Some((&side, inner)) = sides.split_first() else {
        all.copy_from_slice(content);
        return;
    };
    let (&rows, chunk) = chunk.split_first().unwrap_or((&1, &[]));
    let (&from, corner) = corner.split_first().unwrap_or((&0, &[]));
    let rows = rows.min(side.saturating_sub(from));
    let (whole, part) = (inner.iter().product::<usize>() * size, chunk.iter().product::<usize>() * size);
    if rows == 0 || whole == 0 {
        return;
    }
    if inner.is_empty() {
        all[from * size..(from + rows) * size].copy_from_slice(&content[..rows * size]);
        return;
    }
    let targets = all.chunks_exact_mut(whole).skip(from);
    for (target, source) in targets.zip(content.chunks_exact(part)).take(rows) {
        place(target, inner, source, chunk, corner, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_at_the_edge_is_cut() {
        let mut all = vec![0; 15];
        place(&mut all, &[3, 5], &[1, 2, 3, 4, 5, 6, 7, 8], &[2, 4], &[2, 4], 1);
        assert_eq!(all, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        place(&mut all, &[3, 5], &[1, 2, 3, 4, 5, 6, 7, 8], &[2, 4], &[0, 0], 1);
        assert_eq!(all, [1, 2, 3, 4, 0, 5, 6, 7, 8, 0, 0, 0, 0, 0, 1]);
        place(&mut all, &[3, 5], &[9; 8], &[2, 4], &[3, 0], 1);
        assert_eq!(all[10..], [0, 0, 0, 0, 1]);
    }
}
