//! Requests to complete or explain a name, until the session has answered them.

use jupyter_protocol::messaging::{
    CompleteReply, InspectReply, JupyterMessage, JupyterMessageContent as Content,
};
use std::time::{Duration, Instant};

use crate::answers::Answer;
use crate::completion::{self, byte_offset};
use crate::inspection;
use crate::session::{Question, Session};

/// After so long nothing is known. A kernel that has just been started knows the first name sooner, on any machine but a busy one.
const PATIENCE: Duration = Duration::from_secs(30);

/// What evcxr does at the moment.
#[derive(Clone, Copy, PartialEq)]
pub enum Activity {
    /// Nothing: it can be asked.
    Idle,
    /// It waits for a cell: a copy of it can be asked.
    Running,
    /// It compiles, or is being started.
    Busy,
}

struct Analysis {
    request: JupyterMessage,
    question: Question,
    /// The places in the code to ask about, in bytes.
    places: Vec<usize>,
    asked: Option<u64>,
    until: Instant,
}

/// The requests that are not answered yet.
#[derive(Default)]
pub struct Analyses(Vec<Analysis>);

impl Analyses {
    /// Another request.
    pub fn add(&mut self, request: JupyterMessage) {
        let (question, places) = match &request.content {
            Content::CompleteRequest(asked) => {
                (Question::Complete, vec![byte_offset(&asked.code, asked.cursor_pos)])
            }
            Content::InspectRequest(asked) => {
                (Question::Inspect, inspection::names_at(&asked.code, asked.cursor_pos))
            }
            _ => return,
        };
        // Where there is nothing to ask about, there is nothing to wait for.
        let patience = if places.is_empty() { Duration::ZERO } else { PATIENCE };
        self.0.push(Analysis { request, question, places, asked: None, until: Instant::now() + patience });
    }

    /// Asks what was not asked yet, if that is possible now.
    pub fn ask(&mut self, session: &mut Session, activity: Activity) {
        if activity == Activity::Busy {
            return;
        }
        let is_open = |analysis: &&mut Analysis| analysis.asked.is_none() && !analysis.places.is_empty();
        for analysis in self.0.iter_mut().filter(is_open) {
            let (code, now) = (code(&analysis.request), activity == Activity::Running);
            analysis.asked = Some(session.analyse(analysis.question, code, &analysis.places, now));
        }
    }

    /// Takes an answer of the session. The request is returned if it is answered by that.
    pub fn answered(
        &mut self,
        id: u64,
        answer: &Answer,
        variables: &[String],
    ) -> Option<(JupyterMessage, Content)> {
        let at = self.0.iter().position(|analysis| analysis.asked == Some(id))?;
        if let Answer::Failed(why) = answer {
            eprintln!("live-kernel: evcxr has no answer about a name: {why}");
        }
        let request = self.0.remove(at).request;
        let content: Content = match (&request.content, answer) {
            (Content::CompleteRequest(asked), Answer::Completed(offer)) => {
                completion::reply(&asked.code, offer, variables).into()
            }
            (Content::InspectRequest(asked), Answer::Inspected(found)) => {
                inspection::reply(found.as_ref(), asked.detail_level.unwrap_or(0) > 0).into()
            }
            _ => nothing(&request),
        };
        Some((request, content))
    }

    /// When the first of them has waited too long.
    pub fn due(&self) -> Option<Instant> {
        self.0.iter().map(|analysis| analysis.until).min()
    }

    /// Those that have waited long enough, with their answers.
    pub fn overdue(&mut self) -> Vec<(JupyterMessage, Content)> {
        let now = Instant::now();
        let over = self.0.extract_if(.., |analysis| analysis.until <= now);
        over.map(|Analysis { request, .. }| {
            let content = nothing(&request);
            (request, content)
        })
        .collect()
    }
}

fn code(request: &JupyterMessage) -> &str {
    match &request.content {
        Content::CompleteRequest(asked) => &asked.code,
        Content::InspectRequest(asked) => &asked.code,
        _ => "",
    }
}

fn nothing(request: &JupyterMessage) -> Content {
    match &request.content {
        Content::CompleteRequest(asked) => {
            let (cursor_start, cursor_end) = (asked.cursor_pos, asked.cursor_pos);
            CompleteReply { cursor_start, cursor_end, ..CompleteReply::default() }.into()
        }
        _ => InspectReply::default().into(),
    }
}
