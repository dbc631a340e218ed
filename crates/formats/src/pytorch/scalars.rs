//! What a pickle says of numbers, texts and bytes.

use anyhow::Result;

use super::value::Value;
use crate::bytes::Reader;

/// The value that a code stands for, or None if it is a code of another kind.
pub(super) fn scalar(code: u8, reader: &mut Reader) -> Result<Option<Value>> {
    Ok(Some(match code {
        b'N' => Value::None,
        0x88 | 0x89 => Value::Bool(code == 0x88),
        b'I' | b'L' => number(&line(reader)?),
        b'J' => Value::Int(reader.u32()?.cast_signed().into()),
        b'K' => Value::Int(reader.u8()?.into()),
        b'M' => Value::Int(reader.u16()?.into()),
        0x8a => long(counted(reader, 1)?),
        0x8b => long(counted(reader, 4)?),
        b'F' => {
            line(reader)?;
            other("float")
        }
        b'G' => {
            reader.take(8)?;
            other("float")
        }
        b'S' | b'V' => Value::Text(line(reader)?.trim_matches(['\'', '"']).to_string()),
        b'U' => string(counted(reader, 1)?),
        b'T' => string(counted(reader, 4)?),
        0x8c => text(counted(reader, 1)?),
        b'X' => text(counted(reader, 4)?),
        0x8d => text(counted(reader, 8)?),
        b'C' => Value::Bytes(counted(reader, 1)?.to_vec()),
        b'B' => Value::Bytes(counted(reader, 4)?.to_vec()),
        0x8e | 0x96 => Value::Bytes(counted(reader, 8)?.to_vec()),
        b'c' => Value::Global(format!("{}.{}", line(reader)?, line(reader)?)),
        _ => return Ok(None),
    }))
}

/// A text up to the line's end.
pub(super) fn line(reader: &mut Reader) -> Result<String> {
    let line = reader.until(b'\n')?;
    Ok(String::from_utf8_lossy(line).trim_end_matches('\r').to_string())
}

/// Bytes behind their count, a number of `width` bytes.
fn counted<'a>(reader: &mut Reader<'a>, width: usize) -> Result<&'a [u8]> {
    let count = usize::try_from(reader.uint(width)?)?;
    reader.take(count)
}

/// A value of which only the class is of interest.
pub(super) fn other(class: &str) -> Value {
    Value::Object { class: class.to_string(), state: None }
}

fn text(text: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(text).into_owned())
}

/// What Python 2 calls a string: bytes, which may be text.
fn string(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes)
        .map_or_else(|_| Value::Bytes(bytes.to_vec()), |text| Value::Text(text.to_string()))
}

/// A number as text: `7`, `7L`, or `01` for true.
fn number(text: &str) -> Value {
    text.trim_end_matches('L').parse().map_or_else(|_| other("int"), Value::Int)
}

/// A number of any size, in two's complement; one of more than eight bytes counts nothing.
fn long(bytes: &[u8]) -> Value {
    let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut whole = [sign; 8];
    let Some(place) = whole.get_mut(..bytes.len()) else {
        return other("int");
    };
    place.copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_codes_are_read() {
        for (bytes, expected) in [
            (&b"K\xff"[..], 255),
            (b"M\x01\x02", 513),
            (b"J\xfe\xff\xff\xff", -2),
            (b"\x8a\x00", 0),
            (b"\x8a\x02\x00\x80", -32768),
            (b"\x8a\x02\xff\x00", 255),
            (b"I-7\n", -7),
            (b"L12L\n", 12),
        ] {
            let mut reader = Reader::new(bytes);
            let code = reader.u8().unwrap();
            let value = scalar(code, &mut reader).unwrap();
            assert!(matches!(value, Some(Value::Int(number)) if number == expected), "{bytes:?}: {value:?}");
        }
    }
}
