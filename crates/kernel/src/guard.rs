//! Tidying up after a kernel, whatever has ended it.
//!
//! A kernel that is killed can tidy up nothing. So each has a small second process, in a session of its own, that waits
//! for the kernel's end, which it sees by the end of its input. Then it ends evcxr's process group and removes the
//! build folder.

use anyhow::{Context, Result};
use nix::sys::signal::{killpg, Signal};
use nix::unistd::{setsid, Pid};
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::comms::sockets;

/// A guard that has not tidied up by then is left alone with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kernel's handle on its guard. Dropping it is the kernel's end, as the guard sees it.
pub struct Guard {
    child: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    /// Starts a guard over a folder.
    ///
    /// # Errors
    /// If no process can be started.
    pub fn start(folder: &Path) -> Result<Guard> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(program);
        command.arg("guard").arg(folder).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().context("the process that tidies up could not be started")?;
        let input = child.stdin.take();
        Ok(Guard { child, input })
    }

    /// Names the process group to end, in the place of the one before; none is written as 0.
    pub fn group(&mut self, group: Option<Pid>) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{}", group.map_or(0, Pid::as_raw));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.input.take();
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What the guard's own process does.
///
/// # Errors
/// None that anybody would see.
pub fn watch(folder: &Path) -> Result<()> {
    // Signals for the kernel and its terminal are not meant for this process.
    let _ = setsid();
    if let Some(group) = newest_group(std::io::stdin().lock()) {
        let _ = killpg(group, Signal::SIGKILL);
    }
    sockets::remove(folder);
    // A process that is being ended may still write, so removing may take a second try.
    for _ in 0..50 {
        if std::fs::remove_dir_all(folder).is_ok() || !folder.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The group that was named last, when the input is at its end.
fn newest_group(input: impl BufRead) -> Option<Pid> {
    let lines = input.lines().map_while(std::io::Result::ok);
    let newest = lines.filter_map(|line| line.parse::<i32>().ok()).last();
    newest.filter(|&group| group > 0).map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_group_is_ended_if_it_is_still_there() {
        assert_eq!(newest_group("7\n8\n".as_bytes()), Some(Pid::from_raw(8)));
        assert_eq!(newest_group("7\n0\n".as_bytes()), None);
        assert_eq!(newest_group("".as_bytes()), None);
    }
}
