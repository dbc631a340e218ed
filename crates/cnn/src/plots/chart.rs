//! Lines and points in a coordinate system.

use anyhow::{ensure, Result};
use plotters::prelude::*;
use std::ops::Range;

use crate::engine::text::thousands;
use crate::show::canvas::legend_name;
use crate::show::describe::{course, entitled, listed, range, sentence};
use crate::show::style::{plotters_step, tick, COLOURS, LABEL, TICK, TITLE};
use crate::show::{Figure, FONT};

/// At most so many numbers stand at an axis.
const X_LABELS: usize = 10;
const Y_LABELS: usize = 8;

/// A chart of lines and points.
///
/// ```
/// use cnn::plots::Chart;
/// let line: Vec<(f64, f64)> = (-40..=40).map(|i| i as f64 / 10.0).map(|x| (x, x.max(0.0))).collect();
/// let figure = Chart::new("ReLU").axes("x", "max(x, 0)").line("ReLU", &line).figure()?;
/// assert_eq!(figure.size(), (720, 420));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    size: (u32, u32),
    log_x: bool,
    y_from_zero: bool,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    joined: bool,
}

impl Series {
    fn description(&self) -> String {
        let points: Vec<(f64, f64)> = self.points.iter().copied().filter(is_finite).collect();
        let name = match self.name.as_str() {
            "" => if self.joined { "A line" } else { "Points" }.to_string(),
            name => format!("“{name}”"),
        };
        if self.joined {
            return format!("{name} {}.", course(&points));
        }
        let of = |place: fn(&(f64, f64)) -> f64| range(points.iter().map(place));
        match points.as_slice() {
            [] | [_] => format!("{name} {}.", course(&points)),
            _ => format!(
                "{name}: {} points, {} over {}.",
                points.len(),
                of(|point| point.1),
                of(|point| point.0)
            ),
        }
    }
}

impl Chart {
    /// An empty chart of 720 × 420 pixels.
    pub fn new(title: &str) -> Self {
        Chart {
            title: title.to_string(),
            x_label: String::new(),
            y_label: String::new(),
            size: (720, 420),
            log_x: false,
            y_from_zero: false,
            series: Vec::new(),
        }
    }

    /// What stands at the horizontal and the vertical axis.
    pub fn axes(self, x_label: &str, y_label: &str) -> Self {
        Chart { x_label: x_label.to_string(), y_label: y_label.to_string(), ..self }
    }

    /// Width and height in pixels.
    pub fn size(self, width: u32, height: u32) -> Self {
        Chart { size: (width, height), ..self }
    }

    /// Makes the horizontal axis logarithmic, for values over several powers of ten; points at 0 or below have no
    /// place there.
    pub fn log_x(self) -> Self {
        Chart { log_x: true, ..self }
    }

    /// Begins the vertical axis at 0 if no value is below it, so that twice the height is twice the value.
    pub fn y_from_zero(self) -> Self {
        Chart { y_from_zero: true, ..self }
    }

    /// Adds points joined by a line.
    pub fn line(self, name: &str, points: &[(f64, f64)]) -> Self {
        self.with(name, points, true)
    }

    /// Adds points alone.
    pub fn points(self, name: &str, points: &[(f64, f64)]) -> Self {
        self.with(name, points, false)
    }

    fn with(mut self, name: &str, points: &[(f64, f64)], joined: bool) -> Self {
        self.series.push(Series { name: name.to_string(), points: points.to_vec(), joined });
        self
    }

    /// Draws the chart. Points with a coordinate that is no number are left out.
    ///
    /// # Errors
    /// If there is no point to draw, or the size is empty or too large.
    pub fn figure(&self) -> Result<Figure> {
        let mut chart = self.clone();
        let description = self.description();
        if self.log_x {
            for point in chart.series.iter_mut().flat_map(|series| &mut series.points) {
                point.0 = point.0.log10();
            }
        }
        Ok(chart.draw()?.described(&description))
    }

    fn description(&self) -> String {
        let scale = if self.log_x { ", on a logarithmic axis" } else { "" };
        let axes = match (self.y_label.as_str(), self.x_label.as_str()) {
            ("", "") => String::new(),
            (y, x) => format!(": {y} over {x}{scale}"),
        };
        let told: Vec<String> = self.series.iter().map(Series::description).collect();
        format!("{}{axes}. {}", entitled("Chart", &self.title), sentence(&listed(&told, " ")))
    }

    /// Draws the points where they are; with `log_x`, these are logarithms.
    fn draw(&self) -> Result<Figure> {
        let all = self.series.iter().flat_map(|series| &series.points);
        let finite: Vec<&(f64, f64)> = all.filter(|point| is_finite(point)).collect();
        ensure!(!finite.is_empty(), "the chart {:?} has no point to draw", self.title);
        let x_range = padded(finite.iter().map(|point| point.0), 0.02);
        let zero = (self.y_from_zero && finite.iter().all(|point| point.1 >= 0.0)).then_some(0.0);
        let mut y_range = padded(finite.iter().map(|point| point.1).chain(zero), 0.05);
        y_range.start = zero.unwrap_or(y_range.start);
        let (x_step, y_step) = (plotters_step(&x_range, X_LABELS), plotters_step(&y_range, Y_LABELS));
        // Epochs and classes are whole numbers: half of one has no place at an axis.
        let whole = finite.iter().all(|point| point.0.fract() == 0.0);
        let x_tick = |value: &f64| match whole {
            _ if self.log_x => power_of_ten(*value, &x_range),
            true if (value - value.round()).abs() > 1e-9 => String::new(),
            true => thousands(value.round() as i64),
            false => tick(*value, x_step),
        };
        // plotters does not smooth thick lines, so the chart is drawn twice as large and then halved.
        let drawn = Figure::draw((self.size.0.saturating_mul(2), self.size.1.saturating_mul(2)), |area| {
            let mut chart = ChartBuilder::on(area)
                .caption(&self.title, (FONT, 2 * TITLE))
                .margin(28)
                .x_label_area_size(104)
                .y_label_area_size(156)
                .build_cartesian_2d(x_range.clone(), y_range.clone())?;
            chart
                .configure_mesh()
                .x_desc(&self.x_label)
                .y_desc(&self.y_label)
                .axis_desc_style((FONT, 2 * LABEL))
                .label_style((FONT, 2 * TICK))
                .set_all_tick_mark_size(10)
                .axis_style(BLACK.stroke_width(2))
                .x_labels(X_LABELS)
                .y_labels(Y_LABELS)
                .x_label_formatter(&x_tick)
                .y_label_formatter(&|value| tick(*value, y_step))
                .light_line_style(WHITE)
                .bold_line_style(RGBColor(225, 225, 225).stroke_width(2))
                .draw()?;
            for (index, series) in self.series.iter().enumerate() {
                let colour = COLOURS[index % COLOURS.len()];
                let points: Vec<(f64, f64)> = series.points.iter().copied().filter(is_finite).collect();
                // Dots show where a line of a few epochs has its values. They would hide a curve, and look like data at the ends
                // of a straight line.
                if !series.joined || (points.len() <= 30 && points.len() != 2) {
                    let dot = |&point: &(f64, f64)| Circle::new(point, 8, colour.filled());
                    chart.draw_series(points.iter().map(dot))?;
                }
                let line = if series.joined { points } else { Vec::new() };
                let drawn = chart.draw_series(LineSeries::new(line, colour.stroke_width(5)))?;
                if !series.name.is_empty() {
                    let half_size = if series.joined { (22, 3) } else { (8, 8) };
                    drawn.label(legend_name(&series.name, 2 * TICK)?).legend(move |(x, y)| {
                        let (centre, (width, height)) = (x + 22, half_size);
                        let corners = [(centre - width, y - height), (centre + width, y + height)];
                        Rectangle::new(corners, colour.filled())
                    });
                }
            }
            if self.series.iter().any(|series| !series.name.is_empty()) {
                chart
                    .configure_series_labels()
                    .position(self.emptiest_corner(&x_range, &y_range))
                    .label_font((FONT, 2 * TICK))
                    .legend_area_size(60)
                    .background_style(WHITE.mix(0.85))
                    .border_style(RGBColor(200, 200, 200).stroke_width(2))
                    .margin(24)
                    .draw()?;
            }
            Ok(())
        })?;
        Ok(drawn.halved())
    }

    /// Where the legend hides the fewest points.
    fn emptiest_corner(&self, x_range: &Range<f64>, y_range: &Range<f64>) -> SeriesLabelPosition {
        use SeriesLabelPosition::*;
        let corners =
            [(LowerRight, 1.0, 0.0), (UpperRight, 1.0, 1.0), (UpperLeft, 0.0, 1.0), (LowerLeft, 0.0, 0.0)];
        let share = |value: f64, range: &Range<f64>| (value - range.start) / (range.end - range.start);
        let hidden = |right: f64, top: f64| {
            let points = self.series.iter().flat_map(|series| &series.points);
            points
                .filter(|point| {
                    (share(point.0, x_range) - right).abs() < 0.45
                        && (share(point.1, y_range) - top).abs() < 0.4
                })
                .count()
        };
        let best = corners.into_iter().min_by_key(|&(_, right, top)| hidden(right, top));
        best.map_or(UpperRight, |(corner, _, _)| corner)
    }
}

fn is_finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// -3 as "1e-3". What lies between two powers has a number only where there are few of them: 2.2 as "158", -2.2 as "6.3e-3".
fn power_of_ten(exponent: f64, range: &Range<f64>) -> String {
    let (value, few) = (10_f64.powf(exponent), range.end - range.start < 2.0);
    let whole = (exponent - exponent.round()).abs() < 1e-9;
    match few {
        true if (1.0..1e6).contains(&value) => thousands(value.round() as i64),
        true => format!("{value:.1e}"),
        false if whole => format!("{:e}", 10_f64.powf(exponent.round())),
        false => String::new(),
    }
}

/// From the lowest to the highest value, with some room on both sides.
fn padded(values: impl Iterator<Item = f64>, share: f64) -> Range<f64> {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = if high > low { (high - low) * share } else { high.abs().max(1.0) * 0.5 };
    low - room..high + room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_numbers_that_can_be_read() {
        let (few, many) = (1.5..3.0, -7.0..1.0);
        assert_eq!([2.0, 2.2, 3.0].map(|exponent| power_of_ten(exponent, &few)), ["100", "158", "1,000"]);
        assert_eq!(power_of_ten(-2.2, &(-3.0..-2.0)), "6.3e-3");
        assert_eq!([-3.0, -2.5, 0.0].map(|exponent| power_of_ten(exponent, &many)), ["1e-3", "", "1e0"]);
    }

    #[test]
    fn it_is_told_in_words() {
        let chart = Chart::new("Loss")
            .axes("epoch", "loss")
            .line("training", &[(1.0, 0.9), (2.0, f64::NAN), (3.0, 0.25)]);
        let chart = chart.points("", &[(1.0, 0.5), (2.0, 0.25), (3.0, 0.75)]).line("none", &[]);
        assert_eq!(
            chart.figure().unwrap().description(),
            "Chart “Loss”: loss over epoch. “training” falls from 0.9 at 1 to 0.25 at 3. Points: 3 points, 0.25 to 0.75 over 1 to 3. \
             “none” has no points."
        );
        let logarithmic =
            Chart::new("Range test").axes("rate", "loss").log_x().points("best", &[(1e-3, 0.5)]);
        assert_eq!(
            logarithmic.figure().unwrap().description(),
            "Chart “Range test”: loss over rate, on a logarithmic axis. “best” has one point, 0.5 at 0.001."
        );
    }

    #[test]
    fn an_axis_from_zero_keeps_what_is_below() {
        let of = |values: &[f64], from_zero: bool| {
            let points: Vec<(f64, f64)> = values.iter().map(|&value| (value, value)).collect();
            let chart = Chart::new("values").line("", &points);
            let chart = if from_zero { chart.y_from_zero() } else { chart };
            chart.figure().unwrap()
        };
        assert!(of(&[100.0, 101.0], true) != of(&[100.0, 101.0], false));
        assert!(of(&[-1.0, 101.0], true) == of(&[-1.0, 101.0], false));
    }
}
