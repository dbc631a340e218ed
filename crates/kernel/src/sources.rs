//! The standard library's sources, as evcxr's rust-analyzer gets to see them.
//!
//! It reads them to know the types of variables: once when evcxr starts, when there are none, and again at the first `:dep`.
//! So evcxr first sees a library without sources, if a `:dep` is to come, and then one without the processors' vector
//! instructions, which are half of all the text. A third of the time to the first cell is spared.
//!
//! Where Rust was installed without its sources (rustup's component `rust-src`), nothing is hidden nor shown, and
//! rust-analyzer looks for them itself.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The module `core::arch`: 16 MB, and nothing that a notebook's variables are made of.
const LEFT_OUT: &str = "stdarch";
const ITS_ROOT: &str = "stdarch/crates/core_arch/src/mod.rs";

/// Where rust-analyzer is to look, as the variable `RUST_SRC_PATH`, if it is there.
pub fn folder(run: &Path) -> PathBuf {
    run.join("library")
}

/// Shows a library without sources.
///
/// # Errors
/// If the folder cannot be written.
pub fn hide(run: &Path) -> io::Result<()> {
    if installed().is_none() {
        return Ok(());
    }
    replace(run, |new| fs::create_dir_all(new.join("core")))
}

/// Shows the sources.
///
/// # Errors
/// If the folder cannot be written.
pub fn show(run: &Path) -> io::Result<()> {
    let Some(library) = installed() else { return Ok(()) };
    replace(run, |new| {
        for entry in fs::read_dir(&library)? {
            let entry = entry?;
            if entry.file_name() != LEFT_OUT {
                symlink(entry.path(), new.join(entry.file_name()))?;
            }
        }
        let root = new.join(ITS_ROOT);
        fs::create_dir_all(root.parent().unwrap_or(new))?;
        fs::write(root, "")
    })
}

/// Fills a new folder, and puts it in the place of the old one.
fn replace(run: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let new = tempfile::Builder::new().prefix("library-").tempdir_in(run)?.keep();
    fill(&new)?;
    let place = folder(run);
    if place.is_dir() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(new, place)
}

fn installed() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    library.join("core").is_dir().then_some(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_there_but_for_the_vector_instructions() {
        let run = tempfile::tempdir().unwrap();
        hide(run.path()).unwrap();
        let library = folder(run.path());
        if installed().is_none() {
            assert!(!library.exists());
            return;
        }
        assert_eq!(fs::read_dir(library.join("core")).unwrap().count(), 0);
        show(run.path()).unwrap();
        assert!(library.join("core/src/lib.rs").is_file() && library.join("Cargo.lock").is_file());
        assert_eq!(fs::read_to_string(library.join(ITS_ROOT)).unwrap(), "");
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 1, "nothing else is left");
    }
}
