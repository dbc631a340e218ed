//! What the server says besides its answers. A log that cannot be written, on a full disk for example, ends nothing.

use std::io::{self, Write};

/// Standard error; what cannot be written there is dropped.
#[derive(Debug, Default, Clone, Copy)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line that is no event of the log.
pub fn say(line: &str) {
    let _ = writeln!(Log, "serve: {line}");
}

/// The one line on standard output. What libraries print later goes where the log goes: nobody may be reading any more, and a
/// print that fails is a panic.
///
/// # Errors
/// If the system has no pipe.
pub fn announce(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    let (mut printed, pipe) = io::pipe()?;
    nix::unistd::dup2_stdout(pipe)?;
    std::thread::spawn(move || io::copy(&mut printed, &mut Log));
    Ok(())
}
