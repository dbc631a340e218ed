//! A request that evcxr works on: as a rule, a cell that is being executed.

use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteRequest, JupyterMessage, JupyterMessageContent as Content, ReplyStatus, Status,
    StreamContent,
};
use std::time::{Duration, Instant};

use crate::compiling::Compiling;
use crate::errors;
use crate::message::passed_on;
use crate::output::Output;

/// evcxr passes output on from threads of its own, also after its word that the cell is done; so long nothing may come,
/// two times in a row.
const QUIET: Duration = Duration::from_millis(15);
/// Longer than this nothing is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A cell that has not stopped by then does not look at the stop flag.
const EXPLAIN_AFTER: Duration = Duration::from_secs(2);
const EXPLANATION: &str =
    "This cell does not look at the stop flag. Interrupt it once more to end its process: all variables \
                           are then lost. Or let it run.\n";

/// How far an interrupt has gone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stage {
    /// The cell was asked to stop.
    Asked,
    /// Its process was ended.
    Killed,
}

/// A request with all that belongs to it until it is answered.
pub struct Cell {
    /// What Jupyter asked for.
    pub request: JupyterMessage,
    /// The id under which evcxr was asked; `None` while it is not ready.
    pub sent: Option<String>,
    /// What evcxr replied.
    pub reply: Option<JupyterMessage>,
    /// Whether it waits for what the user types.
    pub asks: bool,
    execution_count: usize,
    /// evcxr's own count, which stands in its errors.
    inner_count: usize,
    idle: bool,
    last_message: Instant,
    /// When the time without a message begins to count.
    quiet_from: Instant,
    /// What evcxr had computed when it was last asked.
    cpu_time: Option<u64>,
    output: Output,
    compiling: Option<Compiling>,
    error: Option<ErrorOutput>,
    interrupt: Option<(Stage, Instant)>,
    explained: bool,
    published: Vec<JupyterMessage>,
}

impl Cell {
    /// A request that was not given to evcxr yet.
    pub fn new(request: JupyterMessage, execution_count: usize) -> Cell {
        Cell {
            request,
            sent: None,
            reply: None,
            asks: false,
            execution_count,
            inner_count: 0,
            idle: false,
            last_message: Instant::now(),
            quiet_from: Instant::now(),
            cpu_time: None,
            output: Output::default(),
            compiling: None,
            error: None,
            interrupt: None,
            explained: false,
            published: Vec::new(),
        }
    }

    /// Whether there is nothing to execute.
    pub fn is_empty(&self) -> bool {
        matches!(&self.request.content, Content::ExecuteRequest(asked) if asked.code.trim().is_empty())
    }

    /// Whether it is a cell that still runs, as far as is known.
    pub fn can_be_interrupted(&self) -> bool {
        matches!(self.request.content, Content::ExecuteRequest(_)) && self.reply.is_none()
    }

    /// Whether evcxr has said all that it has to say; `cpu_time` is what it has computed by now, or none if it computes.
    pub fn is_done(&mut self, cpu_time: impl FnOnce() -> Option<u64>) -> bool {
        match &self.request.content {
            Content::ExecuteRequest(_) => {
                let is_quiet = self.reply.is_some() && self.idle && self.quiet_from.elapsed() >= QUIET;
                is_quiet && self.has_settled(cpu_time())
            }
            Content::CompleteRequest(_) | Content::InspectRequest(_) => self.reply.is_some(),
            _ => self.idle,
        }
    }

    /// Whether nothing was computed since this was last asked, so that no output is under way: a large one takes a while. If
    /// not, the time without a message counts anew.
    fn has_settled(&mut self, cpu_time: Option<u64>) -> bool {
        let settled = cpu_time.is_some() && self.cpu_time == cpu_time;
        self.cpu_time = cpu_time;
        self.quiet_from = Instant::now();
        settled || self.last_message.elapsed() >= LONGEST_WAIT
    }

    /// A message of evcxr about this request.
    pub fn iopub(&mut self, message: JupyterMessage) {
        self.last_message = Instant::now();
        self.quiet_from = self.last_message;
        match &message.content {
            Content::Status(Status { execution_state }) => self.idle |= execution_state.as_str() == "idle",
            Content::ExecuteInput(input) => self.inner_count = input.execution_count.value(),
            Content::StreamContent(stream) => {
                let contents = match serde_json::to_value(&stream.name).is_ok_and(|name| name == "stderr") {
                    true => self.output.stderr(&stream.text),
                    false => self.output.stdout(&stream.text),
                };
                self.publish(contents);
            }
            Content::ErrorOutput(error) => {
                let error = self.explained_error(error.clone());
                self.fail(error);
            }
            _ if self.is_silent() => {}
            _ => {
                self.flush();
                let mut message = passed_on(message, &self.request);
                if let Content::ExecuteResult(result) = &mut message.content {
                    result.execution_count = self.execution_count.into();
                }
                self.published.push(message);
            }
        }
    }

    fn is_silent(&self) -> bool {
        matches!(&self.request.content, Content::ExecuteRequest(ExecuteRequest { silent: true, .. }))
    }

    /// evcxr's error, as the cell shows it.
    fn explained_error(&self, error: ErrorOutput) -> ErrorOutput {
        if error.evalue.contains("Subprocess terminated") || error.evalue.contains("Subprocess didn't start")
        {
            return match self.interrupt {
                Some((Stage::Killed, _)) => errors::interrupted(),
                _ => errors::process_ended(&error.evalue, self.output.unpublished_errors()),
            };
        }
        // The cell is called by the number that stands beside it.
        let (inner, own) =
            (format!("command_{}", self.inner_count), format!("cell_{}", self.execution_count));
        let traceback = error.traceback.iter().map(|line| line.replace(&inner, &own)).collect();
        errors::with_advice(ErrorOutput { traceback, ..error })
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

    /// What was printed so far comes before what follows.
    pub fn flush(&mut self) {
        let contents = self.output.before_display();
        self.publish(contents);
    }

    fn publish(&mut self, contents: Vec<Content>) {
        for content in contents {
            let mut message = JupyterMessage::new(content, Some(&self.request));
            message.zmq_identities = vec![message.message_type().to_string().into()];
            self.published.push(message);
        }
    }

    /// What is to be sent now.
    pub fn take_published(&mut self) -> Vec<JupyterMessage> {
        std::mem::take(&mut self.published)
    }

    /// The user has interrupted; says what to do about it.
    pub fn interrupted(&mut self) -> Stage {
        let stage = if self.interrupt.is_none() { Stage::Asked } else { Stage::Killed };
        if self.killed_at().is_none() {
            self.interrupt = Some((stage, Instant::now()));
        }
        stage
    }

    /// When the cell's process was ended by an interrupt.
    pub fn killed_at(&self) -> Option<Instant> {
        self.interrupt.filter(|(stage, _)| *stage == Stage::Killed).map(|(_, at)| at)
    }

    /// When to explain that the cell does not stop.
    fn explain_at(&self) -> Option<Instant> {
        let asked = self.interrupt.filter(|(stage, _)| *stage == Stage::Asked && !self.explained);
        asked.map(|(_, at)| at + EXPLAIN_AFTER)
    }

    /// When something has to be done, at the latest.
    pub fn due(&self) -> Option<Instant> {
        let quiet = (self.reply.is_some() && self.idle).then(|| self.quiet_from + QUIET);
        [self.output.due(), self.explain_at(), quiet].into_iter().flatten().min()
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

    /// Publishes what is left, and returns the error if there was one: evcxr's, the cell's own, or the one given.
    pub fn finish(&mut self, error: Option<ErrorOutput>) -> Option<ErrorOutput> {
        let (contents, of_cell) = self.output.finish();
        self.publish(contents);
        if let Some(compiling) = self.compiling.take() {
            self.publish(vec![compiling.end()]);
        }
        if let Some(error) = error.or(of_cell) {
            self.fail(error);
        }
        let failed = |reply: &JupyterMessage| matches!(&reply.content, Content::ExecuteReply(reply) if reply.status == ReplyStatus::Error);
        if self.error.is_none() && self.reply.as_ref().is_some_and(failed) {
            self.error = Some(errors::error("Error", "the cell failed", &[]));
        }
        // From now on nothing is due for this cell but what its threads print.
        (self.idle, self.interrupt) = (false, None);
        self.error.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::{CompleteRequest, ExecuteReply};

    #[test]
    fn only_a_cell_without_its_reply_can_be_interrupted() {
        let mut cell = Cell::new(ExecuteRequest::new("1".to_string()).into(), 1);
        assert!(cell.can_be_interrupted());
        cell.reply = Some(ExecuteReply::default().into());
        assert!(!cell.can_be_interrupted());
        let completion = CompleteRequest { code: "a".to_string(), cursor_pos: 1 };
        assert!(!Cell::new(completion.into(), 1).can_be_interrupted());
    }
}
