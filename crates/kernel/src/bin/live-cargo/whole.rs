//! Files that are there whole or not at all: half a file, from a full disk, would be an error ever after.

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file beside its place and then puts it there.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, content)
        .and_then(|()| fs::rename(&part, path))
        .inspect_err(|_| drop(fs::remove_file(&part)))
}
