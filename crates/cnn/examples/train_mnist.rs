//! Trains a network on MNIST, tests it, and keeps it in a file.

use cnn::anyhow::Result;
use cnn::prelude::*;

fn main() -> Result<()> {
    let data = mnist::load_data()?;
    let x_train = normalize(&add_channel(&data.x_train)?)?;
    let x_test = normalize(&add_channel(&data.x_test)?)?;

    let mut model = Sequential::input([1, 28, 28])
        .add(Conv2D::new(32, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .build()?;
    model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    let settings = Fit { epochs: 3, batch_size: 128, validation_split: 0.1, ..Fit::default() };
    model.fit(&x_train, &data.y_train, &settings)?;

    println!("test accuracy: {:.4}", model.evaluate(&x_test, &data.y_test)?.accuracy);
    model.save(course::artifact("digits.safetensors"))
}
