//! What the layers share that make one number of each window.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::{
    arguments::{argument, argument_or},
    shape::image_shape,
    Padding,
};

/// The windows of a pooling layer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Windows {
    pub pool_size: (i64, i64),
    strides: Option<(i64, i64)>,
    pub padding: Padding,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Windows {
    pub fn new(pool_size: (i64, i64)) -> Self {
        Windows { pool_size, strides: None, padding: Padding::Valid, name: None }
    }

    pub fn set_strides(&mut self, strides: (i64, i64)) {
        self.strides = Some(strides);
    }

    /// Without strides of their own, windows lie side by side.
    pub fn strides(&self) -> (i64, i64) {
        self.strides.unwrap_or(self.pool_size)
    }

    pub fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        let [height, width] =
            self.padding.output_sides("window", (height, width), self.pool_size, self.strides())?;
        Ok(vec![channels, height, width])
    }

    /// Pixels to the left, right, top and bottom.
    pub fn around(&self, height: i64, width: i64) -> [i64; 4] {
        self.padding.of_image((height, width), self.pool_size, self.strides())
    }

    /// Reads what is saved of them.
    pub fn from_config(config: &Value) -> Result<Self> {
        Ok(Windows {
            pool_size: argument(config, "pool_size")?,
            strides: argument_or(config, "strides", None)?,
            padding: argument_or(config, "padding", Padding::Valid)?,
            name: argument_or(config, "name", None)?,
        })
    }
}
