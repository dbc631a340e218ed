//! Finding CIFAR-10's batches in a folder: of the binary or the Python version, unpacked or in an archive.

use anyhow::{bail, Result};
use std::path::{Path, PathBuf};

use super::folder::{contents, ending, entries, letters, name, places};
use super::formats::tar;
use super::source::{members, read_file, refuse_web_page, Source};
use crate::engine::error::Context;

/// The batches by their names in the Python version; the binary one's end with `.bin`. The last one is the test set.
pub(crate) const BATCHES: [&str; 6] =
    ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];
/// The number of the test set's batch.
pub(crate) const TEST: usize = 5;
/// A batch of either version has half of this.
const MOST_BYTES: u64 = 64 << 20;

/// A batch that is there.
pub(crate) struct Batch {
    /// Its number in [`BATCHES`].
    pub number: usize,
    /// Where it is, for messages.
    pub place: String,
    content: Content,
}

enum Content {
    There(Source),
    Read(Vec<u8>),
}

impl Batch {
    /// Its bytes, decompressed.
    pub fn read(self) -> Result<Vec<u8>> {
        match self.content {
            Content::There(source) => source.read(),
            Content::Read(bytes) => Ok(bytes),
        }
    }
}

/// The batches in a folder, in `raw` or another folder below it, or one folder further down; or in an archive that `path` is.
/// Batches that are all there, as files or in a zip archive, go before a `.tar.gz`, which takes longer to read, and that before
/// a part of them.
///
/// # Errors
/// If there is none, or none with the test set's batch; and if an archive is damaged.
pub(crate) fn find(path: &Path) -> Result<Vec<Batch>> {
    let (files, archives) = look(path)?;
    let whole = files.iter().position(|batches| batches.len() == BATCHES.len());
    let part = || {
        files
            .iter()
            .position(|batches| batches.iter().any(|(number, _)| *number == TEST) && batches.len() > 1)
    };
    if let Some(at) = whole.or_else(|| part().filter(|_| archives.is_empty())) {
        let batch = |(number, source): &(usize, Source)| Batch {
            number: *number,
            place: source.to_string(),
            content: Content::There(source.clone()),
        };
        return Ok(files[at].iter().map(batch).collect());
    }
    if let Some(archive) = archives.first() {
        return unpack(&archive.display().to_string(), &read_file(archive)?);
    }
    let missing = files.iter().max_by_key(|batches| batches.len()).map(|found| {
        let missing = (0..BATCHES.len()).filter(|number| !found.iter().any(|(there, _)| there == number));
        let missing: Vec<&str> = missing.map(|number| BATCHES[number]).collect();
        format!("{} has some of CIFAR-10's batches, and lacks {}", path.display(), missing.join(", "))
    });
    bail!(
        "{}. Check the path: looked for were data_batch_1.bin to data_batch_5.bin and test_batch.bin, gzipped or not, or \
         those of the Python version, which have no .bin, or cifar-10-binary.tar.gz or cifar-10-python.tar.gz, there, in the \
         folders below and in zip archives{}",
        missing.unwrap_or_else(|| format!("{} holds no CIFAR-10", path.display())),
        contents(path)
    )
}

/// Whether there is anything of CIFAR-10, whole or not.
pub(crate) fn is_in(path: &Path) -> bool {
    // Which archive a file is, if it is one, only its name tells soon.
    let may_be = path.is_dir() || ending(path) == "zip" || is_archive(&name(path).to_lowercase());
    may_be && look(path).is_ok_and(|(files, archives)| !files.is_empty() || !archives.is_empty())
}

/// The batches in an archive of tar.
pub(crate) fn unpack(place: &str, bytes: &[u8]) -> Result<Vec<Batch>> {
    refuse_web_page(bytes).context(place)?;
    let unpacked = tar::files(bytes, |name| recognise(name).is_some(), MOST_BYTES).context(place)?;
    let batch = |(name, bytes): (String, Vec<u8>)| {
        Some(Batch {
            number: recognise(&name)?,
            place: format!("{name} in {place}"),
            content: Content::Read(bytes),
        })
    };
    let mut batches: Vec<Batch> = unpacked.into_iter().filter_map(batch).collect();
    batches.sort_by_key(|batch| batch.number);
    batches.dedup_by_key(|batch| batch.number);
    if batches.len() < BATCHES.len() {
        bail!(
            "{place} holds {} of CIFAR-10's {} batches: it is no archive of CIFAR-10. Check that it is the file that its name \
             says, or download it again",
            batches.len(),
            BATCHES.len()
        );
    }
    Ok(batches)
}

/// The batches of one place, by their numbers.
type Files = Vec<(usize, Source)>;

/// The batches in each place, and the archives of tar.
fn look(path: &Path) -> Result<(Vec<Files>, Vec<PathBuf>)> {
    if path.is_file() {
        return match ending(path).as_str() {
            "zip" => Ok((by_folder(members(path)?), Vec::new())),
            _ if recognise(&name(path)).is_none() => Ok((Vec::new(), vec![path.to_path_buf()])),
            _ => bail!("{} is a file; check the path, and name the folder that it is in", path.display()),
        };
    }
    if !path.is_dir() {
        bail!("there is no folder {}; check the path", path.display());
    }
    let (mut files, mut archives) = (Vec::new(), Vec::new());
    for place in places(path, "cifar10")?.concat() {
        let (mut here, mut zips) = (Vec::new(), Vec::new());
        for entry in entries(&place).unwrap_or_default().into_iter().filter(|entry| !entry.is_dir()) {
            match name(&entry).to_lowercase() {
                _ if ending(&entry) == "zip" => zips.extend(members(&entry).unwrap_or_default()),
                name if is_archive(&name) => archives.push(entry),
                _ => here.push(Source::File(entry)),
            }
        }
        files.extend(by_folder(here));
        files.extend(by_folder(zips));
    }
    Ok((files, archives))
}

/// The batches among files, those of one folder together, by their numbers; of two with the same number the first.
fn by_folder(files: Vec<Source>) -> Vec<Files> {
    let folder = |source: &Source| match source {
        Source::File(path) => path.parent().map(Path::to_path_buf),
        Source::Member { archive, name } => Some(archive.join(Path::new(name).parent()?)),
    };
    let mut found: Vec<(Option<PathBuf>, Files)> = Vec::new();
    for file in files {
        let Some(number) = recognise(&file.name()) else {
            continue;
        };
        let folder = folder(&file);
        let at = found.iter().position(|(known, _)| *known == folder).unwrap_or(found.len());
        if at == found.len() {
            found.push((folder, Vec::new()));
        }
        if !found[at].1.iter().any(|(known, _)| *known == number) {
            found[at].1.push((number, file));
        }
    }
    found.iter_mut().for_each(|(_, files)| files.sort_by_key(|(number, _)| *number));
    found.into_iter().map(|(_, files)| files).collect()
}

/// The number of a batch, by its file's name.
fn recognise(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let name = name.strip_suffix(".bin").unwrap_or(name);
    BATCHES.iter().position(|batch| *batch == name)
}

/// Whether a file is an archive of CIFAR-10: `cifar-10-binary.tar.gz`, or `cifar-10-batches-py-target_archive`, as Keras 3 calls it.
fn is_archive(name: &str) -> bool {
    let of_cifar_10 = letters(name).strip_prefix("cifar10").is_some_and(|rest| !rest.starts_with('0'));
    of_cifar_10 && ([".tar.gz", ".tgz", ".tar", "_archive"].iter().any(|ending| name.ends_with(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_names() {
        for (name, number) in
            [("data_batch_1", 0), ("Data_Batch_5.bin", 4), ("test_batch.bin.gz", 5), ("data_batch_2.gz", 1)]
        {
            assert_eq!(recognise(name), Some(number), "{name}");
        }
        for name in
            ["data_batch_6", "batches.meta", "test.bin", "._data_batch_1.bin", "data_batch_1.bin.part"]
        {
            assert_eq!(recognise(name), None, "{name}");
        }
        for (name, is) in [
            ("cifar-10-binary.tar.gz", true),
            ("cifar-10-batches-py-target_archive", true),
            ("cifar-100-python.tar.gz", false),
            ("cifar10.h5", false),
        ] {
            assert_eq!(is_archive(name), is, "{name}");
        }
    }
}
