//! Random changes to images that keep their meaning, so that a network sees more variety than there is data.

use anyhow::{ensure, Result};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::affine::Affine;
use super::random_erasing;
use super::sampling::{FillMode, Source};
use crate::engine::random::{seed_at, Purpose};
use crate::engine::ranges::batches;
use crate::engine::slices::{numbers, numbers_mut};
use crate::engine::threads;
use crate::show::Bar;

/// Images that are changed at a time; between them the user may interrupt.
const PART: i64 = 500;

/// Random rotation, shift, shear, zoom and flips, with the names and distributions of Keras's
/// `ImageDataGenerator`, and random erasing.
///
/// Every image gets draws of its own. Pixels between others are interpolated (bilinear). The work is done on all
/// cores of the CPU, also for images that lie on a GPU.
///
/// Two things differ from Keras 3's code, not from its documentation: there the shift ranges of width and height are
/// exchanged, and shifts of 1 and more count pixels.
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
    /// Share of the width, 0 to 1: the shift is uniform in ± this, not rounded to pixels. Default 0.
    pub width_shift_range: f64,
    /// Share of the height, as `width_shift_range`. Default 0.
    pub height_shift_range: f64,
    /// Whether shifts are rounded to whole pixels, so that nothing is interpolated: with `FillMode::Constant` and a range of 0.125,
    /// images of 32×32 are cut from images with 4 more black pixels on each side, as networks for CIFAR-10 are usually trained
    /// (torchvision's `RandomCrop(32, padding=4)`). Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole_pixels: bool,
    /// Degrees, 0 to 89: the angle by which columns lean is uniform in ± this. Default 0.
    pub shear_range: f64,
    /// 0 to below 1: height and width are scaled by factors drawn separately, uniform in 1 ± this. Default 0.
    pub zoom_range: f64,
    /// Whether half of the images, by chance, are mirrored left to right. Default false.
    pub horizontal_flip: bool,
    /// Whether half of the images, by chance, are mirrored top to bottom. Default false.
    pub vertical_flip: bool,
    /// What lies beyond an image's border. Default `Nearest`.
    pub fill_mode: FillMode,
    /// The number beyond the border for `FillMode::Constant`, 0 (black) to 1. Default 0.
    pub cval: f64,
    /// Share of the images, 0 to 1, of which a random rectangle is made black. Default 0.
    ///
    /// Source: Zhong et al., *Random erasing data augmentation*, 2020, with the sizes of torchvision's
    /// `RandomErasing`.
    pub random_erasing: f64,
}

/// The numbers of images, one after the other.
enum Originals<'a> {
    Bytes(&'a [u8]),
    Floats(&'a [f32]),
}

impl<'a> Originals<'a> {
    /// One image as floats. Bytes become floats an image at a time, which then lie in the fastest memory.
    fn image<'b>(&self, image: usize, as_floats: &'b mut [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        let pixels = as_floats.len();
        match self {
            Originals::Bytes(bytes) => {
                let bytes = &bytes[image * pixels..][..pixels];
                as_floats.iter_mut().zip(bytes).for_each(|(float, &byte)| *float = f32::from(byte) / 255.0);
                as_floats
            }
            Originals::Floats(floats) => &floats[image * pixels..][..pixels],
        }
    }
}

impl Augment {
    /// The images `[n, channels, height, width]`, bytes or floats from 0 to 1, changed at random, as floats; a seed
    /// always gives the same changes, on any number of cores.
    ///
    /// # Errors
    /// If an argument is out of its range or `images` has another number of dimensions; and if the user interrupts it.
    pub fn preview(&self, images: &Tensor, seed: u64) -> Result<Tensor> {
        self.check()?;
        ensure!(
            images.dim() == 4,
            "augmentation works on images [n, channels, height, width], and gets the shape {:?}",
            images.size()
        );
        ensure!(
            matches!(images.kind(), Kind::Float | Kind::Uint8),
            "augmentation works on bytes from 0 to 255 or 32-bit floats from 0 to 1, and the images are of type {:?}; \
             x.to_kind(Kind::Float) converts them",
            images.kind()
        );
        let count = images.size()[0];
        let place = |image| seed_at(seed, Purpose::Augmentation, [0, image as u64]);
        let seeds: Vec<u64> = (0..count).map(place).collect();
        if count <= PART {
            return Ok(self.apply(images, &seeds));
        }
        let mut bar = Bar::new("augmentation", count as u64, "images");
        let changed = Tensor::empty(images.size(), (Kind::Float, Device::Cpu));
        for ((start, length), seeds) in batches(count, PART).zip(seeds.chunks(PART as usize)) {
            bar.check()?;
            let part = |tensor: &Tensor| tensor.narrow(0, start, length);
            self.on_threads(&part(images), seeds, &mut part(&changed), threads::count());
            bar.advance(length as u64);
        }
        Ok(changed.to_device(images.device()))
    }

    pub(crate) fn check(&self) -> Result<()> {
        let ranges = [
            ("rotation_range", self.rotation_range, 180.0),
            ("width_shift_range", self.width_shift_range, 1.0),
            ("height_shift_range", self.height_shift_range, 1.0),
            ("shear_range", self.shear_range, 89.0),
            ("zoom_range", self.zoom_range, 0.99),
            ("cval", self.cval, 1.0),
            ("random_erasing", self.random_erasing, 1.0),
        ];
        for (name, value, largest) in ranges {
            ensure!((0.0..=largest).contains(&value), "{name} must be from 0 to {largest}, not {value}");
        }
        Ok(())
    }

    /// Changes each of the images `[n, channels, height, width]` by draws from a seed of its own.
    pub(crate) fn apply(&self, images: &Tensor, seeds: &[u64]) -> Tensor {
        let mut changed = Tensor::empty(images.size(), (Kind::Float, Device::Cpu));
        self.on_threads(images, seeds, &mut changed, threads::count());
        changed.to_device(images.device())
    }

    /// Writes the changed images to `changed`, a contiguous tensor of floats on the CPU.
    fn on_threads(&self, images: &Tensor, seeds: &[u64], changed: &mut Tensor, threads: usize) {
        let (_batch, channels, height, width) = images.size4().expect("the callers check the shape");
        let originals = images.to_device(Device::Cpu).contiguous();
        if originals.numel() > 0 {
            let pixels = (channels * height * width) as usize;
            let share = seeds.len().div_ceil(threads);
            let originals = match originals.kind() {
                Kind::Uint8 => Originals::Bytes(numbers(&originals)),
                _ => Originals::Floats(numbers(&originals)),
            };
            let parts = numbers_mut(changed)
                .chunks_mut(share * pixels)
                .zip(seeds.chunks(share))
                .zip((0..).step_by(share));
            threads::on_each(parts, |((changed, seeds), first)| {
                let mut as_floats = vec![0.0; pixels];
                for ((changed, &seed), image) in changed.chunks_mut(pixels).zip(seeds).zip(first..) {
                    let original = originals.image(image, &mut as_floats);
                    self.change(original, changed, (height as usize, width as usize), seed);
                }
            });
        }
    }

    /// Changes one image, channel after channel.
    fn change(&self, original: &[f32], changed: &mut [f32], (height, width): (usize, usize), seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let affine = self.draw(height, width, &mut random);
        let [left_right, top_bottom] =
            [self.horizontal_flip, self.vertical_flip].map(|flip| random.gen_bool(0.5) && flip);
        for (original, changed) in original.chunks(height * width).zip(changed.chunks_mut(height * width)) {
            if affine == Affine::default() {
                changed.copy_from_slice(original);
            } else {
                let source = Source {
                    pixels: original,
                    height,
                    width,
                    fill_mode: self.fill_mode,
                    cval: self.cval as f32,
                };
                source.sample(&affine.matrix(), changed);
            }
            if left_right {
                changed.chunks_mut(width).for_each(<[f32]>::reverse);
            }
            if top_bottom {
                // Reversing all, then each row, turns the rows' order round.
                changed.reverse();
                changed.chunks_mut(width).for_each(<[f32]>::reverse);
            }
        }
        if self.random_erasing > 0.0 {
            random_erasing::erase(self.random_erasing, changed, (height, width), &mut random);
        }
    }

    fn draw(&self, height: usize, width: usize, random: &mut StdRng) -> Affine {
        let mut uniform = |range: f64| random.gen_range(-range..=range);
        let shift = |pixels: f64| if self.whole_pixels { pixels.round() } else { pixels };
        Affine {
            theta: uniform(self.rotation_range),
            tx: shift(uniform(self.width_shift_range) * width as f64),
            ty: shift(uniform(self.height_shift_range) * height as f64),
            shear: uniform(self.shear_range),
            zx: 1.0 + uniform(self.zoom_range),
            zy: 1.0 + uniform(self.zoom_range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocessing::to_float;

    fn images(shape: [i64; 4]) -> Tensor {
        tch::manual_seed(3);
        Tensor::rand(shape, (Kind::Float, Device::Cpu))
    }

    fn everything() -> Augment {
        Augment {
            rotation_range: 20.0,
            width_shift_range: 0.2,
            height_shift_range: 0.1,
            whole_pixels: false,
            shear_range: 10.0,
            zoom_range: 0.2,
            horizontal_flip: true,
            vertical_flip: true,
            fill_mode: FillMode::Reflect,
            cval: 0.0,
            random_erasing: 0.5,
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let x = images([7, 3, 12, 17]);
        let seeds: Vec<u64> = (0..7).collect();
        let on_threads = |images: &Tensor, seeds: &[u64], threads| {
            let mut changed = images.empty_like();
            everything().on_threads(images, seeds, &mut changed, threads);
            changed
        };
        let alone = on_threads(&x, &seeds, 1);
        for threads in [2, 3, 20] {
            assert_eq!(on_threads(&x, &seeds, threads), alone);
        }
        // An image's changes depend on its own seed, not on its neighbours.
        assert_eq!(on_threads(&x.narrow(0, 4, 1), &[4], 1), alone.narrow(0, 4, 1));
    }

    #[test]
    fn images_in_several_parts_are_changed_as_in_one() {
        let x = images([PART + 3, 1, 3, 4]);
        let place = |image| seed_at(5, Purpose::Augmentation, [0, image]);
        let seeds: Vec<u64> = (0..PART as u64 + 3).map(place).collect();
        assert_eq!(everything().preview(&x, 5).unwrap(), everything().apply(&x, &seeds));
    }

    #[test]
    fn whole_pixels_move_and_stay_as_they_are() {
        let x = images([40, 1, 8, 16]) + 1.0;
        let augment = Augment {
            width_shift_range: 0.125,
            height_shift_range: 0.25,
            whole_pixels: true,
            fill_mode: FillMode::Constant,
            ..Augment::default()
        };
        let moved = augment.preview(&x, 3).unwrap();
        let around = x.constant_pad_nd([2, 2, 2, 2]);
        for image in 0..40 {
            let cut = |top: i64, left: i64| around.get(image).narrow(1, top, 8).narrow(2, left, 16);
            let places = (0..5).flat_map(|top| (0..5).map(move |left| (top, left)));
            let found = places.filter(|&(top, left)| cut(top, left) == moved.get(image)).count();
            assert_eq!(found, 1, "image {image}");
        }
    }

    #[test]
    fn without_ranges_nothing_changes_and_bytes_are_normalised() {
        let bytes = (images([5, 1, 9, 14]) * 255.0).to_kind(Kind::Uint8);
        assert_eq!(Augment::default().preview(&bytes, 1).unwrap(), to_float(&bytes));
        let (of_bytes, of_floats) =
            (everything().preview(&bytes, 1), everything().preview(&to_float(&bytes), 1));
        assert_eq!(of_bytes.unwrap(), of_floats.unwrap());
        assert_eq!(everything().preview(&bytes.narrow(0, 0, 0), 1).unwrap().size(), [0, 1, 9, 14]);
    }

    #[test]
    fn other_types_and_ranges_are_refused() {
        let x = images([2, 1, 5, 5]);
        let refusal = |augment: Augment, x: &Tensor| augment.preview(x, 1).unwrap_err().to_string();
        assert!(refusal(Augment::default(), &x.to_kind(Kind::Double)).contains("Double"));
        assert!(refusal(Augment::default(), &x.get(0)).contains("[1, 5, 5]"));
        assert!(
            refusal(Augment { shear_range: 90.0, ..Augment::default() }, &x).contains("shear_range must be")
        );
        assert!(refusal(Augment { cval: f64::NAN, ..Augment::default() }, &x).contains("cval must be"));
        let erasing = Augment { random_erasing: 1.5, ..Augment::default() };
        assert!(refusal(erasing, &x).contains("random_erasing must be from 0 to 1, not 1.5"));
    }

    #[test]
    fn about_half_of_the_images_are_mirrored() {
        let x = images([400, 2, 5, 4]);
        for (dimension, augment) in [
            (3, Augment { horizontal_flip: true, ..Augment::default() }),
            (2, Augment { vertical_flip: true, ..Augment::default() }),
        ] {
            let flipped = augment.preview(&x, 8).unwrap();
            let mut mirrored = 0;
            for image in 0..400 {
                let (original, flipped) = (x.get(image), flipped.get(image));
                let is_mirrored = flipped == original.flip([dimension - 1]);
                assert!(is_mirrored || flipped == original);
                mirrored += i32::from(is_mirrored);
            }
            assert!((150..250).contains(&mirrored), "{mirrored} of 400");
        }
    }

    #[test]
    fn draws_are_uniform_within_their_ranges() {
        let augment = Augment {
            rotation_range: 10.0,
            zoom_range: 0.2,
            width_shift_range: 0.1,
            height_shift_range: 0.3,
            shear_range: 5.0,
            ..Augment::default()
        };
        let mut random = StdRng::seed_from_u64(1);
        let draws: Vec<Affine> = (0..4000).map(|_| augment.draw(20, 10, &mut random)).collect();
        type Quantity = fn(&Affine) -> f64;
        let quantities: [(Quantity, f64); 6] = [
            (|draw| draw.theta, 10.0),
            (|draw| draw.tx, 1.0),
            (|draw| draw.ty, 6.0),
            (|draw| draw.shear, 5.0),
            (|draw| draw.zx - 1.0, 0.2),
            (|draw| draw.zy - 1.0, 0.2),
        ];
        for (quantity, limit) in quantities {
            let values: Vec<f64> = draws.iter().map(|draw| quantity(draw) / limit).collect();
            let mean = values.iter().sum::<f64>() / 4000.0;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / 4000.0;
            let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            assert!(largest <= 1.000_001 && largest > 0.99, "{largest} of {limit}");
            assert!(
                mean.abs() < 0.05 && (variance - 1.0 / 3.0).abs() < 0.03,
                "{mean}, {variance} of {limit}"
            );
        }
        let same = draws.iter().filter(|draw| (draw.zx - draw.zy).abs() < 1e-9).count();
        assert_eq!(same, 0, "height and width are zoomed separately");
    }
}
