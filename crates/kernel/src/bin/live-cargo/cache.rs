//! The cache of compiled cells: a file for each, named by a key that everything stands in which the cell depends on.
//!
//! A file is written whole and then renamed, begins with a checksum of the rest, and is only used if that is right. So
//! kernels can share a folder, and what was cut short, or damaged, is as good as missing. Where the folder cannot be written,
//! or the disk is full, nothing is kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const ENDING: &str = "cell";
const PART: &str = ".part-";
/// A cell is written in milliseconds; what is older was left by a program that was killed.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3600);
const CHECKSUM: usize = 32;
const LENGTH: usize = 8;

/// What came of compiling a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// What the compiler said: its messages, one a line.
    pub messages: Vec<String>,
    /// The library, or nothing if the cell has an error, or was only checked.
    pub library: Option<Vec<u8>>,
    pub succeeded: bool,
}

#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    messages: Vec<String>,
    succeeded: bool,
    has_library: bool,
}

/// Folders with compiled cells: the user's own, and one that others have filled and that is only read.
pub struct Cache {
    own: Option<PathBuf>,
    shared: Option<PathBuf>,
    limit: u64,
}

impl Cache {
    pub fn new(own: Option<PathBuf>, shared: Option<PathBuf>, limit: u64) -> Cache {
        Cache { own, shared, limit }
    }

    /// What is kept under the key.
    pub fn get(&self, key: &str) -> Option<Compiled> {
        for folder in [&self.own, &self.shared].into_iter().flatten() {
            let path = folder.join(format!("{key}.{ENDING}"));
            if let Some(compiled) = fs::read(&path).ok().and_then(|bytes| decode(key, &bytes)) {
                if let Ok(file) = File::options().write(true).open(&path) {
                    // The cells that were used last are kept longest. The shared folder may belong to somebody else.
                    let _ = file.set_modified(SystemTime::now());
                }
                return Some(compiled);
            }
        }
        None
    }

    /// Keeps a compiled cell, if that can be done, and then makes room for the next one.
    pub fn put(&self, key: &str, compiled: &Compiled) {
        let Some(folder) = &self.own else { return };
        if write(folder, key, compiled).is_ok() {
            make_room(folder, self.limit);
        }
    }
}

fn encode(key: &str, compiled: &Compiled) -> io::Result<Vec<u8>> {
    let library = compiled.library.as_deref();
    let head = serde_json::to_vec(&Head {
        key: key.to_string(),
        messages: compiled.messages.clone(),
        succeeded: compiled.succeeded,
        has_library: library.is_some(),
    })?;
    let mut content = (head.len() as u64).to_le_bytes().to_vec();
    content.extend(head);
    content.extend(library.unwrap_or_default());
    let mut bytes = Sha256::digest(&content).to_vec();
    bytes.extend(content);
    Ok(bytes)
}

fn decode(key: &str, bytes: &[u8]) -> Option<Compiled> {
    let (checksum, content) = bytes.split_at_checked(CHECKSUM)?;
    if Sha256::digest(content).as_slice() != checksum {
        return None;
    }
    let (length, rest) = content.split_at_checked(LENGTH)?;
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let (head, library) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    (head.key == key).then(|| Compiled {
        messages: head.messages,
        library: head.has_library.then(|| library.to_vec()),
        succeeded: head.succeeded,
    })
}

fn write(folder: &Path, key: &str, compiled: &Compiled) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut part = tempfile::Builder::new().prefix(PART).tempfile_in(folder)?;
    part.write_all(&encode(key, compiled)?)?;
    // Others may read what was filled for them.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    part.as_file().set_permissions(mode)?;
    part.persist(folder.join(format!("{key}.{ENDING}")))?;
    Ok(())
}

/// Removes the cells that were not used for the longest time, until the rest fits, and what was left half written.
fn make_room(folder: &Path, limit: u64) {
    let mut cells = Vec::new();
    let mut total = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let name = entry.file_name().to_string_lossy().to_string();
        if name.starts_with(PART) {
            if modified.elapsed().is_ok_and(|age| age > LEFT_OVER_AFTER) {
                let _ = fs::remove_file(entry.path());
            }
        } else if name.ends_with(&format!(".{ENDING}")) {
            total += metadata.len();
            cells.push((modified, metadata.len(), entry.path()));
        }
    }
    if total <= limit {
        return;
    }
    cells.sort();
    for (_, size, path) in cells {
        // Somewhat more than needed, so that not every cell has to make room.
        if total <= limit / 10 * 9 {
            break;
        }
        if fs::remove_file(path).is_ok() {
            total -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn cell(library: &[u8]) -> Compiled {
        Compiled {
            messages: vec!["{\"level\":\"warning\"}".into()],
            library: Some(library.to_vec()),
            succeeded: true,
        }
    }

    fn cache(folder: &Path) -> Cache {
        Cache::new(Some(folder.to_path_buf()), None, 1 << 30)
    }

    #[test]
    fn what_was_kept_is_found_under_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder.path().join("made/when/needed"));
        let error = Compiled { messages: vec!["a".into(), "b".into()], library: None, succeeded: false };
        cache.put("one", &cell(b"library"));
        cache.put("two", &error);
        assert_eq!(cache.get("one"), Some(cell(b"library")));
        assert_eq!(cache.get("two"), Some(error));
        assert_eq!(cache.get("three"), None);
        let path = |key: &str| folder.path().join(format!("made/when/needed/{key}.cell"));
        fs::copy(path("one"), path("three")).unwrap();
        assert_eq!(cache.get("three"), None, "a file under another's name");
    }

    #[test]
    fn a_file_with_any_bit_changed_or_cut_anywhere_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.put("k", &cell(b"some library"));
        let path = folder.path().join("k.cell");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            assert_eq!(cache.get("k"), None, "byte {at} was changed");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(cache.get("k"), None, "cut after {at} bytes");
        }
        fs::write(&path, &whole).unwrap();
        assert!(cache.get("k").is_some());
    }

    #[test]
    fn two_writers_and_a_reader_at_once_see_whole_cells_only() {
        let folder = tempfile::tempdir().unwrap();
        let libraries: Vec<Vec<u8>> = (0..2).map(|byte| vec![byte; 300_000]).collect();
        std::thread::scope(|scope| {
            for library in &libraries {
                scope.spawn(|| (0..50).for_each(|_| cache(folder.path()).put("k", &cell(library))));
            }
            scope.spawn(|| {
                for _ in 0..200 {
                    if let Some(found) = cache(folder.path()).get("k") {
                        assert!(libraries.contains(found.library.as_ref().unwrap()));
                    }
                }
            });
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half written is left");
    }

    #[test]
    fn what_a_killed_writer_left_is_not_found_and_goes_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join(".part-x");
        fs::write(&part, &encode("k", &cell(b"half")).unwrap()[..50]).unwrap();
        assert_eq!(cache(folder.path()).get("k"), None);
        cache(folder.path()).put("other", &cell(b"a"));
        assert!(part.exists(), "it may still be written");
        File::options().write(true).open(&part).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        cache(folder.path()).put("other", &cell(b"a"));
        assert!(!part.exists());
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept_and_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        // A folder below a file cannot be made, by nobody.
        let unwritable = cache(&file.join("cells"));
        unwritable.put("k", &cell(b"a"));
        assert_eq!(unwritable.get("k"), None);
        if Path::new("/dev/full").exists() {
            assert!(fs::write("/dev/full", encode("k", &cell(b"a")).unwrap()).is_err());
        }
        Cache::new(None, None, 0).put("k", &cell(b"a"));
    }

    #[test]
    fn the_shared_folder_is_read_and_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let (own, shared) = (folder.path().join("own"), folder.path().join("shared"));
        cache(&shared).put("k", &cell(b"a"));
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o555)).unwrap();
        let cache = Cache::new(Some(own.clone()), Some(shared.clone()), 1 << 30);
        assert_eq!(cache.get("k"), Some(cell(b"a")));
        cache.put("l", &cell(b"b"));
        assert!(own.join("l.cell").exists() && !shared.join("l.cell").exists());
        let mode = fs::metadata(shared.join("k.cell")).unwrap().permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "others can read it");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_path_buf()), None, 3_500);
        for (age, key) in ["a", "b", "c"].iter().enumerate() {
            cache.put(key, &cell(&[0; 900]));
            let file = File::options().write(true).open(folder.path().join(format!("{key}.cell"))).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(100 - age as u64)).unwrap();
        }
        assert!(cache.get("a").is_some(), "used now");
        cache.put("d", &cell(&[0; 900]));
        let kept: Vec<bool> = ["a", "b", "c", "d"].iter().map(|key| cache.get(key).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
    }
}
