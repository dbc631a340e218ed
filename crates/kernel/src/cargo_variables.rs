//! What rust-analyzer alone is told of cargo, by the variables CARGO and CARGO_HOME of evcxr's process: live-cargo and live-cells, which get
//! them from there, and all that these start, see them as they were. live-cargo's `analyzed.rs` says what for.

use std::path::PathBuf;

/// The folder that both variables name.
pub const FOLDER: &str = "LIVE_ANALYZED";
/// What they would be without.
pub const CARGO: &str = "LIVE_CARGO";
const CARGO_HOME: &str = "LIVE_CARGO_HOME";

/// Gives them back what they were.
pub fn restore() {
    let value = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(folder) = value(FOLDER) else { return };
    for (name, before) in [("CARGO", CARGO), ("CARGO_HOME", CARGO_HOME)] {
        match (value(name), value(before)) {
            (Some(named), Some(before)) if named.starts_with(&folder) => std::env::set_var(name, before),
            (Some(named), None) if named.starts_with(&folder) => std::env::remove_var(name),
            _ => {}
        }
    }
}
