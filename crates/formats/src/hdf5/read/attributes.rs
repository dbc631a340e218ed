//! Attributes: small values beside an object.

use anyhow::{ensure, Context, Result};

use super::datatype::Datatype;
use super::file::File;
use super::header::{kind, Header};
use crate::bytes::Reader;
use crate::hdf5::Attribute;

impl<'a> File<'a> {
    /// An object's attributes, given its header.
    pub fn attributes(&self, header: &Header<'a>) -> Result<Vec<(String, Attribute)>> {
        let mut attributes = Vec::new();
        for message in header.all(kind::ATTRIBUTE) {
            attributes.push(self.attribute(self.content(message)?)?);
        }
        if let Some(message) = header.find(kind::ATTRIBUTE_INFO) {
            let mut reader = Reader::new(self.content(message)?);
            let (version, flags) = (reader.u8()?, reader.u8()?);
            ensure!(version == 0, "attributes of version {version} are not known, 0 is");
            reader.take(if flags & 1 != 0 { 2 } else { 0 })?;
            let (heap, index) = (self.address(&mut reader)?, self.address(&mut reader)?);
            if let (Some(heap), Some(index)) = (heap, index) {
                for object in self.dense(heap, index, 8, 0).context("the attributes")? {
                    attributes.push(self.attribute(object)?);
                }
                attributes.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
        Ok(attributes)
    }

    fn attribute(&self, body: &'a [u8]) -> Result<(String, Attribute)> {
        let mut reader = Reader::new(body);
        let (version, flags) = (reader.u8()?, reader.u8()?);
        ensure!((1..=3).contains(&version), "an attribute of version {version} is not known, 1 to 3 are");
        let [name, datatype, space] = [reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
        reader.take(if version == 3 { 1 } else { 0 })?;
        // The first version fills each part up to whole eights.
        let mut part = |size: usize| reader.take(if version == 1 { size.next_multiple_of(8) } else { size });
        let name = Reader::new(part(name)?).until(0).context("an attribute's name")?;
        let name = String::from_utf8_lossy(name).into_owned();
        let (datatype, space) = (part(datatype)?, part(space)?);
        let value = self.attribute_value(flags, datatype, space, reader.rest());
        Ok((name.clone(), value.with_context(|| format!("the attribute {name}"))?))
    }

    fn attribute_value(
        &self,
        flags: u8,
        datatype: &'a [u8],
        space: &'a [u8],
        rest: &[u8],
    ) -> Result<Attribute> {
        let shared = |bit: u8, kind: u16, body: &'a [u8]| {
            if flags & bit != 0 {
                self.elsewhere(kind, body)
            } else {
                Ok(body)
            }
        };
        let datatype = Datatype::read(shared(1, kind::DATATYPE, datatype)?)?;
        let space = self.space(shared(2, kind::DATASPACE, space)?)?;
        let size = self.size(&datatype, &space)?;
        self.budget.spend(256 + size)?;
        let bytes = rest
            .get(..size)
            .with_context(|| format!("it has {} bytes, and {size} are expected", rest.len()))?;
        self.value(&datatype, &space, bytes.to_vec())
    }
}
