//! A confusion matrix as a picture.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::engine::text::thousands;
use crate::evaluation::ConfusionMatrix;
use crate::show::canvas::pixel_width;
use crate::show::describe::entitled;
use crate::show::style::{LABEL, TICK, TITLE};
use crate::show::{Figure, FONT};

const CELL: i32 = 58;
/// So many of the most frequent mistakes are told in words.
const TOLD: usize = 5;
/// What is left of and above the cells, with names as short as numbers.
const LEFT: i32 = 84;
const TOP: i32 = 100;
/// Between a longer name and the cells, in pixels.
const GAP: i32 = 10;

/// True classes downwards, predicted classes to the right. Right predictions are blue; wrong ones are orange,
/// the stronger the more frequent. Names that are wider than a cell are turned above their columns.
///
/// # Errors
/// If the matrix has too many classes for a figure, which are about 170.
pub fn confusion_matrix(matrix: &ConfusionMatrix, title: &str) -> Result<Figure> {
    let classes = matrix.classes() as i32;
    let widths = (0..matrix.classes()).map(|class| pixel_width(matrix.class_name(class), TICK));
    let widths = widths.map(|width| Ok(width? as i32)).collect::<Result<Vec<i32>>>()?;
    let longest = widths.iter().copied().max().unwrap_or(0);
    let (beside, turned) = (longest > 2 * (LEFT - 64), longest > CELL - GAP);
    // Longer names begin where short ones do, and move the cells away.
    let left = if beside { LEFT - 44 + longest + GAP } else { LEFT };
    let top = if turned { TOP - 28 + longest + GAP } else { TOP };
    let title_width = pixel_width(title, TITLE)? as i32;
    let size = ((left + classes * CELL + 24).max(title_width + 24), top + classes * CELL + 24);
    let worst = matrix.confusions().first().map_or(1, |&(_, _, count)| count).max(1) as f64;
    let style = |pixels: u32, colour: &RGBColor| {
        (FONT, pixels).into_font().color(colour).pos(Pos::new(HPos::Center, VPos::Center))
    };
    let drawn = Figure::draw((size.0 as u32, size.1 as u32), |area| {
        let middle = left + classes * CELL / 2;
        // A title that is wider than the cells goes to the left, and is seen whole.
        let title_middle = middle.min(size.0 - title_width / 2 - 12).max(title_width / 2 + 12);
        area.draw(&Text::new(title, (title_middle, 24), style(TITLE, &BLACK)))?;
        area.draw(&Text::new("predicted", (middle, 56), style(LABEL, &BLACK)))?;
        let upwards = style(LABEL, &BLACK).transform(FontTransform::Rotate270);
        area.draw(&Text::new("true", (22, top + classes * CELL / 2), upwards))?;
        for (class, width) in widths.iter().enumerate() {
            let (name, centre) = (matrix.class_name(class), class as i32 * CELL + CELL / 2);
            let short = style(TICK, &BLACK);
            let (above, at) = match turned {
                true => (short.transform(FontTransform::Rotate270), top - GAP - width / 2),
                false => (short.clone(), top - 16),
            };
            area.draw(&Text::new(name, (left + centre, at), above))?;
            let at = if beside { left - GAP - width / 2 } else { left - 20 };
            area.draw(&Text::new(name, (at, top + centre), short))?;
        }
        for truth in 0..classes {
            for predicted in 0..classes {
                let count = matrix.count(truth as usize, predicted as usize);
                let right = truth == predicted;
                let strength = match right {
                    true => matrix.recall(truth as usize),
                    // The square root lets single mistakes be seen beside frequent ones.
                    false => (count as f64 / worst).sqrt() * 0.8,
                };
                let colour = if right {
                    blend(RGBColor(0, 90, 160), strength)
                } else {
                    blend(RGBColor(213, 94, 0), strength)
                };
                let (x, y) = (left + predicted * CELL, top + truth * CELL);
                area.draw(&Rectangle::new([(x, y), (x + CELL, y + CELL)], colour.filled()))?;
                area.draw(&Rectangle::new([(x, y), (x + CELL, y + CELL)], RGBColor(225, 225, 225)))?;
                if count > 0 {
                    let ink = if right && strength > 0.55 { WHITE } else { BLACK };
                    let position = (x + CELL / 2, y + CELL / 2);
                    area.draw(&Text::new(count.to_string(), position, style(TICK, &ink)))?;
                }
            }
        }
        Ok(())
    })?;
    Ok(drawn.described(&description(matrix, title)))
}

/// How many are right, and what is mistaken for what most often.
fn description(matrix: &ConfusionMatrix, title: &str) -> String {
    let classes = 0..matrix.classes();
    let all: i64 = classes.clone().map(|class| matrix.support(class)).sum();
    let right: i64 = classes.map(|class| matrix.count(class, class)).sum();
    let mistaken = matrix.confusions().into_iter().take(TOLD).map(|(truth, predicted, count)| {
        format!("{} for {} {count} times", matrix.class_name(truth), matrix.class_name(predicted))
    });
    let mistaken = match mistaken.collect::<Vec<_>>() {
        none if none.is_empty() => String::new(),
        most => format!(" Most often mistaken: {}.", most.join(", ")),
    };
    format!(
        "{} of {} classes: {} of {} are right.{mistaken}",
        entitled("Confusion matrix", title),
        matrix.classes(),
        thousands(right),
        thousands(all)
    )
}

/// `colour` at strength 1, white at 0.
fn blend(colour: RGBColor, strength: f64) -> RGBColor {
    let mix = |channel: u8| (255.0 + (f64::from(channel) - 255.0) * strength.clamp(0.0, 1.0)).round() as u8;
    RGBColor(mix(colour.0), mix(colour.1), mix(colour.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    fn figure(names: &[&str], title: &str) -> Figure {
        let labels = Tensor::from_slice(&(0..names.len() as i64).collect::<Vec<_>>());
        let matrix = ConfusionMatrix::new(&labels, &labels, names.len()).unwrap();
        confusion_matrix(&matrix.class_names(names).unwrap(), title).unwrap()
    }

    #[test]
    fn longer_names_have_room_and_short_ones_take_none() {
        let short = figure(&["0", "1", "2"], "x").size();
        assert_eq!(short, (84 + 3 * 58 + 24, 100 + 3 * 58 + 24));
        assert_eq!(figure(&["cat", "dog", "3"], "x").size(), short);
        let [one, two] =
            ["automobile", "automobile automobile"].map(|name| figure(&[name, "dog", "3"], "x").size());
        assert!(
            one.0 > short.0 && one.1 > short.1 && two.0 > one.0 && two.1 > one.1,
            "{short:?} {one:?} {two:?}"
        );
        // More of a name is more ink, to its last letter.
        let ink = |name: &str| figure(&[name, "automobiles", "3"], "x").count(BLACK);
        assert!(ink("automobil") < ink("automobile") && ink("automobile") < ink("automobiles"));
    }

    #[test]
    fn it_is_told_in_words() {
        let (truth, predicted) =
            (Tensor::from_slice(&[0i64, 0, 0, 1, 1]), Tensor::from_slice(&[0i64, 1, 1, 1, 1]));
        let matrix =
            ConfusionMatrix::new(&truth, &predicted, 2).unwrap().class_names(&["cat", "dog"]).unwrap();
        assert_eq!(
            confusion_matrix(&matrix, "Pets").unwrap().description(),
            "Confusion matrix “Pets” of 2 classes: 3 of 5 are right. Most often mistaken: cat for dog 2 times."
        );
    }

    #[test]
    fn a_long_title_is_seen_whole() {
        let title = "a title that is much longer than the matrix of three classes";
        let wide = figure(&["0", "1", "2"], title).size().0;
        assert_eq!(wide, pixel_width(title, TITLE).unwrap() + 24);
    }
}
