//! A picture drawn with plotters, which shows itself in a notebook and can be saved.

use anyhow::{anyhow, ensure, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::fmt;
use std::path::Path;

use super::canvas::{pixel_width, Canvas, Words};
use super::describe::{listed, sentence};
use super::fonts::{fonts, FONT};
use super::html::escape;
use super::item::{show, Item};
use super::pixels::Pixels;
use super::rows::Rows;
use super::style::TITLE;
use crate::engine::error::Context;
use crate::engine::files::write_whole;

/// The drawing area that [`Figure::draw`] hands to its closure.
pub type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// A larger figure is a mistake, and would fill the memory.
const MOST_PIXELS: u64 = 100_000_000;

/// A finished picture: `width` × `height` pixels of red, green and blue, and in words what is to be seen.
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
#[derive(Clone)]
pub struct Figure {
    rows: Rows,
    description: String,
}

impl Figure {
    /// Draws with plotters on a white area of (width, height) pixels.
    ///
    /// Texts are drawn with [`FONT`]; another family is the machine's, if it has it. A printed line names a family that it
    /// does not have, in whose place `FONT` is used, and letters that no font has, in whose place boxes stand.
    ///
    /// # Errors
    /// What the closure returns; or if the size is empty, or over 100 million pixels.
    pub fn draw<F>(size: (u32, u32), draw: F) -> Result<Figure>
    where
        F: FnOnce(&Area) -> Result<(), Box<dyn std::error::Error>>,
    {
        let (width, height) = size;
        ensure!(width > 0 && height > 0, "a figure of {width}×{height} pixels has no area");
        ensure!(
            u64::from(width) * u64::from(height) <= MOST_PIXELS,
            "a figure of {width}×{height} pixels is too large; draw less in it"
        );
        let mut rgb = vec![255; width as usize * height as usize * 3];
        let words = Words::default();
        drop(fonts()); // from here on, plotters knows FONT
        let drawn = draw(&Canvas::new(&mut rgb, size, words.clone()).into_drawing_area());
        fonts().notes().iter().for_each(|note| println!("{note}"));
        drawn.map_err(|error| {
            // plotters measures a legend by itself.
            let unknown = error.to_string().contains("FontUnavailable");
            let hint = if unknown { "; the font family of a legend must be cnn::FONT" } else { "" };
            anyhow!("the figure could not be drawn: {error}{hint}")
        })?;
        let description = match words.borrow().as_slice() {
            [] => format!("A picture of {width}×{height} pixels without words."),
            words => sentence(&format!("A picture with the words: {}", listed(words, "; "))),
        };
        Ok(Figure { rows: Rows::one(Pixels { width, height, rgb }, &description), description })
    }

    /// What is to be seen, in words, for those who cannot see it: pages give it as the picture's alternative text, and a
    /// terminal shows it instead. The figures of [`plots`](crate::plots) describe their data; of another, all that can be known
    /// are the words in it.
    ///
    /// ```
    /// use cnn::plots::Chart;
    /// let figure = Chart::new("ReLU").axes("x", "y").line("", &[(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)]).figure()?;
    /// assert_eq!(figure.description(), "Chart “ReLU”: y over x. A line rises from 0 at -1 to 1 at 1.");
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn description(&self) -> &str {
        &self.description
    }

    /// This figure with another description: what one sees, and what it says.
    ///
    /// ```
    /// use cnn::{plotters::prelude::*, Figure};
    /// let drawn = Figure::draw((200, 100), |area| Ok(area.draw(&Circle::new((100, 50), 40, BLUE.filled()))?))?;
    /// let figure = drawn.described("A blue disc.");
    /// assert_eq!(figure.description(), "A blue disc.");
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn described(self, description: &str) -> Figure {
        Figure { rows: self.rows.described(description), description: description.to_string() }
    }

    /// (width, height) in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.rows.size()
    }

    /// Shows the figure as output of the cell. A cell may show several; they appear one below the other.
    pub fn show(&self) {
        show(Item::Picture { rows: self.rows.clone(), text: self.description.clone() });
    }

    /// The figure with a sentence below it, as HTML.
    pub(crate) fn with_sentence(&self, sentence: &str) -> Item {
        let figure = Item::Picture { rows: self.rows.clone(), text: self.description.clone() };
        Item::Html {
            html: format!("{}<p>{}</p>", figure.html(), escape(sentence)),
            text: sentence.to_string(),
        }
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
        write_whole(path.as_ref(), &self.rows.whole().png()).context("the figure was not saved")
    }

    /// This figure with `right` to the right of it, or below it where a page is too narrow for both.
    pub fn beside(&self, right: &Figure) -> Figure {
        let description = format!("{} To the right: {}", self.description, right.description);
        Figure { rows: self.rows.beside(&right.rows), description }
    }

    /// This figure with `lower` below it.
    pub fn above(&self, lower: &Figure) -> Figure {
        let description = format!("{} Below: {}", self.description, lower.description);
        Figure { rows: self.rows.above(&lower.rows), description }
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
        let text_width = pixel_width(title, TITLE).context("the title could not be drawn")?;
        let line = Figure::draw((self.size().0.max(text_width + 24), 40), |area| {
            Ok(area.draw(&Text::new(title, (12, 12), (FONT, TITLE)))?)
        })?;
        let line = line.described(&sentence(title));
        Ok(Figure {
            rows: line.rows.above(&self.rows),
            description: format!("{} {}", line.description, self.description),
        })
    }

    /// This figure with a picture on it, whose upper left corner is at (left, top); it must lie within.
    pub(crate) fn with(self, picture: &Pixels, place: (u32, u32)) -> Figure {
        let mut pixels = self.rows.whole().into_owned();
        pixels.put(picture, place);
        Figure { rows: Rows::one(pixels, &self.description), description: self.description }
    }

    /// Half as wide and half as high: each pixel is the mean of four. Edges become smooth.
    pub(crate) fn halved(&self) -> Figure {
        Figure {
            rows: Rows::one(self.rows.whole().halved(), &self.description),
            description: self.description.clone(),
        }
    }
}

/// Figures are equal if they look alike.
impl PartialEq for Figure {
    fn eq(&self, other: &Figure) -> bool {
        self.rows.whole() == other.rows.whole()
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (width, height) = self.size();
        write!(f, "Figure({width}×{height} pixels)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    impl Figure {
        /// How many of its pixels have this colour.
        pub(crate) fn count(&self, RGBColor(red, green, blue): RGBColor) -> usize {
            self.rows.whole().rgb.chunks_exact(3).filter(|&pixel| pixel == [red, green, blue]).count()
        }
    }

    fn text(words: &str, family: &str) -> Figure {
        Figure::draw((240, 40), |area| {
            area.draw(&Text::new(words, (5, 5), (family, 20)))?;
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn text_is_drawn_without_the_systems_fonts() {
        let empty = text("", FONT);
        for words in
            ["Genauigkeit 99 % – α → β", "точность", "ακρίβεια", "độ chính xác", "ճշտություն", "სიზუსტე"]
        {
            // Each letter adds ink: a gap would not.
            let mut dark = empty.rows.whole().rgb.iter().filter(|&&level| level < 255).count();
            for (start, letter) in words.char_indices().filter(|(_, letter)| !letter.is_whitespace()) {
                let figure = text(&words[..start + letter.len_utf8()], FONT);
                let more = figure.rows.whole().rgb.iter().filter(|&&level| level < 255).count();
                assert!(more > dark, "{letter} of {words}");
                dark = more;
            }
        }
    }

    #[test]
    fn an_accent_stands_above_its_letter() {
        assert_eq!(text("ế".nfd().collect::<String>().as_str(), FONT), text("ế", FONT));
        let (letter, accented) = (text("β", FONT), text("β\u{302}", FONT));
        assert!(letter != accented);
        let columns = |figure: &Figure| {
            let whole = figure.rows.whole();
            let (width, rows) = (whole.width as usize, whole.rgb.chunks_exact(240 * 3));
            let dark = rows.flat_map(|row| (0..width).filter(|&x| row[3 * x] < 128)).collect::<Vec<_>>();
            (dark.iter().min().copied(), dark.iter().max().copied())
        };
        assert_eq!(columns(&letter), columns(&accented));
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn figures_in_a_process_of_its_own() {
        println!();
        // A letter of nobody's, one of a script that is joined, and a family that no machine has, each twice.
        for _ in 0..2 {
            let boxes = text("a\u{E83A}b", FONT);
            assert!(boxes != text("a b", FONT) && boxes == text("a\u{E83B}b", FONT));
            assert_eq!(text("م", FONT), text("\u{E83A}", FONT));
            assert_eq!(text("abc", "No Such Font"), text("abc", FONT));
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_named_once() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let test = "show::figure::tests::figures_in_a_process_of_its_own";
        let output = command.args(["--ignored", "--exact", "--nocapture", test]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{printed}");
        let lines = |words: &str| printed.lines().filter(|line| line.contains(words)).count();
        for words in
            ["(U+E83A); the", "(U+E83B); the", "apt install fonts-noto-core", "(U+0645)", "\"No Such Font\""]
        {
            let times = if words.starts_with("apt") { 2 } else { 1 };
            assert_eq!(lines(words), times, "{words} in {printed}");
        }
    }

    #[test]
    fn a_legend_in_an_unknown_family_is_an_error_that_says_what_to_write() {
        let message = Figure::draw((240, 240), |area| {
            let mut chart = ChartBuilder::on(area).build_cartesian_2d(0..9, 0..9)?;
            chart.draw_series(LineSeries::new([(0, 0), (9, 9)], RED))?.label("line");
            Ok(chart.configure_series_labels().label_font(("No Such Font", 20)).draw()?)
        });
        let message = message.unwrap_err().to_string();
        assert!(message.ends_with("the font family of a legend must be cnn::FONT"), "{message}");
    }

    #[test]
    fn a_font_of_the_users_own_is_drawn_by_plotters() {
        let file = include_bytes!("../../assets/DejaVuSans.ttf");
        assert!(plotters::style::register_font("mine", FontStyle::Normal, file).is_ok());
        assert_eq!(text("abc", "mine"), text("abc", FONT));
    }

    #[test]
    fn an_empty_or_an_endless_size_is_an_error() {
        for (size, expected) in [((0, 10), "has no area"), ((1 << 20, 1 << 20), "too large")] {
            let message = Figure::draw(size, |_| Ok(())).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
