//! How the weights follow their gradients: one optimizer per file.

mod adam;
mod adamw;
mod optimizer;
mod rmsprop;
mod sgd;

pub use adam::Adam;
pub use adamw::AdamW;
pub use optimizer::Optimizer;
pub(crate) use optimizer::{check_learning_rate, Slots, State, Trained};
pub use rmsprop::RMSprop;
pub use sgd::SGD;
