//! A file of a data set: on its own or in a zip archive, and gzipped or not.

use anyhow::{anyhow, bail, ensure, Result};
use flate2::read::GzDecoder;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

use crate::engine::error::Context;
use crate::engine::files::explain;
use crate::engine::memory::guarded;

/// Decompressed, no file of such a data set has more bytes than this: EMNIST's largest has half of it. Ten megabytes
/// of gzip can hold ten gigabytes of zeros, which must not fill the memory.
const LARGEST_CONTENT: usize = 1 << 30;

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// On the disk.
    File(PathBuf),
    /// In a zip archive, under a name that may have folders in it.
    Member { archive: PathBuf, name: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Member { archive, name } => write!(f, "{} in {}", name, archive.display()),
        }
    }
}

impl Source {
    /// The file's name, without folders.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Source::Member { name, .. } => name.rsplit(['/', '\\']).next().unwrap_or(name).to_string(),
        }
    }

    /// The bytes, decompressed.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, is a web page, or is larger than any file of a data set.
    pub fn read(&self) -> Result<Vec<u8>> {
        let bytes = match self {
            Source::File(path) => read_file(path)?,
            Source::Member { archive, name } => {
                member(open(archive)?, name).with_context(|| self.to_string())?
            }
        };
        decompress(bytes).with_context(|| self.to_string())
    }
}

/// The files in a zip archive.
pub(crate) fn members(archive: &Path) -> Result<Vec<Source>> {
    let names = names(open(archive)?).with_context(|| archive.display().to_string())?;
    Ok(names.into_iter().map(|name| Source::Member { archive: archive.to_path_buf(), name }).collect())
}

/// The names of the files in a zip archive.
pub(crate) fn names(archive: impl Read + Seek) -> Result<Vec<String>> {
    let zip = opened(archive)?;
    Ok(zip.file_names().filter(|name| !name.ends_with('/')).map(str::to_string).collect())
}

/// A file in a zip archive, unpacked.
pub(crate) fn member(archive: impl Read + Seek, name: &str) -> Result<Vec<u8>> {
    let mut zip = opened(archive)?;
    unpacked(|| {
        let file = zip.by_name(name)?;
        let mut content = Vec::new();
        file.take(LARGEST_CONTENT as u64 + 1).read_to_end(&mut content)?;
        ensure!(content.len() <= LARGEST_CONTENT, "it holds more than {LARGEST_CONTENT} bytes");
        Ok(content)
    })
}

fn opened<R: Read + Seek>(archive: R) -> Result<ZipArchive<R>> {
    unpacked(|| Ok(ZipArchive::new(archive)?))
}

/// Work of the zip crate, which may panic on a damaged archive, with advice.
fn unpacked<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let memory = || "there is not enough memory; close other programs, then try again".to_string();
    guarded("unpacking", memory, work).map_err(|error| {
        anyhow!("the zip archive cannot be unpacked ({error:#}). Delete it and download it again, or unpack it yourself")
    })
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(error, path))
}

fn unreadable(error: std::io::Error, path: &Path) -> anyhow::Error {
    explain(error, &format!("{} cannot be read", path.display()))
}

/// A file's bytes, compressed or not.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let file = open(path)?;
    // With all its memory at once, a large file is read in half the time.
    let length = file.metadata().map_or(0, |data| data.len() as usize);
    let mut content = Vec::with_capacity(length.min(LARGEST_CONTENT));
    let read = file.take(LARGEST_CONTENT as u64 + 1).read_to_end(&mut content);
    let length = read.map_err(|error| unreadable(error, path))?;
    ensure!(
        length <= LARGEST_CONTENT,
        "{} has more than {LARGEST_CONTENT} bytes; this is no file of a data set. Check the path",
        path.display()
    );
    Ok(content)
}

/// The bytes without compression, which is known by its first two bytes, whatever the file is called.
pub(crate) fn decompress(bytes: Vec<u8>) -> Result<Vec<u8>> {
    refuse_web_page(&bytes)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    gunzip(&bytes, LARGEST_CONTENT)
}

pub(crate) fn refuse_web_page(bytes: &[u8]) -> Result<()> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    ensure!(
        !start.contains("<html") && !start.contains("<!doctype"),
        "this is a web page, not data: the server sent an error or a login page under the file's name. \
         Delete it and download the file again"
    );
    Ok(())
}

fn gunzip(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    match GzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut content) {
        Ok(length) if length > most => bail!(
            "its {} compressed bytes hold more than {most}; this is no file of a data set. \
             Delete it and download it again",
            bytes.len()
        ),
        Ok(_) => Ok(content),
        Err(error) => bail!(
            "the compressed file is damaged or cut off after {} bytes ({error}). \
             Delete it and download it again",
            bytes.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_bytes_are_told_from_others() {
        assert_eq!(decompress(gz(&[7; 1000])).unwrap(), [7; 1000]);
        assert_eq!(decompress(vec![7; 3]).unwrap(), [7; 3]);
    }

    #[test]
    fn bad_bytes_are_refused_with_what_was_found() {
        let cases = [
            (decompress(b"<!DOCTYPE html><html>404".to_vec()), "web page"),
            (decompress(vec![0x1f, 0x8b, 8, 0, 0]), "cut off after 5 bytes"),
            (gunzip(&gz(&[0; 1001]), 1000), "hold more than 1000"),
            (member(std::io::Cursor::new(b"PK no zip"), "x"), "unpack"),
        ];
        for (result, expected) in cases {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
