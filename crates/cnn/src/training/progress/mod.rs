//! What a training shows while it runs.

mod curves;
mod display;
mod lines;
mod silent;
mod training_display;

pub use display::{Progress, Status};
pub use lines::Lines;
pub use silent::Silent;
pub use training_display::TrainingDisplay;
