//! Displays that change while a notebook cell runs.
//!
//! In a *live* kernel, what a cell shows appears at once, in its place between the lines that the cell prints, and a
//! [`Display`] can be replaced as often as there is news. In a stock evcxr kernel the same calls show the last output
//! of each type when the cell ends, since that is all it can do.
//!
//! ```
//! let display = live::Display::new(&[("text/plain", "0 %")]);
//! for percent in [50, 100] {
//!     display.update(&[("text/plain", &format!("{percent} %"))]);
//! }
//! ```
//!
//! A [`Widget`] is a display that the user changes as well: a slider, a drawing, a button.
//!
//! Nothing here fails: an output that cannot be written is lost, and the program goes on.

mod comms;
mod describe;
mod json;
mod widget;
mod wire;

use std::env;
use std::io::{stdout, Write};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub use describe::{Describe, Description};
pub use json::{string as json_string, unquoted as json_text};
pub use widget::Widget;

/// Whether the program runs in a kernel that shows displays while a cell runs.
///
/// The kernel says so in the environment variable `LIVE_KERNEL`: the version of the wire format, `1`.
///
/// ```
/// if !live::is_live() {
///     println!("This takes a minute.");
/// }
/// ```
pub fn is_live() -> bool {
    env::var_os("LIVE_KERNEL").is_some_and(|version| version == wire::VERSION)
}

/// Shows one output, given as pairs of MIME type and content, after what the cell has printed so far.
///
/// A notebook picks the richest type that it can show. Pictures are given as base64, JSON types as their text.
///
/// ```
/// live::display(&[("text/html", "<b>99.1 %</b>"), ("text/plain", "99.1 %")]);
/// ```
pub fn display(data: &[(&str, &str)]) {
    send(&wire::display(None, data), data);
}

/// An output that can be replaced, also from a later cell.
///
/// ```
/// let display = live::Display::new(&[("text/plain", "training …")]);
/// display.update(&[("text/plain", "trained")]);
/// ```
#[derive(Debug, Clone)]
pub struct Display {
    id: String,
}

impl Display {
    /// Shows an output, as [`display`] does, and remembers which it is.
    pub fn new(data: &[(&str, &str)]) -> Self {
        let id = unique_id();
        send(&wire::display(Some(&id), data), data);
        Display { id }
    }

    /// Replaces what the output shows, where it stands.
    pub fn update(&self, data: &[(&str, &str)]) {
        send(&wire::update(&self.id, data), data);
    }
}

/// Removes all that the cell has shown and printed; with `wait`, not before the next output comes. A stock kernel keeps
/// everything.
///
/// ```
/// for step in 0..3 {
///     live::clear_output(true);
///     println!("step {step}");
/// }
/// ```
pub fn clear_output(wait: bool) {
    if is_live() {
        write(&wire::clear(wait));
    }
}

/// Whether the kernel has asked the running cell to stop: the user has pressed the interrupt button.
///
/// Long loops look at this once per round, which takes about a microsecond, and end soon if it is true. The kernel
/// asks by creating the file that the environment variable `LIVE_STOP` names; without it, this is never true.
///
/// ```
/// for _batch in 0..1000 {
///     if live::stop_requested() {
///         break;
///     }
/// }
/// ```
pub fn stop_requested() -> bool {
    env::var_os("LIVE_STOP").is_some_and(|path| Path::new(&path).exists())
}

/// Unlike all others, also those of other cells and processes: evcxr gives each cell a copy of this crate, in which
/// the count begins anew.
fn unique_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}-{count:x}", process::id(), now.as_nanos())
}

/// Sends the line to a live kernel, and the data to another.
fn send(line: &str, data: &[(&str, &str)]) {
    if is_live() {
        write(line);
    } else {
        write(&wire::stock(data));
    }
}

/// Writes all at once, so that lines of other threads cannot come between.
fn write(text: &str) {
    let mut out = stdout().lock();
    // Where nobody reads any more, there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_over_threads() {
        let ids = || (0..100).map(|_| unique_id()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(ids)).collect();
        let all: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let different: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!(different.len(), 400);
        assert!(all[0].chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "{}", all[0]);
    }
}
