//! Training: the arguments of `fit`, the loop, what it leaves, and what it shows.

mod batches;
pub(crate) mod callback;
mod epoch;
mod epoch_log;
mod fingerprint;
mod fit;
mod gradients;
pub(crate) mod history;
mod last_training;
pub(crate) mod lr_find;
mod prepare;
pub(crate) mod progress;
mod remarks;
mod schedule;
mod under_way;
mod weights_to_train;

pub(crate) use callback::Backup;
pub(crate) use fingerprint::{begun_with, check_same, going_on, hash_of_weights};
pub use fit::Fit;
pub use history::History;
pub use lr_find::{LrFind, LrFound};
pub use prepare::Training;
pub use progress::{Lines, Progress, Silent, Status, TrainingDisplay};
pub use schedule::Schedule;

/// Images and labels, checked.
type Samples = (tch::Tensor, tch::Tensor);
