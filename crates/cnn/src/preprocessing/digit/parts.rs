//! Connected parts of the ink, and which of them are the digit.

use anyhow::{bail, ensure, Result};

use super::mask::{Mask, NOTHING};

/// Pixels that hang together; corners count.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its number in the labels, from 1.
    pub label: u32,
    /// Pixels.
    pub area: usize,
    pub top: usize,
    pub left: usize,
    /// Last row and column.
    pub bottom: usize,
    pub right: usize,
}

impl Part {
    pub fn height(&self) -> usize {
        self.bottom - self.top + 1
    }

    pub fn width(&self) -> usize {
        self.right - self.left + 1
    }

    fn longer(&self) -> usize {
        self.height().max(self.width())
    }

    pub fn touches_edge(&self, width: usize, height: usize) -> bool {
        self.top == 0 || self.left == 0 || self.bottom + 1 == height || self.right + 1 == width
    }

    /// Empty pixels between the boxes, in the direction in which there are more.
    fn gap(&self, other: &Part) -> usize {
        self.gap_across(other)
            .max(other.top.saturating_sub(self.bottom).max(self.top.saturating_sub(other.bottom)))
    }

    fn gap_across(&self, other: &Part) -> usize {
        other.left.saturating_sub(self.right).max(self.left.saturating_sub(other.right))
    }

    fn holds(&self, other: &Part) -> bool {
        self.top < other.top
            && self.left < other.left
            && self.bottom > other.bottom
            && self.right > other.right
    }
}

/// For each pixel the number of its part, 0 where there is none; and the parts.
pub(super) fn parts(mask: &Mask) -> (Vec<u32>, Vec<Part>) {
    let (width, height) = (mask.width, mask.height);
    let mut labels = vec![0; mask.on.len()];
    let mut found: Vec<Part> = Vec::new();
    let mut to_visit = Vec::new();
    for start in 0..mask.on.len() {
        if !mask.on[start] || labels[start] != 0 {
            continue;
        }
        let (row, column) = (start / width, start % width);
        let label = found.len() as u32 + 1;
        let mut part = Part { label, area: 0, top: row, left: column, bottom: row, right: column };
        labels[start] = label;
        to_visit.push(start);
        while let Some(place) = to_visit.pop() {
            let (row, column) = (place / width, place % width);
            part.area += 1;
            part.top = part.top.min(row);
            part.bottom = part.bottom.max(row);
            part.left = part.left.min(column);
            part.right = part.right.max(column);
            for near_row in row.saturating_sub(1)..(row + 2).min(height) {
                for near_column in column.saturating_sub(1)..(column + 2).min(width) {
                    let near = near_row * width + near_column;
                    if mask.on[near] && labels[near] == 0 {
                        labels[near] = label;
                        to_visit.push(near);
                    }
                }
            }
        }
        found.push(part);
    }
    (labels, found)
}

/// What stands out without what touches the picture's edge, if a digit may be left: a scanner's dark frame says nothing of the pen.
pub(super) fn inside(mask: &Mask) -> Mask {
    let (width, height) = (mask.width, mask.height);
    let (labels, found) = parts(mask);
    let inner: Vec<bool> = found.iter().map(|part| !part.touches_edge(width, height)).collect();
    let large = |part: &Part| 8 * part.longer() >= width.max(height);
    if !found.iter().zip(&inner).any(|(part, &inner)| inner && large(part)) {
        return mask.clone();
    }
    let on = labels.iter().map(|&label| label != 0 && inner[label as usize - 1]).collect();
    Mask { on, ..*mask }
}

/// The strokes of the one digit that the picture shows: without frames, specks, and what reaches in from outside.
///
/// # Errors
/// If nothing is left, or several digits are.
pub(super) fn of_one_digit(strokes: &Mask) -> Result<Mask> {
    let (labels, found) = parts(strokes);
    let side = strokes.width.max(strokes.height);
    let (outer, mut sensible): (Vec<Part>, Vec<Part>) = found
        .into_iter()
        .filter(|part| part.area > 3)
        .partition(|part| part.touches_edge(strokes.width, strokes.height));
    // Where something lies inside the picture, that is the digit; a digit that is cut off tightly fills the picture.
    if sensible.iter().all(|part| 8 * part.longer() < side) {
        sensible.extend(outer.into_iter().filter(|part| 2 * part.longer() > side));
    }
    without_frames(&mut sensible);
    let Some(largest) = sensible.iter().max_by_key(|part| (part.longer(), part.area)).cloned() else {
        bail!(NOTHING)
    };
    ensure!(50 * largest.longer() > side && largest.longer() > 8, NOTHING);
    sensible.retain(|part| !is_speck(part, &largest));
    let mut digits = grouped(sensible);
    if digits.len() > 1 {
        digits.sort_by_key(|digit| (digit[0].left, digit[0].top));
        let places: Vec<String> =
            digits.iter().map(|digit| place(digit, strokes.width, strokes.height)).collect();
        bail!(
            "shows {} things that may be digits ({}); cut out one of them, or cover the others",
            digits.len(),
            places.join("; ")
        );
    }
    let kept: Vec<u32> = digits.into_iter().flatten().map(|part| part.label).collect();
    Ok(Mask { on: labels.iter().map(|label| kept.contains(label)).collect(), ..*strokes })
}

/// A frame holds something sensible, and hardly fills its own box.
fn without_frames(parts: &mut Vec<Part>) {
    let all = parts.clone();
    parts.retain(|frame| {
        let thin = 5 * frame.area < frame.height() * frame.width();
        !(thin
            && all
                .iter()
                .any(|part| frame.holds(part) && 4 * part.longer() > frame.longer() && part.area > 30))
    });
}

fn is_speck(part: &Part, largest: &Part) -> bool {
    50 * part.area < largest.area || 8 * part.longer() < largest.longer()
}

/// Parts that lie near each other are one digit: a 5 and its bar, a 4 in two strokes, a line that broke. Groups that are
/// small beside the largest are no digits.
fn grouped(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let mut groups: Vec<Vec<Part>> = Vec::new();
    let mut rest = parts;
    rest.sort_by_key(|part| std::cmp::Reverse((part.longer(), part.area)));
    while !rest.is_empty() {
        let mut group = vec![rest.remove(0)];
        let tallest = group[0].height();
        let reach = group[0].longer() / 5;
        while let Some(next) = rest.iter().position(|part| {
            group.iter().any(|member| member.gap(part) <= reach) && !stands_beside(part, &group[0], tallest)
        }) {
            group.push(rest.remove(next));
        }
        groups.push(group);
    }
    let largest = groups.first().map_or(0, |group| group[0].longer());
    groups.retain(|group| 2 * group[0].longer() > largest);
    groups
}

/// Two tall parts with a clear gap between them are two digits.
fn stands_beside(part: &Part, other: &Part, tallest: usize) -> bool {
    5 * part.height() > 3 * tallest && 20 * part.gap_across(other) > tallest
}

/// Where its middle is, in percent of the picture.
fn place(digit: &[Part], width: usize, height: usize) -> String {
    let part = &digit[0];
    let middle = |first: usize, last: usize, length: usize| 50 * (first + last + 1) / length;
    format!(
        "one {} % from the left, {} % from the top",
        middle(part.left, part.right, width),
        middle(part.top, part.bottom, height)
    )
}
