//! What may happen beside a training: one callback per file, with Keras's names, arguments and defaults.
//!
//! They are handed to [`Sequential::training`](crate::Sequential::training); implement [`Callback`] for one of
//! your own.

mod backup_and_restore;
mod csv_logger;
mod early_stopping;
mod event_file;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod reduce_lr_on_plateau;
mod tensor_board;
mod terminate_on_nan;

pub use backup_and_restore::BackupAndRestore;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::Mode;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use tensor_board::TensorBoard;
pub use terminate_on_nan::TerminateOnNaN;

pub use crate::training::callback::{Callback, Run, State};
