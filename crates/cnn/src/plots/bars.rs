//! A bar per category.

use anyhow::{ensure, Result};
use plotters::prelude::*;

use crate::show::describe::{entitled, listed, number};
use crate::show::style::{plotters_step, tick, COLOURS, LABEL, TICK, TITLE};
use crate::show::text_width::text_width;
use crate::show::{Figure, FONT};

/// At most so many numbers stand at the vertical axis.
const Y_LABELS: usize = 8;

/// Vertical bars from zero, one for each name. Names are written under their bars.
///
/// # Errors
/// If there are no values, or not as many names as values, or a value is negative or no number.
///
/// ```
/// use cnn::plots::bars;
/// let figure = bars("Images per class", "digit", "images", &["0", "1"], &[5923.0, 6742.0])?;
/// assert_eq!(figure.size().1, 420);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn bars<S: AsRef<str>>(
    title: &str,
    x_label: &str,
    y_label: &str,
    names: &[S],
    values: &[f64],
) -> Result<Figure> {
    ensure!(
        !values.is_empty() && names.len() == values.len(),
        "the bar chart {title:?} has {} names for {} values; there must be as many, and at least one",
        names.len(),
        values.len()
    );
    ensure!(
        values.iter().all(|value| value.is_finite() && *value >= 0.0),
        "the bar chart {title:?} has a value that is negative or no number"
    );
    let highest = values.iter().fold(0.0_f64, |highest, &value| highest.max(value));
    let top = if highest > 0.0 { highest * 1.12 } else { 1.0 };
    let longest = names.iter().map(|name| text_width(name.as_ref())).max().unwrap_or(0) as u32;
    let width = (120 + values.len() as u32 * (longest * 10).max(56)).clamp(480, 1280);
    // plotters cannot divide an axis with a single place: one bar gets an empty place on either side.
    let places = if values.len() == 1 { -1..1 } else { 0..values.len() as i32 - 1 };
    let drawn = Figure::draw((width, 420), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, (FONT, TITLE))
            .margin(14)
            .x_label_area_size(52)
            .y_label_area_size(84)
            .build_cartesian_2d(places.clone().into_segmented(), 0.0..top)?;
        let name_of = |position: &SegmentValue<i32>| match position {
            SegmentValue::CenterOf(index) => usize::try_from(*index).ok().and_then(|index| names.get(index)),
            _ => None,
        };
        let name_of = |position: &SegmentValue<i32>| name_of(position).map_or("", AsRef::as_ref).to_string();
        let y_step = plotters_step(&(0.0..top), Y_LABELS);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_desc(x_label)
            .y_desc(y_label)
            .axis_desc_style((FONT, LABEL))
            .label_style((FONT, TICK))
            .x_labels(places.len() + 2)
            .x_label_formatter(&name_of)
            .y_labels(Y_LABELS)
            .y_label_formatter(&|value| tick(*value, y_step))
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225))
            .draw()?;
        chart.draw_series(values.iter().enumerate().map(|(index, &value)| {
            let index = index as i32;
            let corners = [(SegmentValue::Exact(index), 0.0), (SegmentValue::Exact(index + 1), value)];
            let mut bar = Rectangle::new(corners, COLOURS[0].filled());
            bar.set_margin(0, 0, 6, 6);
            bar
        }))?;
        Ok(())
    })?;
    let told = names.iter().zip(values).map(|(name, &value)| format!("{} {}", name.as_ref(), number(value)));
    let told = listed(&told.collect::<Vec<_>>(), "; ");
    let of_each = if x_label.is_empty() { String::new() } else { format!(" for each {x_label}") };
    Ok(drawn.described(&format!("{}: {y_label}{of_each}. {told}.", entitled("Bar chart", title))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_words() {
        let figure = bars("Images per class", "digit", "images", &["0", "1"], &[5923.0, 0.5]).unwrap();
        assert_eq!(
            figure.description(),
            "Bar chart “Images per class”: images for each digit. 0 5,923; 1 0.5."
        );
    }

    #[test]
    fn a_single_bar_is_seen() {
        let of = |value: f64| bars("One", "class", "count", &["3"], &[value]).unwrap();
        let blue = |figure: Figure| figure.count(COLOURS[0]);
        assert_eq!(blue(of(0.0)), 0);
        assert!(blue(of(5.0)) > 5000, "{}", blue(of(5.0)));
    }
}
