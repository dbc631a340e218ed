//! What the kernel reacts to: both of its sides send these.

use jupyter_protocol::messaging::{Channel, JupyterMessage};
use std::process::ExitStatus;

use crate::answers::Reply;

/// Something that has happened.
pub enum Event {
    /// A message from Jupyter.
    Client(Channel, Box<JupyterMessage>),
    /// An answer of the session with this number.
    Session(u64, Reply),
    /// evcxr compiles a crate: its name, version and place.
    Compiling(String),
    /// The session was started, or could not be; the number tells which start this is about.
    Started(u64),
    /// A session that had been started has ended, with this status.
    SessionEnded(u64, String),
    /// The shell's command has ended.
    ShellEnded(Option<ExitStatus>),
}
