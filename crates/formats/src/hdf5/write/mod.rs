//! Writing: datasets and members first, then the group that lists them, up to the root.

mod global_heap;
mod header;
mod output;
mod symbols;
mod value;
mod walk;

pub(super) use walk::write;
