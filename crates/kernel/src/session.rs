//! The session behind the kernel: the program `live-session`, which has evcxr execute cells. Started, spoken to, ended.

use anyhow::{anyhow, bail, Context, Result};
use nix::sys::signal::{kill, killpg, Signal};
use nix::unistd::Pid;
use serde_json::json;
use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::event::Event;
use crate::folder::RunFolder;
use crate::settings::Settings;
use crate::sources;

/// A start that takes longer has failed; on a busy machine it takes half a minute.
const SLOWEST_START: Duration = Duration::from_secs(180);
/// So many lines of the session's log are kept, to say why it has ended.
const LAST_LINES: usize = 5;
/// So long the last of them may take after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What can be asked about code.
#[derive(Clone, Copy, PartialEq)]
pub enum Question {
    /// Which names fit.
    Complete,
    /// What a name means.
    Inspect,
}

/// A running session. Dropping it ends the process with all its children.
pub struct Session {
    requests: UnboundedSender<String>,
    group: Pid,
    asked: u64,
    tasks: Vec<JoinHandle<()>>,
}

impl Session {
    /// Starts a session in a folder, and waits until it can execute. Its events carry `start`. With `hide_sources`, it does not
    /// see the standard library's sources while it starts.
    ///
    /// # Errors
    /// If the program is not there, ends, or does not answer.
    pub async fn start(
        settings: &Settings,
        folder: &RunFolder,
        events: &UnboundedSender<Event>,
        start: u64,
        hide_sources: bool,
    ) -> Result<Session> {
        match hide_sources {
            true => sources::hide(folder.path())?,
            false => sources::show(folder.path())?,
        }
        let program = settings.session();
        let mut command = Command::new(&program);
        command.envs(folder.environment(settings)?).env("LIVE_SESSION", &program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that evcxr, its cells and its compilers can be ended together.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| {
            format!(
                "{} could not be started; install it (cargo install --locked --path crates/session), or name it with \
                 --session",
                program.display()
            )
        })?;
        let group = Pid::from_raw(child.id().context("live-session ended at once")? as i32);
        folder.guard_group(Some(group));
        let (Some(requests), Some(replies), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("live-session has no pipes");
        };
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        let mut log = tokio::spawn(pass_log_on(errors, events.clone(), last_lines.clone()));

        let mut starting = Starting { child: Some(child), group };
        let mut replies = BufReader::new(replies).lines();
        let ready = tokio::select! {
            ready = timeout(SLOWEST_START, replies.next_line()) => match ready {
                Ok(Ok(Some(_))) => Ok(()),
                Ok(_) => starting.why(&mut log, &last_lines).await,
                Err(_) => Err(anyhow!("live-session did not answer within {} s", SLOWEST_START.as_secs())),
            },
            why = starting.why(&mut log, &last_lines) => why,
        };
        ready?;
        sources::show(folder.path())?;
        let mut child = starting.child.take().context("live-session ended at once")?;
        let (sender, receiver) = unbounded_channel();
        let ended = events.clone();
        let tasks = vec![
            log,
            tokio::spawn(send(requests, receiver)),
            tokio::spawn(receive(replies, start, events.clone())),
            tokio::spawn(async move {
                let status = child.wait().await.ok();
                let _ = ended.send(Event::SessionEnded(start, explain(status)));
            }),
        ];
        Ok(Session { requests: sender, group, asked: 0, tasks })
    }

    /// Has a cell executed; the answer carries the number that is returned.
    pub fn execute(&mut self, code: &str) -> u64 {
        self.ask(json!({"execute": {"code": code}}), false)
    }

    /// Asks about code, with `now` while a cell runs: about one byte, or the first name that is known of those that end there.
    pub fn analyse(&mut self, question: Question, code: &str, places: &[usize], now: bool) -> u64 {
        let question = match question {
            Question::Complete => json!({"complete": {"code": code, "at": places.first()}}),
            Question::Inspect => json!({"inspect": {"code": code, "ends": places}}),
        };
        self.ask(question, now)
    }

    fn ask(&mut self, question: serde_json::Value, now: bool) -> u64 {
        self.asked += 1;
        let request = json!({"id": self.asked, "now": now, "question": question});
        let _ = self.requests.send(request.to_string() + "\n");
        self.asked
    }

    /// Ends the compilers that evcxr has started, so that it reports a cell that it cannot compile.
    pub fn end_compiler(&self) {
        let listed = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid=,pgid=,comm="]).output();
        let listed =
            listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        for row in listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
            let [pid, _, group, name, ..] = row[..] else { continue };
            let is_compiler = ["cargo", "rustc", "live-cargo", "ld", "lld", "rust-lld", "cc", "mold"]
                .contains(&name.rsplit('/').next().unwrap_or(name));
            if let (true, Ok(pid)) = (is_compiler && group == self.group.to_string(), pid.parse()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

async fn send(mut pipe: ChildStdin, mut requests: UnboundedReceiver<String>) {
    while let Some(line) = requests.recv().await {
        if pipe.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn receive(mut lines: Lines<BufReader<ChildStdout>>, start: u64, events: UnboundedSender<Event>) {
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(reply) => {
                let _ = events.send(Event::Session(start, reply));
            }
            Err(error) => eprintln!("live-kernel: an answer of the session was dropped: {error}"),
        }
    }
}

impl Drop for Session {
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
    /// Waits for its end, and says why it came.
    async fn why(&mut self, log: &mut JoinHandle<()>, last_lines: &Mutex<VecDeque<String>>) -> Result<()> {
        let status = match &mut self.child {
            Some(child) => child.wait().await.ok(),
            None => None,
        };
        let _ = timeout(LAST_WORDS, log).await;
        let mut why = vec![format!("evcxr ended before it was ready: {}", explain(status))];
        why.extend(locked(last_lines).drain(..));
        Err(anyhow!(why.join("\n")))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
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
