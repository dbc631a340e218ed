//! Many trials of a search at once: a line for each, across an axis for each of its hyperparameters.

use anyhow::{ensure, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::show::describe::{entitled, listed};
use crate::show::style::{LABEL, TICK, TITLE};
use crate::show::{Figure, FONT};

/// Pixels, of a drawing that is then halved: between axes, around them, and their length.
const BETWEEN: i32 = 400;
const SIDE: i32 = 180;
const TOP: i32 = 200;
const LENGTH: i32 = 640;
const BELOW: i32 = 70;

/// The worst trial's colour, and the best one's.
const WORST: (f64, f64, f64) = (214.0, 214.0, 214.0);
const BEST: (f64, f64, f64) = (0.0, 114.0, 178.0);

/// A line for each of `trials`, which have a value for each of `names`; the last is what they are judged by, the higher the
/// better. A line's colour is its place among them, from grey for the worst to blue for the best, which lies on top: so a trial that
/// failed altogether does not make all others look alike.
///
/// An axis whose values are all positive, the highest more than 100 times the lowest, is logarithmic.
///
/// # Errors
/// If there are fewer than two names, or no trial, or one that has not a value for each name, or a value that is no number.
///
/// ```
/// use cnn::plots::parallel_coordinates;
/// let trials = [vec![1e-4, 0.5, 0.91], vec![1e-1, 0.2, 0.11], vec![1e-3, 0.3, 0.97]];
/// let figure = parallel_coordinates("Three trials", &["learning_rate", "dropout", "val_accuracy"], &trials)?;
/// assert_eq!(figure.size(), (580, 455));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn parallel_coordinates<S: AsRef<str>>(title: &str, names: &[S], trials: &[Vec<f64>]) -> Result<Figure> {
    ensure!(
        names.len() > 1 && !trials.is_empty(),
        "the figure {title:?} needs two names or more, and a trial: it has {} and {}",
        names.len(),
        trials.len()
    );
    for (number, trial) in trials.iter().enumerate() {
        ensure!(
            trial.len() == names.len() && trial.iter().all(|value| value.is_finite()),
            "trial {number} of the figure {title:?} is {trial:?}, and a number is wanted for each of {} names",
            names.len()
        );
    }
    let axes: Vec<Axis> =
        (0..names.len()).map(|place| Axis::of(trials.iter().map(|trial| trial[place]))).collect();
    let judged = axes.len() - 1;
    let mut ordered: Vec<&Vec<f64>> = trials.iter().collect();
    ordered.sort_by(|a, b| a[judged].total_cmp(&b[judged]));
    let x_of = |place: usize| SIDE + BETWEEN * place as i32;
    let width = x_of(judged) + SIDE;
    let drawn = Figure::draw((width as u32, (TOP + LENGTH + BELOW) as u32), |area| {
        let style = |size: u32, vertical: VPos| {
            (FONT, 2 * size).into_font().color(&BLACK).pos(Pos::new(HPos::Center, vertical))
        };
        area.draw(&Text::new(title, (width / 2, 24), style(TITLE, VPos::Top)))?;
        let others = ordered.len() - 1;
        for (beaten, trial) in ordered.into_iter().enumerate() {
            let points = axes.iter().enumerate().map(|(place, axis)| (x_of(place), axis.pixel(trial[place])));
            let behind = (others - beaten) as f64 / others.max(1) as f64;
            let colour = between(BEST, WORST, behind);
            area.draw(&PathElement::new(points.collect::<Vec<_>>(), colour.stroke_width(5)))?;
        }
        for (place, axis) in axes.iter().enumerate() {
            let (x, ends) =
                (x_of(place), [(TOP, axis.highest, VPos::Bottom), (TOP + LENGTH, axis.lowest, VPos::Top)]);
            area.draw(&PathElement::new([(x, TOP), (x, TOP + LENGTH)], BLACK.stroke_width(3)))?;
            area.draw(&Text::new(names[place].as_ref(), (x, TOP - 60), style(LABEL, VPos::Bottom)))?;
            for (y, value, vertical) in ends {
                let y = if y == TOP { y - 10 } else { y + 12 };
                area.draw(&Text::new(number(value), (x, y), style(TICK, vertical)))?;
            }
        }
        Ok(())
    })?;
    let best = trials.iter().max_by(|a, b| a[judged].total_cmp(&b[judged]));
    let best = best.into_iter().flatten().zip(names);
    let best: Vec<String> =
        best.map(|(value, name)| format!("{} {}", name.as_ref(), number(*value))).collect();
    let description = format!(
        "{} of {} trials; the best is the one with {}.",
        entitled("Parallel coordinates", title),
        trials.len(),
        listed(&best, ", ")
    );
    Ok(drawn.halved().described(&description))
}

/// From the lowest of its values to the highest.
struct Axis {
    lowest: f64,
    highest: f64,
    logarithmic: bool,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let lowest = values.clone().fold(f64::INFINITY, f64::min);
        let highest = values.fold(f64::NEG_INFINITY, f64::max);
        Axis { lowest, highest, logarithmic: lowest > 0.0 && highest > 100.0 * lowest }
    }

    /// 0 for the lowest value, 1 for the highest; where all are the same, the middle.
    fn share(&self, value: f64) -> f64 {
        let on = |value: f64| if self.logarithmic { value.ln() } else { value };
        let length = on(self.highest) - on(self.lowest);
        if length > 0.0 {
            (on(value) - on(self.lowest)) / length
        } else {
            0.5
        }
    }

    fn pixel(&self, value: f64) -> i32 {
        TOP + LENGTH - (self.share(value) * f64::from(LENGTH)).round() as i32
    }
}

fn between(from: (f64, f64, f64), to: (f64, f64, f64), share: f64) -> RGBColor {
    let mixed = |from: f64, to: f64| (from + share * (to - from)).round() as u8;
    RGBColor(mixed(from.0, to.0), mixed(from.1, to.1), mixed(from.2, to.2))
}

/// Three digits are enough at an axis's end: 0.00012 as "1.2e-4".
fn number(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 1e5 => format!("{value}"),
        size if size < 1e-2 => format!("{value:.1e}"),
        _ => format!("{}", (value * 1000.0).round() / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_lies_on_top_and_has_the_colour() {
        // Two trials that differ in nothing but how good they are share their first part.
        let figure = parallel_coordinates("", &["a", "score"], &[vec![1.0, 0.9], vec![1.0, 0.1]]).unwrap();
        let (best, worst) = (figure.count(RGBColor(0, 114, 178)), figure.count(RGBColor(214, 214, 214)));
        assert!(best > 200 && worst > 200, "{best} {worst}");
    }

    #[test]
    fn the_best_is_told_in_words() {
        let figure =
            parallel_coordinates("Two", &["rate", "score"], &[vec![1e-3, 0.9], vec![0.1, 0.2]]).unwrap();
        let told = "Parallel coordinates “Two” of 2 trials; the best is the one with rate 1.0e-3, score 0.9.";
        assert_eq!(figure.description(), told);
    }

    #[test]
    fn one_failure_leaves_the_others_their_colours() {
        let figure =
            parallel_coordinates("", &["a", "score"], &[vec![1.0, 0.9], vec![3.0, 0.8], vec![2.0, 0.0]]);
        assert!(figure.unwrap().count(RGBColor(107, 164, 196)) > 200); // half-way, for the second of three
    }

    #[test]
    fn axes_over_powers_of_ten_are_logarithmic() {
        let axis = Axis::of([1e-4, 1e-1, 1e-2].into_iter());
        assert!((axis.share(1e-3) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(Axis::of([0.0, 5.0, 10.0].into_iter()).share(5.0), 0.5);
        assert_eq!(Axis::of([7.0, 7.0].into_iter()).share(7.0), 0.5);
        assert_eq!([1e-4, 0.0625, 256.0, 0.0].map(number), ["1.0e-4", "0.063", "256", "0"]);
    }

    #[test]
    fn a_trial_without_all_values_is_named() {
        let refused = |trials: &[Vec<f64>]| {
            parallel_coordinates("Search", &["a", "b"], trials).unwrap_err().to_string()
        };
        assert!(refused(&[vec![1.0, 2.0], vec![1.0]]).contains("trial 1 of the figure \"Search\" is [1.0]"));
        assert!(refused(&[vec![f64::NAN, 2.0]]).contains("trial 0"));
        assert!(refused(&[]).contains("and a trial"));
        assert!(parallel_coordinates("Search", &["a"], &[vec![1.0]]).is_err());
    }
}
