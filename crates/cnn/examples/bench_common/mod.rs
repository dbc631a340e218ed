//! What the programs that `scripts/bench` measures have in common: settings, memory, and taking turns with the other contenders.

use cnn::anyhow::Result;
use cnn::prelude::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// A number from the environment.
pub fn setting(name: &str) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Memory of this process in MB: `VmRSS` is what it uses now, `VmHWM` the most that it ever used.
pub fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    found
        .and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<f64>().ok())
        .map_or(0.0, |kb| kb / 1024.0)
}

/// Where several contenders take turns, the others' are waited for: only one works at a time.
pub struct Turns(Option<TcpStream>);

impl Turns {
    /// Joins those who take turns, if there are any.
    pub fn join() -> Result<Turns> {
        let place = std::env::var("BENCH_TURNS").ok();
        Ok(Turns(place.map(TcpStream::connect).transpose()?))
    }

    /// Ends this turn, and waits for the next one.
    pub fn next(&mut self) -> Result<()> {
        if let Some(link) = &mut self.0 {
            link.write_all(b".")?;
            link.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

/// Notes the seconds of every epoch, each of which is a turn, and the memory after it.
pub struct Epochs<'a> {
    turns: &'a mut Turns,
    begin: Instant,
    pub seconds: Vec<f64>,
    pub memory: Vec<f64>,
}

impl Epochs<'_> {
    /// None yet.
    pub fn new(turns: &mut Turns) -> Epochs<'_> {
        Epochs { turns, begin: Instant::now(), seconds: Vec::new(), memory: Vec::new() }
    }
}

impl Callback for Epochs<'_> {
    fn on_epoch_begin(&mut self, _run: &mut Run) -> Result<()> {
        self.turns.next()?;
        self.begin = Instant::now();
        Ok(())
    }

    fn on_epoch_end(&mut self, _run: &mut Run) -> Result<()> {
        self.seconds.push(self.begin.elapsed().as_secs_f64());
        self.memory.push(memory("VmRSS"));
        Ok(())
    }
}
