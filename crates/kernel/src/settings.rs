//! What a kernel is told when it is started.

use clap::Args;
use std::path::{Path, PathBuf};

/// Where things are; the same for `run`, `prepare` and `install`.
#[derive(Args, Debug, Clone)]
pub struct Settings {
    /// The program evcxr_jupyter.
    #[arg(long, default_value = "evcxr_jupyter")]
    pub evcxr: PathBuf,
    /// Folder with what `prepare` has compiled. Kernels only read it, so that users can share one.
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
    /// NAME=VALUE for the environment of cells, where it does not have that name already.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub default_env: Vec<(String, String)>,
}

fn is_writable(folder: &Path) -> bool {
    std::fs::create_dir_all(folder).is_ok() && tempfile::tempfile_in(folder).is_ok()
}

fn own_cache() -> PathBuf {
    let in_home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(in_home).unwrap_or_else(std::env::temp_dir)
}

fn assignment(text: &str) -> Result<(String, String), String> {
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

    /// The arguments that say the same again, with paths that are valid from any working folder.
    pub fn arguments(&self) -> Vec<String> {
        let named = [
            ("--prepared", &self.prepared),
            ("--runs", &self.runs),
            ("--warm-up", &self.warm_up),
            ("--lock", &self.lock),
        ];
        let mut arguments = vec!["--evcxr".to_string(), self.evcxr.display().to_string()];
        for (name, path) in named {
            if let Some(path) = path {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                arguments.extend([name.to_string(), path.display().to_string()]);
            }
        }
        for (name, value) in &self.default_env {
            arguments.extend(["--default-env".to_string(), format!("{name}={value}")]);
        }
        arguments
    }
}
