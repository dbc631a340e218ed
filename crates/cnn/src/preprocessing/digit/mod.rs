//! Pictures of one's own: from a photograph of a digit to what MNIST's makers made of their scans.
//!
//! The files stand in the order of the work: `picture` makes it grey, `desk` finds the paper, `light` takes shadows away, `ink`
//! tells pen from paper, `ruling` removes printed lines, `parts` finds the digit, `pen` thickens thin strokes, and
//! `placing` does what MNIST's makers did. `small` is the short way of pictures of MNIST's own
//! size.

mod coarse;
mod desk;
mod ink;
mod light;
mod mask;
mod parts;
mod pen;
mod picture;
mod placing;
mod ruling;
mod small;

use anyhow::{anyhow, Result};
use std::path::Path;
use tch::Tensor;

use self::mask::Mask;
use crate::engine::memory::guarded;
use crate::engine::picture::{decoded, read, Picture};

/// What a picture of one's own has become after a step of its preparation.
#[derive(Debug)]
pub struct Stage {
    /// What the step has made of it.
    pub name: &'static str,
    /// `[height, width]`, floats from 0 to 1.
    pub image: Tensor,
}

/// Reads a picture of one digit and makes of it what MNIST's makers made of theirs: `[1, 1, 28, 28]` floats from
/// 0 to 1, light on dark, the digit scaled into 20×20 pixels and centred by its mass.
///
/// Any size of PNG or JPEG will do, dark on light or light on dark. Shadows, a dark desk around the paper, printed lines
/// and specks are taken away, and thin strokes are made as thick as MNIST's; a phone's picture is turned as its EXIF
/// data says. A picture of MNIST's own kind comes out as it is. [`digit_stages`] shows each step.
///
/// # Errors
/// If the file cannot be read, is no PNG or JPEG, or shows nothing, or several digits.
///
/// Source: LeCun, Cortes and Burges, *The MNIST database of handwritten digits*.
///
/// ```
/// use cnn::{plotters::prelude::*, preprocessing::digit_from_file, Figure};
/// let figure = Figure::draw((300, 400), |area| {
///     area.draw(&PathElement::new([(170, 90), (140, 310)], BLACK.stroke_width(5)))?; // a 1, on white
///     Ok(())
/// })?;
/// let path = std::env::temp_dir().join(format!("cnn-one-{}.png", std::process::id()));
/// figure.save(&path)?;
/// let x = digit_from_file(&path)?;
/// assert_eq!(x.size(), [1, 1, 28, 28]);
/// assert_eq!(x.max().double_value(&[]), 1.0);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn digit_from_file(path: impl AsRef<Path>) -> Result<Tensor> {
    last_of(digit_stages(path)?)
}

/// Does as [`digit_from_file`] with a picture that is in memory, for example one that somebody has sent: the bytes of a PNG or JPEG
/// file. A picture of more than `most_pixels` is refused before it is unpacked, since a small file may claim any size.
///
/// # Errors
/// As [`digit_from_file`], and if the picture is larger.
///
/// ```
/// use cnn::preprocessing::digit_from_bytes;
/// let error = digit_from_bytes(b"no picture", 1_000_000).unwrap_err();
/// assert!(error.to_string().starts_with("the picture is not a PNG or JPEG picture"));
/// ```
pub fn digit_from_bytes(bytes: &[u8], most_pixels: usize) -> Result<Tensor> {
    last_of(stages("the picture", || {
        decoded(bytes, most_pixels).map_err(|error| anyhow!("the picture {error}"))
    })?)
}

fn last_of(mut stages: Vec<Stage>) -> Result<Tensor> {
    let last = stages.pop().ok_or_else(|| anyhow!("a picture has at least one stage"))?;
    Ok(last.image.reshape([1, 1, placing::SIDE, placing::SIDE]))
}

/// The steps of [`digit_from_file`], in their order: the picture in grey, its ink (light on dark, without shadows), the
/// digit cut out, scaled to 20 pixels, and centred in 28×28 pixels, which is what [`digit_from_file`] returns.
///
/// [`plots::digit_stages`](crate::plots::digit_stages) draws them.
///
/// # Errors
/// As [`digit_from_file`].
pub fn digit_stages(path: impl AsRef<Path>) -> Result<Vec<Stage>> {
    let path = path.as_ref();
    stages(&path.display().to_string(), || read(path))
}

/// The steps for a picture that errors call `name`.
fn stages(name: &str, read: impl FnOnce() -> Result<Picture>) -> Result<Vec<Stage>> {
    let advice = || format!("there is not enough memory for {name}; make the picture smaller");
    guarded(&format!("preparing {name}"), advice, || {
        let picture = read()?;
        tch::no_grad(|| prepared(&picture)).map_err(|error| anyhow!("{name} {error}"))
    })
}

/// The errors' messages go on after the file's name.
fn prepared(picture: &Picture) -> Result<Vec<Stage>> {
    let grey = picture::grey(picture);
    let (ink, digit) = match small::is_small(&grey) {
        true => small::digit(&grey)?,
        false => photographed(&grey)?,
    };
    let scaled = placing::brightest_is_1(&placing::scaled(&digit));
    let centred = placing::centred_by_mass(&scaled);
    let stages = [("grey", grey), ("ink", ink), ("box", digit), ("20×20", scaled), ("centred", centred)];
    Ok(stages.map(|(name, image)| Stage { name, image }).into())
}

/// The ink of a picture, and the digit cut out of it.
fn photographed(grey: &Tensor) -> Result<(Tensor, Tensor)> {
    let paper = desk::paper(grey)?;
    let ink = light::ink(&desk::painted_over(grey, &paper)) * &paper;
    let threshold = ink::threshold(&ink, &paper)?;
    let paper = Mask::from_tensor(&paper)?;
    let strokes_from =
        |threshold| parts::of_one_digit(&ruling::removed(&Mask::from_tensor(&ink.gt(threshold))?, &paper));
    let (threshold, strokes) = match strokes_from(threshold) {
        // A hair may have broken into pieces, which half the threshold joins; several digits stay several.
        Err(error) if error.to_string() != mask::NOTHING => {
            (threshold / 2.0, strokes_from(threshold / 2.0).map_err(|_| error)?)
        }
        strokes => (threshold, strokes?),
    };
    let digit = ink::cut_out(&ink, &strokes, threshold)?;
    Ok((ink, pen::thickened(&digit)?))
}
