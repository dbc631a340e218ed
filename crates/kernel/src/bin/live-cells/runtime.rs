//! The process that executes cells: loads what evcxr has compiled, calls it, and says when it is done.
//!
//! Source: `runtime.rs` of evcxr 0.22, whose place this takes.

use anyhow::{bail, Context, Result};
use libloading::os::unix::{Library, Symbol, RTLD_LAZY, RTLD_LOCAL};
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use std::ffi::c_void;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

use crate::{input, variables};

/// Recursion ends here, also where the system sets no limit.
const STACK: u64 = 64 << 20;
/// What live-cargo calls the function of a cell, whatever its number.
const CELL: &[u8] = b"run_user_code\0";
/// Cells have this function; see `shown.rs`.
const FLUSH: &[u8] = b"live_flush\0";

type Cell = extern "C" fn(*mut c_void) -> *mut c_void;

/// Executes cells until there are no more commands.
///
/// # Errors
/// If a library cannot be loaded.
pub fn run() -> Result<()> {
    let commands: i32 = std::env::var(variables::COMMANDS)?.parse()?;
    // SAFETY: the supervisor has opened it for this process, which takes it once.
    let commands = unsafe { UnixStream::from_raw_fd(commands) };
    // What a cell starts is no runtime, and gets no commands.
    std::env::remove_var(variables::COMMANDS);
    std::env::remove_var(variables::OF_EVCXR);
    input::ask_from_now_on();
    limit_memory();
    end_with_supervisor();
    let mut variables = std::ptr::null_mut();
    for command in BufReader::new(commands).lines() {
        let command = command?;
        // The path may have spaces.
        let Some((path, function)) =
            command.strip_prefix("LOAD_AND_RUN ").and_then(|rest| rest.rsplit_once(' '))
        else {
            bail!("an unknown command: {command}");
        };
        variables = load_and_run(path, function, variables)?;
        input::flush();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(b"EVCXR_EXECUTION_COMPLETE\n")?;
        stdout.flush()?;
    }
    // Without the end of threads and the destructors of libraries, which may hang.
    std::process::exit(0)
}

fn load_and_run(path: &str, function: &str, variables: *mut c_void) -> Result<*mut c_void> {
    // SAFETY: evcxr has compiled it, for exactly this use.
    unsafe {
        let library = Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL)?;
        let cell: Symbol<Cell> = library
            .get(function.as_bytes())
            .or_else(|_| library.get(CELL))
            .context("the cell's function is missing")?;
        input::flush_with(library.get::<extern "C" fn()>(FLUSH).ok().map(|flush| *flush));
        let variables = cell(variables);
        // Never unloaded: threads and variables may use what is in it.
        std::mem::forget(library);
        Ok(variables)
    }
}

/// A cell that takes more gets an error, and the machine stays usable.
fn limit_memory() {
    let limit = |resource, most: u64| {
        if let Ok((_, hard)) = getrlimit(resource) {
            let _ = setrlimit(resource, most.min(hard), hard);
        }
    };
    if let Some(most) = std::env::var(variables::MEMORY).ok().and_then(|bytes| bytes.parse().ok()) {
        limit(Resource::RLIMIT_DATA, most);
    }
    if getrlimit(Resource::RLIMIT_STACK).is_ok_and(|(soft, _)| soft > STACK) {
        limit(Resource::RLIMIT_STACK, STACK);
    }
}

/// When evcxr ends the supervisor, this process ends, too; elsewhere than on Linux, at its next command.
fn end_with_supervisor() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: it sets a number of this process.
        unsafe { nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGKILL) };
        if nix::unistd::getppid().as_raw() == 1 {
            std::process::exit(0);
        }
    }
}
