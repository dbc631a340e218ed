//! A picture drawn with plotters, which shows itself in a notebook and can be saved.

use anyhow::{anyhow, ensure, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{register_font, FontStyle};
use plotters_bitmap::BitMapBackend;
use std::fmt;
use std::path::Path;
use std::sync::Once;

use crate::display::{show, Item};
use crate::error::Context;
use crate::files::write_whole;
use crate::plots::TITLE;

/// The drawing area that [`Figure::draw`] hands to its closure.
pub type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// The font of every text in a figure. It comes with the crate: machines without fonts draw the same picture.
pub const FONT: &str = "sans-serif";

/// A larger figure is a mistake, and would fill the memory.
const MOST_PIXELS: u64 = 100_000_000;

/// A finished picture: `width` × `height` pixels of red, green and blue.
///
/// ```
/// use cnn::{plotters::prelude::*, Figure};
/// let figure = Figure::draw((200, 100), |area| {
///     area.draw(&Circle::new((100, 50), 40, BLUE.filled()))?;
///     Ok(())
/// })?;
/// assert_eq!(figure.size(), (200, 100));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Figure {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Figure {
    /// Draws with plotters on a white area of (width, height) pixels.
    ///
    /// # Errors
    /// What the closure returns; or if the size is empty, or over 100 million pixels.
    pub fn draw<F>(size: (u32, u32), draw: F) -> Result<Figure>
    where
        F: FnOnce(&Area) -> Result<(), Box<dyn std::error::Error>>,
    {
        use_own_font();
        let (width, height) = size;
        ensure!(width > 0 && height > 0, "a figure of {width}×{height} pixels has no area");
        ensure!(
            u64::from(width) * u64::from(height) <= MOST_PIXELS,
            "a figure of {width}×{height} pixels is too large; draw less in it"
        );
        let mut rgb = vec![255; width as usize * height as usize * 3];
        {
            let area = BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area();
            draw(&area).map_err(|error| anyhow!("the figure could not be drawn: {error}"))?;
            area.present()?;
        }
        Ok(Figure { width, height, rgb })
    }

    /// (width, height) in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Shows the figure as output of the cell. A cell may show several; they appear one below the other.
    pub fn show(&self) {
        show(Item::Figure(self.clone()));
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }

    /// Writes the figure as a PNG file; missing folders are made.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), &self.png()).context("the figure was not saved")
    }

    /// This figure with `right` to the right of it.
    pub fn beside(&self, right: &Figure) -> Figure {
        let size = (self.width + right.width, self.height.max(right.height));
        Figure::composed(size, &[(self, (0, 0)), (right, (self.width, 0))])
    }

    /// This figure with `lower` below it.
    pub fn above(&self, lower: &Figure) -> Figure {
        Figure::stacked(&[self, lower])
    }

    /// This figure with a title above it, in the size of a chart's.
    ///
    /// # Errors
    /// If the title cannot be drawn.
    ///
    /// ```
    /// use cnn::{plots, tch::{Device, Kind, Tensor}};
    /// let images = Tensor::rand([4, 28, 28], (Kind::Float, Device::Cpu));
    /// let figure = plots::images::<&str>(&images, &[], 4)?;
    /// assert_eq!(figure.titled("Four images")?.size().1, figure.size().1 + 40);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn titled(&self, title: &str) -> Result<Figure> {
        use_own_font();
        let font = (FONT, TITLE).into_font();
        let (text_width, _) =
            font.box_size(title).map_err(|error| anyhow!("the title could not be drawn: {error}"))?;
        let line = Figure::draw((self.width.max(text_width + 24), 40), |area| {
            Ok(area.draw(&Text::new(title, (12, 12), font))?)
        })?;
        Ok(line.above(self))
    }

    /// Half as wide and half as high: each pixel is the mean of four. Edges become smooth.
    pub(crate) fn halved(&self) -> Figure {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        let row_bytes = self.width as usize * 3;
        for rows in self.rgb.chunks_exact(2 * row_bytes) {
            let (upper, lower) = rows.split_at(row_bytes);
            for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
                for channel in 0..3 {
                    let four = [above[channel], above[channel + 3], below[channel], below[channel + 3]];
                    rgb.push((four.into_iter().map(u16::from).sum::<u16>() / 4) as u8);
                }
            }
        }
        Figure { width, height, rgb }
    }

    /// All the figures, one below the other.
    pub(crate) fn stacked(figures: &[&Figure]) -> Figure {
        let width = figures.iter().map(|figure| figure.width).max().unwrap_or(0);
        let height = figures.iter().map(|figure| figure.height).sum();
        let mut top = 0;
        let mut parts = Vec::new();
        for &figure in figures {
            parts.push((figure, (0, top)));
            top += figure.height;
        }
        Figure::composed((width, height), &parts)
    }

    fn composed((width, height): (u32, u32), parts: &[(&Figure, (u32, u32))]) -> Figure {
        let mut rgb = vec![255; width as usize * height as usize * 3];
        for (figure, (left, top)) in parts {
            let row_bytes = figure.width as usize * 3;
            for (row, pixels) in figure.rgb.chunks_exact(row_bytes).enumerate() {
                let start = ((*top as usize + row) * width as usize + *left as usize) * 3;
                rgb[start..start + row_bytes].copy_from_slice(pixels);
            }
        }
        Figure { width, height, rgb }
    }

    /// The figure as the bytes of a PNG file. Few colours are stored as a palette, which is smaller.
    pub(crate) fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_compression(png::Compression::High);
        encoder.set_depth(png::BitDepth::Eight);
        let pixels = match self.palette() {
            Some((palette, indices)) => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(palette);
                indices
            }
            None => {
                encoder.set_color(png::ColorType::Rgb);
                self.rgb.clone()
            }
        };
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .expect("writing to memory succeeds, and the buffer has the size that the header says");
        bytes
    }

    /// The figure's colours and, per pixel, the index of its colour; `None` if there are over 256.
    fn palette(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut known = std::collections::HashMap::new();
        let mut palette = Vec::new();
        let mut indices = Vec::with_capacity(self.rgb.len() / 3);
        for pixel in self.rgb.chunks_exact(3) {
            let count = known.len();
            let index = *known.entry(pixel).or_insert(count);
            if index > 255 {
                return None;
            }
            if index == count {
                palette.extend_from_slice(pixel);
            }
            indices.push(index as u8);
        }
        Some((palette, indices))
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Figure({}×{} pixels)", self.width, self.height)
    }
}

fn use_own_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = include_bytes!("../assets/DejaVuSans.ttf");
        for style in [FontStyle::Normal, FontStyle::Bold] {
            // The only error is a file that is no font, and this one is.
            let _ = register_font(FONT, style, font);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Figure {
        /// How many of its pixels have this colour.
        pub(crate) fn count(&self, RGBColor(red, green, blue): RGBColor) -> usize {
            self.rgb.chunks_exact(3).filter(|&pixel| pixel == [red, green, blue]).count()
        }
    }

    fn filled(width: u32, height: u32, value: u8) -> Figure {
        Figure { width, height, rgb: vec![value; (width * height * 3) as usize] }
    }

    #[test]
    fn figures_are_put_together_on_white() {
        let pair = filled(2, 1, 0).beside(&filled(1, 2, 9));
        assert_eq!(pair.size(), (3, 2));
        let red: Vec<u8> = pair.rgb.iter().step_by(3).copied().collect();
        assert_eq!(red, [0, 0, 9, 255, 255, 9]);
        assert_eq!(filled(2, 1, 0).above(&filled(1, 2, 9)).size(), (2, 3));
    }

    #[test]
    fn a_halved_figure_has_the_mean_of_four_pixels() {
        let black_above_white = filled(4, 1, 0).above(&filled(4, 1, 255));
        assert_eq!(black_above_white.halved(), filled(2, 1, 127));
    }

    #[test]
    fn the_png_holds_the_same_pixels() {
        let mut figure = filled(20, 20, 0);
        for colours in [2, 400] {
            for pixel in 0..400 {
                let colour = pixel % colours;
                figure.rgb[pixel * 3] = (colour % 256) as u8;
                figure.rgb[pixel * 3 + 1] = (colour / 256) as u8;
            }
            let png = figure.png();
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&png));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; 20 * 20 * 3];
            reader.next_frame(&mut pixels).unwrap();
            assert_eq!(pixels, figure.rgb);
        }
    }

    #[test]
    fn text_is_drawn_without_the_systems_fonts() {
        let text = |words: &'static str| {
            Figure::draw((200, 40), |area| {
                area.draw(&Text::new(words, (5, 5), (FONT, 20)))?;
                Ok(())
            })
            .unwrap()
        };
        assert_ne!(text("Genauigkeit 99 % – α → β"), text(""));
        assert_ne!(text("a"), text("b"));
    }

    #[test]
    fn an_empty_or_an_endless_size_is_an_error() {
        for (size, expected) in [((0, 10), "has no area"), ((1 << 20, 1 << 20), "too large")] {
            let message = Figure::draw(size, |_| Ok(())).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
