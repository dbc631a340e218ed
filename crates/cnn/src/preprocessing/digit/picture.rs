//! A picture in grey: turned upright, on paper where it is transparent, and small enough to work on.

use tch::{Kind, Tensor};

use crate::engine::picture::{turned, Picture};

/// The longer side that is worked on: enough for thin strokes, and quick for a photograph of any size.
const LONGER_SIDE: usize = 1000;

/// `[height, width]` from 0 (black) to 1, the longer side at most 1,000 pixels.
pub(super) fn grey(picture: &Picture) -> Tensor {
    let (grey, alpha) = shrunk(picture);
    turned(&on_paper(&grey, &alpha), picture.orientation).contiguous()
}

/// (grey times alpha, alpha), each `[height, width]`; where the picture is large, means of squares of pixels.
fn shrunk(picture: &Picture) -> (Tensor, Tensor) {
    let Picture { width, height, channels, ref bytes, .. } = *picture;
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
