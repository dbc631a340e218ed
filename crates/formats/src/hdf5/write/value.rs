//! From numbers and texts to elements as they are stored.

use anyhow::{bail, ensure, Result};
use std::borrow::Cow;

use super::output::Output;
use crate::hdf5::Attribute;
use crate::Number;

/// HDF5's own limit.
const MOST_SIDES: usize = 32;

/// A value as messages describe it, and its elements.
pub(super) struct Encoded<'v> {
    pub datatype: Vec<u8>,
    pub space: Vec<u8>,
    pub elements: Cow<'v, [u8]>,
}

/// Encodes a value; a text goes to the file at once.
pub(super) fn encode<'v>(output: &mut Output, value: &'v Attribute) -> Result<Encoded<'v>> {
    Ok(match value {
        Attribute::Text(text) => Encoded {
            datatype: variable_text(),
            space: space(&[])?,
            elements: Cow::Owned(stored(output, text)?),
        },
        Attribute::Texts(texts) => {
            let elements = texts.iter().map(|text| stored(output, text)).collect::<Result<Vec<_>>>()?;
            Encoded {
                datatype: variable_text(),
                space: space(&[texts.len()])?,
                elements: Cow::Owned(elements.concat()),
            }
        }
        Attribute::Numbers(array) => Encoded {
            datatype: number(array.kind())?,
            space: space(array.shape())?,
            elements: Cow::Borrowed(array.bytes()),
        },
        Attribute::Unreadable(why) => bail!("what was not read cannot be written: {why}"),
    })
}

fn stored(output: &mut Output, text: &str) -> Result<Vec<u8>> {
    ensure!(
        u32::try_from(text.len()).is_ok(),
        "a text of {} bytes is too long, 4 GiB are the most",
        text.len()
    );
    Ok(output.text(text))
}

/// A shape, of which the largest extent is also given.
fn space(sides: &[usize]) -> Result<Vec<u8>> {
    ensure!(
        sides.len() <= MOST_SIDES,
        "a shape of {} sides cannot be written, {MOST_SIDES} are the most",
        sides.len()
    );
    let extents: Vec<u8> = sides.iter().flat_map(|&side| (side as u64).to_le_bytes()).collect();
    let has_largest = u8::from(!sides.is_empty());
    Ok([&[1, sides.len() as u8, has_largest, 0, 0, 0, 0, 0], extents.as_slice(), &extents].concat())
}

/// The head of a datatype of version 1: its class, 24 bits, and an element's size.
fn datatype(class: u8, bits: [u8; 3], size: u32) -> Vec<u8> {
    [&[1 << 4 | class], bits.as_slice(), &size.to_le_bytes()].concat()
}

fn number(kind: Number) -> Result<Vec<u8>> {
    let size = kind.size() as u8;
    Ok(match kind {
        Number::F16 => float(2, 15, [10, 5, 0, 10], 15),
        Number::F32 => float(4, 31, [23, 8, 0, 23], 127),
        Number::F64 => float(8, 63, [52, 11, 0, 52], 1023),
        Number::BF16 => bail!("HDF5 has no numbers of the kind BF16: write them as F32, Array::from_f32(shape, &array.to_f32())"),
        // As h5py has Python's bool: an enumeration of one byte.
        Number::Bool => {
            let names = b"FALSE\0\0\0TRUE\0\0\0\0\0\x01";
            [datatype(8, [2, 0, 0], 1), integer(1, true), names.to_vec()].concat()
        }
        Number::I8 | Number::I16 | Number::I32 | Number::I64 => integer(size, true),
        Number::U8 | Number::U16 | Number::U32 | Number::U64 => integer(size, false),
    })
}

fn integer(size: u8, signed: bool) -> Vec<u8> {
    let head = datatype(0, [if signed { 8 } else { 0 }, 0, 0], size.into());
    [head.as_slice(), &[0, 0, 8 * size, 0]].concat()
}

/// `parts` are the place and the size of the exponent, then of the fraction, in bits.
fn float(size: u8, sign: u8, parts: [u8; 4], bias: u32) -> Vec<u8> {
    // The fraction's first 1 is left out.
    let head = datatype(1, [0x20, sign, 0], size.into());
    [head.as_slice(), &[0, 0, 8 * size, 0], &parts, &bias.to_le_bytes()].concat()
}

fn variable_text() -> Vec<u8> {
    // A text that ends with a zero, in UTF-8, of bytes.
    [datatype(9, [1, 1, 0], 16), integer(1, false)].concat()
}
