//! A data set: images and labels, split into training and test.

use anyhow::{ensure, Result};
use std::fmt;
use tch::{Device, Kind, Tensor};

use crate::engine::slices::numbers_mut;
use crate::engine::text::thousands;
use crate::engine::variables;

/// Images as they stand in a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Images {
    /// 1: grey. Colours stand one after the other: all of an image's red, then its green, then its blue.
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

impl Images {
    pub fn grey(height: usize, width: usize, pixels: Vec<u8>) -> Images {
        Images { channels: 1, height, width, pixels }
    }

    pub fn count(&self) -> usize {
        self.pixels.len() / (self.channels * self.height * self.width)
    }

    /// `[n, height, width]`, of coloured images `[n, channels, height, width]`.
    fn shape(&self, count: usize) -> Vec<i64> {
        let sides = match self.channels {
            1 => vec![count, self.height, self.width],
            channels => vec![count, channels, self.height, self.width],
        };
        sides.into_iter().map(|side| side as i64).collect()
    }

    /// Makes rows of the columns of each image.
    pub fn transpose(&mut self) {
        let (height, width) = (self.height, self.width);
        let mut columns = vec![0; height * width];
        for image in self.pixels.chunks_exact_mut(height * width) {
            for (index, pixel) in image.iter().enumerate() {
                columns[index % width * height + index / width] = *pixel;
            }
            image.copy_from_slice(&columns);
        }
        (self.height, self.width) = (width, height);
    }
}

/// Training or test images, as they stand in files, with a label for each.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub images: Images,
    pub labels: Vec<u8>,
}

/// Images with their labels, in Keras's four parts.
pub struct Dataset {
    /// `"mnist"`, or what the set was loaded as.
    pub name: String,
    /// What the labels stand for: the name of class 0, of class 1, and so on.
    pub class_names: Vec<String>,
    /// Training images, bytes: `[n, height, width]` of grey ones (in MNIST, 0 is background and 255 ink),
    /// `[n, 3, height, width]` of those in colour: all red, all green, all blue.
    pub x_train: Tensor,
    /// Training labels `[n]`, class numbers as 64-bit integers.
    pub y_train: Tensor,
    /// Test images, bytes, in the same form.
    pub x_test: Tensor,
    /// Test labels `[n]`, class numbers as 64-bit integers.
    pub y_test: Tensor,
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Dataset {:?}", self.name)?;
        let parts = [
            ("x_train", &self.x_train),
            ("y_train", &self.y_train),
            ("x_test", &self.x_test),
            ("y_test", &self.y_test),
        ];
        for (name, tensor) in parts {
            write!(f, "\n  {name:<8} {:?} {:?}", tensor.size(), tensor.kind())?;
        }
        Ok(())
    }
}

impl Dataset {
    /// From raw bytes, row by row, with one label per image.
    pub(crate) fn new(name: &str, class_names: Vec<String>, train: Part, test: Part) -> Self {
        Dataset::of_parts(name, class_names, vec![train], test)
    }

    /// From training images in several parts, of the same size.
    pub(crate) fn of_parts(name: &str, class_names: Vec<String>, train: Vec<Part>, test: Part) -> Self {
        let (x_train, y_train) = tensors(train);
        let (x_test, y_test) = tensors(vec![test]);
        Dataset { name: name.to_string(), class_names, x_train, y_train, x_test, y_test }
    }

    /// What a label stands for, for example as the title of a picture; of a label without a name, the number itself.
    ///
    /// ```
    /// let data = cnn::data::mnist::synthetic_digits(20, 5, 1);
    /// assert_eq!(data.class_name(7), "7");
    /// assert_eq!(data.class_name(-1), "-1");
    /// ```
    pub fn class_name(&self, label: i64) -> String {
        let name = usize::try_from(label).ok().and_then(|label| self.class_names.get(label));
        name.cloned().unwrap_or_else(|| label.to_string())
    }

    /// What labels `[n]` (or `[n, 1]`) stand for, as titles of [`plots::images`](crate::plots::images).
    ///
    /// # Errors
    /// If the labels have another shape, as probabilities have: `argmax(-1, false)` makes labels of them.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let data = mnist::synthetic_digits(20, 5, 1);
    /// let (x, y) = (data.x_train.narrow(0, 0, 10), data.y_train.narrow(0, 0, 10));
    /// let figure = plots::images(&x, &data.names(&y)?, 5)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn names(&self, labels: &Tensor) -> Result<Vec<String>> {
        let size = labels.size();
        ensure!(
            matches!(size[..], [_] | [_, 1]),
            "names() wants labels [n], and gets the shape {size:?}; argmax(-1, false) makes labels of probabilities"
        );
        let labels: Vec<i64> = labels.flatten(0, -1).to_kind(Kind::Int64).try_into()?;
        Ok(labels.into_iter().map(|label| self.class_name(label)).collect())
    }
}

/// What the kernel's panel of variables shows: how many images, and the memory of all parts.
impl live::Describe for Dataset {
    fn shape(&self) -> Option<String> {
        let count = |labels: &Tensor| thousands(labels.numel() as i64);
        Some(format!("{} + {} images", count(&self.y_train), count(&self.y_test)))
    }

    fn device(&self) -> Option<String> {
        Some(variables::device(self.x_train.device()))
    }

    fn bytes(&self) -> Option<usize> {
        let parts = [&self.x_train, &self.y_train, &self.x_test, &self.y_test];
        Some(parts.into_iter().map(variables::bytes).sum())
    }
}

/// Images and labels, one part after the other. The bytes of each are given back when they are copied.
fn tensors(parts: Vec<Part>) -> (Tensor, Tensor) {
    let count = parts.iter().map(|part| part.labels.len()).sum();
    let shape = parts.first().map_or(vec![0], |part| part.images.shape(count));
    let mut images = Tensor::empty(shape, (Kind::Uint8, Device::Cpu));
    let labels: Vec<u8> = parts.iter().flat_map(|part| part.labels.iter().copied()).collect();
    let mut place = numbers_mut::<u8>(&mut images);
    // A thread for each part: most of the time goes to memory that is used for the first time.
    std::thread::scope(|scope| {
        for part in parts {
            let (of_part, rest) = place.split_at_mut(part.images.pixels.len());
            scope.spawn(move || of_part.copy_from_slice(&part.images.pixels));
            place = rest;
        }
    });
    (images, Tensor::from_slice(&labels).to_kind(Kind::Int64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_set_tells_its_size() {
        let data = crate::data::mnist::synthetic_digits(20, 5, 1);
        assert_eq!(live::Describe::shape(&data).as_deref(), Some("20 + 5 images"));
        assert_eq!(live::Describe::bytes(&data), Some(25 * (28 * 28 + 8)));
    }

    #[test]
    fn a_transposed_image_has_its_columns_as_rows() {
        let mut images = Images::grey(2, 3, (0..12).collect());
        images.transpose();
        assert_eq!((images.height, images.width), (3, 2));
        assert_eq!(images.pixels, [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    }

    #[test]
    fn grey_images_have_no_dimension_for_channels_and_parts_follow_each_other() {
        let part = |channels, pixels: std::ops::Range<u8>| Part {
            labels: vec![7; pixels.len() / 12],
            images: Images { channels, height: 12 / channels / 2, width: 2, pixels: pixels.collect() },
        };
        let grey = Dataset::new("grey", Vec::new(), part(1, 0..24), part(1, 0..12));
        assert_eq!((grey.x_train.size(), grey.x_test.size()), (vec![2, 6, 2], vec![1, 6, 2]));
        let coloured =
            Dataset::of_parts("", Vec::new(), vec![part(3, 0..24), part(3, 24..36)], part(3, 0..12));
        assert_eq!((coloured.x_train.size(), coloured.y_train.size()), (vec![3, 3, 2, 2], vec![3]));
        assert_eq!(
            Vec::<u8>::try_from(coloured.x_train.flatten(0, -1)).unwrap(),
            (0..36).collect::<Vec<_>>()
        );
    }

    #[test]
    fn labels_have_names() {
        let part = |labels: &[u8]| Part {
            images: Images::grey(1, 1, vec![0; labels.len()]),
            labels: labels.to_vec(),
        };
        let names = ["T-shirt/top", "Trouser"].map(String::from).to_vec();
        let data = Dataset::new("clothes", names, part(&[0, 1]), part(&[2]));
        assert_eq!([1, 2, -1].map(|label| data.class_name(label)), ["Trouser", "2", "-1"]);
        let labels = Tensor::from_slice(&[1_i64, 0]);
        assert_eq!(data.names(&labels).unwrap(), ["Trouser", "T-shirt/top"]);
        assert_eq!(data.names(&labels.unsqueeze(1)).unwrap(), data.names(&labels).unwrap());
        let message = data.names(&labels.one_hot(2)).unwrap_err().to_string();
        assert!(message.contains("[2, 2]; argmax"), "{message}");
        assert!(!format!("{data:?}").contains("Trouser"));
    }
}
