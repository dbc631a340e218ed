//! Images mirrored at random.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::layers::arguments::{argument, argument_or};
use crate::layers::{layer::to_config, names::name_method, shape::image_shape, Layer};

/// In which directions [`RandomFlip`] mirrors images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left and right are exchanged.
    Horizontal,
    /// Top and bottom are exchanged.
    Vertical,
    /// Both, each by a draw of its own. Keras's default.
    #[default]
    HorizontalAndVertical,
}

/// While training, mirrors half of the images, by chance. Does nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights.
/// - Default: mode `HorizontalAndVertical`, with a draw for each direction, as Keras's documentation and Keras 2 have it. Keras
///   3 draws once for both: its images are turned upside down or left as they are. For digits, which are others in a
///   mirror, no mode is right.
///
/// Source: `keras/src/layers/preprocessing/image_preprocessing/random_flip.py`.
///
/// ```
/// use cnn::prelude::*;
/// let flip = RandomFlip::new(FlipMode::Horizontal);
/// let images = Tensor::rand([8, 1, 28, 28], (Kind::Float, Device::Cpu));
/// assert_eq!(flip.forward(&images, false), images);
/// ```
#[derive(Debug, Default, Serialize)]
pub struct RandomFlip {
    mode: FlipMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl RandomFlip {
    /// In these directions.
    pub fn new(mode: FlipMode) -> Self {
        RandomFlip { mode, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(in crate::layers) fn from_config(config: &Value) -> Result<Self> {
        Ok(RandomFlip { mode: argument(config, "mode")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for RandomFlip {
    fn class_name(&self) -> &'static str {
        "RandomFlip"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        Ok(input.to_vec())
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let sides: &[i64] = match self.mode {
            _ if !training => &[],
            FlipMode::Horizontal => &[3],
            FlipMode::Vertical => &[2],
            FlipMode::HorizontalAndVertical => &[3, 2],
        };
        sides.iter().fold(x.shallow_clone(), |x, &side| {
            let drawn = Tensor::rand([x.size()[0], 1, 1, 1], (Kind::Float, Device::Cpu)).lt(0.5);
            x.flip([side]).where_self(&drawn.to_device(x.device()), &x)
        })
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
