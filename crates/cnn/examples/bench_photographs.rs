//! What `scripts/bench photographs` measures of this crate: loading CIFAR-10, and training ResNet-20 on it. As `bench.rs`, it is a
//! program, and its parts are cells in a notebook's kernel: each `// %%` begins one.

use cnn::anyhow::Result;
use cnn::prelude::*;
use cnn::serde_json::json;
use std::time::Instant;

#[path = "bench_common/mod.rs"]
mod bench_common;
use bench_common::{memory, setting, Epochs, Turns};

/// All 60,000 images, from the folder that the bench names.
fn load() -> Result<Dataset> {
    cifar10::load_from(std::env::var("BENCH_CIFAR10")?)
}

/// How long loading takes; what was loaded is gone afterwards.
fn seconds_to_load() -> Result<f64> {
    let begin = Instant::now();
    let data = load()?;
    let took = begin.elapsed().as_secs_f64();
    drop(data);
    Ok(took)
}

fn main() -> Result<()> {
    // %%
    let mut turns = Turns::join()?;
    turns.next()?;
    let load_seconds = [seconds_to_load()?, seconds_to_load()?, seconds_to_load()?];
    // %%
    let data = load()?;
    let x_train = data.x_train.narrow(0, 0, setting("BENCH_IMAGES"));
    let y_train = data.y_train.narrow(0, 0, setting("BENCH_IMAGES"));
    // %%
    let mut model = architectures::resnet20([3, 32, 32], 10).seed(42).build()?;
    let optimizer = SGD { learning_rate: 0.1, momentum: 0.9, nesterov: true, ..SGD::default() };
    model.compile(optimizer, Loss::CategoricalCrossentropy)?;
    // %%
    let augment = Augment {
        horizontal_flip: true,
        width_shift_range: 0.125,
        height_shift_range: 0.125,
        whole_pixels: true,
        fill_mode: FillMode::Constant,
        ..Augment::default()
    };
    let settings = Fit {
        epochs: setting("BENCH_EPOCHS") as usize,
        batch_size: setting("BENCH_BATCH_SIZE"),
        augment: Some(augment),
        verbose: false,
        ..Fit::default()
    };
    let (history, epoch_seconds, memory_by_epoch) = {
        let mut epochs = Epochs::new(&mut turns);
        let history = model.training(&x_train, &y_train, &settings).callback(&mut epochs).run()?;
        (history, epochs.seconds, epochs.memory)
    };
    // %%
    // load_from always checks the files.
    println!(
        "{}",
        json!({ "load_seconds": load_seconds, "checked_load_seconds": load_seconds, "epoch_seconds": epoch_seconds,
                "accuracy": history.last("accuracy"), "parameters": model.count_params(), "peak_memory": memory("VmHWM"),
                "memory_by_epoch": memory_by_epoch })
    );
    Ok(())
}
