//! 2D convolution.

use super::{
    layer::to_config, named::name_method, shape::image_shape, weights::named_weights, Activation,
    Initializer, Layer, Padding,
};
use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

/// Slides `filters` small kernels over an image; each gives one channel of the output.
///
/// - Input `[channels, height, width]`, output `[filters, new_height, new_width]` with
///   `new_height = (height - kernel_height) / stride + 1` for `Valid` padding, and
///   `height / stride`, rounded up, for `Same`.
/// - Weights: `kernel [filters, channels / groups, kernel_height, kernel_width]`, Glorot uniform, and
///   `bias [filters]`, zero. Parameters: `(kernel_height · kernel_width · channels / groups + 1) · filters`.
/// - Defaults: strides (1, 1), padding `Valid` (`Same` pads with zeros), groups 1, activation `Linear`.
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
    #[serde(default = "one_group")]
    groups: i64,
    activation: Activation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    weights: Option<[Tensor; 2]>,
}

impl Conv2D {
    /// `filters` kernels of (height, width) `kernel_size`.
    pub fn new(filters: i64, kernel_size: (i64, i64)) -> Self {
        let (strides, padding, activation) = ((1, 1), Padding::Valid, Activation::Linear);
        Conv2D { filters, kernel_size, strides, padding, groups: 1, activation, name: None, weights: None }
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

    /// Divides channels and filters into so many groups; the filters of each see only the channels of their own. As
    /// many groups as channels make a depthwise convolution.
    pub fn groups(self, groups: i64) -> Self {
        Conv2D { groups, ..self }
    }

    name_method!();
}

impl Conv2D {
    /// Kernel, bias and the pixels around an image of this size, if the kernel moves by 1 and sees all channels.
    pub(super) fn plain(&self, height: i64, width: i64) -> Option<(&[Tensor; 2], [i64; 4])> {
        let around = self.padding.of_image((height, width), self.kernel_size, self.strides);
        let weights = self.weights.as_ref()?;
        (self.strides == (1, 1) && self.groups == 1).then_some((weights, around))
    }
}

/// What model files of before there were groups mean.
fn one_group() -> i64 {
    1
}

impl Layer for Conv2D {
    fn class_name(&self) -> &'static str {
        "Conv2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        ensure!(self.filters > 0, "filters must be at least 1, not {}", self.filters);
        ensure!(
            self.groups > 0 && channels % self.groups == 0 && self.filters % self.groups == 0,
            "groups must divide the number of channels, {channels}, and of filters, {}; {} does not",
            self.filters,
            self.groups
        );
        let [height, width] =
            self.padding.output_sides("kernel", (height, width), self.kernel_size, self.strides)?;
        Ok(vec![self.filters, height, width])
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let (channels, (height, width)) = (input[0] / self.groups, self.kernel_size);
        let kernel = initializer.glorot_uniform(
            &[self.filters, channels, height, width],
            height * width * channels,
            height * width * self.filters,
        );
        self.weights = Some([kernel, initializer.zeros(&[self.filters])]);
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let [kernel, bias] = self.weights.as_ref().expect("the model builds its layers");
        let (_batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let around = self.padding.of_image((height, width), self.kernel_size, self.strides);
        let [left, right, top, bottom] = around;
        let strides = [self.strides.0, self.strides.1];
        if (left, top) == (right, bottom) {
            x.conv2d(kernel, Some(bias), strides, [top, left], [1, 1], self.groups)
        } else {
            x.constant_pad_nd(around).conv2d(kernel, Some(bias), strides, [0, 0], [1, 1], self.groups)
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
