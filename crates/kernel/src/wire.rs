//! The wire format, as it arrives: lines of the crate `live` and of `live-cells` among what a cell prints.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Begins a line of the wire format that the crate `live` documents.
const MARK: &[u8] = b"\x1flive/1 ";
/// So long the beginning of something that is not whole is held back.
const HOLD: Duration = Duration::from_millis(50);

/// A line of the wire format.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Line {
    Display { id: Option<String>, data: BTreeMap<String, String> },
    Update { id: String, data: BTreeMap<String, String> },
    Clear { wait: bool },
    Failed,
    Panicked,
    Process { pid: i32 },
    Started,
    Prompt { prompt: String, password: bool },
    Input,
}

/// A part of what arrives.
#[derive(Debug, PartialEq)]
pub enum Part {
    Text(String),
    Line(Line),
}

/// Takes the bytes of a stream apart.
#[derive(Default)]
pub struct Wire {
    held: Vec<u8>,
    since: Option<Instant>,
}

impl Wire {
    /// Takes the next bytes. What is no UTF-8 is shown as the sign for that.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.held.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while let Some(begin) = find(&self.held, MARK) {
            text(&mut parts, self.held.drain(..begin).as_slice());
            let Some(end) = self.held.iter().position(|&byte| byte == b'\n') else {
                return self.hold(parts);
            };
            let line: Vec<u8> = self.held.drain(..=end).collect();
            match serde_json::from_slice(&line[MARK.len()..]) {
                Ok(line) => parts.push(Part::Line(line)),
                Err(error) => eprintln!("live-kernel: a line of another wire format was dropped: {error}"),
            }
        }
        let whole = self.held.len() - unfinished(&self.held);
        text(&mut parts, self.held.drain(..whole).as_slice());
        self.hold(parts)
    }

    fn hold(&mut self, parts: Vec<Part>) -> Vec<Part> {
        // A line of the wire format is waited for: the mark says that it comes.
        let waits = !self.held.is_empty() && !self.held.starts_with(MARK);
        self.since = waits.then(Instant::now);
        parts
    }

    /// When what is held back is to be taken as it is.
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + HOLD)
    }

    /// What is held back and has become due.
    pub fn flush_due(&mut self) -> Vec<Part> {
        match self.due() {
            Some(due) if due <= Instant::now() => self.flush(),
            _ => Vec::new(),
        }
    }

    /// What is held back.
    pub fn flush(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.held.starts_with(MARK) {
            text(&mut parts, &std::mem::take(&mut self.held));
        }
        self.since = None;
        parts
    }
}

fn text(parts: &mut Vec<Part>, bytes: &[u8]) {
    if !bytes.is_empty() {
        parts.push(Part::Text(String::from_utf8_lossy(bytes).into_owned()));
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == first) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// How many bytes at the end may be the beginning of a mark, or of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let of_mark = (1..MARK.len()).rev().find(|&length| bytes.ends_with(&MARK[..length]));
    of_mark.unwrap_or_else(|| {
        let last = &bytes[bytes.len().saturating_sub(3)..];
        let begins = |at: &usize| match std::str::from_utf8(&last[*at..]) {
            Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
            Ok(_) => false,
        };
        (0..last.len()).find(begins).map_or(0, |at| last.len() - at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of it, however it is cut, with the text in one piece.
    fn parts(bytes: &[u8]) -> Vec<Part> {
        let cut = |size: usize| {
            let mut wire = Wire::default();
            let mut parts: Vec<Part> = bytes.chunks(size).flat_map(|chunk| wire.push(chunk)).collect();
            parts.extend(wire.flush());
            parts.into_iter().fold(Vec::new(), |mut joined, part| {
                match (joined.last_mut(), part) {
                    (Some(Part::Text(before)), Part::Text(after)) => before.push_str(&after),
                    (_, part) => joined.push(part),
                }
                joined
            })
        };
        let whole = cut(bytes.len().max(1));
        (1..bytes.len().min(50)).for_each(|size| assert_eq!(cut(size), whole, "in chunks of {size}"));
        whole
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_string())
    }

    #[test]
    fn lines_are_found_among_text() {
        let bytes = "a\nhalf\u{1f}live/1 {\"op\":\"clear\",\"wait\":true}\nb é 文 😀\u{1f}live/1 {\"op\":\"started\"}\n";
        let clear = Part::Line(Line::Clear { wait: true });
        assert_eq!(
            parts(bytes.as_bytes()),
            [text("a\nhalf"), clear, text("b é 文 😀"), Part::Line(Line::Started)]
        );
    }

    #[test]
    fn a_damaged_line_is_dropped_and_the_rest_is_kept() {
        assert_eq!(parts(b"a\x1flive/1 {\"op\":\"explode\"}\nb\n"), [text("ab\n")]);
        assert_eq!(parts(b"a\x1flive/1"), [text("a\u{1f}live/1")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(parts(b"a\xff\xfeb\xe6\x96"), [text("a\u{fffd}\u{fffd}b\u{fffd}")]);
    }

    #[test]
    fn half_a_character_is_waited_for_but_not_for_long() {
        let mut wire = Wire::default();
        assert_eq!(wire.push("é".as_bytes().split_at(1).0), []);
        assert!(wire.due().is_some() && wire.flush_due().is_empty());
        assert_eq!(wire.push("é".as_bytes().split_at(1).1), [text("é")]);
        assert!(wire.due().is_none());
    }
}
