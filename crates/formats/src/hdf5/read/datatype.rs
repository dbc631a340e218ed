//! Datatypes: what the elements of a dataset or an attribute are.

use anyhow::{Context, Result};

use crate::bytes::Reader;
use crate::Number;

/// How the elements of a value are stored.
pub(super) struct Datatype {
    /// The size of an element, in bytes.
    pub size: usize,
    /// The sides of an element that is itself an array.
    pub sides: Vec<usize>,
    pub class: Class,
}

/// What an element is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Class {
    Number {
        kind: Number,
        big_endian: bool,
    },
    /// A text of the element's size, and what fills it up.
    Text(Padding),
    /// A text that stands elsewhere.
    VariableText,
    /// Bytes with a tag that says what they are.
    Opaque,
    /// What is not read, and its name.
    Other(String),
}

/// How a text ends that is shorter than its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Padding {
    NullTerminated,
    Null,
    Space,
}

impl Datatype {
    pub fn read(body: &[u8]) -> Result<Datatype> {
        parse(&mut Reader::new(body), 0).context("the datatype")
    }
}

fn parse(reader: &mut Reader, depth: usize) -> Result<Datatype> {
    let head = reader.u8()?;
    let (class, version) = (head & 15, head >> 4);
    let bits = reader.uint(3)?;
    let size = usize::try_from(reader.u32()?)?;
    let other = |what: &str| Class::Other(what.to_string());
    let mut sides = Vec::new();
    let class = match class {
        0 => integer(reader, bits, size)?,
        1 => float(reader, bits, size)?,
        2 => other("times"),
        3 => match bits & 15 {
            0 => Class::Text(Padding::NullTerminated),
            1 => Class::Text(Padding::Null),
            _ => Class::Text(Padding::Space),
        },
        4 => integer(reader, bits & 1, size)?,
        5 => Class::Opaque,
        6 => other("compound values (several columns, or complex numbers)"),
        7 => other("references to other objects"),
        // The integers behind an enumeration; Python's bool is one of a byte, with FALSE and TRUE.
        8 if depth < 4 => {
            let base = parse(reader, depth + 1)?;
            match (&base.class, bits & 0xffff, reader.rest()) {
                (Class::Number { kind: Number::I8, .. }, 2, names) if names.starts_with(b"FALSE\0") => {
                    Class::Number { kind: Number::Bool, big_endian: false }
                }
                _ => base.class,
            }
        }
        9 if bits & 15 == 1 => Class::VariableText,
        9 => other("lists of variable length"),
        10 if depth < 4 => {
            let rank = reader.u8()?;
            reader.take(if version < 3 { 3 } else { 0 })?;
            for _ in 0..rank {
                sides.push(usize::try_from(reader.u32()?)?);
            }
            reader.take(if version < 3 { 4 * usize::from(rank) } else { 0 })?;
            let base = parse(reader, depth + 1)?;
            sides.extend(base.sides);
            return Ok(Datatype { size, sides, class: base.class });
        }
        class => Class::Other(format!("values of a datatype of class {class}")),
    };
    Ok(Datatype { size, sides, class })
}

fn integer(reader: &mut Reader, bits: u64, size: usize) -> Result<Class> {
    let (offset, precision) = (reader.u16()?, reader.u16()?);
    let kind = match (bits & 8 != 0, size) {
        _ if offset != 0 || usize::from(precision) != 8 * size => None,
        (true, 1) => Some(Number::I8),
        (true, 2) => Some(Number::I16),
        (true, 4) => Some(Number::I32),
        (true, 8) => Some(Number::I64),
        (false, 1) => Some(Number::U8),
        (false, 2) => Some(Number::U16),
        (false, 4) => Some(Number::U32),
        (false, 8) => Some(Number::U64),
        _ => None,
    };
    let other = || Class::Other(format!("integers of {precision} bits in {size} bytes"));
    Ok(kind.map_or_else(other, |kind| Class::Number { kind, big_endian: bits & 1 != 0 }))
}

fn float(reader: &mut Reader, bits: u64, size: usize) -> Result<Class> {
    let (offset, precision) = (reader.u16()?, reader.u16()?);
    let [exponent_at, exponent, mantissa_at, mantissa] = reader.array()?;
    let bias = reader.u32()?;
    let kind = match (size, exponent_at, exponent, mantissa, bias) {
        _ if offset != 0 || mantissa_at != 0 || usize::from(precision) != 8 * size || bits & 0x40 != 0 => {
            None
        }
        (2, 10, 5, 10, 15) => Some(Number::F16),
        (2, 7, 8, 7, 127) => Some(Number::BF16),
        (4, 23, 8, 23, 127) => Some(Number::F32),
        (8, 52, 11, 52, 1023) => Some(Number::F64),
        _ => None,
    };
    let other = || Class::Other(format!("floats of {exponent} and {mantissa} bits in {size} bytes"));
    Ok(kind.map_or_else(other, |kind| Class::Number { kind, big_endian: bits & 1 != 0 }))
}
