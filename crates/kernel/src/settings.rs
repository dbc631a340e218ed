//! What a kernel is told when it is started.

use clap::Args;
use std::env::JoinPathsError;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where things are; the same for `run`, `prepare` and `install`.
#[derive(Args, Debug, Clone)]
pub struct Settings {
    /// The program live-session, which has evcxr execute cells. The default is the one beside this program, else on the PATH.
    #[arg(long)]
    pub session: Option<PathBuf>,
    /// Folder with what `prepare` has compiled. Users can share one; a kernel that may write there renews it when it is out
    /// of date.
    #[arg(long)]
    pub prepared: Option<PathBuf>,
    /// Folder for the build folders of running kernels. The default is beside the prepared one, where a kernel starts
    /// soonest and takes the least space; for those who cannot write there, in their own cache.
    #[arg(long)]
    pub runs: Option<PathBuf>,
    /// File with a cell that is executed before the user's first one, as a rule the `:dep` lines.
    #[arg(long)]
    pub warm_up: Option<PathBuf>,
    /// A Cargo.lock whose versions dependencies get; without one, evcxr asks the network for the newest.
    #[arg(long)]
    pub lock: Option<PathBuf>,
    /// Folder of the cargo and rustc that compile the cells. The default is what the PATH finds.
    #[arg(long)]
    pub toolchain: Option<PathBuf>,
    /// How many GiB of memory the cells of a kernel may take. The default is three quarters of what the machine has.
    #[arg(long, value_name = "GIB")]
    pub memory: Option<f64>,
    /// NAME=VALUE for the environment of cells, where it does not have that name already.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub default_env: Vec<(String, String)>,
}

/// Another program of this crate: in the same folder as this one, or on the PATH.
pub fn beside(name: &str) -> PathBuf {
    let here = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(name)));
    here.filter(|program| program.is_file()).unwrap_or_else(|| name.into())
}

fn is_writable(folder: &Path) -> bool {
    std::fs::create_dir_all(folder).is_ok() && tempfile::tempfile_in(folder).is_ok()
}

/// Where a user's own programs keep what can be made again.
pub fn own_cache() -> PathBuf {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let in_home = || named("HOME").map(|home| home.join(".cache"));
    named("XDG_CACHE_HOME").or_else(in_home).unwrap_or_else(std::env::temp_dir)
}

/// NAME=VALUE as a pair.
///
/// # Errors
/// If there is no `=`, or nothing before it.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    parts
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .ok_or_else(|| "NAME=VALUE is wanted".to_string())
}

impl Settings {
    /// The folder in which kernels make their own folders.
    pub fn runs(&self) -> PathBuf {
        if let Some(named) = &self.runs {
            return named.clone();
        }
        let beside = self.prepared.as_ref().and_then(|folder| folder.parent());
        match beside.filter(|folder| is_writable(folder)) {
            Some(folder) => folder.to_path_buf(),
            None => own_cache().join("live-kernel"),
        }
    }

    /// The search path for this process and its children, as the settings want it: the toolchain comes first, if it is still
    /// there. rustup's own folder comes last: a desktop that starts Jupyter may know nothing of it.
    pub fn search_path(&self, path: &OsStr) -> Result<OsString, JoinPathsError> {
        let first = self.toolchain.iter().filter(|folder| folder.join("cargo").is_file()).cloned();
        let home = |name, below| std::env::var_os(name).map(|home| PathBuf::from(home).join(below));
        let last = home("CARGO_HOME", "bin").or_else(|| home("HOME", ".cargo/bin"));
        let given: Vec<PathBuf> = std::env::split_paths(path).collect();
        let last = last.filter(|folder| !given.contains(folder));
        std::env::join_paths(first.chain(given).chain(last))
    }

    /// The program live-session.
    pub fn session(&self) -> PathBuf {
        self.session.clone().unwrap_or_else(|| beside("live-session"))
    }

    /// The arguments that say the same again, with paths that are valid from any working folder.
    pub fn arguments(&self) -> Vec<String> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let named = [
            ("--session", &self.session),
            ("--prepared", &self.prepared),
            ("--runs", &self.runs),
            ("--warm-up", &self.warm_up),
            ("--lock", &self.lock),
            ("--toolchain", &self.toolchain),
        ];
        let mut arguments = Vec::new();
        for (name, path) in named {
            if let Some(path) = path {
                arguments.extend([name.to_string(), absolute(path).display().to_string()]);
            }
        }
        if let Some(memory) = self.memory {
            arguments.extend(["--memory".to_string(), memory.to_string()]);
        }
        for (name, value) in &self.default_env {
            arguments.extend(["--default-env".to_string(), format!("{name}={value}")]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_valid_from_any_folder() {
        let (session, prepared) = (Some("./b".into()), Some("a".into()));
        let (runs, warm_up, lock, toolchain, memory) = (None, None, None, None, Some(1.5));
        let settings =
            Settings { session, prepared, runs, warm_up, lock, memory, toolchain, default_env: vec![] };
        let here = std::env::current_dir().unwrap();
        let absolute = |path: &str| here.join(path).display().to_string();
        assert_eq!(
            settings.arguments(),
            ["--session", &absolute("b"), "--prepared", &absolute("a"), "--memory", "1.5"]
        );
    }

    #[test]
    fn the_toolchain_is_found_first_while_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let toolchain = Some(folder.path().to_path_buf());
        let (session, prepared, runs, warm_up, lock, memory) = (None, None, None, None, None, None);
        let settings =
            Settings { session, prepared, runs, warm_up, lock, memory, toolchain, default_env: vec![] };
        let folders = || {
            let path = settings.search_path(OsStr::new("/a:/b")).unwrap();
            std::env::split_paths(&path).collect::<Vec<_>>()
        };
        assert_eq!(folders()[..2], [PathBuf::from("/a"), PathBuf::from("/b")]);
        std::fs::write(folder.path().join("cargo"), "").unwrap();
        assert_eq!(folders()[..2], [folder.path(), Path::new("/a")]);
    }
}
