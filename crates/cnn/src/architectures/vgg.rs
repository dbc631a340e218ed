//! VGG: nothing but convolutions of 3×3, and pooling between them.

use crate::layers::{
    Activation::{Relu, Softmax},
    Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Padding,
};
use crate::model::{Sequential, SequentialBuilder};

/// VGG-11 without batch normalisation, as torchvision has it: 132.9 million parameters for images `[3, 224, 224]` and 1,000 classes,
/// of which the three dense layers have 123.6 million.
///
/// - Input `[channels, height, width]`, with sides of 32 and more; published weights fit `[3, 224, 224]`.
/// - Names: torchvision's.
///
/// Source: Simonyan and Zisserman, *Very deep convolutional networks*, 2015, table 1, column A; `torchvision/models/vgg.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = architectures::vgg11([3, 32, 32], 10).build()?;
/// assert_eq!(model.weight("features.0/kernel")?.size(), [64, 3, 3, 3]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn vgg11(input: [i64; 3], classes: i64) -> SequentialBuilder {
    vgg(input, classes, [1, 1, 2, 2, 2])
}

/// VGG-16 without batch normalisation: 138.4 million parameters for images `[3, 224, 224]` and 1,000 classes. The weights of Keras's
/// `VGG16` (`.h5`) fit as well, in their order; those expect channels blue, green, red with their means subtracted.
///
/// - Input `[channels, height, width]`, with sides of 32 and more; published weights fit `[3, 224, 224]`.
/// - Names: torchvision's.
///
/// Source: Simonyan and Zisserman, 2015, column D; `torchvision/models/vgg.py`.
pub fn vgg16(input: [i64; 3], classes: i64) -> SequentialBuilder {
    vgg(input, classes, [2, 2, 3, 3, 3])
}

/// Five stages, each with so many convolutions before its pooling. torchvision counts ReLU and pooling in its names.
fn vgg(input: [i64; 3], classes: i64, convolutions: [usize; 5]) -> SequentialBuilder {
    let mut model = Sequential::input(input);
    let mut number = 0;
    for (filters, count) in [64, 128, 256, 512, 512].into_iter().zip(convolutions) {
        for _ in 0..count {
            let conv = Conv2D::new(filters, (3, 3)).padding(Padding::Same).activation(Relu);
            model = model.add(conv.name(format!("features.{number}")));
            number += 2;
        }
        model = model.add(MaxPooling2D::new((2, 2)));
        number += 1;
    }
    let dense = |units: i64, number: i64| Dense::new(units).name(format!("classifier.{number}"));
    model
        .add(Flatten)
        .add(dense(4096, 0).activation(Relu))
        .add(Dropout::new(0.5))
        .add(dense(4096, 3).activation(Relu))
        .add(Dropout::new(0.5))
        .add(dense(classes, 6).activation(Softmax))
}
