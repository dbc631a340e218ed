//! Draws what `scripts/bench --scaling` measured: bench_figure MEASURED.json FIGURE.png

use cnn::anyhow::{Context, Result};
use cnn::plots::Chart;
use cnn::serde_json::{from_slice, Value};

/// The pairs of numbers under `key`.
fn points(measured: &Value, key: &str) -> Vec<(f64, f64)> {
    let pairs = measured[key].as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair[0].as_f64()?, pair[1].as_f64()?))).collect()
}

fn main() -> Result<()> {
    let mut paths = std::env::args().skip(1);
    let (from, to) = paths.next().zip(paths.next()).context("bench_figure MEASURED.json FIGURE.png")?;
    let measured: Value = from_slice(&std::fs::read(&from)?)?;
    let batch = Chart::new("Epoch by batch size")
        .axes("batch_size", "seconds per epoch")
        .size(560, 400)
        .log_x()
        .y_from_zero()
        .line("2 threads", &points(&measured, "batch_size"))
        .line("1 thread", &points(&measured, "batch_size_1_thread"))
        .figure()?;
    let in_thousands = |(images, took): (f64, f64)| (images / 1000.0, took);
    let data_sizes: Vec<(f64, f64)> = points(&measured, "data_size").into_iter().map(in_thousands).collect();
    let data = Chart::new("Time per image by data-set size")
        .axes("thousands of training images", "ms per 1,000 images")
        .size(560, 400)
        .y_from_zero()
        .line("", &data_sizes)
        .figure()?;
    let memory = Chart::new("Memory by epoch")
        .axes("epoch", "MB in use")
        .size(560, 400)
        .y_from_zero()
        .line("", &points(&measured, "memory"))
        .figure()?;
    batch.beside(&data).beside(&memory).save(&to)
}
