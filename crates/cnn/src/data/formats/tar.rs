//! Archives of `tar`, gzipped or not: before each file stands a block of 512 bytes with its name and size.
//!
//! Source: POSIX.1-2001, *pax*, "ustar Interchange Format".

use anyhow::{bail, ensure, Result};
use flate2::read::GzDecoder;
use std::io::Read;

const BLOCK: usize = 512;
const DAMAGED: &str = "the archive is damaged or cut off";
const AGAIN: &str = "Delete it and download it again";

/// Reads, in one go, the files of an archive whose names, without folders, are `wanted`: name and content.
///
/// # Errors
/// If it is no archive, is damaged or cut off, or if a wanted file has more than `most` bytes.
pub(crate) fn files(
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
    most: u64,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut archive: Box<dyn Read + '_> = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(GzDecoder::new(bytes)),
        false => Box::new(bytes),
    };
    let mut found = Vec::new();
    loop {
        let mut header = [0; BLOCK];
        fill(&mut archive, &mut header)?;
        if header == [0; BLOCK] {
            return Ok(found); // the archive's end
        }
        let (path, size, is_file) = entry(&header)?;
        let name = path.rsplit('/').next().unwrap_or(&path).to_string();
        let padded = size.div_ceil(BLOCK as u64) * BLOCK as u64;
        if !is_file || !wanted(&name) {
            let passed = std::io::copy(&mut archive.by_ref().take(padded), &mut std::io::sink());
            ensure!(passed.is_ok_and(|count| count == padded), "{DAMAGED} in {path}. {AGAIN}");
            continue;
        }
        ensure!(size <= most, "{path} in it has {size} bytes, and at most {most} are expected. {AGAIN}");
        let mut content = vec![0; padded as usize];
        fill(&mut archive, &mut content)?;
        content.truncate(size as usize);
        found.push((name, content));
    }
}

/// What a header says: the file's path, its size, and whether it is a plain file.
fn entry(header: &[u8; BLOCK]) -> Result<(String, u64, bool)> {
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).trim().to_string()
    };
    let octal = |field: &[u8]| u64::from_str_radix(&text(field), 8).ok();
    // The sum of the header's bytes, its own place counted as spaces.
    let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
    let own: u64 = header[148..156].iter().map(|&byte| u64::from(byte)).sum();
    let (size, told) = (octal(&header[124..136]), octal(&header[148..156]));
    match size {
        Some(size) if told == Some(sum - own + 8 * u64::from(b' ')) && size < u64::MAX / 2 => {
            Ok((text(&header[..100]), size, matches!(header[156], b'0' | 0)))
        }
        _ => bail!("{DAMAGED}, or it is no archive of tar: what should be a file's name and size is something else. {AGAIN}"),
    }
}

fn fill(archive: &mut impl Read, place: &mut [u8]) -> Result<()> {
    match archive.read_exact(place) {
        Ok(()) => Ok(()),
        Err(error) => bail!("{DAMAGED} ({error}). {AGAIN}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;

    /// An archive of files, as tar writes it.
    pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in files {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(format!("{:011o} ", content.len()).as_bytes());
            header[148..156].fill(b' ');
            header[156] = if name.ends_with('/') { b'5' } else { b'0' };
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend(header);
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.extend([0; 2 * BLOCK]);
        bytes
    }

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn wanted_files_are_read() {
        let archive = tar(&[
            ("a/", b""),
            ("a/readme", &[7; 600]),
            ("a/one", &[1; 513]),
            ("two", &[2; 512]),
            ("none", b""),
        ]);
        for bytes in [gz(&archive), archive] {
            let found = files(&bytes, |name| name != "readme", 1000).unwrap();
            let expected = [("one", vec![1; 513]), ("two", vec![2; 512]), ("none", vec![])];
            assert_eq!(found, expected.map(|(name, content)| (name.to_string(), content)));
        }
    }

    #[test]
    fn bad_archives_are_refused_with_what_was_found() {
        let archive = tar(&[("other", &[3; 700]), ("one", &[1; 600])]);
        let mut wrong = archive.clone();
        wrong[130] = b'7';
        for (bytes, expected) in [
            (archive[..BLOCK + 100].to_vec(), "cut off in other"),
            (archive[..4 * BLOCK + 100].to_vec(), "cut off"),
            (gz(&archive)[..60].to_vec(), "cut off"),
            (archive[..archive.len() - 2 * BLOCK].to_vec(), "cut off"),
            (wrong, "no archive of tar"),
            (vec![b'x'; 2000], "no archive of tar"),
            (tar(&[("one", &[1; 1001])]), "has 1001 bytes, and at most 1000"),
        ] {
            let message = files(&bytes, |name| name == "one", 1000).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
