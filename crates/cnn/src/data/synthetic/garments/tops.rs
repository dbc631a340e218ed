//! What is worn above the belt, and dresses: a body with sleeves, and what is sewn on it.

use rand::Rng;

use super::super::shape::Shape;
use super::Stuff::{Cloth, Plain};
use super::{Garment, Stuff};

/// The measures of what is worn above the belt: half of the widths, and heights below the top.
struct Cut {
    neck: f32,
    depth: f32,
    shoulder: f32,
    chest: f32,
    waist: (f32, f32),
    hem: (f32, f32),
    /// How far a sleeve goes out and down, and its width at the end; none for garments without sleeves.
    sleeve: Option<(f32, f32, f32)>,
}

impl Cut {
    /// Sleeves, then the body over them, with its seams.
    fn sew(&self, g: &mut Garment) {
        let Cut { neck, depth, shoulder, chest, waist, hem, sleeve } = *self;
        if let Some((out, down, width)) = sleeve {
            let (x, y) = (shoulder + out, 8.0 + down);
            // The end of the sleeve is at right angles to it.
            let length = out.hypot(down);
            let (ex, ey) = (width / 2.0 * down / length, width / 2.0 * out / length);
            let elbow = (shoulder + 0.62 * out + 4.0, 8.0 + 0.45 * down);
            for side in [1.0, -1.0] {
                let points = [(shoulder - 6.0, 5.0), (shoulder + 1.0, 9.0), elbow, (x + ex, y - ey), (x - ex, y + ey),
                    (chest + 0.35 * out, 32.0 + 0.35 * down), (chest - 5.0, 34.0)];
                let shade = g.within(0.78, 1.0);
                g.piece(&points.map(|(x, y)| (side * x, y)), Cloth(shade));
            }
        }
        let half = [(0.0, 3.0 + depth * 0.95), (0.6 * neck, 2.0 + depth * 0.6), (neck, 1.0), (shoulder, 7.0),
            (shoulder - 1.5, 20.0), (chest, 33.0), waist, hem, (0.0, hem.1 + 0.8)];
        g.both(&half, Cloth(1.0));
        if sleeve.is_some() {
            g.lines(&[(shoulder, 8.0), (shoulder - 2.0, 20.0), (chest - 0.5, 34.0)], 1.5, Cloth(0.72));
            if hem.1 > 45.0 { g.lines(&[(chest, 36.0), waist, hem], 1.6, Cloth(0.7)); }
        }
    }
}

/// A band around the neck.
fn collar(g: &mut Garment, cut: &Cut, width: f32, stuff: Stuff) {
    let (neck, depth) = (cut.neck, cut.depth);
    g.line(&[(-neck, 1.5), (-0.6 * neck, 2.5 + 0.6 * depth), (0.0, 3.0 + depth), (0.6 * neck, 2.5 + 0.6 * depth),
        (neck, 1.5)], width, stuff);
}

/// Two pointed pieces of cloth at the neck, and the inside of the garment between them.
fn lapels(g: &mut Garment, cut: &Cut, length: f32, stuff: Stuff) {
    let neck = cut.neck;
    g.both(&[(0.0, 0.0), (neck - 1.0, 0.0), (0.0, length)], Cloth(0.4));
    for side in [1.0, -1.0] {
        let points = [(neck - 2.0, -1.5), (neck + 3.0, 3.0), (0.75 * neck, 0.6 * length + 6.0), (0.0, length)];
        g.piece(&points.map(|(x, y)| (side * x, y)), stuff);
    }
}

fn long_sleeve(g: &mut Garment) -> (f32, f32, f32) {
    let out = g.within(5.0, 24.0);
    (out, g.within(62.0, 84.0) - 0.5 * out, g.within(8.0, 13.0))
}

fn short_sleeve(g: &mut Garment) -> (f32, f32, f32) {
    (g.within(6.0, 17.0), g.within(15.0, 32.0), g.within(12.0, 18.0))
}

/// Measures that T-shirt, pullover, shirt and coat have in common.
fn cut(g: &mut Garment, length: (f32, f32), sleeve: Option<(f32, f32, f32)>) -> Cut {
    let chest = g.within(20.0, 27.0);
    let hem = chest + g.within(-4.0, 3.0);
    Cut {
        neck: g.within(7.0, 11.0),
        depth: g.within(2.0, 9.0),
        shoulder: chest + g.within(-3.0, 2.0),
        chest,
        waist: ((chest + hem) / 2.0 - g.within(0.0, 3.0), 62.0),
        hem: (hem, g.within(length.0, length.1)),
        sleeve,
    }
}

pub(super) fn t_shirt(g: &mut Garment) {
    let sleeve = match g.rng.gen_range(0..10) {
        0 => None,
        1 => Some(long_sleeve(g)),
        _ => Some(short_sleeve(g)),
    };
    let mut cut = cut(g, (84.0, 100.0), sleeve);
    cut.depth += g.within(0.0, 8.0);
    if sleeve.is_none() {
        cut.shoulder *= g.within(0.55, 0.9);
        cut.neck = cut.neck.min(cut.shoulder - 4.0);
        cut.depth += g.within(2.0, 12.0);
    }
    cut.sew(g);
    if g.chance(0.6) { collar(g, &cut, 3.0, Cloth(0.8)); }
    if g.chance(0.45) { print(g); }
}

/// Something printed on the chest: lines of letters, a disc, blots.
fn print(g: &mut Garment) {
    let (tone, top) = (g.within(0.0, 1.0), g.within(26.0, 40.0));
    match g.rng.gen_range(0..3) {
        0 => {
            for line in 0..g.rng.gen_range(1..4) {
                let (width, y) = (g.within(6.0, 15.0), top + 9.0 * line as f32);
                g.line(&[(-width, y), (width, y)], 4.0, Plain(tone));
            }
        }
        1 => {
            let size = g.within(14.0, 26.0);
            g.add(Shape::ellipse((0.0, top + 10.0), (size, size)), Plain(tone));
            g.add(Shape::ellipse((1.0, top + 9.0), (size / 2.0, size / 3.0)), Cloth(1.0));
        }
        _ => {
            for _ in 0..5 {
                let at = (g.within(-13.0, 13.0), top + g.within(0.0, 24.0));
                let size = (g.within(4.0, 14.0), g.within(4.0, 12.0));
                let tone = g.within(0.0, 1.0);
                g.add(Shape::ellipse(at, size), Plain(tone));
            }
        }
    }
}

pub(super) fn pullover(g: &mut Garment) {
    let sleeve = long_sleeve(g);
    let cut = cut(g, (80.0, 98.0), Some(sleeve));
    let hood = g.chance(0.2);
    if hood {
        g.blob(&[(-13.0, 8.0), (-11.0, -8.0), (0.0, -13.0), (11.0, -8.0), (13.0, 8.0), (0.0, 14.0)], Cloth(0.85));
        g.blob(&[(-7.0, 5.0), (-6.0, -3.0), (0.0, -6.0), (6.0, -3.0), (7.0, 5.0), (0.0, 10.0)], Cloth(0.4));
    } else if g.chance(0.3) {
        g.both(&[(0.0, -6.0), (cut.neck - 1.0, -6.0), (cut.neck + 1.0, 4.0), (0.0, 9.0)], Cloth(0.85));
    }
    cut.sew(g);
    let band = g.within(0.7, 0.95);
    if !hood { collar(g, &cut, 3.6, Cloth(band)); }
    if g.chance(0.7) {
        let (x, y) = cut.hem;
        g.line(&[(-x, y - 3.0), (x, y - 3.0)], 4.5, Cloth(band));
    }
    if g.chance(0.25) { print(g); }
    if hood && g.chance(0.6) {
        let x = 0.5 * cut.waist.0;
        g.line(&[(-1.3 * x, 80.0), (-x, 62.0), (x, 62.0), (1.3 * x, 80.0)], 1.6, Cloth(0.65));
    }
}

pub(super) fn dress(g: &mut Garment) {
    let sleeve = match g.rng.gen_range(0..10) {
        0..=5 => None,
        6..=8 => Some((g.within(3.0, 9.0), g.within(10.0, 20.0), g.within(9.0, 13.0))),
        _ => Some((g.within(3.0, 10.0), g.within(42.0, 58.0), g.within(6.0, 9.0))),
    };
    let chest = g.within(12.0, 17.0);
    let waist = (chest - g.within(0.5, 4.0), g.within(36.0, 50.0));
    let neck = g.within(5.0, 9.0);
    let hem = if g.chance(0.5) { g.within(12.0, 18.0) } else { g.within(18.0, 30.0) };
    let shoulder = chest - g.within(0.0, 4.0);
    let cut = Cut {
        neck: neck.min(shoulder - 2.0),
        depth: g.within(2.0, 14.0),
        shoulder,
        chest,
        waist,
        hem: (hem, 100.0),
        sleeve,
    };
    cut.sew(g);
    match g.rng.gen_range(0..4) {
        0 => g.line(&[(-waist.0, waist.1), (waist.0, waist.1)], 3.5, Plain(0.15)),
        1 => g.line(&[(-waist.0, waist.1), (waist.0, waist.1)], 2.0, Cloth(0.65)),
        2 => g.both(&[(0.0, waist.1), waist, cut.hem, (0.0, 101.0)], Cloth(0.75)),
        _ => (),
    }
    if g.chance(0.5) {
        for x in [-0.5, 0.1, 0.6] {
            g.line(&[(x * waist.0, waist.1 + 6.0), (1.1 * x * hem, 97.0)], 1.6, Cloth(0.78));
        }
    }
}

pub(super) fn coat(g: &mut Garment) {
    let sleeve = long_sleeve(g);
    let mut cut = cut(g, (90.0, 104.0), Some(sleeve));
    cut.hem.0 += g.within(0.0, 3.0);
    let hood = g.chance(0.25);
    if hood {
        g.blob(&[(-12.0, 8.0), (-11.0, -6.0), (0.0, -11.0), (11.0, -6.0), (12.0, 8.0), (0.0, 14.0)], Cloth(0.7));
    }
    cut.sew(g);
    let (gap, open) = (g.within(1.6, 4.0), g.within(0.0, 0.45));
    let length = g.within(10.0, 42.0);
    g.line(&[(0.0, 4.0), (0.0, cut.hem.1)], gap, Cloth(open));
    if g.chance(0.75) {
        let shade = g.within(0.7, 1.3);
        lapels(g, &cut, length, Cloth(shade));
    }
    let (double, tone) = (g.chance(0.3), g.within(0.0, 1.0));
    if g.chance(0.6) {
        let count = g.rng.gen_range(3..6);
        for x in if double { &[-7.0, 7.0][..] } else { &[4.0] } {
            g.row(count, (*x, length + 2.0), (*x, 88.0), 4.0, Plain(tone));
        }
    }
    if g.chance(0.7) {
        let y = g.within(58.0, 70.0);
        g.lines(&[(8.0, y), (17.0, y + 3.0)], 2.0, Cloth(0.55));
    }
    if g.chance(0.25) {
        let (x, y) = cut.waist;
        g.line(&[(-x, y - 4.0), (x, y - 4.0)], 4.0, Cloth(0.6));
    }
}

pub(super) fn shirt(g: &mut Garment) {
    let sleeve = if g.chance(0.7) { long_sleeve(g) } else { short_sleeve(g) };
    let cut = cut(g, (82.0, 100.0), Some(sleeve));
    cut.sew(g);
    let shade = g.within(0.8, 1.25);
    let length = g.within(8.0, 15.0);
    lapels(g, &cut, length, Cloth(shade));
    if g.chance(0.85) {
        let end = if g.chance(0.8) { cut.hem.1 } else { 45.0 };
        let edge = g.within(0.65, 0.85);
        g.line(&[(2.0, length), (2.0, end)], 1.4, Cloth(edge));
        let (count, tone) = (g.rng.gen_range(5..8), g.within(0.0, 1.0));
        g.row(count, (0.0, length), (0.0, end), 2.6, Plain(tone));
    }
    if g.chance(0.5) {
        g.line(&[(7.0, 34.0), (16.0, 34.0), (16.0, 46.0), (7.0, 46.0), (7.0, 34.0)], 1.2, Cloth(0.72));
    }
}
