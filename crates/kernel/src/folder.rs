//! The folder of one running kernel: where evcxr builds its cells, and what the kernel and its cells share.

use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::guard::Guard;
use crate::prepared;
use crate::settings::{beside, Settings};
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
        let folder = RunFolder { path, guard: Mutex::new(guard), _lock: lock };
        fs::create_dir_all(folder.build().join("src")).with_context(failed)?;
        if let Some(prepared) = &settings.prepared {
            prepared::clone_into(prepared, &folder.build()).with_context(failed)?;
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
        let library = sources::folder(&self.path);
        if library.is_dir() {
            environment.push(("RUST_SRC_PATH".into(), library.into()));
        }
        environment.extend(prepared::PROFILE.map(|(name, value)| (name.into(), value.into())));
        if let Some(cargo) = prepared::on_path("cargo") {
            // rust-analyzer would take rustup's stand-in, which is slower, and be asked a dozen times.
            environment.push(("CARGO".into(), cargo.into()));
        }
        let missing = settings.default_env.iter().filter(|(name, _)| std::env::var_os(name).is_none());
        environment.extend(missing.map(|(name, value)| (name.into(), value.into())));
        if let Some(lock) = &settings.lock {
            environment.push(("LIVE_LOCK".into(), lock.into()));
            environment.push(("PATH".into(), self.path_with_own_cargo()?));
        }
        Ok(environment)
    }

    /// A search path that begins with a cargo that keeps the versions of the Cargo.lock.
    fn path_with_own_cargo(&self) -> Result<OsString> {
        let bin = self.path.join("bin");
        fs::create_dir_all(&bin)?;
        for (name, script) in [("cargo", include_str!("cargo.sh")), ("rustup", include_str!("rustup.sh"))] {
            let path = bin.join(name);
            fs::write(&path, script)?;
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?)
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
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

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

    #[test]
    fn cargo_gets_the_versions_also_where_the_folder_has_a_second_name() {
        let folder = tempfile::tempdir().unwrap();
        let (real, linked, lock) =
            (folder.path().join("real"), folder.path().join("linked"), folder.path().join("lock"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &linked).unwrap();
        fs::write(&lock, "versions").unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut cargo = Command::new("sh");
        cargo.args(["-c", include_str!("cargo.sh"), "cargo", "--version"]).current_dir(&linked);
        cargo.env("EVCXR_TMPDIR", &linked).env("LIVE_LOCK", &lock).env("PATH", format!("own:{path}"));
        assert!(cargo.output().unwrap().status.success());
        assert_eq!(fs::read_to_string(real.join("Cargo.lock")).unwrap(), "versions");
    }
}
