//! Points, lines and areas: what is drawn, before it is pixels.

use rand::rngs::StdRng;

use super::normal;

/// A point: (x, y), x to the right and y downwards.
pub(super) type Point = (f32, f32);

/// How far a curve swings out between its points: 0 gives straight lines, 0.6 nearly a circle from six points.
const ROUNDNESS: f32 = 0.6;
/// Straight pieces that a curve has between two of its points, and an ellipse in all.
const PIECES: [usize; 2] = [4, 20];

/// Moves each point of a stroke a little at random; the two points of a corner stay together.
/// Points come in hundredths and leave in fractions of the unit square.
pub(super) fn unsteady(stroke: &[(u8, u8)], jitter: f32, rng: &mut StdRng) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for (i, &(x, y)) in stroke.iter().enumerate() {
        let mut off = |hundredths: u8| f32::from(hundredths) / 100.0 + jitter * normal(rng);
        let moved = (off(x), off(y));
        let is_corner = i > 0 && stroke[i - 1] == (x, y);
        points.push(if is_corner { points[i - 1] } else { moved });
    }
    points
}

/// The point at `t` (0 to 1) of the smooth curve from `p1` to `p2`, whose neighbours are `p0` and `p3`.
pub(super) fn spline(p0: Point, p1: Point, p2: Point, p3: Point, t: f32) -> Point {
    let axis = |a: f32, b: f32, c: f32, d: f32| {
        let (leave, arrive) = (ROUNDNESS * (c - a), ROUNDNESS * (d - b));
        let square = 3.0 * (c - b) - 2.0 * leave - arrive;
        let cube = 2.0 * (b - c) + leave + arrive;
        b + t * (leave + t * (square + t * cube))
    };
    (axis(p0.0, p1.0, p2.0, p3.0), axis(p0.1, p1.1, p2.1, p3.1))
}

/// Something to paint.
#[derive(Clone)]
pub(super) enum Shape {
    /// What a closed line encloses.
    Area(Vec<Point>),
    /// A line, and its width.
    Line(Vec<Point>, f32),
}

impl Shape {
    /// What a smooth closed curve through the points encloses; a point written twice is a corner.
    pub fn blob(points: &[Point]) -> Shape {
        Shape::Area(curve(points, true))
    }

    /// A smooth line through the points.
    pub fn curve(points: &[Point], width: f32) -> Shape {
        Shape::Line(curve(points, false), width)
    }

    pub fn ellipse((x, y): Point, (width, height): (f32, f32)) -> Shape {
        let angle = |i: usize| i as f32 / PIECES[1] as f32 * std::f32::consts::TAU;
        let points =
            (0..PIECES[1]).map(|i| (x + width / 2.0 * angle(i).cos(), y + height / 2.0 * angle(i).sin()));
        Shape::Area(points.collect())
    }

    pub fn points(&self) -> &[Point] {
        let (Shape::Area(points) | Shape::Line(points, _)) = self;
        points
    }

    /// Left, top, right and bottom.
    pub fn bounds(&self) -> [f32; 4] {
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for &(x, y) in self.points() {
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        bounds
    }

    pub fn posed(&self, pose: &Pose) -> Shape {
        let points = self.points().iter().map(|&point| pose.of(point)).collect();
        match self {
            Shape::Area(_) => Shape::Area(points),
            Shape::Line(_, width) => Shape::Line(points, width * pose.scale()),
        }
    }
}

/// Points of the smooth curve through these.
fn curve(points: &[Point], closed: bool) -> Vec<Point> {
    let n = points.len();
    let at = |i: isize| match closed {
        true => points[i.rem_euclid(n as isize) as usize],
        false => points[i.clamp(0, n as isize - 1) as usize],
    };
    let mut curve = Vec::with_capacity(PIECES[0] * n);
    for i in 0..(n - usize::from(!closed)) as isize {
        let (p0, p1, p2, p3) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        if p1 != p2 {
            curve.extend((0..PIECES[0]).map(|k| spline(p0, p1, p2, p3, k as f32 / PIECES[0] as f32)));
        }
    }
    curve.push(at(if closed { 0 } else { n as isize - 1 }));
    curve
}

/// Where a drawing stands in the picture, and how it is stretched, slanted and turned.
pub(super) struct Pose {
    /// Rows of a matrix.
    pub matrix: [[f32; 2]; 2],
    /// Where (0, 0) of the drawing goes.
    pub origin: Point,
}

impl Pose {
    /// Around the origin: stretched to `width` and `height` times its size, slanted, then turned by an angle in radians.
    pub fn new((width, height): (f32, f32), slant: f32, angle: f32) -> Pose {
        let (sin, cos) = angle.sin_cos();
        let matrix =
            [[cos * width, height * (cos * slant - sin)], [sin * width, height * (sin * slant + cos)]];
        Pose { matrix, origin: (0.0, 0.0) }
    }

    pub fn of(&self, (x, y): Point) -> Point {
        let [[a, b], [c, d]] = self.matrix;
        (a * x + b * y + self.origin.0, c * x + d * y + self.origin.1)
    }

    /// How much longer lengths become, in the mean of all directions.
    fn scale(&self) -> f32 {
        let [[a, b], [c, d]] = self.matrix;
        (a * d - b * c).abs().sqrt()
    }

    /// The same, scaled and moved so that the shapes fit into a square box around `centre`.
    pub fn fitted<'a>(self, shapes: impl Iterator<Item = &'a Shape>, side: f32, centre: Point) -> Pose {
        let all = Shape::Area(shapes.flat_map(|shape| shape.points()).map(|&p| self.of(p)).collect());
        let [left, top, right, bottom] = all.bounds();
        let scale = side / (right - left).max(bottom - top);
        let origin = (centre.0 - scale * (left + right) / 2.0, centre.1 - scale * (top + bottom) / 2.0);
        Pose { matrix: self.matrix.map(|row| row.map(|value| scale * value)), origin }
    }
}
