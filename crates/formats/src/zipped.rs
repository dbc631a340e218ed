//! Zip archives: `.keras`, `.npz` and PyTorch's files are such.
//!
//! The zip crate of the version that tch brings along adds up the numbers of a damaged archive without a look, and panics. What
//! is needed here is little: files that are stored or deflated, in an archive that is in memory.
//!
//! Source: PKWARE's APPNOTE.TXT, 6.3.

use anyhow::{bail, ensure, Context, Result};
use flate2::{read::DeflateDecoder, Crc};
use std::borrow::Cow;
use std::io::Read;

use crate::budget::Budget;
use crate::bytes::{u16s, u32s, Reader};

const LOCAL: &[u8] = b"PK\x03\x04";
const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const DAMAGED: &str = "the zip archive is damaged or cut off. Copy or download it again";

/// An archive: what its directory says, over the file's bytes.
pub struct Archive<'a> {
    bytes: &'a [u8],
    files: Vec<File>,
    budget: Budget,
}

/// A file in an archive.
struct File {
    name: String,
    encrypted: bool,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its own header is.
    place: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    ///
    /// # Errors
    /// If it is no zip archive, or a damaged one, or two files in it have one name.
    pub fn open(bytes: &'a [u8]) -> Result<Archive<'a>> {
        let files = directory(bytes).context(DAMAGED)?;
        let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("the zip archive holds {} twice. Save it again", pair[0]);
        }
        Ok(Archive { bytes, files, budget: Budget::of_file(bytes.len()) })
    }

    /// The names of the files in it, in the directory's order, with `/` between folders (an archive made on Windows may have `\`);
    /// folders themselves are left out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// A file's content: unpacked if it was deflated, and checked.
    ///
    /// # Errors
    /// If there is no such file, it is damaged, or it is compressed or encrypted in another way.
    pub fn read(&self, name: &str) -> Result<Cow<'a, [u8]>> {
        let file = self.files.iter().find(|file| file.name == name).with_context(|| {
            let names: Vec<&str> = self.names().take(20).collect();
            format!("the zip archive holds no {name}, only {}", names.join(", "))
        })?;
        self.content(file).with_context(|| format!("{name} in the zip archive"))
    }

    fn content(&self, file: &File) -> Result<Cow<'a, [u8]>> {
        ensure!(!file.encrypted, "it is encrypted. Unpack it, and zip it again without a password");
        let mut reader = Reader::new(after(self.bytes, file.place)?);
        reader.expect(LOCAL).context(DAMAGED)?;
        reader.take(22)?;
        let (name, extra) = (reader.u16()?, reader.u16()?);
        reader.take(usize::from(name) + usize::from(extra))?;
        let packed = reader.take(usize::try_from(file.packed)?).context(DAMAGED)?;
        let size = usize::try_from(file.size)?;
        self.budget.spend(size)?;
        let content = match file.method {
            0 => Cow::Borrowed(packed),
            8 => {
                let mut content = Vec::new();
                let unpacked =
                    DeflateDecoder::new(packed).take(file.size.saturating_add(1)).read_to_end(&mut content);
                unpacked.context(DAMAGED)?;
                Cow::Owned(content)
            }
            method => bail!(
                "it is compressed with method {method}, and stored and deflated files are read. Zip it again"
            ),
        };
        ensure!(content.len() == size, "its size is not the {size} bytes of the directory: {DAMAGED}");
        let fits = cfg!(fuzzing) || crc(&content) == file.crc;
        ensure!(fits, "its checksum does not fit: {DAMAGED}");
        Ok(content)
    }
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

fn after(bytes: &[u8], place: u64) -> Result<&[u8]> {
    let from = usize::try_from(place).ok().and_then(|place| bytes.get(place..));
    from.with_context(|| format!("the place {place} lies behind the end, {}", bytes.len()))
}

/// The files that the directory, at the archive's end, names.
fn directory(bytes: &[u8]) -> Result<Vec<File>> {
    // A comment of at most 65,535 bytes may follow the end's own 22.
    let from = bytes.len().saturating_sub(65_535 + 22);
    let tail = bytes.get(from..).unwrap_or_default();
    let end = tail
        .windows(END.len())
        .rposition(|window| window == END)
        .context("a zip archive's end is not found")?;
    let end = (from + end) as u64;
    let mut reader = Reader::new(after(bytes, end)?);
    reader.take(10)?;
    let (mut count, mut size, mut start) =
        (u64::from(reader.u16()?), u64::from(reader.u32()?), u64::from(reader.u32()?));
    let comment = reader.u16()?;
    reader.take(comment.into())?;
    let mut behind = end;
    // Larger archives have another end before it.
    if let Some(locator) =
        end.checked_sub(20).and_then(|at| after(bytes, at).ok()).filter(|at| at.starts_with(LOCATOR_64))
    {
        let mut reader = Reader::new(locator);
        reader.take(8)?;
        let place = reader.u64()?;
        reader = Reader::new(after(bytes, place)?);
        reader.expect(END_64)?;
        reader.take(28)?;
        (count, size, start) = (reader.u64()?, reader.u64()?, reader.u64()?);
        behind = place;
    }
    // Other bytes may stand before the archive: its places count from its own beginning.
    let moved = behind
        .checked_sub(size)
        .and_then(|at| at.checked_sub(start))
        .context("the directory is larger than the archive")?;
    let mut reader = Reader::new(after(bytes, moved + start)?);
    let mut files = Vec::new();
    for _ in 0..count {
        let file = entry(&mut reader, moved)?;
        if !file.name.ends_with('/') {
            files.push(file);
        }
    }
    Ok(files)
}

fn entry(reader: &mut Reader, moved: u64) -> Result<File> {
    reader.expect(ENTRY)?;
    reader.take(4)?;
    let (flags, method) = (reader.u16()?, reader.u16()?);
    reader.take(4)?;
    let crc = reader.u32()?;
    let (mut packed, mut size) = (u64::from(reader.u32()?), u64::from(reader.u32()?));
    let [name, extra, comment] = [reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
    reader.take(8)?;
    let mut place = u64::from(reader.u32()?);
    let name = String::from_utf8_lossy(reader.take(name)?).replace('\\', "/");
    let mut extra = Reader::new(reader.take(extra)?);
    reader.take(comment)?;
    while extra.rest().len() >= 4 {
        let (kind, length) = (extra.u16()?, extra.u16()?);
        let mut field = Reader::new(extra.take(length.into())?);
        if kind == 1 {
            // What did not fit into 32 bits, in this order.
            for number in [&mut size, &mut packed, &mut place] {
                if *number == u64::from(u32::MAX) {
                    *number = field.u64()?;
                }
            }
        }
    }
    let place = place.checked_add(moved).context("a file lies behind the end")?;
    Ok(File { name, encrypted: flags & 1 != 0, method, crc, packed, size, place })
}

/// An archive of these files, in this order and uncompressed, as Keras, NumPy and PyTorch write theirs. All files bear the same
/// date, so that the same content gives the same bytes.
///
/// # Errors
/// If two files have one name, or a file or the whole is larger than 4 GiB.
pub fn write(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two files are called {}; give one of them another name", pair[0]);
    }
    let large = "a zip archive holds at most 4 GiB and 65,535 files here; save less at a time";
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let size = u32::try_from(content.len()).context(large)?;
        let place = u32::try_from(archive.len()).context(large)?;
        let length = u16::try_from(name.len()).with_context(|| format!("the name {name} is too long"))?;
        let utf8 = if name.is_ascii() { 0 } else { 0x800_u16 };
        // What both headers say: version 2.0, flags, stored, midnight of 1 January 1980, checksum, sizes, the name's length.
        let mut shared = u16s(&[20, utf8, 0, 0, 0x21]);
        shared.extend(u32s(&[crc(content), size, size]));
        shared.extend(u16s(&[length, 0]));
        for part in [LOCAL, &shared, name.as_bytes(), content] {
            archive.extend_from_slice(part);
        }
        directory.extend(
            [ENTRY, &20_u16.to_le_bytes(), &shared, &[0; 10], &place.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let start = u32::try_from(archive.len()).context(large)?;
    let size = u32::try_from(directory.len()).context(large)?;
    let count = u16::try_from(files.len()).ok().filter(|&count| count < u16::MAX).context(large)?;
    archive.extend(directory);
    archive.extend([END, &[0; 4], &[count.to_le_bytes(), count.to_le_bytes()].concat()].concat());
    archive.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    archive.extend([0; 2]);
    Ok(archive)
}
