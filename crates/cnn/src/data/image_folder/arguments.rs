//! The arguments of `image_dataset_from_directory`.

use anyhow::{ensure, Result};

use crate::engine::interpolation::Interpolation;

/// A longer side of an image is a mistake: a network for it would be larger than any memory.
const LONGEST_SIDE: i64 = 8192;

/// What a pixel of a data set's images is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMode {
    /// Red, green and blue: images `[n, 3, height, width]`. A grey picture has three equal channels.
    Rgb,
    /// Grey, of colours 0.299 red + 0.587 green + 0.114 blue: images `[n, height, width]`, as MNIST's are.
    Grayscale,
}

/// The arguments of [`image_dataset_from_directory`](super::image_dataset_from_directory), with Keras's names and defaults.
///
/// ```
/// use cnn::prelude::*;
/// let arguments = ImageFolder { image_size: (64, 64), validation_split: 0.2, ..ImageFolder::default() };
/// assert_eq!(arguments.color_mode, ColorMode::Rgb);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFolder {
    /// The folders in the order of their labels. Default empty: all folders, as `sorted()` of Python has them, capitals
    /// before small letters, and "10" before "2".
    pub class_names: Vec<String>,
    /// Default [`ColorMode::Rgb`].
    pub color_mode: ColorMode,
    /// (height, width) that every picture is brought to, in pixels. Default (256, 256).
    pub image_size: (i64, i64),
    /// Whether the pictures come in a random order; otherwise class by class. Default true.
    pub shuffle: bool,
    /// Seed of the order. Default 42.
    pub seed: u64,
    /// Share of the pictures, 0 to 1, kept apart as `x_test`; they are the last ones, after shuffling. Default 0.
    pub validation_split: f64,
    /// What stands between a picture's pixels. Default [`Interpolation::Bilinear`].
    pub interpolation: Interpolation,
    /// Whether every pixel of a picture counts in its smaller image, as in Pillow and torchvision. With `false` the image
    /// has the numbers of Keras, which looks at four pixels for each of the image: of a photograph it skips most. Default
    /// true.
    pub antialias: bool,
    /// Whether a picture of other proportions is cut off evenly on both sides. Default false: it is stretched.
    pub crop_to_aspect_ratio: bool,
    /// Whether a picture of other proportions gets black stripes on both sides. Default false.
    pub pad_to_aspect_ratio: bool,
    /// Whether pictures that cannot be read are left out, and named in a printed line; otherwise they are an error. Default
    /// false.
    pub skip_damaged: bool,
    /// Whether a line says what was found. Default true.
    pub verbose: bool,
}

impl Default for ImageFolder {
    fn default() -> Self {
        ImageFolder {
            class_names: Vec::new(),
            color_mode: ColorMode::Rgb,
            image_size: (256, 256),
            shuffle: true,
            seed: 42,
            validation_split: 0.0,
            interpolation: Interpolation::Bilinear,
            antialias: true,
            crop_to_aspect_ratio: false,
            pad_to_aspect_ratio: false,
            skip_damaged: false,
            verbose: true,
        }
    }
}

impl ImageFolder {
    pub(super) fn check(&self) -> Result<()> {
        let (height, width) = self.image_size;
        ensure!(
            [height, width].iter().all(|side| (1..=LONGEST_SIDE).contains(side)),
            "image_size must be (height, width) from 1 to {LONGEST_SIDE} pixels, not ({height}, {width})"
        );
        let share = self.validation_split;
        ensure!((0.0..1.0).contains(&share), "validation_split must be at least 0 and below 1, not {share}");
        ensure!(
            !(self.crop_to_aspect_ratio && self.pad_to_aspect_ratio),
            "crop_to_aspect_ratio and pad_to_aspect_ratio are both set; choose one of them, as in Keras"
        );
        let mut names = self.class_names.clone();
        names.sort();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(
            twice.is_none(),
            "class_names has {:?} twice; name each folder once",
            twice.map_or("", |pair| &pair[0])
        );
        Ok(())
    }

    /// How many of so many pictures are for training, as Keras splits them.
    ///
    /// Source: `get_training_or_validation_split` in `keras/src/utils/dataset_utils.py`.
    pub(super) fn training(&self, count: usize) -> Result<usize> {
        let share = self.validation_split;
        let validation = (share * count as f64) as usize;
        ensure!(
            validation > 0 || share == 0.0,
            "validation_split = {share} of {count} pictures leaves 0 for validation; it needs at least one"
        );
        Ok(count - validation)
    }

    pub(super) fn channels(&self) -> usize {
        match self.color_mode {
            ColorMode::Rgb => 3,
            ColorMode::Grayscale => 1,
        }
    }
}
