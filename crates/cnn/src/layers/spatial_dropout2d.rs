//! Dropout of whole channels.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    shape::image_shape,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// While training, sets each channel of an image to zero with probability `rate` and divides the others by `1 - rate`.
/// Neighbouring pixels are alike, so that single ones which are dropped would not be missed. Does nothing when predicting.
///
/// - Input and output `[channels, height, width]`. No weights. `rate` is at least 0 and below 1.
///
/// Source: Tompson et al., *Efficient object localization using convolutional networks*, 2015;
/// `keras/src/layers/regularization/spatial_dropout.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(SpatialDropout2D::new(0.2).output_shape(&[32, 13, 13])?, [32, 13, 13]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct SpatialDropout2D {
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl SpatialDropout2D {
    /// Drops each channel with probability `rate`.
    pub fn new(rate: f64) -> Self {
        SpatialDropout2D { rate, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(SpatialDropout2D { rate: argument(config, "rate")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for SpatialDropout2D {
    fn class_name(&self) -> &'static str {
        "SpatialDropout2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        image_shape(input)?;
        ensure!((0.0..1.0).contains(&self.rate), "rate must be at least 0 and below 1, not {}", self.rate);
        Ok(input.to_vec())
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        x.feature_dropout(self.rate, training)
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
