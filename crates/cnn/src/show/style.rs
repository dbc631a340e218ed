//! What all pictures share: colours, sizes of letters, and the numbers at an axis.
//!
//! Every text is at least 16 pixels (12 pt) high, to be read from the back of a room.

use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::style::RGBColor;
use std::ops::Range;

use crate::engine::text::thousands;

/// Okabe and Ito's colours, which colour-blind people can tell apart; blue and orange first.
pub const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

pub(crate) const TITLE: u32 = 22;
pub(crate) const LABEL: u32 = 18;
pub(crate) const TICK: u32 = 16;

/// A number at an axis: as many decimals as `step`, the distance between the axis's numbers, needs, no more.
pub(crate) fn tick(value: f64, step: f64) -> String {
    let decimals = (-step.log10()).ceil().clamp(0.0, 6.0) as usize;
    // "-0" is not a number that one writes.
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if decimals == 0 {
        thousands(value.round() as i64)
    } else {
        format!("{value:.decimals$}")
    }
}

/// The distance between the numbers that plotters writes at an axis, if it is told that at most so many have their place.
pub(crate) fn plotters_step(range: &Range<f64>, labels: usize) -> f64 {
    let points = RangedCoordf64::from(range.clone()).key_points(BoldPoints(labels));
    points.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or_else(|| nice_step(range, labels))
}

/// The distance between an axis's numbers, where at most so many have their place: 1, 2 or 5 times a power of ten.
pub(crate) fn nice_step(range: &Range<f64>, labels: usize) -> f64 {
    let rough = (range.end - range.start) / labels as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
    nice.into_iter().find(|&step| step >= rough).unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_numbers_of_an_axis_are_written_alike() {
        for (start, end) in
            [(0.02, 0.54), (0.0, 1.0), (-0.3, 0.3), (0.9512, 0.9533), (0.0, 54_000.0), (1e-5, 7e-5)]
        {
            for labels in [4, 6, 8, 10] {
                let step = plotters_step(&(start..end), labels);
                let points = RangedCoordf64::from(start..end).key_points(BoldPoints(labels));
                let written: Vec<String> = points.iter().map(|&value| tick(value, step)).collect();
                assert!(written.windows(2).all(|pair| pair[0] != pair[1]), "{written:?}");
            }
        }
        assert_eq!(tick(0.05, 0.05), "0.05");
        assert_eq!(tick(-1e-17, 0.1), "0.0");
        assert_eq!(tick(54_000.0, 2_000.0), "54,000");
    }
}
