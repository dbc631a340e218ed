//! Many links or attributes: they stand in a fractal heap, and a tree (B-tree, version 2) says where each is.

use anyhow::{bail, ensure, Context, Result};

use super::file::File;
use super::fractal_heap::Heap;
use crate::bytes::Reader;

/// More levels than any file needs.
const MOST_LEVELS: u16 = 16;

/// What all nodes of a tree have in common.
struct Tree {
    kind: u8,
    node_size: usize,
    record: usize,
    /// For each level, from the leaves up: the bytes in which a node of the level above counts all records below it.
    totals: Vec<usize>,
    /// The bytes in which a node's own records are counted.
    counts: usize,
}

impl<'a> File<'a> {
    /// The objects of a heap, in the order of a tree of this kind, in whose records the heap's number stands behind `before` bytes.
    pub fn dense(&self, heap: u64, tree: u64, kind: u8, before: usize) -> Result<Vec<&'a [u8]>> {
        let heap = Heap::open(self, heap).with_context(|| format!("the heap at the address {heap}"))?;
        let mut records = Vec::new();
        self.tree_2(tree, kind, &mut records).with_context(|| format!("the tree at the address {tree}"))?;
        records
            .into_iter()
            .map(|record| heap.object(self, record.get(before..).unwrap_or_default()))
            .collect()
    }

    fn tree_2(&self, address: u64, kind: u8, records: &mut Vec<&'a [u8]>) -> Result<()> {
        let length = 4 + 2 + 4 + 2 + 2 + 2 + self.offset_size + 2 + self.length_size + 4;
        let mut reader = Reader::new(self.checked(address, length)?);
        reader.expect(b"BTHD\0")?;
        let found = reader.u8()?;
        ensure!(found == kind, "a tree of kind {kind} is expected, and {found} is there");
        let (node_size, record, levels) = (reader.u32()? as usize, usize::from(reader.u16()?), reader.u16()?);
        reader.take(2)?;
        let root = self.address(&mut reader)?;
        let count = reader.u16()?;
        ensure!(levels <= MOST_LEVELS, "a tree of {levels} levels is not known, {MOST_LEVELS} are the most");
        ensure!(
            record > 0 && node_size > 10 + record,
            "a tree has nodes of {node_size} bytes, and records of {record}"
        );

        // How many records a node of each level can hold decides how wide the numbers are that count them.
        let width = |most: usize| most.max(1).ilog2() as usize / 8 + 1;
        let mut most = (node_size - 10) / record;
        let counts = width(most);
        let mut totals = vec![0];
        for level in 1..=usize::from(levels) {
            let pointer = self.offset_size + counts + totals[level - 1];
            let own = node_size.saturating_sub(10 + pointer) / (record + pointer);
            most = (own + 1).saturating_mul(most).saturating_add(own);
            totals.push(width(most));
        }
        let tree = Tree { kind, node_size, record, totals, counts };
        match root {
            Some(root) => self.node_2(&tree, root, count.into(), levels, records),
            None => Ok(()),
        }
    }

    fn node_2(
        &self,
        tree: &Tree,
        address: u64,
        count: usize,
        level: u16,
        records: &mut Vec<&'a [u8]>,
    ) -> Result<()> {
        let pointer = match usize::from(level) {
            0 => 0,
            1 => self.offset_size + tree.counts,
            level => self.offset_size + tree.counts + tree.totals[level - 1],
        };
        let length = 4 + 2 + count * tree.record + if level > 0 { (count + 1) * pointer } else { 0 } + 4;
        ensure!(length <= tree.node_size, "a node has more records than its {} bytes hold", tree.node_size);
        let mut reader = Reader::new(self.checked(address, length)?);
        reader.expect(if level == 0 { b"BTLF\0" } else { b"BTIN\0" })?;
        ensure!(reader.u8()? == tree.kind, "a node is of another kind than its tree");
        self.budget.spend(64 + 32 * count)?;
        let own = reader.take(count * tree.record)?.chunks_exact(tree.record);
        if level == 0 {
            records.extend(own);
            return Ok(());
        }
        let mut own = own.into_iter();
        for _ in 0..=count {
            let mut pointer = Reader::new(reader.take(pointer)?);
            let child = self.address(&mut pointer)?.context("a child of a tree has no address")?;
            let count = usize::try_from(pointer.uint(tree.counts)?)?;
            if count > tree.node_size {
                bail!("a child of a tree has {count} records");
            }
            self.node_2(tree, child, count, level - 1, records)?;
            records.extend(own.next());
        }
        Ok(())
    }
}
