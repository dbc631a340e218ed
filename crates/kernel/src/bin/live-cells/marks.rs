//! evcxr's own lines among what a cell prints.
//!
//! Source: `runtime.rs`, `eval_context.rs` and `evcxr_internal_runtime.rs` of evcxr 0.22, and the crate evcxr_input.

const BEGINNING: &[u8] = b"EVCXR_";
const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
const PANICKED: &str = "EVCXR_PANIC_NOTIFICATION";
const FAILED: &str = "EVCXR_ERROR_OCCURRED";
const LOST: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
const CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
const CONTENT_ENDS: &str = "EVCXR_END_CONTENT";
const ASKS: &str = "EVCXR_INPUT_REQUEST:";
const ASKS_SECRETLY: &str = "EVCXR_INPUT_REQUEST_PASSWORD:";
/// The longest of them; what is longer and has no newline yet is none.
const LONGEST: usize = 4096;

/// A part of what a cell prints.
#[derive(Debug, PartialEq)]
pub enum Part {
    /// The cell's own.
    Text(Vec<u8>),
    /// A line for evcxr.
    Line(String),
    /// The cell has ended; this is for evcxr as well.
    Complete(String),
    /// An error that `?` returned has ended the cell; this is for evcxr as well.
    Failed(String),
    /// A panic has ended the cell; this is for evcxr as well.
    Panicked(String),
    /// The crate evcxr_input asks for a line, which it is about to read.
    Asks { prompt: String, password: bool },
}

/// Takes the output apart as it comes.
#[derive(Default)]
pub struct Splitter {
    /// What may be the beginning of a line for evcxr.
    held: Vec<u8>,
    /// Between the lines that begin and end a content, which is all for evcxr.
    in_content: bool,
}

impl Splitter {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.held.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while let Some(part) = self.next() {
            parts.push(part);
        }
        parts
    }

    /// Whether something is held back, which is text if nothing more comes soon.
    pub fn holds_text(&self) -> bool {
        !self.in_content && !self.held.is_empty()
    }

    /// What is held back.
    pub fn take_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn next(&mut self) -> Option<Part> {
        match self.in_content {
            true => self.next_of_content(),
            false => self.next_of_text(),
        }
    }

    fn next_of_content(&mut self) -> Option<Part> {
        let end = self.held.iter().position(|&byte| byte == b'\n')?;
        let line = self.take_line(end);
        self.in_content = ![CONTENT_ENDS, PANICKED, COMPLETE].contains(&line.as_str());
        Some(mark(&line).unwrap_or(Part::Line(line)))
    }

    fn next_of_text(&mut self) -> Option<Part> {
        let mut from = 0;
        while let Some(found) = find(&self.held[from..], BEGINNING) {
            let begin = from + found;
            let Some(length) = self.held[begin..].iter().position(|&byte| byte == b'\n') else {
                if self.held.len() - begin > LONGEST {
                    break;
                }
                return self.text_before(begin);
            };
            let line = String::from_utf8_lossy(&self.held[begin..begin + length]);
            let Some(part) = mark(&line) else {
                from = begin + BEGINNING.len();
                continue;
            };
            if begin > 0 {
                return self.text_before(begin);
            }
            self.in_content = line.starts_with(CONTENT);
            self.take_line(length);
            return Some(part);
        }
        // The end may be the beginning of a line for evcxr.
        let partial = (1..BEGINNING.len()).rev().find(|&length| self.held.ends_with(&BEGINNING[..length]));
        self.text_before(self.held.len() - partial.unwrap_or(0))
    }

    fn text_before(&mut self, end: usize) -> Option<Part> {
        (end > 0).then(|| Part::Text(self.held.drain(..end).collect()))
    }

    /// evcxr reads nothing more after bytes that are no UTF-8.
    fn take_line(&mut self, length: usize) -> String {
        let line: Vec<u8> = self.held.drain(..=length).collect();
        String::from_utf8_lossy(&line[..length]).into_owned()
    }
}

fn mark(line: &str) -> Option<Part> {
    let own = line.to_string();
    match line {
        COMPLETE => Some(Part::Complete(own)),
        PANICKED => Some(Part::Panicked(own)),
        FAILED => Some(Part::Failed(own)),
        _ if line.starts_with(LOST) || line.starts_with(CONTENT) => Some(Part::Line(own)),
        _ => {
            let (prompt, password) = match line.strip_prefix(ASKS_SECRETLY) {
                Some(prompt) => (prompt, true),
                None => (line.strip_prefix(ASKS)?, false),
            };
            Some(Part::Asks { prompt: prompt.to_string(), password })
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.as_bytes().to_vec())
    }

    /// What comes of it, however it is cut.
    fn split(output: &[u8]) -> Vec<Part> {
        let whole = joined(Splitter::default().push(output));
        for size in 1..output.len().min(40) {
            let mut splitter = Splitter::default();
            let parts = output.chunks(size).flat_map(|chunk| splitter.push(chunk)).collect();
            assert_eq!(joined(parts), whole, "in chunks of {size}");
        }
        whole
    }

    fn joined(parts: Vec<Part>) -> Vec<Part> {
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(after)) => before.extend(after),
                (_, part) => joined.push(part),
            }
        }
        joined
    }

    #[test]
    fn lines_for_evcxr_are_found_also_behind_half_a_line() {
        let complete = || Part::Complete(COMPLETE.to_string());
        assert_eq!(split(b"a\nb\nEVCXR_EXECUTION_COMPLETE\n"), [text("a\nb\n"), complete()]);
        assert_eq!(split(b"50 %EVCXR_EXECUTION_COMPLETE\n"), [text("50 %"), complete()]);
        assert_eq!(
            split(b"EVCXR_ERROR_OCCURRED\nEVCXR_PANIC_NOTIFICATION\n"),
            [Part::Failed(FAILED.to_string()), Part::Panicked(PANICKED.to_string())]
        );
    }

    #[test]
    fn other_text_is_the_cells_own_whatever_its_bytes() {
        for own in ["EVCXR_\n", "EVCXR_TMPDIR is set\n", "EVCXR_EXECUTION_COMPLETE?\n", "an EVCXR\n"] {
            assert_eq!(split(own.as_bytes()), [text(own)]);
        }
        let bytes = [0xff, b'E', 0x00, b'\n'];
        assert_eq!(split(&bytes), [Part::Text(bytes.to_vec())]);
    }

    #[test]
    fn a_content_is_for_evcxr_to_its_end() {
        let parts =
            split(b"aEVCXR_BEGIN_CONTENT text/plain\n\xff EVCXR_ERROR_OCCURRED\n\nEVCXR_END_CONTENT\nb\n");
        let lines =
            ["EVCXR_BEGIN_CONTENT text/plain", "\u{fffd} EVCXR_ERROR_OCCURRED", "", "EVCXR_END_CONTENT"];
        let mut expected = vec![text("a")];
        expected.extend(lines.map(|line| Part::Line(line.to_string())));
        expected.push(text("b\n"));
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_panic_ends_a_content() {
        let parts = split(b"EVCXR_BEGIN_CONTENT text/plain\nhalf\nEVCXR_PANIC_NOTIFICATION\nafter\n");
        assert_eq!(parts[2..], [Part::Panicked(PANICKED.to_string()), text("after\n")]);
    }

    #[test]
    fn what_may_be_a_line_for_evcxr_is_held_back() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push(b"size EVC"), [text("size ")]);
        assert!(splitter.holds_text());
        assert_eq!(splitter.take_text(), b"EVC");
        assert!(!splitter.holds_text());
    }

    #[test]
    fn questions_carry_their_prompt() {
        let asks = |password| Part::Asks { prompt: "Name: ".to_string(), password };
        assert_eq!(split(b"EVCXR_INPUT_REQUEST:Name: \n"), [asks(false)]);
        assert_eq!(split(b"EVCXR_INPUT_REQUEST_PASSWORD:Name: \n"), [asks(true)]);
    }
}
