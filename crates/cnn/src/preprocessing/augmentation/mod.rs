//! Random changes to training images.

mod affine;
mod augment;
mod random_erasing;
mod sampling;

pub use augment::Augment;
pub use sampling::FillMode;
pub(crate) use sampling::Source;
