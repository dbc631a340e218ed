//! The evcxr_jupyter process behind the kernel: started, spoken to, ended.

use anyhow::{anyhow, bail, Context, Result};
use jupyter_protocol::connection_info::{ConnectionInfo, Transport};
use jupyter_protocol::messaging::{Channel, InterruptRequest, JupyterMessage, KernelInfoRequest};
use jupyter_zmq_client as zmq;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::event::Event;
use crate::folder::RunFolder;
use crate::message::read;
use crate::settings::Settings;
use crate::sources;

/// A start that takes longer has failed; on a busy machine it takes half a minute.
const SLOWEST_START: Duration = Duration::from_secs(180);
/// Another program may have taken a port between our looking and evcxr's opening it.
const ATTEMPTS: usize = 3;
/// So many lines of evcxr's log are kept, to say why it has ended.
const LAST_LINES: usize = 5;
/// So long the last of them may take after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running evcxr_jupyter. Dropping it ends the process with all its children.
pub struct Evcxr {
    shell: UnboundedSender<JupyterMessage>,
    control: UnboundedSender<JupyterMessage>,
    stdin: UnboundedSender<JupyterMessage>,
    group: Pid,
    tasks: Vec<JoinHandle<()>>,
}

impl Evcxr {
    /// Starts evcxr_jupyter in a folder, and waits until it can execute. The event of its end carries `start`. With
    /// `hide_sources`, it does not see the standard library's sources while it starts.
    ///
    /// # Errors
    /// If the program is not there, ends, or does not answer.
    pub async fn start(
        settings: &Settings,
        folder: &RunFolder,
        session: &str,
        events: &UnboundedSender<Event>,
        start: u64,
        hide_sources: bool,
    ) -> Result<Evcxr> {
        for attempt in 1.. {
            let evcxr = Self::attempt(settings, folder, session, events, start, hide_sources);
            match timeout(SLOWEST_START, evcxr).await {
                Ok(Ok(evcxr)) => return Ok(evcxr),
                Ok(Err(error)) if attempt < ATTEMPTS && format!("{error:#}").contains("in use") => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => bail!("evcxr_jupyter did not answer within {} s", SLOWEST_START.as_secs()),
            }
        }
        unreachable!("the loop ends by returning")
    }

    async fn attempt(
        settings: &Settings,
        folder: &RunFolder,
        session: &str,
        events: &UnboundedSender<Event>,
        start: u64,
        hide_sources: bool,
    ) -> Result<Evcxr> {
        let (info, ports) = connection().await?;
        let connection_file = folder.path().join("connection.json");
        std::fs::write(&connection_file, serde_json::to_string(&info)?)
            .context("the build folder cannot be written")?;

        match hide_sources {
            true => sources::hide(folder.path())?,
            false => sources::show(folder.path())?,
        }
        let mut command = Command::new(&settings.evcxr);
        command.arg("--control_file").arg(&connection_file);
        command.envs(folder.environment(settings)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A group of its own, so that evcxr, its cells and its compilers can be ended together.
        command.process_group(0).kill_on_drop(true);
        // No other program gets them before evcxr opens them, or hardly.
        drop(ports);
        let mut child = command.spawn().with_context(|| {
            format!(
                "{} could not be started; install it (cargo install --locked evcxr_jupyter), or name it with --evcxr",
                settings.evcxr.display()
            )
        })?;
        let group = Pid::from_raw(child.id().context("evcxr_jupyter ended at once")? as i32);
        folder.guard_group(Some(group));
        let errors = child.stderr.take().context("evcxr_jupyter has no standard error")?;
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        let mut log = tokio::spawn(pass_log_on(errors, events.clone(), last_lines.clone()));

        let mut starting = Starting { child: Some(child), group };
        let connected = tokio::select! {
            connected = connect(&info, session, events) => connected,
            status = starting.ended() => {
                let _ = timeout(LAST_WORDS, &mut log).await;
                let mut why = vec![format!("evcxr_jupyter ended before it was ready: {}", explain(status))];
                why.extend(locked(&last_lines).drain(..));
                Err(anyhow!(why.join("\n")))
            }
        };
        let (shell, control, stdin, mut tasks) = connected?;
        sources::show(folder.path())?;
        tasks.push(log);
        let mut child = starting.child.take().context("evcxr_jupyter ended at once")?;
        let ended = events.clone();
        tasks.push(tokio::spawn(async move {
            let status = child.wait().await.ok();
            let _ = ended.send(Event::EvcxrEnded(start, explain(status)));
        }));
        Ok(Evcxr { shell, control, stdin, group, tasks })
    }

    /// Sends a request; the answers are events.
    pub fn request(&self, message: JupyterMessage) {
        let _ = self.shell.send(message);
    }

    /// Sends what the user has typed.
    pub fn input(&self, message: JupyterMessage) {
        let _ = self.stdin.send(message);
    }

    /// The time that evcxr and this process, which reads what it sends, have computed, in the system's ticks, 10 ms as a
    /// rule; none while one of their threads runs or waits for a processor. Only Linux tells; elsewhere it is always 0.
    pub fn cpu_time(&self) -> Option<u64> {
        let (evcxr, of_evcxr) = threads(&self.group.to_string());
        let (own, of_own) = threads("self");
        let only_this_thread = 1;
        (evcxr == 0 && own <= only_this_thread).then_some(of_evcxr + of_own)
    }

    /// Ends the process that runs the cells. evcxr starts another, without the variables.
    pub fn kill_cell(&self) {
        let _ = self.control.send(InterruptRequest::default().into());
    }
}

/// How many of a process's threads run or wait for a processor, and the ticks that all have computed.
fn threads(process: &str) -> (usize, u64) {
    let (mut running, mut ticks) = (0, 0);
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for status in tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok()) {
        // The fields follow the name, which stands in brackets: the state is the first, user and system time are the 12th and
        // the 13th.
        let fields: Vec<&str> =
            status.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').collect();
        running += usize::from(fields.first() == Some(&"R"));
        ticks += fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    }
    (running, ticks)
}

impl Drop for Evcxr {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

/// A child that has not answered yet; dropped in that state, it is ended.
struct Starting {
    child: Option<Child>,
    group: Pid,
}

impl Starting {
    async fn ended(&mut self) -> Option<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await.ok(),
            None => None,
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

/// Where evcxr is to be reached, and what keeps the ports until it is started.
async fn connection() -> Result<(ConnectionInfo, Vec<TcpListener>)> {
    let (ports, listeners) = zmq::peek_ports_with_listeners(IpAddr::V4(Ipv4Addr::LOCALHOST), 5).await?;
    let info = ConnectionInfo {
        ip: Ipv4Addr::LOCALHOST.to_string(),
        transport: Transport::TCP,
        shell_port: ports[0],
        iopub_port: ports[1],
        stdin_port: ports[2],
        control_port: ports[3],
        hb_port: ports[4],
        key: random_key(),
        signature_scheme: "hmac-sha256".to_string(),
        kernel_name: None,
    };
    Ok((info, listeners))
}

/// A secret that only this kernel and its evcxr know.
pub fn random_key() -> String {
    // Each message gets a random id from the system's source of randomness.
    JupyterMessage::from(KernelInfoRequest {}).header.msg_id
}

type Channels = (
    UnboundedSender<JupyterMessage>,
    UnboundedSender<JupyterMessage>,
    UnboundedSender<JupyterMessage>,
    Vec<JoinHandle<()>>,
);

/// Connects to all sockets, and waits until evcxr answers a first request.
async fn connect(info: &ConnectionInfo, session: &str, events: &UnboundedSender<Event>) -> Result<Channels> {
    let identity = zmq::peer_identity_for_session(session)?;
    let mut iopub = zmq::create_client_iopub_connection(info, "", session).await?;
    let mut shell =
        zmq::create_client_shell_connection_with_identity(info, session, identity.clone()).await?;
    let stdin = zmq::create_client_stdin_connection_with_identity(info, session, identity).await?;
    let control = zmq::create_client_control_connection(info, session).await?;
    shell.send(KernelInfoRequest {}.into()).await?;
    read(&mut shell).await?;

    let iopub_events = events.clone();
    let mut tasks = vec![tokio::spawn(async move {
        while let Ok(message) = read(&mut iopub).await {
            let _ = iopub_events.send(Event::Evcxr(Channel::IOPub, message));
        }
    })];
    let mut start = |connection: zmq::ClientShellConnection, channel: Channel| {
        let (mut sending, mut receiving) = connection.split();
        let (sender, mut receiver) = unbounded_channel();
        let events = events.clone();
        tasks.push(tokio::spawn(async move {
            while let Ok(message) = read(&mut receiving).await {
                let _ = events.send(Event::Evcxr(channel.clone(), message));
            }
        }));
        tasks.push(tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                if sending.send(message).await.is_err() {
                    return;
                }
            }
        }));
        sender
    };
    let (shell, control, stdin) =
        (start(shell, Channel::Shell), start(control, Channel::Control), start(stdin, Channel::Stdin));
    Ok((shell, control, stdin, tasks))
}

/// evcxr says on its standard error which crates it compiles; the rest goes to the log of Jupyter's server.
async fn pass_log_on(
    errors: impl AsyncRead + Unpin,
    events: UnboundedSender<Event>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(errors).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.trim_start().strip_prefix("Compiling ") {
            Some(what) => {
                let _ = events.send(Event::Compiling(what.to_string()));
            }
            None => {
                eprintln!("evcxr: {line}");
                let mut last_lines = locked(&last_lines);
                last_lines.push_back(line);
                if last_lines.len() > LAST_LINES {
                    last_lines.pop_front();
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn explain(status: Option<ExitStatus>) -> String {
    status.map_or("it is gone".to_string(), |status| status.to_string())
}
