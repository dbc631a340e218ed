//! Where the data sets that `load_data()` knows are looked for: in the folder that `CNN_DATA_DIR` names, or beside it, and in
//! the project's own `data`.

use anyhow::{ensure, Result};
use std::path::{Path, PathBuf};

use super::folder::{entries, letters, name};
use crate::engine::project::project_folder;

/// A data set that `load_data()` knows.
#[derive(Debug, PartialEq)]
pub(crate) struct Known {
    /// Of its folder in the project's `data` and at the mirrors that `CNN_MIRRORS` names.
    pub name: &'static str,
    /// As people write it.
    pub title: &'static str,
    /// What its folders are called by others, in small letters and digits alone.
    folders: &'static [&'static str],
}

pub(crate) const MNIST: Known = Known { name: "mnist", title: "MNIST", folders: &["mnist"] };
pub(crate) const FASHION_MNIST: Known =
    Known { name: "fashion-mnist", title: "Fashion-MNIST", folders: &["fashionmnist"] };
pub(crate) const CIFAR_10: Known = Known {
    name: "cifar10",
    title: "CIFAR-10",
    folders: &["cifar10", "cifar10batchesbin", "cifar10batchespy", "cifar10batchespytarget"],
};
const ALL: [&Known; 3] = [&MNIST, &FASHION_MNIST, &CIFAR_10];

impl Known {
    /// Whether a folder, or an archive, is called like this set.
    fn names(&self, path: &Path) -> bool {
        let name = letters(&name(path));
        self.folders.contains(&name.strip_suffix("zip").unwrap_or(&name))
    }

    /// Its folder in the project's `data`, where downloads are kept.
    pub fn folder(&self) -> PathBuf {
        project_folder().join("data").join(self.name)
    }

    /// The folder that `CNN_DATA_DIR` means for this set: the named one, one of the set's name in it, or one beside it
    /// where the named one is another set's. `is_in` tells whether the set's files are in a folder, or below it.
    ///
    /// None: the variable is not set, or not for this set.
    ///
    /// # Errors
    /// If there is nothing of the name.
    pub fn named_folder(&self, is_in: impl Fn(&Path) -> bool) -> Result<Option<PathBuf>> {
        match std::env::var_os("CNN_DATA_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => self.of_named(Path::new(&folder), is_in),
            None => Ok(None),
        }
    }

    fn of_named(&self, named: &Path, is_in: impl Fn(&Path) -> bool) -> Result<Option<PathBuf>> {
        let shown = named.display();
        ensure!(named.exists(), "CNN_DATA_DIR is {shown}: there is no folder {shown}; check the path");
        if self.names(named) || is_in(named) {
            return Ok(Some(named.to_path_buf()));
        }
        let whole = std::path::absolute(named)?;
        let is_others = |path: &Path| ALL.iter().any(|other| *other != self && other.names(path));
        let folders =
            |folder: &Path| entries(folder).unwrap_or_default().into_iter().filter(|path| path.is_dir());
        let mut below = folders(named).filter(|folder| self.names(folder));
        let beside = whole.parent().filter(|_| is_others(&whole)).into_iter().flat_map(folders);
        if let Some(folder) = below.next().or_else(|| beside.into_iter().find(|folder| self.names(folder))) {
            println!("{} is taken from {} (CNN_DATA_DIR is {shown})", self.title, folder.display());
            return Ok(Some(folder));
        }
        // The variable is MNIST's first of all: where nothing tells of another set, what is wrong in the folder is told.
        if *self == MNIST && !is_others(&whole) && !folders(named).any(|folder| is_others(&folder)) {
            return Ok(Some(named.to_path_buf()));
        }
        println!("{shown}, which CNN_DATA_DIR names, has no {}", self.title);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_serves_several_sets() {
        let root = std::env::temp_dir().join(format!("cnn-place-{}", std::process::id()));
        for folder in [
            "mnist",
            "FashionMNIST/raw",
            "cifar-10/subset",
            "photos",
            "all/cifar-10-batches-py",
            "alone/mnist",
        ] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let at = |set: &Known, named: &str, holds: bool| {
            let found = set.of_named(&root.join(named), |_| holds).unwrap();
            found.map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
        };
        let some = |path: &str| Some(path.to_string());
        // The named folder itself, by its name or by what is in it.
        assert_eq!(at(&MNIST, "mnist", false), some("mnist"));
        assert_eq!(at(&FASHION_MNIST, "FashionMNIST", false), some("FashionMNIST"));
        assert_eq!(at(&CIFAR_10, "photos", true), some("photos"));
        // Below it, and beside it.
        assert_eq!(at(&CIFAR_10, "all", false), some("all/cifar-10-batches-py"));
        assert_eq!(at(&CIFAR_10, "mnist", false), some("cifar-10"));
        assert_eq!(at(&FASHION_MNIST, "mnist", false), some("FashionMNIST"));
        assert_eq!(at(&MNIST, "cifar-10", false), some("mnist"));
        // Not there: as if the variable were not set, but for MNIST where nothing tells of another set.
        assert_eq!(at(&FASHION_MNIST, "alone/mnist", false), None);
        assert_eq!(at(&FASHION_MNIST, "photos", false), None);
        assert_eq!(at(&MNIST, "all", false), None);
        assert_eq!(at(&MNIST, "photos", false), some("photos"));
        let message = CIFAR_10.of_named(&root.join("nowhere"), |_| true).unwrap_err().to_string();
        assert!(message.contains("nowhere; check the path"), "{message}");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn cifar_100_is_another_set() {
        for (name, is) in [
            ("CIFAR-10", true),
            ("cifar10.zip", true),
            ("cifar-10-batches-bin", true),
            ("cifar-100-python", false),
        ] {
            assert_eq!(CIFAR_10.names(Path::new(name)), is, "{name}");
        }
    }
}
