//! A picture drawn with plotters, which shows itself in a notebook and can be saved.

use anyhow::{anyhow, ensure, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{register_font, FontStyle};
use plotters_bitmap::BitMapBackend;
use std::fmt;
use std::path::Path;
use std::sync::Once;

use super::item::{show, Item};
use super::pixels::Pixels;
use super::style::TITLE;
use crate::engine::error::Context;
use crate::engine::files::write_whole;

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
    pixels: Pixels,
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
        Ok(Figure { pixels: Pixels { width, height, rgb } })
    }

    /// (width, height) in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.pixels.width, self.pixels.height)
    }

    /// Shows the figure as output of the cell. A cell may show several; they appear one below the other.
    pub fn show(&self) {
        show(Item::Picture { pixels: self.pixels.clone(), text: format!("{self:?}") });
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
        write_whole(path.as_ref(), &self.pixels.png()).context("the figure was not saved")
    }

    /// This figure with `right` to the right of it.
    pub fn beside(&self, right: &Figure) -> Figure {
        let (left, right) = (&self.pixels, &right.pixels);
        let size = (left.width + right.width, left.height.max(right.height));
        Figure { pixels: Pixels::composed(size, &[(left, (0, 0)), (right, (left.width, 0))]) }
    }

    /// This figure with `lower` below it.
    pub fn above(&self, lower: &Figure) -> Figure {
        Figure { pixels: Pixels::stacked(&[&self.pixels, &lower.pixels]) }
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
        let line = Figure::draw((self.pixels.width.max(text_width + 24), 40), |area| {
            Ok(area.draw(&Text::new(title, (12, 12), font))?)
        })?;
        Ok(line.above(self))
    }

    /// Half as wide and half as high: each pixel is the mean of four. Edges become smooth.
    pub(crate) fn halved(&self) -> Figure {
        Figure { pixels: self.pixels.halved() }
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Figure({}×{} pixels)", self.pixels.width, self.pixels.height)
    }
}

fn use_own_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = include_bytes!("../../assets/DejaVuSans.ttf");
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
            self.pixels.rgb.chunks_exact(3).filter(|&pixel| pixel == [red, green, blue]).count()
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
