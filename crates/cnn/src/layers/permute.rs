//! Sides in another order.

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

/// Puts the sides of a sample into another order: the output's side `i` is the input's side `dims[i]`, counted from 1.
///
/// - Input any shape, output the same sides in the order of `dims`. No weights.
/// - Sides are counted as this crate has them: 1, 2 and 3 are an image's channels, height and width, in Keras height, width
///   and channels.
///
/// | what it does with an image | here | in Keras |
/// |---|---|---|
/// | exchanges rows and columns | `Permute::new([1, 3, 2])` | `Permute((2, 1, 3))` |
/// | takes channels for rows, rows for columns, columns for channels | `Permute::new([3, 1, 2])` | `Permute((3, 1, 2))` |
/// | takes rows for channels, columns for rows, channels for columns | `Permute::new([2, 3, 1])` | `Permute((2, 3, 1))` |
///
/// Source: `keras/src/layers/reshaping/permute.py`.
///
/// ```
/// use cnn::prelude::*;
/// assert_eq!(Permute::new([1, 3, 2]).output_shape(&[3, 20, 30])?, [3, 30, 20]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Permute {
    dims: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Permute {
    /// Which of the input's sides, counted from 1, each side of the output is.
    pub fn new(dims: impl Into<Vec<i64>>) -> Self {
        Permute { dims: dims.into(), name: None }
    }

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Permute { dims: argument(config, "dims")?, name: argument_or(config, "name", None)? })
    }
}

impl Layer for Permute {
    fn class_name(&self) -> &'static str {
        "Permute"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        ensure!(
            sorted.into_iter().eq(1..=input.len() as i64),
            "dims must have each number from 1 to {}, the sides of its input {input:?}, once, not {:?}",
            input.len(),
            self.dims
        );
        Ok(self.dims.iter().map(|&side| input[side as usize - 1]).collect())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.permute([&[0], &self.dims[..]].concat())
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
