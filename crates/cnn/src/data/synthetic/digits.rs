//! Handwritten digits drawn by the computer, for when MNIST cannot be downloaded.
//!
//! Each digit starts as a *skeleton*: the path of the pen, designed by hand, in several styles per digit.
//! A random hand then writes it: every point of the path moves a little, the whole digit is stretched, slanted,
//! turned and bent, and a pen of random width follows the result. The picture is finished the way MNIST's were:
//! the digit is scaled to fit a box of 20x20 pixels, and its centre of mass goes to the middle of 28x28 pixels.
//!
//! Units: a skeleton is drawn in hundredths of the unit square, x to the right and y downwards; lengths are fractions
//! of its side until `fit_to_box`, and pixels afterwards. Pixel values go from 0 (background) to 255 (ink).
//!
//! The skeletons were designed with an eye on MNIST, but none of its pixels is used. A small network trained on these
//! digits alone reads 99 % of others drawn here, and about 95 % of MNIST's test images.

use rand::rngs::StdRng;
use rand::Rng;
use std::f32::consts::TAU;

use super::shape::{spline, unsteady};
use super::{normal, share_out, Drawn};

/// Rows, and columns, of an image.
const SIDE: usize = 28;
/// Bytes of an image.
const PIXELS: usize = SIDE * SIDE;
/// Side of the box that a digit fills, in pixels.
const BOX: f32 = 20.0;
/// Row, and column, where the centre of mass goes: the mean of MNIST's.
const CENTRE: f32 = 14.0;
/// Dots that the pen leaves per unit of length: enough to look like a continuous line.
const DOTS_PER_UNIT: f32 = 40.0;

/// What the pen draws without being lifted: a smooth curve through the points. A point written twice is a corner.
type Stroke = &'static [(u8, u8)];
/// One way of writing a digit: its strokes.
type Style = &'static [Stroke];

/// The ways of writing each digit, all equally likely; a point is (x, y) in hundredths.
#[rustfmt::skip]
const STYLES: [&[Style]; 10] = [
    &[ // 0: round, narrow, closed on the left, wide and flat, started at the left
        &[&[(54, 2), (20, 22), (16, 70), (46, 98), (80, 74), (82, 26), (54, 2), (40, 6)]],
        &[&[(56, 2), (33, 24), (30, 72), (48, 98), (70, 74), (70, 26), (54, 2), (44, 6)]],
        &[&[(34, 12), (18, 52), (36, 95), (70, 84), (82, 36), (58, 3), (30, 16), (22, 32)]],
        &[&[(60, 16), (16, 28), (8, 66), (44, 86), (88, 70), (90, 32), (54, 15), (36, 18)]],
        &[&[(24, 26), (16, 66), (42, 98), (76, 76), (78, 28), (52, 2), (26, 22), (18, 44)]],
    ],
    &[ // 1: a bar (four times: most people's), with a serif, with a serif and a foot
        &[&[(50, 0), (50, 100)]],
        &[&[(52, 0), (50, 50), (50, 100)]],
        &[&[(58, 0), (42, 100)]],
        &[&[(64, 0), (50, 50), (36, 100)]],
        &[&[(38, 16), (54, 0), (54, 0), (51, 50), (50, 100)]],
        &[&[(30, 20), (52, 0), (52, 0), (51, 50), (50, 100)], &[(22, 100), (80, 99)]],
    ],
    &[ // 2: with a corner, a small loop, Z-like, swan-necked, a large loop, a narrow one, low, round, with a long foot
        &[&[(14, 25), (30, 6), (58, 3), (76, 22), (66, 50), (40, 76), (10, 96), (10, 96), (50, 94), (92, 96)]],
        &[&[(16, 20), (40, 2), (70, 14), (68, 45), (44, 78), (20, 95), (8, 84), (24, 74), (50, 86), (74, 96), (95, 86)]],
        &[&[(16, 10), (45, 4), (78, 8), (70, 36), (42, 68), (14, 96), (14, 96), (50, 97), (88, 92)]],
        &[&[(22, 30), (28, 8), (52, 0), (72, 18), (66, 48), (46, 74), (14, 92), (14, 92), (40, 86), (66, 94), (92, 96)]],
        &[&[(20, 16), (50, 0), (74, 20), (72, 56), (52, 90), (24, 98), (10, 80), (26, 62), (54, 70), (80, 88), (100, 86)]],
        &[&[(22, 14), (50, 2), (70, 22), (48, 64), (14, 96), (10, 80), (30, 70), (62, 84), (96, 100)]],
        &[&[(10, 30), (36, 14), (64, 20), (62, 44), (34, 70), (6, 88), (6, 88), (46, 80), (100, 82)]],
        &[&[(16, 24), (42, 2), (76, 14), (78, 50), (60, 84), (30, 98), (16, 84), (34, 72), (62, 84), (86, 100)]],
        &[&[(28, 12), (48, 2), (60, 16), (44, 52), (12, 92), (12, 92), (50, 92), (96, 90)]],
    ],
    &[ // 3: two bows, looped between them, flat on top, with a small upper bow, with curled ends, shallow
        &[&[(18, 14), (44, 1), (72, 14), (64, 38), (38, 47), (38, 47), (70, 55), (80, 76), (58, 96), (30, 98), (12, 86)]],
        &[&[(20, 12), (48, 1), (74, 16), (62, 40), (40, 50), (38, 42), (52, 44), (76, 60), (74, 86), (46, 99), (14, 90)]],
        &[&[(18, 4), (46, 4), (76, 3), (76, 3), (42, 40), (42, 40), (74, 52), (80, 78), (52, 98), (14, 90)]],
        &[&[(26, 10), (50, 0), (68, 14), (58, 34), (36, 40), (36, 40), (74, 50), (82, 76), (52, 98), (16, 94)]],
        &[&[(24, 26), (30, 6), (56, 0), (74, 18), (62, 40), (42, 46), (42, 46), (68, 54), (76, 78), (56, 98), (30, 94), (24, 74)]],
        &[&[(22, 10), (52, 2), (66, 16), (54, 36), (36, 46), (36, 46), (60, 54), (64, 74), (44, 92), (18, 98)]],
    ],
    &[ // 4: open, closed, rounded and in one stroke, open with a long tail, open with a low bar
        &[&[(22, 4), (12, 52), (12, 52), (46, 52), (86, 48)], &[(72, 8), (66, 54), (60, 100)]],
        &[&[(66, 0), (36, 32), (8, 62), (8, 62), (50, 62), (94, 60)], &[(66, 2), (64, 50), (62, 100)]],
        &[&[(22, 4), (14, 34), (30, 48), (60, 40), (78, 6), (78, 6), (68, 54), (60, 100)]],
        &[&[(30, 2), (14, 38), (14, 38), (44, 40), (78, 36)], &[(74, 4), (62, 50), (46, 100)]],
        &[&[(30, 0), (12, 66), (12, 66), (50, 66), (90, 62)], &[(64, 24), (60, 60), (56, 100)]],
    ],
    &[ // 5: with a separate bar, in one stroke, S-like, with a long back, with a low belly, a wide bar, a high one
        &[&[(34, 8), (28, 44), (28, 44), (58, 42), (74, 66), (56, 94), (14, 94)], &[(34, 7), (60, 6), (88, 2)]],
        &[&[(84, 4), (58, 5), (32, 6), (32, 6), (24, 46), (24, 46), (56, 42), (76, 64), (60, 92), (14, 92)]],
        &[&[(80, 4), (44, 10), (30, 32), (52, 48), (66, 70), (48, 94), (16, 92)]],
        &[&[(72, 4), (50, 5), (30, 6), (30, 6), (26, 54), (26, 54), (52, 48), (70, 68), (58, 95), (30, 94), (20, 82)]],
        &[&[(30, 10), (26, 38), (26, 38), (60, 36), (82, 62), (64, 94), (32, 98), (14, 84)],
          &[(32, 10), (54, 9), (72, 4)]],
        &[&[(100, 4), (70, 10), (38, 14), (38, 14), (28, 46), (28, 46), (52, 46), (62, 68), (42, 92), (4, 96)]],
        &[&[(38, 14), (24, 46), (24, 46), (56, 38), (78, 60), (66, 90), (34, 100), (10, 86)],
          &[(38, 12), (62, 8), (90, 0)]],
    ],
    &[ // 6: with a curved back, straight, with a wide loop, with a small loop, with a high loop, with a flat loop
        &[&[(66, 2), (36, 24), (20, 60), (32, 94), (62, 94), (76, 70), (56, 52), (24, 70)]],
        &[&[(54, 0), (36, 34), (24, 68), (36, 95), (62, 92), (72, 70), (54, 56), (26, 78)]],
        &[&[(44, 2), (20, 30), (12, 66), (32, 95), (70, 92), (86, 66), (62, 48), (34, 62), (30, 84)]],
        &[&[(40, 0), (28, 36), (26, 78), (42, 98), (66, 88), (68, 64), (46, 58), (28, 78)]],
        &[&[(42, 2), (18, 36), (16, 76), (42, 98), (74, 82), (80, 50), (64, 38), (44, 54), (34, 76)]],
        &[&[(32, 2), (14, 40), (14, 78), (38, 96), (72, 90), (88, 66), (70, 50), (46, 66), (40, 94)]],
    ],
    &[ // 7: plain, with a bar, with a serif, with a curved stem, with a rising top, narrow
        &[&[(14, 8), (46, 8), (82, 5), (82, 5), (62, 50), (44, 100)]],
        &[&[(16, 6), (48, 7), (82, 4), (82, 4), (60, 48), (42, 100)], &[(34, 52), (84, 48)]],
        &[&[(16, 30), (20, 8), (20, 8), (48, 10), (80, 5), (80, 5), (64, 50), (52, 100)]],
        &[&[(16, 14), (42, 5), (74, 6), (76, 24), (64, 56), (54, 100)]],
        &[&[(8, 32), (24, 16), (48, 18), (84, 2), (84, 2), (60, 48), (36, 100)]],
        &[&[(22, 12), (48, 9), (74, 6), (74, 6), (66, 50), (60, 100)]],
    ],
    &[ // 8: from the top right, two rings, small upper ring, ribbon, small lower ring, left open, from the middle, narrow
        &[&[(72, 12), (44, 2), (24, 20), (44, 44), (70, 66), (64, 92), (40, 98), (24, 80), (44, 52), (70, 28), (72, 10)]],
        &[&[(50, 2), (28, 12), (32, 36), (52, 46), (72, 34), (72, 12), (50, 2)],
          &[(50, 47), (26, 60), (26, 88), (52, 98), (76, 86), (74, 60), (52, 47)]],
        &[&[(66, 10), (46, 2), (32, 18), (46, 38), (74, 62), (72, 90), (46, 99), (24, 84), (32, 58), (56, 36), (66, 16), (60, 6)]],
        &[&[(78, 2), (52, 28), (30, 60), (28, 88), (48, 98), (64, 80), (50, 48), (32, 22), (48, 3), (74, 10)]],
        &[&[(76, 14), (48, 2), (22, 20), (38, 46), (58, 70), (54, 94), (34, 98), (26, 82), (46, 56), (76, 34), (80, 12), (62, 6)]],
        &[&[(72, 18), (50, 2), (26, 14), (38, 42), (64, 66), (62, 92), (40, 99), (26, 82), (42, 56), (64, 38), (86, 10)]],
        &[&[(40, 44), (20, 28), (30, 8), (62, 6), (76, 24), (58, 44), (36, 64), (34, 90), (56, 98), (70, 80), (60, 58), (34, 40)]],
        &[&[(66, 16), (46, 2), (28, 20), (44, 46), (58, 72), (44, 98), (30, 80), (46, 52), (66, 30), (62, 10)]],
    ],
    &[ // 9: straight tail, curved tail, hooked tail, corner, round loop, small pointed loop, flat, narrow, left open
        &[&[(72, 14), (46, 2), (22, 22), (32, 46), (58, 40), (72, 12), (72, 12), (68, 55), (62, 100)]],
        &[&[(70, 10), (42, 4), (22, 28), (40, 48), (64, 34), (72, 12), (68, 50), (50, 80), (34, 100)]],
        &[&[(74, 16), (50, 2), (26, 20), (34, 44), (62, 40), (74, 16), (76, 60), (62, 92), (36, 98), (20, 86)]],
        &[&[(64, 8), (40, 6), (24, 28), (42, 46), (66, 28), (66, 6), (66, 6), (64, 52), (66, 100)]],
        &[&[(70, 30), (54, 2), (24, 12), (20, 42), (46, 56), (68, 32), (70, 14), (68, 60), (60, 100)]],
        &[&[(70, 2), (46, 8), (30, 28), (36, 42), (56, 30), (70, 4), (70, 4), (60, 50), (46, 100)]],
        &[&[(66, 16), (40, 12), (12, 34), (24, 52), (56, 42), (76, 18), (74, 56), (70, 100)]],
        &[&[(62, 6), (46, 6), (34, 28), (44, 44), (60, 26), (66, 2), (58, 50), (48, 100)]],
        &[&[(62, 2), (38, 10), (26, 32), (44, 46), (66, 32), (74, 10), (74, 10), (68, 54), (58, 100)]],
    ],
];

/// Images of digits with their labels: `28 * 28` bytes per image, row by row; 0 is the background, 255 is ink.
pub type Digits = Drawn;

/// Draws `count` digits; each label is drawn uniformly from 0 to 9.
///
/// The same seed always gives the same digits, and a larger count only adds to them.
pub fn digits(count: usize, seed: u64) -> Digits {
    digits_with(count, seed, |_more| Ok(())).expect("nothing ends the work early")
}

/// `digits`, calling `report` with the number of every few images that are drawn; an error ends the work.
pub(crate) fn digits_with(
    count: usize,
    seed: u64,
    report: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Digits> {
    share_out(count, PIXELS, seed, draw, report)
}

/// Draws one digit, from the choice of its style to its pixels.
pub(super) fn draw(label: u8, rng: &mut StdRng, image: &mut [u8]) {
    let styles = STYLES[usize::from(label)];
    let style = styles[rng.gen_range(0..styles.len())];
    let mut dots = write(style, rng);
    deform(&mut dots, rng);
    fit_to_box(&mut dots);
    let softness = rng.gen_range(0.8..1.2);
    let draft = render(&dots, softness);
    centre(&mut dots, &draft);
    for (pixel, ink) in image.iter_mut().zip(render(&dots, softness)) {
        *pixel = (255.0 * ink).round() as u8;
    }
}

/// A round dot left by the pen: a line is many of them.
struct Dot {
    x: f32,
    y: f32,
    radius: f32,
}

/// Follows the strokes with an unsteady hand: every point is a little off, and the pressure on the pen varies.
fn write(style: Style, rng: &mut StdRng) -> Vec<Dot> {
    let radius = 0.067 * (0.3 * normal(rng)).exp();
    let (pressure, phase) = (0.12 * normal(rng), rng.gen_range(0.0..TAU));
    let mut dots = Vec::new();
    for stroke in style {
        let points = unsteady(stroke, 0.025, rng);
        let last = points.len() - 1;
        for i in 0..last {
            // The curve leaves and arrives in directions that depend on the points before and after.
            let (from, to) = (points[i], points[i + 1]);
            let (before, after) = (points[i.saturating_sub(1)], points[last.min(i + 2)]);
            let steps = (DOTS_PER_UNIT * (to.0 - from.0).hypot(to.1 - from.1)).ceil().max(1.0);
            for step in 0..=steps as usize {
                let (x, y) = spline(before, from, to, after, step as f32 / steps);
                let radius = radius * (1.0 + pressure * (4.0 * y + phase).sin());
                dots.push(Dot { x, y, radius });
            }
        }
    }
    dots
}

/// Makes the digit somebody's: stretched, slanted and turned as a whole, then bent by a few long waves.
fn deform(dots: &mut [Dot], rng: &mut StdRng) {
    let width = (0.16 * normal(rng)).exp();
    let slant = 0.08 + 0.25 * normal(rng); // most people lean to the right
    let (sin, cos) = (0.08 * normal(rng)).sin_cos();
    let waves: [[f32; 5]; 3] = std::array::from_fn(|_| {
        let (across, down) = (2.5 * normal(rng), 2.5 * normal(rng));
        let (dx, dy) = (0.045 * normal(rng), 0.045 * normal(rng));
        [across, down, rng.gen_range(0.0..TAU), dx, dy]
    });
    for dot in dots {
        let x = width * (dot.x - 0.5) - slant * (dot.y - 0.5);
        let y = dot.y - 0.5;
        (dot.x, dot.y) = (cos * x - sin * y, sin * x + cos * y);
        for [across, down, phase, dx, dy] in waves {
            let wave = (across * x + down * y + phase).sin();
            dot.x += dx * wave;
            dot.y += dy * wave;
        }
    }
}

/// Scales the digit, pen included, until it just fits the box in the middle of the image: from here on, pixels.
fn fit_to_box(dots: &mut [Dot]) {
    let (mut left, mut top) = (f32::MAX, f32::MAX);
    let (mut right, mut bottom) = (f32::MIN, f32::MIN);
    for dot in dots.iter() {
        left = left.min(dot.x - dot.radius);
        right = right.max(dot.x + dot.radius);
        top = top.min(dot.y - dot.radius);
        bottom = bottom.max(dot.y + dot.radius);
    }
    let scale = BOX / (right - left).max(bottom - top);
    let middle = SIDE as f32 / 2.0;
    for dot in dots {
        dot.x = middle + scale * (dot.x - (left + right) / 2.0);
        dot.y = middle + scale * (dot.y - (top + bottom) / 2.0);
        dot.radius *= scale;
    }
}

/// The ink of each pixel (0 to 1): full inside a dot, none outside, a ramp `softness` pixels wide at its edge.
fn render(dots: &[Dot], softness: f32) -> [f32; PIXELS] {
    let mut picture = [0f32; PIXELS];
    for dot in dots {
        let reach = dot.radius + softness / 2.0;
        let near = |at: f32| {
            let (first, end) = ((at - reach).max(0.0), (at + reach).ceil());
            first as usize..SIDE.min(end as usize)
        };
        for row in near(dot.y) {
            for column in near(dot.x) {
                let distance = (column as f32 + 0.5 - dot.x).hypot(row as f32 + 0.5 - dot.y);
                let ink = ((dot.radius - distance) / softness + 0.5).min(1.0);
                let pixel = &mut picture[row * SIDE + column];
                *pixel = pixel.max(ink);
            }
        }
    }
    picture
}

/// Moves the digit by whole pixels, to bring the centre of mass of its picture to the middle.
fn centre(dots: &mut [Dot], picture: &[f32; PIXELS]) {
    let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
    for (i, ink) in picture.iter().enumerate() {
        mass += ink;
        x += ink * (i % SIDE) as f32;
        y += ink * (i / SIDE) as f32;
    }
    for dot in dots {
        dot.x += (CENTRE - x / mass).round();
        dot.y += (CENTRE - y / mass).round();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_as_much_ink_as_in_mnist() {
        let images = digits(10_000, 7).images;
        let n = images.len() as f64;
        let mean = images.iter().map(|&p| f64::from(p) / 255.0).sum::<f64>() / n;
        let square = images.iter().map(|&p| (f64::from(p) / 255.0).powi(2)).sum::<f64>() / n;
        let deviation = (square - mean * mean).sqrt();
        assert!((mean - 0.1307).abs() < 0.005, "mean {mean}");
        assert!((deviation - 0.3081).abs() < 0.005, "deviation {deviation}");
    }

    #[test]
    fn every_digit_is_visible_and_centred() {
        for image in digits(10_000, 8).images.chunks(PIXELS) {
            let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
            for (i, &pixel) in image.iter().enumerate() {
                let (row, column, ink) = (i / SIDE, i % SIDE, f32::from(pixel));
                mass += ink;
                x += ink * column as f32;
                y += ink * row as f32;
            }
            assert!((x / mass - CENTRE).abs() < 0.6, "{}", x / mass);
            assert!((y / mass - CENTRE).abs() < 0.6, "{}", y / mass);
            assert!(image.iter().any(|&pixel| pixel > 200));
        }
    }

    #[test]
    fn every_skeleton_can_be_drawn() {
        for stroke in STYLES.iter().copied().flatten().copied().flatten() {
            assert!(stroke.len() >= 2);
            assert!(stroke.iter().all(|&(x, y)| x <= 100 && y <= 100));
        }
    }
}
