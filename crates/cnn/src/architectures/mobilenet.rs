//! MobileNetV2: convolutions of each channel by itself, between 1×1 convolutions that widen and narrow.

use super::blocks::{batch_norm, conv, depthwise, Layers};
use crate::layers::{Activation::Softmax, Dense, Dropout, GlobalAveragePooling2D, ReLU, Residual};
use crate::model::{Sequential, SequentialBuilder};

/// Widening, channels, blocks and stride of the first block, stage by stage: table 2 of the paper.
const STAGES: [(i64, i64, usize, i64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// MobileNetV2, as torchvision has it: 3.5 million parameters with 1,000 classes, and 300 million multiply-adds for `[3, 224, 224]`.
///
/// - Input `[channels, height, width]`, with sides of 32 and more.
/// - Names: torchvision's. Keras's MobileNetV2 pads otherwise and has other constants in its batch normalisation.
///
/// Source: Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks*, 2018; `torchvision/models/mobilenetv2.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = architectures::mobilenet_v2([3, 96, 96], 1000).build()?;
/// assert_eq!(model.count_params(), 3_504_872 + 34_112); // with the running means of batch normalisation
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn mobilenet_v2(input: [i64; 3], classes: i64) -> SequentialBuilder {
    let classifier = Dense::new(classes).activation(Softmax).name("classifier.1");
    mobilenet_v2_features(input).add(Dropout::new(0.2)).add(classifier)
}

/// [`mobilenet_v2`] without its classifier: it ends with 1,280 numbers for an image.
pub fn mobilenet_v2_features(input: [i64; 3]) -> SequentialBuilder {
    features(Sequential::input(input))
}

/// After what a model begins with.
pub(super) fn features(mut model: SequentialBuilder) -> SequentialBuilder {
    let mut layers = normalised(conv("features.0.0", 32, 3, 2), "features.0.1");
    let (mut channels, mut number) = (32, 1);
    for (widening, filters, blocks, first_stride) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { first_stride } else { 1 };
            let name = format!("features.{number}");
            // Only a block that changes no shape has a way around it.
            if stride == 1 && channels == filters {
                model = layers.drain(..).fold(model, SequentialBuilder::add_boxed);
                let inside = inverted("", channels, widening, filters, stride);
                model = model.add(inside.into_iter().fold(Residual::new(), Residual::add_boxed).name(name));
            } else {
                layers.extend(inverted(&format!("{name}."), channels, widening, filters, stride));
            }
            (channels, number) = (filters, number + 1);
        }
    }
    layers.extend(normalised(
        conv(format!("features.{number}.0"), 1280, 1, 1),
        &format!("features.{number}.1"),
    ));
    layers.into_iter().fold(model, SequentialBuilder::add_boxed).add(GlobalAveragePooling2D)
}

/// Widen, convolve each channel, narrow; the last without an activation. `prefix` begins the names.
fn inverted(prefix: &str, channels: i64, widening: i64, filters: i64, stride: i64) -> Layers {
    let name = |part: String| format!("{prefix}conv.{part}");
    let (mut layers, mut number) = (Layers::new(), 0);
    if widening > 1 {
        let widened = conv(name("0.0".into()), channels * widening, 1, 1);
        layers.extend(normalised(widened, &name("0.1".into())));
        number = 1;
    }
    let each = depthwise(name(format!("{number}.0")), stride);
    layers.extend(normalised(each, &name(format!("{number}.1"))));
    layers.extend(conv(name(format!("{}", number + 1)), filters, 1, 1));
    layers.push(batch_norm(name(format!("{}", number + 2))));
    layers
}

/// With batch normalisation, and ReLU cut off at 6.
fn normalised(mut layers: Layers, name: &str) -> Layers {
    layers.push(batch_norm(name));
    layers.push(Box::new(ReLU::new().max_value(6.0)));
    layers
}
