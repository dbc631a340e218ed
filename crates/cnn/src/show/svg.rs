//! Small charts as SVG text: made in less than a millisecond, so that they can be drawn while a training runs.

use std::ops::Range;

use super::html::escape;
use super::style::{nice_step, tick, COLOURS, LABEL, TICK, TITLE};
use crate::engine::text::thousands;

/// (epoch, value).
pub(crate) type Point = (f64, f64);

/// Size of a chart in pixels, and of the frame that the lines are drawn in.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 456.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 244.0;
/// At most so many numbers stand at an axis.
const X_LABELS: usize = 6;
const Y_LABELS: usize = 5;
/// Longer lines are drawn as the means of neighbouring points.
const MOST_POINTS: usize = 240;
/// Points on a line of a few epochs show where the values are; on a curve they would hide it.
const MOST_DOTS: usize = 30;
/// A value beyond this, or one that is no number, has no place in a chart.
const LARGEST: f64 = 1e6;

/// Training and validation over the epochs.
pub(crate) struct Chart<'a> {
    pub title: &'a str,
    pub training: &'a [Point],
    pub validation: &'a [Point],
}

/// Width and height of so many charts side by side.
pub(crate) fn size(charts: usize) -> (f64, f64) {
    (WIDTH * charts as f64, HEIGHT)
}

/// The charts side by side, on white.
pub(crate) fn draw(charts: &[Chart]) -> String {
    let (width, height) = size(charts.len());
    let parts: String = charts
        .iter()
        .enumerate()
        .map(|(index, chart)| {
            format!("<g transform=\"translate({},0)\">{}</g>", WIDTH * index as f64, chart.draw())
        })
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans,Verdana,sans-serif\" font-size=\"{TICK}\">\
         <clipPath id=\"frame\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#fff\"/>{parts}</svg>",
        RIGHT - LEFT,
        BOTTOM - TOP
    )
}

impl Chart<'_> {
    fn draw(&self) -> String {
        let (training, validation) = (thinned(self.training), thinned(self.validation));
        let (x_range, y_range) = ranges(&training, &validation);
        let x = |epoch: f64| LEFT + (RIGHT - LEFT) * share(epoch, &x_range);
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * share(value, &y_range);

        let mut svg =
            format!("<text x=\"{LEFT}\" y=\"28\" font-size=\"{TITLE}\">{}</text>", escape(self.title));
        let y_step = nice_step(&y_range, Y_LABELS);
        for value in multiples(&y_range, y_step) {
            let (at, text) = (y(value), tick(value, y_step));
            svg += &format!(
                "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#e1e1e1\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 6.0
            );
        }
        // Epochs are whole numbers.
        for epoch in multiples(&x_range, nice_step(&x_range, X_LABELS).max(1.0)) {
            let (at, text) = (x(epoch), thousands(epoch as i64));
            svg += &format!(
                "<path d=\"M{at:.1} {BOTTOM}v5\" stroke=\"#000\"/>\
                 <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                BOTTOM + 22.0
            );
        }
        svg += &format!(
            "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#000\"/>\
             <text x=\"{}\" y=\"{}\" font-size=\"{LABEL}\" text-anchor=\"middle\">epoch</text>",
            (LEFT + RIGHT) / 2.0,
            HEIGHT - 10.0
        );
        let names = [("training", &training), ("validation", &validation)];
        let mut right = RIGHT;
        for (index, (name, points)) in
            names.into_iter().enumerate().rev().filter(|(_, (_, line))| !line.is_empty())
        {
            let colour = colour(index);
            let corners: Vec<String> =
                points.iter().map(|&(epoch, value)| format!("{:.1},{:.1}", x(epoch), y(value))).collect();
            let corners = corners.join(" ");
            svg += &format!(
                "<polyline points=\"{corners}\" clip-path=\"url(#frame)\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"2.5\" stroke-linejoin=\"round\"/>"
            );
            // The training's line has many points; a dot shows where it has come to.
            let dots = match index {
                0 => &points[points.len() - 1..],
                _ if points.len() <= MOST_DOTS => points,
                _ => &points[..0],
            };
            for &(epoch, value) in dots {
                let (x, y) = (x(epoch), y(value));
                svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>");
            }
            svg +=
                &format!("<text x=\"{right}\" y=\"28\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>");
            right -= 108.0;
        }
        svg
    }
}

fn colour(index: usize) -> String {
    let colour = COLOURS[index];
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// The points that can be drawn, or, where they are too many, means of them.
fn thinned(points: &[Point]) -> Vec<Point> {
    let drawn: Vec<Point> = points
        .iter()
        .copied()
        .filter(|&(epoch, value)| epoch.is_finite() && value.abs() <= LARGEST)
        .collect();
    let group = drawn.len().div_ceil(MOST_POINTS).max(1);
    let mean = |points: &[Point]| {
        let sum: f64 = points.iter().map(|&(_, value)| value).sum();
        (points[points.len() - 1].0, sum / points.len() as f64)
    };
    drawn.chunks(group).map(mean).collect()
}

/// Epochs from 0 to the one under way. Values from the lowest to the highest; after the second epoch those of the
/// first one's training are not asked, which begin so high that the others would lie on one line.
fn ranges(training: &[Point], validation: &[Point]) -> (Range<f64>, Range<f64>) {
    let all = training.iter().chain(validation);
    let end = all.clone().fold(1.0_f64, |end, &(epoch, _)| end.max(epoch.ceil()));
    let from = if end > 2.0 { 1.0 } else { 0.0 };
    let values = all.filter(|&&(epoch, _)| epoch >= from).map(|&(_, value)| value);
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let range = match high - low {
        wide if wide > 1e-4 => low - 0.05 * wide..high + 0.05 * wide,
        flat if flat >= 0.0 => low - 0.5 * low.abs().max(0.1)..high + 0.5 * high.abs().max(0.1),
        _ => 0.0..1.0, // there is nothing to draw
    };
    (0.0..end, range)
}

fn share(value: f64, range: &Range<f64>) -> f64 {
    (value - range.start) / (range.end - range.start)
}

/// The multiples of `step` within the range.
fn multiples(range: &Range<f64>, step: f64) -> impl Iterator<Item = f64> {
    let first = (range.start / step - 1e-9).ceil() as i64;
    let last = (range.end / step + 1e-9).floor() as i64;
    (first..=last).map(move |multiple| multiple as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at tags and attributes, as far as this module writes them.
    #[track_caller]
    fn assert_well_formed(svg: &str) {
        let mut open: Vec<&str> = Vec::new();
        for part in svg.split('<').skip(1) {
            let (tag, text) = part.split_once('>').expect("every tag ends");
            assert!(!text.contains('"') && tag.matches('"').count() % 2 == 0, "{part}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{part}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty() && svg.starts_with("<svg") && svg.ends_with("</svg>"));
        for bad in ["NaN", "inf", "-0.0\"", "E+"] {
            assert!(!svg.contains(bad), "{bad} in {svg}");
        }
    }

    fn svg(training: &[Point], validation: &[Point]) -> String {
        draw(&[
            Chart { title: "loss", training, validation },
            Chart { title: "accuracy", training, validation },
        ])
    }

    #[test]
    fn every_line_gives_a_whole_svg() {
        let curve: Vec<Point> = (1..=300).map(|n| (n as f64 / 30.0, 2.3 / n as f64)).collect();
        let lines: [&[Point]; 12] = [
            &[],
            &[(0.1, 2.3)],
            &[(0.5, 0.0), (1.0, 0.0)],
            &[(0.5, f64::NAN)],
            &[(0.5, f64::INFINITY), (1.0, f64::NEG_INFINITY)],
            &[(0.5, 1.0), (1.0, f64::NAN), (1.5, 0.5)],
            &[(1.0, 1e308), (2.0, -1e308)],
            &[(1.0, 999_999.0), (2.0, -999_999.0)],
            &[(1.0, 1e-300), (2.0, 2e-300), (3.0, 0.0)],
            &[(1.0, 1.0), (2.0, 1.0 + 1e-16), (3.0, 1.0)],
            &[(1.0, 5.0), (1000.0, 4.0)],
            &curve,
        ];
        for training in lines {
            for validation in lines {
                assert_well_formed(&svg(training, validation));
            }
        }
    }

    #[test]
    fn the_validation_is_named_only_where_there_is_one() {
        let line = [(1.0, 0.5), (2.0, 0.25)];
        assert!(svg(&line, &line).contains(">validation</text>"));
        assert!(!svg(&line, &[]).contains("validation"));
        assert!(!svg(&line, &[(1.0, f64::NAN)]).contains("validation"));
    }

    #[test]
    fn long_lines_are_thinned() {
        let line: Vec<Point> = (1..=100_000).map(|n| (n as f64, 1.0 / n as f64)).collect();
        let drawn = thinned(&line);
        assert!(drawn.len() <= MOST_POINTS && drawn.last().unwrap().0 == 100_000.0);
        assert!(svg(&line, &line).len() < 30_000);
    }

    #[test]
    fn the_first_epoch_does_not_flatten_the_others() {
        let training: Vec<Point> =
            (1..=90).map(|n| (n as f64 / 30.0, if n < 30 { 2.0 } else { 0.1 })).collect();
        let (_, first) = ranges(&training[..30], &[]);
        let (_, later) = ranges(&training, &[(1.0, 0.2)]);
        assert!(first.end > 2.0 && later.end < 0.3, "{first:?} {later:?}");
    }
}
