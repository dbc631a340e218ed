//! Lines of a cell that begin with `!`: commands for the shell, whose output comes while they run.

use anyhow::{Context, Result};
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedSender;

use crate::event::Event;
use crate::streams::{Source, Streams};

/// A command that runs.
pub struct Shell {
    group: Pid,
}

impl Shell {
    /// Starts a command; its end is an event.
    ///
    /// # Errors
    /// If there is no shell.
    pub fn start(line: &str, streams: &Streams, events: &UnboundedSender<Event>) -> Result<Shell> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).stdin(Stdio::null());
        command.stdout(streams.writer(Source::Stdout)?).stderr(streams.writer(Source::Stderr)?);
        // A group of its own, so that a stop ends all that it has started.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().context("the shell could not be started")?;
        let group = Pid::from_raw(child.id().context("the shell ended at once")? as i32);
        let events = events.clone();
        tokio::spawn(async move {
            let status = child.wait().await.ok();
            let _ = events.send(Event::ShellEnded(status));
        });
        Ok(Shell { group })
    }

    /// Asks it to end, or ends it.
    pub fn stop(&self, at_once: bool) {
        let _ = killpg(self.group, if at_once { Signal::SIGKILL } else { Signal::SIGINT });
    }
}
