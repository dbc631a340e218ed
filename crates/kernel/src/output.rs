//! What a cell prints, made into what a notebook shows.
//!
//! Text that comes in small pieces is collected and sent as one message, since notebooks cannot take thousands in a second.
//! A notebook cannot take any amount either: of a cell that prints without end, the beginning and the end are shown.

use jupyter_protocol::messaging::{
    ClearOutput, DisplayData, ErrorOutput, JupyterMessageContent as Content, Media, StreamContent, Transient,
    UpdateDisplayData,
};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::errors;
use crate::wire::{Line, Part};

/// So long text is collected before it is sent.
const COLLECT: Duration = Duration::from_millis(50);
/// Text on the standard error waits a little longer: if the cell turns out to have failed, it is the error's message.
const COLLECT_ERRORS: Duration = Duration::from_millis(200);
/// A panic's report is collected to its end; but one that was caught does not end the cell.
const COLLECT_PANIC: Duration = Duration::from_secs(3);
/// More text than this is sent at once.
const FULL: usize = 1 << 16;
/// A cell that prints more than this shows no more of it, but for the end.
const MOST: usize = 32 << 20;

/// How a cell has said that it failed.
#[derive(Clone, Copy, PartialEq)]
enum Failure {
    Returned,
    Panicked,
}

/// What a cell tells the kernel.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// It has begun to run.
    Started,
    /// It waits for a line from the user.
    Asks { prompt: String, password: bool },
}

/// The output of one cell. Its methods return what is to be published now.
#[derive(Default)]
pub struct Output {
    stdout: Pending,
    stderr: Pending,
    failure: Option<Failure>,
    /// The question that the next line from the user answers.
    prompt: Option<(String, bool)>,
    told: Vec<Told>,
    last_errors: String,
}

#[derive(Default)]
struct Pending {
    text: String,
    due: Option<Instant>,
    /// How much was taken.
    taken: usize,
    /// How many lines were left out because it was too much.
    left_out: usize,
}

impl Pending {
    fn add(&mut self, text: &str, wait: Duration) {
        self.text.push_str(text);
        self.due.get_or_insert_with(|| Instant::now() + wait);
        if self.is_too_much() {
            self.left_out += keep_end(&mut self.text);
            self.due = None;
        }
    }

    fn is_too_much(&self) -> bool {
        self.taken + self.text.len() > MOST
    }

    /// What is to be sent now; what is too much waits for the cell's end.
    fn take(&mut self) -> String {
        self.due = None;
        if self.is_too_much() {
            return String::new();
        }
        self.taken += self.text.len();
        std::mem::take(&mut self.text)
    }

    /// What is left at the cell's end.
    fn finish(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let left_out = std::mem::take(&mut self.left_out);
        (self.due, self.taken) = (None, 0);
        match left_out {
            0 => text,
            lines => format!(
                "\n… {lines} lines are left out: the cell has printed more than {} MiB …\n{text}",
                MOST >> 20
            ),
        }
    }
}

impl Output {
    /// What has come on the cell's standard output.
    pub fn stdout(&mut self, parts: Vec<Part>) -> Vec<Content> {
        let mut published = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => self.stdout.add(&text, COLLECT),
                Part::Line(line) => published.extend(self.line(line)),
            }
            if self.stdout.text.len() > FULL {
                published.extend(stream(StreamContent::stdout, self.stdout.take()));
            }
        }
        published
    }

    /// What has come on the cell's standard error.
    pub fn stderr(&mut self, parts: Vec<Part>) -> Vec<Content> {
        let mut published = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => published.extend(self.error_text(&text)),
                Part::Line(line) => published.extend(self.line(line)),
            }
        }
        published
    }

    fn error_text(&mut self, text: &str) -> Vec<Content> {
        self.stderr.add(text, COLLECT_ERRORS);
        self.last_errors.push_str(text);
        keep_end(&mut self.last_errors);
        if errors::looks_like_panic(text) && !self.stderr.is_too_much() {
            self.stderr.due = Some(Instant::now() + COLLECT_PANIC);
        }
        if self.stderr.text.len() <= FULL {
            return Vec::new();
        }
        if self.failure.is_some() {
            keep_end(&mut self.stderr.text);
            return Vec::new();
        }
        stream(StreamContent::stderr, self.stderr.take())
    }

    fn line(&mut self, line: Line) -> Vec<Content> {
        let mut published = Vec::new();
        match line {
            Line::Display { id, data } => {
                published.extend(self.before_display());
                let metadata = alternative_texts(&data);
                let mut display = DisplayData { metadata, ..DisplayData::new(media(data)) };
                display.transient = id.map(|id| Transient { display_id: Some(id) });
                published.push(display.into());
            }
            Line::Update { id, data } => {
                let metadata = alternative_texts(&data);
                let update = UpdateDisplayData { metadata, ..UpdateDisplayData::new(media(data), &id) };
                published.push(update.into());
            }
            Line::Clear { wait } => {
                published.extend(self.before_display());
                published.push(ClearOutput { wait }.into());
            }
            Line::Failed => self.failure = Some(Failure::Returned),
            Line::Panicked => self.failure = Some(Failure::Panicked),
            Line::Started => self.told.push(Told::Started),
            Line::Prompt { prompt, password } => self.prompt = Some((prompt, password)),
            Line::Input => {
                let (prompt, password) = self.prompt.take().unwrap_or_default();
                self.told.push(Told::Asks { prompt, password });
            }
            // That is the kernel's affair, not a cell's.
            Line::Process { .. } => {}
        }
        published
    }

    /// What the cell has told the kernel since this was last asked.
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// When something has to be sent, at the latest.
    pub fn due(&self) -> Option<Instant> {
        [self.stdout.due, self.stderr_due()].into_iter().flatten().min()
    }

    /// As soon as the cell has failed, this text is its error's message, and waits for the end.
    fn stderr_due(&self) -> Option<Instant> {
        self.stderr.due.filter(|_| self.failure.is_none())
    }

    /// What is due by now.
    pub fn flush_due(&mut self) -> Vec<Content> {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= Instant::now());
        let mut published = Vec::new();
        if is_due(self.stdout.due) {
            published.extend(stream(StreamContent::stdout, self.stdout.take()));
        }
        if is_due(self.stderr_due()) {
            published.extend(stream(StreamContent::stderr, self.stderr.take()));
        }
        published
    }

    /// The printed text that has to stand before a display, a result or a question.
    pub fn before_display(&mut self) -> Vec<Content> {
        let mut published = stream(StreamContent::stdout, self.stdout.take());
        if self.failure.is_none() && !errors::looks_like_panic(&self.stderr.text) {
            published.extend(stream(StreamContent::stderr, self.stderr.take()));
        }
        published
    }

    /// The end of the text on the standard error, published or not.
    pub fn last_errors(&self) -> &str {
        &self.last_errors
    }

    /// All that is left when the cell has ended, and the error if it has failed. `place` knows where in which cell something is
    /// that the compiler has found in evcxr's file.
    pub fn finish(&mut self, place: &dyn Fn(&str) -> Option<String>) -> (Vec<Content>, Option<ErrorOutput>) {
        let mut published = stream(StreamContent::stdout, self.stdout.finish());
        let stderr = self.stderr.finish();
        let (before, error) = match self.failure.take() {
            None => (stderr, None),
            Some(Failure::Returned) => (String::new(), Some(errors::returned(&stderr, place))),
            Some(Failure::Panicked) => {
                let (before, error) = errors::panicked(&stderr, place);
                (before, Some(error))
            }
        };
        published.extend(stream(StreamContent::stderr, before));
        (published, error)
    }
}

/// Shortens a text that is too long to its end, and says how many lines that were.
fn keep_end(text: &mut String) -> usize {
    let too_much = text.len().saturating_sub(FULL);
    let begin = (too_much..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text.drain(..begin).filter(|&character| character == '\n').count()
}

fn stream(of: impl Fn(&str) -> StreamContent, text: String) -> Vec<Content> {
    match text.is_empty() {
        true => Vec::new(),
        false => vec![of(&text).into()],
    }
}

/// The plain text beside a picture is its alternative text, which Jupyter keeps in the output's metadata.
fn alternative_texts(data: &BTreeMap<String, String>) -> Map<String, Value> {
    let pictures = data.keys().filter(|mime_type| mime_type.starts_with("image/"));
    let Some(text) = data.get("text/plain") else { return Map::new() };
    pictures.map(|mime_type| (mime_type.clone(), json!({ "alt": text }))).collect()
}

/// The contents by MIME type; JSON is sent as text, and parsed here.
pub fn media(data: BTreeMap<String, String>) -> Media {
    let value = |mime_type: &str, content: String| match mime_type.ends_with("json") {
        true => serde_json::from_str(&content).unwrap_or(Value::String(content)),
        false => Value::String(content),
    };
    let bundle: Map<String, Value> = data
        .into_iter()
        .map(|(mime_type, content)| {
            let value = value(&mime_type, content);
            (mime_type, value)
        })
        .collect();
    serde_json::from_value(Value::Object(bundle)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;

    /// What is published when this is printed.
    fn print(output: &mut Output, text: &str) -> Vec<String> {
        json(output.stdout(Wire::default().push(text.as_bytes())))
    }

    fn complain(output: &mut Output, text: &str) -> Vec<Content> {
        output.stderr(vec![Part::Text(text.to_string())])
    }

    fn json(contents: Vec<Content>) -> Vec<String> {
        contents.iter().map(|content| serde_json::to_string(content).unwrap()).collect()
    }

    fn nowhere(_: &str) -> Option<String> {
        None
    }

    fn all(output: &mut Output) -> Vec<String> {
        json(output.finish(&nowhere).0)
    }

    fn error(output: &mut Output) -> ErrorOutput {
        output.finish(&nowhere).1.unwrap()
    }

    #[test]
    fn a_picture_has_the_text_beside_it_as_its_alternative() {
        let mut output = Output::default();
        let data = r#""data":{"image/png":"iVBO","text/plain":"a line"}"#;
        for line in [r#""op":"display""#, r#""op":"display","id":"1""#, r#""op":"update","id":"1""#] {
            let published = print(&mut output, &format!("\u{1f}live/1 {{{line},{data}}}\n"));
            assert!(published[0].contains(r#""metadata":{"image/png":{"alt":"a line"}}"#), "{published:?}");
        }
        let alone =
            print(&mut output, "\u{1f}live/1 {\"op\":\"display\",\"data\":{\"image/png\":\"iVBO\"}}\n");
        assert!(alone[0].contains(r#""metadata":{}"#), "{alone:?}");
    }

    #[test]
    fn lines_are_collected() {
        let mut output = Output::default();
        for line in ["a\n", "b\n"] {
            assert!(print(&mut output, line).is_empty());
        }
        assert!(output.due().is_some());
        assert_eq!(all(&mut output), [r#"{"name":"stdout","text":"a\nb\n"}"#]);
        assert!(output.due().is_none());
    }

    #[test]
    fn much_text_does_not_wait() {
        let mut output = Output::default();
        let line = "x".repeat(1000) + "\n";
        let published: usize = (0..1000).map(|_| print(&mut output, &line).len()).sum();
        assert!((10..20).contains(&published), "{published} messages");
    }

    #[test]
    fn of_too_much_text_the_beginning_and_the_end_are_shown() {
        let mut output = Output::default();
        let line = "x".repeat(999) + "\n";
        let published: usize = (0..100_000)
            .flat_map(|_| output.stdout(vec![Part::Text(line.clone())]))
            .map(|content| serde_json::to_string(&content).unwrap().len())
            .sum();
        assert!((MOST - (1 << 20)..MOST + (1 << 20)).contains(&published), "{published} bytes");
        assert!(output.due().is_none() && output.stdout.text.len() < 2 * FULL);
        print(&mut output, "the last\n");
        let end = all(&mut output).concat();
        assert!(end.contains("lines are left out") && end.ends_with("the last\\n\"}"), "{}", &end[..200]);
        assert_eq!(
            print(&mut output, "next\n").len() + all(&mut output).len(),
            1,
            "and then all begins anew"
        );
    }

    #[test]
    fn displays_keep_their_place_among_the_lines() {
        let mut output = Output::default();
        print(&mut output, "before\n");
        let line = "half\u{1f}live/1 {\"op\":\"display\",\"id\":\"7\",\"data\":{\"text/plain\":\"a\"}}\n";
        let published = print(&mut output, line);
        assert_eq!(published[0], r#"{"name":"stdout","text":"before\nhalf"}"#);
        assert!(
            published[1].contains(r#""data":{"text/plain":"a"}"#)
                && published[1].contains(r#""display_id":"7""#)
        );
        let update =
            "\u{1f}live/1 {\"op\":\"update\",\"id\":\"7\",\"data\":{\"application/json\":\"[1]\"}}\n";
        assert!(print(&mut output, update)[0].contains(r#"{"application/json":[1]}"#));
        let clear = print(&mut output, "\u{1f}live/1 {\"op\":\"clear\",\"wait\":true}\n");
        assert_eq!(clear, [r#"{"wait":true}"#]);
        assert!(all(&mut output).is_empty());
    }

    #[test]
    fn unknown_types_are_kept() {
        let line = "\u{1f}live/1 {\"op\":\"display\",\"data\":{\"application/x-own\":\"a\"}}\n";
        assert!(print(&mut Output::default(), line)[0].contains(r#"{"application/x-own":"a"}"#));
    }

    #[test]
    fn a_question_comes_after_what_was_printed_and_has_its_prompt() {
        let mut output = Output::default();
        print(&mut output, "\u{1f}live/1 {\"op\":\"started\"}\nName: ");
        assert!(print(&mut output, "\u{1f}live/1 {\"op\":\"input\"}\n").is_empty());
        assert_eq!(json(output.before_display()), [r#"{"name":"stdout","text":"Name: "}"#]);
        let asks = |prompt: &str, password| Told::Asks { prompt: prompt.to_string(), password };
        assert_eq!(output.take_told(), [Told::Started, asks("", false)]);
        let prompt = "\u{1f}live/1 {\"op\":\"prompt\",\"prompt\":\"Key\",\"password\":true}\n";
        print(&mut output, &format!("{prompt}\u{1f}live/1 {{\"op\":\"input\"}}\n"));
        assert_eq!(output.take_told(), [asks("Key", true)]);
    }

    #[test]
    fn the_standard_error_of_a_failed_cell_is_its_error() {
        let mut output = Output::default();
        complain(&mut output, "no such file\n");
        print(&mut output, "\u{1f}live/1 {\"op\":\"failed\"}\n");
        let (published, error) = output.finish(&nowhere);
        assert!(published.is_empty());
        assert_eq!(error.unwrap().evalue, "no such file");
        complain(&mut output, "a warning\n");
        let (published, error) = output.finish(&nowhere);
        assert!(published.len() == 1 && error.is_none());
    }

    #[test]
    fn the_message_of_an_error_waits_for_the_end_of_the_cell() {
        let mut output = Output::default();
        complain(&mut output, "no such file\n");
        print(&mut output, "\u{1f}live/1 {\"op\":\"failed\"}\n");
        std::thread::sleep(COLLECT_ERRORS + COLLECT);
        assert!(output.flush_due().is_empty() && output.due().is_none());
        assert_eq!(error(&mut output).evalue, "no such file");
    }

    #[test]
    fn a_very_long_error_keeps_its_end() {
        let mut output = Output::default();
        print(&mut output, "\u{1f}live/1 {\"op\":\"failed\"}\n");
        for _ in 0..1000 {
            assert!(complain(&mut output, &("é".repeat(100) + "\n")).is_empty());
        }
        complain(&mut output, "the reason\n");
        let error = error(&mut output);
        assert!(error.evalue.ends_with("the reason") && error.evalue.len() <= FULL);
    }
}
