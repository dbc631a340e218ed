//! What `scripts/bench` measures of this crate. It runs this program, and the same lines, part by part, as cells in a
//! notebook's kernel: each `// %%` begins a cell. The settings come from the environment, the result is one line of JSON.

use cnn::anyhow::Result;
use cnn::prelude::*;
use cnn::serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// A number from the environment.
fn setting(name: &str) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Memory of this process in MB: `VmRSS` is what it uses now, `VmHWM` the most that it ever used.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    found
        .and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<f64>().ok())
        .map_or(0.0, |kb| kb / 1024.0)
}

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

/// Where several contenders take turns, the others' are waited for: only one works at a time.
struct Turns(Option<TcpStream>);

impl Turns {
    fn join() -> Result<Turns> {
        let place = std::env::var("BENCH_TURNS").ok();
        Ok(Turns(place.map(TcpStream::connect).transpose()?))
    }

    /// Ends this turn, and waits for the next one.
    fn next(&mut self) -> Result<()> {
        if let Some(link) = &mut self.0 {
            link.write_all(b".")?;
            link.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

/// Notes the seconds of every epoch, each of which is a turn, and the memory after it.
struct Epochs<'a> {
    turns: &'a mut Turns,
    begin: Instant,
    seconds: Vec<f64>,
    memory: Vec<f64>,
}

impl Callback for Epochs<'_> {
    fn on_epoch_begin(&mut self, _run: &mut Run) -> Result<()> {
        self.turns.next()?;
        self.begin = Instant::now();
        Ok(())
    }

    fn on_epoch_end(&mut self, _run: &mut Run) -> Result<()> {
        self.seconds.push(self.begin.elapsed().as_secs_f64());
        self.memory.push(memory("VmRSS"));
        Ok(())
    }
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
        let mut epochs =
            Epochs { turns: &mut turns, begin: Instant::now(), seconds: Vec::new(), memory: Vec::new() };
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
        model.predict(&one)?;
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
