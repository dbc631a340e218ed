//! Published networks, built from the crate's layers and with the names of their published weights.
//!
//! Each function takes the shape of an image, `[channels, height, width]`, and the number of classes, and returns a
//! [`SequentialBuilder`](crate::SequentialBuilder): `.seed(1)` and `.build()?` make the model, with random weights. Layers are called
//! as the modules of the network's first implementation in PyTorch are, so that
//! [`load_weights`](crate::Sequential::load_weights) finds each weight of a published file by its name. Like all
//! classifiers of this crate they end with a softmax. [`pretrained`] has networks with published weights.
//!
//! ```
//! use cnn::prelude::*;
//! let model = architectures::resnet20([3, 32, 32], 10).build()?;
//! assert_eq!(model.count_params(), 269_722 + 1_376); // with the running means of batch normalisation
//! assert_eq!(model.multiply_adds(), 40_551_040);
//! assert_eq!(model.weight("layer2.0/conv1/kernel")?.size(), [32, 16, 3, 3]);
//! # Ok::<(), cnn::anyhow::Error>(())
//! ```

mod blocks;
mod mobilenet;
pub mod pretrained;
mod resnet;
mod vgg;

pub use mobilenet::{mobilenet_v2, mobilenet_v2_features};
pub use resnet::{resnet18, resnet18_features, resnet20, resnet50, resnet50_features};
pub use vgg::{vgg11, vgg16};
