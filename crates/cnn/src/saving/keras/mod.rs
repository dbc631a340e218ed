//! Keras's files: `.keras`, `.h5` and `.weights.h5`, of Keras 3 as they are written, and of 1 to 3 as they are read.
//!
//! Source: `keras/src/saving/saving_lib.py`, `keras/src/legacy/saving/legacy_h5_format.py`.

mod archive;
mod chain;
mod compile;
mod config;
mod h5;
mod layouts;
mod paths;
mod read;
mod state;
mod write;

pub(super) use archive::{read_archive, read_archive_weights, write_archive, write_weights};
pub(super) use h5::{read_h5, read_h5_weights, write_h5};
pub(super) use layouts::{rows_from_channels_first, rows_to_channels_first};
pub(super) use read::in_order;
pub(super) use write::keras_layers;
