//! What `scripts/bench` measures of this crate. It runs this program, and the same lines, part by part, as cells in a
//! notebook's kernel: each `// %%` begins a cell. The settings come from the environment, the result is one line of JSON.

use cnn::anyhow::Result;
use cnn::prelude::*;
use cnn::serde_json::json;
use std::time::Instant;

#[path = "bench_common/mod.rs"]
mod bench_common;
use bench_common::{memory, setting, Epochs, Turns};

/// How long work takes, five times in milliseconds, after once that does not count.
fn milliseconds<T>(work: impl Fn() -> Result<T>) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    for _ in 0..6 {
        let begin = Instant::now();
        let made = work()?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        drop(made);
    }
    Ok(took.split_off(1))
}

/// The data, `BENCH_REPEAT` times one after the other.
fn repeated(x: &Tensor) -> Tensor {
    Tensor::cat(&(0..setting("BENCH_REPEAT")).map(|_| x).collect::<Vec<_>>(), 0)
}

fn main() -> Result<()> {
    // %%
    let mut turns = Turns::join()?;
    turns.next()?;
    let begin = Instant::now();
    let data = mnist::load_data()?;
    let load_seconds = begin.elapsed().as_secs_f64();
    // %%
    let x_train = repeated(&add_channel(&data.x_train)?.narrow(0, 0, setting("BENCH_SAMPLES")));
    let y_train = repeated(&data.y_train.narrow(0, 0, setting("BENCH_SAMPLES")));
    let x_test = add_channel(&data.x_test)?;
    // %%
    let mut model = course::model(42)?;
    let settings = Fit {
        epochs: setting("BENCH_EPOCHS") as usize,
        batch_size: setting("BENCH_BATCH_SIZE"),
        validation_split: 0.1,
        verbose: false,
        ..Fit::default()
    };
    let (epoch_seconds, memory_by_epoch) = {
        let mut epochs = Epochs::new(&mut turns);
        model.training(&x_train, &y_train, &settings).callback(&mut epochs).run()?;
        (epochs.seconds, epochs.memory)
    };
    // %%
    let mut evaluate_seconds: Vec<f64> = Vec::new();
    let mut accuracy = 0.0;
    for _ in 0..3 {
        turns.next()?;
        let begin = Instant::now();
        accuracy = model.evaluate(&x_test, &data.y_test)?.accuracy;
        evaluate_seconds.push(begin.elapsed().as_secs_f64());
    }
    let peak_memory = memory("VmHWM");
    turns.next()?;
    // %%
    let one = x_test.narrow(0, 0, 1);
    let mut took: Vec<f64> = Vec::new();
    for _ in 0..220 {
        let begin = Instant::now();
        drop(model.predict(&one)?);
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let mut counted = took.split_off(20);
    counted.sort_by(f64::total_cmp);
    let predict_ms = counted[counted.len() / 2];
    // %%
    let augment = Augment {
        rotation_range: 10.0,
        zoom_range: 0.1,
        width_shift_range: 0.1,
        height_shift_range: 0.1,
        ..Augment::default()
    };
    let begin = Instant::now();
    let augmented = augment.preview(&add_channel(&data.x_train)?, 1)?;
    let augment_rate = augmented.size()[0] as f64 / begin.elapsed().as_secs_f64();
    // %%
    // The same files for all contenders: whoever comes first writes them. Keras, once it has written .h5, leaves the
    // optimizer out of .keras.
    let models = std::path::PathBuf::from(std::env::var("BENCH_MODELS")?);
    for name in ["model.keras", "model.h5"] {
        if !models.join(name).exists() {
            model.save(models.join(name))?;
        }
    }
    let load_h5_ms = milliseconds(|| Sequential::load(models.join("model.h5")))?;
    let load_keras_ms = milliseconds(|| Sequential::load(models.join("model.keras")))?;
    let loaded = Sequential::load(models.join("model.h5"))?;
    let write_h5_ms = milliseconds(|| loaded.save(models.join("written.h5")))?;
    // %%
    println!(
        "{}",
        json!({ "load_seconds": load_seconds, "epoch_seconds": epoch_seconds, "evaluate_seconds": evaluate_seconds,
                "accuracy": accuracy, "peak_memory": peak_memory, "memory_by_epoch": memory_by_epoch, "predict_ms": predict_ms,
                "augment_rate": augment_rate, "load_h5_ms": load_h5_ms, "load_keras_ms": load_keras_ms,
                "write_h5_ms": write_h5_ms })
    );
    Ok(())
}
