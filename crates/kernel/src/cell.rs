//! A cell that is being executed, with all that belongs to it until it is answered.

use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteRequest, JupyterMessage, JupyterMessageContent as Content, StreamContent,
    UnknownMessage,
};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::answers::Failure;
use crate::commands::{self, Commands};
use crate::compiling::Compiling;
use crate::errors::{self, Diagnostic, Known};
use crate::impls::{Impls, Rewritten};
use crate::output::{media, Output, Told};
use crate::places::Places;
use crate::warnings;
use crate::wire::Part;

/// A cell that has not stopped by then does not look at the stop flag.
const EXPLAIN_AFTER: Duration = Duration::from_secs(2);
/// Two presses of the button so close together are one.
const DOUBLE_CLICK: Duration = Duration::from_millis(700);
const EXPLANATION: &str =
    "This cell does not look at the stop flag. Interrupt it once more to end its process: all variables \
                           are then lost. Or let it run.\n";
/// Of a longer value the beginning is shown.
const LONGEST_VALUE: usize = 20_000;

/// How far an interrupt has gone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stage {
    /// The cell was asked to stop.
    Asked,
    /// Its process was ended.
    Killed,
}

/// A request to execute a cell.
pub struct Cell {
    /// What Jupyter asked for.
    pub request: JupyterMessage,
    /// The number beside it.
    pub number: usize,
    /// The commands for the shell that are yet to be executed.
    pub shell: VecDeque<String>,
    /// Whether the variables are to be shown when all else is done.
    pub shows_variables: bool,
    /// Whether that has begun.
    pub is_at_variables: bool,
    /// What is left for evcxr, as that gets it.
    pub rewritten: Rewritten,
    /// The number of the question to the session; `None` while it was not asked.
    pub sent: Option<u64>,
    /// Whether it runs, and is no longer being compiled.
    pub runs: bool,
    /// Whether it waits for what the user types.
    pub asks: bool,
    /// Where its lines are in evcxr's file.
    places: Places,
    output: Output,
    compiling: Option<Compiling>,
    error: Option<ErrorOutput>,
    interrupt: Option<(Stage, Instant)>,
    explained: bool,
    published: Vec<JupyterMessage>,
}

impl Cell {
    /// A request that nothing was done about yet.
    pub fn new(request: JupyterMessage, number: usize, commands: Commands, impls: &Impls) -> Cell {
        Cell {
            request,
            number,
            shell: commands.shell.into(),
            shows_variables: commands.variables,
            is_at_variables: false,
            rewritten: impls.rewrite(&commands.rest),
            sent: None,
            runs: false,
            asks: false,
            places: Places::default(),
            output: Output::default(),
            compiling: None,
            error: None,
            interrupt: None,
            explained: false,
            published: Vec::new(),
        }
    }

    fn asked(&self) -> Option<&ExecuteRequest> {
        match &self.request.content {
            Content::ExecuteRequest(asked) => Some(asked),
            _ => None,
        }
    }

    /// The text of the cell.
    pub fn source(&self) -> &str {
        self.asked().map_or("", |asked| &asked.code)
    }

    /// Whether nobody sees what it shows.
    pub fn is_silent(&self) -> bool {
        self.asked().is_some_and(|asked| asked.silent)
    }

    /// Whether its client can ask the user.
    pub fn allows_input(&self) -> bool {
        self.asked().is_some_and(|asked| asked.allow_stdin)
    }

    /// What has come on its standard output. What the cell has told the kernel is returned.
    pub fn stdout(&mut self, parts: Vec<Part>) -> Vec<Told> {
        let contents = self.output.stdout(parts);
        self.publish(contents);
        self.output.take_told()
    }

    /// What has come on its standard error.
    pub fn stderr(&mut self, parts: Vec<Part>) {
        let contents = self.output.stderr(parts);
        self.publish(contents);
    }

    /// The value that the cell ends with, or the error that this value is.
    pub fn value(&mut self, mut contents: BTreeMap<String, String>) {
        let text = contents.get("text/plain").map(String::as_str).unwrap_or_default();
        if let Some(error) = errors::looks_like_err(text).filter(|_| contents.len() == 1) {
            return self.fail(error);
        }
        if let Some(text) = contents.get_mut("text/plain") {
            shorten(text);
        }
        if contents.is_empty() || self.is_silent() {
            return;
        }
        self.flush();
        let result = json!({"execution_count": self.number, "data": media(contents), "metadata": {}});
        self.publish(vec![other("execute_result", result)]);
    }

    /// evcxr's word that the cell was not executed to its end, as the cell shows it.
    pub fn not_executed(&mut self, failure: Failure, known: &Known) {
        let error = match failure {
            Failure::Message(_) | Failure::Compile(_) if self.interrupt.is_some() => {
                errors::error("Interrupted", "the cell was stopped while it was compiled", &[])
            }
            Failure::Compile(mut diagnostics) => {
                self.find_in_cell(&mut diagnostics);
                let mut error = errors::compile_errors(&diagnostics, self.source(), self.number, known);
                if commands::are_misplaced(self.source()) {
                    error.traceback.push(commands::MISPLACED.to_string());
                }
                error
            }
            Failure::Ended(_) if self.killed_at().is_some() => errors::interrupted(),
            Failure::Ended(status) => errors::process_ended(&status, self.output.last_errors()),
            Failure::Lost(variables) => errors::error(
                "Error",
                &format!(
                    "a type was defined anew, so these variables of the old one are gone: {}",
                    variables.join(", ")
                ),
                &["→ Run the cells that make them again.".to_string()],
            ),
            Failure::Message(message) => errors::refused(&message),
            Failure::Panicked(message) => errors::error(
                "KernelError",
                &format!("evcxr itself has failed at this cell: {message}"),
                &["→ Nothing is lost: write the cell in another way, or in smaller parts.".to_string()],
            ),
        };
        self.fail(error);
    }

    /// The compiler knows the cell with what was inserted into it.
    fn find_in_cell(&self, diagnostics: &mut [Diagnostic]) {
        for diagnostic in diagnostics {
            let of_notes = diagnostic.notes.iter_mut().filter_map(|note| note.span.as_mut());
            for span in diagnostic.spans.iter_mut().chain(of_notes) {
                span.start_column = self.rewritten.column(span.start_line, span.start_column);
                span.end_column = self.rewritten.column(span.end_line, span.end_column);
            }
        }
    }

    fn fail(&mut self, error: ErrorOutput) {
        self.flush();
        self.publish(vec![error.clone().into()]);
        self.error.get_or_insert(error);
    }

    /// evcxr compiles a crate.
    pub fn compiling(&mut self, name: &str) {
        let content = match &mut self.compiling {
            Some(compiling) => compiling.next(name),
            None => {
                let (compiling, content) = Compiling::begin(name);
                self.compiling = Some(compiling);
                content
            }
        };
        self.publish(vec![content]);
    }

    /// Shows something of the kernel's own.
    pub fn show(&mut self, id: &str, data: BTreeMap<String, String>) {
        self.flush();
        let content = json!({"data": media(data), "metadata": {}, "transient": {"display_id": id}});
        self.publish(vec![other("display_data", content)]);
    }

    /// A word of the kernel to the user.
    pub fn note(&mut self, text: &str) {
        self.flush();
        self.publish(vec![StreamContent::stderr(text).into()]);
    }

    /// From now on, places in what evcxr has made of this cell and of those before are told as places in the cells.
    pub fn find_places(&mut self, mut before: Places, generated: String) {
        before.add(self.number, self.source());
        before.set_generated(generated);
        self.places = before;
    }

    /// What the compiler has said about it, and is worth to be shown.
    pub fn warn(&mut self, messages: &str) {
        let mut diagnostics = warnings::of_cell(messages, &self.places, self.number);
        self.find_in_cell(&mut diagnostics);
        if let Some(text) = errors::warnings(&diagnostics, self.source(), self.number) {
            self.note(&text);
        }
    }

    /// What was printed so far comes before what follows.
    pub fn flush(&mut self) {
        let contents = self.output.before_display();
        self.publish(contents);
    }

    fn publish(&mut self, contents: Vec<Content>) {
        for mut content in contents {
            if let Content::StreamContent(stream) = &mut content {
                if stream.text.contains('\u{1f}') {
                    stream.text = errors::without_mark(&stream.text);
                }
                if stream.text.contains("src/lib.rs:") || errors::looks_like_panic(&stream.text) {
                    stream.text = errors::with_places(&stream.text, &|place| self.places.find(place));
                }
            }
            let mut message = JupyterMessage::new(content, Some(&self.request));
            message.zmq_identities = vec![message.message_type().to_string().into()];
            self.published.push(message);
        }
    }

    /// What is to be sent now.
    pub fn take_published(&mut self) -> Vec<JupyterMessage> {
        std::mem::take(&mut self.published)
    }

    /// The user has interrupted; says what to do about it. A second press that was hardly meant as one counts as the first.
    pub fn interrupted(&mut self) -> Stage {
        if self.interrupt.is_some_and(|(stage, at)| stage == Stage::Asked && at.elapsed() < DOUBLE_CLICK) {
            return Stage::Asked;
        }
        let stage = if self.interrupt.is_none() { Stage::Asked } else { Stage::Killed };
        if self.killed_at().is_none() {
            self.interrupt = Some((stage, Instant::now()));
        }
        stage
    }

    /// Whether the user wants it to end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_some()
    }

    /// When the cell's process was ended by an interrupt.
    pub fn killed_at(&self) -> Option<Instant> {
        self.interrupt.filter(|(stage, _)| *stage == Stage::Killed).map(|(_, at)| at)
    }

    /// When to explain that the cell does not stop.
    fn explain_at(&self) -> Option<Instant> {
        let asked =
            self.interrupt.filter(|(stage, _)| *stage == Stage::Asked && self.runs && !self.explained);
        asked.map(|(_, at)| at + EXPLAIN_AFTER)
    }

    /// When something has to be done, at the latest.
    pub fn due(&self) -> Option<Instant> {
        [self.output.due(), self.explain_at()].into_iter().flatten().min()
    }

    /// Sends text that has been collected, and explanations.
    pub fn do_what_is_due(&mut self) {
        let contents = self.output.flush_due();
        self.publish(contents);
        if self.explain_at().is_some_and(|at| at <= Instant::now()) {
            self.explained = true;
            self.publish(vec![StreamContent::stderr(EXPLANATION).into()]);
        }
    }

    /// Publishes what is left, and returns the error if there was one: the cell's own, or the one given.
    pub fn finish(&mut self, error: Option<ErrorOutput>) -> Option<ErrorOutput> {
        let (contents, of_cell) = self.output.finish(&|place| self.places.find(place));
        self.publish(contents);
        if let Some(compiling) = self.compiling.take() {
            self.publish(vec![compiling.end()]);
        }
        if let Some(error) = error.or(of_cell) {
            self.fail(error);
        }
        // A cell that was to stop, and has told so by an error, was stopped.
        if self.interrupt.is_some()
            && self.error.as_ref().is_some_and(|error| error.evalue.contains("os error 125"))
        {
            self.error =
                self.error.take().map(|error| ErrorOutput { ename: "Interrupted".to_string(), ..error });
        }
        // From now on nothing is due for this cell but what its threads print.
        (self.runs, self.asks, self.interrupt) = (false, false, None);
        self.error.take()
    }
}

/// A message whose content the crate's own type does not describe.
pub fn other(msg_type: &str, content: serde_json::Value) -> Content {
    UnknownMessage { msg_type: msg_type.to_string(), content }.into()
}

fn shorten(text: &mut String) {
    let Some((end, _)) = text.char_indices().nth(LONGEST_VALUE) else { return };
    let more = text[end..].chars().count();
    text.truncate(end);
    text.push_str(&format!(" … and {more} characters more"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_with_a_word_about_it() {
        let mut text = "é".repeat(LONGEST_VALUE + 7);
        shorten(&mut text);
        assert!(text.ends_with("é … and 7 characters more"));
        let mut short = "[1, 2]".to_string();
        shorten(&mut short);
        assert_eq!(short, "[1, 2]");
    }
}
