//! Random changes to images that keep their meaning, so that a network sees more variety than there is data.

use anyhow::{ensure, Result};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::preprocessing::to_float;
use crate::random::{seed_at, Purpose};

/// Random rotation, zoom and shift, with the names and distributions of Keras's `ImageDataGenerator`.
///
/// Every image gets draws of its own. Pixels between others are interpolated (bilinear); beyond the border
/// the border's own pixels continue (`fill_mode="nearest"`).
///
/// ```
/// use cnn::{tch::{Device, Kind, Tensor}, Augment};
/// let images = Tensor::rand([8, 1, 28, 28], (Kind::Float, Device::Cpu));
/// let augment = Augment { rotation_range: 10.0, zoom_range: 0.1, ..Augment::default() };
/// assert_eq!(augment.preview(&images, 42)?.size(), [8, 1, 28, 28]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// Source: `keras/src/legacy/preprocessing/image.py`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augment {
    /// Degrees, 0 to 180: the angle is uniform in ± this. Default 0.
    pub rotation_range: f64,
    /// 0 to below 1: height and width are scaled by factors drawn separately, uniform in 1 ± this. Default 0.
    pub zoom_range: f64,
    /// Share of the width, 0 to 1: the shift is uniform in ± this, not rounded to pixels. Default 0.
    pub width_shift_range: f64,
    /// Share of the height, as `width_shift_range`. Default 0.
    pub height_shift_range: f64,
}

/// One draw: degrees, pixels and factors, named as in Keras's `apply_affine_transform` (x is to the right, y down).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine {
    pub theta: f64,
    pub tx: f64,
    pub ty: f64,
    pub zx: f64,
    pub zy: f64,
}

impl Augment {
    /// The images `[n, channels, height, width]`, changed at random; a seed always gives the same changes.
    ///
    /// # Errors
    /// If an argument is out of its range or `images` has another number of dimensions.
    pub fn preview(&self, images: &Tensor, seed: u64) -> Result<Tensor> {
        self.check()?;
        ensure!(
            images.dim() == 4,
            "augmentation works on images [n, channels, height, width], and gets the shape {:?}",
            images.size()
        );
        let place = |image| seed_at(seed, Purpose::Augmentation, [0, image as u64]);
        Ok(self.apply(&to_float(images), &(0..images.size()[0]).map(place).collect::<Vec<_>>()))
    }

    pub(crate) fn check(&self) -> Result<()> {
        let ranges = [
            ("rotation_range", self.rotation_range, 180.0),
            ("zoom_range", self.zoom_range, 0.99),
            ("width_shift_range", self.width_shift_range, 1.0),
            ("height_shift_range", self.height_shift_range, 1.0),
        ];
        for (name, value, largest) in ranges {
            ensure!((0.0..=largest).contains(&value), "{name} must be from 0 to {largest}, not {value}");
        }
        Ok(())
    }

    /// Changes each of the images `[n, channels, height, width]`, bytes or floats, by draws from a seed of
    /// its own; floats come back.
    pub(crate) fn apply(&self, images: &Tensor, seeds: &[u64]) -> Tensor {
        let (_batch, _channels, height, width) = images.size4().expect("the callers check the shape");
        let draw = |&seed: &u64| self.draw(height, width, &mut StdRng::seed_from_u64(seed));
        transform(&to_float(images), &seeds.iter().map(draw).collect::<Vec<Affine>>())
    }

    fn draw(&self, height: i64, width: i64, random: &mut StdRng) -> Affine {
        let mut uniform = |range: f64| random.gen_range(-range..=range);
        Affine {
            theta: uniform(self.rotation_range),
            tx: uniform(self.width_shift_range) * width as f64,
            ty: uniform(self.height_shift_range) * height as f64,
            zx: 1.0 + uniform(self.zoom_range),
            zy: 1.0 + uniform(self.zoom_range),
        }
    }
}

impl Affine {
    /// Where the output's pixel (x, y), counted from the centre, comes from in the input: rotation, then
    /// shift, then zoom. Two rows of `x, y, 1`.
    pub fn matrix(&self) -> [[f64; 3]; 2] {
        let (sin, cos) = self.theta.to_radians().sin_cos();
        [
            [cos * self.zx, -sin * self.zy, cos * self.tx - sin * self.ty],
            [sin * self.zx, cos * self.zy, sin * self.tx + cos * self.ty],
        ]
    }
}

/// Applies one draw per image of `[n, channels, height, width]`.
pub(crate) fn transform(images: &Tensor, draws: &[Affine]) -> Tensor {
    let (batch, channels, height, width) = images.size4().expect("the callers check the shape");
    // libtorch counts from -1 to 1 across the image.
    let (half_height, half_width) = ((height - 1).max(1) as f64 / 2.0, (width - 1).max(1) as f64 / 2.0);
    let ratio = half_height / half_width;
    let mut theta = Vec::with_capacity(draws.len() * 6);
    for draw in draws {
        let [x, y] = draw.matrix();
        theta.extend([x[0], x[1] * ratio, x[2] / half_width].map(|value| value as f32));
        theta.extend([y[0] / ratio, y[1], y[2] / half_height].map(|value| value as f32));
    }
    let theta = Tensor::from_slice(&theta).reshape([batch, 2, 3]).to_device(images.device());
    let grid = Tensor::affine_grid_generator(&theta, [batch, channels, height, width], true);
    const BILINEAR: i64 = 0;
    const BORDER: i64 = 1;
    images.contiguous().grid_sampler(&grid, BILINEAR, BORDER, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use tch::{Device, Kind};

    fn image(value: &Value) -> Tensor {
        let numbers = value["data"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32);
        Tensor::from_slice(&numbers.collect::<Vec<_>>()).reshape([1, 1, 28, 28])
    }

    #[test]
    fn a_draw_moves_pixels_as_in_keras() {
        let fixture: Value = serde_json::from_str(include_str!("../tests/fixtures/keras.json")).unwrap();
        let original = image(&fixture["affine"]["image"]);
        for case in fixture["affine"]["cases"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let [theta, tx, ty, zx, zy] = ["theta", "tx", "ty", "zx", "zy"].map(number);
            let ours = transform(&original, &[Affine { theta, tx, ty, zx, zy }]);
            let difference = (ours - image(&case["output"])).abs().max().double_value(&[]);
            assert!(difference < 1e-4, "theta {theta}, shift {tx} {ty}, zoom {zx} {zy}: {difference}");
        }
    }

    #[test]
    fn images_need_not_be_square() {
        let x = Tensor::rand([1, 2, 9, 14], (Kind::Float, Device::Cpu));
        let turned = transform(&x, &[Affine { theta: 180.0, tx: 0.0, ty: 0.0, zx: 1.0, zy: 1.0 }]);
        let difference = (turned - x.flip([2, 3])).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    fn draws_stay_within_their_ranges_and_reach_them() {
        let augment = Augment {
            rotation_range: 10.0,
            zoom_range: 0.2,
            width_shift_range: 0.1,
            height_shift_range: 0.3,
        };
        let mut random = StdRng::seed_from_u64(1);
        let draws: Vec<Affine> = (0..2000).map(|_| augment.draw(20, 10, &mut random)).collect();
        let reach =
            |value: fn(&Affine) -> f64| draws.iter().map(value).fold(0.0_f64, |most, v| most.max(v.abs()));
        let reached: [(f64, f64); 5] = [
            (reach(|draw| draw.theta), 10.0),
            (reach(|draw| draw.tx), 1.0),
            (reach(|draw| draw.ty), 6.0),
            (reach(|draw| draw.zx - 1.0), 0.2),
            (reach(|draw| draw.zy - 1.0), 0.2),
        ];
        for (found, limit) in reached {
            assert!(found <= limit * 1.000_001 && found > 0.98 * limit, "{found} of {limit}");
        }
    }
}
