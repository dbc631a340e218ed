//! From stored images and labels to what a network wants.

pub(crate) mod augmentation;
mod channels;
mod digit;
mod labels;
mod normalize;
mod pixel_range;

pub use channels::add_channel;
pub use digit::{digit_from_bytes, digit_from_file, digit_stages, Stage};
pub use labels::to_categorical;
pub(crate) use labels::{class_numbers, one_per_image};
pub use normalize::normalize;
pub(crate) use normalize::to_float;
pub(crate) use pixel_range::{first_not_finite, found_and_remedy, PixelRange};
