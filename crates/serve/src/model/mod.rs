//! The models that are served: where their files are, who owns them, and what is asked of them.

mod batch;
mod info;
mod network;
mod owner;
mod registry;
mod source;
mod watch;

pub use info::Info;
pub use network::{Network, Predict};
pub use owner::{Arriving, OnItsWay, Served, Settings, LARGEST_BATCH, LONGEST_WAIT};
pub use registry::{Choice, Registry, Status};
pub use source::Source;
pub use watch::Watcher;
