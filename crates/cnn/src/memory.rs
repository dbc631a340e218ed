//! Too little memory is an error that says what to do.

use anyhow::{anyhow, Result};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Does the work for a batch; where libtorch cannot get the memory for it, the error says what to do.
pub(crate) fn in_memory<T>(batch_size: i64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let first_line = text.lines().next().unwrap_or("libtorch gives no reason");
        Err(match text.contains("memory") {
            true => {
                anyhow!(
                    "there is not enough memory for a batch_size of {batch_size}; halve it. ({first_line})"
                )
            }
            false => anyhow!("the training step failed: {first_line}"),
        })
    })
}
