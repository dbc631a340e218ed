//! The real programs behind this one.

use anyhow::{bail, Context, Result};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether it was evcxr that called, in the folder where it compiles its cells.
pub fn is_in_build_folder() -> bool {
    let named = std::env::var_os("EVCXR_TMPDIR").and_then(|folder| fs::canonicalize(folder).ok());
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    named.is_some() && named == here
}

/// A call of the real cargo, which does not find this program again.
pub fn cargo() -> Result<Command> {
    real("cargo")
}

/// Has the real program answer, in the place of this one.
pub fn go_on(program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<i32> {
    Err(real(program)?.args(arguments).exec()).with_context(|| format!("{program} could not be started"))
}

/// evcxr asks rustup for its tools first. Without an answer it takes those on the PATH: this program, and the rustc that the
/// kernelspec names. The real rustup answers where that is only its stand-in, or a toolchain is named.
pub fn rustup(arguments: &[OsString]) -> Result<i32> {
    let names_toolchain = arguments.first().is_some_and(|first| first.as_encoded_bytes().starts_with(b"+"));
    let asks_for_cargo = arguments.last().is_some_and(|last| last == "cargo");
    let rustc = real("rustc").and_then(|rustc| Ok(fs::canonicalize(rustc.get_program())?));
    let is_stand_in = rustc.is_ok_and(|rustc| rustc.file_name().is_some_and(|name| name == "rustup"));
    match (names_toolchain || is_stand_in) && !asks_for_cargo {
        true => go_on("rustup", arguments),
        false => Ok(1),
    }
}

fn real(program: &str) -> Result<Command> {
    let own = own_path()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_own = |folder: &Path| fs::canonicalize(folder.join(program)).is_ok_and(|found| found == own);
    let others: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| !is_own(folder)).collect();
    let Some(found) = others.iter().map(|folder| folder.join(program)).find(|file| file.is_file()) else {
        bail!("there is no other {program} on the PATH {}", Path::new(&path).display());
    };
    let mut command = Command::new(found);
    command.env("PATH", std::env::join_paths(&others)?);
    Ok(command)
}

/// This program, whatever the link is called by which it was started.
pub fn own_path() -> Result<PathBuf> {
    let own = std::env::current_exe().and_then(fs::canonicalize);
    own.context("this program's own file is gone; the kernel has to be installed again")
}

/// The value of a variable that is set, and not to nothing.
pub fn variable(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
