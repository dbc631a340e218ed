//! The kernel: answers Jupyter's requests, and has evcxr execute one cell after the other.

use anyhow::{anyhow, bail, Result};
use jupyter_protocol::connection_info::ConnectionInfo;
use jupyter_protocol::messaging::{
    Channel, CommInfoReply, ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, InputReply,
    InterruptReply, JupyterMessage, JupyterMessageContent as Content, ReplyError, ReplyStatus, ShutdownReply,
    Status, StreamContent, UnknownMessage,
};
use nix::unistd::getppid;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{interval, sleep, sleep_until};

use crate::cell::{Cell, Stage};
use crate::client::Client;
use crate::errors::{self, ALL_GONE};
use crate::evcxr::{random_key, Evcxr};
use crate::event::Event;
use crate::folder::RunFolder;
use crate::history::History;
use crate::info::kernel_info;
use crate::is_complete;
use crate::message::{parent_id, passed_on};
use crate::prepared;
use crate::settings::Settings;
use crate::warm_up::WarmUp;

/// How often the kernel looks whether the program that started it is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);
/// So long the last messages get to leave.
const FAREWELL: Duration = Duration::from_millis(100);
/// A cell that evcxr does not end so long after its process was killed is still being compiled; then evcxr is ended, too.
const LAST_RESORT: Duration = Duration::from_secs(5);

/// What a start of evcxr leaves: its folder, the program, and the cell that is executed before the user's first.
type Started = Result<(Arc<RunFolder>, Evcxr, WarmUp)>;

/// Where evcxr stands.
enum Backend {
    /// Being started; the result comes with [`Event::Started`].
    Starting(oneshot::Receiver<Started>),
    /// Executing the cell before the user's first one.
    WarmingUp(Evcxr, WarmUp),
    /// Waiting for cells, or executing one.
    Ready(Evcxr),
    /// It could not be started; the next cell tries again.
    Failed,
}

struct Kernel {
    settings: Settings,
    session: String,
    client: Client,
    events: UnboundedSender<Event>,
    folder: Option<Arc<RunFolder>>,
    backend: Backend,
    /// How often evcxr was started.
    starts: u64,
    waiting: VecDeque<JupyterMessage>,
    running: Option<Cell>,
    /// The cell before, whose threads may still print.
    previous: Option<Cell>,
    /// What the next cell should know first.
    notice: Option<String>,
    execution_count: usize,
    history: History,
}

/// Runs a kernel until it is told to end, or the program that started it is gone.
///
/// # Errors
/// If the sockets cannot be opened.
pub async fn run(connection: ConnectionInfo, settings: Settings) -> Result<()> {
    let parent = getppid();
    let (events, mut received) = unbounded_channel();
    let session = random_key();
    let client = Client::open(&connection, &session, &events).await?;
    let mut kernel = Kernel {
        settings,
        session,
        client,
        events,
        folder: None,
        backend: Backend::Failed,
        starts: 0,
        waiting: VecDeque::new(),
        running: None,
        previous: None,
        notice: None,
        execution_count: 0,
        history: History::default(),
    };
    let _ = kernel.client.iopub.send(Status::starting().into());
    kernel.start_evcxr();
    kernel.serve(&mut received, parent).await?;
    sleep(FAREWELL).await;
    Ok(())
}

/// Whether the prepared folder is there, and made from what is there now.
///
/// # Errors
/// If the warm-up cell cannot be read.
pub fn is_prepared(settings: &Settings) -> Result<bool> {
    let warm_up = WarmUp::new(settings)?;
    Ok(settings.prepared.as_ref().is_some_and(|prepared| prepared::is_current(prepared, warm_up.stamp())))
}

/// Makes the prepared folder if it is out of date.
///
/// # Errors
/// If there is nothing to prepare, or it cannot be compiled.
pub async fn prepare(settings: Settings) -> Result<()> {
    let (Some(prepared), Some(_)) = (&settings.prepared, &settings.warm_up) else {
        bail!("give --prepared FOLDER and --warm-up FILE, a cell with the :dep lines to compile");
    };
    let mut warm_up = WarmUp::new(&settings)?;
    if prepared::is_current(prepared, warm_up.stamp()) {
        return Ok(());
    }
    let (events, mut received) = unbounded_channel();
    let folder = Arc::new(RunFolder::create(&settings)?);
    let evcxr =
        Evcxr::start(&settings, &folder, &random_key(), &events, 0, warm_up.has_dependencies()).await?;
    evcxr.request(warm_up.request());
    while let Some(event) = received.recv().await {
        match event {
            Event::Evcxr(_, message) if warm_up.is_done_with(&message) => break,
            Event::Compiling(name) => println!("compiling {name}"),
            Event::EvcxrEnded(_, status) => bail!("evcxr_jupyter ended while it compiled: {status}"),
            _ => {}
        }
    }
    drop(evcxr);
    match warm_up.error() {
        Some(error) => Err(anyhow!("the warm-up cell failed: {error}")),
        None => prepared::renew(prepared, &folder.build(), warm_up.stamp()),
    }
}

impl Kernel {
    /// Handles events until the kernel is to end.
    async fn serve(
        &mut self,
        received: &mut UnboundedReceiver<Event>,
        parent: nix::unistd::Pid,
    ) -> Result<()> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let mut hang_ups = signal(SignalKind::hangup())?;
        let mut parent_check = interval(PARENT_CHECK);
        loop {
            let due = self.due();
            tokio::select! {
                event = received.recv() => match event {
                    Some(event) => if self.handle(event) { return Ok(()) },
                    None => return Ok(()),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {}
                _ = interrupts.recv() => self.interrupt(),
                _ = terminations.recv() => return Ok(()),
                _ = hang_ups.recv() => return Ok(()),
                _ = parent_check.tick() => if getppid() != parent { return Ok(()) },
            }
            self.do_what_is_due();
        }
    }

    /// Reacts to an event. Says whether it is the kernel's end.
    fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Client(Channel::Stdin, reply) => self.input(reply.content),
            Event::Client(channel, request) => return self.request(channel, request),
            // The cell's process was killed, which evcxr does not see while it waits for what the user types.
            Event::Evcxr(Channel::Control, _) => self.input(InputReply::default().into()),
            Event::Evcxr(channel, message) => self.evcxr_says(channel, message),
            Event::Compiling(name) => {
                if let Some(cell) = &mut self.running {
                    cell.compiling(&name);
                    self.publish_output();
                }
            }
            Event::Started(start) if start == self.starts => self.started(),
            Event::EvcxrEnded(start, status) if start == self.starts => self.evcxr_ended(&status),
            Event::Started(..) | Event::EvcxrEnded(..) => {}
        }
        false
    }

    // ---- evcxr's life ----

    /// Starts evcxr in the background, in this kernel's folder.
    fn start_evcxr(&mut self) {
        self.starts += 1;
        let (leave, left) = oneshot::channel();
        self.backend = Backend::Starting(left);
        self.forget_group();
        let (start, settings, session) = (self.starts, self.settings.clone(), self.session.clone());
        let (events, folder) = (self.events.clone(), self.folder.clone());
        tokio::spawn(async move {
            let started = async {
                let of_files = settings.clone();
                let made = tokio::task::spawn_blocking(move || {
                    let warm_up = WarmUp::new(&of_files)?;
                    let folder = match folder {
                        Some(folder) => folder,
                        None => Arc::new(RunFolder::create(&of_files)?),
                    };
                    anyhow::Ok((folder, warm_up))
                });
                let (folder, warm_up) = made.await??;
                let hide_sources = warm_up.has_dependencies();
                let evcxr = Evcxr::start(&settings, &folder, &session, &events, start, hide_sources).await?;
                Ok((folder, evcxr, warm_up))
            };
            let _ = leave.send(started.await);
            let _ = events.send(Event::Started(start));
        });
    }

    fn started(&mut self) {
        let Backend::Starting(left) = &mut self.backend else { return };
        let Ok(started) = left.try_recv() else { return };
        match started {
            Ok((folder, evcxr, mut warm_up)) => {
                self.folder = Some(folder);
                evcxr.request(warm_up.request());
                self.backend = Backend::WarmingUp(evcxr, warm_up);
            }
            Err(error) => self.fail(&format!("{error:#}")),
        }
    }

    /// evcxr cannot be had: cells that wait for it end with the reason.
    fn fail(&mut self, reason: &str) {
        eprintln!("live-kernel: {reason}");
        self.backend = Backend::Failed;
        self.forget_group();
        if self.running.is_some() {
            self.end_cell(Some(errors::error("KernelError", reason, &[])));
        }
    }

    /// evcxr has ended, or is about to; the number of its process group may then become another's.
    fn forget_group(&self) {
        if let Some(folder) = &self.folder {
            folder.guard_group(None);
        }
    }

    fn warmed_up(&mut self) {
        let Backend::WarmingUp(evcxr, warm_up) = std::mem::replace(&mut self.backend, Backend::Failed) else {
            return;
        };
        if let Some(error) = warm_up.error() {
            // The user's own cell with the same lines will say what is wrong.
            eprintln!("live-kernel: the warm-up cell failed: {error}");
        } else if let (Some(prepared), Some(folder)) = (&self.settings.prepared, &self.folder) {
            if !prepared::is_current(prepared, warm_up.stamp()) {
                if let Err(error) = prepared::renew(prepared, &folder.build(), warm_up.stamp()) {
                    eprintln!(
                        "live-kernel: the prepared build is out of date and cannot be renewed: {error:#}"
                    );
                }
            }
        }
        self.backend = Backend::Ready(evcxr);
        self.send_cell();
        self.next_cell();
    }

    fn evcxr_ended(&mut self, status: &str) {
        if !matches!(self.backend, Backend::Ready(_)) {
            return self.fail(&format!("evcxr_jupyter ended while it started: {status}"));
        }
        let message = format!("evcxr_jupyter has ended ({status})");
        self.start_evcxr();
        match self.running {
            Some(_) => {
                self.end_cell(Some(errors::error("ProcessEnded", &message, &[format!("→ {ALL_GONE}")])))
            }
            None => self.notice = Some(format!("{message} and was started again. {ALL_GONE}\n")),
        }
    }

    fn evcxr_says(&mut self, channel: Channel, message: JupyterMessage) {
        if let Backend::WarmingUp(evcxr, warm_up) = &mut self.backend {
            if warm_up.is_done_with(&message) {
                match warm_up.second_request() {
                    Some(request) => evcxr.request(request),
                    None => self.warmed_up(),
                }
            }
            return;
        }
        let of = |cell: &&mut Cell| cell.sent.is_some() && cell.sent.as_deref() == parent_id(&message);
        if let Some(cell) = self.running.as_mut().filter(of) {
            match channel {
                Channel::Shell => cell.reply = Some(message),
                Channel::Stdin => {
                    cell.flush();
                    cell.asks = true;
                    let _ = self.client.stdin.send(passed_on(message, &cell.request));
                }
                _ => cell.iopub(message),
            }
            self.publish_output();
        } else if let Some(cell) = self.previous.as_mut().filter(of) {
            cell.iopub(message);
            self.publish_output();
        } else if matches!(channel, Channel::IOPub) && message.parent_header.is_none() {
            let _ = self.client.iopub.send(message);
        }
    }

    // ---- requests ----

    /// Answers a request, at once or in its turn. Says whether it is the kernel's end.
    fn request(&mut self, channel: Channel, request: JupyterMessage) -> bool {
        let reply: Content = match &request.content {
            Content::KernelInfoRequest(_) => kernel_info().into(),
            Content::IsCompleteRequest(asked) => is_complete::judge(&asked.code).into(),
            Content::HistoryRequest(asked) => self.history.answer(asked).into(),
            Content::CommInfoRequest(_) => CommInfoReply::default().into(),
            Content::InterruptRequest(_) => {
                self.interrupt();
                InterruptReply::new().into()
            }
            Content::ShutdownRequest(asked) => {
                let reply = ShutdownReply { restart: asked.restart, ..ShutdownReply::default() };
                self.answer(&channel, &request, reply.into());
                return true;
            }
            Content::ExecuteRequest(_) | Content::CompleteRequest(_) | Content::InspectRequest(_) => {
                self.waiting.push_back(request);
                self.next_cell();
                return false;
            }
            Content::CommOpen(_) | Content::CommMsg(_) | Content::CommClose(_) => {
                self.waiting.push_back(request);
                self.next_cell();
                return false;
            }
            other => match other.message_type().strip_suffix("_request") {
                Some(name) => UnknownMessage {
                    msg_type: format!("{name}_reply"),
                    content: json!({
                        "status": "error", "ename": "BadRequest", "traceback": [],
                        "evalue": format!("this kernel does not know such a {name}_request"),
                    }),
                }
                .into(),
                None => return false,
            },
        };
        self.answer(&channel, &request, reply);
        false
    }

    /// Replies to a request that evcxr has nothing to do with.
    fn answer(&self, channel: &Channel, request: &JupyterMessage, reply: Content) {
        self.publish(Status::busy(), request);
        let to = if matches!(channel, Channel::Control) { &self.client.control } else { &self.client.shell };
        let _ = to.send(JupyterMessage::new(reply, Some(request)));
        self.publish(Status::idle(), request);
        if let Some(cell) = &self.running {
            // Some clients take the newest word, whomever it is about.
            self.publish(Status::busy(), &cell.request);
        }
    }

    fn publish(&self, content: impl Into<Content>, parent: &JupyterMessage) {
        let mut message = JupyterMessage::new(content, Some(parent));
        // A topic; without one, the parent's own address would be sent.
        message.zmq_identities = vec![message.message_type().to_string().into()];
        let _ = self.client.iopub.send(message);
    }

    // ---- cells ----

    /// Begins with the request that has waited longest, if none is being executed.
    fn next_cell(&mut self) {
        while self.running.is_none() {
            let Some(request) = self.waiting.pop_front() else { return };
            self.publish(Status::busy(), &request);
            if let Content::ExecuteRequest(asked) = &request.content {
                let asked = asked.clone();
                if !asked.silent && !asked.code.trim().is_empty() {
                    self.execution_count += usize::from(asked.store_history);
                    let (code, execution_count) = (asked.code.clone(), self.execution_count.into());
                    self.publish(ExecuteInput { code, execution_count }, &request);
                    if asked.store_history {
                        self.history.add(self.execution_count, &asked.code);
                    }
                }
                // A silent one is a program's own, and nobody would see the notice.
                if let Some(notice) = self.notice.take_if(|_| !asked.silent) {
                    self.publish(StreamContent::stderr(&notice), &request);
                }
            }
            self.running = Some(Cell::new(request, self.execution_count));
            if self.running.as_ref().is_some_and(Cell::is_empty) {
                self.end_cell(None);
                continue;
            }
            if matches!(self.backend, Backend::Failed) {
                self.start_evcxr();
            }
            self.send_cell();
        }
    }

    /// Gives the running cell to evcxr, as soon as that is ready.
    fn send_cell(&mut self) {
        let (Backend::Ready(evcxr), Some(cell)) = (&self.backend, &mut self.running) else { return };
        if cell.sent.is_none() {
            // Without binary buffers: evcxr takes them for a wrong signature, and answers nothing any more.
            let message = JupyterMessage::new(cell.request.content.clone(), None)
                .with_metadata(cell.request.metadata.clone());
            cell.sent = Some(message.header.msg_id.clone());
            evcxr.request(message);
        }
    }

    /// Gives the running cell what it has asked for. Without a question this is dropped: evcxr would take it for the answer
    /// to the next one.
    fn input(&mut self, content: Content) {
        let (Backend::Ready(evcxr), Some(cell)) = (&self.backend, &mut self.running) else { return };
        if std::mem::take(&mut cell.asks) {
            evcxr.input(JupyterMessage::new(content, None));
        }
    }

    fn publish_output(&mut self) {
        for cell in [&mut self.running, &mut self.previous].into_iter().flatten() {
            for message in cell.take_published() {
                let _ = self.client.iopub.send(message);
            }
        }
    }

    /// Ends the running cell: with what evcxr replied, or with an error of the kernel's own.
    fn end_cell(&mut self, error: Option<ErrorOutput>) {
        let Some(mut cell) = self.running.take() else { return };
        self.set_stop_flag(false);
        let error = cell.finish(error);
        let reply: Content = match (&cell.request.content, cell.reply.take()) {
            (Content::ExecuteRequest(_), _) => {
                let status = if error.is_some() { ReplyStatus::Error } else { ReplyStatus::Ok };
                let error = error.clone().map(|ErrorOutput { ename, evalue, traceback }| {
                    Box::new(ReplyError { ename, evalue, traceback })
                });
                let user_expressions = Some(Default::default());
                let execution_count = self.execution_count.into();
                ExecuteReply { status, execution_count, error, user_expressions, ..ExecuteReply::default() }.into()
            }
            (_, Some(reply)) => reply.content,
            (request, None) => UnknownMessage {
                msg_type: request.message_type().replace("_request", "_reply"),
                content: json!({"status": "error", "ename": "NoReply", "evalue": "evcxr has ended", "traceback": []}),
            }
            .into(),
        };
        for message in cell.take_published() {
            let _ = self.client.iopub.send(message);
        }
        if reply.message_type().ends_with("_reply") {
            let _ = self.client.shell.send(JupyterMessage::new(reply, Some(&cell.request)));
        }
        self.publish(Status::idle(), &cell.request);
        let Content::ExecuteRequest(ExecuteRequest { stop_on_error, .. }) = cell.request.content else {
            return;
        };
        if cell.sent.is_some() {
            self.previous = Some(cell);
        }
        if stop_on_error && error.is_some() {
            self.abort_waiting();
        }
    }

    /// Answers the cells that wait as if they had never been asked for.
    fn abort_waiting(&mut self) {
        let is_cell = |request: &JupyterMessage| matches!(request.content, Content::ExecuteRequest(_));
        let (cells, others): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(is_cell);
        self.waiting.extend(others);
        for request in cells {
            // Without an execution count: one would be shown beside a cell that was not executed.
            let reply = UnknownMessage {
                msg_type: "execute_reply".to_string(),
                content: json!({"status": "aborted"}),
            };
            self.answer(&Channel::Shell, &request, reply.into());
        }
    }

    // ---- the interrupt ----

    /// The first one asks the running cell to stop, the second ends its process.
    fn interrupt(&mut self) {
        self.abort_waiting();
        // What is no cell, or has its reply, ends by itself, and must not cost the variables.
        let Some(cell) = self.running.as_mut().filter(|cell| cell.can_be_interrupted()) else { return };
        let stage = cell.interrupted();
        if cell.sent.is_none() {
            let error = errors::error("Interrupted", "the cell was stopped before it began", &[]);
            return self.end_cell(Some(error));
        }
        match (stage, &self.backend) {
            (Stage::Asked, _) => self.set_stop_flag(true),
            (Stage::Killed, Backend::Ready(evcxr)) => evcxr.kill_cell(),
            (Stage::Killed, _) => {}
        }
    }

    fn set_stop_flag(&self, stop: bool) {
        let Some(folder) = &self.folder else { return };
        let done = match stop {
            true => std::fs::write(folder.stop_file(), ""),
            false => std::fs::remove_file(folder.stop_file()),
        };
        if let (true, Err(error)) = (stop, done) {
            eprintln!("live-kernel: the stop flag cannot be set: {error}");
        }
    }

    // ---- time ----

    /// When something has to be done, at the latest.
    fn due(&self) -> Option<Instant> {
        let cells = [&self.running, &self.previous].into_iter().flatten();
        cells.flat_map(|cell| [cell.due(), cell.killed_at().map(|at| at + LAST_RESORT)]).flatten().min()
    }

    fn do_what_is_due(&mut self) {
        for cell in [&mut self.running, &mut self.previous].into_iter().flatten() {
            cell.do_what_is_due();
        }
        self.publish_output();
        let cpu_time = || if let Backend::Ready(evcxr) = &self.backend { evcxr.cpu_time() } else { Some(0) };
        if self.running.as_mut().is_some_and(|cell| cell.is_done(cpu_time)) {
            self.end_cell(None);
        }
        let killed_at = self.running.as_ref().and_then(Cell::killed_at);
        if killed_at.is_some_and(|at| at.elapsed() >= LAST_RESORT) {
            self.start_evcxr();
            self.end_cell(Some(errors::interrupted_with_evcxr()));
        }
        self.next_cell();
    }
}
