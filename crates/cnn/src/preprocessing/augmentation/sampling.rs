//! Pixels at places between pixels.
//!
//! This is code of its own because libtorch's grid_sampler, which takes the coordinates of every pixel as a tensor, takes
//! half as long again for an image of 28×28; and it knows neither `Wrap` nor Keras's `Reflect`.

use serde::{Deserialize, Serialize};

/// What lies beyond an image's border, with the names and meanings of `ImageDataGenerator`'s `fill_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// The border's own pixels continue: `aaaa|abcd|dddd`.
    #[default]
    Nearest,
    /// The number `cval`: `kkkk|abcd|kkkk`.
    Constant,
    /// The image mirrored: `dcba|abcd|dcba`.
    Reflect,
    /// The image again, beginning on the border's pixels: `bcda|bcd|abcd`, as SciPy's `wrap`.
    Wrap,
}

/// One channel of an image.
pub(crate) struct Source<'a> {
    pub pixels: &'a [f32],
    pub height: usize,
    pub width: usize,
    pub fill_mode: FillMode,
    pub cval: f32,
}

impl Source<'_> {
    /// Fills `output`, of the same size, with the pixels that `matrix` (see `Affine::matrix`) names, interpolated
    /// between their four neighbours.
    pub fn sample(&self, matrix: &[[f64; 3]; 2], output: &mut [f32]) {
        let (middle_row, middle_column) = ((self.height - 1) as f64 / 2.0, (self.width - 1) as f64 / 2.0);
        let [right, down] = matrix;
        for (row, line) in output.chunks_mut(self.width).enumerate() {
            // Where this row's first pixel comes from; each further one lies (right[0], down[0]) away from the last.
            let (x, y) = (-middle_column, row as f64 - middle_row);
            let first_column = right[0] * x + right[1] * y + right[2] + middle_column;
            let first_row = down[0] * x + down[1] * y + down[2] + middle_row;
            let place = |column: usize| {
                (first_row + down[0] * column as f64, first_column + right[0] * column as f64)
            };
            // These places lie on a line: those within the image are side by side, and are computed faster.
            let (mut start, mut end) = (0, line.len());
            while start < end && !self.is_inside(place(start)) {
                line[start] = self.at(place(start));
                start += 1;
            }
            while start < end && !self.is_inside(place(end - 1)) {
                end -= 1;
                line[end] = self.at(place(end));
            }
            for (pixel, column) in line[start..end].iter_mut().zip(start..) {
                *pixel = self.inside(place(column));
            }
        }
    }

    /// Whether a place has all four neighbours.
    fn is_inside(&self, (row, column): (f64, f64)) -> bool {
        row >= 0.0 && row < (self.height - 1) as f64 && column >= 0.0 && column < (self.width - 1) as f64
    }

    /// Interpolates at a place that has all four neighbours.
    #[inline(always)]
    fn inside(&self, (row, column): (f64, f64)) -> f32 {
        // Processors convert signed numbers of 32 bits to floats and back at once, and larger ones in several steps.
        let (top, left) = (row as i32, column as i32);
        let share_down = (row - f64::from(top)) as f32;
        let share_right = (column - f64::from(left)) as f32;
        let square = &self.pixels[top as usize * self.width + left as usize..][..self.width + 2];
        let upper = square[0] + (square[1] - square[0]) * share_right;
        let (left, right) = (square[self.width], square[self.width + 1]);
        let lower = left + (right - left) * share_right;
        upper + (lower - upper) * share_down
    }

    fn at(&self, (row, column): (f64, f64)) -> f32 {
        match (self.place(row, self.height), self.place(column, self.width)) {
            (Some(row), Some(column)) => self.between(row, column),
            _ => self.cval,
        }
    }

    /// Interpolates at a place within the image.
    fn between(&self, row: f64, column: f64) -> f32 {
        let (top, left) = (row as usize, column as usize);
        let (share_down, share_right) = ((row - top as f64) as f32, (column - left as f64) as f32);
        let start = top * self.width + left;
        // On the last row and column the second neighbour has no share, and any pixel will do for it.
        let right = usize::from(left + 1 < self.width);
        let below = if top + 1 < self.height { self.width } else { 0 };
        let mix = |start: usize| {
            let (a, b) = (self.pixels[start], self.pixels[start + right]);
            a + (b - a) * share_right
        };
        let (upper, lower) = (mix(start), mix(start + below));
        upper + (lower - upper) * share_down
    }

    /// The place within `0..=length - 1` that stands for `place`; none where the image ends and nothing continues it.
    fn place(&self, place: f64, length: usize) -> Option<f64> {
        let last = (length - 1) as f64;
        match self.fill_mode {
            FillMode::Nearest => Some(place.clamp(0.0, last)),
            FillMode::Constant => (0.0..=last).contains(&place).then_some(place),
            FillMode::Reflect => {
                // Between the last pixel and its mirror image lies one pixel's width of the same number.
                let period = 2.0 * length as f64;
                let within = (place + 0.5).rem_euclid(period);
                let folded = if within < length as f64 { within } else { period - within };
                Some((folded - 0.5).clamp(0.0, last))
            }
            FillMode::Wrap if last == 0.0 => Some(0.0),
            FillMode::Wrap if (0.0..=last).contains(&place) => Some(place),
            FillMode::Wrap => Some(place.rem_euclid(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::affine::Affine;
    use super::*;
    use serde_json::Value;

    fn image(value: &Value) -> Vec<f32> {
        value["data"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
    }

    #[test]
    fn a_draw_moves_pixels_as_in_keras() {
        let fixture: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/keras.json")).unwrap();
        let original = image(&fixture["affine"]["image"]);
        let cases = ["cases", "more_cases"].map(|group| fixture["affine"][group].as_array().unwrap());
        let mut modes = std::collections::HashSet::new();
        for case in cases.into_iter().flatten() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let [theta, tx, ty, shear, zx, zy] = ["theta", "tx", "ty", "shear", "zx", "zy"].map(number);
            let fill_mode: FillMode = serde_json::from_value(case["fill_mode"].clone()).unwrap();
            modes.insert(fill_mode as u8);
            let cval = number("cval") as f32;
            let source = Source { pixels: &original, height: 28, width: 28, fill_mode, cval };
            let mut ours = vec![0.0; 28 * 28];
            source.sample(&Affine { theta, tx, ty, shear, zx, zy }.matrix(), &mut ours);
            let keras = image(&case["output"]);
            let difference = ours.iter().zip(&keras).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-4, "{fill_mode:?} {theta} {tx} {ty} {shear} {zx} {zy}: {difference}");
        }
        assert_eq!(modes.len(), 4, "the fixture covers all fill modes");
    }

    #[test]
    fn images_need_not_be_square() {
        let pixels: Vec<f32> = (0..9 * 14).map(|number| (number * number % 17) as f32 / 17.0).collect();
        let source =
            Source { pixels: &pixels, height: 9, width: 14, fill_mode: FillMode::Nearest, cval: 0.0 };
        let mut turned = vec![0.0; 9 * 14];
        source.sample(&Affine { theta: 180.0, ..Affine::default() }.matrix(), &mut turned);
        for (turned, original) in turned.iter().zip(pixels.iter().rev()) {
            assert!((turned - original).abs() < 1e-4);
        }
    }

    #[test]
    fn the_smallest_images_and_the_farthest_places_are_no_problem() {
        for fill_mode in [FillMode::Nearest, FillMode::Constant, FillMode::Reflect, FillMode::Wrap] {
            for (height, width) in [(1, 1), (1, 5), (3, 1)] {
                let pixels = vec![0.25; height * width];
                let source = Source { pixels: &pixels, height, width, fill_mode, cval: 0.25 };
                let mut output = vec![0.0; height * width];
                let far = Affine { theta: 33.0, tx: 1e6, ty: -1e6, zx: 0.01, ..Affine::default() };
                source.sample(&far.matrix(), &mut output);
                assert!(output.iter().all(|pixel| (pixel - 0.25).abs() < 1e-6), "{fill_mode:?}: {output:?}");
            }
        }
    }
}
