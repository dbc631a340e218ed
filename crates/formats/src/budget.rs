//! How much memory and work a file may cost: what its size warrants.

use anyhow::{ensure, Result};
use std::cell::Cell;

/// Deflate packs at best so many bytes into one.
const MOST_PACKED: usize = 1032;
/// Even a small file may cost this: it may describe an array that was never written, which is zeros.
const LEAST: usize = 64 << 20;
/// No file may cost more than this, or four times its own size.
const MOST: usize = 4 << 30;

/// What reading a file may still cost, in bytes that are made or looked at. A file in which places point to each other
/// spends it for every visit, so that reading ends.
pub(crate) struct Budget {
    all: usize,
    left: Cell<usize>,
}

impl Budget {
    pub fn of_file(length: usize) -> Budget {
        let most = MOST.max(length.saturating_mul(4));
        let all = length.saturating_mul(MOST_PACKED).clamp(LEAST, most);
        Budget { all, left: Cell::new(all) }
    }

    /// Spends so many bytes, before they are made.
    pub fn spend(&self, bytes: usize) -> Result<()> {
        let left = self.left.get();
        ensure!(
            bytes <= left,
            "the file describes more than {} MB, more than a file of its size can hold: it is damaged, or made to fill the memory",
            self.all >> 20
        );
        self.left.set(left - bytes);
        Ok(())
    }
}
