//! Which format a file has: by its name when it is written, by its first bytes when it is read.

use anyhow::{bail, Result};
use std::path::Path;

/// The formats of model files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// This crate's own: weights by name, and the architecture in the header.
    Safetensors,
    /// Keras's of today: a zip of the configuration and an HDF5 file of weights.
    Keras,
    /// Keras's of before: one HDF5 file.
    H5,
    /// Weights alone, in HDF5, as Keras's `save_weights` writes them.
    WeightsH5,
    /// For other runtimes.
    Onnx,
    /// For browsers: a page that runs the model.
    Html,
    /// Weights alone, as NumPy's `savez` writes them.
    Npz,
    /// Weights alone, as PyTorch's `torch.save(model.state_dict(), …)` writes them.
    PyTorch,
}

const ENDINGS: [(&str, FileFormat); 9] = [
    (".weights.h5", FileFormat::WeightsH5),
    (".h5", FileFormat::H5),
    (".hdf5", FileFormat::H5),
    (".keras", FileFormat::Keras),
    (".safetensors", FileFormat::Safetensors),
    (".onnx", FileFormat::Onnx),
    (".html", FileFormat::Html),
    (".npz", FileFormat::Npz),
    (".pt", FileFormat::PyTorch),
];

impl FileFormat {
    /// What the end of a file's name says.
    pub fn of_name(path: &Path) -> Result<FileFormat> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.replace(".pth", ".pt");
        match ENDINGS.into_iter().find(|(ending, _)| name.ends_with(ending)) {
            Some((_, format)) => Ok(format),
            None => bail!(
                "the name {} does not say in which format to write: let it end with .safetensors or .keras (for this crate \
                 and Keras), .h5 (Keras of any age), .onnx (other runtimes), .html (a page for browsers), .weights.h5 or .npz \
                 (weights alone)",
                path.display()
            ),
        }
    }

    /// Whether it has a place for what the optimizer has learnt.
    pub fn holds_optimizers(self) -> bool {
        matches!(self, FileFormat::Safetensors | FileFormat::Keras)
    }

    /// What a file's bytes are. Of what is unknown, [`Safetensors`](FileFormat::Safetensors) tells best what is wrong with it.
    pub fn of_bytes(bytes: &[u8], path: &Path) -> FileFormat {
        if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
            return FileFormat::H5;
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return match FileFormat::of_name(path) {
                // A zip that is named as none of these is looked into: see `of_zip`.
                Ok(format @ (FileFormat::Keras | FileFormat::Npz | FileFormat::PyTorch)) => format,
                _ => FileFormat::of_zip(bytes),
            };
        }
        if bytes.starts_with(b"<!DOCTYPE html>") {
            return FileFormat::Html;
        }
        if is_pickle(bytes) {
            return FileFormat::PyTorch;
        }
        if is_onnx(bytes) && FileFormat::of_name(path).is_ok_and(|format| format == FileFormat::Onnx) {
            return FileFormat::Onnx;
        }
        FileFormat::Safetensors
    }

    /// What a zip's members make of it.
    fn of_zip(bytes: &[u8]) -> FileFormat {
        let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
        if holds(b"model.weights.h5") {
            FileFormat::Keras
        } else if holds(b"data.pkl") {
            FileFormat::PyTorch
        } else {
            FileFormat::Npz
        }
    }
}

/// Pickles of protocol 2 and later begin with their protocol's number.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

/// ONNX files begin with the field `ir_version`.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 3..=20, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_format() {
        let format = |name: &str| FileFormat::of_name(Path::new(name)).unwrap();
        assert_eq!(format("a/b.weights.h5"), FileFormat::WeightsH5);
        assert_eq!(format("b.H5"), FileFormat::H5);
        assert_eq!(format("b.1.keras"), FileFormat::Keras);
        assert_eq!(format("b.pth"), FileFormat::PyTorch);
        assert_eq!(format("b.HTML"), FileFormat::Html);
        let message = FileFormat::of_name(Path::new("digits")).unwrap_err().to_string();
        assert!(message.contains("digits") && message.contains(".keras"), "{message}");
    }

    #[test]
    fn bytes_tell_the_format() {
        let format = |bytes: &[u8], name: &str| FileFormat::of_bytes(bytes, Path::new(name));
        assert_eq!(format(b"\x89HDF\r\n\x1a\n\0", "x.keras"), FileFormat::H5);
        assert_eq!(format(b"PK\x03\x04", "x.keras"), FileFormat::Keras);
        assert_eq!(format(b"PK\x03\x04..archive/data.pkl", "x.bin"), FileFormat::PyTorch);
        assert_eq!(format(b"\x80\x02\x8a", "x"), FileFormat::PyTorch);
        assert_eq!(format(b"<!DOCTYPE html>\n<html>", "x.keras"), FileFormat::Html);
        assert_eq!(format(b"\x08\x00\x00\x00\x00\x00\x00\x00{}", "x.onnx"), FileFormat::Safetensors);
    }
}
