//! A group's members: a heap of their names, tables of eight, and a tree (B-tree, version 1) over the tables.

use super::output::{padded, Output, NOWHERE};
use crate::bytes::u64s;

/// Half of what a table holds, and of what a node of the tree holds: HDF5's own numbers.
pub(super) const TABLE: u16 = 4;
pub(super) const NODE: u16 = 16;

/// A member that is in the file already. If it is a group, where its tree and its names are.
pub(super) struct Symbol<'n> {
    pub name: &'n str,
    pub header: u64,
    pub group: Option<Symbols>,
}

/// Where a group's tree and its names are.
#[derive(Clone, Copy)]
pub(super) struct Symbols {
    pub tree: u64,
    pub names: u64,
}

impl Symbols {
    pub fn bytes(self) -> Vec<u8> {
        u64s(&[self.tree, self.names])
    }
}

/// An entry of a table: where the name is in the heap, the object's header, and what is known of a group.
pub(super) fn entry(name: u64, header: u64, group: Option<Symbols>) -> Vec<u8> {
    let known = group.map_or(vec![0; 16], Symbols::bytes);
    let kind = u64::from(group.is_some());
    [u64s(&[name, header, kind]), known].concat()
}

/// A node of the tree, or a table: where it is, and where its last name is in the heap.
struct Child {
    address: u64,
    last: u64,
}

/// Writes what lists the members, which are in the order of their names' bytes.
pub(super) fn symbols(output: &mut Output, members: &[Symbol]) -> Symbols {
    // The heap begins with an empty name, which comes before all.
    let mut names = vec![0; 8];
    let mut children = Vec::new();
    for table in members.chunks(2 * usize::from(TABLE)) {
        let mut bytes = [&b"SNOD\x01\0"[..], &(table.len() as u16).to_le_bytes()].concat();
        let mut last = 0;
        for member in table {
            last = names.len() as u64;
            names.extend(padded(&[member.name.as_bytes(), &[0]].concat()));
            bytes.extend(entry(last, member.header, member.group));
        }
        bytes.resize(8 + 40 * 2 * usize::from(TABLE), 0);
        children.push(Child { address: output.place(&bytes), last });
    }
    let tree = tree(output, children);
    let place = output.place(&names);
    // There is no free space in the heap: 1 says so.
    let head = u64s(&[names.len() as u64, 1, place]);
    Symbols { tree, names: output.place(&[b"HEAP\0\0\0\0", head.as_slice()].concat()) }
}

/// Writes the tree over the tables, level by level, and returns its root's address.
fn tree(output: &mut Output, mut children: Vec<Child>) -> u64 {
    let most = 2 * usize::from(NODE);
    let size = 24 + 8 * (2 * most + 1);
    let mut level = 0_u8;
    loop {
        let nodes: Vec<&[Child]> =
            if children.is_empty() { vec![&[]] } else { children.chunks(most).collect() };
        let start = output.reserve(size * nodes.len());
        let address =
            |index: usize| if index < nodes.len() { start + (index * size) as u64 } else { NOWHERE };
        let mut before = 0;
        let mut above = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let beside = u64s(&[address(index.wrapping_sub(1)), address(index + 1)]);
            let mut bytes = [&b"TREE\0"[..], &[level], &(node.len() as u16).to_le_bytes(), &beside].concat();
            // Between the children stand the names that part them.
            bytes.extend(u64::to_le_bytes(before));
            for child in *node {
                bytes.extend(u64s(&[child.address, child.last]));
                before = child.last;
            }
            output.fill(address(index), &bytes);
            above.push(Child { address: address(index), last: before });
        }
        if above.len() == 1 {
            return above[0].address;
        }
        children = above;
        level += 1;
    }
}
