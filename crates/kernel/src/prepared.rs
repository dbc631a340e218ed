//! The prepared build folder: made once, cloned for every kernel.
//!
//! Compiling dependencies takes minutes, cloning what was compiled a fraction of a second. A file beside the build
//! says what it was made from, so that a kernel sees when it is out of date, and then renews it.

use anyhow::{Context, Result};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::cloned::{clone_folder, fetch_records, leave_records, Part, BUILD, STAMP};

/// Compiled cells that all users of the prepared folder share.
pub const CELLS: &str = "cells";
const PART: &str = ".prepared-";
/// Renewing takes seconds; what is older was left by a kernel that was killed.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3600);

/// How cells and dependencies are compiled, as variables for cargo. Optimising a cell across its codegen units would make it
/// no faster, and compiling it a fifth slower.
pub const PROFILE: [(&str, &str); 1] = [("CARGO_PROFILE_DEV_LTO", "off")];

/// Fills `target` with the prepared build, if there is one and this compiler made it; its sources may have changed.
/// live-cargo brings cargo's own records when it needs cargo; where there is no live-cargo, cargo is asked from the beginning.
///
/// # Errors
/// If something cannot be written, as on a full disk.
pub fn clone_into(prepared: &Path, target: &Path, has_live_cargo: bool) -> io::Result<()> {
    let part = if has_live_cargo { Part::Libraries } else { Part::All };
    for attempt in 1.. {
        let made_from = fs::read_to_string(prepared.join(STAMP)).unwrap_or_default();
        if made_from.lines().next() != Some(COMPILER.as_str()) {
            return fs::create_dir_all(target.join("src"));
        }
        let cloned = clone_folder(&prepared.join(BUILD), target, part);
        let noted = |()| if has_live_cargo { leave_records(prepared, &made_from, target) } else { Ok(()) };
        match cloned.and_then(noted) {
            // Another kernel has just put a new prepared folder in the place of this one: begin again with that.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < 3 && prepared.is_dir() => {
                std::thread::sleep(Duration::from_millis(200));
                if target.exists() {
                    fs::remove_dir_all(target)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return fs::create_dir_all(target.join("src"))
            }
            result => return result,
        }
    }
    Ok(())
}

/// What a prepared build depends on: the compiler, the versions in the Cargo.lock, the sources of crates named by `path`,
/// and the warm-up cell.
pub fn stamp(cell: &str, lock: Option<&Path>, working_folder: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    lock.and_then(|lock| fs::read(lock).ok()).hash(&mut hasher);
    let mut seen = BTreeSet::new();
    for folder in paths_in(cell, working_folder) {
        hash_crate(&folder, &mut hasher, &mut seen);
    }
    format!("{}\n{:016x}\n{cell}", *COMPILER, hasher.finish())
}

/// The compiler, and how it is asked to compile. It is asked for its version, since rustup's stand-in for it is another file;
/// and only once, since that takes a while.
static COMPILER: LazyLock<String> = LazyLock::new(|| {
    let version = Command::new("rustc").arg("-vV").output().map(|output| output.stdout);
    let mut hasher = DefaultHasher::new();
    (PROFILE, version.ok()).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// Where a program is, as the shell finds it.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    found
}

/// The folders of crates in lines such as `cnn = { path = "../crates/cnn" }`.
fn paths_in(text: &str, relative_to: &Path) -> Vec<PathBuf> {
    static PATH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\bpath *= *"([^"]+)""#).expect("a valid pattern"));
    let found = PATH.captures_iter(text).filter_map(|found| relative_to.join(&found[1]).canonicalize().ok());
    found.filter(|path| path.join("Cargo.toml").is_file()).collect()
}

/// A crate's files by name, size and time, and those of the crates that it names by `path`.
fn hash_crate(folder: &Path, hasher: &mut DefaultHasher, seen: &mut BTreeSet<PathBuf>) {
    if !seen.insert(folder.to_path_buf()) {
        return;
    }
    hash_files(folder, hasher);
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    for dependency in paths_in(&manifest, folder) {
        hash_crate(&dependency, hasher, seen);
    }
}

fn hash_files(folder: &Path, hasher: &mut DefaultHasher) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
        // Changes there change no library.
        if name.starts_with('.') || ["target", "tests", "examples", "benches"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            hash_files(&path, hasher);
        } else if let Ok(metadata) = fs::metadata(&path) {
            (&name, metadata.len(), metadata.modified().ok()).hash(hasher);
        }
    }
}

/// Whether the prepared build was made from this.
pub fn is_current(prepared: &Path, stamp: &str) -> bool {
    let made_from = fs::read_to_string(prepared.join(STAMP));
    prepared.join(BUILD).is_dir() && made_from.is_ok_and(|made_from| made_from == stamp)
}

/// Puts a kernel's build folder in the place of the prepared one. A kernel that starts at this moment finds the old one
/// or the new one.
///
/// # Errors
/// If the folder belongs to another user, or the disk is full; the old one is then still there.
pub fn renew(prepared: &Path, build: &Path, stamp: &str) -> Result<()> {
    let parent = prepared.parent().context("the prepared folder is not a folder in another one")?;
    fs::create_dir_all(parent)?;
    remove_leftovers(parent);
    // Both names are gone again when this returns.
    let part = tempfile::Builder::new().prefix(PART).tempdir_in(parent)?;
    let new = part.path().join("new");
    fetch_records(build)?;
    clone_folder(build, &new.join(BUILD), Part::All)?;
    fs::write(new.join(STAMP), stamp)?;
    if prepared.is_dir() {
        fs::rename(prepared, part.path().join("old"))?;
    }
    fs::rename(&new, prepared)?;
    Ok(())
}

/// Removes what kernels that were killed while they renewed have left.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let age =
            entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
        let is_old = matches!(age, Ok(Ok(age)) if age > LEFT_OVER_AFTER);
        if is_old && entry.file_name().to_string_lossy().starts_with(PART) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::SystemTime;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn what_another_compiler_made_is_left_where_it_is() {
        let prepared = folder_with(&[("made-from", "another"), ("build/target/a.rlib", "library")]);
        let target = prepared.path().join("run");
        clone_into(prepared.path(), &target, true).unwrap();
        assert!(target.join("src").is_dir() && !target.join("target").exists());
    }

    #[test]
    fn a_kernel_without_a_prepared_build_begins_with_an_empty_one() {
        let empty = tempfile::tempdir().unwrap();
        let target = empty.path().join("build");
        clone_into(&empty.path().join("missing"), &target, true).unwrap();
        assert!(target.join("src").is_dir());
    }

    #[test]
    fn a_prepared_folder_without_a_build_is_as_good_as_none() {
        let prepared = folder_with(&[("made-from", &COMPILER), ("run/build/src/lib.rs", "")]);
        assert!(!is_current(prepared.path(), &COMPILER));
        let target = prepared.path().join("run/build");
        clone_into(prepared.path(), &target, true).unwrap();
        assert!(target.join("src").is_dir());
    }

    #[test]
    fn the_stamp_changes_with_the_versions_in_the_lock() {
        let folder = folder_with(&[("Cargo.lock", "1")]);
        let lock = folder.path().join("Cargo.lock");
        let first = stamp("", Some(&lock), folder.path());
        fs::write(&lock, "2").unwrap();
        assert_ne!(stamp("", Some(&lock), folder.path()), first);
    }

    #[test]
    fn the_stamp_changes_with_sources_also_of_dependencies() {
        let crates = folder_with(&[
            ("a/Cargo.toml", "[dependencies]\nb = { path = \"../b\" }"),
            ("a/src/lib.rs", "1"),
            ("b/Cargo.toml", ""),
            ("b/src/lib.rs", "1"),
            ("b/tests/t.rs", "1"),
        ]);
        let cell = ":dep a = { path = \"a\" }";
        let stamp = |cell: &str| stamp(cell, None, crates.path());
        let first = stamp(cell);
        assert_eq!(stamp(cell), first);
        assert_ne!(stamp(&format!("{cell}\n")), first);
        fs::write(crates.path().join("b/tests/t.rs"), "22").unwrap();
        assert_eq!(stamp(cell), first, "tests are no part of a library");
        fs::write(crates.path().join("b/src/lib.rs"), "22").unwrap();
        assert_ne!(stamp(cell), first);
    }

    #[test]
    fn renewing_replaces_the_old_build_whole() {
        let parent =
            folder_with(&[("prepared/build/old", ""), ("run/new", ""), (".prepared-killed/new/build/a", "")]);
        let long_ago = FileTimes::new().set_modified(SystemTime::now() - 2 * LEFT_OVER_AFTER);
        File::open(parent.path().join(".prepared-killed")).unwrap().set_times(long_ago).unwrap();
        let (prepared, run) = (parent.path().join("prepared"), parent.path().join("run"));
        renew(&prepared, &run, "stamp").unwrap();
        assert!(is_current(&prepared, "stamp") && !is_current(&prepared, "other"));
        assert!(prepared.join("build/new").exists() && !prepared.join("build/old").exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2, "nothing else is left");
    }
}
