//! What the kernel reacts to: both of its sides send these.

use jupyter_protocol::messaging::{Channel, JupyterMessage};

/// Something that has happened.
pub enum Event {
    /// A message from Jupyter.
    Client(Channel, JupyterMessage),
    /// A message from evcxr.
    Evcxr(Channel, JupyterMessage),
    /// evcxr compiles a crate: its name, version and place.
    Compiling(String),
    /// evcxr was started, or could not be; the number tells which start this is about.
    Started(u64),
    /// An evcxr that had been started has ended, with this status.
    EvcxrEnded(u64, String),
}
