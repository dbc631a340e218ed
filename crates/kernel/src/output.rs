//! What a cell prints, made into what a notebook shows.
//!
//! evcxr passes on one line at a time. Lines that belong together are sent as one message, since notebooks cannot
//! take thousands in a second; lines with the mark of the crate `live` become displays, in their place between the others.

use jupyter_protocol::messaging::{
    ClearOutput, DisplayData, ErrorOutput, JupyterMessageContent as Content, Media, StreamContent, Transient,
    UpdateDisplayData,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::errors;

/// Begins a line of the wire format that the crate `live` documents.
const MARK: &str = "\u{1f}live/1 ";
/// So long text is collected before it is sent.
const COLLECT: Duration = Duration::from_millis(50);
/// Text on the standard error waits a little longer: if the cell turns out to have failed, it is the error's message.
const COLLECT_ERRORS: Duration = Duration::from_millis(200);
/// A panic's report is collected to its end; but one that was caught does not end the cell.
const COLLECT_PANIC: Duration = Duration::from_secs(3);
/// More text than this is sent at once.
const FULL: usize = 1 << 16;

/// A line of the wire format.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Line {
    Display { id: Option<String>, data: BTreeMap<String, String> },
    Update { id: String, data: BTreeMap<String, String> },
    Clear { wait: bool },
    Failed,
    Panicked,
}

/// How a cell has said that it failed.
#[derive(Clone, Copy, PartialEq)]
enum Failure {
    Returned,
    Panicked,
}

/// The output of one cell. Its methods return what is to be published now.
#[derive(Default)]
pub struct Output {
    stdout: Pending,
    stderr: Pending,
    failure: Option<Failure>,
}

#[derive(Default)]
struct Pending {
    text: String,
    due: Option<Instant>,
}

impl Pending {
    fn add(&mut self, text: &str, wait: Duration) {
        self.text.push_str(text);
        self.due.get_or_insert_with(|| Instant::now() + wait);
    }

    fn take(&mut self) -> String {
        self.due = None;
        std::mem::take(&mut self.text)
    }
}

impl Output {
    /// Text on the cell's standard output.
    pub fn stdout(&mut self, text: &str) -> Vec<Content> {
        let mut published = Vec::new();
        let mut rest = text;
        while let Some((before, marked)) = rest.split_once(MARK) {
            self.stdout.add(before, COLLECT);
            let (line, after) = marked.split_once('\n').unwrap_or((marked, ""));
            match serde_json::from_str::<Line>(line) {
                Ok(line) => published.extend(self.line(line)),
                Err(error) => eprintln!("live-kernel: a line of another wire format was dropped: {error}"),
            }
            rest = after;
        }
        if !rest.is_empty() {
            self.stdout.add(rest, COLLECT);
        }
        if self.stdout.text.len() > FULL {
            published.extend(stream(StreamContent::stdout, self.stdout.take()));
        }
        published
    }

    /// Text on the cell's standard error.
    pub fn stderr(&mut self, text: &str) -> Vec<Content> {
        self.stderr.add(text, COLLECT_ERRORS);
        if errors::looks_like_panic(text) {
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
                let mut display = DisplayData::new(media(data));
                display.transient = id.map(|id| Transient { display_id: Some(id) });
                published.push(display.into());
            }
            Line::Update { id, data } => published.push(UpdateDisplayData::new(media(data), &id).into()),
            Line::Clear { wait } => {
                published.extend(self.before_display());
                published.push(ClearOutput { wait }.into());
            }
            Line::Failed => self.failure = Some(Failure::Returned),
            Line::Panicked => self.failure = Some(Failure::Panicked),
        }
        published
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

    /// The text on the standard error that was not published yet.
    pub fn unpublished_errors(&self) -> &str {
        &self.stderr.text
    }

    /// All that is left when the cell has ended, and the error if it has failed.
    pub fn finish(&mut self) -> (Vec<Content>, Option<ErrorOutput>) {
        let mut published = stream(StreamContent::stdout, self.stdout.take());
        let stderr = self.stderr.take();
        let (before, error) = match self.failure.take() {
            None => (stderr, None),
            Some(Failure::Returned) => (String::new(), Some(errors::returned(&stderr))),
            Some(Failure::Panicked) => {
                let (before, error) = errors::panicked(&stderr);
                (before, Some(error))
            }
        };
        published.extend(stream(StreamContent::stderr, before));
        (published, error)
    }
}

/// Shortens a text that is too long; an error's message is its end.
fn keep_end(text: &mut String) {
    let too_much = text.len().saturating_sub(FULL);
    let begin = (too_much..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text.drain(..begin);
}

fn stream(of: impl Fn(&str) -> StreamContent, text: String) -> Vec<Content> {
    match text.is_empty() {
        true => Vec::new(),
        false => vec![of(&text).into()],
    }
}

/// The contents by MIME type; JSON is sent as text, and parsed here.
fn media(data: BTreeMap<String, String>) -> Media {
    let value = |mime_type: &str, content: String| match mime_type.ends_with("json") {
        true => serde_json::from_str(&content).unwrap_or(Value::String(content)),
        false => Value::String(content),
    };
    let bundle: serde_json::Map<String, Value> = data
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

    fn json(contents: Vec<Content>) -> Vec<String> {
        contents.iter().map(|content| serde_json::to_string(content).unwrap()).collect()
    }

    fn all(output: &mut Output) -> Vec<String> {
        json(output.finish().0)
    }

    #[test]
    fn lines_are_collected() {
        let mut output = Output::default();
        for line in ["a\n", "b\n"] {
            assert!(output.stdout(line).is_empty());
        }
        assert!(output.due().is_some());
        assert_eq!(all(&mut output), [r#"{"name":"stdout","text":"a\nb\n"}"#]);
        assert!(output.due().is_none());
    }

    #[test]
    fn much_text_does_not_wait() {
        let mut output = Output::default();
        let line = "x".repeat(1000) + "\n";
        let published: usize = (0..1000).map(|_| output.stdout(&line).len()).sum();
        assert!((10..20).contains(&published), "{published} messages");
    }

    #[test]
    fn displays_keep_their_place_among_the_lines() {
        let mut output = Output::default();
        output.stdout("before\n");
        let line = "half\u{1f}live/1 {\"op\":\"display\",\"id\":\"7\",\"data\":{\"text/plain\":\"a\"}}\n";
        let published = json(output.stdout(line));
        assert_eq!(published[0], r#"{"name":"stdout","text":"before\nhalf"}"#);
        assert!(
            published[1].contains(r#""data":{"text/plain":"a"}"#)
                && published[1].contains(r#""display_id":"7""#)
        );
        let update =
            "\u{1f}live/1 {\"op\":\"update\",\"id\":\"7\",\"data\":{\"application/json\":\"[1]\"}}\n";
        assert!(json(output.stdout(update))[0].contains(r#"{"application/json":[1]}"#));
        let clear = json(output.stdout("\u{1f}live/1 {\"op\":\"clear\",\"wait\":true}\n"));
        assert_eq!(clear, [r#"{"wait":true}"#]);
        assert!(all(&mut output).is_empty());
    }

    #[test]
    fn unknown_types_are_kept() {
        let line = "\u{1f}live/1 {\"op\":\"display\",\"data\":{\"application/x-own\":\"a\"}}\n";
        assert!(json(Output::default().stdout(line))[0].contains(r#"{"application/x-own":"a"}"#));
    }

    #[test]
    fn a_damaged_line_is_dropped_and_the_rest_is_kept() {
        let mut output = Output::default();
        assert!(output.stdout("a\u{1f}live/1 {\"op\":\"explode\"}\n").is_empty());
        assert!(output.stdout("b\n").is_empty());
        assert_eq!(all(&mut output), [r#"{"name":"stdout","text":"ab\n"}"#]);
    }

    #[test]
    fn the_standard_error_of_a_failed_cell_is_its_error() {
        let mut output = Output::default();
        output.stderr("no such file\n");
        output.stdout("\u{1f}live/1 {\"op\":\"failed\"}\n");
        let (published, error) = output.finish();
        assert!(published.is_empty());
        assert_eq!(error.unwrap().evalue, "no such file");
        output.stderr("a warning\n");
        let (published, error) = output.finish();
        assert!(published.len() == 1 && error.is_none());
    }

    #[test]
    fn the_message_of_an_error_waits_for_the_end_of_the_cell() {
        let mut output = Output::default();
        output.stderr("no such file\n");
        output.stdout("\u{1f}live/1 {\"op\":\"failed\"}\n");
        std::thread::sleep(COLLECT_ERRORS + COLLECT);
        assert!(output.flush_due().is_empty() && output.due().is_none());
        assert_eq!(output.finish().1.unwrap().evalue, "no such file");
    }

    #[test]
    fn a_very_long_error_keeps_its_end() {
        let mut output = Output::default();
        output.stdout("\u{1f}live/1 {\"op\":\"failed\"}\n");
        for _ in 0..1000 {
            assert!(output.stderr(&("é".repeat(100) + "\n")).is_empty());
        }
        output.stderr("the reason\n");
        let error = output.finish().1.unwrap();
        assert!(error.evalue.ends_with("the reason") && error.evalue.len() <= FULL);
    }
}
