//! From stored images and labels to what a network wants.

pub(crate) mod augmentation;
mod channels;
mod digit;
mod labels;
mod normalize;

pub use channels::add_channel;
pub use digit::{digit_from_file, digit_stages, Stage};
pub(crate) use labels::class_numbers;
pub use labels::to_categorical;
pub use normalize::normalize;
pub(crate) use normalize::to_float;
