//! Datasets: numbers or text, whatever their layout.

use anyhow::{ensure, Context, Result};

use super::datatype::{Class, Datatype};
use super::file::File;
use super::filters;
use super::header::{kind, Header};
use super::layout::Layout;
use super::value::{unreadable, Space};
use crate::bytes::Reader;
use crate::hdf5::{Attribute, Dataset};
use crate::Number;

impl<'a> File<'a> {
    /// A dataset, given its header.
    pub fn dataset(&self, header: &Header<'a>) -> Result<Dataset> {
        let attributes = self.attributes(header)?;
        let part = |kind: u16, what: &str| -> Result<&'a [u8]> {
            self.content(header.find(kind).with_context(|| format!("the dataset has no {what}"))?)
        };
        let mut datatype = Datatype::read(part(kind::DATATYPE, "datatype")?)?;
        let space = self.space(part(kind::DATASPACE, "shape")?)?;
        // HDF5 has no name for these numbers; Keras says what the two bytes are.
        let brain = |(name, value): &(String, Attribute)| {
            name == "dtype" && value.text().is_ok_and(|text| text == "bfloat16")
        };
        if datatype.class == Class::Opaque && datatype.size == 2 && attributes.iter().any(brain) {
            datatype.class = Class::Number { kind: Number::BF16, big_endian: false };
        }
        let value = match self.elements_of(header, part(kind::LAYOUT, "layout")?, &datatype, &space)? {
            Ok(bytes) => self.value(&datatype, &space, bytes)?,
            Err(why) => why,
        };
        Ok(Dataset { attributes, value })
    }

    /// A dataset's elements as they are stored, or why they are not read.
    fn elements_of(
        &self,
        header: &Header<'a>,
        layout: &'a [u8],
        datatype: &Datatype,
        space: &Space,
    ) -> Result<Result<Vec<u8>, Attribute>> {
        if let Class::Other(what) = &datatype.class {
            return Ok(Err(unreadable(what)));
        }
        if header.find(kind::EXTERNAL).is_some() {
            let why = "its numbers stand in another file, which is not read. Copy it to a dataset of its own";
            return Ok(Err(Attribute::Unreadable(why.to_string())));
        }
        let filters = header
            .find(kind::FILTERS)
            .map(|message| filters::parse(self.content(message)?).context("the filters"));
        let filters = filters.transpose()?.unwrap_or_default();
        if let Some(why) = filters::unknown(&filters) {
            return Ok(Err(Attribute::Unreadable(why)));
        }
        let size = self.size(datatype, space)?;
        self.budget.spend(size)?;
        Ok(Ok(match self.layout(layout, datatype.size)? {
            Layout::Compact(bytes) => bytes
                .get(..size)
                .with_context(|| format!("it has {} bytes, and {size} are expected", bytes.len()))?
                .to_vec(),
            Layout::Contiguous(Some(address)) if size > 0 => self.slice(address, size as u64)?.to_vec(),
            Layout::Contiguous(_) => self.unwritten(header, datatype.size, size)?,
            Layout::Chunked(chunked) => {
                let mut bytes = self.unwritten(header, datatype.size, size)?;
                if let Space::Shape(sides) = space {
                    self.fill(&mut bytes, sides, datatype.size, &chunked, &filters)?;
                }
                bytes
            }
            Layout::Other(why) => return Ok(Err(Attribute::Unreadable(why.to_string()))),
        }))
    }

    /// What a dataset holds where nothing was written: its fill value, zeros as a rule.
    fn unwritten(&self, header: &Header<'a>, element: usize, size: usize) -> Result<Vec<u8>> {
        let newer =
            header.find(kind::FILL).map(|message| fill_value(self.content(message)?)).transpose()?.flatten();
        let older = || {
            let message = header.find(kind::OLD_FILL)?;
            Some(self.content(message).and_then(|body| sized(&mut Reader::new(body))))
        };
        let fill = match newer {
            Some(fill) => fill,
            None => older().transpose()?.unwrap_or_default(),
        };
        if fill.iter().all(|&byte| byte == 0) {
            return Ok(vec![0; size]);
        }
        ensure!(fill.len() == element, "its fill value has {} bytes, and its elements {element}", fill.len());
        Ok(fill.iter().copied().cycle().take(size).collect())
    }
}

/// A fill value, if one is defined.
fn fill_value(body: &[u8]) -> Result<Option<&[u8]>> {
    let mut reader = Reader::new(body);
    let version = reader.u8()?;
    let defined = match version {
        1 | 2 => {
            reader.take(2)?;
            let defined = reader.u8()? != 0;
            version == 1 || defined
        }
        _ => reader.u8()? & 0x20 != 0,
    };
    if defined {
        sized(&mut reader).map(Some)
    } else {
        Ok(None)
    }
}

fn sized<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8]> {
    let size = reader.u32()? as usize;
    reader.take(size).context("the fill value")
}
