//! HDF5, as Keras, h5py and PyTables write it.
//!
//! ```
//! use formats::hdf5::{self, Attribute, Group, Node};
//! use formats::Array;
//!
//! let mut layer = Group::default();
//! layer.attributes.push(("name".to_string(), Attribute::Text("dense".to_string())));
//! layer.add("kernel", Array::from_f32([2, 1], &[0.5, -0.5])?);
//! let mut root = Group::default();
//! root.members.push(("dense".to_string(), Node::Group(layer)));
//!
//! let file = hdf5::write(&root)?;
//! let root = hdf5::read(&file)?;
//! assert_eq!(root.dataset("dense/kernel")?.numbers()?.to_f32(), [0.5, -0.5]);
//! assert_eq!(root.group("dense")?.attribute("name")?.text()?, "dense");
//! # anyhow::Ok(())
//! ```
//!
//! Source: the HDF5 Group's "HDF5 File Format Specification", version 3.0.

mod checksum;
mod read;
mod tree;
mod write;

use anyhow::Result;

pub use tree::{Attribute, Dataset, Group, Node};

/// An attribute takes at most so many bytes: it stands in an object's header. A text takes 16 there, as its letters stand
/// elsewhere, so that a list may have 4,000 of them. Keras splits a longer one: `weight_names0`, `weight_names1` and so on.
pub const HEADER_LIMIT: usize = 64_512;

/// Groups in groups: Keras has about ten for nested models.
const MOST_DEPTH: usize = 64;

/// Reads a whole file.
///
/// # Errors
/// If it is no HDF5 file, damaged, or uses what this reader does not know. What a single attribute or dataset has that is
/// not known (a compound type, a compression of its own) is no error before that one is looked at:
/// [`Attribute::Unreadable`].
pub fn read(bytes: &[u8]) -> Result<Group> {
    read::read(bytes)
}

/// The bytes of a file, as h5py and Keras write it: superblock 0, groups as symbol tables, datasets in one piece, texts in UTF-8
/// and of variable length.
/// The same tree gives the same bytes.
///
/// # Errors
/// If two members or attributes of a group have one name, a name cannot be written (empty, `.`, or with `/`), or an
/// attribute is too large for a header.
pub fn write(root: &Group) -> Result<Vec<u8>> {
    write::write(root)
}
