//! The versions of dependencies: those of the Cargo.lock that the kernel was given, and then those that cargo has found.
//!
//! evcxr begins with a package that depends on nothing, for which cargo empties Cargo.lock, and at the first :dep it would ask
//! the network for the newest version of everything.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

use crate::programs::variable;
use crate::whole;

/// A Cargo.lock of fewer lines holds the package of the cells, and nothing else.
const EMPTY: usize = 10;
/// Names the Cargo.lock that the versions came from.
const SEED: &str = ".live-cargo/versions-of";

/// Puts the wanted versions into the folder where there are none, or where others are wanted by now.
///
/// # Errors
/// If the wanted ones cannot be read, or the folder cannot be written; what was there is then still there.
pub fn fill(build: &Path) -> Result<()> {
    let Some(wanted) = variable("LIVE_LOCK") else { return Ok(()) };
    let versions = fs::read(&wanted).with_context(|| format!("{} cannot be read", wanted.display()))?;
    let seed = format!("{:x}", Sha256::digest(&versions));
    let present = fs::read_to_string(build.join("Cargo.lock")).unwrap_or_default();
    let is_seeded = fs::read_to_string(build.join(SEED)).is_ok_and(|kept| kept == seed);
    if is_seeded && present.lines().count() >= EMPTY {
        return Ok(());
    }
    fs::create_dir_all(build.join(".live-cargo")).context("the build folder cannot be written")?;
    whole::write(&build.join("Cargo.lock"), &versions)
        .context("the versions of dependencies cannot be written")?;
    whole::write(&build.join(SEED), &seed).context("the versions of dependencies cannot be written")
}
