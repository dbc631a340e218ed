//! Writing files so that a reader never sees half of one.

use crate::error::Context;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes beside `path` and renames: after an abort or a full disk, an earlier file is still there, whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let part = part_name(path);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        explain(error, &format!("{} cannot be written", path.display()))
    })
}

/// A name beside `path` that no other process uses.
pub(crate) fn part_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Adds to an error of the system what can be done about it.
pub(crate) fn explain(error: std::io::Error, what: &str) -> anyhow::Error {
    use std::io::ErrorKind::*;
    let advice = match error.kind() {
        NotFound => "check the path",
        PermissionDenied => {
            "you have no permission: change the file's or folder's rights, or use another folder"
        }
        StorageFull | QuotaExceeded => "the disk is full: free some space, then run this again",
        _ => "",
    };
    match advice {
        "" => anyhow::anyhow!("{what}: {error}"),
        _ => anyhow::anyhow!("{what} ({error}): {advice}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("cnn-files-{}", std::process::id()));
        let path = folder.join("deep").join("file");
        write_whole(&path, b"old").unwrap();
        // A folder in the way of the temporary file makes the write fail, for root too.
        fs::create_dir(part_name(&path)).unwrap();
        let message = format!("{:#}", write_whole(&path, b"new").unwrap_err());
        assert!(message.contains("file cannot be written"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        fs::remove_dir_all(folder).unwrap();
    }
}
