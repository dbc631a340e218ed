//! What a cell reads from its standard input comes from the user, through the kernel.
//!
//! The standard input itself is empty, so that programs that a cell starts find its end. When the cell itself reads there, it
//! calls the C library's `read`, in whose place this program has its own: Rust's standard library and the cells find that
//! first. It asks the kernel for a line, and waits for it.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::Mutex;

use crate::{variables, wire};

/// Before a line that was typed.
const TYPED: &str = "L";
/// The user wants the cell to stop; anything else is the end of the input.
const STOPPED: &str = "S";

/// What was typed and not read yet.
static TYPED_AHEAD: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// Whether this is the process that runs the cells.
static RUNS_CELLS: AtomicBool = AtomicBool::new(false);
/// A function of the last cell, which sends what the standard library has collected of its output.
static FLUSH: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// From now on, the standard input is the user's.
pub fn ask_from_now_on() {
    RUNS_CELLS.store(true, Ordering::Relaxed);
}

/// Names the function that sends what a cell has printed but not sent.
pub fn flush_with(flush: Option<extern "C" fn()>) {
    FLUSH.store(flush.map_or(std::ptr::null_mut(), |flush| flush as *mut c_void), Ordering::Relaxed);
}

/// Sends what the cell has printed but not sent.
pub fn flush() {
    let flush = FLUSH.load(Ordering::Relaxed);
    if !flush.is_null() {
        // SAFETY: only `flush_with` stores there, and libraries are never unloaded.
        let flush: extern "C" fn() = unsafe { std::mem::transmute(flush) };
        flush();
    }
}

/// The C library's `read`, but for the standard input.
///
/// # Safety
/// As for the C library's: `buffer` has `count` bytes.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(file: c_int, buffer: *mut c_void, count: usize) -> isize {
    if file != 0 || count == 0 || !RUNS_CELLS.load(Ordering::Relaxed) {
        return nix::libc::syscall(nix::libc::SYS_read, file, buffer, count) as isize;
    }
    let wanted = std::slice::from_raw_parts_mut(buffer.cast::<u8>(), count);
    match typed(wanted) {
        Some(count) => count as isize,
        None => {
            // An error that is no call to try again, and that `?` passes on.
            nix::Error::ECANCELED.set();
            -1
        }
    }
}

/// Fills the buffer with what was typed; 0 is the end, and none that the cell is to stop.
#[cfg(target_os = "linux")]
fn typed(buffer: &mut [u8]) -> Option<usize> {
    let mut typed = TYPED_AHEAD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if typed.is_empty() {
        let answer = ask().unwrap_or_default();
        if answer.starts_with(STOPPED) {
            return None;
        }
        *typed = answer.strip_prefix(TYPED).map(|line| line.as_bytes().to_vec()).unwrap_or_default();
    }
    let count = typed.len().min(buffer.len());
    buffer[..count].copy_from_slice(&typed[..count]);
    typed.drain(..count);
    Some(count)
}

/// The kernel's answer, with its newline.
#[cfg(target_os = "linux")]
fn ask() -> Option<String> {
    let pipe = PathBuf::from(std::env::var_os(variables::STREAMS)?).join("input");
    flush();
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(wire("{\"op\":\"input\"}").as_bytes()).and_then(|()| stdout.flush()).ok()?;
    drop(stdout);
    let mut answer = String::new();
    BufReader::new(File::open(pipe).ok()?).read_line(&mut answer).ok()?;
    Some(answer)
}
