//! Numbers on another scale.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// `x · scale + offset`: models that bring their images to the scale that they were trained on themselves begin with it.
///
/// - Any input shape; the output has the same. No weights. Default: offset 0.
/// - Images of bytes come to a model's first layer divided by 255. `Rescaling::new(1.0 / 255.0)` of a Keras model wants the
///   numbers 0 to 255, so give it `x.to_kind(Kind::Float)`.
///
/// Source: `keras/src/layers/preprocessing/rescaling.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([2]).add(Rescaling::new(1.0 / 127.5).offset(-1.0)).build()?;
/// let y: Vec<f32> = model.predict(&Tensor::from_slice(&[0.0_f32, 255.0]).unsqueeze(0))?.reshape([2]).try_into()?;
/// assert_eq!(y, [-1.0, 1.0]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Rescaling {
    scale: f64,
    offset: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Rescaling {
    /// Multiplies by `scale`.
    pub fn new(scale: f64) -> Self {
        Rescaling { scale, offset: 0.0, name: None }
    }

    /// What is added after the multiplication.
    pub fn offset(self, offset: f64) -> Self {
        Rescaling { offset, ..self }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Rescaling {
            scale: argument(config, "scale")?,
            offset: argument_or(config, "offset", 0.0)?,
            name: argument_or(config, "name", None)?,
        })
    }
}

impl Layer for Rescaling {
    fn class_name(&self) -> &'static str {
        "Rescaling"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        for (name, value) in [("scale", self.scale), ("offset", self.offset)] {
            ensure!(value.is_finite(), "{name} must be a finite number, not {value}");
        }
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x * self.scale + self.offset
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
