//! A value within an error message: as rapidjson's PrettyWriter writes it with arrays on one line, up to 256 bytes.

use super::number::number;
use super::strings::{push_string, string};

/// What is longer is cut off after the value that is under way, as TensorFlow Serving does.
const LONGEST: usize = 256;

/// The text of a value that was [parsed](super::parse) before, for an error message.
pub fn shortened(value: &[u8]) -> String {
    let mut writer = Writer { text: value, place: 0, out: String::new() };
    writer.value(0);
    writer.out
}

struct Writer<'a> {
    text: &'a [u8],
    place: usize,
    out: String,
}

/// `None` ends the writing: it is long enough.
type Go = Option<()>;

impl Writer<'_> {
    fn next(&mut self) -> u8 {
        while matches!(self.text.get(self.place), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.place += 1;
        }
        self.text.get(self.place).copied().unwrap_or(0)
    }

    fn push(&mut self, text: &str) -> Go {
        (self.out.len() < LONGEST).then(|| self.out.push_str(text))
    }

    fn value(&mut self, depth: usize) -> Go {
        match self.next() {
            b'[' => self.inside(b']', |writer, index| {
                if index > 0 {
                    writer.out.push_str(", ");
                }
                writer.value(depth + 1)
            }),
            b'{' => {
                let first = self.out.len() + 1;
                self.inside(b'}', |writer, index| {
                    writer.out.push_str(if index > 0 { ",\n" } else { "\n" });
                    writer.out.push_str(&"    ".repeat(depth + 1));
                    writer.string()?;
                    writer.next();
                    writer.place += 1; // the colon
                    writer.out.push_str(": ");
                    writer.value(depth + 1)
                })?;
                if self.out.len() > first + 1 {
                    self.out.pop();
                    self.out.push_str(&format!("\n{}}}", "    ".repeat(depth)));
                }
                Some(())
            }
            b'"' => self.string(),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number(),
        }
    }

    /// What stands between brackets, element by element, with the brackets.
    fn inside(&mut self, end: u8, mut element: impl FnMut(&mut Self, usize) -> Go) -> Go {
        let begin = self.text[self.place];
        self.push(if begin == b'[' { "[" } else { "{" })?;
        self.place += 1;
        for index in 0.. {
            if self.next() == end {
                break;
            }
            element(self, index)?;
            if self.next() == b',' {
                self.place += 1;
                self.next();
            }
        }
        self.place += 1;
        self.push(if end == b']' { "]" } else { "}" })
    }

    fn string(&mut self) -> Go {
        self.next();
        let (text, end) = string(self.text, self.place).ok()?;
        self.place = end;
        let mut quoted = String::new();
        push_string(&mut quoted, &text);
        self.push(&quoted)
    }

    fn word(&mut self, word: &str) -> Go {
        self.place += word.len();
        self.push(word)
    }

    fn number(&mut self) -> Go {
        let (value, end) = number(self.text, self.place).ok()?;
        let text = std::str::from_utf8(&self.text[self.place..end]).ok()?;
        self.place = end;
        let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match is_whole && text.len() < 19 {
            true => self.push(text),
            false => self.push(&format!("{value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_rapidjson_does() {
        for (text, expected) in [
            ("3", "3"),
            ("3.50", "3.5"),
            (" \"x\\u0041\" ", "\"xA\""),
            ("[ ]", "[]"),
            ("{ }", "{}"),
            ("[1,[2,true],null]", "[1, [2, true], null]"),
            ("{\"a\":1}", "{\n    \"a\": 1\n}"),
            (
                "{\"a\":[1,2],\"b\":{\"c\":{}}}",
                "{\n    \"a\": [1, 2],\n    \"b\": {\n        \"c\": {}\n    }\n}",
            ),
            ("[{\"a\":1},{}]", "[{\n        \"a\": 1\n    }, {}]"),
        ] {
            assert_eq!(shortened(text.as_bytes()), expected);
        }
    }

    #[test]
    fn long_values_are_cut_off() {
        let short = shortened(format!("[{}0]", "123,".repeat(10_000)).as_bytes());
        assert!((256..262).contains(&short.len()) && short.starts_with("[123, 123"), "{}", short.len());
        let short = shortened(format!("{{\"{}\": 1}}", "k".repeat(1000)).as_bytes());
        assert!(short.len() < 1020 && short.contains("kkk"), "{short}");
    }
}
