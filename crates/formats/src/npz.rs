//! NumPy's `.npz`: a zip archive of arrays, as `np.savez` and `np.savez_compressed` write it.

use anyhow::Result;

use crate::Array;

/// The arrays of a file, by name, in the file's order. Numbers in Fortran's order or of the other byte order are turned.
///
/// # Errors
/// If the archive or one of its arrays is damaged, or an array's kind is none of [`Number`](crate::Number)'s.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let _ = bytes;
    anyhow::bail!("to follow")
}

/// The bytes of a file as `np.savez` writes it. The same arrays give the same bytes.
///
/// # Errors
/// If two arrays have one name, or one is BF16, which NumPy does not have.
pub fn write(arrays: &[(String, Array)]) -> Result<Vec<u8>> {
    let _ = arrays;
    anyhow::bail!("to follow")
}
