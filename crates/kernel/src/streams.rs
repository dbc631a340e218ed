//! The pipes between a kernel and its cells, as files in the kernel's folder: what cells print arrives there, and what the
//! user types leaves there. Writing waits until it is read, so no cell can fill the memory by printing.

use anyhow::{Context, Result};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::net::unix::pipe::Receiver;

/// As much as a pipe holds.
const CHUNK: usize = 1 << 16;

/// Where bytes come from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Source {
    Stdout,
    Stderr,
}

/// The answer to a cell that waits for input.
pub enum Typed<'a> {
    /// A line.
    Line(&'a str),
    /// There is nobody who could be asked.
    End,
    /// The user wants the cell to stop.
    Stopped,
}

/// A pipe that is read when something comes, and, by its second opening, also at any other time.
struct Pipe {
    waiting: Receiver,
    now: File,
}

/// The open pipes.
pub struct Streams {
    folder: PathBuf,
    stdout: Pipe,
    stderr: Pipe,
    input: File,
}

/// The pipes' folder below a kernel's.
pub fn folder(run: &Path) -> PathBuf {
    run.join("streams")
}

/// Makes the pipes.
///
/// # Errors
/// If the disk has none, as some of other systems.
pub fn make(run: &Path) -> Result<()> {
    let folder = folder(run);
    std::fs::create_dir_all(&folder)?;
    for name in ["stdout", "stderr", "input"] {
        let path = folder.join(name);
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)
            .with_context(|| format!("the pipe {} cannot be made", path.display()))?;
    }
    Ok(())
}

impl Streams {
    /// Opens the pipes for both directions, so that they stay open whoever comes and goes at the other end.
    ///
    /// # Errors
    /// If one is not there.
    pub fn open(run: &Path) -> Result<Streams> {
        let folder = folder(run);
        let open = |name: &str| {
            let path = folder.join(name);
            let options =
                File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(&path);
            options.with_context(|| format!("the pipe {} cannot be opened", path.display()))
        };
        let pipe = |name: &str| -> Result<Pipe> {
            Ok(Pipe { waiting: Receiver::from_file_unchecked(open(name)?)?, now: open(name)? })
        };
        let (stdout, stderr, input) = (pipe("stdout")?, pipe("stderr")?, open("input")?);
        Ok(Streams { folder, stdout, stderr, input })
    }

    /// The next bytes, as soon as there are some.
    pub async fn next(&self) -> (Source, Vec<u8>) {
        tokio::select! {
            bytes = Self::wait(&self.stdout) => (Source::Stdout, bytes),
            bytes = Self::wait(&self.stderr) => (Source::Stderr, bytes),
        }
    }

    async fn wait(pipe: &Pipe) -> Vec<u8> {
        let mut bytes = vec![0; CHUNK];
        loop {
            if pipe.waiting.readable().await.is_err() {
                // The runtime is at its end.
                std::future::pending().await
            }
            if let Ok(count) = pipe.waiting.try_read(&mut bytes) {
                bytes.truncate(count);
                return bytes;
            }
        }
    }

    /// The bytes that are there by now; not more than a pipe holds, since more is yet to be printed.
    pub fn now(&self) -> Vec<(Source, Vec<u8>)> {
        let mut found = Vec::new();
        for source in [Source::Stdout, Source::Stderr] {
            let mut count = 0;
            while let Some(bytes) = self.now_from(source).filter(|_| count < CHUNK) {
                count += bytes.len();
                found.push((source, bytes));
            }
        }
        found
    }

    /// The next bytes of one of them, if there are some by now.
    pub fn now_from(&self, source: Source) -> Option<Vec<u8>> {
        let pipe = if source == Source::Stdout { &self.stdout } else { &self.stderr };
        read(&pipe.now)
    }

    /// Gives a cell what it has asked for.
    pub fn answer(&self, answer: Typed) {
        // As `live-cells` reads it: by the first letter.
        let line = match answer {
            Typed::Line(line) => format!("L{}\n", line.trim_end_matches('\n')),
            Typed::End => "E\n".to_string(),
            Typed::Stopped => "S\n".to_string(),
        };
        if let Err(error) = (&self.input).write_all(line.as_bytes()) {
            eprintln!("live-kernel: what was typed cannot be handed on: {error}");
        }
    }

    /// Forgets what was typed and not read.
    pub fn forget_answers(&self) {
        while read(&self.input).is_some() {}
    }

    /// A pipe's other end, for a program whose output belongs to a cell.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn writer(&self, source: Source) -> std::io::Result<File> {
        let name = if source == Source::Stdout { "stdout" } else { "stderr" };
        File::options().write(true).open(self.folder.join(name))
    }
}

fn read(mut pipe: &File) -> Option<Vec<u8>> {
    let mut bytes = vec![0; CHUNK];
    loop {
        match pipe.read(&mut bytes) {
            Ok(count) if count > 0 => {
                bytes.truncate(count);
                return Some(bytes);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_through_and_stay_open() {
        let run = tempfile::tempdir().unwrap();
        make(run.path()).unwrap();
        let streams = Streams::open(run.path()).unwrap();
        for text in ["one", "two"] {
            streams.writer(Source::Stderr).unwrap().write_all(text.as_bytes()).unwrap();
            assert_eq!(streams.next().await, (Source::Stderr, text.as_bytes().to_vec()));
        }
        streams.writer(Source::Stdout).unwrap().write_all(b"three").unwrap();
        assert_eq!(streams.now(), [(Source::Stdout, b"three".to_vec())]);
        assert_eq!(streams.now(), []);
    }

    #[tokio::test]
    async fn what_was_typed_is_one_line() {
        let run = tempfile::tempdir().unwrap();
        make(run.path()).unwrap();
        let streams = Streams::open(run.path()).unwrap();
        streams.answer(Typed::Line("Ada"));
        streams.answer(Typed::End);
        let mut pipe = &streams.input;
        let mut bytes = [0; 16];
        let count = pipe.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"LAda\nE\n");
        streams.forget_answers();
        assert!(pipe.read(&mut bytes).is_err());
    }
}
