//! As much of JSON as is needed without dependencies: writing texts, checking values, and taking objects apart.

use std::fmt::Write;

/// Values within values, at most; deeper ones would take the stack.
const DEEPEST: usize = 100;

/// A text as a JSON string.
///
/// ```
/// assert_eq!(live::json_string("a \"b\"\n"), r#""a \"b\"\n""#);
/// ```
pub fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(json, "\\u{:04x}", control as u32);
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// Whether a text is one JSON value; if not, what is wrong with it, and where.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    reader.value(0)?;
    reader.space();
    match reader.at == text.len() {
        true => Ok(()),
        false => Err(reader.wrong("the end")),
    }
}

/// The keys of an object, and the text of their values.
pub(crate) fn members(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut members = Vec::new();
    let mut reader = Reader { text, at: 0 };
    reader.space();
    reader.list(b'{', b'}', |reader| {
        let begin = reader.at;
        reader.string()?;
        let key = &text[begin..reader.at];
        reader.colon()?;
        let begin = reader.at;
        reader.value(1)?;
        members.push((unquoted(key), &text[begin..reader.at]));
        Ok(())
    })?;
    Ok(members)
}

/// The texts in a list of strings; other values are left out.
pub(crate) fn strings(text: &str) -> Result<Vec<String>, String> {
    let mut strings = Vec::new();
    let mut reader = Reader { text, at: 0 };
    reader.space();
    reader.list(b'[', b']', |reader| {
        let begin = reader.at;
        reader.value(1)?;
        if text[begin..].starts_with('"') {
            strings.push(unquoted(&text[begin..reader.at]));
        }
        Ok(())
    })?;
    Ok(strings)
}

/// The text that a JSON string stands for. What is no string stands for itself.
///
/// ```
/// assert_eq!(live::json_text(r#""a \"b\"""#), "a \"b\"");
/// assert_eq!(live::json_text("7"), "7");
/// ```
pub fn unquoted(json: &str) -> String {
    let json = json.trim();
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return json.to_string();
    };
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let meant = match character {
            '\\' => match characters.next().unwrap_or('\\') {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    // Half of a pair, perhaps: the pair is put together below.
                    let digits: String = characters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xfffd));
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, expected: &str) -> String {
        let found: String = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(character) => format!("`{character}`"),
            None => "the end".to_string(),
        };
        format!("{expected} was expected at byte {}, and {found} was found", self.at)
    }

    fn colon(&mut self) -> Result<(), String> {
        self.space();
        if self.next() != Some(b':') {
            return Err(self.wrong("a colon"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("values stand within values at most {DEEPEST} deep"));
        }
        match self.next() {
            Some(b'{') => self.list(b'{', b'}', |reader| {
                reader.string()?;
                reader.colon()?;
                reader.value(depth + 1)
            }),
            Some(b'[') => self.list(b'[', b']', |reader| reader.value(depth + 1)),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => match ["true", "false", "null"].iter().find(|word| self.text[self.at..].starts_with(**word))
            {
                Some(word) => {
                    self.at += word.len();
                    Ok(())
                }
                None => Err(self.wrong("a value (a number, a string in quotes, true, false, null, [ or {)")),
            },
        }
    }

    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut element: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.next() != Some(open) {
            return Err(self.wrong(&format!("`{}`", open as char)));
        }
        self.at += 1;
        self.space();
        if self.next() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            self.space();
            match self.next() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(end) if end == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong(&format!("a comma or `{}`", close as char))),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        if self.next() != Some(b'"') {
            return Err(self.wrong("a string in quotes"));
        }
        self.at += 1;
        loop {
            match self.next() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.next() {
                        Some(b'u')
                            if self.text.as_bytes()[self.at + 1..]
                                .iter()
                                .take(4)
                                .filter(|digit| digit.is_ascii_hexdigit())
                                .count()
                                == 4 =>
                        {
                            self.at += 5
                        }
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        _ => return Err(self.wrong("the rest of an escape such as \\n")),
                    }
                }
                Some(0..=0x1f) => return Err(self.wrong("an escape such as \\n")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a quote")),
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        self.at += usize::from(self.next() == Some(b'-'));
        let zero = self.next() == Some(b'0');
        let digits = self.digits()?;
        if zero && digits > 1 {
            return Err(self.wrong("a number without zeros before it"));
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.next(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.next(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, String> {
        let begin = self.at;
        while matches!(self.next(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - begin {
            0 => Err(self.wrong("a digit")),
            count => Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    #[test]
    fn what_is_json_is_known_as_a_whole_parser_knows_it() {
        let good = [
            "1",
            "-0.5e+3",
            "0",
            "\"\"",
            "\"\\u00e9 é \\\"\"",
            "[]",
            "[ 1 , [2] ]",
            "{}",
            " {\"a\" : {\"b\":null}} ",
            "true",
            "false",
            "null",
            "\"文😀\"",
        ];
        let bad = [
            "",
            " ",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "NaN",
            "inf",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"a\nb\"",
            "[1,]",
            "[1 2]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":1,}",
            "[",
            "{",
            "tru",
            "1 2",
            "nullx",
            "\"\\",
            "{\"a\":",
            "\"\\u12é\"",
        ];
        for text in good {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
            assert!(check(text).is_err(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(check(&deep).unwrap_err().contains("deep"));
        assert!(check("nan").unwrap_err().contains("at byte 0, and `n` was found"));
    }

    #[test]
    fn objects_and_lists_are_taken_apart() {
        let found = members(r#" { "a": [1, {"b": "}"}], "é\"\ud83d\ude00" : "x" , "c":null} "#).unwrap();
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(found, [("a", r#"[1, {"b": "}"}]"#), ("é\"😀", "\"x\""), ("c", "null")]);
        assert_eq!(members("{}"), Ok(vec![]));
        assert!(members("[1]").is_err());
        assert_eq!(strings(r#"["a", 1, "b\n"]"#), Ok(vec!["a".to_string(), "b\n".to_string()]));
    }

    #[test]
    fn texts_come_back_from_their_json() {
        let controls: String = (0..0xa0).filter_map(char::from_u32).collect();
        for text in ["", "\\", "a \"b\"", &controls, "äß 文 😀 \u{10ffff}"] {
            assert_eq!(unquoted(&string(text)), text);
            assert_eq!(serde_json::from_str::<Value>(&string(text)).unwrap(), json!(text));
        }
        assert_eq!(unquoted("\"\\ud83d\""), "\u{fffd}");
        assert_eq!(unquoted(" 7 "), "7");
    }
}
