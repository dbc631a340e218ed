//! MNIST to 99 % in a few seconds of training on two cores: cargo run --release --example mnist_in_seconds -- [SEEDS], with libtorch
//! named as crates/cnn/README.md says.
//!
//! Trains with each of several seeds (10, if nothing is said) and fails unless the mean accuracy on the 10,000 test images, of
//! which the training sees nothing, is 99.0 % or more after 6 seconds or less. Timed is `fit` alone, from bytes to weights: all
//! 60,000 images, nothing kept for validation. The programs that run so fast elsewhere do it on a GPU.

use cnn::anyhow::{ensure, Context, Result};
use cnn::prelude::*;
use std::time::Instant;

const ACCURACY: f64 = 0.99;
const SECONDS: f64 = 6.0;

/// Two small convolutions, each followed by pooling: a twelfth of the weights of the course's model.
fn build_model(seed: u64) -> Result<Sequential> {
    let mut model = Sequential::input([1, 28, 28])
        .add(Conv2D::new(16, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Conv2D::new(32, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .seed(seed)
        .build()?;
    // One cycle of the learning rate, up and down to zero, makes up for the few epochs.
    let optimizer = AdamW { learning_rate: 0.015, weight_decay: 0.01, ..AdamW::default() };
    model.compile(optimizer, Loss::SmoothedCategoricalCrossentropy { label_smoothing: 0.05 })?;
    Ok(model)
}

/// The mean, and how far single values are from it: the standard deviation of a sample.
fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (values.len() - 1).max(1) as f64).sqrt())
}

fn main() -> Result<()> {
    let seeds = std::env::args().nth(1).map_or(Ok(10), |text| text.parse()).context("SEEDS is a number")?;
    ensure!(seeds > 0, "SEEDS is at least 1");
    let data = mnist::load_data()?;
    let is_mnist = data.name != "synthetic-digits"
        && data.x_train.size()[0] == 60_000
        && data.x_test.size()[0] == 10_000;
    ensure!(is_mnist, "this is a claim about MNIST's 60,000 and 10,000 images, and {} is here", data.name);
    let (x_train, x_test) = (add_channel(&data.x_train)?, add_channel(&data.x_test)?);
    let (mut accuracies, mut seconds) = (Vec::new(), Vec::new());
    for seed in 0..seeds {
        let mut model = build_model(seed)?;
        let settings = Fit {
            epochs: 2,
            batch_size: 256,
            schedule: Schedule::one_cycle(),
            seed,
            verbose: false,
            ..Fit::default()
        };
        let begin = Instant::now();
        model.fit(&x_train, &data.y_train, &settings)?;
        seconds.push(begin.elapsed().as_secs_f64());
        accuracies.push(model.evaluate(&x_test, &data.y_test)?.accuracy);
        println!(
            "seed {seed}: test accuracy {:.4} after {:.2} s",
            accuracies[seed as usize], seconds[seed as usize]
        );
    }
    let ((accuracy, spread), (took, varies)) = (mean_and_spread(&accuracies), mean_and_spread(&seconds));
    println!(
        "{seeds} seeds, {} threads: {accuracy:.4} ± {spread:.4} in {took:.2} ± {varies:.2} s",
        cnn::tch::get_num_threads()
    );
    ensure!(accuracy >= ACCURACY, "the mean accuracy is below {ACCURACY}");
    ensure!(took <= SECONDS, "the mean time is above {SECONDS} s; is the machine doing something else?");
    Ok(())
}
