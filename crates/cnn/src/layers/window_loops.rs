//! The loops of `conv_then_pool.rs`: a convolution of which only the largest number of each pooling window is kept.
//!
//! Both loops go over images, windows, the pixels of a window, and a kernel's weights; the innermost goes over filters,
//! whose numbers lie side by side, and becomes vector instructions. On a processor with AVX2 they are eight numbers wide
//! instead of four. The arithmetic is the same, so the results are, too.

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

    /// For each window, where its output begins and where its first pixel is.
    fn windows(&self) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        let places = (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column)));
        places.map(|(row, column)| {
            let pixel = row * self.window.0 * self.width + column * self.window.1;
            ((row * self.columns + column) * self.filters, pixel)
        })
    }

    /// How far behind a window's first pixel the others lie.
    fn window(&self) -> Vec<usize> {
        let (rows, columns) = self.window;
        (0..rows).flat_map(|row| (0..columns).map(move |column| row * self.width + column)).collect()
    }
}

/// Convolves images, and keeps of each window the largest number and its place, from 1; or `floor` and 0, if none is
/// larger. `kernel [blocks, parts, TAPS, LANES]`, `bias [blocks, LANES]`.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn forward(
    sizes: &Sizes,
    kernel: &[f32],
    bias: &[f32],
    floor: f32,
    images: &[f32],
    outputs: &mut [f32],
    places: &mut [u8],
) {
    let window = sizes.window();
    let kernel: &[[[f32; LANES]; TAPS]] = kernel.as_chunks().0.as_chunks().0;
    let bias: &[[f32; LANES]] = bias.as_chunks().0;
    let outputs = outputs.chunks_mut(sizes.output).zip(places.chunks_mut(sizes.output));
    for (image, (output, places)) in images.chunks(sizes.image).zip(outputs) {
        for (start, pixel) in sizes.windows() {
            let output = output[start..][..sizes.filters].chunks_mut(LANES);
            let places = places[start..][..sizes.filters].chunks_mut(LANES);
            let blocks = kernel.chunks(sizes.parts()).zip(bias);
            for ((output, places), (kernel, bias)) in output.zip(places).zip(blocks) {
                let (mut largest, mut place, mut total) = ([floor; LANES], [0; LANES], [0.0; LANES]);
                for (number, &behind) in (1..).zip(&window) {
                    let patch = &image[pixel + behind..];
                    let mut sums = *bias;
                    for (weights, offsets) in kernel.iter().zip(&sizes.offsets) {
                        let pixels = offsets.map(|offset| patch[offset]);
                        for lane in 0..LANES {
                            // Three sums of three: the processor adds them up at the same time.
                            let three = |tap: usize| {
                                pixels[tap] * weights[tap][lane]
                                    + pixels[tap + 1] * weights[tap + 1][lane]
                                    + pixels[tap + 2] * weights[tap + 2][lane]
                            };
                            sums[lane] += three(0) + three(3) + three(6);
                        }
                    }
                    for lane in 0..LANES {
                        let is_larger = sums[lane] > largest[lane];
                        largest[lane] = if is_larger { sums[lane] } else { largest[lane] };
                        // Numbers rise, so that the largest is the last one written.
                        place[lane] = place[lane].max(number * u32::from(is_larger));
                        total[lane] += sums[lane];
                    }
                }
                for lane in 0..output.len() {
                    // What is not a number is never larger; this adds it, or zero, so that the loss shows it.
                    output[lane] = largest[lane] + 0.0 * total[lane];
                    places[lane] = place[lane] as u8;
                }
            }
        }
    }
}

/// The gradients of kernel and bias from those of the outputs, added up over each group of images:
/// `[groups, blocks, parts * TAPS + 1, LANES]`.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn backward(sizes: &Sizes, images: &[f32], gradients: &[f32], places: &[u8], sums: &mut [f32]) {
    let (window, taps) = (sizes.window(), sizes.parts() * TAPS);
    let (of_images, of_outputs) = (GROUP * sizes.image, GROUP * sizes.output);
    let groups = images.chunks(of_images).zip(gradients.chunks(of_outputs)).zip(places.chunks(of_outputs));
    for (((images, gradients), places), sums) in groups.zip(sums.chunks_mut(sizes.sums())) {
        for (block, sums) in sums.as_chunks_mut::<LANES>().0.chunks_mut(taps + 1).enumerate() {
            let (weights, bias) = sums.split_at_mut(taps);
            let filters = block * LANES..sizes.filters.min((block + 1) * LANES);
            let outputs = gradients.chunks(sizes.output).zip(places.chunks(sizes.output));
            for (image, (gradients, places)) in images.chunks(sizes.image).zip(outputs) {
                for (start, pixel) in sizes.windows() {
                    let (mut gradient, mut place) = ([0.0; LANES], [0; LANES]);
                    gradient[..filters.len()].copy_from_slice(&gradients[start..][filters.clone()]);
                    place[..filters.len()].copy_from_slice(&places[start..][filters.clone()]);
                    for lane in 0..LANES {
                        bias[0][lane] += if place[lane] == 0 { 0.0 } else { gradient[lane] };
                    }
                    for (number, &behind) in (1..=u8::MAX).zip(&window) {
                        let patch = &image[pixel + behind..];
                        let mut here = [0.0; LANES];
                        for lane in 0..LANES {
                            here[lane] = if place[lane] == number { gradient[lane] } else { 0.0 };
                        }
                        for (sums, &offset) in weights.iter_mut().zip(sizes.offsets.as_flattened()) {
                            let pixel = patch[offset];
                            for lane in 0..LANES {
                                sums[lane] += pixel * here[lane];
                            }
                        }
                    }
                }
            }
        }
    }
}
