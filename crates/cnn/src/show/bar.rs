//! The bar of work other than a training, and its end when the user interrupts it.

use anyhow::{ensure, Result};
use std::time::{Duration, Instant};

use super::html::{self, escape};
use crate::engine::stop::Stopped;
use crate::engine::text::thousands;

/// Work that takes less is not shown.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two updates.
const INTERVAL: Duration = Duration::from_millis(100);

/// Work of a known size that goes on in small parts. A live kernel shows it as a bar while it runs, and as a line
/// afterwards; another kernel shows nothing.
pub(crate) struct Bar {
    title: String,
    unit: &'static str,
    /// `None` where it is not known.
    total: Option<u64>,
    done: u64,
    begin: Instant,
    /// When it is shown next; `None` for never.
    next: Option<Instant>,
    display: Option<live::Display>,
}

impl Bar {
    /// A bar that appears when the work has taken half a second. The title says what is done, and the unit, for example
    /// `"images"`, what is counted; numbers of `"bytes"` are shown in megabytes.
    pub fn new(title: &str, total: impl Into<Option<u64>>, unit: &'static str) -> Self {
        let mut bar = Bar::silent(title, total, unit);
        bar.next = live::is_live().then(|| bar.begin + PATIENCE);
        bar
    }

    /// A bar that is never seen, for work within other work; it can be interrupted all the same.
    pub fn silent(title: &str, total: impl Into<Option<u64>>, unit: &'static str) -> Self {
        let (title, total) = (title.to_string(), total.into());
        Bar { title, unit, total, done: 0, begin: Instant::now(), next: None, display: None }
    }

    /// Says how much there is, when it becomes known.
    pub fn set_total(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// Whether anybody has seen it.
    pub fn is_shown(&self) -> bool {
        self.display.is_some()
    }

    /// An error if the user has asked for a stop. Loops call it once per round: it takes about a microsecond.
    pub fn check(&self) -> Result<()> {
        ensure!(!live::stop_requested(), self.stopped());
        Ok(())
    }

    /// The error of work that was stopped here.
    pub fn stopped(&self) -> Stopped {
        let (title, amount) = (&self.title, self.amount());
        Stopped(format!("{title} was stopped by the interrupt after {amount}; run the cell again"))
    }

    /// So much more is done.
    pub fn advance(&mut self, more: u64) {
        self.done += more;
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + INTERVAL);
            let line = format!("{}: {}", self.title, self.amount());
            let share = self.total.map(|total| self.done as f64 / total.max(1) as f64);
            let bar = share.map_or(String::new(), html::bar);
            let left = share.filter(|&share| share > 0.0).map_or(String::new(), |share| {
                let seconds = self.begin.elapsed().as_secs_f64();
                format!(", {} left", html::duration(seconds / share - seconds))
            });
            self.show(&format!("<div>{}{left}{bar}</div>", escape(&line)), &line);
        }
    }

    fn show(&mut self, html: &str, text: &str) {
        let data = [("text/html", html), ("text/plain", text)];
        match &self.display {
            Some(display) => display.update(&data),
            None => self.display = Some(live::Display::new(&data)),
        }
    }

    /// "1,500 of 10,000 images", or "10,000 images" when all is done.
    fn amount(&self) -> String {
        let number = |count: u64| match self.unit {
            "bytes" => format!("{:.1}", count as f64 / 1e6),
            _ => thousands(count as i64),
        };
        let unit = if self.unit == "bytes" { "MB" } else { self.unit };
        match self.total.filter(|&total| total != self.done) {
            Some(total) => format!("{} of {} {unit}", number(self.done), number(total)),
            None => format!("{} {unit}", number(self.done)),
        }
    }
}

/// A bar that was seen leaves a line, also when an error ends the work.
impl Drop for Bar {
    fn drop(&mut self) {
        if self.is_shown() {
            let seconds = self.begin.elapsed().as_secs_f64();
            let ended = if self.total.is_some_and(|total| total != self.done) { "ended after " } else { "" };
            let line = format!("{}: {ended}{} in {seconds:.1} s", self.title, self.amount());
            self.show(&format!("<div>{}</div>", escape(&line)), &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable() {
        let bar = |total, done, unit| {
            let mut bar = Bar::silent("t", total, unit);
            bar.advance(done);
            bar.amount()
        };
        assert_eq!(bar(Some(10_000), 1_500, "images"), "1,500 of 10,000 images");
        assert_eq!(bar(Some(10_000), 10_000, "images"), "10,000 images");
        assert_eq!(bar(Some(9_912_422), 3_200_000, "bytes"), "3.2 of 9.9 MB");
        assert_eq!(bar(None, 3_200_000, "bytes"), "3.2 MB");
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn bars_in_a_process_of_its_own() {
        println!();
        Bar::new("short", 10, "images").advance(10);
        let mut bar = Bar::new("long", 1000, "images");
        for _ in 0..9 {
            bar.advance(100);
            std::thread::sleep(PATIENCE / 5);
        }
        bar.advance(100);
        drop(bar);
        let mut bar = Bar::new("broken", 1000, "bytes");
        std::thread::sleep(PATIENCE);
        bar.advance(500);
    }

    #[test]
    fn a_bar_grows_and_leaves_a_line() {
        let output = |version| {
            let program = std::env::current_exe().unwrap();
            let test = "show::bar::tests::bars_in_a_process_of_its_own";
            let mut command = std::process::Command::new(program);
            command.args(["--ignored", "--exact", "--nocapture", test]).env("LIVE_KERNEL", version);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        let live = output("1");
        let messages: Vec<&str> = live.lines().filter(|line| line.contains('\u{1f}')).collect();
        assert!((5..=11).contains(&messages.len()), "{live}");
        assert!(messages[0].contains("\"display\"") && messages[0].contains("width:"), "{live}");
        assert!(messages[0].contains("of 1,000 images, "), "{live}");
        let ends: Vec<&&str> = messages.iter().filter(|message| message.contains(" in ")).collect();
        assert!(
            ends[0].contains("\"text/plain\":\"long: 1,000 images in ") && !ends[0].contains("width:"),
            "{live}"
        );
        assert!(ends[1].contains("broken: ended after 0.0 of 0.0 MB in "), "{live}");
        assert!(!live.contains("short") && !output("").contains('\u{1f}'), "{live}");
    }
}
