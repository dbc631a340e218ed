//! Clothes drawn by the computer, for when Fashion-MNIST cannot be downloaded: its ten classes, in its manner.
//!
//! A garment is cut by a few measures (length, width, sleeves, heel ...), which are drawn at random for each image, and
//! comes as a list of pieces: what is painted later covers what is there. It is then stretched and turned a little,
//! scaled to fill 28x28 pixels, as Fashion-MNIST's are, and painted in a random cloth: its tone, pattern and folds.
//!
//! Units: measures are hundredths of a square, with x = 0 in the middle of what is symmetrical.

use rand::rngs::StdRng;
use rand::Rng;
use std::f32::consts::TAU;

use super::canvas::{byte, Canvas};
use super::garments::{sew, Stuff};
use super::shape::{Point, Pose};
use super::{grain, normal, share_out, Drawn};

/// Rows, and columns, of an image.
const SIDE: usize = 28;
/// Bytes of an image.
const PIXELS: usize = SIDE * SIDE;

/// Draws `count` garments; each label is drawn uniformly from 0 to 9: T-shirt/top, trouser, pullover, dress, coat,
/// sandal, shirt, sneaker, bag, ankle boot, as in Fashion-MNIST.
///
/// An image has `28 * 28` bytes, row by row: 0 is the background, 255 the lightest cloth. The same seed always gives
/// the same garments, and a larger count only adds to them.
///
/// ```
/// let drawn = cnn::data::synthetic::fashion(10, 42);
/// assert_eq!((drawn.images.len(), drawn.labels.len()), (10 * 28 * 28, 10));
/// ```
pub fn fashion(count: usize, seed: u64) -> Drawn {
    fashion_with(count, seed, |_more| Ok(())).expect("nothing ends the work early")
}

/// `fashion`, calling `report` with the number of every few images that are drawn; an error ends the work.
pub(crate) fn fashion_with(
    count: usize,
    seed: u64,
    report: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Drawn> {
    share_out(count, PIXELS, seed, draw, report)
}

/// What a garment is made of: how light it is at each place.
struct Fabric {
    tone: f32,
    /// Two waves; the first may be sharp, as stripes and checks are.
    pattern: Pattern,
    waves: [[f32; 2]; 2],
    phases: [f32; 2],
    depth: f32,
    folds: [[f32; 4]; 3],
}

#[derive(Clone, Copy)]
enum Pattern {
    Plain,
    Stripes,
    Checks,
    Dots,
}

impl Fabric {
    fn new(rng: &mut StdRng, patterned: f64) -> Fabric {
        let pattern = match rng.gen_bool(patterned) {
            true => [Pattern::Stripes, Pattern::Checks, Pattern::Dots][rng.gen_range(0..3)],
            false => Pattern::Plain,
        };
        let tone = if rng.gen_bool(0.15) { rng.gen_range(0.2..0.45) } else { rng.gen_range(0.45..1.0) };
        let (pitch, ratio) = (TAU / rng.gen_range(2.2..7.0), rng.gen_range(0.7..1.4));
        // Stripes go across two times out of three, otherwise up and down, and never quite so.
        let turn: f32 = 0.08 * normal(rng) + if rng.gen_bool(0.67) { 0.0 } else { TAU / 4.0 };
        let (sin, cos) = turn.sin_cos();
        Fabric {
            tone,
            pattern,
            waves: [[pitch * sin, pitch * cos], [ratio * pitch * cos, -ratio * pitch * sin]],
            phases: [rng.gen_range(0.0..TAU), rng.gen_range(0.0..TAU)],
            depth: rng.gen_range(0.2..0.75) * if tone < 0.45 { -1.0 } else { 1.0 },
            folds: std::array::from_fn(|_| {
                let size = 0.05 * normal(rng);
                [0.35 * normal(rng), 0.2 * normal(rng), rng.gen_range(0.0..TAU), size]
            }),
        }
    }

    /// How light the cloth is at a pixel.
    fn at(&self, (x, y): Point) -> f32 {
        let wave = |i: usize| (self.waves[i][0] * x + self.waves[i][1] * y + self.phases[i]).sin();
        let sharp = |value: f32| (2.5 * value + 0.5).clamp(0.0, 1.0);
        let dark = match self.pattern {
            Pattern::Plain => 0.0,
            Pattern::Stripes => sharp(wave(0)),
            Pattern::Checks => (sharp(wave(0)) + sharp(wave(1))) / 2.0,
            Pattern::Dots => sharp(wave(0) * wave(1) - 0.3),
        };
        let folds: f32 =
            self.folds.iter().map(|[a, b, phase, size]| size * (a * x + b * y + phase).sin()).sum();
        self.tone * (1.0 - self.depth * dark) + folds
    }
}

/// Draws one garment, from its measures to its pixels.
pub(super) fn draw(label: u8, rng: &mut StdRng, image: &mut [u8]) {
    let pieces = sew(label, rng);
    let is_shoe = [5, 7, 9].contains(&label);
    let mirror = if is_shoe && rng.gen_bool(0.25) { -1.0 } else { 1.0 };
    let stretch = (mirror * (0.11 * normal(rng)).exp(), if label == 7 { 0.85 } else { 1.0 });
    let pose = Pose::new(stretch, 0.04 * normal(rng), 0.07 * normal(rng));
    let size = rng.gen_range(0.8..1.0) * SIDE as f32;
    let mut middle = || SIDE as f32 / 2.0 + (0.4 + 0.22 * (SIDE as f32 - size)) * normal(rng);
    let pose = pose.fitted(pieces.iter().map(|(shape, _)| shape), size, (middle(), middle()));

    let patterned = [0.35, 0.12, 0.35, 0.35, 0.15, 0.1, 0.6, 0.1, 0.2, 0.05][usize::from(label)];
    let fabric = Fabric::new(rng, patterned);
    let light = rng.gen_range(-0.12..0.12);
    let mut canvas = Canvas::new(SIDE, |_| [0.0; 3]);
    for (shape, stuff) in &pieces {
        let shape = shape.posed(&pose);
        let [left, top, right, bottom] = shape.bounds();
        canvas.paint(&shape, |(x, y)| {
            // Cloth turns away from the light at its sides; shoes do at the top.
            let (across, down) =
                (2.0 * (x - left) / (right - left) - 1.0, 2.0 * (y - top) / (bottom - top) - 1.0);
            let round = if is_shoe { 0.12 * down } else { -0.16 * across.powi(4) } + light * across;
            let level = match *stuff {
                Stuff::Cloth(shade) => (fabric.at((x, y)) * shade + round * fabric.tone).max(0.03),
                Stuff::Plain(tone) => tone,
            };
            [level; 3]
        });
    }
    let weave = rng.gen_range(0.005..0.035);
    for (byte_, [level, ..]) in image.iter_mut().zip(canvas.pixels) {
        *byte_ = if level > 0.02 { byte(level + weave * grain(rng)) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_garment_is_visible_on_black() {
        let drawn = fashion(3_000, 8);
        for (image, label) in drawn.images.chunks(PIXELS).zip(&drawn.labels) {
            let lit = image.iter().filter(|&&pixel| pixel > 20).count();
            assert!((50..740).contains(&lit), "{lit} pixels of class {label}");
            let light: u32 = image.iter().copied().map(u32::from).sum();
            assert!(light / lit as u32 > 30, "class {label}");
        }
    }

    #[test]
    fn as_light_as_clothes_in_photographs() {
        let images = fashion(5_000, 7).images;
        let mean = images.iter().map(|&pixel| f64::from(pixel) / 255.0).sum::<f64>() / images.len() as f64;
        assert!((0.18..0.32).contains(&mean), "mean {mean}"); // Fashion-MNIST's is 0.286
    }
}
