//! Images turned at random.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use super::moved::{filling_methods, Entry, Filling};
use super::Factor;
use crate::layers::arguments::{argument, argument_or};
use crate::layers::{layer::to_config, names::name_method, shape::image_shape, Interpolation, Layer};
use crate::preprocessing::augmentation::FillMode;

/// While training, turns each image about its centre by a random angle. Does nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights.
/// - `factor` is a share of a full turn, -1 to 1, positive counter-clockwise: 0.1 means from -36 to 36 degrees,
///   `(-0.2, 0.3)` from -72 to 108.
/// - Defaults: fill_mode `Reflect`, interpolation `Bilinear`, fill_value 0.
///
/// Source: `keras/src/layers/preprocessing/image_preprocessing/random_rotation.py`.
///
/// ```
/// use cnn::prelude::*;
/// let rotation = RandomRotation::new(0.02).fill_mode(FillMode::Nearest);
/// let images = Tensor::rand([8, 1, 28, 28], (Kind::Float, Device::Cpu));
/// assert_eq!(rotation.forward(&images, false), images);
/// assert_ne!(rotation.forward(&images, true), images);
/// ```
#[derive(Debug, Serialize)]
pub struct RandomRotation {
    factor: Factor,
    #[serde(flatten)]
    filling: Filling,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl RandomRotation {
    /// By angles of this range: a share of a full turn.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomRotation { factor: factor.into(), filling: Filling::default(), name: None }
    }

    filling_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(in crate::layers) fn from_config(config: &Value) -> Result<Self> {
        Ok(RandomRotation {
            factor: argument(config, "factor")?,
            filling: Filling::from_config(config)?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// The images, each turned by its angle of `angles [batch]`, in radians.
    pub(super) fn turned(&self, x: &Tensor, angles: &Tensor) -> Tensor {
        let of_image = Entry::OfImage;
        let (sin, cos) = (angles.sin(), angles.cos());
        let across = [of_image(cos.shallow_clone()), of_image(-&sin), Entry::Same(0.0)];
        self.filling.moved(x, &[across, [of_image(sin), of_image(cos), Entry::Same(0.0)]])
    }
}

impl Layer for RandomRotation {
    fn class_name(&self) -> &'static str {
        "RandomRotation"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        self.factor.check("factor", -1.0, 1.0)?;
        self.filling.check()?;
        Ok(input.to_vec())
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if !training {
            return x.shallow_clone();
        }
        self.turned(x, &(self.factor.draw(x.size()[0]) * std::f64::consts::TAU))
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
