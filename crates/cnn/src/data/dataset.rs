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
    pub(crate) fn from_bytes(name: &str, train: (&Images, &[u8]), test: (&Images, &[u8])) -> Self {
        let labels = |labels: &[u8]| Tensor::from_slice(labels).to_kind(Kind::Int64);
        Dataset {
            name: name.to_string(),
            x_train: train.0.tensor(),
            y_train: labels(train.1),
            x_test: test.0.tensor(),
            y_test: labels(test.1),
        }
    }
}
