//! What figures are drawn on: plotters' bitmap, where every letter of every text is drawn with a font that has it.

use plotters::style::{FontError, FontFamily, FontStyle, FontTransform, IntoFont};
use plotters_backend::text_anchor::Pos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use plotters_bitmap::BitMapBackend;
use std::cell::RefCell;
use std::rc::Rc;

use super::fonts::{fonts, Run, FONT};

/// plotters' bitmap of red, green and blue, in which a text may need several fonts.
pub struct Canvas<'a> {
    bitmap: BitMapBackend<'a>,
    words: Words,
}

/// The texts that were drawn, each once, without the numbers at axes.
pub(crate) type Words = Rc<RefCell<Vec<String>>>;

type Drawn<'a> = Result<(), DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

impl<'a> Canvas<'a> {
    pub(crate) fn new(rgb: &'a mut [u8], size: (u32, u32), words: Words) -> Self {
        Canvas { bitmap: BitMapBackend::with_buffer(rgb, size), words }
    }
}

impl<'a> DrawingBackend for Canvas<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, position: BackendCoord) -> Drawn<'a> {
        let (word, mut words) = (text.trim(), self.words.borrow_mut());
        if word.contains(char::is_alphabetic) && !words.iter().any(|known| known == word) {
            words.push(word.to_string());
        }
        drop(words);
        match Text::new(text, style) {
            Some(composed) => self.bitmap.draw_text(text, &composed, position),
            None => self.bitmap.draw_text(text, style, position),
        }
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        match Text::new(text, style) {
            Some(composed) => self.bitmap.estimate_text_size(text, &composed),
            None => self.bitmap.estimate_text_size(text, style),
        }
    }

    // Everything else is the bitmap's.

    fn get_size(&self) -> (u32, u32) {
        self.bitmap.get_size()
    }

    fn ensure_prepared(&mut self) -> Drawn<'a> {
        self.bitmap.ensure_prepared()
    }

    fn present(&mut self) -> Drawn<'a> {
        self.bitmap.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn<'a> {
        self.bitmap.draw_pixel(point, colour)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn<'a> {
        self.bitmap.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        lower_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn<'a> {
        self.bitmap.draw_rect(upper_left, lower_right, style, fill)
    }

    fn blit_bitmap(&mut self, position: BackendCoord, size: (u32, u32), rgb: &[u8]) -> Drawn<'a> {
        self.bitmap.blit_bitmap(position, size, rgb)
    }
}

/// A text of which each part has its font, one after the other on a line.
struct Text {
    runs: Vec<Run>,
    size: f64,
    colour: BackendColor,
    transform: FontTransform,
    anchor: Pos,
}

impl Text {
    fn new<S: BackendTextStyle>(text: &str, style: &S) -> Option<Text> {
        let runs = fonts().runs(text, style.family().as_str(), style.style())?;
        let (size, colour) = (style.size(), style.color());
        Some(Text { runs, size, colour, transform: style.transform(), anchor: style.anchor() })
    }
}

impl BackendTextStyle for Text {
    type FontError = FontError;

    fn color(&self) -> BackendColor {
        self.colour
    }

    fn size(&self) -> f64 {
        self.size
    }

    fn transform(&self) -> FontTransform {
        self.transform.clone()
    }

    fn style(&self) -> FontStyle {
        FontStyle::Normal
    }

    fn anchor(&self) -> Pos {
        self.anchor
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FONT)
    }

    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), FontError> {
        let (corner, (_, height)) = (FONT, self.size).into_font().layout_box("")?;
        let widths = self.runs.iter().map(|run| width(run, self.size));
        Ok((corner, (widths.sum::<Result<i32, _>>()?, height)))
    }

    fn draw<E, D: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        (mut x, y): BackendCoord,
        mut draw: D,
    ) -> Result<Result<(), E>, FontError> {
        for run in &self.runs {
            let font = run.font(self.size);
            // plotters puts a font's base line half its size below the position.
            let y = y + ((self.size - font.get_size()) / 2.0).round() as i32;
            let drawn = font.draw(&run.text, (x + run.shift(&font), y), |x, y, share| {
                draw(x, y, self.colour.mix(f64::from(share)))
            })?;
            if drawn.is_err() {
                return Ok(drawn);
            }
            x += width(run, self.size)?;
        }
        Ok(Ok(()))
    }
}

/// How wide a text in [`FONT`] is, in pixels.
pub(crate) fn pixel_width(text: &str, size: u32) -> Result<u32, FontError> {
    let runs = fonts().runs(text, FONT, FontStyle::Normal).unwrap_or_default();
    let widths = runs.iter().map(|run| width(run, f64::from(size)));
    Ok(widths.sum::<Result<i32, _>>()?.unsigned_abs())
}

/// A name for plotters' legend, which is measured as if [`FONT`] drew all of it: wider letters get blanks behind them.
pub(crate) fn legend_name(name: &str, size: u32) -> Result<String, FontError> {
    let drawn = pixel_width(name, size)?;
    let font = (FONT, size).into_font();
    let (measured, blank) = (font.box_size(name)?.0, font.box_size(" ")?.0);
    let missing = drawn.saturating_sub(measured);
    Ok(name.to_string() + &" ".repeat(missing.div_ceil(blank.max(1)) as usize))
}

fn width(run: &Run, size: f64) -> Result<i32, FontError> {
    Ok(run.font(size).layout_box(&run.text)?.1 .0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_has_room_for_its_names() {
        assert_eq!(legend_name("training é", 32).unwrap(), "training é");
        // Whether or not this machine has a font for them.
        for name in ["训练集", "训练 a", "x\u{304}"] {
            let measured = (FONT, 32).into_font().box_size(&legend_name(name, 32).unwrap()).unwrap().0;
            assert!(measured >= pixel_width(name, 32).unwrap(), "{name}");
        }
    }
}
