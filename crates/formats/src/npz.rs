//! NumPy's `.npz`: a zip archive of arrays, as `np.savez` and `np.savez_compressed` write it.

use anyhow::{ensure, Context, Result};

use crate::zipped::{self, Archive};
use crate::{npy, Array};

/// The arrays of a file, by name, in the file's order. Numbers in Fortran's order or of the other byte order are turned.
///
/// # Errors
/// If the archive or one of its arrays is damaged, if an array's numbers are none of [`Number`](crate::Number)'s, or if there
/// are no arrays in it.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let archive = Archive::open(bytes)?;
    let mut arrays = Vec::new();
    for file in archive.names() {
        if let Some(name) = file.strip_suffix(".npy") {
            let array = archive.read(file).and_then(|content| npy::read(&content));
            arrays.push((name.to_string(), array.with_context(|| format!("the array {name}"))?));
        }
    }
    ensure!(!arrays.is_empty(), "the zip archive holds no arrays of NumPy (.npy), only {}", {
        let names: Vec<&str> = archive.names().take(5).collect();
        if names.is_empty() {
            "nothing".to_string()
        } else {
            names.join(", ")
        }
    });
    Ok(arrays)
}

/// The bytes of a file as `np.savez` writes it. The same arrays give the same bytes.
///
/// # Errors
/// If two arrays have one name, or one is BF16, which NumPy does not have.
pub fn write(arrays: &[(String, Array)]) -> Result<Vec<u8>> {
    let file = |(name, array): &(String, Array)| {
        let bytes = npy::write(array).with_context(|| format!("the array {name}"))?;
        Ok((format!("{name}.npy"), bytes))
    };
    let files: Vec<(String, Vec<u8>)> = arrays.iter().map(file).collect::<Result<_>>()?;
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    zipped::write(&files)
}
