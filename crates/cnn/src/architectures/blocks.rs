//! What the architectures are built of: a convolution with its batch normalisation, padded as PyTorch pads.

use crate::layers::{BatchNormalization, Conv2D, DepthwiseConv2D, Layer, Padding, ZeroPadding2D};

/// Layers after each other, for a block or a model.
pub(super) type Layers = Vec<Box<dyn Layer>>;

/// PyTorch's batch normalisation: a momentum of 0.1 there leaves 0.9 of the running means.
pub(super) fn batch_norm(name: impl Into<String>) -> Box<dyn Layer> {
    Box::new(BatchNormalization::new().momentum(0.9).epsilon(1e-5).name(name))
}

/// Where a strided kernel begins differs: PyTorch puts zeros on both sides, Keras's `same` on the right and below first. With a
/// stride of 1 both are the same, and no layer of its own is needed.
fn padded(kernel: i64, stride: i64) -> (Option<Box<dyn Layer>>, Padding) {
    match (kernel, stride) {
        (1, _) => (None, Padding::Valid),
        (_, 1) => (None, Padding::Same),
        _ => (Some(Box::new(ZeroPadding2D::new(kernel / 2))), Padding::Valid),
    }
}

/// A convolution without a bias: the batch normalisation after it has one.
pub(super) fn conv(name: impl Into<String>, filters: i64, kernel: i64, stride: i64) -> Layers {
    let (zeros, padding) = padded(kernel, stride);
    let conv = Conv2D::new(filters, (kernel, kernel)).strides((stride, stride)).padding(padding);
    let conv: Box<dyn Layer> = Box::new(conv.use_bias(false).name(name));
    zeros.into_iter().chain([conv]).collect()
}

/// The same for each channel by itself.
pub(super) fn depthwise(name: impl Into<String>, stride: i64) -> Layers {
    let (zeros, padding) = padded(3, stride);
    let conv = DepthwiseConv2D::new((3, 3)).strides((stride, stride)).padding(padding);
    let conv: Box<dyn Layer> = Box::new(conv.use_bias(false).name(name));
    zeros.into_iter().chain([conv]).collect()
}
