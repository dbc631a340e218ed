//! Object headers: the list of messages that says what an object is.

use anyhow::{bail, ensure, Context, Result};
use std::collections::VecDeque;

use super::file::File;
use crate::bytes::Reader;

/// What a message is about.
pub(super) mod kind {
    pub const DATASPACE: u16 = 0x01;
    pub const LINK_INFO: u16 = 0x02;
    pub const DATATYPE: u16 = 0x03;
    pub const OLD_FILL: u16 = 0x04;
    pub const FILL: u16 = 0x05;
    pub const LINK: u16 = 0x06;
    pub const EXTERNAL: u16 = 0x07;
    pub const LAYOUT: u16 = 0x08;
    pub const FILTERS: u16 = 0x0b;
    pub const ATTRIBUTE: u16 = 0x0c;
    pub const CONTINUATION: u16 = 0x10;
    pub const SYMBOLS: u16 = 0x11;
    pub const ATTRIBUTE_INFO: u16 = 0x15;
}

/// A message of a header.
pub(super) struct Message<'a> {
    pub kind: u16,
    /// Whether the body only says where the content is.
    pub shared: bool,
    pub body: &'a [u8],
}

/// An object's messages, in order.
pub(super) struct Header<'a>(Vec<Message<'a>>);

impl<'a> Header<'a> {
    pub fn all(&self, kind: u16) -> impl Iterator<Item = &Message<'a>> {
        self.0.iter().filter(move |message| message.kind == kind)
    }

    pub fn find(&self, kind: u16) -> Option<&Message<'a>> {
        self.all(kind).next()
    }
}

impl<'a> File<'a> {
    pub fn header(&self, address: u64) -> Result<Header<'a>> {
        let newer = self.at(address)?.rest().starts_with(b"OHDR");
        let messages = if newer { self.header_2(address) } else { self.header_1(address) };
        Ok(Header(messages.with_context(|| format!("the object header at the address {address}"))?))
    }

    fn header_1(&self, address: u64) -> Result<Vec<Message<'a>>> {
        let mut reader = self.at(address)?;
        let version = reader.u8()?;
        ensure!(version == 1, "version {version} is not known, 1 and 2 are. The file is damaged");
        reader.take(7)?;
        let size = u64::from(reader.u32()?);
        let mut parts = VecDeque::from([self.slice(address + 16, size)?]);
        let mut messages = Vec::new();
        while let Some(part) = parts.pop_front() {
            let mut reader = Reader::new(part);
            while reader.rest().len() >= 8 {
                let (kind, size, flags) = (reader.u16()?, reader.u16()?, reader.u8()?);
                reader.take(3)?;
                let body = reader.take(size.into())?;
                if kind == kind::CONTINUATION {
                    let (address, length) = self.continuation(body)?;
                    parts.push_back(self.slice(address, length)?);
                } else {
                    messages.push(self.message(kind, flags, body)?);
                }
            }
        }
        Ok(messages)
    }

    fn header_2(&self, address: u64) -> Result<Vec<Message<'a>>> {
        let mut reader = self.at(address)?;
        let before = reader.rest().len();
        reader.expect(b"OHDR\x02")?;
        let flags = reader.u8()?;
        // Four times, then two limits of attributes.
        reader.take(if flags & 0x20 != 0 { 16 } else { 0 })?;
        reader.take(if flags & 0x10 != 0 { 4 } else { 0 })?;
        let size = reader.uint(1 << (flags & 3))?;
        let start = before - reader.rest().len();
        let length = usize::try_from(size).ok().and_then(|size| size.checked_add(start + 4));
        let whole = self.checked(address, length.context("it is too long")?)?;
        let mut parts = VecDeque::from([whole.get(start..).unwrap_or_default()]);
        let mut messages = Vec::new();
        while let Some(part) = parts.pop_front() {
            let mut reader = Reader::new(part);
            // What is shorter than a message's head is a gap.
            let head = if flags & 4 != 0 { 6 } else { 4 };
            while reader.rest().len() >= head {
                let (kind, size, message_flags) = (reader.u8()?.into(), reader.u16()?, reader.u8()?);
                reader.take(head - 4)?;
                let body = reader.take(size.into())?;
                if kind == kind::CONTINUATION {
                    let (address, length) = self.continuation(body)?;
                    let block = self.checked(address, usize::try_from(length)?)?;
                    let inner = block.strip_prefix(b"OCHK");
                    parts.push_back(inner.context("a continuation does not begin with OCHK")?);
                } else {
                    messages.push(self.message(kind, message_flags, body)?);
                }
            }
        }
        Ok(messages)
    }

    fn continuation(&self, body: &[u8]) -> Result<(u64, u64)> {
        let mut reader = Reader::new(body);
        let address = self.address(&mut reader)?.context("a continuation has no address")?;
        self.budget.spend(64)?;
        Ok((address, self.length(&mut reader)?))
    }

    fn message(&self, kind: u16, flags: u8, body: &'a [u8]) -> Result<Message<'a>> {
        self.budget.spend(64)?;
        Ok(Message { kind, shared: flags & 2 != 0, body })
    }

    /// A message's content, which may stand in the header of a named datatype.
    pub fn content(&self, message: &Message<'a>) -> Result<&'a [u8]> {
        if message.shared {
            self.elsewhere(message.kind, message.body)
        } else {
            Ok(message.body)
        }
    }

    /// The content of a message of this kind, of which only the place is told.
    pub fn elsewhere(&self, kind: u16, body: &[u8]) -> Result<&'a [u8]> {
        let mut reader = Reader::new(body);
        let (version, place) = (reader.u8()?, reader.u8()?);
        match (version, place) {
            (1, _) => _ = reader.take(6)?,
            (2, _) | (3, 2) => {}
            _ => bail!("messages that stand in a table of the whole file are not read. Save the file without shared messages"),
        }
        let address = self.address(&mut reader)?.context("a shared message has no address")?;
        let header = self.header(address)?;
        let found = header.find(kind).filter(|message| !message.shared);
        Ok(found.context("a shared message is not where it should be")?.body)
    }
}
