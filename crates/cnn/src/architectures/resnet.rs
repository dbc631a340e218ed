//! ResNet: blocks that learn what to add to their input.

use super::blocks::{batch_norm, conv, Layers};
use crate::layers::{
    Activation::{Relu, Softmax},
    AveragePooling2D, Dense, GlobalAveragePooling2D, Layer, MaxPooling2D, Residual, ZeroPadding2D,
    ZeroPaddingChannels,
};
use crate::model::{Sequential, SequentialBuilder};

/// ResNet-20 for images as small as CIFAR-10's: 19 convolutions of 3×3 in blocks of two, and a dense layer.
///
/// - Input `[channels, height, width]`, with sides of 4 and more; for `[3, 32, 32]` and 10 classes 269,722 trainable parameters and
///   40.6 million multiply-adds.
/// - Where the number of channels grows, the way around a block drops every second pixel and adds channels of zeros
///   ("option A"): it has no weights.
/// - Names: those of <https://github.com/akamaster/pytorch_resnet_cifar10>, whose weights reach 91.7 % with images
///   normalised by mean (0.485, 0.456, 0.406) and standard deviation (0.229, 0.224, 0.225).
///
/// Source: He et al., *Deep residual learning for image recognition*, 2016, section 4.2.
pub fn resnet20(input: [i64; 3], classes: i64) -> SequentialBuilder {
    small20(Sequential::input(input), classes)
}

/// After what a model begins with.
pub(super) fn small20(model: SequentialBuilder, classes: i64) -> SequentialBuilder {
    let mut model = with(model, stem(16, 3, 1));
    let mut channels = 16;
    for (stage, filters) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let grows = filters != channels;
            let around: Layers = match grows {
                true => vec![
                    Box::new(AveragePooling2D::new((1, 1)).strides((2, 2))),
                    Box::new(ZeroPaddingChannels::new(channels / 2, channels / 2)),
                ],
                false => Vec::new(),
            };
            let name = format!("layer{}.{block}", stage + 1);
            model = model.add(residual(name, basic(filters, if grows { 2 } else { 1 }), around));
            channels = filters;
        }
    }
    model.add(GlobalAveragePooling2D).add(Dense::new(classes).activation(Softmax).name("linear"))
}

/// ResNet-18, as torchvision has it: for images of about 224×224, 11.7 million parameters with 1,000 classes.
///
/// - Input `[channels, height, width]`, with sides of 32 and more.
/// - Names: torchvision's.
///
/// Source: He et al., 2016, table 1; `torchvision/models/resnet.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = architectures::resnet18([3, 64, 64], 1000).build()?;
/// assert_eq!(model.count_params(), 11_689_512 + 9_600); // with the running means of batch normalisation
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn resnet18(input: [i64; 3], classes: i64) -> SequentialBuilder {
    head(resnet18_features(input), classes)
}

/// [`resnet18`] without its classifier: it ends with 512 numbers for an image.
pub fn resnet18_features(input: [i64; 3]) -> SequentialBuilder {
    features18(Sequential::input(input))
}

/// After what a model begins with.
pub(super) fn features18(model: SequentialBuilder) -> SequentialBuilder {
    features(model, [2, 2, 2, 2], 1, basic)
}

/// ResNet-50, as torchvision has it: for images of about 224×224, 25.6 million parameters with 1,000 classes. Its blocks narrow the
/// channels, convolve, and widen them again.
///
/// - Input `[channels, height, width]`, with sides of 32 and more.
/// - Names: torchvision's. Strides are in the 3×3 convolutions, as there; Keras's ResNet50 has them in the 1×1 before.
///
/// Source: He et al., 2016, table 1; `torchvision/models/resnet.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = architectures::resnet50([3, 64, 64], 1000).build()?;
/// assert_eq!(model.count_params(), 25_557_032 + 53_120);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn resnet50(input: [i64; 3], classes: i64) -> SequentialBuilder {
    head(resnet50_features(input), classes)
}

/// [`resnet50`] without its classifier: it ends with 2,048 numbers for an image.
pub fn resnet50_features(input: [i64; 3]) -> SequentialBuilder {
    features(Sequential::input(input), [3, 4, 6, 3], 4, bottleneck)
}

fn head(features: SequentialBuilder, classes: i64) -> SequentialBuilder {
    features.add(Dense::new(classes).activation(Softmax).name("fc"))
}

/// ResNets for ImageNet: four stages, each with so many blocks, which give `widens` times the channels that they work with.
fn features(
    model: SequentialBuilder,
    blocks: [usize; 4],
    widens: i64,
    layers: fn(i64, i64) -> Layers,
) -> SequentialBuilder {
    let mut model = with(model, stem(64, 7, 2));
    // Zeros do not change the largest number of what has been through a ReLU.
    model = model.add(ZeroPadding2D::new(1)).add(MaxPooling2D::new((3, 3)).strides((2, 2)));
    let mut channels = 64;
    for (stage, count) in blocks.into_iter().enumerate() {
        let filters = 64 << stage;
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let around = match channels == filters * widens {
                true => Vec::new(),
                false => {
                    let mut around = conv("downsample.0", filters * widens, 1, stride);
                    around.push(batch_norm("downsample.1"));
                    around
                }
            };
            let name = format!("layer{}.{block}", stage + 1);
            model = model.add(residual(name, layers(filters, stride), around));
            channels = filters * widens;
        }
    }
    model.add(GlobalAveragePooling2D)
}

/// The first convolution.
fn stem(filters: i64, kernel: i64, stride: i64) -> Layers {
    let mut layers = conv("conv1", filters, kernel, stride);
    layers.push(batch_norm("bn1"));
    layers.push(Box::new(Relu));
    layers
}

/// Two convolutions of 3×3.
fn basic(filters: i64, stride: i64) -> Layers {
    let mut layers = stem(filters, 3, stride);
    layers.extend(conv("conv2", filters, 3, 1));
    layers.push(batch_norm("bn2"));
    layers
}

/// 1×1, 3×3, and 1×1 to four times the channels.
fn bottleneck(filters: i64, stride: i64) -> Layers {
    let mut layers = stem(filters, 1, 1);
    layers.extend(conv("conv2", filters, 3, stride));
    layers.push(batch_norm("bn2"));
    layers.push(Box::new(Relu));
    layers.extend(conv("conv3", 4 * filters, 1, 1));
    layers.push(batch_norm("bn3"));
    layers
}

fn residual(name: String, layers: Layers, around: Layers) -> impl Layer {
    let block = Residual::new().activation(Relu).name(name);
    let block = layers.into_iter().fold(block, Residual::add_boxed);
    around.into_iter().fold(block, Residual::shortcut_boxed)
}

fn with(model: SequentialBuilder, layers: Layers) -> SequentialBuilder {
    layers.into_iter().fold(model, SequentialBuilder::add_boxed)
}
