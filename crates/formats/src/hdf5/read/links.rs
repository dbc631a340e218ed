//! Groups as newer files have them: a message for each link, or many in a heap.

use anyhow::{bail, ensure, Context, Result};

use super::file::File;
use super::header::{kind, Header};
use crate::bytes::Reader;

/// A member of a group: its name, and where it is.
pub(super) struct Link {
    pub name: String,
    /// Its place among those of its group, by the time when they were made, where the file keeps that.
    pub order: Option<u64>,
    pub target: Target,
}

/// Where a link leads.
pub(super) enum Target {
    /// An object's header.
    Object(u64),
    /// A path.
    Soft(String),
    /// Another file, or a kind of link that a program added.
    External,
}

impl File<'_> {
    /// A group's links, given its header.
    pub fn links(&self, header: &Header) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        for message in header.all(kind::LINK) {
            links.push(self.link(self.content(message)?)?);
        }
        if let Some(message) = header.find(kind::LINK_INFO) {
            let mut reader = Reader::new(self.content(message)?);
            let (version, flags) = (reader.u8()?, reader.u8()?);
            ensure!(version == 0, "links of version {version} are not known, 0 is");
            reader.take(if flags & 1 != 0 { 8 } else { 0 })?;
            let (heap, index) = (self.address(&mut reader)?, self.address(&mut reader)?);
            if let (Some(heap), Some(index)) = (heap, index) {
                for object in self.dense(heap, index, 5, 4).context("the group's links")? {
                    links.push(self.link(object)?);
                }
                links.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        if links.iter().all(|link| link.order.is_some()) {
            links.sort_by_key(|link| link.order);
        }
        Ok(links)
    }

    fn link(&self, body: &[u8]) -> Result<Link> {
        let mut reader = Reader::new(body);
        let (version, flags) = (reader.u8()?, reader.u8()?);
        ensure!(version == 1, "a link of version {version} is not known, 1 is");
        let class = if flags & 8 != 0 { reader.u8()? } else { 0 };
        let order = if flags & 4 != 0 { Some(reader.u64()?) } else { None };
        reader.take(if flags & 16 != 0 { 1 } else { 0 })?;
        let length = usize::try_from(reader.uint(1 << (flags & 3))?)?;
        let name = String::from_utf8_lossy(reader.take(length)?).into_owned();
        self.budget.spend(256 + name.len())?;
        let target = match class {
            0 => Target::Object(
                self.address(&mut reader)?.with_context(|| format!("the link {name} leads nowhere"))?,
            ),
            1 => {
                let length = reader.u16()?.into();
                Target::Soft(String::from_utf8_lossy(reader.take(length)?).into_owned())
            }
            _ => Target::External,
        };
        Ok(Link { name, order, target })
    }
}

/// The object that a link leads to.
pub(super) fn object(link: &Link) -> Result<u64> {
    let advice = "Save the file without links: open it in h5py and copy what it leads to";
    match &link.target {
        Target::Object(address) => Ok(*address),
        Target::Soft(path) => bail!("it is a soft link to {path}, and such links are not followed. {advice}"),
        Target::External => {
            bail!("it is a link into another file, and such links are not followed. {advice}")
        }
    }
}
