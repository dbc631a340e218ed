//! A confusion matrix as a picture.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::evaluation::ConfusionMatrix;
use crate::show::style::{LABEL, TICK, TITLE};
use crate::show::{Figure, FONT};

const CELL: i32 = 58;

/// True classes downwards, predicted classes to the right. Right predictions are blue; wrong ones are orange,
/// the stronger the more frequent.
///
/// # Errors
/// If the matrix has too many classes for a figure, which are about 170.
pub fn confusion_matrix(matrix: &ConfusionMatrix, title: &str) -> Result<Figure> {
    let classes = matrix.classes() as i32;
    let (left, top) = (84, 100);
    let size = (left + classes * CELL + 24, top + classes * CELL + 24);
    let worst = matrix.confusions().first().map_or(1, |&(_, _, count)| count).max(1) as f64;
    let style = |pixels: u32, colour: &RGBColor| {
        (FONT, pixels).into_font().color(colour).pos(Pos::new(HPos::Center, VPos::Center))
    };
    Figure::draw((size.0 as u32, size.1 as u32), |area| {
        let middle = left + classes * CELL / 2;
        area.draw(&Text::new(title, (middle, 24), style(TITLE, &BLACK)))?;
        area.draw(&Text::new("predicted", (middle, 56), style(LABEL, &BLACK)))?;
        let turned = style(LABEL, &BLACK).transform(FontTransform::Rotate270);
        area.draw(&Text::new("true", (22, top + classes * CELL / 2), turned))?;
        for class in 0..classes {
            let centre = class * CELL + CELL / 2;
            area.draw(&Text::new(class.to_string(), (left + centre, top - 16), style(TICK, &BLACK)))?;
            area.draw(&Text::new(class.to_string(), (left - 20, top + centre), style(TICK, &BLACK)))?;
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
    })
}

/// `colour` at strength 1, white at 0.
fn blend(colour: RGBColor, strength: f64) -> RGBColor {
    let mix = |channel: u8| (255.0 + (f64::from(channel) - 255.0) * strength.clamp(0.0, 1.0)).round() as u8;
    RGBColor(mix(colour.0), mix(colour.1), mix(colour.2))
}
