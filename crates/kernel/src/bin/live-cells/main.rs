//! The processes behind evcxr: a supervisor, which evcxr takes for the program that runs its cells, and the program that
//! does run them.
//!
//! evcxr reads line by line what its child prints, and waits for lines of its own among it. A cell that prints half a line,
//! or a byte that is no UTF-8, would stop or confuse it. So the supervisor ([`supervisor`]) takes evcxr's lines out of a
//! cell's output ([`marks`]), gives evcxr those alone, and the kernel all the rest, byte by byte. The second process
//! ([`runtime`]) loads the compiled cells and executes them; what it reads from its standard input, it asks the kernel for
//! ([`input`]).

#[path = "../../cargo_variables.rs"]
mod cargo_variables;
mod input;
mod marks;
mod runtime;
mod supervisor;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The environment of both processes, beside evcxr's own.
mod variables {
    /// evcxr starts its child with this.
    pub const OF_EVCXR: &str = "EVCXR_IS_RUNTIME";
    /// evcxr has cargo start the same program with this, in the place of rustc.
    pub const AS_COMPILER: &str = "EVCXR_RUSTC_WRAPPER";
    /// The program that knows what to do then.
    pub const SESSION: &str = "LIVE_SESSION";
    /// The folder with the pipes `stdout`, `stderr` and `input`, by which both talk to the kernel.
    pub const STREAMS: &str = "LIVE_STREAMS";
    /// The number of the file by which the second process gets its commands.
    pub const COMMANDS: &str = "LIVE_COMMANDS";
    /// How many bytes of memory the cells may take.
    pub const MEMORY: &str = "LIVE_MEMORY";
}

/// A line of the wire format that the crate `live` documents.
fn wire(object: &str) -> String {
    format!("\u{1f}live/1 {object}\n")
}

fn main() -> ExitCode {
    let is_set = |name| std::env::var_os(name).is_some();
    let ended = if is_set(variables::COMMANDS) {
        cargo_variables::restore();
        runtime::run()
    } else if is_set(variables::OF_EVCXR) {
        supervisor::run()
    } else if let (true, Some(session)) =
        (is_set(variables::AS_COMPILER), std::env::var_os(variables::SESSION))
    {
        Err(Command::new(session).args(std::env::args_os().skip(1)).exec().into())
    } else {
        Err(anyhow::anyhow!("live-kernel starts this program; there is nothing else to do with it"))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live-cells: {error:#}");
            ExitCode::from(99)
        }
    }
}
