//! What knows nothing of networks: errors, files, pictures, devices, memory, processor, threads, random numbers, the stop flag,
//! what the panel of variables shows.

pub(crate) mod allocator;
pub(crate) mod device;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod interpolation;
pub(crate) mod json;
pub(crate) mod memory;
pub(crate) mod memory_format;
pub(crate) mod onednn;
pub(crate) mod picture;
pub(crate) mod processor;
pub(crate) mod project;
pub(crate) mod random;
pub(crate) mod ranges;
pub(crate) mod slices;
pub(crate) mod stop;
pub(crate) mod text;
pub(crate) mod threads;
pub mod variables;
