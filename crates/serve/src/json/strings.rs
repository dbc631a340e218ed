//! The strings of a JSON text: read with their escapes, and written.

use super::parse::ParseError;

/// Reads the string whose opening quotation mark is at `start`; returns it and where it ends, behind the closing mark.
///
/// # Errors
/// As rapidjson: of escapes that are none, of halves of surrogate pairs, of control characters, and of a string without end.
pub fn string(text: &[u8], start: usize) -> Result<(String, usize), ParseError> {
    let mut bytes = Vec::new();
    let mut place = start + 1;
    loop {
        let rest = text.get(place..).unwrap_or_default();
        let plain =
            rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len());
        bytes.extend_from_slice(&rest[..plain]);
        place += plain;
        match text.get(place) {
            Some(b'"') => return Ok((String::from_utf8_lossy(&bytes).into_owned(), place + 1)),
            Some(b'\\') => {
                let (letter, end) = escape(text, place)?;
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                place = end;
            }
            None | Some(0) => {
                return Err(ParseError::new("Missing a closing quotation mark in string.", place))
            }
            Some(_) => return Err(ParseError::new("Invalid encoding in string.", place)),
        }
    }
}

/// The character that the escape at `start` stands for, and where it ends.
fn escape(text: &[u8], start: usize) -> Result<(char, usize), ParseError> {
    let letter = match text.get(start + 1) {
        Some(&letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text, start),
        _ => return Err(ParseError::new("Invalid escape character in string.", start)),
    };
    Ok((letter, start + 2))
}

/// `\u20ac`, or two of them for what lies beyond 16 bits.
fn unicode(text: &[u8], start: usize) -> Result<(char, usize), ParseError> {
    let hex = |place: usize| {
        let digits = text.get(place..place + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits =
            digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        digits.ok_or(ParseError::new("Incorrect hex digit after \\u escape in string.", start))
    };
    let half = || ParseError::new("The surrogate pair in string is invalid.", start);
    let first = hex(start + 2)?;
    if !(0xd800..0xe000).contains(&first) {
        return Ok((char::from_u32(first).ok_or_else(half)?, start + 6));
    }
    if first >= 0xdc00 || text.get(start + 6..start + 8) != Some(b"\\u") {
        return Err(half());
    }
    let second = hex(start + 8)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(half());
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(code).ok_or_else(half)?, start + 12))
}

/// Writes a string with its quotation marks and rapidjson's escapes.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_their_escapes() {
        let read = |text: &str| string(text.as_bytes(), 0).map_err(|error| (error.message, error.offset));
        assert_eq!(read(r#""a\"\\\/\n\u20ac\ud83d\ude00é" "#).unwrap(), ("a\"\\/\n€😀é".to_string(), 31));
        assert_eq!(read("\"ab").unwrap_err(), ("Missing a closing quotation mark in string.", 3));
        assert_eq!(read("\"a\nb\"").unwrap_err(), ("Invalid encoding in string.", 2));
        assert_eq!(read(r#""\x""#).unwrap_err(), ("Invalid escape character in string.", 1));
        assert_eq!(read(r#""\u12g4""#).unwrap_err(), ("Incorrect hex digit after \\u escape in string.", 1));
        for half in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
            assert_eq!(read(half).unwrap_err(), ("The surrogate pair in string is invalid.", 1));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for text in ["", "a\"b\\c/d", "\0\u{1}\u{8}\u{c}\n\r\t\u{1f}", "é€😀"] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(string(out.as_bytes(), 0).unwrap(), (text.to_string(), out.len()));
        }
    }
}
