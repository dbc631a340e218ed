//! The kernel: answers Jupyter's requests, and has evcxr execute one cell after the other.

use anyhow::Result;
use jupyter_protocol::connection_info::ConnectionInfo;
use jupyter_protocol::messaging::{
    Channel, ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, InputRequest, InterruptReply,
    JupyterMessage, JupyterMessageContent as Content, ReplyError, ReplyStatus, ShutdownReply, Status,
    StreamContent,
};
use nix::sys::signal::{kill, Signal};
use nix::unistd::{getppid, Pid};
use serde_json::json;
use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::mpsc::{unbounded_channel, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{interval, sleep, sleep_until};

use crate::analysis::{Activity, Analyses};
use crate::answers::{Answer, Executed, Failure, Reply};
use crate::cell::{other, Cell, Stage};
use crate::client::Client;
use crate::commands::Commands;
use crate::comms::sockets::{self, Arrived};
use crate::comms::Comms;
use crate::errors::{self, ALL_GONE};
use crate::event::Event;
use crate::folder::RunFolder;
use crate::history::History;
use crate::impls::Impls;
use crate::info::kernel_info;
use crate::is_complete;
use crate::names::Names;
use crate::output::Told;
use crate::places::Places;
use crate::prepared;
use crate::session::Session;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::statics;
use crate::streams::{Source, Streams, Typed};
use crate::variables::{self, Panel};
use crate::warm_up::WarmUp;
use crate::wire::{Line, Part, Wire};

/// How often the kernel looks whether the program that started it is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);
/// So long the last messages get to leave.
const FAREWELL: Duration = Duration::from_millis(100);
/// How often a compiler is looked for that is to be ended.
const COMPILER_CHECK: Duration = Duration::from_millis(200);
/// After so long the user may end what only looks at the variables.
const LONG_LOOK: Duration = Duration::from_secs(10);
/// A cell whose end the session does not report so long after its process was killed takes the session along.
const LAST_RESORT: Duration = Duration::from_secs(5);

/// What a start of the session leaves: its folder and pipes, the program, and the cell before the user's first.
type Started = Result<(Arc<RunFolder>, Arc<Streams>, Session, WarmUp)>;

/// Where the session stands.
enum Backend {
    /// Being started; the result comes with [`Event::Started`].
    Starting(oneshot::Receiver<Started>),
    /// Executing the cell before the user's first one.
    WarmingUp(Session, WarmUp),
    /// Waiting for cells, or executing one.
    Ready(Session),
    /// It could not be started; the next cell tries again.
    Failed,
}

struct Kernel {
    settings: Settings,
    client: Client,
    events: UnboundedSender<Event>,
    folder: Option<Arc<RunFolder>>,
    streams: Option<Arc<Streams>>,
    stdout: Wire,
    stderr: Wire,
    backend: Backend,
    /// How often the session was started.
    starts: u64,
    /// The process that runs the cells.
    process: Option<Pid>,
    waiting: VecDeque<JupyterMessage>,
    analyses: Analyses,
    comms: Comms,
    panel: Panel,
    /// Where widgets in cells arrive.
    arrivals: Sender<Arrived>,
    running: Option<Cell>,
    shell: Option<Shell>,
    /// The cell before, whose threads may still print.
    previous: Option<Cell>,
    /// What the next cell should know first.
    notice: Option<String>,
    execution_count: usize,
    history: History,
    names: Names,
    impls: Impls,
    places: Places,
    /// Whether the user was told how long a `static` lives.
    told_of_statics: bool,
    compiler_looked_for: Option<Instant>,
}

/// Runs a kernel until it is told to end, or the program that started it is gone.
///
/// # Errors
/// If the sockets cannot be opened.
pub async fn run(connection: ConnectionInfo, settings: Settings) -> Result<()> {
    let parent = getppid();
    let (events, mut received) = unbounded_channel();
    let (arrivals, mut arrived) = sockets::arrivals();
    // Each message gets a random id from the system's source of randomness.
    let session = JupyterMessage::from(Status::starting()).header.msg_id;
    let client = Client::open(&connection, &session, &events).await?;
    let mut kernel = Kernel {
        settings,
        client,
        events,
        folder: None,
        streams: None,
        stdout: Wire::default(),
        stderr: Wire::default(),
        backend: Backend::Failed,
        starts: 0,
        process: None,
        waiting: VecDeque::new(),
        analyses: Analyses::default(),
        comms: Comms::default(),
        panel: Panel::default(),
        arrivals,
        running: None,
        shell: None,
        previous: None,
        notice: None,
        execution_count: 0,
        history: History::default(),
        names: Names::default(),
        impls: Impls::default(),
        places: Places::default(),
        told_of_statics: false,
        compiler_looked_for: None,
    };
    let _ = kernel.client.iopub.send(Status::starting().into());
    kernel.start_session();
    kernel.serve(&mut received, &mut arrived, parent).await?;
    kernel.comms.close_all();
    kernel.publish_comms();
    if let Some(shell) = &kernel.shell {
        shell.stop(true);
    }
    sleep(FAREWELL).await;
    Ok(())
}

impl Kernel {
    /// Handles events until the kernel is to end.
    async fn serve(
        &mut self,
        received: &mut UnboundedReceiver<Event>,
        arrived: &mut Receiver<Arrived>,
        parent: Pid,
    ) -> Result<()> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let mut hang_ups = signal(SignalKind::hangup())?;
        let mut parent_check = interval(PARENT_CHECK);
        loop {
            let due = self.due();
            let streams = self.streams.clone();
            let printed = async {
                match &streams {
                    Some(streams) => streams.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = received.recv() => match event {
                    Some(event) => if self.handle(event) { return Ok(()) },
                    None => return Ok(()),
                },
                (source, bytes) = printed => self.printed(source, &bytes),
                Some(arrived) = arrived.recv() => self.arrived(arrived),
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
            Event::Client(Channel::Stdin, reply) => self.typed(reply.content),
            Event::Client(channel, request) => return self.request(channel, *request),
            Event::Session(start, reply) if start == self.starts => self.answered(reply),
            Event::Compiling(name) => {
                self.take_notice();
                if let Some(cell) = &mut self.running {
                    cell.compiling(&name);
                    self.publish_output();
                }
            }
            Event::Started(start) if start == self.starts => self.started(),
            Event::SessionEnded(start, status) if start == self.starts => self.session_ended(&status),
            Event::ShellEnded(status) => self.shell_ended(status),
            Event::Session(..) | Event::Started(..) | Event::SessionEnded(..) => {}
        }
        false
    }

    // ---- the session's life ----

    /// Starts the session in the background, in this kernel's folder.
    fn start_session(&mut self) {
        self.starts += 1;
        let (leave, left) = oneshot::channel();
        self.backend = Backend::Starting(left);
        self.process = None;
        self.panel.asked = None;
        self.forget_group();
        self.names.all_lost("evcxr had to be started again");
        self.impls = Impls::default();
        let (start, settings, events) = (self.starts, self.settings.clone(), self.events.clone());
        let arrivals = self.arrivals.clone();
        let there = self.folder.clone().zip(self.streams.clone());
        tokio::spawn(async move {
            let started = async {
                let of_files = settings.clone();
                let made = tokio::task::spawn_blocking(move || {
                    let warm_up = WarmUp::new(&of_files)?;
                    let folder = match &there {
                        Some((folder, _)) => folder.clone(),
                        None => Arc::new(RunFolder::create(&of_files)?),
                    };
                    anyhow::Ok((folder, there.map(|(_, streams)| streams), warm_up))
                });
                let (folder, streams, warm_up) = made.await??;
                let streams = match streams {
                    Some(streams) => streams,
                    None => {
                        if let Err(error) = sockets::listen(folder.path(), arrivals) {
                            eprintln!("live-kernel: there are no widgets: {error:#}");
                        }
                        Arc::new(Streams::open(folder.path())?)
                    }
                };
                let hide_sources = warm_up.has_dependencies();
                let session = Session::start(&settings, &folder, &events, start, hide_sources).await?;
                Ok((folder, streams, session, warm_up))
            };
            let _ = leave.send(started.await);
            let _ = events.send(Event::Started(start));
        });
    }

    fn started(&mut self) {
        let Backend::Starting(left) = &mut self.backend else { return };
        let Ok(started) = left.try_recv() else { return };
        match started {
            Ok((folder, streams, mut session, mut warm_up)) => {
                (self.folder, self.streams) = (Some(folder), Some(streams));
                warm_up.ask(&mut session);
                self.backend = Backend::WarmingUp(session, warm_up);
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

    /// The session has ended, or is about to; the number of its process group may then become another's.
    fn forget_group(&self) {
        if let Some(folder) = &self.folder {
            folder.guard_group(None);
        }
    }

    fn warmed_up(&mut self) {
        let Backend::WarmingUp(session, warm_up) = std::mem::replace(&mut self.backend, Backend::Failed)
        else {
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
        self.backend = Backend::Ready(session);
        self.send_cell();
        self.next_cell();
    }

    fn session_ended(&mut self, status: &str) {
        if !matches!(self.backend, Backend::Ready(_)) {
            return self.fail(&format!("evcxr ended while it started: {status}"));
        }
        let message = format!("evcxr has ended ({status})");
        self.start_session();
        match self.running {
            Some(_) => {
                self.end_cell(Some(errors::error("ProcessEnded", &message, &[format!("→ {ALL_GONE}")])))
            }
            None => {
                self.notice = Some(format!("{message} and was started again. {ALL_GONE}\n"));
                self.follow_variables(false);
            }
        }
    }

    /// The session has answered a question.
    fn answered(&mut self, Reply { id, answer }: Reply) {
        if let Backend::WarmingUp(session, warm_up) = &mut self.backend {
            if warm_up.is_done_with(&Reply { id, answer }) {
                match warm_up.has_more() {
                    true => warm_up.ask(session),
                    false => self.warmed_up(),
                }
            }
            return;
        }
        if let Some(asked) = self.panel.asked.take_if(|asked| asked.id == id) {
            return self.looked_at_variables(asked, answer);
        }
        let is_of_cell = self.running.as_ref().is_some_and(|cell| cell.sent == Some(id));
        match answer {
            Answer::Executed(executed) if is_of_cell => self.executed(executed),
            answer => {
                if let Some((request, content)) = self.analyses.answered(id, &answer, &self.names.variables())
                {
                    self.answer(&Channel::Shell, &request, content);
                }
            }
        }
    }

    /// evcxr has done with the running cell.
    fn executed(&mut self, executed: Executed) {
        self.take_all_printed();
        self.take_notice();
        let Some(cell) = &mut self.running else { return };
        let has_failed = executed.failure.is_some();
        self.names.after(cell.number, cell.source(), &executed);
        match executed.failure {
            Some(failure) => cell.not_executed(failure, self.names.known()),
            None => {
                cell.value(executed.contents);
                self.impls = cell.rewritten.impls.clone();
                self.places.add(cell.number, cell.source());
            }
        }
        match has_failed {
            true => self.end_cell(None),
            false => self.cell_is_done(),
        }
    }

    // ---- what is printed ----

    fn printed(&mut self, source: Source, bytes: &[u8]) {
        let waits_to_run = self.running.as_ref().is_some_and(|cell| !cell.runs);
        if source == Source::Stderr && waits_to_run {
            // That it runs stands in the other pipe: without it, this would be taken for the cell's before.
            let told = self.streams.as_ref().and_then(|streams| streams.now_from(Source::Stdout));
            told.into_iter().for_each(|bytes| self.printed(Source::Stdout, &bytes));
        }
        let parts = match source {
            Source::Stdout => self.stdout.push(bytes),
            Source::Stderr => self.stderr.push(bytes),
        };
        self.take(source, parts);
    }

    /// What a cell has printed is in the pipes before its end is reported.
    fn take_all_printed(&mut self) {
        for (source, bytes) in self.streams.as_ref().map(|streams| streams.now()).unwrap_or_default() {
            self.printed(source, &bytes);
        }
        let (stdout, stderr) = (self.stdout.flush(), self.stderr.flush());
        self.take(Source::Stdout, stdout);
        self.take(Source::Stderr, stderr);
    }

    fn take(&mut self, source: Source, parts: Vec<Part>) {
        for mut part in parts {
            match &mut part {
                Part::Line(Line::Display { id, data }) => self.comms.shown(id.as_deref(), data),
                Part::Line(Line::Update { id, data }) => self.comms.shown(Some(id), data),
                Part::Line(Line::Process { pid }) => self.process = Some(Pid::from_raw(*pid)),
                Part::Line(Line::Started) => match &mut self.panel.asked {
                    Some(asked) => asked.runs = Some(Instant::now()),
                    None => self.cell_runs(),
                },
                _ => {}
            }
            let is_running = |cell: &&mut Cell| cell.runs || self.shell.is_some();
            let Some(cell) = self.running.as_mut().filter(is_running).or(self.previous.as_mut()) else {
                continue;
            };
            match source {
                Source::Stderr => cell.stderr(vec![part]),
                Source::Stdout => {
                    let told = cell.stdout(vec![part]);
                    told.into_iter().for_each(|told| self.told(told));
                }
            }
        }
        self.publish_output();
    }

    /// The running cell is compiled.
    fn cell_runs(&mut self) {
        let Some(cell) = self.running.as_mut().filter(|cell| cell.sent.is_some()) else { return };
        cell.runs = true;
        self.comms.cell_runs(&cell.request);
        if !self.told_of_statics && statics::is_declared(cell.source()) {
            self.told_of_statics = true;
            cell.note(statics::NOTE);
        }
        let read = |name| {
            self.folder.as_ref().and_then(|folder| std::fs::read_to_string(folder.compiled(name)).ok())
        };
        cell.find_places(self.places.clone(), read("cell.rs").unwrap_or_default());
        cell.warn(&read("messages.json").unwrap_or_default());
        self.ask_about_names();
    }

    /// What live-cargo wants to be said before it compiles.
    fn take_notice(&mut self) {
        let (Some(folder), Some(cell)) = (&self.folder, &mut self.running) else { return };
        if let Ok(notice) = std::fs::read_to_string(folder.notice_file()) {
            let _ = std::fs::remove_file(folder.notice_file());
            cell.note(&notice);
        }
    }

    fn told(&mut self, told: Told) {
        let (Told::Asks { prompt, password }, Some(cell), Some(streams)) =
            (told, &mut self.running, &self.streams)
        else {
            return;
        };
        if cell.is_interrupted() {
            streams.answer(Typed::Stopped);
        } else if cell.allows_input() {
            cell.asks = true;
            cell.flush();
            let question = JupyterMessage::new(InputRequest { prompt, password }, Some(&cell.request));
            self.publish_output();
            let _ = self.client.stdin.send(question);
        } else {
            streams.answer(Typed::End);
        }
    }

    /// Gives the running cell what it has asked for. Without a question this is dropped.
    fn typed(&mut self, content: Content) {
        let (Some(cell), Some(streams)) = (&mut self.running, &self.streams) else { return };
        if let (true, Content::InputReply(reply)) = (std::mem::take(&mut cell.asks), content) {
            streams.answer(Typed::Line(&reply.value));
        }
    }

    // ---- widgets ----

    fn arrived(&mut self, arrived: Arrived) {
        let cell = self.running.as_ref().or(self.previous.as_ref());
        self.comms.arrived(arrived, cell.map(|cell| &cell.request));
        self.publish_comms();
    }

    fn publish_comms(&mut self) {
        for message in self.comms.take_published() {
            let _ = self.client.iopub.send(message);
        }
    }

    // ---- the panel of variables ----

    /// Looks at the variables, if there are some and it can be done.
    fn look_at_variables(&mut self) -> bool {
        let (Backend::Ready(session), Some(folder)) = (&mut self.backend, &self.folder) else { return false };
        let Some((code, names)) = self.panel.code(self.names.known(), &folder.build()) else { return false };
        self.panel.ask(session.execute(&code), names, self.execution_count);
        true
    }

    /// They were looked at, or could not be: then names and types are all that is shown.
    fn looked_at_variables(&mut self, asked: variables::Asked, answer: Answer) {
        self.take_all_printed();
        if let Answer::Executed(executed) = answer {
            self.names.after(asked.after, "", &executed);
            self.panel.names(self.names.known());
            if let Some(Failure::Ended(status)) = &executed.failure {
                self.notice =
                    Some(format!("The process that runs the cells has ended ({status}). {ALL_GONE}\n"));
            }
            match variables::answer(&executed) {
                Some(found) => self.panel.found(&asked, found),
                None if asked.is_unwanted => self.panel.put_off(),
                None => {}
            }
        }
        self.publish_variables();
        match self.running.as_ref().is_some_and(|cell| cell.is_at_variables) {
            true => self.show_variables(),
            false => self.send_cell(),
        }
        self.ask_about_names();
    }

    /// Shows a panel as the last output of the running cell, and ends that.
    fn show_variables(&mut self) {
        let Some(cell) = self.running.as_mut().filter(|cell| !cell.is_silent()) else {
            return self.end_cell(None);
        };
        self.comms.cell_runs(&cell.request);
        let known = self.names.known();
        self.panel.names(known);
        let id = format!("variables-{}", cell.request.header.msg_id);
        let data = self.comms.open_own(&id, self.panel.state(known), self.panel.still(known), &cell.request);
        self.panel.widgets.push(id.clone());
        cell.show(&id, data);
        // A page looks for the widget when it sees the display.
        self.publish_comms();
        self.publish_output();
        self.end_cell(None);
    }

    /// After a cell, the open panels show its changes.
    fn follow_variables(&mut self, is_looked_at: bool) {
        self.panel.widgets.retain(|id| self.comms.is_open(id));
        if self.panel.widgets.is_empty() {
            return self.panel.rest();
        }
        self.panel.cell_ended(self.execution_count, self.names.known(), is_looked_at);
        self.publish_variables();
    }

    fn publish_variables(&mut self) {
        let known = self.names.known();
        for id in self.panel.widgets.iter().filter(|id| self.comms.is_open(id)).cloned().collect::<Vec<_>>() {
            self.comms.set_own(&id, self.panel.news(known), &self.panel.still(known));
        }
    }

    /// Whether no cell is executed, and one could be.
    fn can_look(&self) -> bool {
        self.running.is_none() && matches!(self.backend, Backend::Ready(_))
    }

    /// Looks at the variables when it is time, and no cell waits.
    fn look_when_due(&mut self) {
        let is_due = self.panel.due().is_some_and(|at| at <= Instant::now());
        if !is_due || !self.can_look() {
            return;
        }
        self.panel.widgets.retain(|id| self.comms.is_open(id));
        match self.panel.widgets.is_empty() {
            true => self.panel.rest(),
            false => {
                self.look_at_variables();
            }
        }
    }

    // ---- requests ----

    /// Answers a request, at once or in its turn. Says whether it is the kernel's end.
    fn request(&mut self, channel: Channel, request: JupyterMessage) -> bool {
        let reply: Content = match &request.content {
            Content::KernelInfoRequest(_) => kernel_info().into(),
            Content::IsCompleteRequest(asked) => is_complete::judge(&asked.code).into(),
            Content::HistoryRequest(asked) => self.history.answer(asked).into(),
            Content::CommInfoRequest(asked) => self.comms.info(asked.target_name.as_deref()),
            Content::InterruptRequest(_) => {
                self.interrupt();
                InterruptReply::new().into()
            }
            Content::ShutdownRequest(asked) => {
                let reply = ShutdownReply { restart: asked.restart, ..ShutdownReply::default() };
                self.answer(&channel, &request, reply.into());
                return true;
            }
            Content::ExecuteRequest(_) => {
                self.waiting.push_back(request);
                self.next_cell();
                return false;
            }
            Content::CompleteRequest(_) | Content::InspectRequest(_) => {
                self.analyses.add(request);
                self.ask_about_names();
                return false;
            }
            Content::CommOpen(_) | Content::CommMsg(_) | Content::CommClose(_) => {
                self.publish(Status::busy(), &request);
                self.comms.request(&request);
                self.publish_comms();
                self.idle_again(&request);
                return false;
            }
            unknown => match unknown.message_type().strip_suffix("_request") {
                Some(name) => {
                    let evalue = format!("this kernel does not know such a {name}_request");
                    let content =
                        json!({"status": "error", "ename": "BadRequest", "evalue": evalue, "traceback": []});
                    other(&format!("{name}_reply"), content)
                }
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
        self.idle_again(request);
    }

    /// Says that a request is done with, which is not about a cell.
    fn idle_again(&self, request: &JupyterMessage) {
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

    fn activity(&self) -> Activity {
        if let Some(asked) = &self.panel.asked {
            return if asked.runs.is_some() { Activity::Running } else { Activity::Busy };
        }
        match (&self.backend, &self.running) {
            (Backend::Ready(_), None) => Activity::Idle,
            (Backend::Ready(_), Some(cell)) if cell.sent.is_none() => Activity::Idle,
            (Backend::Ready(_), Some(cell)) if cell.runs => Activity::Running,
            _ => Activity::Busy,
        }
    }

    /// Asks the session what is to be completed and explained, if it can be asked now.
    fn ask_about_names(&mut self) {
        let activity = self.activity();
        if let Backend::Ready(session) = &mut self.backend {
            self.analyses.ask(session, activity);
        }
    }

    // ---- cells ----

    /// Begins with the cell that has waited longest, if none is being executed.
    fn next_cell(&mut self) {
        while self.running.is_none() {
            let Some(request) = self.waiting.pop_front() else { return };
            self.publish(Status::busy(), &request);
            let Content::ExecuteRequest(asked) = &request.content else { continue };
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
            let commands = Commands::of(&asked.code);
            let refusal = commands.refusal();
            self.running = Some(Cell::new(request, self.execution_count, commands, &self.impls));
            if let Some(refusal) = refusal {
                self.end_cell(Some(errors::error("Error", &refusal, &[])));
                continue;
            }
            if matches!(self.backend, Backend::Failed) && !asked.code.trim().is_empty() {
                self.start_session();
            }
            self.send_cell();
        }
    }

    /// Goes on with the running cell: first the shell's commands, then evcxr, as soon as that is ready.
    fn send_cell(&mut self) {
        let Some(cell) = &mut self.running else { return };
        // What only looks at the variables ends first; see `end_compiler`.
        if cell.sent.is_some() || self.shell.is_some() || self.panel.asked.is_some() {
            return;
        }
        if cell.shell.is_empty() && cell.rewritten.code.trim().is_empty() {
            return self.cell_is_done();
        }
        let (Backend::Ready(session), Some(streams)) = (&mut self.backend, &self.streams) else { return };
        match cell.shell.pop_front() {
            Some(command) => match Shell::start(&command, streams, &self.events) {
                Ok(shell) => self.shell = Some(shell),
                Err(error) => self.end_cell(Some(errors::error("Error", &format!("{error:#}"), &[]))),
            },
            None => {
                streams.forget_answers();
                cell.sent = Some(session.execute(&cell.rewritten.code));
            }
        }
    }

    /// Evcxr and the shell have done all of the running cell.
    fn cell_is_done(&mut self) {
        let Some(cell) = &mut self.running else { return };
        if !cell.shows_variables {
            return self.end_cell(None);
        }
        cell.is_at_variables = true;
        if !self.look_at_variables() {
            self.show_variables();
        }
    }

    fn shell_ended(&mut self, status: Option<ExitStatus>) {
        self.take_all_printed();
        self.shell = None;
        let Some(cell) = &self.running else { return };
        if cell.is_interrupted() {
            return self.end_cell(Some(errors::error("Interrupted", "the command was stopped", &[])));
        }
        match status.filter(|status| !status.success()) {
            Some(status) => {
                let message = format!("the command has failed ({status})");
                self.end_cell(Some(errors::error("Error", &message, &[])));
            }
            None => self.send_cell(),
        }
    }

    fn publish_output(&mut self) {
        for cell in [&mut self.running, &mut self.previous].into_iter().flatten() {
            for message in cell.take_published() {
                let _ = self.client.iopub.send(message);
            }
        }
    }

    /// Ends the running cell: as evcxr has executed it, or with an error of the kernel's own.
    fn end_cell(&mut self, error: Option<ErrorOutput>) {
        let Some(mut cell) = self.running.take() else { return };
        self.set_stop_flag(false);
        let shows_variables = cell.is_at_variables;
        let error = cell.finish(error);
        let status = if error.is_some() { ReplyStatus::Error } else { ReplyStatus::Ok };
        let has_failed = error.is_some();
        let error = error.map(|ErrorOutput { ename, evalue, traceback }| {
            Box::new(ReplyError { ename, evalue, traceback })
        });
        let user_expressions = Some(Default::default());
        let execution_count = self.execution_count.into();
        let reply =
            ExecuteReply { status, execution_count, error, user_expressions, ..ExecuteReply::default() };
        for message in cell.take_published() {
            let _ = self.client.iopub.send(message);
        }
        let _ = self.client.shell.send(JupyterMessage::new(reply, Some(&cell.request)));
        self.publish(Status::idle(), &cell.request);
        let stops = matches!(
            &cell.request.content,
            Content::ExecuteRequest(ExecuteRequest { stop_on_error: true, .. })
        );
        if cell.sent.is_some() {
            self.previous = Some(cell);
        }
        self.follow_variables(shows_variables);
        if stops && has_failed {
            self.abort_waiting();
        }
        self.ask_about_names();
    }

    /// Answers the cells that wait as if they had never been asked for.
    fn abort_waiting(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            // Without an execution count: one would be shown beside a cell that was not executed.
            self.answer(&Channel::Shell, &request, other("execute_reply", json!({"status": "aborted"})));
        }
    }

    // ---- the interrupt ----

    /// The first one asks the running cell to stop, the second ends its process.
    fn interrupt(&mut self) {
        self.abort_waiting();
        let looks_since = self.panel.asked.as_ref().and_then(|asked| asked.runs);
        if let (true, Some(process)) = (looks_since.is_some_and(|at| at.elapsed() > LONG_LOOK), self.process)
        {
            let _ = kill(process, Signal::SIGKILL);
        }
        let Some(cell) = &mut self.running else { return };
        if cell.is_at_variables {
            let error = errors::error("Interrupted", "the variables were not looked at", &[]);
            return self.end_cell(Some(error));
        }
        let stage = cell.interrupted();
        if let Some(shell) = &self.shell {
            return shell.stop(stage == Stage::Killed);
        }
        if cell.sent.is_none() {
            let error = errors::error("Interrupted", "the cell was stopped before it began", &[]);
            return self.end_cell(Some(error));
        }
        // Compilers are ended by `do_what_is_due`.
        let (is_killed, asks) = (cell.runs && stage == Stage::Killed, std::mem::take(&mut cell.asks));
        if let (true, Some(process)) = (is_killed, self.process) {
            let _ = kill(process, Signal::SIGKILL);
        }
        self.set_stop_flag(true);
        if let (true, Some(streams)) = (asks, &self.streams) {
            streams.answer(Typed::Stopped);
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
        let of_cells = [&self.running, &self.previous].into_iter().flatten().map(Cell::due);
        let others =
            [self.stdout.due(), self.stderr.due(), self.analyses.due(), self.comms.due(), self.last_resort()];
        let panel = self.panel.due().filter(|_| self.can_look());
        let compiler = self.is_unwanted().then(|| Instant::now() + COMPILER_CHECK);
        of_cells.chain(others).chain([panel, compiler]).flatten().min()
    }

    /// Whether the running cell is to stop and does not run yet: then it is not to be compiled. Nor is what only looks at the
    /// variables, when a cell waits for it.
    fn is_unwanted(&self) -> bool {
        match (&self.panel.asked, &self.running) {
            (Some(asked), Some(cell)) => asked.runs.is_none() && !cell.is_at_variables,
            (None, Some(cell)) => cell.sent.is_some() && cell.is_interrupted() && !cell.runs,
            (_, None) => false,
        }
    }

    /// When the session is to be ended because it does not report the end of the running cell, whose process was killed.
    fn last_resort(&self) -> Option<Instant> {
        let killed_at = self.running.as_ref().filter(|cell| cell.runs)?.killed_at()?;
        Some(killed_at + LAST_RESORT)
    }

    /// What evcxr does before it starts a compiler cannot be stopped, and is short.
    fn end_compiler(&mut self) {
        let is_due = self.compiler_looked_for.is_none_or(|at| at.elapsed() >= COMPILER_CHECK);
        if let (true, true, Backend::Ready(session)) = (is_due, self.is_unwanted(), &self.backend) {
            session.end_compiler();
            if let Some(asked) = &mut self.panel.asked {
                asked.is_unwanted = true;
            }
            self.compiler_looked_for = Some(Instant::now());
        }
    }

    fn do_what_is_due(&mut self) {
        let (stdout, stderr) = (self.stdout.flush_due(), self.stderr.flush_due());
        self.take(Source::Stdout, stdout);
        self.take(Source::Stderr, stderr);
        for cell in [&mut self.running, &mut self.previous].into_iter().flatten() {
            cell.do_what_is_due();
        }
        self.publish_output();
        self.publish_comms();
        self.comms.tell_clients(&self.client.widgets);
        for (request, nothing) in self.analyses.overdue() {
            self.answer(&Channel::Shell, &request, nothing);
        }
        self.end_compiler();
        if self.last_resort().is_some_and(|at| at <= Instant::now()) {
            self.start_session();
            self.end_cell(Some(errors::interrupted_with_evcxr()));
        }
        self.next_cell();
        self.look_when_due();
    }
}
