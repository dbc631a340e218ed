//! From elements as they are stored to numbers and texts.

use anyhow::{ensure, Context, Result};

use super::datatype::{Class, Datatype, Padding};
use super::file::File;
use crate::array::bytes_of;
use crate::bytes::Reader;
use crate::hdf5::Attribute;
use crate::Array;

/// HDF5's own limit.
const MOST_SIDES: u8 = 32;

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Space {
    /// A value without elements, whatever its type: h5py's `Empty`.
    Null,
    /// `[]` is a single element.
    Shape(Vec<usize>),
}

impl File<'_> {
    pub fn space(&self, body: &[u8]) -> Result<Space> {
        let mut reader = Reader::new(body);
        let (version, rank, _flags) = (reader.u8()?, reader.u8()?, reader.u8()?);
        ensure!(rank <= MOST_SIDES, "a shape of {rank} sides is not known, {MOST_SIDES} are the most");
        match version {
            1 => _ = reader.take(5)?,
            2 if reader.u8()? == 2 => return Ok(Space::Null),
            2 => {}
            _ => anyhow::bail!("a shape of version {version} is not known, 1 and 2 are"),
        }
        let sides = (0..rank).map(|_| Ok(usize::try_from(self.length(&mut reader)?)?));
        Ok(Space::Shape(sides.collect::<Result<_>>().context("the shape")?))
    }

    /// How many bytes the elements take.
    pub fn size(&self, datatype: &Datatype, space: &Space) -> Result<usize> {
        match space {
            Space::Null => Ok(0),
            Space::Shape(sides) => bytes_of(sides, datatype.size),
        }
    }

    /// The value of these elements, which are as many as the space says. `bytes` are paid for.
    pub fn value(&self, datatype: &Datatype, space: &Space, mut bytes: Vec<u8>) -> Result<Attribute> {
        let single = matches!(space, Space::Shape(sides) if sides.is_empty()) && datatype.sides.is_empty();
        let shape = match space {
            Space::Null => vec![0],
            Space::Shape(sides) => [sides.as_slice(), &datatype.sides].concat(),
        };
        ensure!(datatype.size > 0 || bytes.is_empty(), "its elements have no size");
        let texts: Vec<&[u8]> = match &datatype.class {
            Class::Number { kind, big_endian } => {
                if *big_endian {
                    bytes.chunks_mut(kind.size()).for_each(<[u8]>::reverse);
                }
                return Ok(Attribute::Numbers(Array::new(*kind, shape, bytes)?));
            }
            Class::Opaque => return Ok(unreadable("bytes without a type")),
            Class::Other(what) => return Ok(unreadable(what)),
            Class::Text(padding) => {
                self.elements(datatype, &bytes)?.map(|text| unpadded(text, *padding)).collect()
            }
            Class::VariableText => {
                ensure!(datatype.size == 8 + self.offset_size, "texts take {} bytes each", datatype.size);
                self.elements(datatype, &bytes)?.map(|text| self.variable(text)).collect::<Result<_>>()?
            }
        };
        let texts: Result<Vec<String>, _> =
            texts.into_iter().map(|text| std::str::from_utf8(text).map(str::to_string)).collect();
        Ok(match (texts, single) {
            (Ok(texts), true) => Attribute::Text(texts.into_iter().next().unwrap_or_default()),
            (Ok(texts), false) => Attribute::Texts(texts),
            (Err(_), _) => unreadable("text that is not in UTF-8"),
        })
    }

    fn elements<'b>(&self, datatype: &Datatype, bytes: &'b [u8]) -> Result<std::slice::ChunksExact<'b, u8>> {
        let elements = bytes.chunks_exact(datatype.size.max(1));
        self.budget.spend(elements.len().saturating_mul(64))?;
        Ok(elements)
    }
}

pub(super) fn unreadable(what: &str) -> Attribute {
    Attribute::Unreadable(format!("it holds {what}, which are not read here; numbers and texts are"))
}

fn unpadded(text: &[u8], padding: Padding) -> &[u8] {
    let end = |fill: u8| text.iter().rposition(|&byte| byte != fill).map_or(0, |last| last + 1);
    let end = match padding {
        Padding::NullTerminated => text.iter().position(|&byte| byte == 0).unwrap_or(text.len()),
        Padding::Null => end(0),
        Padding::Space => end(b' '),
    };
    &text[..end]
}
