//! Where a model's files are: one file, or a folder of versions, as TensorFlow Serving lays them out.

use cnn::anyhow::{anyhow, bail, ensure, Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The ends of model files' names.
const ENDINGS: [&str; 5] = ["safetensors", "keras", "h5", "hdf5", "onnx"];

/// A model's name, and the file or folder that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name in its address.
    pub name: String,
    /// A file, or a folder with folders `1`, `2` … with a file each.
    pub path: PathBuf,
}

/// What tells a file from an earlier one of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// Another file that was renamed to this name.
    number: u64,
}

/// A version's file.
pub(super) type Found = (PathBuf, Stamp);

impl Source {
    /// From `NAME=PATH`, or a path whose last part says the name.
    ///
    /// # Errors
    /// If there is no such file or folder, or the name cannot stand in an address.
    pub fn read(argument: &str) -> Result<Source> {
        let named =
            argument.split_once('=').filter(|(name, _)| !name.contains('/') && !Path::new(argument).exists());
        let (name, path) = match named {
            Some((name, path)) => (name.to_string(), PathBuf::from(path)),
            None => {
                let path = PathBuf::from(argument);
                let full = path.canonicalize().unwrap_or_else(|_| path.clone());
                let part = if full.is_dir() { full.file_name() } else { full.file_stem() };
                (part.unwrap_or_default().to_string_lossy().into_owned(), path)
            }
        };
        ensure!(
            path.exists(),
            "there is no file or folder {}; give a model's file (.safetensors, .keras, .h5), or a folder of versions",
            path.display()
        );
        ensure!(
            !name.is_empty() && !name.contains(['/', ':']),
            "the name {name:?} cannot stand in an address; give another one: NAME={}",
            path.display()
        );
        Ok(Source { name, path })
    }

    /// The versions that there are now. A file is version 1.
    pub(super) fn versions(&self) -> Result<BTreeMap<i64, Result<Found>>> {
        if !self.path.is_dir() {
            return Ok(BTreeMap::from([(1, Ok((self.path.clone(), stamp(&self.path)?)))]));
        }
        let mut versions = BTreeMap::new();
        for folder in listed(&self.path)? {
            let number = folder.file_name().and_then(|name| name.to_str()).and_then(version_number);
            if let Some(number) = number.filter(|_| folder.is_dir()) {
                versions.insert(number, model_in(&folder));
            }
        }
        ensure!(
            !versions.is_empty(),
            "the folder {path} has no versions; put the model's file into {path}/1, or name the file itself",
            path = self.path.display()
        );
        Ok(versions)
    }
}

/// A folder's name of digits alone, as TensorFlow Serving takes it.
fn version_number(name: &str) -> Option<i64> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
}

fn model_in(folder: &Path) -> Result<Found> {
    let is_model = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        path.is_file() && ENDINGS.contains(&ending)
    };
    let mut models: Vec<PathBuf> = listed(folder)?.into_iter().filter(is_model).collect();
    if models.len() > 1 && models.iter().any(|path| path.file_stem().is_some_and(|stem| stem == "model")) {
        models.retain(|path| path.file_stem().is_some_and(|stem| stem == "model"));
    }
    match models.as_slice() {
        [one] => Ok((one.clone(), stamp(one)?)),
        [] => bail!("{} holds no model: no .safetensors, .keras or .h5", folder.display()),
        [one, other, ..] => {
            bail!(
                "{} and {} are both models; let one of them be called model.…",
                one.display(),
                other.display()
            )
        }
    }
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    read().with_context(|| format!("the folder {} cannot be read", folder.display()))
}

fn stamp(path: &Path) -> Result<Stamp> {
    let about = fs::metadata(path).map_err(|error| anyhow!("{} cannot be read: {error}", path.display()))?;
    Ok(Stamp { modified: about.modified().ok(), length: about.len(), number: number(&about) })
}

#[cfg(unix)]
fn number(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_argument_or_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir_all(folder.path().join("digits/2")).unwrap();
        fs::write(folder.path().join("a=b.h5"), "").unwrap();
        let name = |argument: String| Source::read(&argument).map(|source| source.name);
        assert_eq!(name(path("digits")).unwrap(), "digits");
        assert_eq!(name(path("digits/")).unwrap(), "digits");
        assert_eq!(name(path("a=b.h5")).unwrap(), "a=b");
        assert_eq!(name(format!("mine={}", path("a=b.h5"))).unwrap(), "mine");
        let message = name(path("c.h5")).unwrap_err().to_string();
        assert!(message.contains("no file or folder") && message.contains("c.h5"), "{message}");
        let message = name(format!("a:b={}", path("digits"))).unwrap_err().to_string();
        assert!(message.contains("\"a:b\"") && message.contains("NAME="), "{message}");
    }

    #[test]
    fn versions_are_folders_of_digits() {
        let folder = tempfile::tempdir().unwrap();
        for file in
            ["1/x.keras", "12/model.h5", "12/old.h5", "3/x.h5", "3/y.h5", "4/readme.txt", "v5/x.h5", "x.h5"]
        {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let source = Source { name: "m".to_string(), path: folder.path().to_path_buf() };
        let versions = source.versions().unwrap();
        assert_eq!(versions.keys().copied().collect::<Vec<_>>(), [1, 3, 4, 12]);
        assert!(versions[&12].as_ref().unwrap().0.ends_with("12/model.h5"));
        assert!(versions[&3].as_ref().unwrap_err().to_string().contains("both models"));
        assert!(versions[&4].as_ref().unwrap_err().to_string().contains("no model"));
        let empty = Source { name: "m".to_string(), path: folder.path().join("v5") };
        assert!(empty.versions().unwrap_err().to_string().contains("has no versions"));
    }

    #[test]
    fn a_replaced_file_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x.h5"), folder.path().join("y.h5"));
        fs::write(&path, "one").unwrap();
        fs::write(&other, "two").unwrap();
        let before = stamp(&path).unwrap();
        assert_eq!(stamp(&path).unwrap(), before);
        fs::rename(&other, &path).unwrap();
        assert_ne!(stamp(&path).unwrap(), before);
    }
}
