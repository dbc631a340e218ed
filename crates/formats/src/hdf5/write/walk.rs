//! From the root down through groups, and back up with their addresses.

use anyhow::{ensure, Context, Result};

use super::header::{dataset, Header};
use super::output::{Output, NOWHERE};
use super::symbols::{entry, symbols, Symbol, Symbols, NODE, TABLE};
use crate::bytes::{u16s, u64s};
use crate::hdf5::tree::check_names;
use crate::hdf5::{Group, Node, MOST_DEPTH};

/// The superblock, of version 0.
const SUPERBLOCK: usize = 96;

/// A whole file.
pub(in super::super) fn write(root: &Group) -> Result<Vec<u8>> {
    let mut output = Output::default();
    output.reserve(SUPERBLOCK);
    let (header, members) = group(&mut output, root, 1)?;
    let end = output.reserve(0);
    let mut block = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0".to_vec();
    block.extend(u16s(&[TABLE, NODE, 0, 0]));
    // Addresses count from 0; there is no list of free space and no driver.
    block.extend(u64s(&[0, NOWHERE, end, NOWHERE]));
    block.extend(entry(0, header, Some(members)));
    output.fill(0, &block);
    Ok(output.bytes)
}

/// Writes a group, and returns where its header is, and its list of members.
fn group(output: &mut Output, group: &Group, depth: usize) -> Result<(u64, Symbols)> {
    ensure!(depth <= MOST_DEPTH, "there are more than {MOST_DEPTH} groups in each other");
    check_names("members", &group.members)?;
    let mut members = Vec::with_capacity(group.members.len());
    for (name, node) in &group.members {
        members.push(member(output, name, node, depth).with_context(|| name.clone())?);
    }
    members.sort_by_key(|member| member.name);
    let symbols = symbols(output, &members);
    let mut header = Header::default();
    header.add(0x11, false, &symbols.bytes())?;
    header.attributes(output, &group.attributes)?;
    Ok((header.place(output)?, symbols))
}

fn member<'n>(output: &mut Output, name: &'n str, node: &Node, depth: usize) -> Result<Symbol<'n>> {
    let allowed = !name.is_empty() && name != "." && !name.contains(['/', '\0']);
    ensure!(
        allowed,
        "{name:?} is no name for a member: it may not be empty or a dot, nor have a slash or a zero in it"
    );
    Ok(match node {
        Node::Dataset(node) => Symbol { name, header: dataset(output, node)?, group: None },
        Node::Group(node) => {
            let (header, members) = group(output, node, depth + 1)?;
            Symbol { name, header, group: Some(members) }
        }
    })
}
