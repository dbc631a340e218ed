//! A random rectangle is made black.

use rand::{rngs::StdRng, Rng};

/// Share of the image's area, and height : width, as in torchvision's `RandomErasing`.
const AREA: (f64, f64) = (0.02, 0.33);
const RATIO: (f64, f64) = (0.3, 3.3);

/// Draws are repeated until a rectangle fits into the image, at most so often.
const TRIES: usize = 10;

/// Erases a rectangle of all channels with the probability `share`.
pub(super) fn erase(share: f64, image: &mut [f32], (height, width): (usize, usize), random: &mut StdRng) {
    if !random.gen_bool(share) {
        return;
    }
    for _ in 0..TRIES {
        let area = (height * width) as f64 * random.gen_range(AREA.0..AREA.1);
        let ratio = random.gen_range(RATIO.0.ln()..RATIO.1.ln()).exp();
        let (rows, columns) =
            ((area * ratio).sqrt().round() as usize, (area / ratio).sqrt().round() as usize);
        if rows < height && columns < width {
            let (top, left) = (random.gen_range(0..=height - rows), random.gen_range(0..=width - columns));
            for channel in image.chunks_mut(height * width) {
                for row in channel.chunks_mut(width).skip(top).take(rows) {
                    row[left..left + columns].fill(0.0);
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn rectangles_have_the_wanted_share_and_sizes() {
        let mut random = StdRng::seed_from_u64(2);
        let mut erased_images = 0;
        for _ in 0..2000 {
            let mut image = vec![1.0; 3 * 28 * 20];
            erase(0.3, &mut image, (28, 20), &mut random);
            let erased = image[..560].iter().filter(|&&pixel| pixel == 0.0).count() as f64 / 560.0;
            assert!(erased == 0.0 || (0.01..0.4).contains(&erased), "{erased}");
            assert_eq!(image[..560], image[1120..], "all channels lose the same");
            erased_images += i32::from(erased > 0.0);
        }
        assert!((500..700).contains(&erased_images), "{erased_images} of 2000");
    }
}
