//! A picture that is being painted, with soft edges.

use super::shape::{Point, Shape};

/// Red, green and blue, from 0 to 1.
pub(super) type Colour = [f32; 3];

/// Rows that each row of pixels is divided into where the edge of an area is followed.
const FINER: usize = 4;

/// `side` × `side` pixels.
pub(super) struct Canvas {
    side: usize,
    pub pixels: Vec<Colour>,
}

impl Canvas {
    /// Each pixel by where its middle is.
    pub fn new(side: usize, mut colour: impl FnMut(Point) -> Colour) -> Canvas {
        let pixels = (0..side * side).map(|i| colour(middle(i, side))).collect();
        Canvas { side, pixels }
    }

    /// Covers what is there with a shape; the colour may depend on the place.
    pub fn paint(&mut self, shape: &Shape, mut colour: impl FnMut(Point) -> Colour) {
        let cover = match shape {
            Shape::Area(points) => self.area(points, shape.bounds()),
            Shape::Line(points, width) => self.line(points, *width),
        };
        for (i, (pixel, cover)) in
            self.pixels.iter_mut().zip(cover).enumerate().filter(|(_, (_, c))| *c > 0.0)
        {
            *pixel = mix(*pixel, colour(middle(i, self.side)), cover.min(1.0));
        }
    }

    /// How much of each pixel lies within a closed line: 0 to 1.
    fn area(&self, points: &[Point], [_, top, _, bottom]: [f32; 4]) -> Vec<f32> {
        let mut cover = vec![0.0; self.side * self.side];
        let mut crossings = Vec::new();
        let row = |y: f32| ((y.max(0.0) * FINER as f32) as usize).min(self.side * FINER);
        for row in row(top)..row(bottom + 1.0) {
            let y = (row as f32 + 0.5) / FINER as f32;
            crossings.clear();
            for (&(x1, y1), &(x2, y2)) in points.iter().zip(points.iter().cycle().skip(1)) {
                if (y1 <= y) != (y2 <= y) {
                    crossings.push(x1 + (y - y1) / (y2 - y1) * (x2 - x1));
                }
            }
            crossings.sort_by(f32::total_cmp);
            let pixels = &mut cover[row / FINER * self.side..][..self.side];
            for span in crossings.chunks_exact(2) {
                let (from, to) = (span[0].max(0.0), span[1].min(self.side as f32));
                for (column, pixel) in pixels.iter_mut().enumerate().skip(from as usize) {
                    let within = to.min(column as f32 + 1.0) - from.max(column as f32);
                    if within <= 0.0 {
                        break;
                    }
                    *pixel += within / FINER as f32;
                }
            }
        }
        cover
    }

    /// How much of each pixel a line with round ends covers, by its distance: 0 to 1.
    fn line(&self, points: &[Point], width: f32) -> Vec<f32> {
        let mut cover = vec![0.0f32; self.side * self.side];
        let reach = width / 2.0 + 0.5;
        let near = |a: f32, b: f32| {
            let (first, end) = ((a.min(b) - reach).max(0.0), (a.max(b) + reach).ceil().max(0.0));
            first as usize..self.side.min(end as usize)
        };
        for pair in points.windows(2) {
            let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
            let (dx, dy) = (x2 - x1, y2 - y1);
            let square = (dx * dx + dy * dy).max(1e-6);
            for row in near(y1, y2) {
                for column in near(x1, x2) {
                    let (x, y) = (column as f32 + 0.5 - x1, row as f32 + 0.5 - y1);
                    let along = ((x * dx + y * dy) / square).clamp(0.0, 1.0);
                    let ink = reach - (x - along * dx).hypot(y - along * dy);
                    let pixel = &mut cover[row * self.side + column];
                    *pixel = pixel.max(ink.min(width.min(1.0)));
                }
            }
        }
        cover
    }
}

fn middle(index: usize, side: usize) -> Point {
    ((index % side) as f32 + 0.5, (index / side) as f32 + 0.5)
}

/// From one colour, at 0, to the other, at 1.
pub(super) fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| from[channel] + share * (to[channel] - from[channel]))
}

/// The byte of a brightness.
pub(super) fn byte(level: f32) -> u8 {
    (255.0 * level.clamp(0.0, 1.0)).round() as u8
}
