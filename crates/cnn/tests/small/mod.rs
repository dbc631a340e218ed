//! A training of a second, that several tests share.

use cnn::prelude::*;

/// 48 training images in three batches, and 12 for validation.
pub fn data() -> (Tensor, Tensor) {
    let data = mnist::synthetic_digits(60, 0, 7);
    (add_channel(&data.x_train).unwrap(), data.y_train)
}

pub fn model() -> Sequential {
    let mut model = Sequential::input([1, 28, 28])
        .add(Flatten)
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .seed(1)
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(Adam { learning_rate: 0.01, ..Adam::default() }, Loss::CategoricalCrossentropy).unwrap();
    model
}

pub fn fit(epochs: usize) -> Fit {
    Fit { epochs, batch_size: 16, validation_split: 0.2, verbose: false, ..Fit::default() }
}
