//! The loops of `normalisation.rs`, for processors with AVX-512: over the pixels `[rows, channels]` of a part, sixteen channels at a time.
//!
//! Written with pointers, and with loads and stores under a mask, as `winograd/` is: the standard library's own look for mistakes in a
//! notebook's build.

use std::arch::x86_64::*;

/// Numbers in a vector.
const LANES: usize = 16;
/// Numbers of a part, about: they stay in a core's nearest cache while they are read twice.
pub(super) const PART: usize = 4096;

/// What is done to each channel: `(x - mean) · scale + shift`.
pub(super) struct Channels {
    count: usize,
    mean: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Channels {
    pub fn new(mean: &[f64], scale: &[f64], shift: &[f64]) -> Self {
        let count = mean.len();
        let [mean, scale, shift] = [mean, scale, shift].map(filled);
        Channels { count, mean, scale, shift }
    }

    /// Those of sixteen channels.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn vectors(&self, first: usize) -> [__m512; 3] {
        [&self.mean, &self.scale, &self.shift]
            .map(|numbers| _mm512_loadu_ps(numbers.as_ptr().wrapping_add(first)))
    }
}

/// The numbers, filled up to whole vectors with zeros.
pub(super) fn filled(numbers: &[f64]) -> Vec<f32> {
    let mut numbers: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
    numbers.resize(numbers.len().next_multiple_of(LANES), 0.0);
    numbers
}

/// Of sixteen channels from this one on, those that there are.
fn mask(channels: usize, first: usize) -> u16 {
    u16::MAX >> LANES.saturating_sub(channels - first)
}

/// Asks for what lies a part further on, which comes next: a processor does not foresee it where every third vector is read.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn announce(numbers: *const f32, at: usize) {
    _mm_prefetch::<_MM_HINT_T0>(numbers.wrapping_add(at).wrapping_add(PART).cast());
}

/// Mean and sum of squared deviations of each channel of a part: `[2, channels]`.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn deviations(x: &[f32], result: &mut [f32]) {
    let channels = result.len() / 2;
    let rows = x.len() / channels;
    let (x, result) = (x.as_ptr(), result.as_mut_ptr());
    for first in (0..channels).step_by(LANES) {
        let mask = mask(channels, first);
        let x = x.wrapping_add(first);
        let mut sum = _mm512_setzero_ps();
        for row in 0..rows {
            let at = row.wrapping_mul(channels);
            announce(x, at);
            sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, x.wrapping_add(at)));
        }
        let mean = _mm512_div_ps(sum, _mm512_set1_ps(rows as f32));
        let mut squares = _mm512_setzero_ps();
        for row in 0..rows {
            let x = _mm512_maskz_loadu_ps(mask, x.wrapping_add(row.wrapping_mul(channels)));
            let deviation = _mm512_sub_ps(x, mean);
            squares = _mm512_fmadd_ps(deviation, deviation, squares);
        }
        _mm512_mask_storeu_ps(result.wrapping_add(first), mask, mean);
        _mm512_mask_storeu_ps(result.wrapping_add(channels + first), mask, squares);
    }
}

/// A part normalised; with `relu` what is below 0 becomes 0.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn normalise(of: &Channels, relu: bool, x: &[f32], output: &mut [f32]) {
    let channels = of.count;
    let rows = x.len() / channels;
    assert!(output.len() == x.len());
    let (x, output) = (x.as_ptr(), output.as_mut_ptr());
    let floor = _mm512_set1_ps(if relu { 0.0 } else { f32::NEG_INFINITY });
    for first in (0..channels).step_by(LANES) {
        let mask = mask(channels, first);
        let [mean, scale, shift] = of.vectors(first);
        for row in 0..rows {
            let at = row.wrapping_mul(channels).wrapping_add(first);
            announce(x, at);
            let x = _mm512_maskz_loadu_ps(mask, x.wrapping_add(at));
            // What is not a number comes out, as the second of the two.
            let y = _mm512_max_ps(floor, _mm512_fmadd_ps(_mm512_sub_ps(x, mean), scale, shift));
            _mm512_mask_storeu_ps(output.wrapping_add(at), mask, y);
        }
    }
}

/// Sums over a part's pixels, of each channel: of the gradient behind the ReLU, and of that times the deviation: `[2, channels]`.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn sums_of_gradients(
    of: &Channels,
    relu: bool,
    x: &[f32],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let channels = of.count;
    let rows = x.len() / channels;
    assert!(gradient.len() == x.len() && sums.len() == 2 * channels);
    let (x, gradient, sums) = (x.as_ptr(), gradient.as_ptr(), sums.as_mut_ptr());
    let zero = _mm512_setzero_ps();
    let all = if relu { 0 } else { u16::MAX };
    for first in (0..channels).step_by(LANES) {
        let mask = mask(channels, first);
        let [mean, scale, shift] = of.vectors(first);
        let (mut sum, mut products) = (zero, zero);
        for row in 0..rows {
            let at = row.wrapping_mul(channels).wrapping_add(first);
            announce(x, at);
            announce(gradient, at);
            let deviation = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x.wrapping_add(at)), mean);
            let y = _mm512_fmadd_ps(deviation, scale, shift);
            let passes = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(y, zero) | all;
            let gradient = _mm512_maskz_loadu_ps(mask & passes, gradient.wrapping_add(at));
            sum = _mm512_add_ps(sum, gradient);
            products = _mm512_fmadd_ps(gradient, deviation, products);
        }
        _mm512_mask_storeu_ps(sums.wrapping_add(first), mask, sum);
        _mm512_mask_storeu_ps(sums.wrapping_add(channels + first), mask, products);
    }
}

/// The gradient of a part's pixels: `scale · (gradient - off - deviation · slope)`.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn gradients(
    of: &Channels,
    relu: bool,
    [off, slope]: [&[f32]; 2],
    x: &[f32],
    gradient: &[f32],
    of_x: &mut [f32],
) {
    let channels = of.count;
    let rows = x.len() / channels;
    assert!(gradient.len() == x.len() && of_x.len() == x.len());
    assert!(off.len() == of.mean.len() && slope.len() == of.mean.len());
    let (x, gradient, of_x) = (x.as_ptr(), gradient.as_ptr(), of_x.as_mut_ptr());
    let zero = _mm512_setzero_ps();
    let all = if relu { 0 } else { u16::MAX };
    for first in (0..channels).step_by(LANES) {
        let mask = mask(channels, first);
        let [mean, scale, shift] = of.vectors(first);
        let [off, slope] = [off, slope].map(|numbers| _mm512_loadu_ps(numbers.as_ptr().wrapping_add(first)));
        for row in 0..rows {
            let at = row.wrapping_mul(channels).wrapping_add(first);
            announce(x, at);
            announce(gradient, at);
            let deviation = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x.wrapping_add(at)), mean);
            let y = _mm512_fmadd_ps(deviation, scale, shift);
            let passes = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(y, zero) | all;
            let gradient = _mm512_maskz_loadu_ps(mask & passes, gradient.wrapping_add(at));
            let rest = _mm512_fnmadd_ps(deviation, slope, _mm512_sub_ps(gradient, off));
            _mm512_mask_storeu_ps(of_x.wrapping_add(at), mask, _mm512_mul_ps(rest, scale));
        }
    }
}
