//! A kernel's clone of the prepared build. What cells are compiled and linked with is cloned at once; what cargo alone looks at,
//! most of the files, when cargo is first asked, which in most kernels is never.

use std::fs::{self, File, FileTimes};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::Path;

pub const BUILD: &str = "build";
/// Beside the prepared build: what it was made from.
pub const STAMP: &str = "made-from";
/// In a clone without cargo's records: where they are, and what that build was made from.
const NOTE: &str = ".live-cargo/records";

/// What the compiler remembers for the next time it compiles the same crate; it is large, and nobody needs it here.
const MEMORIES: &str = "incremental";

/// Written once and then only replaced by renaming, so kernels may share them; all else is copied.
const SHARED: [&str; 6] = ["rlib", "rmeta", "so", "a", "dylib", "o"];

#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    All,
    /// What cells are compiled and linked with.
    Libraries,
    /// What cargo alone looks at.
    Records,
}

impl Part {
    /// Whether a file of the build folder, by its path in there, belongs to this part.
    fn has(self, path: &Path) -> bool {
        let is_record = path.iter().any(|name| name == ".fingerprint")
            || path.starts_with("target/debug/build")
            || path.extension().is_some_and(|extension| extension == "d");
        self == Part::All || (self == Part::Records) == is_record
    }
}

/// Clones a build folder, or a part of it.
///
/// # Errors
/// If something cannot be read or written.
pub fn clone_folder(source: &Path, target: &Path, part: Part) -> io::Result<()> {
    fs::create_dir_all(target)?;
    clone_below(source, target, Path::new(""), part)
}

fn clone_below(source: &Path, target: &Path, place: &Path, part: Part) -> io::Result<()> {
    let entries = fs::read_dir(source.join(place))?;
    let mut is_there = place.as_os_str().is_empty();
    for entry in entries {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, place.join(entry.file_name()));
        if kind.is_dir() {
            if entry.file_name() != MEMORIES {
                clone_below(source, target, &path, part)?;
            }
        } else if part.has(&path) {
            if !is_there {
                fs::create_dir_all(target.join(place))?;
                is_there = true;
            }
            clone_file(&entry.path(), &target.join(path), kind.is_symlink())?;
        }
    }
    Ok(())
}

fn clone_file(from: &Path, to: &Path, is_link: bool) -> io::Result<()> {
    if is_link {
        symlink(fs::read_link(from)?, to)
    } else if from.extension().is_some_and(|extension| SHARED.iter().any(|shared| extension == *shared)) {
        share(from, to)
    } else {
        copy(from, to)
    }
}

/// One file under two names; where the folders are on two disks, or belong to two users, a link by name.
fn share(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => symlink(from, to),
        done => done,
    }
}

/// Cargo compares times, so they are kept.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let modified = fs::metadata(from)?.modified()?;
    File::options().write(true).open(to)?.set_times(FileTimes::new().set_modified(modified))
}

/// Notes in a clone of the prepared folder's libraries where the records are.
///
/// # Errors
/// If it cannot be written.
pub fn leave_records(prepared: &Path, made_from: &str, build: &Path) -> io::Result<()> {
    let note = build.join(NOTE);
    fs::create_dir_all(note.parent().unwrap_or(build))?;
    fs::write(note, format!("{}\n{made_from}", prepared.display()))
}

/// Brings cargo's records into a build folder that was cloned without them. Where another build has taken the place of the
/// prepared one, its libraries come along; where that is gone, too, or another compiler's, cargo compiles all anew.
///
/// # Errors
/// If something cannot be written, as on a full disk.
pub fn fetch_records(build: &Path) -> io::Result<()> {
    let note = build.join(NOTE);
    let Ok(text) = fs::read_to_string(&note) else { return Ok(()) };
    let (prepared, made_from) = text.split_once('\n').unwrap_or((&text, ""));
    let prepared = Path::new(prepared);
    let target = build.join("target");
    let stamp = || fs::read_to_string(prepared.join(STAMP)).unwrap_or_default();
    let now = stamp();
    let fetched = if now == made_from {
        clone_folder(&prepared.join(BUILD), build, Part::Records)
    } else {
        fs::remove_dir_all(&target).or_else(unless_missing)?;
        match now.lines().next() == made_from.lines().next() {
            true => clone_folder(&prepared.join(BUILD).join("target"), &target, Part::All),
            false => Ok(()),
        }
    };
    fetched.or_else(unless_missing)?;
    if stamp() != now {
        // Replaced while it was cloned: records of other libraries would be wrong.
        fs::remove_dir_all(&target).or_else(unless_missing)?;
    }
    fs::remove_file(note)
}

fn unless_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const LIBRARY: &str = "target/x86/debug/deps/liba.rlib";
    const RECORDS: [&str; 3] =
        ["target/x86/debug/.fingerprint/a/lib-a", "target/x86/debug/deps/a.d", "target/debug/build/b/output"];

    fn prepared() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in [&RECORDS[..], &[LIBRARY, "src/lib.rs", "target/debug/incremental/m"]].concat() {
            let path = folder.path().join(BUILD).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        fs::write(folder.path().join(STAMP), "compiler\nsources\n").unwrap();
        folder
    }

    fn cloned(prepared: &Path, build: &Path) {
        clone_folder(&prepared.join(BUILD), build, Part::Libraries).unwrap();
        leave_records(prepared, "compiler\nsources\n", build).unwrap();
    }

    #[test]
    fn records_come_when_they_are_fetched_and_only_once() {
        let (prepared, run) = (prepared(), tempfile::tempdir().unwrap());
        let build = run.path().join(BUILD);
        cloned(prepared.path(), &build);
        assert!(build.join(LIBRARY).is_file() && build.join("src/lib.rs").is_file());
        assert!(RECORDS.iter().all(|name| !build.join(name).exists()));
        assert!(!build.join("target/x86/debug/.fingerprint").exists(), "no empty folders either");
        fetch_records(&build).unwrap();
        let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        for name in RECORDS {
            assert_eq!(modified(&build.join(name)), modified(&prepared.path().join(BUILD).join(name)));
        }
        assert!(!build.join("target/debug/incremental").exists() && !build.join(NOTE).exists());
        fs::remove_file(build.join(RECORDS[0])).unwrap();
        fetch_records(&build).unwrap();
        assert!(!build.join(RECORDS[0]).exists());
    }

    #[test]
    fn of_another_build_everything_comes_or_nothing() {
        for (made_from, comes) in [("compiler\nother sources\n", true), ("other compiler\nsources\n", false)]
        {
            let (prepared, run) = (prepared(), tempfile::tempdir().unwrap());
            let build = run.path().join(BUILD);
            cloned(prepared.path(), &build);
            fs::write(build.join("src/lib.rs"), "a cell").unwrap();
            fs::write(build.join("target/cell.so"), "").unwrap();
            fs::write(prepared.path().join(BUILD).join(LIBRARY), "new").unwrap();
            fs::write(prepared.path().join(STAMP), made_from).unwrap();
            fetch_records(&build).unwrap();
            assert_eq!(fs::read_to_string(build.join(LIBRARY)).ok().as_deref(), comes.then_some("new"));
            assert!(RECORDS.iter().all(|name| build.join(name).exists() == comes));
            assert!(!build.join("target/cell.so").exists());
            assert_eq!(fs::read_to_string(build.join("src/lib.rs")).unwrap(), "a cell");
        }
    }

    #[test]
    fn a_prepared_folder_that_is_gone_leaves_cargo_without_records() {
        let (prepared, run) = (prepared(), tempfile::tempdir().unwrap());
        let build = run.path().join(BUILD);
        cloned(prepared.path(), &build);
        fs::remove_dir_all(prepared.path()).unwrap();
        fetch_records(&build).unwrap();
        assert!(!build.join("target").exists() && !build.join(NOTE).exists());
    }

    #[test]
    fn a_clone_shares_what_is_only_replaced_and_copies_the_rest() {
        let (prepared, run) = (prepared(), tempfile::tempdir().unwrap());
        let (from, to) = (prepared.path().join(BUILD), run.path().join(BUILD));
        clone_folder(&from, &to, Part::All).unwrap();
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&from.join(LIBRARY)), inode(&to.join(LIBRARY)));
        for name in [&RECORDS[..], &["src/lib.rs"]].concat() {
            assert_ne!(inode(&from.join(name)), inode(&to.join(name)), "{name}");
        }
    }
}
