//! The process between evcxr and the cells: hands commands and output on, and says how it all ended.

use anyhow::{Context, Result};
use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{setrlimit, Resource};
use nix::sys::signal::{kill, signal, SigHandler, Signal};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::marks::{Part, Splitter};
use crate::{variables, wire};

/// So long the beginning of what may be a line for evcxr is held back.
const HOLD: u16 = 30;
/// A process that does not end by itself when there are no more commands is ended.
const GRACE: Duration = Duration::from_secs(1);
const CHUNK: usize = 1 << 16;

/// What the supervisor reads from and writes to.
struct Supervisor {
    commands: Option<UnixStream>,
    stdout: Option<File>,
    stderr: Option<File>,
    to_kernel: (File, File),
    splitter: Splitter,
}

/// Starts the process that runs the cells, and serves it until it has ended; then ends in the same way.
///
/// # Errors
/// If the process cannot be started, or the kernel is gone.
pub fn run() -> Result<()> {
    let streams = std::env::var_os(variables::STREAMS).context("the kernel has named no pipes")?;
    let pipe = |name: &str| File::options().write(true).open(PathBuf::from(&streams).join(name));
    let to_kernel = (pipe("stdout")?, pipe("stderr")?);
    let (mut child, commands) = start().context("the process that runs the cells could not be started")?;
    let (stdout, stderr) = (owned(child.stdout.take())?, owned(child.stderr.take())?);
    let mut supervisor =
        Supervisor { commands: Some(commands), stdout, stderr, to_kernel, splitter: Splitter::default() };
    supervisor.tell(&format!("{{\"op\":\"process\",\"pid\":{}}}", child.id()))?;
    let status = supervisor.serve(&mut child);
    // Its own children may hold the pipes open for ever; what it has written itself is there.
    let _ = supervisor.drain();
    if status.is_err() {
        let _ = child.kill();
    }
    end_as(status.or_else(|_| child.wait())?)
}

fn start() -> Result<(Child, UnixStream)> {
    let (own, of_child) = UnixStream::pair()?;
    fcntl(&of_child, FcntlArg::F_SETFD(FdFlag::empty()))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    command.env(variables::COMMANDS, of_child.as_raw_fd().to_string());
    // evcxr asks for listings of its own inner workings under every panic.
    command.env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok((command.spawn()?, own))
}

fn owned(pipe: Option<impl Into<OwnedFd>>) -> Result<Option<File>> {
    let file = File::from(pipe.context("a pipe is missing")?.into());
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(Some(file))
}

impl Supervisor {
    /// Until the process has ended.
    fn serve(&mut self, child: &mut Child) -> io::Result<ExitStatus> {
        let end = ended(child.id())?;
        let evcxr = io::stdin();
        loop {
            let mut files = vec![(Source::End, end.as_fd())];
            if self.commands.is_some() {
                files.push((Source::Commands, evcxr.as_fd()));
            }
            files.extend(self.stdout.as_ref().map(|file| (Source::Stdout, file.as_fd())));
            files.extend(self.stderr.as_ref().map(|file| (Source::Stderr, file.as_fd())));
            let timeout = if self.splitter.holds_text() { HOLD.into() } else { PollTimeout::NONE };
            let ready = wait(&files, timeout)?;
            if ready.is_empty() {
                let held = self.splitter.take_text();
                self.to_kernel.0.write_all(&held)?;
            }
            for source in ready {
                match source {
                    Source::Commands => self.hand_commands_on(child)?,
                    Source::Stdout => self.hand_stdout_on()?,
                    Source::Stderr => self.hand_stderr_on()?,
                    Source::End => return child.wait(),
                }
            }
        }
    }

    /// What evcxr wants done.
    fn hand_commands_on(&mut self, child: &mut Child) -> io::Result<()> {
        let mut bytes = vec![0; CHUNK];
        let count = io::stdin().lock().read(&mut bytes)?;
        if count == 0 {
            // That is evcxr's end.
            self.commands = None;
            let pid = child.id();
            std::thread::spawn(move || {
                std::thread::sleep(GRACE);
                let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
            });
            return Ok(());
        }
        self.tell("{\"op\":\"started\"}")?;
        match &mut self.commands {
            Some(commands) => commands.write_all(&bytes[..count]),
            None => Ok(()),
        }
    }

    /// Says whether there was something.
    fn hand_stdout_on(&mut self) -> io::Result<()> {
        let Some(bytes) = next(&mut self.stdout)? else { return Ok(()) };
        for part in self.splitter.push(&bytes) {
            match part {
                Part::Text(text) => self.to_kernel.0.write_all(&text)?,
                Part::Line(line) => tell_evcxr(&line)?,
                Part::Failed(line) => {
                    self.tell("{\"op\":\"failed\"}")?;
                    tell_evcxr(&line)?;
                }
                Part::Panicked(line) => {
                    self.tell("{\"op\":\"panicked\"}")?;
                    tell_evcxr(&line)?;
                }
                Part::Asks { prompt, password } => {
                    let prompt = serde_json::to_string(&prompt)?;
                    self.tell(&format!("{{\"op\":\"prompt\",\"prompt\":{prompt},\"password\":{password}}}"))?;
                }
                Part::Complete(line) => {
                    // evcxr's answer to the kernel must not be there before all that the cell has printed.
                    while self.stderr.is_some() && is_ready(self.stderr.as_ref()) {
                        self.hand_stderr_on()?;
                    }
                    tell_evcxr(&line)?;
                }
            }
        }
        Ok(())
    }

    fn hand_stderr_on(&mut self) -> io::Result<()> {
        match next(&mut self.stderr)? {
            Some(bytes) => self.to_kernel.1.write_all(&bytes),
            None => Ok(()),
        }
    }

    /// All that the process has left.
    fn drain(&mut self) -> io::Result<()> {
        while self.stdout.is_some() && is_ready(self.stdout.as_ref()) {
            self.hand_stdout_on()?;
        }
        let held = self.splitter.take_text();
        self.to_kernel.0.write_all(&held)?;
        while self.stderr.is_some() && is_ready(self.stderr.as_ref()) {
            self.hand_stderr_on()?;
        }
        Ok(())
    }

    fn tell(&mut self, object: &str) -> io::Result<()> {
        self.to_kernel.0.write_all(wire(object).as_bytes())
    }
}

#[derive(Clone, Copy)]
enum Source {
    Commands,
    Stdout,
    Stderr,
    End,
}

/// A file that is at its end as soon as the process has ended.
fn ended(pid: u32) -> io::Result<UnixStream> {
    let (waiting, end) = UnixStream::pair()?;
    std::thread::spawn(move || {
        use nix::sys::wait::{waitid, Id, WaitPidFlag};
        // The process stays to be collected by who has started it.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(Pid::from_raw(pid as i32)), flags) == Err(nix::Error::EINTR) {}
        drop(end);
    });
    Ok(waiting)
}

fn wait(files: &[(Source, std::os::fd::BorrowedFd)], timeout: PollTimeout) -> io::Result<Vec<Source>> {
    let mut polled: Vec<PollFd> =
        files.iter().map(|(_, file)| PollFd::new(*file, PollFlags::POLLIN)).collect();
    match poll(&mut polled, timeout) {
        Err(nix::Error::EINTR) | Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let is_ready = |polled: &PollFd| polled.any().unwrap_or(false);
    let ready = files.iter().zip(&polled).filter(|(_, polled)| is_ready(polled));
    // The end comes last: what was printed before it is to be handed on.
    let mut ready: Vec<Source> = ready.map(|((source, _), _)| *source).collect();
    ready.sort_by_key(|source| matches!(source, Source::End));
    Ok(ready)
}

fn is_ready(file: Option<&File>) -> bool {
    let Some(file) = file else { return false };
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

/// The next bytes, if there are some; at its end, the file is closed.
fn next(file: &mut Option<File>) -> io::Result<Option<Vec<u8>>> {
    let Some(open) = file else { return Ok(None) };
    let mut bytes = vec![0; CHUNK];
    match open.read(&mut bytes) {
        Ok(0) => {
            *file = None;
            Ok(None)
        }
        Ok(count) => {
            bytes.truncate(count);
            Ok(Some(bytes))
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

fn tell_evcxr(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Ends this process as the other one has ended, since evcxr reports how.
fn end_as(status: ExitStatus) -> Result<()> {
    if let Some(number) = status.signal() {
        // One dump is enough.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        if let Ok(of_child) = Signal::try_from(number) {
            // SAFETY: the default action needs no code of ours.
            let _ = unsafe { signal(of_child, SigHandler::SigDfl) };
            let _ = kill(Pid::this(), of_child);
        }
    }
    std::process::exit(status.code().unwrap_or(1))
}
