//! Reading a JSON text, in the order and with the errors of rapidjson.

use std::fmt;

use super::number::number;
use super::strings::string;
use super::value::{Kind, Numbers, Value};

/// Lists and objects may stand so deep in each other.
pub const DEEPEST: usize = 64;
/// Numbers in lists of lists up to here are kept as floats and a shape.
const MOST_SIDES: usize = 8;
/// So many values may be kept one by one: ragged lists, strings, objects. Each takes about a hundred bytes.
const MOST_VALUES: usize = 200_000;

/// What is wrong with a text, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    /// rapidjson's words.
    pub message: &'static str,
    /// From the begin of the text.
    pub offset: usize,
}

impl ParseError {
    pub(super) fn new(message: &'static str, offset: usize) -> ParseError {
        ParseError { message, offset }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} at offset: {}", self.message, self.offset)
    }
}

/// Reads the first value of a text; what comes after it is not looked at. NaN, Infinity and Inf are numbers.
///
/// # Errors
/// If the text is no JSON, nests deeper than [`DEEPEST`], or holds more than 200,000 values that are not in regular lists of numbers.
pub fn parse(text: &[u8]) -> Result<Value, ParseError> {
    let place = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut reader = Reader { text, place, numbers: Vec::new(), values: 0 };
    reader.skip_space();
    let start = reader.place;
    // Here rapidjson calls what begins no value an empty document.
    if matches!(reader.peek(), 0 | b']' | b'}' | b',' | b':') {
        return Err(ParseError::new("The document is empty.", start));
    }
    let node = reader.value(0)?;
    reader.kept(node, start)
}

/// The sides of lists in lists of numbers, the innermost first.
#[derive(Clone, Copy, PartialEq)]
struct Sides {
    count: usize,
    lengths: [usize; MOST_SIDES],
}

impl Sides {
    const OF_A_NUMBER: Sides = Sides { count: 0, lengths: [0; MOST_SIDES] };

    /// Of a list of such lists.
    fn within(mut self, length: usize) -> Sides {
        self.lengths[self.count] = length;
        self.count += 1;
        self
    }

    fn shape(self) -> Vec<usize> {
        self.lengths[..self.count].iter().rev().copied().collect()
    }

    fn numel(self) -> usize {
        self.lengths[..self.count].iter().product()
    }
}

/// A value that was just read.
enum Node {
    Number(f64),
    /// Its numbers are the last ones of the reader's.
    Numbers(Sides),
    Other(Kind),
}

impl Node {
    fn sides(&self) -> Option<Sides> {
        match self {
            Node::Number(_) => Some(Sides::OF_A_NUMBER),
            Node::Numbers(sides) if sides.count < MOST_SIDES => Some(*sides),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    place: usize,
    /// The numbers of all regular lists that are being read.
    numbers: Vec<f32>,
    /// How many values were kept one by one.
    values: usize,
}

impl Reader<'_> {
    /// The next byte, and 0 behind the last.
    fn peek(&self) -> u8 {
        self.text.get(self.place).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.place += 1;
        }
    }

    fn error<T>(&self, message: &'static str) -> Result<T, ParseError> {
        Err(ParseError::new(message, self.place))
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        match self.peek() {
            b'[' | b'{' if depth == DEEPEST => {
                self.error("Lists and objects are nested deeper than 64 levels.")
            }
            b'[' => self.list(depth),
            b'{' => self.object(depth).map(Node::Other),
            b'"' => {
                let (text, end) = string(self.text, self.place)?;
                self.place = end;
                Ok(Node::Other(Kind::String(text)))
            }
            b'n' => self.word(b"null", Kind::Null),
            b't' => self.word(b"true", Kind::Bool(true)),
            b'f' => self.word(b"false", Kind::Bool(false)),
            _ => {
                let (number, end) = number(self.text, self.place)?;
                self.place = end;
                Ok(Node::Number(number))
            }
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Node, ParseError> {
        let same = self.text[self.place..].iter().zip(word).take_while(|(one, other)| one == other).count();
        self.place += same;
        match same == word.len() {
            true => Ok(Node::Other(kind)),
            false => self.error("Invalid value."),
        }
    }

    /// A list: as long as its elements have the same sides, only their numbers are kept.
    fn list(&mut self, depth: usize) -> Result<Node, ParseError> {
        let first_number = self.numbers.len();
        let (mut length, mut common) = (0, None);
        let mut others: Option<Vec<Value>> = None;
        self.place += 1;
        self.skip_space();
        if self.peek() == b']' {
            self.place += 1;
            return Ok(Node::Numbers(Sides::OF_A_NUMBER.within(0)));
        }
        loop {
            self.skip_space();
            let start = self.place;
            let node = self.value(depth + 1)?;
            let sides = node.sides();
            match &mut others {
                None if sides.is_some() && (length == 0 || sides == common) => {
                    if let Node::Number(number) = node {
                        self.numbers.push(number as f32);
                    }
                    (length, common) = (length + 1, sides);
                }
                None => {
                    let odd = self.kept(node, start)?;
                    let mut list = self.split(first_number, length, common)?;
                    list.push(odd);
                    others = Some(list);
                }
                Some(list) => list.push(self.kept(node, start)?),
            }
            self.skip_space();
            match self.peek() {
                b',' => self.place += 1,
                b']' => break,
                _ => return self.error("Missing a comma or ] after an array element."),
            }
        }
        self.place += 1;
        Ok(match (others, common) {
            (Some(list), _) => Node::Other(Kind::List(list)),
            (None, common) => Node::Numbers(common.unwrap_or(Sides::OF_A_NUMBER).within(length)),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, ParseError> {
        let mut members = Vec::new();
        self.place += 1;
        self.skip_space();
        if self.peek() == b'}' {
            self.place += 1;
            return Ok(Kind::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != b'"' {
                return self.error("Missing a name for object member.");
            }
            let (name, end) = string(self.text, self.place)?;
            self.place = end;
            self.skip_space();
            if self.peek() != b':' {
                return self.error("Missing a colon after a name of object member.");
            }
            self.place += 1;
            self.skip_space();
            let start = self.place;
            let node = self.value(depth + 1)?;
            members.push((name, self.kept(node, start)?));
            self.skip_space();
            match self.peek() {
                b',' => self.place += 1,
                b'}' => break,
                _ => return self.error("Missing a comma or } after an object member."),
            }
        }
        self.place += 1;
        Ok(Kind::Object(members))
    }

    /// What was read from `start` to here, on its own.
    fn kept(&mut self, node: Node, start: usize) -> Result<Value, ParseError> {
        self.count(1)?;
        let kind = match node {
            Node::Number(number) => Kind::Number(number),
            Node::Other(kind) => kind,
            Node::Numbers(sides) => {
                let values = self.numbers.split_off(self.numbers.len() - sides.numel());
                Kind::Numbers(Numbers { shape: sides.shape(), values })
            }
        };
        Ok(Value { kind, span: start..self.place })
    }

    /// The elements of a list that has turned out to be ragged, each on its own.
    fn split(
        &mut self,
        first_number: usize,
        length: usize,
        sides: Option<Sides>,
    ) -> Result<Vec<Value>, ParseError> {
        self.count(length)?;
        let Some(sides) = sides else { return Ok(Vec::new()) };
        let numbers = self.numbers.split_off(first_number);
        let size = sides.numel();
        let element = |index: usize| {
            let values = &numbers[index * size..(index + 1) * size];
            let kind = match sides.count {
                0 => Kind::Number(f64::from(values[0])),
                _ => Kind::Numbers(Numbers { shape: sides.shape(), values: values.to_vec() }),
            };
            Value { kind, span: 0..0 }
        };
        Ok((0..length).map(element).collect())
    }

    fn count(&mut self, more: usize) -> Result<(), ParseError> {
        self.values += more;
        match self.values <= MOST_VALUES {
            true => Ok(()),
            false => self.error("More than 200000 values that are not in regular lists of numbers."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        parse(text.as_bytes()).unwrap().kind
    }

    fn numbers(shape: &[usize], values: &[f32]) -> Kind {
        Kind::Numbers(Numbers { shape: shape.to_vec(), values: values.to_vec() })
    }

    #[test]
    fn regular_lists_become_floats_and_a_shape() {
        assert_eq!(kind("[[1, 2.5],[3,4e1], [5,-6]]"), numbers(&[3, 2], &[1.0, 2.5, 3.0, 40.0, 5.0, -6.0]));
        assert_eq!(kind("[]"), numbers(&[0], &[]));
        assert_eq!(kind("[[],[]]"), numbers(&[2, 0], &[]));
        assert_eq!(kind("[[[1]],[[2]]]"), numbers(&[2, 1, 1], &[1.0, 2.0]));
        assert_eq!(kind("[1e39]"), numbers(&[1], &[f32::INFINITY]));
        assert_eq!(kind("7"), Kind::Number(7.0));
        let eight = format!("{}1{}", "[".repeat(8), "]".repeat(8));
        assert_eq!(kind(&eight), numbers(&[1; 8], &[1.0]));
        assert!(
            matches!(kind(&format!("[{eight}]")), Kind::List(list) if list[0].kind == numbers(&[1; 8], &[1.0]))
        );
    }

    #[test]
    fn ragged_lists_are_kept_element_by_element() {
        let Kind::List(list) = kind(r#"[1, 2, [3], "x", [4, null]]"#) else { panic!() };
        let kinds: Vec<&Kind> = list.iter().map(|value| &value.kind).collect();
        assert_eq!(kinds[..2], [&Kind::Number(1.0), &Kind::Number(2.0)]);
        assert_eq!(kinds[2..4], [&numbers(&[1], &[3.0]), &Kind::String("x".to_string())]);
        assert!(matches!(kinds[4], Kind::List(list) if list.len() == 2));
        assert_eq!((list[2].span.clone(), list[3].span.clone()), (7..10, 12..15));
        let Kind::List(list) = kind("[[[1,2],[3,4]],[[5,6]]]") else { panic!() };
        assert_eq!(list[0].kind, numbers(&[2, 2], &[1.0, 2.0, 3.0, 4.0]));
        assert_eq!(list[1].kind, numbers(&[1, 2], &[5.0, 6.0]));
    }

    #[test]
    fn objects_keep_the_first_of_equal_keys_and_text_after_them_is_ignored() {
        let value =
            parse("\u{feff} {\"a\": 1, \"a\": [2], \"b\": {\"c\": true}} and more".as_bytes()).unwrap();
        assert_eq!(value.get("a").unwrap().kind, Kind::Number(1.0));
        assert_eq!(value.get("b").unwrap().get("c").unwrap().kind, Kind::Bool(true));
        assert_eq!(value.get("d"), None);
        assert_eq!(parse(b"{\"b64\": \"YQ==\"}").unwrap().as_base64(), Some("YQ=="));
    }

    #[test]
    fn errors_have_rapidjsons_words_and_offsets() {
        for (text, message, offset) in [
            ("  ", "The document is empty.", 2),
            ("]", "The document is empty.", 0),
            ("garbage", "Invalid value.", 0),
            ("nan", "Invalid value.", 1),
            ("tru", "Invalid value.", 3),
            ("[1,]", "Invalid value.", 3),
            ("[,1]", "Invalid value.", 1),
            ("[1 2]", "Missing a comma or ] after an array element.", 3),
            ("[1", "Missing a comma or ] after an array element.", 2),
            ("[01]", "Missing a comma or ] after an array element.", 2),
            ("{1:2}", "Missing a name for object member.", 1),
            ("{\"a\":1,}", "Missing a name for object member.", 7),
            ("{\"a\" 1}", "Missing a colon after a name of object member.", 5),
            ("{\"a\":}", "Invalid value.", 5),
            ("{\"a\":1 2}", "Missing a comma or } after an object member.", 7),
            ("{\"a\":1", "Missing a comma or } after an object member.", 6),
            ("[1e400]", "Number too big to be stored in double.", 1),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.message, error.offset), (message, offset), "{text}");
        }
    }

    #[test]
    fn depth_and_the_number_of_values_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(64).as_bytes()).is_ok());
        assert_eq!(parse(nested(65).as_bytes()).unwrap_err().offset, 64);
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()).unwrap_err().offset, 64);
        let strings = format!("[{}\"\"]", "\"\",".repeat(200_000));
        assert!(parse(strings.as_bytes()).unwrap_err().message.starts_with("More than 200000"));
        assert!(parse(format!("[{}0]", "0,".repeat(1_000_000)).as_bytes()).is_ok());
    }
}
