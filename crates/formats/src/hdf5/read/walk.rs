//! From group to group, without going in a circle.

use anyhow::{bail, ensure, Context, Result};

use super::file::File;
use super::header::{kind, Header};
use super::links::object;
use crate::hdf5::{Group, Node, MOST_DEPTH};

/// A whole file.
pub(in super::super) fn read(bytes: &[u8]) -> Result<Group> {
    let file = File::open(bytes)?;
    match file.node(file.root, &mut Vec::new()).context("the root group")? {
        Some(Node::Group(group)) => Ok(group),
        _ => bail!("the file's root is no group: it is damaged. Copy or download it again"),
    }
}

impl<'a> File<'a> {
    /// The object at an address; None is a named datatype. `above` are the groups around it.
    fn node(&self, address: u64, above: &mut Vec<u64>) -> Result<Option<Node>> {
        ensure!(!above.contains(&address), "the group contains itself, which is not read");
        ensure!(above.len() < MOST_DEPTH, "there are more than {MOST_DEPTH} groups in each other");
        self.budget.spend(512)?;
        let header = self.header(address)?;
        let is_group =
            [kind::SYMBOLS, kind::LINK_INFO, kind::LINK].iter().any(|&kind| header.find(kind).is_some());
        if is_group {
            above.push(address);
            let group = self.group(&header, above)?;
            above.pop();
            Ok(Some(Node::Group(group)))
        } else if header.find(kind::LAYOUT).is_some() {
            Ok(Some(Node::Dataset(self.dataset(&header)?)))
        } else if header.find(kind::DATATYPE).is_some() {
            Ok(None)
        } else {
            bail!("the object at the address {address} is neither a group nor a dataset: the file is damaged")
        }
    }

    fn group(&self, header: &Header<'a>, above: &mut Vec<u64>) -> Result<Group> {
        let links = match header.find(kind::SYMBOLS) {
            Some(message) => self.symbols(self.content(message)?)?,
            None => self.links(header)?,
        };
        let mut group =
            Group { attributes: self.attributes(header)?, members: Vec::with_capacity(links.len()) };
        for link in links {
            let node = object(&link).and_then(|address| self.node(address, above));
            let node = node.with_context(|| link.name.clone())?;
            group.members.extend(node.map(|node| (link.name, node)));
        }
        Ok(group)
    }
}
