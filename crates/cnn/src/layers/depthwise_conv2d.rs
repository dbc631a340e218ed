//! Depthwise 2D convolution.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    shape::image_shape,
    sliding::sliding_methods,
    sliding::Sliding,
    weights::Weights,
    Activation, Initializer, Layer, Padding,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use super::padding::LONGEST;

/// Slides kernels over each channel by itself: `depth_multiplier` of them, each of which gives one channel of the output.
/// With a 1×1 convolution after it, which mixes the channels, it does a convolution's work with far fewer numbers
/// (MobileNet); [`SeparableConv2D`](super::SeparableConv2D) is both in one layer.
///
/// - Input `[channels, height, width]`, output `[channels · depth_multiplier, new_height, new_width]`, with heights and
///   widths as those of [`Conv2D`](super::Conv2D). What comes of one channel lies together.
/// - Weights: `kernel [channels · depth_multiplier, 1, kernel_height, kernel_width]`, Glorot uniform, and
///   `bias [channels · depth_multiplier]`, zero.
///   Parameters: `(kernel_height · kernel_width + 1) · channels · depth_multiplier`.
/// - Defaults: depth_multiplier 1, strides (1, 1), padding `Valid`, dilation_rate (1, 1), activation `Linear`, with a bias.
///
/// Source: Howard et al., *MobileNets*, 2017; `keras/src/layers/convolutional/depthwise_conv2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// let conv = DepthwiseConv2D::new((3, 3)).depth_multiplier(2).padding(Padding::Same).use_bias(false);
/// let model = Sequential::input([3, 32, 32]).add(conv).build()?;
/// assert_eq!(model.weight("depthwise_conv2d/kernel")?.size(), [6, 1, 3, 3]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct DepthwiseConv2D {
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

impl DepthwiseConv2D {
    /// A kernel of (height, width) `kernel_size` for each channel.
    pub fn new(kernel_size: (i64, i64)) -> Self {
        let (sliding, activation) = (Sliding::new(kernel_size), Activation::Linear);
        DepthwiseConv2D {
            depth_multiplier: 1,
            sliding,
            activation,
            use_bias: true,
            name: None,
            weights: None,
        }
    }

    /// How many kernels each channel has. Default 1.
    pub fn depth_multiplier(self, depth_multiplier: i64) -> Self {
        DepthwiseConv2D { depth_multiplier, ..self }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Activation) -> Self {
        DepthwiseConv2D { activation, ..self }
    }

    /// Whether a bias is added to each channel of the output. Default true.
    pub fn use_bias(self, use_bias: bool) -> Self {
        DepthwiseConv2D { use_bias, ..self }
    }

    sliding_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(DepthwiseConv2D {
            depth_multiplier: argument(config, "depth_multiplier")?,
            sliding: Sliding::from_config(config)?,
            activation: argument(config, "activation")?,
            use_bias: argument_or(config, "use_bias", true)?,
            name: argument_or(config, "name", None)?,
            weights: None,
        })
    }
}

/// Says if there is no such multiplier.
pub(super) fn check_multiplier(depth_multiplier: i64) -> Result<()> {
    ensure!(
        (1..=LONGEST).contains(&depth_multiplier),
        "depth_multiplier must be from 1 to {LONGEST}, not {depth_multiplier}"
    );
    Ok(())
}

/// The initial kernel for images with this many channels. Keras counts the channels as its inputs, although each
/// output sees only one.
pub(super) fn depthwise_kernel(
    channels: i64,
    depth_multiplier: i64,
    (height, width): (i64, i64),
    initializer: &mut Initializer,
) -> Tensor {
    initializer.glorot_uniform(
        &[channels * depth_multiplier, 1, height, width],
        height * width * channels,
        height * width * depth_multiplier,
    )
}

impl Layer for DepthwiseConv2D {
    fn class_name(&self) -> &'static str {
        "DepthwiseConv2D"
    }

    fn given_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        let [channels, height, width] = image_shape(input)?;
        check_multiplier(self.depth_multiplier)?;
        let [height, width] = self.sliding.output_sides((height, width))?;
        Ok(vec![channels * self.depth_multiplier, height, width])
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let kernel = depthwise_kernel(input[0], self.depth_multiplier, self.sliding.kernel_size, initializer);
        let bias = self.use_bias.then(|| initializer.zeros(&[input[0] * self.depth_multiplier]));
        self.weights = Some(Weights { kernel, bias });
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let Weights { kernel, bias } = self.weights.as_ref().expect("the model builds its layers");
        self.sliding.convolve(x, kernel, bias.as_ref(), x.size()[1])
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.weights.iter().flat_map(Weights::named).collect()
    }

    fn config(&self) -> Value {
        to_config(self)
    }
}
