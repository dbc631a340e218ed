//! Draws what a benchmark has written as charts side by side: bench_charts CHARTS.json FIGURE.png
//!
//! Each chart of the JSON's list has `title`, `x`, `y`, and `lines` of `name` and `points`; `log_x` and `from_zero` are optional.

use cnn::anyhow::{Context, Result};
use cnn::plots::Chart;
use cnn::serde_json::{from_slice, Value};
use cnn::Figure;

fn chart(of: &Value) -> Result<Figure> {
    let text = |key: &str| of[key].as_str().unwrap_or_default();
    let mut chart = Chart::new(text("title")).axes(text("x"), text("y")).size(560, 400);
    if of["from_zero"] != false {
        chart = chart.y_from_zero();
    }
    if of["log_x"] == true {
        chart = chart.log_x();
    }
    for line in of["lines"].as_array().into_iter().flatten() {
        let pairs = line["points"].as_array().into_iter().flatten();
        let points: Vec<(f64, f64)> =
            pairs.filter_map(|pair| Some((pair[0].as_f64()?, pair[1].as_f64()?))).collect();
        chart = chart.line(line["name"].as_str().unwrap_or_default(), &points);
    }
    chart.figure()
}

fn main() -> Result<()> {
    let mut paths = std::env::args().skip(1);
    let (from, to) = paths.next().zip(paths.next()).context("bench_charts CHARTS.json FIGURE.png")?;
    let charts: Vec<Value> = from_slice(&std::fs::read(&from)?)?;
    let mut figures = charts.iter().map(chart);
    let mut all = figures.next().context("there is no chart to draw")??;
    for next in figures {
        all = all.beside(&next?);
    }
    all.save(&to)
}
