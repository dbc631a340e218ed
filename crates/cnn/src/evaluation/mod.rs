//! How good a model is, and where it errs.

mod confusion_matrix;
mod evaluate;

pub use confusion_matrix::ConfusionMatrix;
pub use evaluate::Evaluation;
