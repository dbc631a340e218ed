//! Memory after a training: alone in its process, which is what is measured.

#![cfg(target_os = "linux")]

use cnn::anyhow::Result;
use cnn::prelude::*;

/// Memory of this process in MB: `VmRSS` is what it uses now, `VmHWM` the most that it ever used.
fn memory(which: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<f64>().unwrap() / 1024.0
}

/// A layer's output is 64 × 32 × 32 numbers for each of 200 images, 50 MB, and there are several of that size.
fn train() -> Result<()> {
    let x = Tensor::rand([200, 3, 32, 32], (Kind::Float, Device::Cpu));
    let y = Tensor::randint(10, [200], (Kind::Int64, Device::Cpu));
    let mut model = Sequential::input([3, 32, 32])
        .add(Conv2D::new(64, (3, 3)).padding(Padding::Same).activation(Relu))
        .add(Conv2D::new(64, (3, 3)).padding(Padding::Same).activation(Relu))
        .add(GlobalAveragePooling2D)
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()?;
    model.compile(Adam::default(), Loss::SparseCategoricalCrossentropy)?;
    model.fit(&x, &y, &Fit { batch_size: 200, verbose: false, ..Fit::default() }).map(drop)
}

#[test]
fn what_a_training_held_is_given_back() -> Result<()> {
    train()?; // libraries load what they need
    let before = memory("VmRSS:");
    for _ in 0..3 {
        train()?;
        let (after, peak) = (memory("VmRSS:"), memory("VmHWM:"));
        assert!(peak > before + 150.0, "{before} MB before, {peak} at most: too small a training to tell");
        assert!(after < before + 40.0, "{before} MB before, {after} after");
    }
    Ok(())
}
