//! Finding a data set's files in a folder, however it was downloaded and unpacked.

use anyhow::{bail, ensure, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source::{members, Source};
use crate::engine::error::Context;
use crate::engine::files::explain;

/// The four files of a data set, as MNIST names them.
pub(crate) const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
/// So many of a folder's folders are looked into, and no more: it may be somebody's home.
const MOST_FOLDERS: usize = 200;

/// A data set that is there.
#[derive(Debug)]
pub(crate) struct Found {
    /// What the files' names begin with, `"emnist-letters"` for example; empty for MNIST's own names.
    pub set: String,
    pub files: Files,
}

impl Found {
    /// Whether a part of the training images must be the test images.
    fn is_halved(&self) -> bool {
        matches!(self.files, Files::Csv { test: None, .. })
    }
}

#[derive(Debug)]
pub(crate) enum Files {
    /// Training images and labels, test images and labels.
    Idx([Source; 4]),
    Npz(Source),
    Csv {
        train: Source,
        test: Option<Source>,
    },
}

impl Files {
    /// The files with the images and the labels of the training part (0) or the test part (2).
    pub fn of(&self, first: usize) -> [&Source; 2] {
        match self {
            Files::Idx(files) => [&files[first], &files[first + 1]],
            Files::Npz(file) => [file, file],
            Files::Csv { train, test } => {
                [if first == 0 { train } else { test.as_ref().unwrap_or(train) }; 2]
            }
        }
    }
}

/// Which data set is looked for.
pub(crate) struct Wanted<'a> {
    /// A folder of this name is preferred.
    pub name: &'a str,
    /// What the files' names may begin with, the best first.
    pub sets: &'a [&'a str],
    /// Whether another set will do, where none of these is found and there is only one.
    pub others: bool,
}

/// Finds a data set in a folder, in `raw` below it, in a folder below it and `raw` there, as torchvision has them, or one
/// folder further down; in each place in the files themselves, and then in zip archives. `path` may also be the zip archive or the `.npz` file.
///
/// # Errors
/// If no data set is there, or files of it are missing; and if there are several in places of the same rank.
pub(crate) fn find(path: &Path, wanted: &Wanted) -> Result<Found> {
    if path.is_file() {
        let files = match ending(path).as_str() {
            "zip" => members(path)?,
            "npz" => vec![Source::File(path.to_path_buf())],
            _ => bail!("{} is a file; check the path, and name the folder that it is in", path.display()),
        };
        return chosen(complete(&files), wanted, path)?.with_context(|| nothing(path, wanted));
    }
    ensure!(path.is_dir(), "there is no folder {}; check the path", path.display());
    let mut damaged = None;
    let ranks = places(path, wanted.name)?;
    // A set of the wanted name is better than another one that lies nearer.
    let searches = [false, true].into_iter().filter(|others| wanted.others || !others);
    for (others, places) in searches.flat_map(|others| ranks.iter().map(move |places| (others, places))) {
        let mut found = Vec::new();
        for place in places {
            match in_place(place, &Wanted { others, ..*wanted }) {
                Ok(set) => found.extend(set.map(|set| (place, set))),
                Err(error) => damaged = damaged.or(Some(error)),
            }
        }
        ensure!(
            found.len() < 2,
            "there are several data sets in {}: in {}. Check which you want, and name its folder",
            path.display(),
            found.iter().map(|(place, _)| place.display().to_string()).collect::<Vec<_>>().join(" and in ")
        );
        if let Some((_, set)) = found.pop() {
            return Ok(set);
        }
    }
    Err(damaged.unwrap_or_else(|| anyhow::anyhow!(nothing(path, wanted))))
}

/// The places to look at: those of the first rank, those of the second, …
pub(super) fn places(folder: &Path, preferred: &str) -> Result<Vec<Vec<PathBuf>>> {
    let raw = folder.join("raw");
    let below = entries(folder)?.into_iter().filter(|path| path.is_dir() && *path != raw).take(MOST_FOLDERS);
    let (same, others): (Vec<_>, Vec<_>) = below.partition(|path| letters(&name(path)) == letters(preferred));
    // Where kagglehub (`versions/1`) and EMNIST's archive (`raw/gzip`) put them.
    let deeper = [std::slice::from_ref(&raw), &same, &others].concat().into_iter();
    let deeper = deeper.flat_map(|folder| entries(&folder).unwrap_or_default());
    let deeper = deeper.filter(|path| path.is_dir() && name(path) != "raw").take(MOST_FOLDERS).collect();
    let with_raw = |folders: Vec<PathBuf>| {
        folders
            .into_iter()
            .flat_map(|folder| [folder.join("raw"), folder])
            .filter(|folder| folder.is_dir())
            .collect()
    };
    Ok(vec![vec![folder.to_path_buf()], with_raw(vec![raw]), with_raw(same), with_raw(others), deeper])
}

/// The wanted data set in a place: from its files, else from one of its zip archives, else from all of them together.
/// Training images alone are taken only where their test images are nowhere else.
fn in_place(place: &Path, wanted: &Wanted) -> Result<Option<Found>> {
    // A folder that may not be read holds nothing for us; the named folder itself was read before.
    let files = files_in(place).unwrap_or_default();
    let mut best = chosen(complete(&files), wanted, place)?;
    if best.as_ref().is_some_and(|found| !found.is_halved()) {
        return Ok(best);
    }
    let (mut sources, mut damaged) = (vec![(place.to_path_buf(), files)], None);
    for archive in entries(place).unwrap_or_default().into_iter().filter(|path| ending(path) == "zip") {
        match members(&archive) {
            Ok(members) => sources.push((archive, members)),
            Err(error) => damaged = Some(error),
        }
    }
    // Kaggle sends single files as archives: `mnist_train.csv.zip` and `mnist_test.csv.zip` belong together.
    let together = sources.iter().flat_map(|(_, files)| files.clone()).collect();
    sources.push((place.to_path_buf(), together));
    for (place, files) in sources {
        match chosen(complete(&files), wanted, &place) {
            Ok(Some(found)) if !found.is_halved() => return Ok(Some(found)),
            Ok(found) => best = best.or(found),
            Err(error) => damaged = damaged.or(Some(error)),
        }
    }
    match (best, damaged) {
        (None, Some(error)) => Err(error),
        (best, _) => Ok(best),
    }
}

/// The files in a folder. Kaggle's archive of MNIST holds folders that are named like the file that is in them.
fn files_in(folder: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if !path.is_dir() {
            files.push(Source::File(path));
        } else if recognise(&name(&path)).is_some() {
            let inside = entries(&path).unwrap_or_default();
            files.extend(inside.into_iter().filter(|path| !path.is_dir()).map(Source::File));
        }
    }
    Ok(files)
}

/// What is in a folder, in alphabetical order: a file stands before its gzipped twin.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder)
        .map_err(|error| explain(error, &format!("{} cannot be read", folder.display())))?;
    let mut paths: Vec<PathBuf> = read.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// A name's letters and digits, to compare `FashionMNIST` with `fashion-mnist`.
pub(super) fn letters(name: &str) -> String {
    name.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// What a file is in a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// The number of a file of four.
    Idx(usize),
    Npz,
    TrainCsv,
    TestCsv,
}

/// The data set to which a file belongs, and as what, by its name: `emnist-letters-train-images-idx3-ubyte.gz`.
/// Capitals, and dots and underscores in place of hyphens, make no difference.
fn recognise(name: &str) -> Option<(String, Role)> {
    let name = name.to_lowercase();
    if name.starts_with('.') {
        return None; // what macOS writes beside a file
    }
    let name = name.strip_suffix(".gz").unwrap_or(&name).replace(['.', '_'], "-");
    if let Some(set) = name.strip_suffix("-npz") {
        return Some((set.to_string(), Role::Npz));
    }
    for (part, first, csv) in
        [("train", 0, Role::TrainCsv), ("t10k", 2, Role::TestCsv), ("test", 2, Role::TestCsv)]
    {
        for (rest, role) in [
            ("images-idx3-ubyte", Role::Idx(first)),
            ("labels-idx1-ubyte", Role::Idx(first + 1)),
            ("labels-idx2-int", Role::Idx(first + 1)), // QMNIST's
            ("csv", csv),
        ] {
            if let Some(set) = name.strip_suffix(&format!("{part}-{rest}")) {
                let whole_word = set.is_empty() || set.ends_with('-');
                return whole_word.then(|| (set.trim_end_matches('-').to_string(), role));
            }
        }
    }
    None
}

/// The files by set and role; of two with the same role the first.
fn by_set(files: &[Source]) -> BTreeMap<String, Vec<(Role, Source)>> {
    let mut sets: BTreeMap<String, Vec<(Role, Source)>> = BTreeMap::new();
    for file in files {
        if let Some((set, role)) = recognise(&file.name()) {
            sets.entry(set).or_default().push((role, file.clone()));
        }
    }
    sets
}

/// The data sets of which all files are there.
fn complete(files: &[Source]) -> Vec<Found> {
    let mut found = Vec::new();
    for (set, files) in by_set(files) {
        let get = |wanted| files.iter().find(|(role, _)| *role == wanted).map(|(_, file)| file.clone());
        let four: Vec<Source> = (0..4).filter_map(|number| get(Role::Idx(number))).collect();
        let idx = <[Source; 4]>::try_from(four).ok().map(Files::Idx);
        let csv = get(Role::TrainCsv).map(|train| Files::Csv { train, test: get(Role::TestCsv) });
        let forms = [idx, get(Role::Npz).map(Files::Npz), csv].into_iter().flatten();
        found.extend(forms.map(|files| Found { set: set.clone(), files }));
    }
    found
}

/// The one that is wanted most: a whole set rather than training images alone, the best name, IDX before other formats.
fn chosen(mut found: Vec<Found>, wanted: &Wanted, place: &Path) -> Result<Option<Found>> {
    let rank = |found: &Found| wanted.sets.iter().position(|set| *set == found.set);
    if wanted.others && !found.iter().any(|found| rank(found).is_some()) {
        let sets: Vec<&str> = found.iter().map(|found| found.set.as_str()).collect();
        ensure!(
            sets.windows(2).all(|two| two[0] == two[1]),
            "there are several data sets in {}: {}. Check which you want; {}",
            place.display(),
            sets.join(", "),
            remedy(sets[0])
        );
    } else {
        found.retain(|found| rank(found).is_some());
    }
    // The sort is stable, and the formats of a set stand in their order.
    found.sort_by_key(|found| (found.is_halved(), rank(found)));
    Ok(found.into_iter().next())
}

/// How to load a set of this name.
fn remedy(set: &str) -> String {
    match set.strip_prefix("emnist-") {
        Some(split) => format!("data::emnist::load_from(\"folder\", \"{split}\") loads one of EMNIST's"),
        None if set == "qmnist" => "data::qmnist::load_from(\"folder\") loads QMNIST".to_string(),
        None if set == "fashion-mnist" => {
            "data::fashion_mnist::load_from(\"folder\") loads Fashion-MNIST".to_string()
        }
        None => format!("data::idx::load_folder(\"folder\", \"{set}\") loads one by its name"),
    }
}

/// Why nothing was found: files that are missing, other data sets, or what is there instead.
fn nothing(path: &Path, wanted: &Wanted) -> String {
    let there = match path.is_file() {
        true => members(path).unwrap_or_default(),
        false => places(path, wanted.name)
            .unwrap_or_default()
            .concat()
            .iter()
            .flat_map(|place| files_in(place).unwrap_or_default())
            .collect(),
    };
    let sets = by_set(&there);
    for (set, files) in sets.iter().filter(|(set, _)| wanted.others || wanted.sets.contains(&set.as_str())) {
        let missing = (0..4).filter(|number| !files.iter().any(|(role, _)| *role == Role::Idx(*number)));
        let missing: Vec<String> = missing.map(|number| file_name(set, number)).collect();
        if missing.len() < 4 {
            return format!(
                "{} lacks {} (with or without .gz); a data set is four files: {}. Check the path, or download {} again{}",
                path.display(),
                missing.join(" and "),
                [0, 1, 2, 3].map(|number| file_name(set, number)).join(", "),
                if missing.len() == 1 { "it" } else { "them" },
                contents(path)
            );
        }
        if files.iter().all(|(role, _)| *role == Role::TestCsv) {
            let file = &files[0].1;
            return format!(
                "{} has {} alone, and its train.csv is needed, too: Kaggle's test.csv has no labels. \
                 Download it to there, or check the path",
                path.display(),
                file.name()
            );
        }
    }
    if let Some(found) = complete(&there).first() {
        let (which, name) = match found.set.as_str() {
            "" => ("a data set with MNIST's file names".to_string(), "name"),
            set => (format!("another data set, {set:?}"), set),
        };
        return format!(
            "{} holds {which}; check the path, or load it as what it is: {}",
            path.display(),
            remedy(name)
        );
    }
    let looked_for = match wanted.sets.iter().find(|set| set.contains('-') || **set == "qmnist") {
        Some(set) if wanted.sets.contains(&"") && !wanted.others => {
            format!("{} (with or without .gz), or {set}_train.csv with {set}_test.csv", FILES.join(", "))
        }
        Some(set) if !wanted.others => [0, 1, 2, 3].map(|number| file_name(set, number)).join(", "),
        _ => format!(
            "{} (with or without .gz), mnist.npz, mnist_train.csv with mnist_test.csv, or Kaggle's train.csv",
            FILES.join(", ")
        ),
    };
    format!(
        "{} holds no data set that is known here. Check the path: looked for were {looked_for}, there, in the folders below and in \
         zip archives{}{}",
        path.display(),
        contents(path),
        unpack(path)
    )
}

/// The name of a set's file of four.
fn file_name(set: &str, number: usize) -> String {
    match set {
        "" => FILES[number].to_string(),
        "qmnist" => {
            format!("qmnist-{}", FILES[number].replace("t10k", "test").replace("idx1-ubyte", "idx2-int"))
        }
        _ => format!("{set}-{}", FILES[number].replace("t10k", "test")),
    }
}

/// What to do with an archive that is not opened here.
fn unpack(path: &Path) -> String {
    let packed = |name: &String| {
        let name = name.to_lowercase();
        [".tar", ".tar.gz", ".tgz", ".7z", ".rar"].iter().any(|ending| name.ends_with(ending))
    };
    let mut names = entries(path).unwrap_or_default().into_iter().map(|path| name(&path));
    names.find(packed).map_or(String::new(), |name| format!(". Unpack {name} first"))
}

/// The first files and folders, for a message.
pub(super) fn contents(path: &Path) -> String {
    const SHOWN: usize = 6;
    let names: Vec<String> = match path.is_file() {
        true => members(path).unwrap_or_default().iter().map(Source::name).collect(),
        false => {
            let shown = |path: &PathBuf| name(path) + if path.is_dir() { "/" } else { "" };
            let entries = entries(path).unwrap_or_default();
            entries.iter().filter(|path| !name(path).starts_with('.')).map(shown).collect()
        }
    };
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.is_empty() {
        true => ". It is empty".to_string(),
        false => format!(". It has {}{more}", names[..names.len().min(SHOWN)].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_names() {
        for (name, set, role) in [
            ("train-images-idx3-ubyte", "", Role::Idx(0)),
            ("train-labels.idx1-ubyte", "", Role::Idx(1)),
            ("T10K-Images-IDX3-ubyte.GZ", "", Role::Idx(2)),
            ("emnist-letters-test-labels-idx1-ubyte.gz", "emnist-letters", Role::Idx(3)),
            ("qmnist-train-labels-idx2-int.gz", "qmnist", Role::Idx(1)),
            ("mnist.npz", "mnist", Role::Npz),
            ("train.csv", "", Role::TrainCsv),
            ("fashion-mnist_test.csv", "fashion-mnist", Role::TestCsv),
        ] {
            assert_eq!(recognise(name), Some((set.to_string(), role)), "{name}");
        }
        for name in
            ["._train-images-idx3-ubyte", "constrain.csv", "train", "train-images-idx1-ubyte", "csv", ""]
        {
            assert_eq!(recognise(name), None, "{name}");
        }
    }
}
