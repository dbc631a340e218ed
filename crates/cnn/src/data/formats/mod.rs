//! The formats in which data sets are found, one file for each.

pub(crate) mod cifar;
pub(crate) mod csv;
pub(crate) mod idx;
pub(crate) mod npz;
pub(crate) mod tar;
