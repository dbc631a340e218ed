//! Where the project is that this crate works for.

use std::path::{Path, PathBuf};

/// The folder that holds `notebooks`, `data` and `artifacts`.
pub(crate) fn project_folder() -> PathBuf {
    let of_crate = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    match of_crate {
        Some(folder) if folder.is_dir() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
