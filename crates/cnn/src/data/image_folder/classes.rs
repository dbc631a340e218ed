//! The folders of the classes, and the pictures in them.

use anyhow::{bail, ensure, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::engine::files::explain;
use crate::engine::text::thousands;

/// How pictures' names end. Those that cannot be decoded are pictures all the same: it is said what to do about them.
const PICTURES: [&str; 13] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "bmp", "gif", "webp", "heic", "heif", "tif", "tiff", "avif"];
/// Files that people and systems leave beside pictures, of which nobody needs to be told.
const USUAL: [&str; 5] = ["txt", "md", "ini", "db", "ds_store"];
/// Parts of a data set, which are no classes.
const PARTS: [&str; 8] = ["train", "training", "test", "testing", "val", "valid", "validation", "eval"];

/// What a folder holds.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub class_names: Vec<String>,
    /// The pictures, class by class, each with its class number.
    pub pictures: Vec<(PathBuf, usize)>,
    /// How many files of which other kinds there are.
    pub others: BTreeMap<String, usize>,
}

/// Finds the classes' folders in `folder`, and their pictures, also in folders further down. `wanted` are the classes in
/// their order; none for all.
pub(super) fn find(folder: &Path, wanted: &[String]) -> Result<Found> {
    let shown = folder.display();
    if !folder.is_dir() {
        let is_zip = folder.is_file() && kind(folder) == "zip";
        ensure!(!is_zip, "{shown} is a zip archive; unpack it, and name the folder that comes out");
        ensure!(!folder.exists(), "{shown} is a file; name the folder that holds a folder for each class");
        // The folder in which a notebook runs is not always the one that its author thinks of.
        let here = match std::env::current_dir() {
            Ok(here) if folder.is_relative() => format!(" in {}", here.display()),
            _ => String::new(),
        };
        bail!("there is no folder {shown}{here}; check the path");
    }
    let (folders, files): (Vec<_>, Vec<_>) = entries(folder)?.into_iter().partition(|path| path.is_dir());
    let outside = files.iter().filter(|path| is_picture(path)).count();
    check_folders(folder, &folders, outside)?;
    let names: Vec<String> = folders.iter().map(|path| name(path)).collect();
    let class_names = match wanted {
        [] => names,
        _ => in_order(folder, wanted, names)?,
    };
    let mut found = Found { class_names: Vec::new(), pictures: Vec::new(), others: BTreeMap::new() };
    if outside > 0 {
        found.others.insert("outside the classes' folders".to_string(), outside);
    }
    for (class, class_name) in class_names.iter().enumerate() {
        let before = found.pictures.len();
        found.walk(&folder.join(class_name), class)?;
        ensure!(
            found.pictures.len() > before,
            "the class folder {} holds no pictures; put some there, or remove it",
            folder.join(class_name).display()
        );
    }
    Ok(Found { class_names, ..found })
}

impl Found {
    /// Adds what is in a class's folder: its files, and then what is in its folders. Links to folders are not followed:
    /// they may lead back.
    fn walk(&mut self, folder: &Path, class: usize) -> Result<()> {
        let (folders, files): (Vec<_>, Vec<_>) = entries(folder)?.into_iter().partition(|path| path.is_dir());
        for path in files {
            let kind = kind(&path);
            if is_picture(&path) {
                self.pictures.push((path, class));
            } else if !USUAL.contains(&kind.as_str()) {
                let kind = if kind.is_empty() { "no ending".to_string() } else { format!(".{kind}") };
                *self.others.entry(kind).or_default() += 1;
            }
        }
        let folders = folders.into_iter().filter(|path| !path.is_symlink());
        folders.into_iter().try_for_each(|path| self.walk(&path, class))
    }

    /// What is not looked at, for the user: "3 .mp4, 1 .csv"; empty if there is nothing.
    pub fn ignored(&self) -> String {
        let kinds = self.others.iter().map(|(kind, &count)| format!("{} {kind}", thousands(count as i64)));
        kinds.collect::<Vec<_>>().join(", ")
    }
}

/// That the folders are classes, at least two.
fn check_folders(folder: &Path, folders: &[PathBuf], pictures: usize) -> Result<()> {
    let shown = folder.display();
    match folders {
        [] => {
            let found = match pictures {
                0 => "no folders".to_string(),
                _ => format!("{} pictures and no folders", thousands(pictures as i64)),
            };
            bail!(
                "{shown} holds {found}; make a folder for each class in it, called as the class, and put the class's \
                 pictures there"
            )
        }
        [only] => {
            let inside = entries(only)?.iter().any(|path| path.is_dir());
            let hint = match inside {
                true => format!("if the classes are in there, name {}", only.display()),
                false => "check the path, or add a folder for each other class".to_string(),
            };
            bail!("{shown} holds one class alone, {:?}, and a network learns to tell at least two apart; {hint}", name(only))
        }
        _ => {}
    }
    let are_parts = folders.iter().all(|path| PARTS.contains(&name(path).to_lowercase().as_str()));
    ensure!(
        !are_parts,
        "the folders in {shown} are parts of a data set, no classes: {}. Load each of them: name {}, for example",
        folders.iter().map(|path| name(path)).collect::<Vec<_>>().join(", "),
        folders[0].display()
    );
    Ok(())
}

/// The class names as the user has ordered them, if they are those of the folders.
fn in_order(folder: &Path, wanted: &[String], names: Vec<String>) -> Result<Vec<String>> {
    let without = |from: &[String], these: &[String]| -> Vec<String> {
        from.iter().filter(|name| !these.contains(name)).map(|name| format!("{name:?}")).collect()
    };
    let (no_folder, not_named) = (without(wanted, &names), without(&names, wanted));
    let mut wrong = Vec::new();
    if !no_folder.is_empty() {
        wrong.push(format!("there is no folder for {}", no_folder.join(", ")));
    }
    if !not_named.is_empty() {
        wrong.push(format!("{} stands not in class_names", not_named.join(", ")));
    }
    ensure!(
        wrong.is_empty(),
        "class_names and the folders in {} differ: {}; name each folder, in the order of the labels",
        folder.display(),
        wrong.join(", and ")
    );
    Ok(wanted.to_vec())
}

/// What is in a folder, by its name, without what systems and programs hide there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = listed()
        .map_err(|error| explain(error, &format!("the folder {} cannot be read", folder.display())))?;
    paths.retain(|path| !name(path).starts_with('.') && name(path) != "__MACOSX");
    paths.sort_by_key(|path| name(path));
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    PICTURES.contains(&kind(path).as_str())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How a file's name ends, in small letters, without the dot.
fn kind(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_counted_by_their_kinds() {
        let folder = std::env::temp_dir().join(format!("cnn-classes-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        for file in [
            "a/1.JPG",
            "a/b/2.png",
            "a/b/x.csv",
            "c/3.heic",
            "c/y.CSV",
            "c/z",
            "c/z.txt",
            "c/.DS_Store",
            "top.png",
        ] {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let found = find(&folder, &[]).unwrap();
        let pictures = [("a/1.JPG", 0), ("a/b/2.png", 0), ("c/3.heic", 1)];
        assert_eq!(found.pictures, pictures.map(|(path, class)| (folder.join(path), class)));
        assert_eq!(found.ignored(), "2 .csv, 1 no ending, 1 outside the classes' folders");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
