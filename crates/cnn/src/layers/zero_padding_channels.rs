//! Channels of zeros around the channels of an image.

use super::{
    arguments::argument, arguments::argument_or, layer::to_config, names::name_method, shape::image_shape,
    Layer,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// More than this is a mistake.
const MOST: i64 = 65_536;

/// Puts channels of zeros before and after the channels of an image. It lets a [`Residual`](super::Residual) block with more channels
/// than its input have a way around without weights, as the first ResNets for CIFAR-10 had ("option A"). Keras and PyTorch have no such
/// layer, so a model with it is saved in this crate's own format.
///
/// - Input `[channels, height, width]`, output `[before + channels + after, height, width]`. No weights.
///
/// Source: He et al., *Deep residual learning for image recognition*, 2016, section 3.3.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(ZeroPaddingChannels::new(8, 8).output_shape(&[16, 32, 32])?, [32, 32, 32]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct ZeroPaddingChannels {
    before: i64,
    after: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl ZeroPaddingChannels {
    /// So many channels, 0 to 65,536, before and after the image's own.
    pub fn new(before: i64, after: i64) -> Self {
        ZeroPaddingChannels { before, after, name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        let (before, after) = (argument(config, "before")?, argument(config, "after")?);
        Ok(ZeroPaddingChannels { before, after, name: argument_or(config, "name", None)? })
    }
}

impl Layer for ZeroPaddingChannels {
    fn class_name(&self) -> &'static str {
        "ZeroPaddingChannels"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        for (side, count) in [("before", self.before), ("after", self.after)] {
            ensure!((0..=MOST).contains(&count), "{side} must be from 0 to {MOST} channels, not {count}");
        }
        Ok(vec![self.before + channels + self.after, height, width])
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.constant_pad_nd([0, 0, 0, 0, self.before, self.after])
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
