//! Images in a grid.

use anyhow::{ensure, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tch::{Kind, Tensor};

use crate::show::describe::{listed, sentence};
use crate::show::pixels::Pixels;
use crate::show::style::TICK;
use crate::show::text_width::text_width;
use crate::show::{Figure, FONT};

/// The width, in pixels, that one image of the grid has at most, if it is not wider itself.
const CELL: i64 = 112;
/// More images than this are a mistake: nobody can see them all.
const MOST: i64 = 1000;
/// Around each image, so that a white border is seen.
const FRAME: RGBColor = RGBColor(200, 200, 200);

/// Shows images `[n, height, width]`, `[n, 1, height, width]` or, in colour, `[n, 3, height, width]` in rows of `columns`,
/// each with its title above it; `titles` may be empty. Small images are enlarged, so that each pixel is a square.
///
/// Images of one channel without negative numbers are grey, black being 0 and white the largest number of them all. Where
/// there are negative numbers, as in a kernel, red is positive, blue negative and white 0.
///
/// Images of three channels are red, green and blue: bytes from 0 to 255, or floats from 0 to 1. Where floats go beyond
/// these, as standardised images do, the smallest number of them all is shown as 0, and the largest as 1.
///
/// # Errors
/// If there are no images or more than 1,000, not as many titles as images, or a number is NaN or infinite.
///
/// ```
/// use cnn::{plots, tch::{Device, Kind, Tensor}};
/// let x = Tensor::rand([6, 28, 28], (Kind::Float, Device::Cpu));
/// let figure = plots::images(&x, &["a", "b", "c", "d", "e", "f"], 3)?;
/// assert_eq!(figure.size().0, 3 * 124);
///
/// let in_colour = Tensor::rand([6, 3, 32, 32], (Kind::Float, Device::Cpu));
/// assert_eq!(plots::images::<&str>(&in_colour, &[], 3)?.size().0, 3 * 108);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn images<S: AsRef<str>>(x: &Tensor, titles: &[S], columns: usize) -> Result<Figure> {
    let size = x.size();
    let [count, channels, height, width] = match size[..] {
        [count, height, width] => [count, 1, height, width],
        [count, channels @ (1 | 3), height, width] => [count, channels, height, width],
        _ => anyhow::bail!(
            "images are [n, height, width], [n, 1, height, width] or, in colour, [n, 3, height, width], and the shape is \
             {size:?}"
        ),
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

    let one_channel = OneChannel::of(&values);
    let (black, white) = span(&values, x.kind() == Kind::Uint8);
    let level = |value: f32| ((value - black) / (white - black) * 255.0).round() as u8;

    let scale = (CELL / width).max(1);
    let (image_width, image_height) = ((width * scale) as i32, (height * scale) as i32);
    let title_height = if titles.is_empty() { 0 } else { TICK as i32 + 18 };
    let longest = titles.iter().map(|title| text_width(title.as_ref())).max().unwrap_or(0) as i32;
    let cell_width = image_width.max(longest * 10) + 12;
    let cell_height = image_height + title_height + 12;
    let columns = columns.min(count as usize);
    let rows = (count as usize).div_ceil(columns);
    let figure_size = (cell_width as u32 * columns as u32, cell_height as u32 * rows as u32);

    let place = |index: usize| {
        let (left, top) = ((index % columns) as i32 * cell_width, (index / columns) as i32 * cell_height);
        (left + (cell_width - image_width) / 2, top + title_height + 6)
    };
    let mut figure = Figure::draw(figure_size, |area| {
        for index in 0..count as usize {
            let (left, top) = place(index);
            if let Some(title) = titles.get(index) {
                let style = (FONT, TICK).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
                // Nearer to its own image than to the one above.
                let middle = index % columns * cell_width as usize + cell_width as usize / 2;
                area.draw(&Text::new(title.as_ref(), (middle as i32, top - title_height + 10), style))?;
            }
            let (right, bottom) = (left + image_width, top + image_height);
            area.draw(&Rectangle::new([(left - 1, top - 1), (right, bottom)], FRAME))?;
        }
        Ok(())
    })?;
    // Each image is put there as a whole: as squares of plotters, a hundred in colour would be a million.
    let plane = (height * width) as usize;
    for (index, image) in values.chunks_exact(channels as usize * plane).enumerate() {
        let colour = |position: usize| match channels {
            1 => one_channel.colour(image[position]),
            _ => [0, 1, 2].map(|channel| level(image[channel * plane + position])),
        };
        let pixels: Vec<[u8; 3]> = (0..plane).map(colour).collect();
        let (left, top) = place(index);
        figure = figure.with(&enlarged(&pixels, width as usize, scale as usize), (left as u32, top as u32));
    }
    let what = match (count, channels) {
        (1, 1) => "An image".to_string(),
        (1, _) => "An image in colour".to_string(),
        (_, 1) => format!("{count} images"),
        _ => format!("{count} images in colour"),
    };
    let told = if titles.is_empty() { String::new() } else { format!(": {}", listed(titles, "; ")) };
    Ok(figure.described(&sentence(&format!("{what} of {height}×{width} pixels{told}"))))
}

/// How numbers of images of one channel are shown.
struct OneChannel {
    largest: f32,
    signed: bool,
}

impl OneChannel {
    fn of(values: &[f32]) -> OneChannel {
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        OneChannel {
            largest: largest.max(f32::MIN_POSITIVE),
            signed: values.iter().any(|&value| value < 0.0),
        }
    }

    /// 0 is black and the largest number white; with negative numbers, these are blue, 0 is white, and others are red.
    fn colour(&self, value: f32) -> [u8; 3] {
        let value = value / self.largest;
        if !self.signed {
            return [(value * 255.0).round() as u8; 3];
        }
        let faded = ((1.0 - value.abs()) * 255.0).round() as u8;
        if value < 0.0 {
            [faded, faded, 255]
        } else {
            [255, faded, faded]
        }
    }
}

/// The numbers of images in colour that are shown as 0 and as 255.
fn span(values: &[f32], are_bytes: bool) -> (f32, f32) {
    let ends = (f32::INFINITY, f32::NEG_INFINITY);
    let (low, high) = values.iter().fold(ends, |(low, high), &value| (low.min(value), high.max(value)));
    match () {
        () if are_bytes => (0.0, 255.0),
        () if low >= 0.0 && high <= 1.0 => (0.0, 1.0),
        () => (low, high.max(low + f32::MIN_POSITIVE)),
    }
}

/// Each pixel as a square of `scale` × `scale`.
fn enlarged(pixels: &[[u8; 3]], width: usize, scale: usize) -> Pixels {
    let wide = |row: &[[u8; 3]]| row.iter().flat_map(|pixel| pixel.repeat(scale)).collect::<Vec<u8>>();
    let rgb = pixels.chunks_exact(width).flat_map(|row| wide(row).repeat(scale)).collect();
    Pixels { width: (width * scale) as u32, height: (pixels.len() / width * scale) as u32, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figure;
    use tch::Device;

    fn shown(x: &Tensor) -> Figure {
        images::<&str>(x, &[], 2).unwrap()
    }

    #[test]
    fn images_in_colour_have_their_colours() {
        let plane = |level: u8| Tensor::full([1, 1, 2, 2], i64::from(level), (Kind::Uint8, Device::Cpu));
        let bytes = Tensor::cat(&[plane(200), plane(100), plane(50)], 1);
        let area = 112 * 112;
        assert_eq!(shown(&bytes).count(RGBColor(200, 100, 50)), area);
        let floats = bytes.to_kind(Kind::Float) / 255.0;
        assert!(shown(&floats) == shown(&bytes));
        // Standardised: the smallest number of all is black, the largest white.
        let mixed =
            Tensor::cat(&[&bytes, &bytes.zeros_like(), &bytes.full_like(255)], 0).to_kind(Kind::Float);
        let standardised = (&mixed - mixed.mean(Kind::Float)) / mixed.std(true);
        assert_eq!(shown(&standardised).count(RGBColor(200, 100, 50)), area);
        // One number alone has no span.
        assert_eq!(shown(&(floats.zeros_like() + 7.0)).count(BLACK), area);
    }

    #[test]
    fn they_are_told_in_words() {
        let bytes = Tensor::full([2, 3, 4, 5], 7i64, (Kind::Uint8, Device::Cpu));
        let told = |figure: Figure| figure.description().to_string();
        assert_eq!(
            told(images(&bytes, &["cat", "dog"], 2).unwrap()),
            "2 images in colour of 4×5 pixels: cat; dog."
        );
        assert_eq!(told(shown(&bytes.narrow(1, 0, 1).narrow(0, 0, 1))), "An image of 4×5 pixels.");
    }

    #[test]
    fn a_white_image_has_a_frame_on_four_sides() {
        let white = Tensor::ones([1, 1, 2, 2], (Kind::Float, Device::Cpu));
        assert_eq!(shown(&white).count(FRAME), 4 * 113);
    }

    #[test]
    fn pixels_are_squares_in_their_order() {
        let (a, b, c, d) = ([1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 0]);
        let rows = [[a, a, b, b], [a, a, b, b], [c, c, d, d], [c, c, d, d]].concat();
        let squares = enlarged(&[a, b, c, d], 2, 2);
        assert_eq!((squares.width, squares.height, squares.rgb), (4, 4, rows.concat()));
    }
}
