//! Models as files: one file per format.

pub(crate) mod safetensors;
