//! The socket between widgets and the kernel, as widgets use it: version 1.
//!
//! The kernel listens on the Unix socket that the environment variable `LIVE_COMMS` names. Each widget has a connection of
//! its own, which lives as long as the widget is open. Both sides send *frames*:
//!
//! | bytes | |
//! |---|---|
//! | 4 | how many parts follow, `n`: 1 to 1024; all numbers are big-endian |
//! | 4 × n | the length of each part |
//! | the rest | the parts: the first is a JSON object, the others are binary buffers |
//!
//! A frame has at most 64 MiB. The widget sends
//!
//! ```json
//! {"op":"open","version":1,"id":"…","state":{"_esm":"…","count":0},"buffers":["pixels"]}
//! {"op":"set","number":1,"state":{"count":1},"buffers":["pixels"]}
//! {"op":"send","content":{"any":"JSON"}}
//! {"op":"close"}
//! ```
//!
//! - `open` comes first. `state` has the values that are JSON, `buffers` the keys whose values are the frame's buffers, in their
//!   order. It is answered by `opened`, when all clients were told of the widget, or by `refused`.
//! - `set` changes values. The widget counts these frames from 1.
//! - `send` is a message to the page, with the frame's buffers.
//! - `close` ends it, as the end of the connection does.
//!
//! The kernel sends
//!
//! ```json
//! {"op":"opened"}
//! {"op":"refused","why":"…"}
//! {"op":"set","seen":1,"state":{"count":2},"buffers":["pixels"]}
//! {"op":"message","content":{"any":"JSON"}}
//! ```
//!
//! - `set` is what a page has changed. `seen` is the number of the last `set` of the widget's own that came before: where both
//!   sides have changed a value at once, the kernel's order counts, so the widget leaves out values that it has changed since.
//! - `message` is what a page has sent, with the frame's buffers.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::json::{self, string};

/// The version, as a widget says it when it opens.
const VERSION: u32 = 1;
/// The most that a frame may have, in bytes.
pub(crate) const LARGEST: usize = 64 << 20;
/// The most parts that a frame may have.
const MOST_PARTS: usize = 1024;
/// A kernel that answers nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A frame that has come.
pub(crate) struct Frame {
    pub(crate) json: String,
    pub(crate) buffers: Vec<Vec<u8>>,
}

/// Connects a widget with the kernel, and opens it.
///
/// # Errors
/// If nobody listens there, or the kernel refuses.
pub(crate) fn open(
    path: &Path,
    id: &str,
    state: &[(String, String)],
    buffers: &[(String, Vec<u8>)],
) -> Result<UnixStream> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("\"op\":\"open\",\"version\":{VERSION},\"id\":{}", string(id));
    write(&mut stream, &with_state(&head, state, buffers), &bytes_of(buffers))?;
    let answer = read(&mut stream)?;
    let answer = json::members(&answer.json).map_err(|why| Error::new(ErrorKind::InvalidData, why))?;
    let field =
        |name: &str| answer.iter().find(|(key, _)| key == name).map(|(_, value)| json::unquoted(value));
    match field("op").as_deref() {
        Some("opened") => {
            stream.set_read_timeout(None)?;
            Ok(stream)
        }
        _ => {
            Err(Error::other(field("why").unwrap_or_else(|| "the kernel speaks another version".to_string())))
        }
    }
}

/// The frame's JSON for values, after the fields that `head` has.
pub(crate) fn with_state(head: &str, state: &[(String, String)], buffers: &[(String, Vec<u8>)]) -> String {
    let state: Vec<String> = state.iter().map(|(key, value)| format!("{}:{value}", string(key))).collect();
    let buffers: Vec<String> = buffers.iter().map(|(key, _)| string(key)).collect();
    format!("{{{head},\"state\":{{{}}},\"buffers\":[{}]}}", state.join(","), buffers.join(","))
}

/// The bytes of values, in their order.
pub(crate) fn bytes_of(buffers: &[(String, Vec<u8>)]) -> Vec<&[u8]> {
    buffers.iter().map(|(_, bytes)| bytes.as_slice()).collect()
}

/// Sends a frame.
///
/// # Errors
/// If it is too large, or the kernel is gone.
pub(crate) fn write(stream: &mut impl Write, json: &str, buffers: &[&[u8]]) -> Result<()> {
    let parts = || std::iter::once(json.as_bytes()).chain(buffers.iter().copied());
    let size: usize = parts().map(<[u8]>::len).sum();
    fits(size)?;
    let mut head = (parts().count() as u32).to_be_bytes().to_vec();
    parts().for_each(|part| head.extend((part.len() as u32).to_be_bytes()));
    head.extend_from_slice(json.as_bytes());
    stream.write_all(&head)?;
    buffers.iter().try_for_each(|buffer| stream.write_all(buffer))
}

/// Whether a frame of so many bytes can be sent.
///
/// # Errors
/// If it is too large.
pub(crate) fn fits(size: usize) -> Result<()> {
    let mib = |bytes: usize| bytes as f64 / (1 << 20) as f64;
    let text = || format!("{:.1} MiB were to be sent; the limit is {} MiB", mib(size), LARGEST >> 20);
    (size <= LARGEST).then_some(()).ok_or_else(|| Error::new(ErrorKind::InvalidInput, text()))
}

/// The next frame.
///
/// # Errors
/// If there is none any more, or it is none.
pub(crate) fn read(stream: &mut impl Read) -> Result<Frame> {
    let wrong = |what: &str| Error::new(ErrorKind::InvalidData, what.to_string());
    let number = |stream: &mut dyn Read| -> Result<usize> {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes) as usize)
    };
    let count = number(stream)?;
    if count == 0 || count > MOST_PARTS {
        return Err(wrong("no frame"));
    }
    let sizes = (0..count).map(|_| number(stream)).collect::<Result<Vec<usize>>>()?;
    if sizes.iter().sum::<usize>() > LARGEST {
        return Err(wrong("a frame that is too large"));
    }
    let mut parts = Vec::new();
    for size in sizes {
        let mut part = vec![0; size];
        stream.read_exact(&mut part)?;
        parts.push(part);
    }
    let json = String::from_utf8(parts.remove(0)).map_err(|_| wrong("a frame that is no text"))?;
    Ok(Frame { json, buffers: parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_through() {
        let mut sent = Vec::new();
        write(&mut sent, "{\"op\":\"close\"}", &[]).unwrap();
        write(&mut sent, "{}", &[b"", b"ab\x00\xff"]).unwrap();
        assert_eq!(&sent[..8], [0, 0, 0, 1, 0, 0, 0, 14]);
        let mut arriving = sent.as_slice();
        assert_eq!(read(&mut arriving).unwrap().json, "{\"op\":\"close\"}");
        let frame = read(&mut arriving).unwrap();
        assert_eq!((frame.json.as_str(), frame.buffers), ("{}", vec![vec![], b"ab\x00\xff".to_vec()]));
        assert!(read(&mut arriving).is_err());
    }

    #[test]
    fn what_is_too_large_or_no_frame_is_refused() {
        let large = vec![0; LARGEST];
        let error = write(&mut Vec::new(), "{}", &[&large]).unwrap_err().to_string();
        assert!(error.contains("64.0 MiB") && error.contains("the limit is 64 MiB"), "{error}");
        for bytes in
            [&[0, 0, 0, 0][..], &[0xff; 12], &[0, 0, 0, 1, 0xff, 0, 0, 0], &[0, 0, 0, 1, 0, 0, 0, 1, 0xff]]
        {
            assert!(read(&mut &*bytes).is_err());
        }
    }

    #[test]
    fn values_are_written_as_json() {
        let state = [("a\"".to_string(), "[1]".to_string()), ("b".to_string(), "null".to_string())];
        let json = with_state("\"op\":\"set\"", &state, &[("c".to_string(), vec![1])]);
        assert_eq!(json, r#"{"op":"set","state":{"a\"":[1],"b":null},"buffers":["c"]}"#);
    }
}
