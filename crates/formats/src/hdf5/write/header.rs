//! Object headers: the messages that say what an object is.

use anyhow::{ensure, Context, Result};

use super::output::{padded, Output, NOWHERE};
use super::value::encode;
use crate::bytes::u16s;
use crate::hdf5::tree::check_names;
use crate::hdf5::{Attribute, Dataset};

/// A message's length is a number of 16 bits, and a multiple of eight.
const LARGEST_MESSAGE: usize = 65_528;

/// The messages of a header.
#[derive(Default)]
pub(super) struct Header {
    count: usize,
    messages: Vec<u8>,
}

impl Header {
    pub fn add(&mut self, kind: u16, constant: bool, body: &[u8]) -> Result<()> {
        let body = padded(body);
        ensure!(
            body.len() <= LARGEST_MESSAGE,
            "it takes {} bytes, and {LARGEST_MESSAGE} are the most. Split a list of names, as Keras does (weight_names0, \
             weight_names1 and so on), or make it one text",
            body.len()
        );
        let head = u16s(&[kind, body.len() as u16, u16::from(constant), 0]);
        self.messages.extend([head, body].concat());
        self.count += 1;
        Ok(())
    }

    pub fn attributes(&mut self, output: &mut Output, attributes: &[(String, Attribute)]) -> Result<()> {
        check_names("attributes", attributes)?;
        for (name, value) in attributes {
            let added = attribute(output, name, value).and_then(|body| self.add(0x0c, false, &body));
            added.with_context(|| format!("the attribute {name}"))?;
        }
        Ok(())
    }

    /// Puts it into the file, and returns its address.
    pub fn place(&self, output: &mut Output) -> Result<u64> {
        let count =
            u16::try_from(self.count).ok().context("there are too many attributes, 65,000 are the most")?;
        let size =
            u32::try_from(self.messages.len()).context("its attributes are too large, 4 GiB are the most")?;
        let head = [&[1, 0][..], &count.to_le_bytes(), &1_u32.to_le_bytes(), &size.to_le_bytes(), &[0; 4]];
        Ok(output.place(&[head.concat(), self.messages.clone()].concat()))
    }
}

fn attribute(output: &mut Output, name: &str, value: &Attribute) -> Result<Vec<u8>> {
    ensure!(!name.is_empty() && !name.contains('\0'), "a name may not be empty, nor have a zero in it");
    let encoded = encode(output, value)?;
    let name_0 = [name.as_bytes(), &[0]].concat();
    let lengths = [&name_0, &encoded.datatype, &encoded.space].map(|part| u16::try_from(part.len()));
    let lengths = lengths.into_iter().collect::<Result<Vec<u16>, _>>().context("the name is too long")?;
    let lengths = lengths.into_iter().flat_map(u16::to_le_bytes).collect();
    Ok(if name.is_ascii() {
        let parts = [padded(&name_0), padded(&encoded.datatype), padded(&encoded.space)].concat();
        [vec![1, 0], lengths, parts, encoded.elements.into_owned()].concat()
    } else {
        // Version 3 says that the name is in UTF-8, and fills nothing up.
        [vec![3, 0], lengths, vec![1], name_0, encoded.datatype, encoded.space, encoded.elements.into_owned()]
            .concat()
    })
}

/// Writes a dataset, its elements in one piece, and returns its header's address.
pub(super) fn dataset(output: &mut Output, dataset: &Dataset) -> Result<u64> {
    let encoded = encode(output, &dataset.value)?;
    let size = encoded.elements.len() as u64;
    let place = if size == 0 { NOWHERE } else { output.place(&encoded.elements) };
    let mut header = Header::default();
    header.add(0x01, false, &encoded.space)?;
    header.add(0x03, true, &encoded.datatype)?;
    // No fill value of its own; space is taken when it is needed.
    header.add(0x05, true, &[2, 2, 2, 1, 0, 0, 0, 0])?;
    header.add(0x08, false, &[&[3, 1][..], &place.to_le_bytes(), &size.to_le_bytes()].concat())?;
    header.attributes(output, &dataset.attributes)?;
    header.place(output)
}
