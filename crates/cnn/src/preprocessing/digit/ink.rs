//! Pen and paper told apart by a threshold.

use anyhow::{ensure, Result};
use tch::{Kind, Tensor};

use super::mask::{Mask, NOTHING};
use super::parts::inside;
use super::placing::cropped;

/// Ink, from 0 to 1, below which nothing can be told from the paper's own grain.
const FAINTEST: f64 = 0.06;
/// So many standard deviations of the paper's grain are no grain.
const GRAIN: f64 = 5.0;
/// How many levels the threshold is looked for among.
const LEVELS: usize = 256;

/// The ink from which on a pixel belongs to a stroke.
pub(super) fn threshold(ink: &Tensor, paper: &Tensor) -> Result<f64> {
    let on_paper = ink.masked_select(&paper.gt(0.5));
    ensure!(on_paper.numel() > 0, NOTHING);
    let middle = on_paper.median();
    // From the median of the deviations, which strokes hardly change.
    let grain = 1.4826 * (&on_paper - &middle).abs().median().double_value(&[]);
    let standing_out = ink.gt(middle.double_value(&[]) + FAINTEST.max(GRAIN * grain));
    ensure!(standing_out.any().int64_value(&[]) == 1, NOTHING);
    // Strokes are few among the pixels of a page: the threshold is looked for near to them only.
    let strokes = inside(&Mask::from_tensor(&standing_out)?).to_tensor();
    let near = grown(&strokes, 4).gt(0.5).logical_and(&paper.gt(0.5));
    let near: Vec<f32> = ink.masked_select(&near).try_into()?;
    Ok(otsu(&near).max(FAINTEST))
}

/// The threshold between two groups of values from 0 to 1 that sets their means furthest apart, weighed by their sizes.
///
/// Source: Otsu, *A threshold selection method from gray-level histograms* (1979).
pub(super) fn otsu(values: &[f32]) -> f64 {
    let mut histogram = [0_u64; LEVELS];
    for value in values {
        histogram[(value * (LEVELS - 1) as f32).round().clamp(0.0, 255.0) as usize] += 1;
    }
    let total: f64 = histogram.iter().map(|&count| count as f64).sum();
    let sum: f64 = histogram.iter().enumerate().map(|(level, &count)| level as f64 * count as f64).sum();
    let (mut below, mut sum_below, mut best) = (0.0, 0.0, (0.0, 0));
    for (level, &count) in histogram.iter().enumerate() {
        below += count as f64;
        sum_below += level as f64 * count as f64;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum_below / below - (sum - sum_below) / above;
            let between = below * above * apart * apart;
            if between > best.0 {
                best = (between, level);
            }
        }
    }
    (best.1 as f64 + 0.5) / (LEVELS - 1) as f64
}

/// `mask` with `by` pixels more on all sides.
pub(super) fn grown(mask: &Tensor, by: i64) -> Tensor {
    let (height, width) = (mask.size()[0], mask.size()[1]);
    let window = 2 * by + 1;
    mask.reshape([1, 1, height, width])
        .max_pool2d([window; 2], [1; 2], [by; 2], [1; 2], false)
        .reshape([height, width])
}

/// The strokes' ink, evened out: 1 inside of them, soft at their edges, 0 elsewhere; cut out by their box.
pub(super) fn cut_out(ink: &Tensor, strokes: &Mask, threshold: f64) -> Result<Tensor> {
    let mask = strokes.to_tensor();
    let inside = ink.masked_select(&mask.gt(0.5)).mean(Kind::Double).double_value(&[]);
    let low = threshold / 2.0;
    let soft = ((ink - low) / (inside - low).max(1e-6)).clamp(0.0, 1.0) * grown(&mask, 1);
    Ok(cropped(&soft, &mask.gt(0.5)))
}
