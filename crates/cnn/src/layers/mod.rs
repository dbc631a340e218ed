//! The layers that a [`Sequential`](crate::Sequential) model is a list of, one type per file.
//!
//! Shapes leave out the batch: an image is `[channels, height, width]`, a vector `[units]`.

mod activation;
mod average_pooling2d;
mod batch_normalization;
mod chain;
mod conv2d;
mod dense;
mod dropout;
mod flatten;
mod from_config;
mod fused;
mod global_average_pooling2d;
mod initializer;
mod layer;
mod max_pooling2d;
mod named;
mod padding;
mod pooling;
mod residual;
mod shape;
mod weights;

pub use activation::Activation;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use initializer::Initializer;
pub use layer::Layer;
pub use max_pooling2d::MaxPooling2D;
pub use named::Named;
pub use padding::Padding;
pub use residual::Residual;

pub(crate) use chain::{names, through};
pub(crate) use from_config::from_config;
pub(crate) use fused::{ConvThenPool, Pooled};
pub(crate) use named::{check_names, without_names};
pub(crate) use shape::{check_size, MOST_NUMBERS};
