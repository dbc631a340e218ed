//! Animals and vehicles drawn by the computer, for when CIFAR-10 cannot be downloaded: its ten classes, as small colour
//! pictures.
//!
//! A silhouette of [`STYLES`] is mirrored, stretched, turned and moved, its points are a little off, and its colours are
//! random; so is what is behind it (sky, sea, grass, a street, a room), what stands in front, and the light. Neither a
//! colour nor a single pixel tells much about the class: its shape does.

use rand::rngs::StdRng;
use rand::Rng;
use std::f32::consts::TAU;

use super::canvas::{byte, mix, Canvas, Colour};
use super::shape::{unsteady, Point, Pose, Shape};
use super::silhouettes::{Ink, Part, STYLES};
use super::{grain, normal, share_out, Drawn};

/// Rows, and columns, of an image.
const SIDE: usize = 32;
/// Bytes of an image.
const BYTES: usize = 3 * SIDE * SIDE;

/// Draws `count` objects; each label is drawn uniformly from 0 to 9: airplane, automobile, bird, cat, deer, dog, frog,
/// horse, ship, truck, as in CIFAR-10.
///
/// An image has `3 * 32 * 32` bytes: red, then green, then blue, each row by row. The same seed always gives the same
/// objects, and a larger count only adds to them.
///
/// ```
/// let drawn = cnn::data::synthetic::objects(10, 42);
/// assert_eq!((drawn.images.len(), drawn.labels.len()), (10 * 3 * 32 * 32, 10));
/// ```
pub fn objects(count: usize, seed: u64) -> Drawn {
    objects_with(count, seed, |_more| Ok(())).expect("nothing ends the work early")
}

/// `objects`, calling `report` with the number of every few images that are drawn; an error ends the work.
pub(crate) fn objects_with(
    count: usize,
    seed: u64,
    report: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Drawn> {
    share_out(count, BYTES, seed, draw, report)
}

/// What is behind an object.
#[derive(Clone, Copy)]
enum Scene {
    Sky,
    Sea,
    Grass,
    Street,
    Room,
}
use Scene::*;

/// Where each class is seen more often than elsewhere.
const HOME: [[Scene; 2]; 10] = [
    [Sky, Street],
    [Street, Grass],
    [Sky, Grass],
    [Room, Grass],
    [Grass, Grass],
    [Room, Grass],
    [Grass, Sea],
    [Grass, Street],
    [Sea, Sea],
    [Street, Grass],
];

/// A colour by hue, saturation and value, from 0 to 1.
fn hsv(hue: f32, saturation: f32, value: f32) -> Colour {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + 6.0 * hue).rem_euclid(6.0);
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// Draws one object, from the choice of its style to its pixels.
pub(super) fn draw(label: u8, rng: &mut StdRng, image: &mut [u8]) {
    let class = usize::from(label);
    let mut canvas = place(class, rng);
    put(&mut canvas, class, rng);
    if rng.gen_bool(0.25) {
        obstacle(&mut canvas, rng);
    }
    develop(&canvas, rng, image);
}

/// Somewhere an object of this class may be: every other time where such things are at home.
fn place(class: usize, rng: &mut StdRng) -> Canvas {
    let home = HOME[class][rng.gen_range(0..2)];
    let anywhere = [Sky, Sea, Grass, Street, Room][rng.gen_range(0..5)];
    let mut canvas = background(if rng.gen_bool(0.5) { home } else { anywhere }, rng);
    for _ in 0..rng.gen_range(0..3) {
        clutter(&mut canvas, rng);
    }
    canvas
}

/// Paints an object of this class.
fn put(canvas: &mut Canvas, class: usize, rng: &mut StdRng) {
    let styles = STYLES[class];
    let style = styles[rng.gen_range(0..styles.len())];
    let pose = pose(class, rng);
    let colours = Colours::new(class, canvas.pixels[SIDE * SIDE / 2 + SIDE / 2], rng);
    for part in style {
        paint(canvas, part, &pose, &colours, rng);
    }
}

/// A picture of one of the scenes: a far part and a near part, with a horizon, and a texture in each.
fn background(scene: Scene, rng: &mut StdRng) -> Canvas {
    let mut tone = |hue: f32, saturation: f32, value: f32| {
        let (hue, more) = (hue + 0.04 * normal(rng), rng.gen_range(0.4..1.2f32));
        hsv(hue, (saturation * more).min(1.0), (value + 0.14 * normal(rng)).clamp(0.08, 1.0))
    };
    let sky = if tone(0.0, 0.0, 0.5)[0] > 0.68 { tone(0.07, 0.5, 0.85) } else { tone(0.57, 0.5, 0.8) };
    let (far, near, roughness) = match scene {
        Sky => (sky, tone(0.57, 0.25, 0.9), 0.02),
        Sea => (sky, tone(0.54, 0.6, 0.5), 0.04),
        Grass => (tone(0.3, 0.5, 0.5), tone(0.26, 0.65, 0.5), 0.06),
        Street => (tone(0.08, 0.3, 0.6), tone(0.6, 0.1, 0.45), 0.04),
        Room => (tone(0.09, 0.45, 0.7), tone(0.06, 0.5, 0.5), 0.03),
    };
    let horizon = match scene {
        Sky => 200.0, // one smooth gradient
        _ => SIDE as f32 * rng.gen_range(0.25..0.85),
    };
    let slope = 0.04 * normal(rng);
    let waves: [[f32; 4]; 3] = std::array::from_fn(|_| {
        [0.15 * normal(rng), 0.3 * normal(rng), rng.gen_range(0.0..TAU), 0.03 * normal(rng)]
    });
    Canvas::new(SIDE, |(x, y)| {
        let wave: f32 = waves.iter().map(|[a, b, phase, size]| size * (a * x + b * y + phase).sin()).sum();
        let base = match scene {
            Sky => mix(far, near, y / SIDE as f32),
            _ if y + slope * x < horizon => far,
            _ => near,
        };
        let rough = wave + roughness * grain(rng);
        base.map(|channel| channel + rough)
    })
}

/// A colour of any hue.
fn any_colour(rng: &mut StdRng) -> Colour {
    hsv(rng.gen(), rng.gen_range(0.0..0.9), rng.gen_range(0.15..1.0))
}

/// Something in the background: a blot, a wall, a stem.
fn clutter(canvas: &mut Canvas, rng: &mut StdRng) {
    let side = SIDE as f32;
    let colour = any_colour(rng);
    let (x, y) = (rng.gen_range(0.0..side), rng.gen_range(0.0..side));
    let (width, height) = (rng.gen_range(0.1..0.45) * side, rng.gen_range(0.1..0.45) * side);
    let shape = match rng.gen_range(0..3) {
        0 => Shape::ellipse((x, y), (width, height)),
        1 => Shape::Area(vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)]),
        _ => Shape::Line(vec![(x, y), (x + width - 6.0, y + 2.0 * height)], rng.gen_range(0.8..2.5)),
    };
    let clear = rng.gen_range(0.25..0.75);
    let under = canvas.pixels[(y as usize) * SIDE + x as usize];
    canvas.paint(&shape, |_| mix(under, colour, clear));
}

/// How an object stands in the picture.
fn pose(class: usize, rng: &mut StdRng) -> Pose {
    let size = SIDE as f32 * rng.gen_range(0.74..1.02);
    let stretch = (0.07 * normal(rng)).exp();
    let mirror = if rng.gen_bool(0.5) { -1.0 } else { 1.0 };
    // What flies may look anywhere.
    let turn = [0.2, 0.06, 0.1, 0.07, 0.06, 0.07, 0.14, 0.06, 0.06, 0.05][class] * normal(rng);
    let mut pose = Pose::new((mirror * size * stretch, size / stretch), 0.05 * normal(rng), turn);
    let (x, y) = pose.of((0.5, 0.5));
    let middle = SIDE as f32 / 2.0;
    let mut off = || middle + (0.7 + 0.14 * (SIDE as f32 - size)) * normal(rng);
    pose.origin = (off() - x, off() - y);
    pose
}

/// The colours of an object.
struct Colours {
    body: Colour,
    second: Colour,
    glass: Colour,
    horn: Colour,
    light: f32,
    /// Spots and stripes of its skin: a wave, and how much it shows.
    wave: [f32; 4],
}

impl Colours {
    /// Colours that can be told from `behind`.
    fn new(class: usize, behind: Colour, rng: &mut StdRng) -> Colours {
        let differs = |colour: Colour| (0..3).map(|i| (colour[i] - behind[i]).abs()).sum::<f32>() > 0.8;
        let mut body = coat(class, rng);
        for _ in 0..10 {
            if differs(body) {
                break;
            }
            body = coat(class, rng);
        }
        let strength = if rng.gen_bool(0.35) { 0.16 } else { 0.04 };
        Colours {
            body,
            second: any_colour(rng),
            glass: hsv(0.55, 0.3, if rng.gen_bool(0.5) { 0.25 } else { 0.8 }),
            horn: hsv(0.1, rng.gen_range(0.2..0.9), rng.gen_range(0.3..0.95)),
            light: rng.gen_range(0.1..0.4),
            wave: [0.8 * normal(rng), 0.8 * normal(rng), rng.gen_range(0.0..TAU), strength],
        }
    }

    /// The colour of a part at a pixel; `down` goes from 0 at its top to 1.
    fn of(&self, ink: Ink, (x, y): Point, down: f32) -> Colour {
        let times = |colour: Colour, factor: f32| colour.map(|channel| channel * factor);
        let colour = match ink {
            Ink::Body => self.body,
            Ink::Shade => times(self.body, 0.68),
            Ink::Pale => mix(self.body, [1.0; 3], 0.5),
            Ink::Second => self.second,
            Ink::Dark => [0.08, 0.07, 0.07],
            Ink::Light => [0.93, 0.93, 0.88],
            Ink::Glass => self.glass,
            Ink::Pink => [0.9, 0.6, 0.55],
            Ink::Horn => self.horn,
        };
        let [a, b, phase, size] = self.wave;
        let skin = matches!(ink, Ink::Body | Ink::Shade);
        let spots = if skin { size * (a * x + b * y + phase).sin() } else { 0.0 };
        times(colour, 1.0 + self.light * (0.5 - down) + spots)
    }
}

/// A colour for the body: fur for animals, feathers, skin and paint of any colour.
fn coat(class: usize, rng: &mut StdRng) -> Colour {
    let fur = |rng: &mut StdRng| match rng.gen_range(0..4) {
        0 => hsv(0.08, 0.1, rng.gen_range(0.1..1.0)),
        1 => hsv(0.09, rng.gen_range(0.3..0.6), rng.gen_range(0.6..0.95)),
        _ => hsv(rng.gen_range(0.04..0.1), rng.gen_range(0.4..0.8), rng.gen_range(0.25..0.8)),
    };
    match class {
        3 | 4 | 5 | 7 => fur(rng),
        6 if rng.gen_bool(0.5) => {
            hsv(rng.gen_range(0.17..0.4), rng.gen_range(0.4..0.9), rng.gen_range(0.35..0.9))
        }
        2 | 6 if rng.gen_bool(0.6) => fur(rng),
        _ => any_colour(rng),
    }
}

/// Paints one part of an object.
fn paint(canvas: &mut Canvas, part: &Part, pose: &Pose, colours: &Colours, rng: &mut StdRng) {
    let mut points = |list: &[(u8, u8)]| unsteady(list, 0.009, rng);
    let mut put = |ink: Ink, shape: Shape| {
        let shape = shape.posed(pose);
        let [_, top, _, bottom] = shape.bounds();
        canvas.paint(&shape, |at| colours.of(ink, at, (at.1 - top) / (bottom - top).max(1.0)));
    };
    let part_of = |hundredths: u8| f32::from(hundredths) / 100.0;
    match *part {
        Part::Blob(ink, list) => put(ink, Shape::blob(&points(list))),
        Part::Flat(ink, list) => put(ink, Shape::Area(points(list))),
        Part::Line(ink, width, list) => put(ink, Shape::curve(&points(list), part_of(width))),
        Part::Disc(ink, centre, (width, height)) => {
            put(ink, Shape::ellipse(points(&[centre])[0], (part_of(width), part_of(height))));
        }
        Part::Wheel(centre, width) => {
            let (centre, size) = (points(&[centre])[0], part_of(width));
            put(Ink::Dark, Shape::ellipse(centre, (size, size)));
            put(Ink::Light, Shape::ellipse(centre, (0.42 * size, 0.42 * size)));
        }
    }
}

/// Something in front of the object, at a side or from below: blades of grass, a post, a bush.
fn obstacle(canvas: &mut Canvas, rng: &mut StdRng) {
    let side = SIDE as f32;
    let colour = any_colour(rng);
    let x = rng.gen_range(0.0..side);
    match rng.gen_range(0..3) {
        0 => {
            for _ in 0..rng.gen_range(3..9) {
                let (x, lean) = (rng.gen_range(0.0..side), 2.0 * normal(rng));
                let blade = vec![(x, side), (x + lean, side * rng.gen_range(0.6..0.9))];
                canvas.paint(&Shape::Line(blade, 1.2), |_| colour);
            }
        }
        1 => {
            let post = vec![(x, 0.0), (x + normal(rng), side)];
            canvas.paint(&Shape::Line(post, rng.gen_range(1.0..3.0)), |_| colour);
        }
        _ => {
            let size = (rng.gen_range(0.3..0.5) * side, rng.gen_range(0.2..0.45) * side);
            canvas.paint(&Shape::ellipse((x, side), size), |_| colour);
        }
    }
}

/// Makes a photograph of what was painted: out of focus a little, in some light, with noise.
fn develop(canvas: &Canvas, rng: &mut StdRng, image: &mut [u8]) {
    let (contrast, light, noise) =
        (rng.gen_range(0.75..1.2), rng.gen_range(0.42..0.58), rng.gen_range(0.0..0.025));
    let cast = [0.04 * normal(rng), 0.0, 0.04 * normal(rng)];
    let blur = rng.gen_range(0.0..0.35);
    for (index, byte_) in image.iter_mut().enumerate() {
        let (channel, place) = (index / (SIDE * SIDE), index % (SIDE * SIDE));
        let (row, column) = (place / SIDE, place % SIDE);
        let at = |row: usize, column: usize| {
            canvas.pixels[row.min(SIDE - 1) * SIDE + column.min(SIDE - 1)][channel]
        };
        let around = at(row.saturating_sub(1), column)
            + at(row + 1, column)
            + at(row, column.saturating_sub(1))
            + at(row, column + 1);
        let soft = (1.0 - blur) * at(row, column) + blur * around / 4.0;
        *byte_ = byte(light + contrast * (soft - 0.5) + cast[channel] + noise * grain(rng));
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator;
    use super::*;

    #[test]
    fn every_object_differs_from_what_is_behind_it() {
        for i in 0..2_000 {
            let (class, rng) = (i % 10, &mut generator(9, i));
            let mut canvas = place(class, rng);
            let before = canvas.pixels.clone();
            put(&mut canvas, class, rng);
            let differ = |(a, b): (&Colour, &Colour)| (0..3).map(|i| (a[i] - b[i]).abs()).sum::<f32>() > 0.3;
            let seen = before.iter().zip(&canvas.pixels).filter(|&pair| differ(pair)).count();
            assert!(seen >= 40, "{seen} pixels of image {i}, of class {class}");
        }
    }

    #[test]
    fn no_channel_and_no_class_has_a_brightness_of_its_own() {
        let drawn = objects(5_000, 7);
        let (mut sums, mut counts) = ([[0.0; 3]; 10], [0.0; 10]);
        for (image, &label) in drawn.images.chunks(BYTES).zip(&drawn.labels) {
            counts[usize::from(label)] += 1.0;
            for (sum, channel) in sums[usize::from(label)].iter_mut().zip(image.chunks(SIDE * SIDE)) {
                *sum +=
                    channel.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / (255 * SIDE * SIDE) as f64;
            }
        }
        for (sum, count) in sums.iter().zip(counts) {
            let means = sum.map(|sum| sum / count);
            assert!(means.iter().all(|mean| (0.36..0.62).contains(mean)), "{means:?}");
        }
    }

    #[test]
    fn every_silhouette_lies_in_the_picture() {
        for part in STYLES.iter().copied().flatten().copied().flatten() {
            let points = match *part {
                Part::Blob(_, list) | Part::Flat(_, list) => list,
                Part::Line(_, width, list) => {
                    assert!(width > 0 && list.len() >= 2);
                    list
                }
                Part::Disc(_, ref centre, _) | Part::Wheel(ref centre, _) => std::slice::from_ref(centre),
            };
            assert!(points.iter().all(|&(x, y)| x <= 100 && y <= 100));
        }
    }
}
