//! Printed lines of ruled and squared paper, a margin, a table: straight across the whole picture.

use std::ops::Range;

use super::mask::Mask;

/// Part of its way across the paper that a line is at least seen on.
const SEEN: f64 = 0.5;
/// So near to the paper's edges, as a part of its way, a line is seen; a tall 1 ends before.
const ENDS: usize = 20;
/// Lines may be aslant by so many pixels up and down on two hundred.
const SLANT: i64 = 12;

/// The strokes without lines that cross the paper from side to side, or from top to bottom.
pub(super) fn removed(strokes: &Mask, paper: &Mask) -> Mask {
    let across = without_level_lines(strokes, paper);
    turned(&without_level_lines(&turned(&across), &turned(paper)))
}

/// Rows and columns change places.
fn turned(mask: &Mask) -> Mask {
    let mut on = Vec::with_capacity(mask.on.len());
    for column in 0..mask.width {
        on.extend(mask.on.iter().skip(column).step_by(mask.width));
    }
    Mask { width: mask.height, height: mask.width, on }
}

/// Looks along every straight line of a small slope: a printed one goes from edge to edge, and more than half is ink.
fn without_level_lines(strokes: &Mask, paper: &Mask) -> Mask {
    let (width, height) = (strokes.width as i64, strokes.height as i64);
    let thickest = thickest_line(strokes);
    let mut result = strokes.clone();
    for slant in -SLANT..=SLANT {
        let drops: Vec<i64> = (0..width).map(|column| column * slant / 200).collect();
        let most = width * SLANT / 200;
        for start in -most..height + most {
            let places = || {
                let rows = drops.iter().map(|drop| start + drop).enumerate();
                rows.filter(|(_, row)| (0..height).contains(row))
                    .map(|(column, row)| row as usize * strokes.width + column)
                    .filter(|&place| paper.on[place])
            };
            let (ink, length) = places()
                .fold((0, 0), |(ink, length), place| (ink + usize::from(strokes.on[place]), length + 1));
            if (ink as f64) < SEEN * length as f64 || 3 * length < strokes.width {
                continue;
            }
            let line: Vec<usize> = places().filter(|&place| strokes.on[place]).collect();
            let near = length / ENDS;
            let (first, last) = (places().take(near), places().skip(length - near));
            if !is_seen(first, near, strokes) || !is_seen(last, near, strokes) {
                continue;
            }
            let stacks: Vec<_> = line.iter().map(|&place| stack(strokes, place)).collect();
            let mut lengths: Vec<usize> = stacks.iter().map(|stack| stack.len()).collect();
            lengths.sort_unstable();
            let thickness = lengths[lengths.len() / 2];
            // Where more ink stands one above the other, a stroke crosses the line.
            let of_line =
                |stack: &Range<usize>| thickness <= thickest && 2 * stack.len() <= 3 * thickness + 2;
            for (place, stack) in line.iter().zip(stacks).filter(|(_, stack)| of_line(stack)) {
                stack.for_each(|row| result.on[row * strokes.width + place % strokes.width] = false);
            }
        }
    }
    result
}

/// Whether a line is there near one of its ends: a speck is none, and lines may be worn.
fn is_seen(places: impl Iterator<Item = usize>, count: usize, strokes: &Mask) -> bool {
    places.filter(|&place| strokes.on[place]).count() as f64 >= SEEN / 2.0 * count as f64
}

/// Thickness of a printed line at most, in pixels.
fn thickest_line(strokes: &Mask) -> usize {
    (strokes.width.max(strokes.height) / 120).max(3)
}

/// The rows of the ink without a gap above and below a place.
fn stack(strokes: &Mask, place: usize) -> Range<usize> {
    let (row, column) = (place / strokes.width, place % strokes.width);
    let on = |row: &usize| strokes.on[row * strokes.width + column];
    let first = (0..row).rev().take_while(on).last().unwrap_or(row);
    first..(row..strokes.height).take_while(on).last().unwrap_or(row) + 1
}
