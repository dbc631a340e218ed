//! The folder of one running kernel: where evcxr builds its cells, and what the kernel and its cells share.

use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::comms::sockets;
use crate::guard::Guard;
use crate::prepared;
use crate::settings::{beside, own_cache, Settings};
use crate::{memory, sources, streams};

/// Held by a kernel as long as it lives, so that others see that its folder is in use.
const LOCK: &str = "lock";
const PREFIX: &str = "run-";

/// A kernel's own folder. It is removed when this is dropped, and by the guard if the kernel is killed.
pub struct RunFolder {
    path: PathBuf,
    guard: Mutex<Guard>,
    _lock: File,
}

impl RunFolder {
    /// Makes the folder, with a clone of the prepared build in it; removes folders that nobody uses any more.
    ///
    /// # Errors
    /// If the disk is full, or the folder cannot be written.
    pub fn create(settings: &Settings) -> Result<RunFolder> {
        let runs = settings.runs();
        let failed = || {
            format!(
                "the build folder of this kernel cannot be made in {}; free some space there, or name another folder \
                 with --runs in the kernelspec",
                runs.display()
            )
        };
        fs::create_dir_all(&runs).with_context(failed)?;
        let (path, lock) = {
            // One kernel at a time, so that a folder is never seen without its lock.
            let door = File::create(runs.join(".door")).with_context(failed)?;
            door.lock().with_context(failed)?;
            remove_leftovers(&runs);
            let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&runs).with_context(failed)?.keep();
            let lock = File::create(path.join(LOCK)).with_context(failed)?;
            lock.lock().with_context(failed)?;
            (path, lock)
        };
        let guard = Guard::start(&path)?;
        streams::make(&path).with_context(failed)?;
        sockets::make(&path).with_context(failed)?;
        let folder = RunFolder { path, guard: Mutex::new(guard), _lock: lock };
        fs::create_dir_all(folder.build().join("src")).with_context(failed)?;
        if let Some(prepared) = &settings.prepared {
            prepared::clone_into(prepared, &folder.build(), live_cargo()?.is_some()).with_context(failed)?;
        }
        fs::write(folder.build().join("src/shown.rs"), include_str!("shown.rs")).with_context(failed)?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where evcxr compiles the cells.
    pub fn build(&self) -> PathBuf {
        self.path.join("build")
    }

    /// What live-cargo has left of the last cell that it compiled: the source, or the compiler's messages.
    pub fn compiled(&self, name: &str) -> PathBuf {
        self.build().join(".live-cargo").join(name)
    }

    /// A file that exists while the running cell should stop.
    pub fn stop_file(&self) -> PathBuf {
        self.path.join("stop")
    }

    /// A file with what the next output should say first, if there is one.
    pub fn notice_file(&self) -> PathBuf {
        self.path.join("notice")
    }

    /// Tells the guard what to end when this kernel is no more; `None` once that has ended, as its number may then become
    /// another's.
    pub fn guard_group(&self, group: Option<Pid>) {
        self.guard.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).group(group);
    }

    /// The environment of evcxr and of the cells.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn environment(&self, settings: &Settings) -> Result<Vec<(OsString, OsString)>> {
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("EVCXR_TMPDIR".into(), self.build().into()),
            // The wire format that this kernel understands, and the stop flag; see the crate `live`.
            ("LIVE_KERNEL".into(), "1".into()),
            ("LIVE_STOP".into(), self.stop_file().into()),
            // How the cells are run; see live-cells.
            ("LIVE_RUNTIME".into(), beside("live-cells").into()),
            ("LIVE_STREAMS".into(), streams::folder(&self.path).into()),
            ("LIVE_MEMORY".into(), memory::limit(settings.memory).to_string().into()),
            // evcxr overwrites a kernelspec "rust" that it finds on this path, and so ours, or the user's own.
            ("JUPYTER_PATH".into(), self.path.clone().into()),
            // Errors that `?` returns should not carry a listing of evcxr's inner workings.
            ("RUST_LIB_BACKTRACE".into(), "0".into()),
        ];
        let comms = sockets::address(&self.path);
        if comms.exists() {
            environment.push(("LIVE_COMMS".into(), comms.into()));
        }
        let library = sources::folder(&self.path);
        if library.is_dir() {
            environment.push(("RUST_SRC_PATH".into(), library.into()));
        }
        environment.extend(prepared::PROFILE.map(|(name, value)| (name.into(), value.into())));
        let missing = settings.default_env.iter().filter(|(name, _)| std::env::var_os(name).is_none());
        environment.extend(missing.map(|(name, value)| (name.into(), value.into())));
        if let (Some(cargo), Some(analyzed)) = (prepared::on_path("cargo"), self.analyzed()?) {
            let set =
                environment.iter().find(|(name, _)| name == "CARGO_HOME").map(|(_, value)| value.clone());
            let home = set.or_else(|| std::env::var_os("CARGO_HOME")).unwrap_or_default();
            // rust-analyzer takes the cargo that CARGO names, unless there is one in CARGO_HOME: rustup's stand-in.
            environment.push(("CARGO".into(), analyzed.join("cargo").into()));
            environment.push(("CARGO_HOME".into(), analyzed.clone().into()));
            environment.push(("LIVE_ANALYZED".into(), analyzed.into()));
            environment.push(("LIVE_CARGO".into(), cargo.into()));
            environment.push(("LIVE_CARGO_HOME".into(), home));
        }
        if let Some(lock) = &settings.lock {
            environment.push(("LIVE_LOCK".into(), lock.into()));
        }
        let is_set = environment.iter().any(|(name, _)| name == "LIVE_CELLS")
            || std::env::var_os("LIVE_CELLS").is_some();
        if !is_set {
            environment.push(("LIVE_CELLS".into(), own_cache().join("live-kernel/cells").into()));
        }
        if let Some(prepared) = &settings.prepared {
            environment.push(("LIVE_CELLS_SHARED".into(), prepared.join(prepared::CELLS).into()));
        }
        environment.push(("LIVE_NOTICE".into(), self.notice_file().into()));
        if let Some(path) = self.path_with_own_cargo()? {
            environment.push(("PATH".into(), path));
        }
        Ok(environment)
    }

    /// A folder with a cargo for rust-analyzer alone, which is live-cargo; see `analyzed.rs` there.
    fn analyzed(&self) -> Result<Option<PathBuf>> {
        let Some(live_cargo) = live_cargo()? else { return Ok(None) };
        let folder = self.path.join("analyzed");
        fs::create_dir_all(&folder)?;
        link(&live_cargo, &folder.join("cargo"))?;
        Ok(Some(folder))
    }

    /// A search path that begins with a cargo, and a rustup, that are this kernel's own: the program live-cargo beside this one.
    fn path_with_own_cargo(&self) -> Result<Option<OsString>> {
        let Some(live_cargo) = live_cargo()? else { return Ok(None) };
        let bin = self.path.join("bin");
        fs::create_dir_all(&bin)?;
        for name in ["cargo", "rustup"] {
            link(&live_cargo, &bin.join(name))?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Some(std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?))
    }
}

/// The program live-cargo beside this one, if it is there.
fn live_cargo() -> Result<Option<PathBuf>> {
    let beside = std::env::current_exe().and_then(fs::canonicalize)?.with_file_name("live-cargo");
    Ok(Some(beside).filter(|file| file.is_file()))
}

/// Links to a file, unless that was done before.
fn link(target: &Path, place: &Path) -> std::io::Result<()> {
    match symlink(target, place) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Removes the folders of kernels that are gone, whose guards were killed as well. No kernel may be making one meanwhile.
fn remove_leftovers(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_run = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_free = match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // What a kernel uses has a lock; this was removed only half.
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        if is_run && is_free {
            sockets::remove(&path);
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_nobody_uses_are_removed() {
        let runs = tempfile::tempdir().unwrap();
        for name in ["run-used", "run-left", "run-half", "other"] {
            fs::create_dir(runs.path().join(name)).unwrap();
        }
        let used = File::create(runs.path().join("run-used").join(LOCK)).unwrap();
        used.lock().unwrap();
        File::create(runs.path().join("run-left").join(LOCK)).unwrap();
        remove_leftovers(runs.path());
        let is_there = |name: &str| runs.path().join(name).is_dir();
        assert!(is_there("run-used") && is_there("other"));
        assert!(!is_there("run-left") && !is_there("run-half"));
    }
}
