//! Models as files: what to write and read by the name of a file, and one file or folder per format.

mod file_format;
mod graph;
mod keras;
mod npz;
mod numbers;
mod onnx;
mod own_notes;
mod page;
mod pytorch;
pub(crate) mod safetensors;
mod save_and_load;
pub use onnx::DataFormat;

pub(crate) use file_format::FileFormat;
pub(crate) use page::Subject;
