//! Winograd's transforms for 3×3 kernels: of a tile's 6×6 pixels, of its 4×4 outputs, and of a kernel.
//!
//! An output tile is `Aᵀ [(G k Gᵀ) ⊙ (Bᵀ x B)] A`: 36 multiplications instead of 144. Here are the three matrices and their
//! transposes, with which gradients go the same way back. The points of the polynomials behind them are 0, ±√½, ±√2 and infinity,
//! with which 32-bit numbers lose fewer digits than with 0, ±1, ±2.
//!
//! A vector holds sixteen channels of one pixel; `*_line` works along one side of a tile.
//!
//! Source: Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2016; for the points Barabasz et al., *Error
//! analysis and improving the accuracy of Winograd convolution*, 2020.

use std::arch::x86_64::*;

pub(super) type Vector = __m512;

/// Outputs along a tile's side, and pixels that they are computed from.
pub(super) const OUT: usize = 4;
pub(super) const IN: usize = 6;
/// Products of a tile, for each pair of a channel and a filter.
pub(super) const PLACES: usize = IN * IN;

// The points ±A and ±B; A·B is 1.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;
const A2: f32 = 0.5;
const B2: f32 = 2.0;
const A3: f32 = A * A2;
const B3: f32 = B * B2;
const BOTH: f32 = A2 + B2;
// What a kernel's values at the points are divided by.
const BY_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const BY_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// `x · y + z`, with a number for x.
macro_rules! fma {
    ($x:expr, $y:expr, $z:expr) => {
        _mm512_fmadd_ps(_mm512_set1_ps($x), $y, $z)
    };
}
macro_rules! add {
    ($x:expr, $y:expr) => {
        _mm512_add_ps($x, $y)
    };
}
macro_rules! sub {
    ($x:expr, $y:expr) => {
        _mm512_sub_ps($x, $y)
    };
}
macro_rules! scaled {
    ($x:expr, $y:expr) => {
        _mm512_mul_ps(_mm512_set1_ps($x), $y)
    };
}

/// `Bᵀ`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn pixels_line(d: [Vector; 6]) -> [Vector; 6] {
    let (even_a, odd_a) = (fma!(-B2, d[2], d[4]), fma!(-B2, d[1], d[3]));
    let (even_b, odd_b) = (fma!(-A2, d[2], d[4]), fma!(-A2, d[1], d[3]));
    [
        fma!(-BOTH, d[2], add!(d[0], d[4])),
        fma!(A, odd_a, even_a),
        fma!(-A, odd_a, even_a),
        fma!(B, odd_b, even_b),
        fma!(-B, odd_b, even_b),
        fma!(-BOTH, d[3], add!(d[1], d[5])),
    ]
}

/// `B`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn pixels_back_line(v: [Vector; 6]) -> [Vector; 6] {
    let (sum_a, difference_a) = (add!(v[1], v[2]), sub!(v[1], v[2]));
    let (sum_b, difference_b) = (add!(v[3], v[4]), sub!(v[3], v[4]));
    [
        v[0],
        fma!(-A * B2, difference_a, fma!(-B * A2, difference_b, v[5])),
        fma!(-B2, sum_a, fma!(-A2, sum_b, scaled!(-BOTH, v[0]))),
        fma!(A, difference_a, fma!(B, difference_b, scaled!(-BOTH, v[5]))),
        add!(v[0], add!(sum_a, sum_b)),
        v[5],
    ]
}

/// `Aᵀ`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn outputs_line(m: [Vector; 6]) -> [Vector; 4] {
    let (sum_a, difference_a) = (add!(m[1], m[2]), sub!(m[1], m[2]));
    let (sum_b, difference_b) = (add!(m[3], m[4]), sub!(m[3], m[4]));
    [
        add!(m[0], add!(sum_a, sum_b)),
        fma!(A, difference_a, scaled!(B, difference_b)),
        fma!(A2, sum_a, scaled!(B2, sum_b)),
        fma!(A3, difference_a, fma!(B3, difference_b, m[5])),
    ]
}

/// `A`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn outputs_back_line(y: [Vector; 4]) -> [Vector; 6] {
    let (even_a, odd_a) = (fma!(A2, y[2], y[0]), fma!(A, y[1], scaled!(A3, y[3])));
    let (even_b, odd_b) = (fma!(B2, y[2], y[0]), fma!(B, y[1], scaled!(B3, y[3])));
    [y[0], add!(even_a, odd_a), sub!(even_a, odd_a), add!(even_b, odd_b), sub!(even_b, odd_b), y[3]]
}

/// `G`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn kernel_line(k: [Vector; 3]) -> [Vector; 6] {
    let (even_a, odd_a) = (fma!(A2, k[2], k[0]), scaled!(A, k[1]));
    let (even_b, odd_b) = (fma!(B2, k[2], k[0]), scaled!(B, k[1]));
    [
        k[0],
        scaled!(BY_A, add!(even_a, odd_a)),
        scaled!(BY_A, sub!(even_a, odd_a)),
        scaled!(BY_B, add!(even_b, odd_b)),
        scaled!(BY_B, sub!(even_b, odd_b)),
        k[2],
    ]
}

/// `Gᵀ`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn kernel_back_line(u: [Vector; 6]) -> [Vector; 3] {
    let (sum_a, difference_a) = (add!(u[1], u[2]), sub!(u[1], u[2]));
    let (sum_b, difference_b) = (add!(u[3], u[4]), sub!(u[3], u[4]));
    [
        fma!(BY_A, sum_a, fma!(BY_B, sum_b, u[0])),
        fma!(BY_A * A, difference_a, scaled!(BY_B * B, difference_b)),
        fma!(BY_A * A2, sum_a, fma!(BY_B * B2, sum_b, u[5])),
    ]
}
