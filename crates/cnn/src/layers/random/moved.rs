//! Images moved, turned and stretched.

use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::{no_grad, Device, Kind, Tensor};

use crate::engine::memory_format::channels_last;
use crate::layers::arguments::argument;
use crate::layers::Interpolation;
use crate::preprocessing::augmentation::FillMode;

/// What stands where a moved image has no pixel of its own: between them, and beyond its border.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Filling {
    pub fill_mode: FillMode,
    pub interpolation: Interpolation,
    pub fill_value: f64,
}

impl Default for Filling {
    fn default() -> Self {
        Filling { fill_mode: FillMode::Reflect, interpolation: Interpolation::Bilinear, fill_value: 0.0 }
    }
}

/// The builder methods of a layer with a field `filling`.
macro_rules! filling_methods {
    () => {
        /// What lies beyond an image's border: `Reflect` (default), `Nearest`, `Constant`, or `Wrap`, with which
        /// the image begins again beside its last pixel.
        pub fn fill_mode(mut self, fill_mode: FillMode) -> Self {
            self.filling.fill_mode = fill_mode;
            self
        }

        /// What stands between pixels. Default `Bilinear`.
        pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
            self.filling.interpolation = interpolation;
            self
        }

        /// The number beyond the border with `FillMode::Constant`. Default 0.
        pub fn fill_value(mut self, fill_value: f64) -> Self {
            self.filling.fill_value = fill_value;
            self
        }
    };
}
pub(super) use filling_methods;

/// For each image, where the output's pixel comes from, in pixels from the image's centre: x to the right is
/// `m[0] · (x, y, 1)`, y down is `m[1] · (x, y, 1)`. The entries are tensors `[batch]`, or numbers for all images.
pub(super) type Matrix = [[Entry; 3]; 2];

/// See [`Matrix`].
pub(super) enum Entry {
    Same(f64),
    OfImage(Tensor),
}

impl Entry {
    fn column(&self, batch: i64) -> Tensor {
        match self {
            Entry::Same(number) => Tensor::full([batch, 1, 1], *number, (Kind::Float, Device::Cpu)),
            Entry::OfImage(numbers) => numbers.reshape([batch, 1, 1]),
        }
    }
}

impl Filling {
    pub fn check(&self) -> Result<()> {
        ensure!(self.fill_value.is_finite(), "fill_value must be a finite number, not {}", self.fill_value);
        Ok(())
    }

    /// The images `[batch, channels, height, width]`, each moved by its matrix.
    pub fn moved(&self, x: &Tensor, matrix: &Matrix) -> Tensor {
        let (batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let grid = no_grad(|| {
            let from_centre =
                |length: i64| Tensor::arange(length, (Kind::Float, Device::Cpu)) - (length - 1) as f64 / 2.0;
            let (right, down) =
                (from_centre(width).reshape([1, 1, width]), from_centre(height).reshape([1, height, 1]));
            let places = |row: &[Entry; 3], length: i64| {
                let [a, b, c] = row.each_ref().map(|entry| entry.column(batch));
                let place = a * &right + b * &down + c + (length - 1) as f64 / 2.0;
                let place = match self.fill_mode {
                    FillMode::Wrap => wrapped(&place, length as f64),
                    _ => place,
                };
                // libtorch's grid goes from -1 to 1, from one edge of the image to the other.
                (place * 2.0 + 1.0) / length as f64 - 1.0
            };
            let (x_places, y_places) = (places(&matrix[0], width), places(&matrix[1], height));
            Tensor::stack(&[x_places, y_places], -1).to_device(x.device())
        });
        let interpolation = match self.interpolation {
            Interpolation::Bilinear => 0,
            Interpolation::Nearest => 1,
        };
        let moved = match self.fill_mode {
            FillMode::Constant => {
                (x - self.fill_value).grid_sampler(&grid, interpolation, 0, false) + self.fill_value
            }
            FillMode::Nearest | FillMode::Wrap => x.grid_sampler(&grid, interpolation, 1, false),
            FillMode::Reflect => x.grid_sampler(&grid, interpolation, 2, false),
        };
        channels_last(&moved)
    }

    /// Reads what is saved of it.
    pub fn from_config(config: &Value) -> Result<Self> {
        Ok(Filling {
            fill_mode: argument(config, "fill_mode")?,
            interpolation: argument(config, "interpolation")?,
            fill_value: argument(config, "fill_value")?,
        })
    }
}

/// The same places in an image of this length that goes on beside its last pixel. Between that and the next one TensorFlow
/// has no mean of both, but the image's own end for what comes from the left, and its beginning for what comes from the right.
fn wrapped(place: &Tensor, length: f64) -> Tensor {
    let within = place.remainder(length);
    let is_between = within.gt(length - 1.0).logical_and(&place.gt(0.0));
    within.where_scalarother(&is_between.logical_not(), 0.0)
}
