//! Handwritten digits drawn by the computer, for when MNIST cannot be downloaded.
//!
//! Each digit starts as a *skeleton*: the path of the pen, designed by hand, in several styles per digit.
//! A random hand then writes it: every point of the path moves a little, the whole digit is stretched, slanted,
//! turned and bent, and a pen of random width follows the result. The picture is finished the way MNIST's were:
//! the digit is scaled to fit a box of 20x20 pixels, and its centre of mass goes to the middle of 28x28 pixels.
//!
//! Units: a skeleton lives in the unit square, x to the right and y downwards; widths and displacements are
//! fractions of its side. After [`fit_to_box`] everything is in pixels. Pixels go from 0 (background) to 255 (ink).

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Rows, and columns, of an image.
const SIDE: usize = 28;
/// Bytes of an image.
const PIXELS: usize = SIDE * SIDE;
/// Side of the box that a digit fills, in pixels.
const BOX: f32 = 20.0;
/// Row, and column, where the centre of mass goes: MNIST's convention.
const CENTRE: f32 = 14.0;
/// Dots that the pen leaves per unit of length: enough to look like a continuous line.
const DOTS_PER_UNIT: f32 = 40.0;
/// How far a curve swings out between its points: 0 gives straight lines.
const ROUNDNESS: f32 = 0.6;

/// A point of the unit square: (x, y).
type Point = (f32, f32);
/// What the pen draws without being lifted: a smooth curve through the points. A point written twice is a corner.
type Stroke = &'static [Point];
/// One way of writing a digit: its strokes.
type Style = &'static [Stroke];

/// The ways of writing each digit, all equally likely.
#[rustfmt::skip]
const STYLES: [&[Style]; 10] = [
    &[ // 0: round, narrow, closed on the left, wide and flat, started at the left
        &[&[(0.54, 0.02), (0.20, 0.22), (0.16, 0.70), (0.46, 0.98), (0.80, 0.74), (0.82, 0.26), (0.54, 0.02), (0.40, 0.06)]],
        &[&[(0.56, 0.02), (0.33, 0.24), (0.30, 0.72), (0.48, 0.98), (0.70, 0.74), (0.70, 0.26), (0.54, 0.02), (0.44, 0.06)]],
        &[&[(0.34, 0.12), (0.18, 0.52), (0.36, 0.95), (0.70, 0.84), (0.82, 0.36), (0.58, 0.03), (0.30, 0.16), (0.22, 0.32)]],
        &[&[(0.60, 0.16), (0.16, 0.28), (0.08, 0.66), (0.44, 0.86), (0.88, 0.70), (0.90, 0.32), (0.54, 0.15), (0.36, 0.18)]],
        &[&[(0.24, 0.26), (0.16, 0.66), (0.42, 0.98), (0.76, 0.76), (0.78, 0.28), (0.52, 0.02), (0.26, 0.22), (0.18, 0.44)]],
    ],
    &[ // 1: a bar (four times: most people's), with a serif, with a serif and a foot
        &[&[(0.50, 0.00), (0.50, 1.00)]],
        &[&[(0.52, 0.00), (0.50, 0.50), (0.50, 1.00)]],
        &[&[(0.58, 0.00), (0.42, 1.00)]],
        &[&[(0.64, 0.00), (0.50, 0.50), (0.36, 1.00)]],
        &[&[(0.38, 0.16), (0.54, 0.00), (0.54, 0.00), (0.51, 0.50), (0.50, 1.00)]],
        &[&[(0.30, 0.20), (0.52, 0.00), (0.52, 0.00), (0.51, 0.50), (0.50, 1.00)], &[(0.22, 1.00), (0.80, 0.99)]],
    ],
    &[ // 2: with a corner, with a small loop, like a Z, with a swan's neck, with a large loop, with a narrow loop, low and wide
        &[&[(0.14, 0.25), (0.30, 0.06), (0.58, 0.03), (0.76, 0.22), (0.66, 0.50), (0.40, 0.76), (0.10, 0.96), (0.10, 0.96), (0.50, 0.94), (0.92, 0.96)]],
        &[&[(0.16, 0.20), (0.40, 0.02), (0.70, 0.14), (0.68, 0.45), (0.44, 0.78), (0.20, 0.95), (0.08, 0.84), (0.24, 0.74), (0.50, 0.86), (0.74, 0.96), (0.95, 0.86)]],
        &[&[(0.16, 0.10), (0.45, 0.04), (0.78, 0.08), (0.70, 0.36), (0.42, 0.68), (0.14, 0.96), (0.14, 0.96), (0.50, 0.97), (0.88, 0.92)]],
        &[&[(0.22, 0.30), (0.28, 0.08), (0.52, 0.00), (0.72, 0.18), (0.66, 0.48), (0.46, 0.74), (0.14, 0.92), (0.14, 0.92), (0.40, 0.86), (0.66, 0.94), (0.92, 0.96)]],
        &[&[(0.20, 0.16), (0.50, 0.00), (0.74, 0.20), (0.72, 0.56), (0.52, 0.90), (0.24, 0.98), (0.10, 0.80), (0.26, 0.62), (0.54, 0.70), (0.80, 0.88), (1.00, 0.86)]],
        &[&[(0.22, 0.14), (0.50, 0.02), (0.70, 0.22), (0.48, 0.64), (0.14, 0.96), (0.10, 0.80), (0.30, 0.70), (0.62, 0.84), (0.96, 1.00)]],
        &[&[(0.10, 0.30), (0.36, 0.14), (0.64, 0.20), (0.62, 0.44), (0.34, 0.70), (0.06, 0.88), (0.06, 0.88), (0.46, 0.80), (1.00, 0.82)]],
    ],
    &[ // 3: two bows, with a small loop between them, flat on top, with a small upper bow, with curled ends, shallow
        &[&[(0.18, 0.14), (0.44, 0.01), (0.72, 0.14), (0.64, 0.38), (0.38, 0.47), (0.38, 0.47), (0.70, 0.55), (0.80, 0.76), (0.58, 0.96), (0.30, 0.98), (0.12, 0.86)]],
        &[&[(0.20, 0.12), (0.48, 0.01), (0.74, 0.16), (0.62, 0.40), (0.40, 0.50), (0.38, 0.42), (0.52, 0.44), (0.76, 0.60), (0.74, 0.86), (0.46, 0.99), (0.14, 0.90)]],
        &[&[(0.18, 0.04), (0.46, 0.04), (0.76, 0.03), (0.76, 0.03), (0.42, 0.40), (0.42, 0.40), (0.74, 0.52), (0.80, 0.78), (0.52, 0.98), (0.14, 0.90)]],
        &[&[(0.26, 0.10), (0.50, 0.00), (0.68, 0.14), (0.58, 0.34), (0.36, 0.40), (0.36, 0.40), (0.74, 0.50), (0.82, 0.76), (0.52, 0.98), (0.16, 0.94)]],
        &[&[(0.24, 0.26), (0.30, 0.06), (0.56, 0.00), (0.74, 0.18), (0.62, 0.40), (0.42, 0.46), (0.42, 0.46), (0.68, 0.54), (0.76, 0.78), (0.56, 0.98), (0.30, 0.94), (0.24, 0.74)]],
        &[&[(0.22, 0.10), (0.52, 0.02), (0.66, 0.16), (0.54, 0.36), (0.36, 0.46), (0.36, 0.46), (0.60, 0.54), (0.64, 0.74), (0.44, 0.92), (0.18, 0.98)]],
    ],
    &[ // 4: open, closed, rounded and in one stroke, open with a long tail, open with a low bar
        &[&[(0.22, 0.04), (0.12, 0.52), (0.12, 0.52), (0.46, 0.52), (0.86, 0.48)], &[(0.72, 0.08), (0.66, 0.54), (0.60, 1.00)]],
        &[&[(0.66, 0.00), (0.36, 0.32), (0.08, 0.62), (0.08, 0.62), (0.50, 0.62), (0.94, 0.60)], &[(0.66, 0.02), (0.64, 0.50), (0.62, 1.00)]],
        &[&[(0.22, 0.04), (0.14, 0.34), (0.30, 0.48), (0.60, 0.40), (0.78, 0.06), (0.78, 0.06), (0.68, 0.54), (0.60, 1.00)]],
        &[&[(0.30, 0.02), (0.14, 0.38), (0.14, 0.38), (0.44, 0.40), (0.78, 0.36)], &[(0.74, 0.04), (0.62, 0.50), (0.46, 1.00)]],
        &[&[(0.30, 0.00), (0.12, 0.66), (0.12, 0.66), (0.50, 0.66), (0.90, 0.62)], &[(0.64, 0.24), (0.60, 0.60), (0.56, 1.00)]],
    ],
    &[ // 5: with a separate bar, in one stroke, like an S, with a long back, with a low belly, with a wide bar, with a high bar
        &[&[(0.34, 0.08), (0.28, 0.44), (0.28, 0.44), (0.58, 0.42), (0.74, 0.66), (0.56, 0.94), (0.14, 0.94)], &[(0.34, 0.07), (0.60, 0.06), (0.88, 0.02)]],
        &[&[(0.84, 0.04), (0.58, 0.05), (0.32, 0.06), (0.32, 0.06), (0.24, 0.46), (0.24, 0.46), (0.56, 0.42), (0.76, 0.64), (0.60, 0.92), (0.14, 0.92)]],
        &[&[(0.80, 0.04), (0.44, 0.10), (0.30, 0.32), (0.52, 0.48), (0.66, 0.70), (0.48, 0.94), (0.16, 0.92)]],
        &[&[(0.72, 0.04), (0.50, 0.05), (0.30, 0.06), (0.30, 0.06), (0.26, 0.54), (0.26, 0.54), (0.52, 0.48), (0.70, 0.68), (0.58, 0.95), (0.30, 0.94), (0.20, 0.82)]],
        &[&[(0.30, 0.10), (0.26, 0.38), (0.26, 0.38), (0.60, 0.36), (0.82, 0.62), (0.64, 0.94), (0.32, 0.98), (0.14, 0.84)], &[(0.32, 0.10), (0.54, 0.09), (0.72, 0.04)]],
        &[&[(1.00, 0.04), (0.70, 0.10), (0.38, 0.14), (0.38, 0.14), (0.28, 0.46), (0.28, 0.46), (0.52, 0.46), (0.62, 0.68), (0.42, 0.92), (0.04, 0.96)]],
        &[&[(0.38, 0.14), (0.24, 0.46), (0.24, 0.46), (0.56, 0.38), (0.78, 0.60), (0.66, 0.90), (0.34, 1.00), (0.10, 0.86)], &[(0.38, 0.12), (0.62, 0.08), (0.90, 0.00)]],
    ],
    &[ // 6: with a curved back, straight, with a wide loop, upright with a small loop, with a loop open at the top
        &[&[(0.66, 0.02), (0.36, 0.24), (0.20, 0.60), (0.32, 0.94), (0.62, 0.94), (0.76, 0.70), (0.56, 0.52), (0.24, 0.70)]],
        &[&[(0.54, 0.00), (0.36, 0.34), (0.24, 0.68), (0.36, 0.95), (0.62, 0.92), (0.72, 0.70), (0.54, 0.56), (0.26, 0.78)]],
        &[&[(0.44, 0.02), (0.20, 0.30), (0.12, 0.66), (0.32, 0.95), (0.70, 0.92), (0.86, 0.66), (0.62, 0.48), (0.34, 0.62), (0.30, 0.84)]],
        &[&[(0.40, 0.00), (0.28, 0.36), (0.26, 0.78), (0.42, 0.98), (0.66, 0.88), (0.68, 0.64), (0.46, 0.58), (0.28, 0.78)]],
        &[&[(0.42, 0.02), (0.18, 0.36), (0.16, 0.76), (0.42, 0.98), (0.74, 0.82), (0.80, 0.50), (0.62, 0.32), (0.44, 0.52), (0.40, 0.80)]],
        &[&[(0.32, 0.02), (0.14, 0.40), (0.14, 0.78), (0.38, 0.96), (0.72, 0.90), (0.88, 0.66), (0.70, 0.50), (0.46, 0.66), (0.40, 0.94)]],
    ],
    &[ // 7: plain, with a bar, with a serif, with a curved stem, with a rising top, narrow
        &[&[(0.14, 0.08), (0.46, 0.08), (0.82, 0.05), (0.82, 0.05), (0.62, 0.50), (0.44, 1.00)]],
        &[&[(0.16, 0.06), (0.48, 0.07), (0.82, 0.04), (0.82, 0.04), (0.60, 0.48), (0.42, 1.00)], &[(0.34, 0.52), (0.84, 0.48)]],
        &[&[(0.16, 0.30), (0.20, 0.08), (0.20, 0.08), (0.48, 0.10), (0.80, 0.05), (0.80, 0.05), (0.64, 0.50), (0.52, 1.00)]],
        &[&[(0.16, 0.14), (0.42, 0.05), (0.74, 0.06), (0.76, 0.24), (0.64, 0.56), (0.54, 1.00)]],
        &[&[(0.08, 0.32), (0.24, 0.16), (0.48, 0.18), (0.84, 0.02), (0.84, 0.02), (0.60, 0.48), (0.36, 1.00)]],
        &[&[(0.22, 0.12), (0.48, 0.09), (0.74, 0.06), (0.74, 0.06), (0.66, 0.50), (0.60, 1.00)]],
    ],
    &[ // 8: from the top right, two rings, with a small upper ring, like a ribbon, with a small lower ring, left open, from the middle
        &[&[(0.72, 0.12), (0.44, 0.02), (0.24, 0.20), (0.44, 0.44), (0.70, 0.66), (0.64, 0.92), (0.40, 0.98), (0.24, 0.80), (0.44, 0.52), (0.70, 0.28), (0.72, 0.10)]],
        &[&[(0.50, 0.02), (0.28, 0.12), (0.32, 0.36), (0.52, 0.46), (0.72, 0.34), (0.72, 0.12), (0.50, 0.02)], &[(0.50, 0.47), (0.26, 0.60), (0.26, 0.88), (0.52, 0.98), (0.76, 0.86), (0.74, 0.60), (0.52, 0.47)]],
        &[&[(0.66, 0.10), (0.46, 0.02), (0.32, 0.18), (0.46, 0.38), (0.74, 0.62), (0.72, 0.90), (0.46, 0.99), (0.24, 0.84), (0.32, 0.58), (0.56, 0.36), (0.66, 0.16), (0.60, 0.06)]],
        &[&[(0.78, 0.02), (0.52, 0.28), (0.30, 0.60), (0.28, 0.88), (0.48, 0.98), (0.64, 0.80), (0.50, 0.48), (0.32, 0.22), (0.48, 0.03), (0.74, 0.10)]],
        &[&[(0.76, 0.14), (0.48, 0.02), (0.22, 0.20), (0.38, 0.46), (0.58, 0.70), (0.54, 0.94), (0.34, 0.98), (0.26, 0.82), (0.46, 0.56), (0.76, 0.34), (0.80, 0.12), (0.62, 0.06)]],
        &[&[(0.72, 0.18), (0.50, 0.02), (0.26, 0.14), (0.38, 0.42), (0.64, 0.66), (0.62, 0.92), (0.40, 0.99), (0.26, 0.82), (0.42, 0.56), (0.64, 0.38), (0.86, 0.10)]],
        &[&[(0.40, 0.44), (0.20, 0.28), (0.30, 0.08), (0.62, 0.06), (0.76, 0.24), (0.58, 0.44), (0.36, 0.64), (0.34, 0.90), (0.56, 0.98), (0.70, 0.80), (0.60, 0.58), (0.34, 0.40)]],
    ],
    &[ // 9: with a straight tail, curved, hooked, with a corner, with a round loop, with a small pointed loop, flat, narrow, left open
        &[&[(0.72, 0.14), (0.46, 0.02), (0.22, 0.22), (0.32, 0.46), (0.58, 0.40), (0.72, 0.12), (0.72, 0.12), (0.68, 0.55), (0.62, 1.00)]],
        &[&[(0.70, 0.10), (0.42, 0.04), (0.22, 0.28), (0.40, 0.48), (0.64, 0.34), (0.72, 0.12), (0.68, 0.50), (0.50, 0.80), (0.34, 1.00)]],
        &[&[(0.74, 0.16), (0.50, 0.02), (0.26, 0.20), (0.34, 0.44), (0.62, 0.40), (0.74, 0.16), (0.76, 0.60), (0.62, 0.92), (0.36, 0.98), (0.20, 0.86)]],
        &[&[(0.64, 0.08), (0.40, 0.06), (0.24, 0.28), (0.42, 0.46), (0.66, 0.28), (0.66, 0.06), (0.66, 0.06), (0.64, 0.52), (0.66, 1.00)]],
        &[&[(0.70, 0.30), (0.54, 0.02), (0.24, 0.12), (0.20, 0.42), (0.46, 0.56), (0.68, 0.32), (0.70, 0.14), (0.68, 0.60), (0.60, 1.00)]],
        &[&[(0.70, 0.02), (0.46, 0.08), (0.30, 0.28), (0.36, 0.42), (0.56, 0.30), (0.70, 0.04), (0.70, 0.04), (0.60, 0.50), (0.46, 1.00)]],
        &[&[(0.66, 0.16), (0.40, 0.12), (0.12, 0.34), (0.24, 0.52), (0.56, 0.42), (0.76, 0.18), (0.74, 0.56), (0.70, 1.00)]],
        &[&[(0.62, 0.06), (0.46, 0.06), (0.34, 0.28), (0.44, 0.44), (0.60, 0.26), (0.66, 0.02), (0.58, 0.50), (0.48, 1.00)]],
        &[&[(0.62, 0.02), (0.38, 0.10), (0.26, 0.32), (0.44, 0.46), (0.66, 0.32), (0.74, 0.10), (0.74, 0.10), (0.68, 0.54), (0.58, 1.00)]],
    ],
];

/// Images of digits with their labels.
pub struct Digits {
    /// `28 * 28` bytes per image, row by row: 0 is the background, 255 is ink.
    pub images: Vec<u8>,
    /// One label per image, from 0 to 9.
    pub labels: Vec<u8>,
}

/// Draws `count` digits; their labels are uniform over 0 to 9.
///
/// The same seed always gives the same digits, and a larger count only adds to them.
pub fn digits(count: usize, seed: u64) -> Digits {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    digits_on(threads, count, seed)
}

/// Shares the work among threads; the result does not depend on how many there are.
fn digits_on(threads: usize, count: usize, seed: u64) -> Digits {
    let mut images = vec![0; count * PIXELS];
    let mut labels = vec![0; count];
    let share = count.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares = images.chunks_mut(share * PIXELS).zip(labels.chunks_mut(share));
        for (first, (images, labels)) in (0..).step_by(share).zip(shares) {
            scope.spawn(move || {
                for (i, image) in images.chunks_exact_mut(PIXELS).enumerate() {
                    let mut rng = generator(seed, first + i);
                    labels[i] = rng.gen_range(0..10);
                    draw(labels[i], &mut rng, image);
                }
            });
        }
    });
    Digits { images, labels }
}

/// The random numbers of one image: its own, so that it does not matter which thread draws it, or when.
fn generator(seed: u64, index: usize) -> StdRng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(index as u64).to_le_bytes());
    StdRng::from_seed(key)
}

/// Draws a digit, from the choice of its style to its pixels.
fn draw(label: u8, rng: &mut StdRng, image: &mut [u8]) {
    let styles = STYLES[usize::from(label)];
    let style = styles[rng.gen_range(0..styles.len())];
    let mut dots = write(style, rng);
    deform(&mut dots, rng);
    fit_to_box(&mut dots);
    let ink = render(&dots, rng.gen_range(0.8..1.2));
    centre(&ink, image);
}

/// A dot left by the pen.
struct Dot {
    x: f32,
    y: f32,
    radius: f32,
}

/// Follows the strokes with an unsteady hand: every point is a little off, and the pressure on the pen varies.
fn write(style: Style, rng: &mut StdRng) -> Vec<Dot> {
    let jitter = 0.02;
    let radius = 0.066 * (0.30 * normal(rng)).exp();
    let (pressure, phase) = (0.12 * normal(rng), rng.gen_range(0.0..6.3));
    let mut dots = Vec::new();
    for stroke in style {
        let mut points: Vec<Point> = Vec::new();
        for (i, &(x, y)) in stroke.iter().enumerate() {
            let corner = i > 0 && stroke[i - 1] == (x, y);
            let moved = (x + jitter * normal(rng), y + jitter * normal(rng));
            points.push(if corner { points[i - 1] } else { moved });
        }
        for i in 1..points.len() {
            let (from, to) = (points[i - 1], points[i]);
            let before = points[i.saturating_sub(2)];
            let after = points[(i + 1).min(points.len() - 1)];
            let steps = (DOTS_PER_UNIT * (to.0 - from.0).hypot(to.1 - from.1)).ceil();
            for step in 0..=steps as usize {
                let (x, y) = spline(before, from, to, after, step as f32 / steps.max(1.0));
                let radius = radius * (1.0 + pressure * (4.0 * y + phase).sin());
                dots.push(Dot { x, y, radius });
            }
        }
    }
    dots
}

/// The point at `t` (0 to 1) of the smooth curve from `p1` to `p2`: at each, it heads the way its neighbours lie.
fn spline(p0: Point, p1: Point, p2: Point, p3: Point, t: f32) -> Point {
    let axis = |a: f32, b: f32, c: f32, d: f32| {
        let (leave, arrive) = (ROUNDNESS * (c - a), ROUNDNESS * (d - b));
        let square = 3.0 * (c - b) - 2.0 * leave - arrive;
        let cube = 2.0 * (b - c) + leave + arrive;
        b + t * (leave + t * (square + t * cube))
    };
    (axis(p0.0, p1.0, p2.0, p3.0), axis(p0.1, p1.1, p2.1, p3.1))
}

/// Makes the digit somebody's: stretched, slanted and turned as a whole, then bent by a few long waves.
fn deform(dots: &mut [Dot], rng: &mut StdRng) {
    let width = (0.16 * normal(rng)).exp();
    let slant = 0.08 + 0.25 * normal(rng);
    let (sin, cos) = (0.08 * normal(rng)).sin_cos();
    let waves: [[f32; 5]; 3] = std::array::from_fn(|_| {
        let (kx, ky) = (2.5 * normal(rng), 2.5 * normal(rng));
        [kx, ky, rng.gen_range(0.0..6.3), 0.045 * normal(rng), 0.045 * normal(rng)]
    });
    for dot in dots {
        let x = width * (dot.x - 0.5) - slant * (dot.y - 0.5);
        let y = dot.y - 0.5;
        (dot.x, dot.y) = (cos * x - sin * y, sin * x + cos * y);
        for [kx, ky, phase, dx, dy] in waves {
            let wave = (kx * x + ky * y + phase).sin();
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
    let mut ink = [0f32; PIXELS];
    for dot in dots {
        let reach = dot.radius + softness / 2.0;
        let span = |at: f32| (at - reach).floor().max(0.0) as usize..((at + reach).ceil() as usize).min(SIDE);
        for row in span(dot.y) {
            for column in span(dot.x) {
                let distance = (row as f32 + 0.5 - dot.y).hypot(column as f32 + 0.5 - dot.x);
                let pixel = &mut ink[row * SIDE + column];
                *pixel = pixel.max((dot.radius - distance) / softness + 0.5).min(1.0);
            }
        }
    }
    ink
}

/// Copies the picture with its centre of mass moved to the middle, by whole pixels, never beyond the border.
fn centre(ink: &[f32; PIXELS], image: &mut [u8]) {
    let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
    for (i, ink) in ink.iter().enumerate() {
        mass += ink;
        x += ink * (i % SIDE) as f32;
        y += ink * (i / SIDE) as f32;
    }
    let shift = |sum: f32| (CENTRE - sum / mass).round().clamp(-4.0, 4.0) as isize;
    let offset = shift(y) * SIDE as isize + shift(x);
    for (i, ink) in ink.iter().enumerate().filter(|(_, &ink)| ink > 0.0) {
        if let Some(pixel) = i.checked_add_signed(offset).and_then(|i| image.get_mut(i)) {
            *pixel = (255.0 * ink).round() as u8;
        }
    }
}

/// A random number of mean 0 and standard deviation 1, nearly normal, and never beyond 3.
fn normal(rng: &mut StdRng) -> f32 {
    (0..3).map(|_| rng.gen_range(-1.0..1.0f32)).sum()
}
