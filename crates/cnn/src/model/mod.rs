//! The model: building, running, its weights, its loss.

mod builder;
mod head;
mod labels;
mod loss;
mod network;
mod predict;
mod scale;
mod sequential;
mod summary;
mod trainable;
mod twin;
mod weights;

pub use builder::SequentialBuilder;
pub(crate) use labels::Labels;
pub use loss::Loss;
pub(crate) use network::{Logits, NamedLayer};
pub(crate) use predict::{too_many, PREDICTION_BATCH};
pub(crate) use scale::Scale;
pub use sequential::Sequential;
pub(crate) use sequential::{Compiled, NOT_COMPILED};
pub(crate) use twin::Twin;
pub(crate) use weights::Snapshot;
