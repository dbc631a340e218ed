//! No progress.

use std::time::Duration;

use super::{Progress, Status};
use crate::training::History;

/// Shows nothing.
#[derive(Debug, Clone, Default)]
pub struct Silent;

impl Progress for Silent {
    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn on_batch(&mut self, _status: &Status) {}

    fn on_epoch(&mut self, _history: &History, _steps: i64) {}
}
