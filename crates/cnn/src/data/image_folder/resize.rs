//! A picture at an image's size.
//!
//! libtorch has such an operation, too. It rounds bytes in another way from machine to machine, wants a large photograph as floats, and
//! shares out the work on one picture, while here each thread has a picture of its own.

use crate::engine::interpolation::Interpolation;
use crate::engine::picture::Picture;

use super::arguments::ImageFolder;

/// A part of a picture's rows or columns.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    first: usize,
    length: usize,
}

/// The places along an axis of a picture that a place of the image is a mean of, with the weight of each.
#[derive(Debug, PartialEq)]
struct Window {
    first: usize,
    weights: Vec<f32>,
}

/// The picture as `height` × `width` pixels of `C` channels, bytes, channel by channel: grey where that is 1, else red, green
/// and blue. It is cut off, stretched or given stripes as the arguments say, and lies as in the file.
pub(super) fn resized<const C: usize>(
    picture: &Picture,
    (height, width): (usize, usize),
    arguments: &ImageFolder,
) -> Vec<u8> {
    let ((down, across), (rows, columns)) = placed(picture, (height, width), arguments);
    let windows = |from: Span, to: usize| windows(from, to, arguments.interpolation, arguments.antialias);
    let mut image = vec![0; C * height * width];
    let (columns_of, rows_of) = (windows(across, columns.length), windows(down, rows.length));
    let mut sums = vec![[0.0_f32; C]; rows.length * columns.length];
    let (mut row, mut line) = (Vec::new(), Vec::new());
    for y in down.first..down.first + down.length {
        // Both ends of the windows grow from row to row.
        let begin = rows_of.partition_point(|window| window.first + window.weights.len() <= y);
        let end = rows_of.partition_point(|window| window.first <= y);
        if begin >= end {
            continue;
        }
        let stride = picture.width * picture.channels;
        row.clear();
        row.extend(picture.bytes[y * stride..][..stride].chunks_exact(picture.channels).map(colour::<C>));
        line.clear();
        line.extend(columns_of.iter().map(|window| mean(&row[window.first..], &window.weights)));
        for target in begin..end {
            let weight = rows_of[target].weights[y - rows_of[target].first];
            let sums = &mut sums[target * columns.length..][..columns.length];
            for (sum, pixel) in sums.iter_mut().zip(&line) {
                (0..C).for_each(|channel| sum[channel] += weight * pixel[channel]);
            }
        }
    }
    for (index, pixel) in sums.iter().enumerate() {
        let (y, x) = (rows.first + index / columns.length, columns.first + index % columns.length);
        for channel in 0..C {
            image[(channel * height + y) * width + x] = (pixel[channel] + 0.5) as u8;
        }
    }
    image
}

/// What is taken of the picture's rows and columns, and which of the image's it becomes.
///
/// Source: `smart_resize` in `keras/src/utils/image_utils.py`, and `resize` in `keras/src/backend/tensorflow/image.py`.
fn placed(
    picture: &Picture,
    (height, width): (usize, usize),
    arguments: &ImageFolder,
) -> ((Span, Span), (Span, Span)) {
    // The part of `whole` that has the other side's proportions.
    let part = |whole: usize, other: usize, to: usize, other_to: usize| {
        let length = (other * to / other_to).clamp(1, whole);
        Span { first: (whole - length) / 2, length }
    };
    let all = |length| Span { first: 0, length };
    let (mut from, mut to) = ((all(picture.height), all(picture.width)), (all(height), all(width)));
    if arguments.crop_to_aspect_ratio {
        from.0 = part(picture.height, picture.width, height, width);
        from.1 = part(picture.width, picture.height, width, height);
    }
    if arguments.pad_to_aspect_ratio {
        to.0 = part(height, width, picture.height, picture.width);
        to.1 = part(width, height, picture.width, picture.height);
    }
    (from, to)
}

/// A window for each of `to` places along an axis. With `antialias`, a window is as wide as two places of the image, if
/// these are wider than the picture's; otherwise as wide as two of the picture's.
///
/// Source: `upsample_bilinear2d` and `_upsample_bilinear2d_aa` of libtorch, with `align_corners` false.
fn windows(from: Span, to: usize, interpolation: Interpolation, antialias: bool) -> Vec<Window> {
    let scale = from.length as f64 / to as f64;
    let window = |place: usize| {
        let middle = (place as f64 + 0.5) * scale;
        if interpolation == Interpolation::Nearest {
            let nearest = (middle as usize).min(from.length - 1);
            return Window { first: from.first + nearest, weights: vec![1.0] };
        }
        let reach = if antialias { scale.max(1.0) } else { 1.0 };
        let first = (middle - reach + 0.5).max(0.0) as usize;
        let end = ((middle + reach + 0.5) as usize).min(from.length);
        let weight = |place: usize| (1.0 - (place as f64 + 0.5 - middle).abs() / reach).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let weights = weights.into_iter().map(|weight| (weight / sum) as f32).collect();
        Window { first: from.first + first, weights }
    };
    (0..to).map(window).collect()
}

fn mean<const C: usize>(pixels: &[[f32; C]], weights: &[f32]) -> [f32; C] {
    let mut sum = [0.0; C];
    for (pixel, weight) in pixels.iter().zip(weights) {
        (0..C).for_each(|channel| sum[channel] += weight * pixel[channel]);
    }
    sum
}

/// A pixel of the file, 0 to 255, on white where it is transparent.
fn colour<const C: usize>(pixel: &[u8]) -> [f32; C] {
    let (levels, alpha) = match *pixel {
        [grey] => ([grey; 3], 255),
        [grey, alpha] => ([grey; 3], alpha),
        [red, green, blue, ref alpha @ ..] => ([red, green, blue], *alpha.first().unwrap_or(&255)),
        [] => ([0; 3], 255),
    };
    let share = f32::from(alpha) / 255.0;
    let [red, green, blue] = levels.map(|level| f32::from(level) * share + 255.0 * (1.0 - share));
    let grey = if red == green && green == blue { red } else { 0.299 * red + 0.587 * green + 0.114 * blue };
    // The constant is 1 or 3.
    let levels = if C == 1 { [grey; 3] } else { [red, green, blue] };
    std::array::from_fn(|channel| levels[channel])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    fn picture(height: usize, width: usize, channels: usize) -> Picture {
        let bytes = (0..height * width * channels).map(|index| (index * 7919 % 251) as u8).collect();
        Picture { width, height, channels, bytes, orientation: 1 }
    }

    /// The largest difference from libtorch's operation on floats.
    fn difference(picture: &Picture, size: (usize, usize), arguments: &ImageFolder) -> f64 {
        let shape = [picture.height, picture.width, picture.channels].map(|side| side as i64);
        let floats = Tensor::from_slice(&picture.bytes).to_kind(Kind::Float).reshape(shape);
        let floats = floats.permute([2, 0, 1]).unsqueeze(0).contiguous();
        let to = [size.0 as i64, size.1 as i64];
        let theirs = match (arguments.interpolation, arguments.antialias) {
            (Interpolation::Nearest, _) => floats.internal_upsample_nearest_exact2d(to, None, None),
            (_, true) => floats.internal_upsample_bilinear2d_aa(to, false, None, None),
            (_, false) => floats.upsample_bilinear2d(to, false, None, None),
        };
        let ours = Tensor::from_slice(&resized::<3>(picture, size, arguments)).reshape([1, 3, to[0], to[1]]);
        (ours.to_kind(Kind::Float) - theirs).abs().max().double_value(&[])
    }

    #[test]
    fn images_have_libtorchs_numbers() {
        for (height, width, size) in [
            (9, 13, (9, 13)),
            (40, 31, (7, 10)),
            (5, 4, (16, 16)),
            (30, 4, (3, 9)),
            (1, 1, (4, 4)),
            (7, 7, (1, 1)),
        ] {
            for antialias in [true, false] {
                for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
                    let arguments = ImageFolder { antialias, interpolation, ..ImageFolder::default() };
                    let difference = difference(&picture(height, width, 3), size, &arguments);
                    assert!(difference <= 0.501, "{height}×{width} to {size:?}, {arguments:?}: {difference}");
                }
            }
        }
    }

    #[test]
    fn a_picture_of_the_images_size_stays_as_it_is() {
        let picture = picture(5, 6, 3);
        let image = resized::<3>(&picture, (5, 6), &ImageFolder::default());
        let planes = [0, 1, 2]
            .map(|channel| picture.bytes.iter().skip(channel).step_by(3).copied().collect::<Vec<u8>>());
        assert_eq!(image, planes.concat());
    }

    #[test]
    fn proportions_are_kept_by_cutting_off_or_by_stripes() {
        let wide = Picture {
            width: 8,
            height: 4,
            channels: 1,
            bytes: [[0, 0, 9, 9, 9, 9, 0, 0]; 4].concat(),
            orientation: 1,
        };
        let cut = ImageFolder { crop_to_aspect_ratio: true, ..ImageFolder::default() };
        assert_eq!(resized::<1>(&wide, (2, 2), &cut), [9; 4]);
        let striped = ImageFolder {
            pad_to_aspect_ratio: true,
            interpolation: Interpolation::Nearest,
            ..ImageFolder::default()
        };
        assert_eq!(
            resized::<1>(&wide, (4, 4), &striped),
            [[0; 4], [0, 9, 9, 0], [0, 9, 9, 0], [0; 4]].concat()
        );
        // A line of one pixel has no middle part, and is still there.
        let line = picture(1, 500, 1);
        for arguments in [cut, striped] {
            assert_eq!(resized::<1>(&line, (2, 3), &arguments).len(), 6);
        }
    }

    #[test]
    fn colours_become_grey_and_transparent_parts_white() {
        assert_eq!(colour::<3>(&[7]), [7.0; 3]);
        assert_eq!(colour::<3>(&[1, 2, 3, 0]), [255.0; 3]);
        assert_eq!(colour::<3>(&[1, 2, 3, 255]), [1.0, 2.0, 3.0]);
        assert_eq!(colour::<1>(&[9, 0]), [255.0]);
        assert_eq!(colour::<1>(&[200, 100, 50]), [0.299 * 200.0 + 0.587 * 100.0 + 0.114 * 50.0]);
        assert_eq!(colour::<1>(&[77; 3]), [77.0]);
    }
}
