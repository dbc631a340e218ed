//! Images in a grid.

use anyhow::{ensure, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tch::{Kind, Tensor};

use crate::show::style::TICK;
use crate::show::text_width::text_width;
use crate::show::{Figure, FONT};

/// The width, in pixels, that one image of the grid has at most, if it is not wider itself.
const CELL: i64 = 112;
/// More images than this are a mistake, and would take minutes.
const MOST: i64 = 1000;
/// Around each image, so that a white border is seen.
const FRAME: RGBColor = RGBColor(200, 200, 200);

/// Shows images `[n, height, width]` or `[n, 1, height, width]` in rows of `columns`, each with its title above
/// it; `titles` may be empty.
///
/// Images without negative numbers are grey, black being 0 and white the largest number of them all. Where
/// there are negative numbers, as in a kernel, red is positive, blue negative and white 0.
///
/// # Errors
/// If there are no images or more than 1,000, not as many titles as images, or a number is NaN or infinite.
///
/// ```
/// use cnn::{plots, tch::{Device, Kind, Tensor}};
/// let x = Tensor::rand([6, 28, 28], (Kind::Float, Device::Cpu));
/// let figure = plots::images(&x, &["a", "b", "c", "d", "e", "f"], 3)?;
/// assert_eq!(figure.size().0, 3 * 124);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn images<S: AsRef<str>>(x: &Tensor, titles: &[S], columns: usize) -> Result<Figure> {
    let size = x.size();
    let [count, height, width] = match size[..] {
        [count, height, width] | [count, 1, height, width] => [count, height, width],
        _ => {
            anyhow::bail!("images are [n, height, width] or [n, 1, height, width], and the shape is {size:?}")
        }
    };
    ensure!(count > 0 && height > 0 && width > 0, "there are no images to show: the shape is {size:?}");
    ensure!(columns > 0, "columns must be at least 1");
    ensure!(count <= MOST, "{count} images are too many for a figure; x.narrow(0, 0, 20) has the first 20");
    ensure!(
        titles.is_empty() || titles.len() as i64 == count,
        "there are {count} images and {} titles; there must be as many, or none",
        titles.len()
    );
    let values = x.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous();
    let values: Vec<f32> = values.flatten(0, -1).try_into()?;
    ensure!(values.iter().all(|value| value.is_finite()), "the images hold NaN or infinity");

    let largest =
        values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs())).max(f32::MIN_POSITIVE);
    let signed = values.iter().any(|&value| value < 0.0);
    let colour = |value: f32| if signed { diverging(value / largest) } else { grey(value / largest) };

    let scale = (CELL / width).max(1);
    let (image_width, image_height) = ((width * scale) as i32, (height * scale) as i32);
    let title_height = if titles.is_empty() { 0 } else { TICK as i32 + 18 };
    let longest = titles.iter().map(|title| text_width(title.as_ref())).max().unwrap_or(0) as i32;
    let cell_width = image_width.max(longest * 10) + 12;
    let cell_height = image_height + title_height + 12;
    let columns = columns.min(count as usize);
    let rows = (count as usize).div_ceil(columns);
    let figure_size = (cell_width as u32 * columns as u32, cell_height as u32 * rows as u32);

    Figure::draw(figure_size, |area| {
        for (index, pixels) in values.chunks_exact((height * width) as usize).enumerate() {
            let left = (index % columns) as i32 * cell_width;
            let top = (index / columns) as i32 * cell_height;
            let (image_left, image_top) = (left + (cell_width - image_width) / 2, top + title_height + 6);
            if let Some(title) = titles.get(index) {
                let style = (FONT, TICK).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
                // Nearer to its own image than to the one above.
                area.draw(&Text::new(title.as_ref(), (left + cell_width / 2, top + 16), style))?;
            }
            let (right, bottom) = (image_left + image_width, image_top + image_height);
            area.draw(&Rectangle::new([(image_left - 1, image_top - 1), (right, bottom)], FRAME))?;
            for (position, &value) in pixels.iter().enumerate() {
                let x = image_left + (position as i64 % width * scale) as i32;
                let y = image_top + (position as i64 / width * scale) as i32;
                let corners = [(x, y), (x + scale as i32, y + scale as i32)];
                area.draw(&Rectangle::new(corners, colour(value).filled()))?;
            }
        }
        Ok(())
    })
}

/// 0 is black, 1 white.
fn grey(value: f32) -> RGBColor {
    let level = (value * 255.0).round() as u8;
    RGBColor(level, level, level)
}

/// -1 is blue, 0 white, 1 red.
fn diverging(value: f32) -> RGBColor {
    let faded = ((1.0 - value.abs()) * 255.0).round() as u8;
    if value < 0.0 {
        RGBColor(faded, faded, 255)
    } else {
        RGBColor(255, faded, faded)
    }
}
