//! Trousers and bags.

use rand::Rng;

use super::Stuff::{Cloth, Plain};
use super::Garment;

pub(super) fn trouser(g: &mut Garment) {
    let waist = g.within(14.0, 19.0);
    let hip = waist + g.within(1.0, 5.0);
    let crotch = g.within(27.0, 36.0);
    let length = if g.chance(0.12) { g.within(46.0, 62.0) } else { 100.0 };
    let inner = g.within(0.8, 11.0);
    let outer = inner + g.within(9.0, 17.0);
    let knee = crotch + 0.45 * (length - crotch);
    let leg = g.within(-1.5, 2.0);
    let half = [(0.0, 1.0), (waist, 0.0), (hip, 20.0), ((hip + outer) / 2.0 + leg, knee), (outer, length),
        (inner, length), (0.4 * inner + 0.8, knee), (0.5, crotch)];
    g.both(&half, Cloth(1.0));
    g.line(&[(0.0, 4.0), (0.5, crotch)], 1.6, Cloth(0.6));
    if g.chance(0.7) { g.line(&[(-waist, 5.0), (waist, 5.0)], 1.6, Cloth(0.65)); }
    if g.chance(0.5) { g.lines(&[(0.45 * waist, 6.0), (0.6 * waist, 12.0), (hip - 1.0, 15.0)], 1.4, Cloth(0.6)); }
    if g.chance(0.35) {
        let shade = if g.chance(0.5) { 0.8 } else { 1.25 };
        g.lines(&[(0.5 * hip, 24.0), ((inner + outer) / 2.0, length - 2.0)], 3.0, Cloth(shade));
    }
}

pub(super) fn bag(g: &mut Garment) {
    let (top, bottom) = (g.within(20.0, 44.0), g.within(30.0, 46.0));
    let base = g.within(76.0, 100.0);
    let brim = 38.0;
    let handle = g.within(4.0, 36.0);
    let width = g.within(2.5, 6.0);
    let strap = g.within(0.6, 1.1);
    let reach = g.within(0.35, 0.95) * top;
    match g.rng.gen_range(0..4) {
        0 | 1 => g.line(&[(-reach, brim + 4.0), (-0.8 * reach, brim - 0.7 * handle), (0.0, brim - handle),
            (0.8 * reach, brim - 0.7 * handle), (reach, brim + 4.0)], width, Cloth(strap)),
        2 => g.line(&[(-top, brim + 6.0), (0.2 * top, brim - 1.6 * handle), (top, brim + 6.0)], width, Cloth(strap)),
        _ => (),
    }
    let half = [(0.0, brim), (top - 2.0, brim), (top, brim + 3.0), (bottom, base - 6.0), (bottom - 4.0, base),
        (0.0, base)];
    if g.chance(0.5) {
        g.both(&half, Cloth(1.0));
    } else {
        let left = half.iter().rev().map(|&(x, y)| (-x, y));
        g.blob(&half.iter().copied().chain(left).collect::<Vec<_>>(), Cloth(1.0));
    }
    let lower = brim + g.within(0.3, 0.7) * (base - brim);
    match g.rng.gen_range(0..5) {
        0 | 1 => {
            let (shade, tip) = (g.within(0.6, 1.2), g.within(0.0, 8.0));
            g.both(&[(0.0, brim), (top, brim), (0.9 * top, lower - tip), (0.0, lower)], Cloth(shade));
            g.line(&[(-0.9 * top, lower - tip), (0.0, lower), (0.9 * top, lower - tip)], 1.8, Cloth(0.5));
            g.row(1, (0.0, lower - 3.0), (0.0, lower + 3.0), 6.0, Plain(0.95));
        }
        2 => g.line(&[(-top, brim + 9.0), (top, brim + 9.0)], 2.2, Cloth(0.45)),
        3 => {
            let (x, y) = (0.6 * bottom, base - 8.0);
            g.line(&[(-x, lower), (-x, y), (x, y), (x, lower), (-x, lower)], 1.8, Cloth(0.6));
        }
        _ => g.lines(&[(0.5 * top, brim), (0.5 * bottom, base)], 4.0, Cloth(0.65)),
    }
}
