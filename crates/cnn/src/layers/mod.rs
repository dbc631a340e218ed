//! The layers that a [`Sequential`](crate::Sequential) model is a list of, one type per file.
//!
//! Shapes leave out the batch: an image is `[channels, height, width]`, a vector `[units]`.

mod activation;
mod average_pooling2d;
mod batch_normalization;
mod chain;
mod conv2d;
mod cropping2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod elu;
mod flatten;
mod from_config;
mod fused;
mod gaussian_dropout;
mod gaussian_noise;
mod global_average_pooling2d;
mod global_max_pooling2d;
mod initializer;
mod interpolation;
mod keep_dims;
mod layer;
mod layer_normalization;
mod leaky_relu;
mod max_pooling2d;
mod names;
mod padding;
mod permute;
mod pooling;
mod random;
mod relu;
mod rescaling;
mod reshape;
mod residual;
mod separable_conv2d;
mod shape;
mod sides;
mod sliding;
mod softmax;
mod spatial_dropout2d;
mod up_sampling2d;
mod weights;
mod zero_padding2d;

pub use activation::Activation;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use conv2d::Conv2D;
pub use cropping2d::Cropping2D;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use elu::ELU;
pub use flatten::Flatten;
pub use gaussian_dropout::GaussianDropout;
pub use gaussian_noise::GaussianNoise;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use initializer::Initializer;
pub use interpolation::Interpolation;
pub use keep_dims::KeepDims;
pub use layer::{Layer, Named};
pub use layer_normalization::LayerNormalization;
pub use leaky_relu::LeakyReLU;
pub use max_pooling2d::MaxPooling2D;
pub use padding::Padding;
pub use permute::Permute;
pub use random::{
    Factor, FlipMode, RandomContrast, RandomFlip, RandomRotation, RandomTranslation, RandomZoom,
};
pub use relu::ReLU;
pub use rescaling::Rescaling;
pub use reshape::Reshape;
pub use residual::Residual;
pub use separable_conv2d::SeparableConv2D;
pub use sides::Sides;
pub use softmax::Softmax;
pub use spatial_dropout2d::SpatialDropout2D;
pub use up_sampling2d::UpSampling2D;
pub use zero_padding2d::ZeroPadding2D;

pub(crate) use chain::through;
pub(crate) use from_config::from_config;
pub(crate) use fused::{ConvThenPool, Pooled};
pub(crate) use names::{check_names, names, without_names};
pub(crate) use shape::{check_size, MOST_NUMBERS};
