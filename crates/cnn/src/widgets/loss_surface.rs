//! The loss of a line over its two parameters, with a ball that goes down by gradient descent.

use anyhow::{ensure, Result};
use serde_json::json;
use std::f64::consts::TAU;
use std::fmt;
use tch::{Device, Kind, Tensor};

use super::shown::Shown;
use crate::plots;

/// After so many steps the ball is as far as it is.
const MOST_STEPS: usize = 150;
/// Losses that are drawn as lines, as shares of the way from the smallest to the largest.
const CONTOURS: [f64; 5] = [0.01, 0.05, 0.15, 0.35, 0.65];

/// A loss surface to roll a ball on, which [`loss_surface`] makes; it shows itself as the value of a cell.
#[derive(Clone)]
pub struct LossSurface {
    shown: Shown,
}

/// The mean squared error of a line `w · x + b` through points, over `w` and `b`, as a map. A ball put anywhere on it, by a click or
/// with the arrow keys and Enter, goes down by gradient descent, and a slider sets the learning rate: too small, and it crawls; too large,
/// and every step lands higher than the last.
///
/// `x` and `y` are of the same length, `[n]` or `[n, 1]`.
///
/// ```
/// use cnn::prelude::*;
/// let x = Tensor::from_slice(&[-1.0, 0.0, 1.0, 2.0]);
/// loss_surface(&x, &(&x * 2.0 + 1.0))?.show();
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the two differ in length, have fewer than two points, hold NaN or infinity, or all `x` are the same: then no line is the best.
pub fn loss_surface(x: &Tensor, y: &Tensor) -> Result<LossSurface> {
    let bowl = Bowl::of(x, y)?;
    let (least_w, least_b) = bowl.least();
    let least = [least_w, least_b, bowl.loss(least_w, least_b)];
    let [half_w, half_b] = bowl.reach();
    let rates = [0.02, 5.0].map(|factor| factor / bowl.steepest());
    let rate = 0.2 / bowl.steepest();
    let start = (least_w - 0.8 * half_w, least_b + 0.7 * half_b);
    let path = bowl.path(start, rate);
    let contours = bowl.contours();
    let state = json!({
        "map": {
            "loss": [bowl.xx, bowl.x, bowl.xy, bowl.y, bowl.yy],
            "w": [least_w - half_w, least_w + half_w],
            "b": [least_b - half_b, least_b + half_b],
            "least": least,
            "contours": contours.iter().map(|(_, points)| points).collect::<Vec<_>>(),
            "rates": rates,
        },
        "start": [start.0, start.1],
        "rate": rate,
        "tries": 0,
        "path": path.points,
        "end": path.end,
    });
    let mut chart = plots::Chart::new("Loss over w and b").axes("slope w", "intercept b");
    for (loss, points) in &contours {
        chart = chart.line(&format!("loss {loss:.1}"), points);
    }
    let steps: Vec<(f64, f64)> = path.points.iter().map(|&[w, b, _]| (w, b)).collect();
    let still = chart.points("steps", &steps).figure()?.with_sentence(
        "Where the notebook has a running kernel, a ball goes down this surface from where one clicks, with a learning rate set by a \
         slider.",
    );
    let shown = Shown::new(&[include_str!("loss_surface.js")], &state, still);
    for key in ["tries", "rate"] {
        let bowl = bowl.clone();
        shown.widget.on_change(key, move |widget| {
            let number = |key: &str| {
                let text = widget.get(key).unwrap_or_default();
                serde_json::from_str(&text)
                    .map_err(|_| format!("{key} must be numbers, and the page sent {text}"))
            };
            let start: [f64; 2] = number("start").and_then(|start: serde_json::Value| {
                serde_json::from_value(start).map_err(|error| error.to_string())
            })?;
            let rate = number("rate")?.as_f64().ok_or("the rate must be a number")?;
            let path = bowl.path((start[0], start[1]), rate);
            widget.set("end", &json!(path.end).to_string());
            widget.set("path", &json!(path.points).to_string());
            Ok(())
        });
    }
    Ok(LossSurface { shown })
}

impl LossSurface {
    /// Shows the surface as output of the cell.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for LossSurface {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("LossSurface")
    }
}

/// The mean squared error of a line, which the means of x², x, xy, y and y² determine.
#[derive(Debug, Clone)]
struct Bowl {
    xx: f64,
    x: f64,
    xy: f64,
    y: f64,
    yy: f64,
}

/// The way of the ball.
struct Path {
    /// `[w, b, loss]`, the start first.
    points: Vec<[f64; 3]>,
    /// How it ended.
    end: String,
}

impl Bowl {
    fn of(x: &Tensor, y: &Tensor) -> Result<Bowl> {
        let (of_x, of_y) = (x.size(), y.size());
        let is_row = |size: &[i64]| matches!(size, [_] | [_, 1]);
        ensure!(
            is_row(&of_x) && is_row(&of_y) && of_x[0] == of_y[0],
            "loss_surface wants x and y of the same length, [n], and they have the shapes {of_x:?} and {of_y:?}"
        );
        ensure!(of_x[0] >= 2, "loss_surface wants two points at least, and there are {}", of_x[0]);
        let flat =
            |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double).detach().flatten(0, -1);
        let (x, y) = (flat(x), flat(y));
        let mean = |tensor: &Tensor| tensor.mean(Kind::Double).double_value(&[]);
        let bowl = Bowl {
            xx: mean(&(&x * &x)),
            x: mean(&x),
            xy: mean(&(&x * &y)),
            y: mean(&y),
            yy: mean(&(&y * &y)),
        };
        let sums = [bowl.xx, bowl.x, bowl.xy, bowl.y, bowl.yy];
        ensure!(sums.iter().all(|sum| sum.is_finite()), "loss_surface: x or y hold NaN or infinite numbers");
        ensure!(
            bowl.variance() > 1e-12 * bowl.xx,
            "loss_surface: all x are {}, so that every line through their mean is as good; give it different ones",
            bowl.x
        );
        Ok(bowl)
    }

    /// That of x.
    fn variance(&self) -> f64 {
        self.xx - self.x * self.x
    }

    fn loss(&self, w: f64, b: f64) -> f64 {
        w * w * self.xx + 2.0 * w * b * self.x + b * b - 2.0 * w * self.xy - 2.0 * b * self.y + self.yy
    }

    fn gradient(&self, w: f64, b: f64) -> (f64, f64) {
        (2.0 * (w * self.xx + b * self.x - self.xy), 2.0 * (w * self.x + b - self.y))
    }

    /// Slope and intercept of the smallest loss.
    fn least(&self) -> (f64, f64) {
        let w = (self.xy - self.x * self.y) / self.variance();
        (w, self.y - w * self.x)
    }

    /// Half the map's width and height: twice the standard deviations that slope and intercept are of the size of.
    fn reach(&self) -> [f64; 2] {
        let deviation = (self.yy - self.y * self.y).max(0.0).sqrt();
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        [2.0 * deviation / self.variance().sqrt(), 2.0 * deviation]
    }

    /// The largest second derivative, over all directions. With a learning rate of 2 divided by it, a step across the valley ends as high
    /// as it began.
    fn steepest(&self) -> f64 {
        let (half, difference) = ((self.xx + 1.0) / 2.0, (self.xx - 1.0) / 2.0);
        2.0 * (half + difference.hypot(self.x))
    }

    fn path(&self, (mut w, mut b): (f64, f64), rate: f64) -> Path {
        let (least_w, least_b) = self.least();
        let [half_w, half_b] = self.reach();
        let mut points = vec![[w, b, self.loss(w, b)]];
        let end = loop {
            let (dw, db) = self.gradient(w, b);
            (w, b) = (w - rate * dw, b - rate * db);
            points.push([w, b, self.loss(w, b)]);
            let steps = points.len() - 1;
            let moved = (rate * dw / half_w).hypot(rate * db / half_b);
            let away = ((w - least_w) / half_w).hypot((b - least_b) / half_b);
            if !away.is_finite() || away > 20.0 {
                break format!("Lost after {steps} steps: each lands higher than the last, the learning rate is too large.");
            }
            if moved < 1e-3 && away < 0.05 {
                break format!("At rest after {steps} steps:");
            }
            if steps == MOST_STEPS {
                break format!("Still on its way after {steps} steps:");
            }
        };
        // JSON has no infinite numbers.
        points.retain(|point| point.iter().all(|number| number.is_finite()));
        Path { points, end }
    }

    /// Lines of equal loss, each with its loss.
    fn contours(&self) -> Vec<(f64, Vec<(f64, f64)>)> {
        let (least_w, least_b) = self.least();
        let [half_w, half_b] = self.reach();
        let lowest = self.loss(least_w, least_b);
        let corners =
            [(1.0, 1.0), (1.0, -1.0)].map(|(w, b)| self.loss(least_w + w * half_w, least_b + b * half_b));
        let highest = corners[0].max(corners[1]);
        let ellipse = |above: f64| {
            // above = variance · w² + (b + x · w)², with w and b counted from the lowest point.
            let point = |step: i32| {
                let (sin, cos) = (TAU * f64::from(step) / 60.0).sin_cos();
                let w = (above / self.variance()).sqrt() * cos;
                (least_w + w, least_b + above.sqrt() * sin - self.x * w)
            };
            (0..=60).map(point).collect()
        };
        CONTOURS
            .map(|share| (lowest + share * (highest - lowest), ellipse(share * (highest - lowest))))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    fn points() -> (Tensor, Tensor) {
        let x = Tensor::from_slice(&[-2.0, -1.0, 0.5, 1.0, 3.0]);
        let y = &x * 2.0 + 1.0 + Tensor::from_slice(&[0.3, -0.2, 0.1, -0.4, 0.2]);
        (x, y)
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9 * one.abs().max(1.0)
    }

    #[test]
    fn the_surface_is_the_mean_squared_error_and_its_gradient() {
        let (x, y) = points();
        let bowl = Bowl::of(&x, &y).unwrap();
        for (w, b) in [(0.0, 0.0), (-1.5, 4.0), (2.0, 1.0)] {
            let parameters = [w, b].map(|value| Tensor::from_slice(&[value]).set_requires_grad(true));
            let loss = (&x * &parameters[0] + &parameters[1] - &y).square().mean(Kind::Double);
            loss.backward();
            assert!(close(bowl.loss(w, b), loss.double_value(&[])));
            let (dw, db) = bowl.gradient(w, b);
            let [expected_w, expected_b] = parameters.map(|parameter| parameter.grad().double_value(&[0]));
            assert!(close(dw, expected_w) && close(db, expected_b));
        }
        let (w, b) = bowl.least();
        let (dw, db) = bowl.gradient(w, b);
        assert!(dw.abs() < 1e-9 && db.abs() < 1e-9);
        for (loss, points) in bowl.contours() {
            assert!(points.iter().all(|&(w, b)| close(bowl.loss(w, b), loss)));
        }
    }

    #[test]
    fn the_learning_rate_decides_how_the_ball_ends() {
        let (x, y) = points();
        let bowl = Bowl::of(&x, &y).unwrap();
        let end = |factor: f64| bowl.path((-2.0, 3.0), factor / bowl.steepest()).end;
        assert!(end(0.5).starts_with("At rest after"), "{}", end(0.5));
        assert!(end(0.001).starts_with("Still on its way after 150"), "{}", end(0.001));
        assert!(end(2.5).starts_with("Lost after"), "{}", end(2.5));
        assert!(end(f64::NAN).starts_with("Lost after 1"));
        let near = bowl.path((-2.0, 3.0), 1.9 / bowl.steepest()).points;
        assert!(near.windows(2).all(|pair| pair[1][2] <= pair[0][2]), "below 2 every step goes down");
    }

    #[test]
    fn a_click_and_the_slider_let_the_ball_go_again() {
        let (x, y) = points();
        let surface = loss_surface(&x, &y.unsqueeze(1)).unwrap();
        let widget = &surface.shown.widget;
        let first = || -> [f64; 3] {
            serde_json::from_str::<Vec<[f64; 3]>>(&widget.get("path").unwrap()).unwrap()[0]
        };
        widget.set("start", "[0.5,-1.0]");
        widget.change("tries", "1");
        until(|| first()[..2] == [0.5, -1.0]);
        let end = widget.get("end").unwrap();
        widget.change("rate", "1000.0");
        until(|| widget.get("end").unwrap() != end);
        assert!(widget.get("end").unwrap().contains("too large"));
        widget.change("rate", "null");
        until(|| widget.get("error").is_some_and(|error| error.contains("the rate must be a number")));
    }

    #[test]
    fn points_that_make_no_surface_are_refused() {
        let (x, y) = points();
        let refusal = |x: &Tensor, y: &Tensor| loss_surface(x, y).unwrap_err().to_string();
        let shapes = refusal(&x, &y.narrow(0, 0, 3));
        assert!(shapes.contains("the shapes [5] and [3]"), "{shapes}");
        assert!(refusal(&x.reshape([1, 5]), &y.reshape([1, 5])).contains("[1, 5]"));
        assert!(refusal(&x.narrow(0, 0, 1), &y.narrow(0, 0, 1)).contains("two points at least"));
        assert!(refusal(&(&x * f64::NAN), &y).contains("NaN"));
        assert!(refusal(&(&x * 0.0 + 3.0), &y).contains("all x are 3"));
        // All y the same is a line like any other.
        assert!(loss_surface(&x, &(&y * 0.0)).is_ok());
    }
}
