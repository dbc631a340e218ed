//! A 3×3 convolution and its gradients by Winograd's transforms, for some images.
//!
//! Each pass takes tiles by the block: as many as leave their transforms in the processor's cache. What comes out for an image
//! depends neither on the images beside it nor on who else computes.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::products::{load, product, store, Strided, LANES};
use super::transforms::{
    kernel_back_line, kernel_line, outputs_back_line, outputs_line, pixels_back_line, pixels_line, IN, OUT,
    PLACES,
};

/// Numbers that the transforms of a block's tiles may have together: 1 MB is a core's cache on current processors.
const BLOCK: usize = 96 << 10;
/// Added to the numbers of a place in a block, so that not all places begin in the same lines of the cache.
const APART: usize = LANES;

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub filters: usize,
    /// Pixels of zeros on each side.
    pub padding: usize,
}

/// How tiles of images are numbered.
#[derive(Clone, Copy)]
struct Tile {
    image: usize,
    row: usize,
    column: usize,
}

impl Sizes {
    pub fn rows(&self) -> usize {
        self.height + 2 * self.padding - 2
    }

    pub fn columns(&self) -> usize {
        self.width + 2 * self.padding - 2
    }

    pub fn tiles(&self) -> usize {
        self.rows().div_ceil(OUT) * self.columns().div_ceil(OUT)
    }

    /// Numbers of an image that goes in, and of one that comes out.
    pub fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub fn output(&self) -> usize {
        self.rows() * self.columns() * self.filters
    }

    fn tile(&self, index: usize) -> Tile {
        let (image, place, across) =
            (index / self.tiles(), index % self.tiles(), self.columns().div_ceil(OUT));
        Tile { image, row: place / across * OUT, column: place % across * OUT }
    }

    /// Tiles in a block.
    fn block(&self) -> usize {
        (BLOCK / (PLACES * (whole(self.channels) + whole(self.filters)))).clamp(8, 64) / 8 * 8
    }

    /// Numbers that a pass writes down for itself: forward, and backward.
    pub fn notes_forward(&self) -> usize {
        let of = |channels: usize| PLACES * (self.block() * whole(channels) + APART);
        of(self.channels) + of(self.filters)
    }

    pub fn notes_backward(&self) -> usize {
        self.notes_forward() + PLACES * self.channels * whole(self.filters)
    }

    /// Numbers of a group's gradients: of the kernel `[3, 3, channels, filters]`, and of the bias.
    pub fn gradients(&self) -> usize {
        (9 * self.channels + 1) * whole(self.filters)
    }
}

/// The next number of whole vectors.
pub(super) fn whole(count: usize) -> usize {
    count.next_multiple_of(LANES)
}

/// Of sixteen channels from this one on, those that there are.
fn mask(channels: usize, first: usize) -> u16 {
    u16::MAX >> LANES.saturating_sub(channels - first)
}

/// A value for each of some numbers, written out.
macro_rules! each {
    (3, $k:ident => $value:expr) => {
        [each!(@ $k 0 $value), each!(@ $k 1 $value), each!(@ $k 2 $value)]
    };
    (4, $k:ident => $value:expr) => {
        [each!(@ $k 0 $value), each!(@ $k 1 $value), each!(@ $k 2 $value), each!(@ $k 3 $value)]
    };
    (6, $k:ident => $value:expr) => {
        [
            each!(@ $k 0 $value), each!(@ $k 1 $value), each!(@ $k 2 $value),
            each!(@ $k 3 $value), each!(@ $k 4 $value), each!(@ $k 5 $value)
        ]
    };
    (@ $k:ident $number:literal $value:expr) => {{
        let $k: usize = $number;
        $value
    }};
}

/// Where a tile's pixels lie in an image, along one side: how far from its beginning, and whether there is one. Where there is none, the
/// nearest is named, and not looked at.
struct Side<const LENGTH: usize> {
    at: [usize; LENGTH],
    mask: [u16; LENGTH],
}

impl<const LENGTH: usize> Side<LENGTH> {
    #[inline]
    fn new(first: isize, length: usize, apart: usize) -> Self {
        let mut side = Side { at: [0; LENGTH], mask: [0; LENGTH] };
        for k in 0..LENGTH {
            let place = first.wrapping_add(k as isize);
            let inside = place.clamp(0, length as isize - 1);
            side.at[k] = (inside as usize).wrapping_mul(apart);
            side.mask[k] = if inside == place { u16::MAX } else { 0 };
        }
        side
    }
}

/// Asks for the numbers that will be read a row of tiles after this tile, of images of so many numbers each: a processor does not foresee that its
/// windows go on there.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
unsafe fn announce(sizes: &Sizes, images: *const f32, numbers: usize, tile: usize) {
    let share = numbers.div_ceil(sizes.tiles());
    let ahead = images.wrapping_add((tile + sizes.columns().div_ceil(OUT) + 1).wrapping_mul(share));
    for line in (0..share).step_by(LANES) {
        _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(line).cast());
    }
}

/// A kernel `[3, 3, rows, columns]` transformed: `[PLACES, rows, columns]`; columns are whole vectors.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn transform_kernel(weights: &[f32], transformed: &mut [f32]) {
    let plane = weights.len() / 9;
    assert!(plane.is_multiple_of(LANES) && transformed.len() == plane * PLACES);
    let mut lines = [[_mm512_setzero_ps(); IN]; 3];
    for at in (0..plane).step_by(LANES) {
        let from = weights.as_ptr().wrapping_add(at);
        let to = transformed.as_mut_ptr().wrapping_add(at);
        for i in 0..3 {
            lines[i] = kernel_line(each!(3, j => load(from.wrapping_add((i * 3 + j) * plane))));
        }
        for j in 0..IN {
            let line = kernel_line(each!(3, i => lines[i][j]));
            each!(6, i => store(to.wrapping_add((i * IN + j) * plane), line[i]));
        }
    }
}

/// Outputs for images `[height, width, channels]`; `kernel [PLACES, channels, whole(filters)]`, `bias [whole(filters)]`.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn forward(
    sizes: &Sizes,
    images: &[f32],
    kernel: &[f32],
    bias: &[f32],
    results: &mut [f32],
    notes: &mut [f32],
) {
    let (channels, filters) = (whole(sizes.channels), whole(sizes.filters));
    let count = results.len() / sizes.output();
    assert!(images.len() == count * sizes.image() && notes.len() >= sizes.notes_forward());
    assert!(kernel.len() == PLACES * sizes.channels * filters && bias.len() == filters);
    let (v_apart, m_apart) = (sizes.block() * channels + APART, sizes.block() * filters + APART);
    let v = notes.as_mut_ptr();
    let m = v.wrapping_add(PLACES * v_apart);
    let all = count * sizes.tiles();
    let mut lines = [[_mm512_setzero_ps(); OUT]; IN];
    for first in (0..all).step_by(sizes.block()) {
        let tiles = sizes.block().min(all - first);
        transform_pixels(sizes, images.as_ptr(), first, tiles, v, v_apart);
        for place in 0..PLACES {
            product(
                [tiles, sizes.channels, filters],
                Strided { start: v.wrapping_add(place * v_apart), row: channels, column: 1 },
                (kernel.as_ptr().add(place * sizes.channels * filters), filters),
                (m.wrapping_add(place * m_apart), filters),
                false,
            );
        }
        for index in 0..tiles {
            let tile = sizes.tile(first + index);
            let result = results.as_mut_ptr().add(tile.image * sizes.output());
            let (rows, columns) = (sizes.rows(), sizes.columns());
            let (high, wide) = (OUT.min(rows - tile.row), OUT.min(columns - tile.column));
            for filter in (0..sizes.filters).step_by(LANES) {
                let from = m.wrapping_add(index * filters + filter);
                for i in 0..IN {
                    let from = from.wrapping_add(i * IN * m_apart);
                    lines[i] = outputs_line(each!(6, j => load(from.wrapping_add(j.wrapping_mul(m_apart)))));
                }
                let bias = load(bias.as_ptr().add(filter));
                let mask = mask(sizes.filters, filter);
                let to = result.wrapping_add((tile.row * columns + tile.column) * sizes.filters + filter);
                for j in 0..wide {
                    let line = outputs_line(each!(6, i => lines[i][j]));
                    for i in 0..high {
                        let to = to.wrapping_add((i * columns + j) * sizes.filters);
                        _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(line[i], bias));
                    }
                }
            }
        }
    }
}

/// The transforms of some tiles' pixels: `[PLACES, tiles, whole(channels)]`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
unsafe fn transform_pixels(
    sizes: &Sizes,
    images: *const f32,
    first: usize,
    tiles: usize,
    v: *mut f32,
    v_apart: usize,
) {
    let mut lines = [[_mm512_setzero_ps(); IN]; IN];
    for index in 0..tiles {
        announce(sizes, images, sizes.image(), first + index);
        let tile = sizes.tile(first + index);
        let image = images.wrapping_add(tile.image * sizes.image());
        let [row, column] = [tile.row, tile.column].map(|at| at as isize - sizes.padding as isize);
        let rows = Side::<IN>::new(row, sizes.height, sizes.width * sizes.channels);
        let columns = Side::<IN>::new(column, sizes.width, sizes.channels);
        for channel in (0..sizes.channels).step_by(LANES) {
            let mask = mask(sizes.channels, channel);
            let to = v.wrapping_add(index * whole(sizes.channels) + channel);
            for i in 0..IN {
                let from = image.wrapping_add(channel).wrapping_add(rows.at[i]);
                let mask = mask & rows.mask[i];
                lines[i] = pixels_line(
                    each!(6, j => _mm512_maskz_loadu_ps(mask & columns.mask[j], from.wrapping_add(columns.at[j]))),
                );
            }
            for j in 0..IN {
                let line = pixels_line(each!(6, i => lines[i][j]));
                let to = to.wrapping_add(j * v_apart);
                each!(6, i => store(to.wrapping_add(v_apart.wrapping_mul(i * IN)), line[i]));
            }
        }
    }
}

/// Gradients from those of the outputs: of the kernel and the bias, added up over these images as `[3, 3, channels,
/// whole(filters)]` and `[whole(filters)]` after it, and of the images. `kernel [PLACES, filters, whole(channels)]`. Where one of the two
/// is not wanted, its slice is empty.
///
/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn backward(
    sizes: &Sizes,
    images: &[f32],
    kernel: &[f32],
    of_results: &[f32],
    of_weights: &mut [f32],
    of_images: &mut [f32],
    notes: &mut [f32],
) {
    let (channels, filters) = (whole(sizes.channels), whole(sizes.filters));
    let count = of_results.len() / sizes.output();
    let (is_trained, goes_on) = (!of_weights.is_empty(), !of_images.is_empty());
    assert!(images.len() == count * sizes.image() && notes.len() >= sizes.notes_backward());
    assert!(!is_trained || of_weights.len() == sizes.gradients());
    assert!(
        !goes_on || (of_images.len() == images.len() && kernel.len() == PLACES * sizes.filters * channels)
    );
    let (v_apart, m_apart) = (sizes.block() * channels + APART, sizes.block() * filters + APART);
    let v = notes.as_mut_ptr();
    let m = v.wrapping_add(PLACES * v_apart);
    let sums = m.wrapping_add(PLACES * m_apart);
    let kernel_size = sizes.channels * filters;
    std::slice::from_raw_parts_mut(sums, PLACES * kernel_size).fill(0.0);
    of_weights.fill(0.0);
    let all = count * sizes.tiles();
    let mut lines = [[_mm512_setzero_ps(); IN]; OUT];
    for first in (0..all).step_by(sizes.block()) {
        let tiles = sizes.block().min(all - first);
        for index in 0..tiles {
            announce(sizes, of_results.as_ptr(), sizes.output(), first + index);
            let tile = sizes.tile(first + index);
            let result = of_results.as_ptr().add(tile.image * sizes.output());
            let rows = Side::<OUT>::new(tile.row as isize, sizes.rows(), sizes.columns() * sizes.filters);
            let columns = Side::<OUT>::new(tile.column as isize, sizes.columns(), sizes.filters);
            for filter in (0..sizes.filters).step_by(LANES) {
                let mask = mask(sizes.filters, filter);
                let to = m.wrapping_add(index * filters + filter);
                let mut sum = _mm512_setzero_ps();
                for i in 0..OUT {
                    let from = result.wrapping_add(filter).wrapping_add(rows.at[i]);
                    let mask = mask & rows.mask[i];
                    let line = each!(
                        4, j => _mm512_maskz_loadu_ps(mask & columns.mask[j], from.wrapping_add(columns.at[j]))
                    );
                    let halves = [_mm512_add_ps(line[0], line[1]), _mm512_add_ps(line[2], line[3])];
                    sum = _mm512_add_ps(sum, _mm512_add_ps(halves[0], halves[1]));
                    lines[i] = outputs_back_line(line);
                }
                for j in 0..IN {
                    let line = outputs_back_line(each!(4, i => lines[i][j]));
                    let to = to.wrapping_add(j * m_apart);
                    each!(6, i => store(to.wrapping_add(m_apart.wrapping_mul(i * IN)), line[i]));
                }
                if is_trained {
                    let bias = of_weights.as_mut_ptr().wrapping_add(9 * kernel_size + filter);
                    store(bias, _mm512_add_ps(load(bias), sum));
                }
            }
        }
        if is_trained {
            transform_pixels(sizes, images.as_ptr(), first, tiles, v, v_apart);
            for place in 0..PLACES {
                product(
                    [sizes.channels, tiles, filters],
                    Strided { start: v.wrapping_add(place * v_apart), row: 1, column: channels },
                    (m.wrapping_add(place * m_apart), filters),
                    (sums.wrapping_add(place * kernel_size), filters),
                    true,
                );
            }
        }
        if goes_on {
            for place in 0..PLACES {
                product(
                    [tiles, sizes.filters, channels],
                    Strided { start: m.wrapping_add(place * m_apart), row: filters, column: 1 },
                    (kernel.as_ptr().add(place * sizes.filters * channels), channels),
                    (v.wrapping_add(place * v_apart), channels),
                    false,
                );
            }
            add_pixels(sizes, v, v_apart, first, tiles, of_images.as_mut_ptr());
        }
    }
    if is_trained {
        let mut lines = [[_mm512_setzero_ps(); 3]; IN];
        for at in (0..kernel_size).step_by(LANES) {
            let from = sums.wrapping_add(at);
            let to = of_weights.as_mut_ptr().wrapping_add(at);
            for i in 0..IN {
                let line = each!(6, j => load(from.wrapping_add((i * IN + j) * kernel_size)));
                lines[i] = kernel_back_line(line);
            }
            for j in 0..3 {
                let line = kernel_back_line(each!(6, i => lines[i][j]));
                each!(3, i => store(to.wrapping_add((i * 3 + j) * kernel_size), line[i]));
            }
        }
    }
}

/// Adds to the gradients of images what comes from some tiles: neighbours share pixels.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
unsafe fn add_pixels(
    sizes: &Sizes,
    v: *const f32,
    v_apart: usize,
    first: usize,
    tiles: usize,
    of_images: *mut f32,
) {
    let mut lines = [[_mm512_setzero_ps(); IN]; IN];
    for index in 0..tiles {
        let tile = sizes.tile(first + index);
        let image = of_images.wrapping_add(tile.image * sizes.image());
        if tile.row == 0 && tile.column == 0 {
            std::slice::from_raw_parts_mut(image, sizes.image()).fill(0.0);
        }
        let [row, column] = [tile.row, tile.column].map(|at| at as isize - sizes.padding as isize);
        let rows = Side::<IN>::new(row, sizes.height, sizes.width * sizes.channels);
        let columns = Side::<IN>::new(column, sizes.width, sizes.channels);
        for channel in (0..sizes.channels).step_by(LANES) {
            let mask = mask(sizes.channels, channel);
            let from = v.wrapping_add(index * whole(sizes.channels) + channel);
            for i in 0..IN {
                let from = from.wrapping_add(i * IN * v_apart);
                lines[i] = pixels_back_line(each!(6, j => load(from.wrapping_add(v_apart.wrapping_mul(j)))));
            }
            for j in 0..IN {
                let line = pixels_back_line(each!(6, i => lines[i][j]));
                let to = image.wrapping_add(channel).wrapping_add(columns.at[j]);
                for i in 0..IN {
                    let (to, mask) = (to.wrapping_add(rows.at[i]), mask & rows.mask[i] & columns.mask[j]);
                    _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), line[i]));
                }
            }
        }
    }
}
