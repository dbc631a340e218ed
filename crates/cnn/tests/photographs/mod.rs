//! Photographs of handwritten digits, drawn: a pen follows the middle of a digit's strokes, on paper that lies in some
//! light.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Red, green and blue from 0 to 1.
pub type Colour = [f32; 3];

pub const WHITE: Colour = [0.93, 0.92, 0.88];
pub const BLACK: Colour = [0.12, 0.12, 0.14];
pub const BLUE: Colour = [0.15, 0.2, 0.6];
pub const RED: Colour = [0.75, 0.15, 0.15];
pub const ORANGE: Colour = [0.9, 0.6, 0.3];
pub const PENCIL: Colour = [0.66, 0.66, 0.66];

/// What is photographed, and how.
#[derive(Clone)]
pub struct Scene {
    pub name: &'static str,
    pub width: usize,
    pub height: usize,
    /// Thickness of the strokes, and the digit's longer side, in pixels.
    pub pen: f32,
    pub size: f32,
    /// The digit's middle, as parts of the width and height.
    pub middle: (f32, f32),
    pub ink: Colour,
    pub paper: Colour,
    /// Distance of printed lines, in pixels, and their colour; 0 for none.
    pub ruled: usize,
    pub squared: bool,
    pub lines: Colour,
    /// A red margin, at this part of the width; 0 for none.
    pub margin: f32,
    /// Thickness of a frame around the picture, or of a desk with grain, in pixels.
    pub frame: usize,
    pub desk: usize,
    /// How much of the light is missing at the right side, and in a shadow over the lower left corner.
    pub gradient: f32,
    pub shadow: f32,
    pub specks: usize,
    /// Standard deviation of the camera's noise, and radius of its blur in pixels.
    pub noise: f32,
    pub blur: usize,
    /// A drawing program's picture, without paper.
    pub transparent: bool,
    /// JPEG's quality; 0 for PNG.
    pub quality: u8,
    /// EXIF's orientation: the camera was held otherwise, and the file says so.
    pub orientation: u8,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            name: "felt pen",
            width: 600,
            height: 800,
            pen: 14.0,
            size: 400.0,
            middle: (0.5, 0.5),
            ink: BLACK,
            paper: WHITE,
            ruled: 0,
            squared: false,
            lines: [0.55, 0.65, 0.85],
            margin: 0.0,
            frame: 0,
            desk: 0,
            gradient: 0.1,
            shadow: 0.0,
            specks: 0,
            noise: 0.01,
            blur: 1,
            transparent: false,
            quality: 85,
            orientation: 1,
        }
    }
}

/// The scenes that every digit is photographed in.
pub fn scenes() -> Vec<Scene> {
    let plain = Scene::default();
    vec![
        Scene { ..plain.clone() },
        Scene { name: "pen of 2 pixels", pen: 2.0, blur: 0, ..plain.clone() },
        Scene { name: "pen of 3 pixels", pen: 3.0, ..plain.clone() },
        Scene {
            name: "ballpoint, small",
            pen: 5.0,
            size: 150.0,
            middle: (0.4, 0.6),
            ink: BLUE,
            ..plain.clone()
        },
        Scene { name: "marker", pen: 40.0, ..plain.clone() },
        Scene { name: "pencil", pen: 5.0, ink: PENCIL, noise: 0.02, ..plain.clone() },
        Scene { name: "red pen", pen: 8.0, ink: RED, size: 250.0, ..plain.clone() },
        Scene { name: "light from the left", pen: 8.0, gradient: 0.6, ..plain.clone() },
        Scene { name: "shadow", pen: 8.0, shadow: 0.5, ..plain.clone() },
        Scene { name: "shadow, pencil", pen: 6.0, ink: PENCIL, shadow: 0.4, ..plain.clone() },
        Scene { name: "noise", pen: 10.0, noise: 0.06, blur: 2, ..plain.clone() },
        Scene { name: "dark frame", pen: 12.0, frame: 12, ..plain.clone() },
        Scene { name: "dark frame, pale ink", pen: 10.0, frame: 14, ink: ORANGE, ..plain.clone() },
        Scene { name: "desk", pen: 9.0, desk: 70, size: 300.0, ..plain.clone() },
        Scene { name: "large desk", pen: 7.0, desk: 160, size: 200.0, gradient: 0.3, ..plain.clone() },
        Scene { name: "ruled paper", pen: 9.0, ruled: 60, ..plain.clone() },
        Scene {
            name: "squared paper, margin",
            pen: 8.0,
            ruled: 40,
            squared: true,
            margin: 0.14,
            ink: BLUE,
            ..plain.clone()
        },
        Scene {
            name: "table's lines",
            pen: 10.0,
            ruled: 230,
            squared: true,
            lines: BLACK,
            size: 180.0,
            middle: (0.58, 0.72),
            ..plain.clone()
        },
        Scene { name: "specks", pen: 10.0, specks: 25, ..plain.clone() },
        Scene {
            name: "chalk",
            pen: 12.0,
            ink: [0.9, 0.9, 0.85],
            paper: [0.13, 0.2, 0.16],
            noise: 0.03,
            ..plain.clone()
        },
        Scene {
            name: "drawn, transparent",
            pen: 12.0,
            size: 500.0,
            transparent: true,
            noise: 0.0,
            blur: 0,
            quality: 0,
            ..plain.clone()
        },
        Scene {
            name: "drawn, light on transparent",
            pen: 20.0,
            ink: [1.0; 3],
            transparent: true,
            noise: 0.0,
            quality: 0,
            ..plain.clone()
        },
        Scene {
            name: "drawn, black on white",
            width: 280,
            height: 280,
            size: 200.0,
            pen: 10.0,
            paper: [1.0; 3],
            ink: [0.0; 3],
            gradient: 0.0,
            noise: 0.0,
            blur: 0,
            quality: 0,
            ..plain.clone()
        },
        Scene {
            name: "photograph of 12 megapixels",
            width: 3000,
            height: 4000,
            pen: 22.0,
            size: 1500.0,
            gradient: 0.4,
            shadow: 0.3,
            noise: 0.03,
            blur: 3,
            orientation: 6,
            ..plain.clone()
        },
        Scene { name: "upside down", pen: 9.0, orientation: 3, ..plain.clone() },
    ]
}

/// The middle of the strokes of an image `[28 * 28]`, as points whose longer extent goes from 0 to 1.
pub fn path_of_the_pen(image: &[u8]) -> Vec<(f32, f32)> {
    const TIMES: usize = 12;
    let side = 28 * TIMES;
    let mut on = vec![false; side * side];
    for row in 0..side {
        for column in 0..side {
            let (y, x) = (row as f32 / TIMES as f32 - 0.5, column as f32 / TIMES as f32 - 0.5);
            let (top, left) = (y.floor(), x.floor());
            let at = |row: f32, column: f32| match (0.0..28.0).contains(&row) && (0.0..28.0).contains(&column)
            {
                true => f32::from(image[row as usize * 28 + column as usize]),
                false => 0.0,
            };
            let (down, right) = (y - top, x - left);
            let upper = at(top, left) * (1.0 - right) + at(top, left + 1.0) * right;
            let lower = at(top + 1.0, left) * (1.0 - right) + at(top + 1.0, left + 1.0) * right;
            on[row * side + column] = upper * (1.0 - down) + lower * down > 110.0;
        }
    }
    thin(&mut on, side);
    let points: Vec<(f32, f32)> =
        (0..on.len()).filter(|&i| on[i]).map(|i| ((i % side) as f32, (i / side) as f32)).collect();
    let range = |of: fn(&(f32, f32)) -> f32| {
        points.iter().map(of).fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((left, right), (top, bottom)) = (range(|p| p.0), range(|p| p.1));
    let longer = (right - left).max(bottom - top).max(1.0);
    points.iter().map(|(x, y)| ((x - left) / longer, (y - top) / longer)).collect()
}

/// Takes pixels from the outside until lines are left.
///
/// Source: Zhang and Suen, *A fast parallel algorithm for thinning digital patterns* (1984).
fn thin(on: &mut [bool], side: usize) {
    loop {
        let mut changed = false;
        for first in [true, false] {
            let mut gone = Vec::new();
            for row in 1..side - 1 {
                for column in 1..side - 1 {
                    let i = row * side + column;
                    if !on[i] {
                        continue;
                    }
                    let near = [
                        i - side,
                        i - side + 1,
                        i + 1,
                        i + side + 1,
                        i + side,
                        i + side - 1,
                        i - 1,
                        i - side - 1,
                    ]
                    .map(|place| on[place]);
                    let count = near.iter().filter(|&&on| on).count();
                    let rises = (0..8).filter(|&k| !near[k] && near[(k + 1) % 8]).count();
                    let [north, _, east, _, south, _, west, _] = near;
                    let open = match first {
                        true => !(east && south && (north || west)),
                        false => !(north && west && (east || south)),
                    };
                    if (2..=6).contains(&count) && rises == 1 && open {
                        gone.push(i);
                    }
                }
            }
            changed |= !gone.is_empty();
            for i in gone {
                on[i] = false;
            }
        }
        if !changed {
            return;
        }
    }
}

/// The file of the digit's photograph.
pub fn photograph(path: &[(f32, f32)], scene: &Scene, seed: u64) -> Vec<u8> {
    let (width, height) = (scene.width, scene.height);
    let mut random = StdRng::seed_from_u64(seed);
    let mut pixels = vec![scene.paper; width * height];
    print_lines(&mut pixels, scene);
    let ink = strokes(path, scene);
    for (pixel, &covered) in pixels.iter_mut().zip(&ink) {
        blend(pixel, scene.ink, covered);
    }
    for _ in 0..scene.specks {
        let (x, y) = (random.gen_range(10..width - 10), random.gen_range(10..height - 10));
        for row in y..y + random.gen_range(1..5) {
            for column in x..x + random.gen_range(1..5) {
                pixels[row * width + column] = scene.ink;
            }
        }
    }
    surround(&mut pixels, scene, &mut random);
    light(&mut pixels, scene);
    for _ in 0..2 {
        pixels = blurred(&pixels, width, height, scene.blur);
    }
    if scene.noise > 0.0 {
        for pixel in &mut pixels {
            // The sum of uniform numbers is nearly normal.
            let sum: f32 = random.gen::<[u8; 4]>().iter().map(|&byte| f32::from(byte) / 255.0).sum();
            let noise = (sum - 2.0) * 1.73 * scene.noise;
            *pixel = pixel.map(|level| level + noise);
        }
    }
    let bytes: Vec<u8> =
        pixels.iter().flatten().map(|level| (level.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    match (scene.transparent, scene.quality) {
        (true, _) => {
            let colour = scene.ink.map(|level| (level * 255.0) as u8);
            let rgba: Vec<u8> = ink
                .iter()
                .flat_map(|covered| [colour[0], colour[1], colour[2], (covered * 255.0) as u8])
                .collect();
            png_file(&rgba, width, height, png::ColorType::Rgba)
        }
        (false, 0) => png_file(&bytes, width, height, png::ColorType::Rgb),
        (false, quality) => {
            let (bytes, width, height) = as_the_camera_was_held(&bytes, width, height, scene.orientation);
            jpeg_file(&bytes, width, height, quality, scene.orientation)
        }
    }
}

fn blend(pixel: &mut Colour, over: Colour, covered: f32) {
    for (level, new) in pixel.iter_mut().zip(over) {
        *level += (new - *level) * covered;
    }
}

/// How much of each pixel the pen covers.
pub fn strokes(path: &[(f32, f32)], scene: &Scene) -> Vec<f32> {
    let (width, height) = (scene.width as i64, scene.height as i64);
    let mut ink = vec![0.0_f32; scene.width * scene.height];
    let extent = |of: fn(&(f32, f32)) -> f32| path.iter().map(of).fold(0.0, f32::max);
    let (wide, high) = (extent(|p| p.0), extent(|p| p.1));
    let radius = scene.pen / 2.0;
    for &(x, y) in path {
        let x = scene.middle.0 * scene.width as f32 + (x - wide / 2.0) * scene.size;
        let y = scene.middle.1 * scene.height as f32 + (y - high / 2.0) * scene.size;
        let reach = radius.ceil() as i64 + 1;
        for row in (y as i64 - reach).max(0)..(y as i64 + reach + 1).min(height) {
            for column in (x as i64 - reach).max(0)..(x as i64 + reach + 1).min(width) {
                let distance = (row as f32 - y).hypot(column as f32 - x);
                let covered = (radius + 0.5 - distance).clamp(0.0, 1.0);
                let pixel = &mut ink[(row * width + column) as usize];
                *pixel = pixel.max(covered);
            }
        }
    }
    ink
}

fn print_lines(pixels: &mut [Colour], scene: &Scene) {
    for (place, pixel) in pixels.iter_mut().enumerate() {
        let (row, column) = (place / scene.width, place % scene.width);
        // A little aslant, as a hand holds a camera.
        let (level, upright) = (row + column / 80, column + row / 80);
        let on_line =
            scene.ruled > 0 && (level % scene.ruled < 2 || (scene.squared && upright % scene.ruled < 2));
        if on_line {
            *pixel = scene.lines;
        }
        if scene.margin > 0.0 && upright.abs_diff((scene.margin * scene.width as f32) as usize) < 2 {
            *pixel = RED;
        }
    }
}

/// A frame, or a desk of dark wood.
fn surround(pixels: &mut [Colour], scene: &Scene, random: &mut StdRng) {
    let grain: Vec<f32> = (0..scene.height).map(|_| random.gen_range(0.8..1.2)).collect();
    for (place, pixel) in pixels.iter_mut().enumerate() {
        let (row, column) = (place / scene.width, place % scene.width);
        let edge = row.min(column).min(scene.height - 1 - row).min(scene.width - 1 - column);
        // The paper lies a little askew.
        if edge + row / 40 < scene.desk {
            *pixel = [0.3, 0.2, 0.12].map(|level| level * grain[row]);
        }
        if edge < scene.frame {
            *pixel = [0.05; 3];
        }
    }
}

fn light(pixels: &mut [Colour], scene: &Scene) {
    for (place, pixel) in pixels.iter_mut().enumerate() {
        let (row, column) = ((place / scene.width) as f32, (place % scene.width) as f32);
        let (down, right) = (row / scene.height as f32, column / scene.width as f32);
        // The shadow's edge is soft: a twentieth of the picture.
        let inside = ((down - right - 0.1) * 20.0).clamp(0.0, 1.0);
        let light = (1.0 - scene.gradient * right) * (1.0 - scene.shadow * inside);
        *pixel = pixel.map(|level| level * light);
    }
}

fn blurred(pixels: &[Colour], width: usize, height: usize, radius: usize) -> Vec<Colour> {
    let along =
        |pixels: &[Colour], step: usize, position: &dyn Fn(usize) -> usize, length: usize| -> Vec<Colour> {
            (0..pixels.len())
                .map(|place| {
                    let at = position(place);
                    let (from, to) = (radius.min(at), radius.min(length - 1 - at));
                    let mut sum = [0.0; 3];
                    for n in 0..=from + to {
                        let pixel = pixels[place - from * step + n * step];
                        sum = [sum[0] + pixel[0], sum[1] + pixel[1], sum[2] + pixel[2]];
                    }
                    sum.map(|level| level / (from + to + 1) as f32)
                })
                .collect()
        };
    let level = along(pixels, 1, &|place| place % width, width);
    along(&level, width, &|place| place / width, height)
}

pub fn png_file(bytes: &[u8], width: usize, height: usize, colours: png::ColorType) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(colours);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    file
}

/// RGB; the orientation stands in an EXIF segment, unless it is 1.
pub fn jpeg_file(rgb: &[u8], width: usize, height: usize, quality: u8, orientation: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    if orientation != 1 {
        // TIFF, big-endian, one entry: tag 0x0112, a short, once.
        let exif =
            [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], b"\0\0\0\0\0\0"]
                .concat();
        encoder.add_exif_metadata(&exif).unwrap();
    }
    encoder.encode(rgb, width as u16, height as u16, jpeg_encoder::ColorType::Rgb).unwrap();
    file
}

/// The pixels as they lie in a file whose EXIF orientation makes this upright picture of them, with width and height.
pub fn as_the_camera_was_held(
    rgb: &[u8],
    width: usize,
    height: usize,
    orientation: u8,
) -> (Vec<u8>, usize, usize) {
    let (stored_width, stored_height) = if orientation < 5 { (width, height) } else { (height, width) };
    let mut stored = vec![0; rgb.len()];
    for row in 0..height {
        for column in 0..width {
            let (up, back) = (height - 1 - row, width - 1 - column);
            // EXIF 2.3, 4.6.4: where row 0 and column 0 of the file are seen.
            let (y, x) = match orientation {
                2 => (row, back),
                3 => (up, back),
                4 => (up, column),
                5 => (column, row),
                6 => (back, row),
                7 => (back, up),
                8 => (column, up),
                _ => (row, column),
            };
            let (from, to) = ((row * width + column) * 3, (y * stored_width + x) * 3);
            stored[to..to + 3].copy_from_slice(&rgb[from..from + 3]);
        }
    }
    (stored, stored_width, stored_height)
}
