//! The loops of `conv_then_pool.rs`: a convolution of which only the largest number of each pooling window is kept.
//!
//! Both loops go over images, windows, the pixels of a window, and a kernel's weights; the innermost goes over filters,
//! whose numbers lie side by side, and becomes vector instructions. On a processor with AVX-512 they are sixteen numbers
//! wide, with AVX2 eight, elsewhere four. The arithmetic is the same, so the results are, too.
//!
//! They are written with nothing but indices: a notebook's kernel compiles in many small units, and what an iterator's
//! adaptors do in a unit of their own is then a call for every few numbers.
#![allow(clippy::needless_range_loop)]

use multiversion::multiversion;

/// Filters that are computed side by side. The compiler takes loops over fewer apart before it makes vectors of them.
pub(super) const LANES: usize = 32;
/// Weights of a filter whose products are added up before the sum goes to memory: a 3×3 kernel has nine for a channel.
pub(super) const TAPS: usize = 9;
/// Images whose gradients are added up before they are added to others': always the same, however many threads there are.
pub(super) const GROUP: usize = 4;

/// How much there is of everything.
pub(super) struct Sizes {
    /// Numbers of an image `[channels, height, width]`.
    pub image: usize,
    /// Numbers that come out for an image: `[rows, columns, filters]`.
    pub output: usize,
    pub rows: usize,
    pub columns: usize,
    pub filters: usize,
    /// Numbers in a row of an image.
    width: usize,
    /// Rows and columns of a window.
    window: (usize, usize),
    /// How far behind the first the pixels lie that a kernel's weights are multiplied with. The last part is filled up
    /// with the first pixel; the weights there are zero.
    offsets: Vec<[usize; TAPS]>,
}

impl Sizes {
    /// For images `[batch, channels, height, width]` and a kernel `[filters, channels, rows, columns]`.
    pub fn new(images: &[i64], kernel: &[i64], window: (i64, i64)) -> Self {
        let whole = |numbers: &[i64]| numbers.iter().map(|&number| number as usize).collect::<Vec<_>>();
        let (images, kernel, window) = (whole(images), whole(kernel), (window.0 as usize, window.1 as usize));
        let (height, width) = (images[2], images[3]);
        let (rows, columns) = ((height + 1 - kernel[2]) / window.0, (width + 1 - kernel[3]) / window.1);
        let mut offsets = Vec::new();
        for channel in 0..kernel[1] {
            for row in 0..kernel[2] {
                offsets.extend((0..kernel[3]).map(|column| (channel * height + row) * width + column));
            }
        }
        offsets.resize(offsets.len().next_multiple_of(TAPS), 0);
        Sizes {
            image: images[1] * height * width,
            output: rows * columns * kernel[0],
            rows,
            columns,
            filters: kernel[0],
            width,
            window,
            offsets: offsets.as_chunks().0.to_vec(),
        }
    }

    /// How often a filter's weights fill `TAPS`.
    pub fn parts(&self) -> usize {
        self.offsets.len()
    }

    /// Numbers that `backward` adds up: a row for each weight of a filter and for its bias, for all filters.
    pub fn sums(&self) -> usize {
        self.filters.div_ceil(LANES) * (self.parts() * TAPS + 1) * LANES
    }

    /// How far behind a window's first pixel the others lie.
    fn window(&self) -> Vec<usize> {
        let (rows, columns) = self.window;
        (0..rows).flat_map(|row| (0..columns).map(move |column| row * self.width + column)).collect()
    }
}

/// Convolves images, and keeps of each window the largest number and its place, from 1; or `floor` and 0, if none is
/// larger. `kernel [blocks, parts, TAPS, LANES]`, `bias [blocks, LANES]`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
pub(super) fn forward(
    sizes: &Sizes,
    kernel: &[f32],
    bias: &[f32],
    floor: f32,
    images: &[f32],
    outputs: &mut [f32],
    places: &mut [u8],
) {
    let (window, parts) = (sizes.window(), sizes.offsets.len());
    let kernel: &[[[f32; LANES]; TAPS]] = kernel.as_chunks().0.as_chunks().0;
    let bias: &[[f32; LANES]] = bias.as_chunks().0;
    for image in 0..outputs.len() / sizes.output {
        let pixels = &images[image * sizes.image..][..sizes.image];
        for index in 0..sizes.rows * sizes.columns {
            let (row, column) = (index / sizes.columns, index % sizes.columns);
            let first_pixel = row * sizes.window.0 * sizes.width + column * sizes.window.1;
            for block in 0..bias.len() {
                let (mut largest, mut place, mut total) = ([floor; LANES], [0; LANES], [0.0; LANES]);
                for number in 0..window.len() {
                    let (pixels, from_1) = (&pixels[first_pixel + window[number]..], number as u32 + 1);
                    let mut sums = bias[block];
                    for part in 0..parts {
                        let (offsets, w) = (&sizes.offsets[part], &kernel[block * parts + part]);
                        let mut x = [0.0; TAPS];
                        for tap in 0..TAPS {
                            x[tap] = pixels[offsets[tap]];
                        }
                        for lane in 0..LANES {
                            // Three sums of three: the processor adds them up at the same time.
                            sums[lane] += (x[0] * w[0][lane] + x[1] * w[1][lane] + x[2] * w[2][lane])
                                + (x[3] * w[3][lane] + x[4] * w[4][lane] + x[5] * w[5][lane])
                                + (x[6] * w[6][lane] + x[7] * w[7][lane] + x[8] * w[8][lane]);
                        }
                    }
                    for lane in 0..LANES {
                        let is_larger = sums[lane] > largest[lane];
                        largest[lane] = if is_larger { sums[lane] } else { largest[lane] };
                        // Numbers rise, so that the largest is the last one written.
                        place[lane] = place[lane].max(from_1 * u32::from(is_larger));
                        total[lane] += sums[lane];
                    }
                }
                let start = image * sizes.output + index * sizes.filters + block * LANES;
                let filters = LANES.min(sizes.filters - block * LANES);
                let (outputs, places) = (&mut outputs[start..][..filters], &mut places[start..][..filters]);
                for lane in 0..filters {
                    // What is not a number is never larger; this adds it, or zero, so that the loss shows it.
                    outputs[lane] = largest[lane] + 0.0 * total[lane];
                    places[lane] = place[lane] as u8;
                }
            }
        }
    }
}

/// The gradients of kernel and bias from those of the outputs, added up over each group of images:
/// `[groups, blocks, parts * TAPS + 1, LANES]`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
pub(super) fn backward(sizes: &Sizes, images: &[f32], gradients: &[f32], places: &[u8], sums: &mut [f32]) {
    let (window, taps) = (sizes.window(), sizes.offsets.as_flattened());
    let (sums, blocks): (&mut [[f32; LANES]], _) = (sums.as_chunks_mut().0, sizes.filters.div_ceil(LANES));
    for image in 0..gradients.len() / sizes.output {
        let pixels = &images[image * sizes.image..][..sizes.image];
        for block in 0..blocks {
            let rows = &mut sums[(image / GROUP * blocks + block) * (taps.len() + 1)..][..taps.len() + 1];
            let filters = LANES.min(sizes.filters - block * LANES);
            for index in 0..sizes.rows * sizes.columns {
                let (row, column) = (index / sizes.columns, index % sizes.columns);
                let first_pixel = row * sizes.window.0 * sizes.width + column * sizes.window.1;
                let start = image * sizes.output + index * sizes.filters + block * LANES;
                let (mut gradient, mut place) = ([0.0; LANES], [0; LANES]);
                gradient[..filters].copy_from_slice(&gradients[start..][..filters]);
                place[..filters].copy_from_slice(&places[start..][..filters]);
                for lane in 0..LANES {
                    rows[taps.len()][lane] += if place[lane] == 0 { 0.0 } else { gradient[lane] };
                }
                for number in 0..window.len() {
                    let (pixels, from_1) = (&pixels[first_pixel + window[number]..], number as u8 + 1);
                    let mut here = [0.0; LANES];
                    for lane in 0..LANES {
                        here[lane] = if place[lane] == from_1 { gradient[lane] } else { 0.0 };
                    }
                    for tap in 0..taps.len() {
                        let (pixel, sums) = (pixels[taps[tap]], &mut rows[tap]);
                        for lane in 0..LANES {
                            sums[lane] += pixel * here[lane];
                        }
                    }
                }
            }
        }
    }
}
