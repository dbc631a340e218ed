//! Writing files so that a reader never sees half of one.

use anyhow::{bail, ensure, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Writes beside `path` and renames: after an abort or a full disk, an earlier file is still there, whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)
            .map_err(|error| explain(error, &format!("the folder {} cannot be made", folder.display())))?;
    }
    let part = part_name(path);
    let written = write_to_disk(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        explain(error, &format!("{} cannot be written", path.display()))
    })
}

/// Says, before there is anything to write, if no file can be at `path`: a folder is there, or a file where its folder would be.
pub(crate) fn check_place(path: &Path) -> Result<()> {
    let what = format!("{} cannot be written", path.display());
    ensure!(!path.is_dir(), "{what}: it is a folder; check the path, or name a file in it");
    match path.ancestors().skip(1).find(|folder| folder.exists()) {
        Some(folder) if !folder.is_dir() => {
            bail!("{what}: {} is a file, not a folder; check the path", folder.display())
        }
        _ => Ok(()),
    }
}

/// Returns when the bytes are on the disk, so that not even a power cut leaves half a file.
fn write_to_disk(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes what killed processes have left of their writing to `path`; nobody may be writing to it now.
pub(crate) fn remove_parts(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let between = found.strip_prefix(&format!("{name}.")).and_then(|rest| rest.strip_suffix(".part"));
        if between
            .and_then(|numbers| numbers.split_once('-'))
            .is_some_and(|(id, count)| number(id) && number(count))
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

/// A name beside `path` that nobody else uses.
fn part_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{count}.part", std::process::id()));
    path.with_file_name(name)
}

/// Adds to an error of the system what can be done about it.
pub(crate) fn explain(error: std::io::Error, what: &str) -> anyhow::Error {
    use std::io::ErrorKind::*;
    let advice = match error.kind() {
        NotFound => "check the path",
        IsADirectory => "it is a folder: check the path",
        NotADirectory => "a part of the path is a file, not a folder: check the path",
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
    fn a_failed_write_leaves_what_was_there_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("cnn-files-{}", std::process::id()));
        let path = folder.join("deep").join("file");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // A folder in the place of the goal makes the write fail at its last step, for root too.
        let taken = folder.join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        let message = write_whole(&taken, b"new").unwrap_err().to_string();
        assert!(message.contains("taken cannot be written"), "{message}");
        assert!(taken.join("inside").exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_what_is_left_of_this_files_writing_is_removed() {
        let folder = std::env::temp_dir().join(format!("cnn-parts-{}", std::process::id()));
        let path = folder.join("file");
        remove_parts(&path); // without a folder
        let others =
            ["file", "file.aside", "file.csv.1-0.part", "file.old.part", "file2.1-0.part", "other.1-0.part"];
        for name in others.into_iter().chain(["file.1-0.part"]) {
            write_whole(&folder.join(name), b"").unwrap();
        }
        remove_parts(&path);
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, others);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn errors_of_the_system_come_with_advice() {
        use std::io::{Error, ErrorKind::*};
        for (kind, advice) in
            [(StorageFull, "free some space"), (PermissionDenied, "rights"), (NotFound, "path")]
        {
            let message = explain(Error::from(kind), "x cannot be written").to_string();
            assert!(message.starts_with("x cannot be written") && message.contains(advice), "{message}");
        }
    }
}
