//! A picture's file: PNG and JPEG are decoded into bytes; of other files it is said what they are.

use anyhow::{anyhow, bail, ensure, Result};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use tch::Tensor;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::files::explain;

/// A larger picture is a mistake, and would fill the memory; phones take up to 200 million pixels.
const MOST_PIXELS: usize = 250_000_000;
/// No picture of so many pixels has a larger file.
const LARGEST_FILE: u64 = 1 << 30;
/// What to do with a file of another format.
const SAVE_AS: &str = "save it as PNG or JPEG";

/// Bytes row by row from the top; a pixel is grey, grey and alpha, RGB, or RGBA.
pub(crate) struct Picture {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub bytes: Vec<u8>,
    /// EXIF's number, 1 to 8, for how the picture is to be [`turned`].
    pub orientation: u32,
}

/// Reads a picture's file; errors name it.
pub(crate) fn read(path: &Path) -> Result<Picture> {
    let name = path.display();
    let mut file = Vec::new();
    File::open(path)
        .and_then(|opened| opened.take(LARGEST_FILE + 1).read_to_end(&mut file))
        .map_err(|error| explain(error, &format!("the picture {name} cannot be read")))?;
    ensure!(
        file.len() as u64 <= LARGEST_FILE,
        "{name} has more than {LARGEST_FILE} bytes; this is no picture. Check the path"
    );
    decoded(&file, MOST_PIXELS).map_err(|error| anyhow!("{name} {error}"))
}

/// A picture of at most so many pixels from its file's bytes; the errors' messages go on after the file's name.
pub(crate) fn decoded(file: &[u8], most_pixels: usize) -> Result<Picture> {
    match file {
        [0x89, b'P', b'N', b'G', ..] => png(file, most_pixels),
        [0xff, 0xd8, 0xff, ..] => jpeg(file, most_pixels),
        _ => bail!("is not a PNG or JPEG picture{}", other_format(file)),
    }
}

/// What the file is instead, as far as people have such files.
fn other_format(file: &[u8]) -> String {
    let format = match file {
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', ..] => "AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if is_heic(brand) => {
            return format!(
            ": it is HEIC, as iPhones save photographs; {SAVE_AS} (for new photographs: Settings > Camera > \
                 Formats > Most Compatible)"
        )
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "WebP",
        [b'G', b'I', b'F', b'8', ..] => "GIF",
        [b'B', b'M', ..] => "BMP",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "TIFF",
        [] => return format!(": the file is empty; check the path, or {SAVE_AS} again"),
        _ => return format!("; {SAVE_AS}"),
    };
    format!(": it is {format}; {SAVE_AS}")
}

fn is_heic(brand: &[u8]) -> bool {
    [&b"hei"[..], b"hev", b"mif", b"msf"].iter().any(|start| brand.starts_with(start))
}

fn sensible_size(width: usize, height: usize, most_pixels: usize) -> Result<()> {
    ensure!(
        width.checked_mul(height).is_some_and(|pixels| pixels <= most_pixels.min(MOST_PIXELS)),
        "has {width}×{height} pixels, more than {}; make it smaller",
        many(most_pixels.min(MOST_PIXELS))
    );
    Ok(())
}

/// 250 million, 999: millions where it is one of them at least.
fn many(count: usize) -> String {
    match count / 1_000_000 {
        0 => count.to_string(),
        millions => format!("{millions} million"),
    }
}

fn png(file: &[u8], most_pixels: usize) -> Result<Picture> {
    let damaged = |error: png::DecodingError| anyhow!("is a damaged PNG picture ({error}); save it again");
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    sensible_size(width, height, most_pixels)?;
    let orientation = reader.info().exif_metadata.as_deref().map_or(1, orientation);
    let channels = reader.output_color_type().0.samples();
    let mut bytes = vec![0; width * height * channels];
    reader.next_frame(&mut bytes).map_err(damaged)?;
    Ok(Picture { width, height, channels, bytes, orientation })
}

fn jpeg(file: &[u8], most_pixels: usize) -> Result<Picture> {
    // Some of the decoder's messages end with a new line.
    let damaged = |error: &dyn std::fmt::Display| {
        anyhow!("is a damaged JPEG picture ({}); save it again", error.to_string().trim())
    };
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged(&"it has no size"))?;
    sensible_size(width, height, most_pixels)?;
    // The decoder paints grey what a file lacks.
    ensure!(jpeg_is_whole(file), damaged(&"its end is missing"));
    let bytes = decoder.decode().map_err(|error| damaged(&error))?;
    let channels = bytes.len() / (width * height).max(1);
    ensure!(
        (1..=4).contains(&channels) && bytes.len() == width * height * channels,
        damaged(&"it has an unknown kind of colours")
    );
    let orientation = decoder.exif().map_or(1, |exif| orientation(exif));
    Ok(Picture { width, height, channels, bytes, orientation })
}

/// Whether the end marker comes after the pixels; a thumbnail in the headers has one of its own.
fn jpeg_is_whole(file: &[u8]) -> bool {
    let mut position = 2;
    while let Some(&[0xff, marker, high, low]) = file.get(position..position + 4) {
        position += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xda {
            return file.get(position..).is_some_and(|rest| rest.windows(2).any(|pair| pair == [0xff, 0xd9]));
        }
    }
    // Bytes between the segments: not worth an error of its own.
    true
}

/// EXIF's number, 1 to 8, for how the picture is to be turned; 1 where there is none.
fn orientation(exif: &[u8]) -> u32 {
    exif::Reader::new()
        .read_raw(exif.to_vec())
        .ok()
        .and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0))
        .unwrap_or(1)
}

/// An image `[.., height, width]` upright, from how EXIF says that the camera was held.
pub(crate) fn turned(image: &Tensor, orientation: u32) -> Tensor {
    match orientation {
        2 => image.flip([-1]),
        3 => image.flip([-2, -1]),
        4 => image.flip([-2]),
        5 => image.transpose(-2, -1),
        6 => image.transpose(-2, -1).flip([-1]),
        7 => image.transpose(-2, -1).flip([-2, -1]),
        8 => image.transpose(-2, -1).flip([-2]),
        _ => image.shallow_clone(),
    }
}
