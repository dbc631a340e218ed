//! How the garments of `fashion` are cut: each from a few random measures, as a list of pieces.
//!
//! Measures are hundredths of a square, y downwards, with x = 0 in the middle of what is symmetrical.

mod shoes;
mod tops;
mod trouser_and_bag;

use rand::rngs::StdRng;
use rand::Rng;

use super::normal;
use super::shape::{Point, Shape};
use shoes::{ankle_boot, sandal, sneaker};
use tops::{coat, dress, pullover, shirt, t_shirt};
use trouser_and_bag::{bag, trouser};

/// The pieces of a garment of a class; what comes later lies over what came before.
pub(super) fn sew(label: u8, rng: &mut StdRng) -> Vec<(Shape, Stuff)> {
    let sew = [t_shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle_boot];
    let mut garment = Garment { rng, pieces: Vec::new() };
    sew[usize::from(label)](&mut garment);
    garment.pieces
}

/// What a piece is made of; numbers are brightness.
#[derive(Clone, Copy)]
pub(super) enum Stuff {
    /// The garment's cloth, times a number.
    Cloth(f32),
    /// Something else: a button, a sole, a print. 0 is a hole.
    Plain(f32),
}

/// A garment while it is being cut.
struct Garment<'r> {
    rng: &'r mut StdRng,
    pieces: Vec<(Shape, Stuff)>,
}

impl Garment<'_> {
    /// A number between two.
    fn within(&mut self, low: f32, high: f32) -> f32 {
        self.rng.gen_range(low..high)
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.gen_bool(probability)
    }

    /// The points, each a little off.
    fn off(&mut self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|&(x, y)| (x + 0.8 * normal(self.rng), y + 0.8 * normal(self.rng))).collect()
    }

    fn add(&mut self, shape: Shape, stuff: Stuff) {
        self.pieces.push((shape, stuff));
    }

    /// A piece with straight edges.
    fn piece(&mut self, points: &[Point], stuff: Stuff) {
        let points = self.off(points);
        self.add(Shape::Area(points), stuff);
    }

    /// A piece with round edges.
    fn blob(&mut self, points: &[Point], stuff: Stuff) {
        let points = self.off(points);
        self.add(Shape::blob(&points), stuff);
    }

    /// A symmetrical piece, of which the right half is given, from the top to the bottom.
    fn both(&mut self, half: &[Point], stuff: Stuff) {
        let left = half.iter().rev().map(|&(x, y)| (-x, y));
        self.piece(&half.iter().copied().chain(left).collect::<Vec<_>>(), stuff);
    }

    /// A smooth line.
    fn line(&mut self, points: &[Point], width: f32, stuff: Stuff) {
        let points = self.off(points);
        self.add(Shape::curve(&points, width), stuff);
    }

    /// The same line on the right and on the left.
    fn lines(&mut self, points: &[Point], width: f32, stuff: Stuff) {
        self.line(points, width, stuff);
        self.line(&points.iter().map(|&(x, y)| (-x, y)).collect::<Vec<_>>(), width, stuff);
    }

    /// Small round things from one point to another.
    fn row(&mut self, count: usize, from: Point, to: Point, size: f32, stuff: Stuff) {
        for i in 0..count {
            let t = (i as f32 + 0.5) / count as f32;
            let at = (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
            self.add(Shape::ellipse(at, (size, size)), stuff);
        }
    }
}
