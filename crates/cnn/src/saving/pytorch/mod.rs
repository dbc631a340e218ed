//! PyTorch: its weights are read, and a model is written as weights with PyTorch's names and layouts, with the Python that builds it.

mod modules;
mod read;
mod write;

pub(super) use read::{by_map, give_all};
pub(super) use write::for_pytorch;
