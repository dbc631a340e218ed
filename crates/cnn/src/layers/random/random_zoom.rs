//! Images made larger and smaller at random.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use super::moved::{filling_methods, Entry, Filling};
use super::Factor;
use crate::layers::arguments::{argument, argument_or};
use crate::layers::{layer::to_config, names::name_method, shape::image_shape, Interpolation, Layer};
use crate::preprocessing::augmentation::FillMode;

/// At -1 an image would be stretched without end.
const NEAREST: f64 = -0.99;

/// While training, makes each image larger or smaller about its centre, by random factors. Does nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights.
/// - `height_factor` is from -0.99 to 1: 0.2 means that rows lie 0.8 to 1.2 times as close as before, `(0.1, 0.3)`
///   that images get smaller (positive numbers zoom out), `(-0.3, -0.1)` that they get larger.
/// - `width_factor` is the same for columns, drawn by itself; without one, both sides are zoomed alike.
/// - Defaults: no width_factor, fill_mode `Reflect`, interpolation `Bilinear`, fill_value 0.
///
/// Source: `keras/src/layers/preprocessing/image_preprocessing/random_zoom.py`.
///
/// ```
/// use cnn::prelude::*;
/// let zoom = RandomZoom::new((-0.2, 0.0)).width_factor(0.1);
/// assert_eq!(zoom.output_shape(&[3, 32, 32])?, [3, 32, 32]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct RandomZoom {
    height_factor: Factor,
    width_factor: Option<Factor>,
    #[serde(flatten)]
    filling: Filling,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl RandomZoom {
    /// By factors of this range.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        let (height_factor, filling) = (height_factor.into(), Filling::default());
        RandomZoom { height_factor, width_factor: None, filling, name: None }
    }

    /// A range of its own for the width.
    pub fn width_factor(self, width_factor: impl Into<Factor>) -> Self {
        RandomZoom { width_factor: Some(width_factor.into()), ..self }
    }

    filling_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(in crate::layers) fn from_config(config: &Value) -> Result<Self> {
        Ok(RandomZoom {
            height_factor: argument(config, "height_factor")?,
            width_factor: argument_or(config, "width_factor", None)?,
            filling: Filling::from_config(config)?,
            name: argument_or(config, "name", None)?,
        })
    }

    /// The images, with rows and columns so many times as close as before: `[batch]` each.
    pub(super) fn zoomed(&self, x: &Tensor, height: Tensor, width: Tensor) -> Tensor {
        use Entry::{OfImage, Same};
        self.filling
            .moved(x, &[[OfImage(width), Same(0.0), Same(0.0)], [Same(0.0), OfImage(height), Same(0.0)]])
    }
}

impl Layer for RandomZoom {
    fn class_name(&self) -> &'static str {
        "RandomZoom"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        let width_factor = self.width_factor.unwrap_or(self.height_factor);
        for (name, factor) in [("height_factor", self.height_factor), ("width_factor", width_factor)] {
            factor.check(name, NEAREST, 1.0)?;
        }
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
        let count = x.size()[0];
        let height = self.height_factor.draw(count) + 1.0;
        let width = match &self.width_factor {
            Some(factor) => factor.draw(count) + 1.0,
            None => height.shallow_clone(),
        };
        self.zoomed(x, height, width)
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
