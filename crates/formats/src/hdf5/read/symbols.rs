//! Groups as older files have them: a tree (B-tree, version 1) of symbol tables, with the names in a local heap.

use anyhow::{ensure, Context, Result};

use super::file::File;
use super::links::{Link, Target};
use crate::bytes::Reader;

/// The children of a tree's node: the key before each, and its address.
type Children<'a> = Vec<(&'a [u8], u64)>;

impl<'a> File<'a> {
    /// A group's links, given its symbol table message.
    pub fn symbols(&self, body: &[u8]) -> Result<Vec<Link>> {
        let mut reader = Reader::new(body);
        let tree = self.address(&mut reader)?.context("the group has no tree")?;
        let heap = self.address(&mut reader)?.context("the group has no names")?;
        let names =
            self.local_heap(heap).with_context(|| format!("the group's names at the address {heap}"))?;
        let mut links = Vec::new();
        self.group_tree(tree, None, names, &mut links)
            .with_context(|| format!("the group's tree at the address {tree}"))?;
        Ok(links)
    }

    fn local_heap(&self, address: u64) -> Result<&'a [u8]> {
        let mut reader = self.at(address)?;
        reader.expect(b"HEAP\0")?;
        reader.take(3)?;
        let (size, _free) = (self.length(&mut reader)?, self.length(&mut reader)?);
        self.slice(self.address(&mut reader)?.context("it has no address")?, size)
    }

    fn group_tree(&self, address: u64, level: Option<u8>, names: &[u8], links: &mut Vec<Link>) -> Result<()> {
        let (level, children) = self.tree(address, 0, self.length_size, level)?;
        for (_, child) in children {
            match level {
                0 => self
                    .table(child, names, links)
                    .with_context(|| format!("the symbols at the address {child}"))?,
                _ => self.group_tree(child, Some(level), names, links)?,
            }
        }
        Ok(())
    }

    /// A node of a tree of version 1: its level, and its children. A node below another has a smaller
    /// level, so that a tree ends.
    pub fn tree(&self, address: u64, of: u8, key: usize, above: Option<u8>) -> Result<(u8, Children<'a>)> {
        let mut reader = self.at(address)?;
        reader.expect(b"TREE")?;
        let (kind, level, count) = (reader.u8()?, reader.u8()?, reader.u16()?);
        ensure!(kind == of, "a tree of kind {of} is expected, and {kind} is there");
        ensure!(
            above.is_none_or(|above| above.checked_sub(1) == Some(level)),
            "the levels of a tree do not fit"
        );
        self.address(&mut reader)?;
        self.address(&mut reader)?;
        self.budget.spend(64 + usize::from(count) * (key + self.offset_size))?;
        let mut children = Vec::with_capacity(count.into());
        for _ in 0..count {
            let key = reader.take(key)?;
            children.push((key, self.address(&mut reader)?.context("a child of a tree has no address")?));
        }
        Ok((level, children))
    }

    fn table(&self, address: u64, names: &[u8], links: &mut Vec<Link>) -> Result<()> {
        let mut reader = self.at(address)?;
        reader.expect(b"SNOD\x01")?;
        reader.take(1)?;
        for _ in 0..reader.u16()? {
            let name = usize::try_from(self.address(&mut reader)?.context("a symbol has no name")?)?;
            let header = self.address(&mut reader)?;
            let cached = reader.u32()?;
            reader.take(4)?;
            let mut scratch = Reader::new(reader.take(16)?);
            let text = |at: usize| {
                let text = names.get(at..).context("a name lies behind the names' end")?;
                Reader::new(text).until(0)
            };
            let name = text(name)?;
            self.budget.spend(256 + name.len())?;
            let target = match cached {
                2 => Target::Soft(String::from_utf8_lossy(text(scratch.u32()? as usize)?).into_owned()),
                _ => Target::Object(header.context("a symbol has no object")?),
            };
            links.push(Link { name: String::from_utf8_lossy(name).into_owned(), order: None, target });
        }
        Ok(())
    }
}
