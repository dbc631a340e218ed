//! Reading: from the superblock down through groups to datasets.

mod attributes;
mod chunks;
mod dataset;
mod datatype;
mod dense;
mod file;
mod filters;
mod fixed_array;
mod fractal_heap;
mod global_heap;
mod header;
mod layout;
mod links;
mod symbols;
mod value;
mod walk;

pub(super) use walk::read;
