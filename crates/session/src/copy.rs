//! Answers while evcxr is busy with a cell: by a copy of this process, which knows what this one knows, and is gone when it
//! has answered.

use anyhow::{Context, Result};
use evcxr::CommandContext;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{kill, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::{fork, pipe, ForkResult};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::protocol::{Answer, Replies, Reply};

/// A copy that has not answered by then never will: what it waits for belongs to a thread that was not copied.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where the context is, which another thread works with.
pub struct Original(*mut CommandContext);

// SAFETY: it is looked at in a copy of the process alone, where the other thread does not exist.
unsafe impl Send for Original {}

impl Original {
    /// The context must stay where it is as long as requests come.
    pub fn of(context: &mut CommandContext) -> Original {
        Original(context)
    }
}

/// Has a copy of this process answer. To be called while the other thread waits for a cell that runs, when nothing in the
/// context is half changed.
pub fn answer(
    context: &Original,
    id: u64,
    replies: &Replies,
    ask: impl FnOnce(&mut CommandContext) -> Answer,
) {
    let line = line_of_copy(|| {
        // SAFETY: this is the copy, and nobody else uses the context in it.
        let answer = ask(unsafe { &mut *context.0 });
        serde_json::to_string(&Reply { id, answer }).unwrap_or_default()
    });
    match line {
        Ok(line) => replies.send_line(&line),
        Err(error) => replies.send(Reply { id, answer: Answer::Failed(format!("{error:#}")) }),
    }
}

fn line_of_copy(make: impl FnOnce() -> String) -> Result<String> {
    let (answer, of_copy) = pipe()?;
    // SAFETY: the copy has this thread only. It allocates, which the C library allows after a fork, writes, and ends.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let _ = File::from(of_copy).write_all(make().as_bytes());
            // Without the end of what belongs to the original.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(of_copy);
            let line = read(File::from(answer));
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, None);
            line
        }
    }
}

fn read(mut answer: File) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut chunk = [0; 1 << 16];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        if poll(&mut [PollFd::new(answer.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            anyhow::bail!("evcxr did not answer within {} s while a cell runs", PATIENCE.as_secs());
        }
        match answer.read(&mut chunk)? {
            0 => break,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    let line = String::from_utf8(bytes)?;
    (!line.is_empty()).then_some(line).context("evcxr could not answer while a cell runs")
}
