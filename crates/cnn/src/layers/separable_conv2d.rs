//! Separable 2D convolution.

use super::{
    arguments::{argument, argument_or},
    depthwise_conv2d::check_multiplier,
    depthwise_conv2d::depthwise_kernel,
    layer::to_config,
    names::name_method,
    shape::image_shape,
    sliding::sliding_methods,
    sliding::Sliding,
    weights::named,
    Activation, Initializer, Layer, Padding,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Slides kernels over each channel by itself, then mixes what comes out, pixel by pixel, into `filters` channels: a
/// [`DepthwiseConv2D`](super::DepthwiseConv2D) and a 1×1 convolution. Of a convolution with the same sizes it has a small
/// part of the weights (Xception).
///
/// - Input `[channels, height, width]`, output `[filters, new_height, new_width]`, as that of [`Conv2D`](super::Conv2D).
/// - Weights, Glorot uniform: `depthwise_kernel [channels · depth_multiplier, 1, kernel_height, kernel_width]` and
///   `pointwise_kernel [filters, channels · depth_multiplier, 1, 1]`; and `bias [filters]`, zero.
///   Parameters: `(kernel_height · kernel_width + filters) · channels · depth_multiplier + filters`.
/// - Defaults: depth_multiplier 1, strides (1, 1), padding `Valid`, dilation_rate (1, 1), activation `Linear`, with a bias.
///
/// Source: Chollet, *Xception*, 2017; `keras/src/layers/convolutional/separable_conv2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// let model = Sequential::input([3, 32, 32]).add(SeparableConv2D::new(64, (3, 3)).activation(Relu)).build()?;
/// assert_eq!(model.count_params(), 9 * 3 + 3 * 64 + 64);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct SeparableConv2D {
    filters: i64,
    depth_multiplier: i64,
    #[serde(flatten)]
    sliding: Sliding,
    activation: Activation,
    use_bias: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    bias: Option<Tensor>,
}

impl SeparableConv2D {
    /// A kernel of (height, width) `kernel_size` for each channel, and `filters` mixtures of what they give.
    pub fn new(filters: i64, kernel_size: (i64, i64)) -> Self {
        SeparableConv2D {
            filters,
            depth_multiplier: 1,
            sliding: Sliding::new(kernel_size),
            activation: Activation::Linear,
            use_bias: true,
            name: None,
            weights: None,
        }
    }

    /// How many kernels each channel has. Default 1.
    pub fn depth_multiplier(self, depth_multiplier: i64) -> Self {
        SeparableConv2D { depth_multiplier, ..self }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Activation) -> Self {
        SeparableConv2D { activation, ..self }
    }

    /// Whether a bias is added to each filter's output. Default true.
    pub fn use_bias(self, use_bias: bool) -> Self {
        SeparableConv2D { use_bias, ..self }
    }

    sliding_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(SeparableConv2D {
            filters: argument(config, "filters")?,
            depth_multiplier: argument(config, "depth_multiplier")?,
            sliding: Sliding::from_config(config)?,
            activation: argument(config, "activation")?,
            use_bias: argument_or(config, "use_bias", true)?,
            name: argument_or(config, "name", None)?,
            weights: None,
        })
    }
}

impl Layer for SeparableConv2D {
    fn class_name(&self) -> &'static str {
        "SeparableConv2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [_channels, height, width] = image_shape(input)?;
        ensure!(self.filters > 0, "filters must be at least 1, not {}", self.filters);
        check_multiplier(self.depth_multiplier)?;
        let [height, width] = self.sliding.output_sides((height, width))?;
        Ok(vec![self.filters, height, width])
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let between = input[0] * self.depth_multiplier;
        self.weights = Some(Weights {
            depthwise_kernel: depthwise_kernel(
                input[0],
                self.depth_multiplier,
                self.sliding.kernel_size,
                initializer,
            ),
            pointwise_kernel: initializer.glorot_uniform(
                &[self.filters, between, 1, 1],
                between,
                self.filters,
            ),
            bias: self.use_bias.then(|| initializer.zeros(&[self.filters])),
        });
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let Weights { depthwise_kernel, pointwise_kernel, bias } =
            self.weights.as_ref().expect("the model builds its layers");
        let between = self.sliding.convolve(x, depthwise_kernel, None, x.size()[1]);
        Sliding::new((1, 1)).convolve(&between, pointwise_kernel, bias.as_ref(), 1)
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        let Some(Weights { depthwise_kernel, pointwise_kernel, bias }) = &self.weights else {
            return Vec::new();
        };
        named([
            ("depthwise_kernel", Some(depthwise_kernel)),
            ("pointwise_kernel", Some(pointwise_kernel)),
            ("bias", bias.as_ref()),
        ])
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
