//! The interrupt button: how long work ends soon, and leaves everything as it was or says what it leaves.

use anyhow::Error;
use std::fmt;

/// The error of work that the user has stopped; it says how far the work had come.
#[derive(Debug)]
pub(crate) struct Stopped(pub String);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stopped {}

/// Whether the user has stopped the work, and it did not fail.
pub(crate) fn is_stop(error: &Error) -> bool {
    error.is::<Stopped>()
}
