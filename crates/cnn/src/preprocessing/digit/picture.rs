//! A picture's file in grey: decoded, turned upright, on white where it is transparent, and small enough to work on.

use anyhow::{anyhow, bail, ensure, Result};
use std::io::Cursor;
use tch::{Kind, Tensor};
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The longer side that is worked on: enough for thin strokes, and quick for a photograph of any size.
const LONGER_SIDE: usize = 1000;
/// A larger picture is a mistake, and would fill the memory; phones take up to 200 million pixels.
const MOST_PIXELS: usize = 250_000_000;
/// What to do with a file of another format.
const SAVE_AS: &str = "save it as PNG or JPEG";

/// Bytes row by row from the top; a pixel is grey, grey and alpha, RGB, or RGBA.
struct Decoded {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
    exif: Option<Vec<u8>>,
}

/// `[height, width]` from 0 (black) to 1, the longer side at most 1,000 pixels.
pub(super) fn grey(file: &[u8]) -> Result<Tensor> {
    let decoded = match file {
        [0x89, b'P', b'N', b'G', ..] => png(file)?,
        [0xff, 0xd8, 0xff, ..] => jpeg(file)?,
        _ => bail!("is not a PNG or JPEG picture{}", other_format(file)),
    };
    let orientation = decoded.exif.as_deref().map_or(1, orientation);
    let (grey, alpha) = shrunk(&decoded);
    Ok(turned(&on_paper(&grey, &alpha), orientation).contiguous())
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

fn sensible_size(width: usize, height: usize) -> Result<()> {
    ensure!(
        width.checked_mul(height).is_some_and(|pixels| pixels <= MOST_PIXELS),
        "has {width}×{height} pixels, more than {} million; make it smaller",
        MOST_PIXELS / 1_000_000
    );
    Ok(())
}

fn png(file: &[u8]) -> Result<Decoded> {
    let damaged = |error: png::DecodingError| anyhow!("is a damaged PNG picture ({error}); save it again");
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    sensible_size(width, height)?;
    let exif = reader.info().exif_metadata.as_ref().map(|bytes| bytes.to_vec());
    let channels = reader.output_color_type().0.samples();
    let mut bytes = vec![0; width * height * channels];
    reader.next_frame(&mut bytes).map_err(damaged)?;
    Ok(Decoded { width, height, channels, bytes, exif })
}

fn jpeg(file: &[u8]) -> Result<Decoded> {
    let damaged =
        |error: &dyn std::fmt::Display| anyhow!("is a damaged JPEG picture ({error}); save it again");
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged(&"it has no size"))?;
    sensible_size(width, height)?;
    // The decoder paints grey what a file lacks.
    ensure!(jpeg_is_whole(file), damaged(&"its end is missing"));
    let bytes = decoder.decode().map_err(|error| damaged(&error))?;
    let channels = bytes.len() / (width * height).max(1);
    ensure!(
        (1..=4).contains(&channels) && bytes.len() == width * height * channels,
        damaged(&"it has an unknown kind of colours")
    );
    Ok(Decoded { width, height, channels, bytes, exif: decoder.exif().cloned() })
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

/// (grey times alpha, alpha), each `[height, width]`; where the picture is large, means of squares of pixels.
fn shrunk(picture: &Decoded) -> (Tensor, Tensor) {
    let Decoded { width, height, channels, ref bytes, .. } = *picture;
    let step = width.max(height).div_ceil(LONGER_SIDE);
    let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
    let (mut grey, mut alpha) = (Vec::with_capacity(columns * rows), Vec::with_capacity(columns * rows));
    for band in bytes.chunks(step * width * channels) {
        let mut sums = vec![(0_u64, 0_u64); columns];
        for row in band.chunks_exact(width * channels) {
            for (pixels, sum) in row.chunks(step * channels).zip(&mut sums) {
                for pixel in pixels.chunks_exact(channels) {
                    // Thirds of grey, so that all are whole numbers.
                    let (thirds, alpha) = match *pixel {
                        [grey] => (3 * u64::from(grey), 255),
                        [grey, alpha] => (3 * u64::from(grey), u64::from(alpha)),
                        [red, green, blue] => (u64::from(red) + u64::from(green) + u64::from(blue), 255),
                        [red, green, blue, alpha] => {
                            (u64::from(red) + u64::from(green) + u64::from(blue), u64::from(alpha))
                        }
                        _ => (0, 255),
                    };
                    sum.0 += thirds * alpha;
                    sum.1 += alpha;
                }
            }
        }
        let band_rows = band.len() / (width * channels);
        for (column, (thirds, opaque)) in sums.into_iter().enumerate() {
            let pixels = (band_rows * step.min(width - column * step)) as f64;
            grey.push((thirds as f64 / (3.0 * 255.0 * 255.0 * pixels)) as f32);
            alpha.push((opaque as f64 / (255.0 * pixels)) as f32);
        }
    }
    let shape = [rows as i64, columns as i64];
    (Tensor::from_slice(&grey).reshape(shape), Tensor::from_slice(&alpha).reshape(shape))
}

/// Transparent parts become paper: white under dark ink, black under light ink. Where only an edge is transparent, the
/// picture has paper of its own, and its mean colour goes on.
fn on_paper(grey: &Tensor, alpha: &Tensor) -> Tensor {
    let opaque = alpha.mean(Kind::Double).double_value(&[]);
    if opaque == 1.0 {
        return grey.shallow_clone();
    }
    let mean = grey.mean(Kind::Double).double_value(&[]) / opaque.max(1e-9);
    let paper = match opaque > 0.5 {
        true => mean,
        false if mean < 0.5 => 1.0,
        false => 0.0,
    };
    grey + (1.0 - alpha) * paper
}

/// Upright, from how EXIF says that the camera was held.
fn turned(grey: &Tensor, orientation: u32) -> Tensor {
    match orientation {
        2 => grey.flip([1]),
        3 => grey.flip([0, 1]),
        4 => grey.flip([0]),
        5 => grey.tr(),
        6 => grey.tr().flip([1]),
        7 => grey.tr().flip([0, 1]),
        8 => grey.tr().flip([0]),
        _ => grey.shallow_clone(),
    }
}
