//! The desk: what lies around the paper is no part of the picture.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::coarse::coarse;
use super::ink::{grown, otsu};
use super::light::mean_around;
use super::mask::Mask;
use super::parts::{parts, Part};

/// A desk has at most so much of the paper's brightness; a shadow on the paper has more.
const DARK: f64 = 0.55;
/// The paper's smallest part of the picture.
const SMALLEST: f64 = 0.15;
/// What has at most so much of the brightness around it is written: a thin pen's line is pale in a picture made small.
const WRITTEN: f64 = 0.85;

/// 1 where the paper is, 0 on a dark desk around it; 1 everywhere where there is no such desk.
///
/// `[height, width]`, as the picture.
pub(super) fn paper(grey: &Tensor) -> Result<Tensor> {
    let size = grey.size();
    let coarse = coarse(grey);
    let small = [coarse.size()[2], coarse.size()[3]];
    let coarse = coarse.reshape(small);
    let everywhere = Tensor::ones_like(grey);
    let values: Vec<f32> = coarse.flatten(0, -1).try_into()?;
    let light = coarse.gt(otsu(&values));
    let mean = |mask: &Tensor| coarse.masked_select(mask).mean(Kind::Double).double_value(&[]);
    if mean(&light.logical_not()) > DARK * mean(&light) || light.all().int64_value(&[]) == 1 {
        return Ok(everywhere);
    }
    let light = Mask::from_tensor(&light)?;
    let (labels, found) = parts(&light);
    let Some(largest) = found.iter().max_by_key(|part| part.area) else { return Ok(everywhere) };
    let sheet = Mask { on: labels.iter().map(|&label| label == largest.label).collect(), ..light };
    let filled = without_holes(&sheet);
    // A little less, without the paper's own edge and its blur.
    let outside: Tensor = 1.0 - filled.to_tensor();
    let inside: Tensor = 1.0 - grown(&outside, 3);
    let surroundings = mean_around(&coarse.unsqueeze(0), 15).squeeze_dim(0);
    let written = coarse.lt_tensor(&(surroundings * WRITTEN)).logical_and(&inside.gt(0.5));
    if !is_paper(largest, &filled, written.sum(Kind::Double).double_value(&[])) {
        return Ok(everywhere);
    }
    let inside = inside.reshape([1, 1, small[0], small[1]]);
    Ok(inside.upsample_nearest2d([size[0], size[1]], None, None).reshape([size[0], size[1]]))
}

/// A sheet is large and fills its box, and what is written on it leaves most of it white; a light digit is no sheet.
/// Nor is the desk what crosses the picture's edge as a stroke does.
fn is_paper(part: &Part, filled: &Mask, written: f64) -> bool {
    let (all, whole, white) = (filled.on.len() as f64, filled.count() as f64, part.area as f64);
    let boxed = (part.height() * part.width()) as f64;
    let something_dark_lies_around = whole < 0.98 * all && dark_part_of_the_edge(filled) > 0.1;
    let something_is_written = written > 0.0005 * whole;
    something_dark_lies_around
        && something_is_written
        && whole > SMALLEST * all
        && whole > 0.6 * boxed
        && white > 0.75 * whole
}

/// How much of the picture's edge is not the sheet's, from 0 to 1.
fn dark_part_of_the_edge(filled: &Mask) -> f64 {
    let (width, height) = (filled.width, filled.height);
    let at_the_edge = |place: &usize| {
        let (row, column) = (place / width, place % width);
        row == 0 || column == 0 || row + 1 == height || column + 1 == width
    };
    let edge: Vec<usize> = (0..filled.on.len()).filter(at_the_edge).collect();
    edge.iter().filter(|&&place| !filled.on[place]).count() as f64 / edge.len() as f64
}

/// What cannot be reached from the picture's edge belongs to the sheet.
fn without_holes(sheet: &Mask) -> Mask {
    let outside = Mask { on: sheet.on.iter().map(|on| !on).collect(), ..*sheet };
    let (labels, found) = parts(&outside);
    let at_the_edge: Vec<bool> =
        found.iter().map(|part| part.touches_edge(sheet.width, sheet.height)).collect();
    let on = labels.iter().map(|&label| label == 0 || !at_the_edge[label as usize - 1]).collect();
    Mask { on, ..*sheet }
}

/// The desk in the paper's colour.
pub(super) fn painted_over(grey: &Tensor, paper: &Tensor) -> Tensor {
    let colour = grey.masked_select(&paper.gt(0.5)).median();
    grey * paper + (1.0 - paper) * colour
}
