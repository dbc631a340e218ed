//! What a machine can do at most, for `scripts/bench`: the rate of matrix products, and of copying memory. Prints a line of JSON.

use cnn::anyhow::Result;
use cnn::prelude::*;
use cnn::serde_json::json;
use std::hint::black_box;
use std::time::Instant;

const REPETITIONS: usize = 15;

/// Seconds of the fastest of several repetitions, the first of which does not count.
fn fastest(mut work: impl FnMut()) -> f64 {
    work();
    let times = (0..REPETITIONS).map(|_| {
        let begin = Instant::now();
        work();
        begin.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

/// GFLOP/s of products `[m, k]` × `[k, n]`.
fn product_rate(shapes: &[(i64, i64, i64)]) -> f64 {
    let random = |rows, columns| Tensor::rand([rows, columns], (Kind::Float, Device::Cpu));
    let pairs: Vec<(Tensor, Tensor)> = shapes.iter().map(|&(m, k, n)| (random(m, k), random(k, n))).collect();
    let flop: i64 = shapes.iter().map(|(m, k, n)| 2 * m * k * n).sum();
    // As often as one of them takes a millisecond or more.
    let times = 1 + 1_000_000_000 / flop;
    let seconds = fastest(|| {
        for _ in 0..times {
            pairs.iter().for_each(|(a, b)| drop(a.matmul(b)));
        }
    });
    (times * flop) as f64 / seconds / 1e9
}

fn main() -> Result<()> {
    // The course's large dense layer: its output, and the gradients of its weights and of its input.
    let dense = [(128, 5408, 128), (128, 128, 5408), (128, 128, 5408)];
    let from = vec![1_u8; 256 << 20];
    let mut to = vec![0_u8; from.len()];
    // Each byte is read once and written once.
    let copied =
        2.0 * from.len() as f64 / fastest(|| black_box(&mut to).copy_from_slice(black_box(&from))) / 1e9;
    println!(
        "{}",
        json!({ "square_gflops": product_rate(&[(2048, 2048, 2048)]), "dense_gflops": product_rate(&dense), "copy_gb_per_s": copied })
    );
    Ok(())
}
