//! Pixels in memory: put together, halved, and written as PNG.

use base64::{engine::general_purpose::STANDARD, Engine};

/// `width` × `height` pixels of red, green and blue, row by row from the top.
#[derive(Clone, PartialEq)]
pub(crate) struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

impl Pixels {
    /// Half as wide and half as high: each pixel is the mean of four. Edges become smooth.
    pub fn halved(&self) -> Pixels {
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
        Pixels { width, height, rgb }
    }

    /// The parts on white, each with its upper left corner at (left, top).
    pub fn composed((width, height): (u32, u32), parts: &[(&Pixels, (u32, u32))]) -> Pixels {
        let mut whole = Pixels { width, height, rgb: vec![255; width as usize * height as usize * 3] };
        parts.iter().for_each(|(picture, place)| whole.put(picture, *place));
        whole
    }

    /// Puts a picture on this one, with its upper left corner at (left, top).
    pub fn put(&mut self, picture: &Pixels, (left, top): (u32, u32)) {
        let row_bytes = picture.width as usize * 3;
        for (row, pixels) in picture.rgb.chunks_exact(row_bytes).enumerate() {
            let start = ((top as usize + row) * self.width as usize + left as usize) * 3;
            self.rgb[start..start + row_bytes].copy_from_slice(pixels);
        }
    }

    /// A PNG file as pages embed it.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.png())
    }

    /// The bytes of a PNG file. Few colours are stored as a palette, which is smaller.
    pub fn png(&self) -> Vec<u8> {
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

    /// The colours and, per pixel, the index of its colour; `None` if there are over 256.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(width: u32, height: u32, value: u8) -> Pixels {
        Pixels { width, height, rgb: vec![value; (width * height * 3) as usize] }
    }

    #[test]
    fn pictures_are_put_together_on_white() {
        let pair = Pixels::composed((3, 2), &[(&filled(2, 1, 0), (0, 0)), (&filled(1, 2, 9), (2, 0))]);
        let red: Vec<u8> = pair.rgb.iter().step_by(3).copied().collect();
        assert_eq!(red, [0, 0, 9, 255, 255, 9]);
    }

    #[test]
    fn a_halved_picture_has_the_mean_of_four_pixels() {
        let black_above_white =
            Pixels::composed((4, 2), &[(&filled(4, 1, 0), (0, 0)), (&filled(4, 1, 255), (0, 1))]);
        assert!(black_above_white.halved() == filled(2, 1, 127));
    }

    #[test]
    fn the_png_holds_the_same_pixels() {
        let mut picture = filled(20, 20, 0);
        for colours in [2, 400] {
            for pixel in 0..400 {
                let colour = pixel % colours;
                picture.rgb[pixel * 3] = (colour % 256) as u8;
                picture.rgb[pixel * 3 + 1] = (colour / 256) as u8;
            }
            let png = picture.png();
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&png));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; 20 * 20 * 3];
            reader.next_frame(&mut pixels).unwrap();
            assert_eq!(pixels, picture.rgb);
        }
    }
}
