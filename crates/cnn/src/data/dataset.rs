//! A data set: images and labels, split into training and test.

use std::fmt;
use tch::{Kind, Tensor};

/// Images as they stand in a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Images {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

impl Images {
    pub fn count(&self) -> usize {
        self.pixels.len() / (self.height * self.width)
    }

    pub fn tensor(&self) -> Tensor {
        let shape = [self.count(), self.height, self.width].map(|side| side as i64);
        Tensor::from_slice(&self.pixels).reshape(shape)
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
    /// Training images `[n, height, width]`, bytes: 0 is background, 255 ink.
    pub x_train: Tensor,
    /// Training labels `[n]`, class numbers as 64-bit integers.
    pub y_train: Tensor,
    /// Test images `[n, height, width]`, bytes.
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
    pub(crate) fn new(name: &str, train: &Part, test: &Part) -> Self {
        let labels = |part: &Part| Tensor::from_slice(&part.labels).to_kind(Kind::Int64);
        Dataset {
            name: name.to_string(),
            x_train: train.images.tensor(),
            y_train: labels(train),
            x_test: test.images.tensor(),
            y_test: labels(test),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_image_has_its_columns_as_rows() {
        let mut images = Images { height: 2, width: 3, pixels: (0..12).collect() };
        images.transpose();
        assert_eq!((images.height, images.width), (3, 2));
        assert_eq!(images.pixels, [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    }
}
