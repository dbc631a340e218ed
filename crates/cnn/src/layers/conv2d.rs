//! 2D convolution.

use super::{image_shape, to_config, Activation, Initializer, Layer};
use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

/// What happens at an image's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// No padding: a 3×3 kernel makes each side 2 pixels shorter. Keras's default.
    #[default]
    Valid,
    /// Zeros around the image, so that with strides of 1 the output is as large as the input.
    Same,
}

/// Slides `filters` small kernels over an image; each gives one channel of the output.
///
/// - Input `[channels, height, width]`, output `[filters, new_height, new_width]` with
///   `new_height = (height - kernel_height) / stride + 1` for `Valid` padding, and
///   `height / stride`, rounded up, for `Same`.
/// - Weights: `kernel [filters, channels, kernel_height, kernel_width]`, Glorot uniform, and
///   `bias [filters]`, zero. Parameters: `(kernel_height · kernel_width · channels + 1) · filters`.
/// - Defaults: strides (1, 1), padding `Valid`, activation `Linear`.
///
/// Source: `keras/src/layers/convolutional/conv2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// let conv = Conv2D::new(32, (3, 3)).activation(Relu);
/// assert_eq!(conv.output_shape(&[1, 28, 28])?, [32, 26, 26]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub struct Conv2D {
    filters: i64,
    kernel_size: (i64, i64),
    strides: (i64, i64),
    padding: Padding,
    activation: Activation,
    #[serde(skip)]
    weights: Option<[Tensor; 2]>,
}

impl Conv2D {
    /// `filters` kernels of (height, width) `kernel_size`.
    pub fn new(filters: i64, kernel_size: (i64, i64)) -> Self {
        let (strides, padding, activation) = ((1, 1), Padding::Valid, Activation::Linear);
        Conv2D { filters, kernel_size, strides, padding, activation, weights: None }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Activation) -> Self {
        Conv2D { activation, ..self }
    }

    /// What happens at the border.
    pub fn padding(self, padding: Padding) -> Self {
        Conv2D { padding, ..self }
    }

    /// How far the kernel moves, down and to the right.
    pub fn strides(self, strides: (i64, i64)) -> Self {
        Conv2D { strides, ..self }
    }

    /// Zeros to put before and after `length` pixels; where they are odd in number, the last side gets
    /// one more, as in TensorFlow.
    fn zeros(&self, length: i64, kernel: i64, stride: i64) -> (i64, i64) {
        match self.padding {
            Padding::Valid => (0, 0),
            Padding::Same => {
                let steps = (length + stride - 1) / stride;
                let total = ((steps - 1) * stride + kernel - length).max(0);
                (total / 2, total - total / 2)
            }
        }
    }
}

impl Layer for Conv2D {
    fn class_name(&self) -> &'static str {
        "Conv2D"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [_channels, height, width] = image_shape(input)?;
        ensure!(self.filters > 0, "filters must be at least 1, not {}", self.filters);
        let mut output = vec![self.filters];
        let sides = [
            ("height", height, self.kernel_size.0, self.strides.0),
            ("width", width, self.kernel_size.1, self.strides.1),
        ];
        for (name, length, kernel, stride) in sides {
            ensure!(kernel > 0, "the kernel's {name} must be at least 1, not {kernel}");
            ensure!(stride > 0, "the stride along the {name} must be at least 1, not {stride}");
            let (before, after) = self.zeros(length, kernel, stride);
            ensure!(
                length + before + after >= kernel,
                "its kernel's {name} is {kernel}, and the image's {name} only {length}; \
                 use a smaller kernel, Padding::Same, or less pooling before it"
            );
            output.push((length + before + after - kernel) / stride + 1);
        }
        Ok(output)
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let (channels, (height, width)) = (input[0], self.kernel_size);
        let kernel = initializer.glorot_uniform(
            &[self.filters, channels, height, width],
            height * width * channels,
            height * width * self.filters,
        );
        self.weights = Some([kernel, initializer.zeros(&[self.filters])]);
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let [kernel, bias] = self.weights.as_ref().expect("the model builds its layers");
        let (_batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let (top, bottom) = self.zeros(height, self.kernel_size.0, self.strides.0);
        let (left, right) = self.zeros(width, self.kernel_size.1, self.strides.1);
        let strides = [self.strides.0, self.strides.1];
        if (top, left) == (bottom, right) {
            x.conv2d(kernel, Some(bias), strides, [top, left], [1, 1], 1)
        } else {
            let padded = x.constant_pad_nd([left, right, top, bottom]);
            padded.conv2d(kernel, Some(bias), strides, [0, 0], [1, 1], 1)
        }
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_weights(&self.weights)
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}

/// Kernel and bias by name, as both `Conv2D` and `Dense` have them.
pub(super) fn named_weights(weights: &Option<[Tensor; 2]>) -> Vec<(String, Tensor)> {
    let names = ["kernel", "bias"].map(String::from);
    let tensors = weights.iter().flatten().map(Tensor::shallow_clone);
    names.into_iter().zip(tensors).collect()
}
