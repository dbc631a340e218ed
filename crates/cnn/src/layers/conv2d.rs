//! 2D convolution.

use super::{
    arguments::{argument, argument_or},
    layer::to_config,
    names::name_method,
    shape::image_shape,
    sliding::sliding_methods,
    sliding::Sliding,
    tape::{wants_gradient, Tape},
    weights::Weights,
    winograd::Winograd,
    Activation, Initializer, Layer, Padding,
};
use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

/// Slides `filters` small kernels over an image; each gives one channel of the output.
///
/// - Input `[channels, height, width]`, output `[filters, new_height, new_width]` with
///   `new_height = (height - kernel_height) / stride + 1` for `Valid` padding, and
///   `height / stride`, rounded up, for `Same`; a dilated kernel counts with the pixels that it leaves out.
/// - Weights: `kernel [filters, channels / groups, kernel_height, kernel_width]`, Glorot uniform, and
///   `bias [filters]`, zero. Parameters: `(kernel_height · kernel_width · channels / groups + 1) · filters`.
/// - Defaults: strides (1, 1), padding `Valid` (`Same` pads with zeros), dilation_rate (1, 1), groups 1, activation
///   `Linear`, with a bias.
///
/// Source: `keras/src/layers/convolutional/conv2d.py`.
///
/// ```
/// use cnn::prelude::*;
/// let conv = Conv2D::new(32, (3, 3)).activation(Relu);
/// assert_eq!(conv.output_shape(&[1, 28, 28])?, [32, 26, 26]);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Conv2D {
    filters: i64,
    #[serde(flatten)]
    sliding: Sliding,
    groups: i64,
    activation: Activation,
    use_bias: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    weights: Option<Weights>,
}

impl Conv2D {
    /// `filters` kernels of (height, width) `kernel_size`.
    pub fn new(filters: i64, kernel_size: (i64, i64)) -> Self {
        let (sliding, activation) = (Sliding::new(kernel_size), Activation::Linear);
        Conv2D { filters, sliding, groups: 1, activation, use_bias: true, name: None, weights: None }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Activation) -> Self {
        Conv2D { activation, ..self }
    }

    /// Divides channels and filters into so many groups; the filters of each see only the channels of their own. As
    /// many groups as channels make a depthwise convolution, which [`DepthwiseConv2D`](super::DepthwiseConv2D) is.
    pub fn groups(self, groups: i64) -> Self {
        Conv2D { groups, ..self }
    }

    /// Whether a bias is added to each filter's output. A batch normalisation after the layer takes it away again, so that
    /// networks with one go without it.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Conv2D { use_bias, ..self }
    }

    sliding_methods!();

    name_method!();

    /// Reads what [`Layer::config`] gave.
    pub(super) fn from_config(config: &Value) -> Result<Self> {
        Ok(Conv2D {
            filters: argument(config, "filters")?,
            sliding: Sliding::from_config(config)?,
            groups: argument_or(config, "groups", 1)?,
            activation: argument(config, "activation")?,
            use_bias: argument_or(config, "use_bias", true)?,
            name: argument_or(config, "name", None)?,
            weights: None,
        })
    }
}

impl Conv2D {
    /// Kernel, bias and the pixels around an image of this size, if there is a bias and the kernel moves by 1, has no gaps
    /// and sees all channels.
    pub(super) fn plain(&self, height: i64, width: i64) -> Option<([&Tensor; 2], [i64; 4])> {
        let Weights { kernel, bias } = self.weights.as_ref()?;
        let Sliding { strides, dilation_rate, .. } = self.sliding;
        let is_plain = strides == (1, 1) && dilation_rate == (1, 1) && self.groups == 1;
        is_plain.then_some(([kernel, bias.as_ref()?], self.sliding.around((height, width))))
    }
}

impl Conv2D {
    /// The convolution in the crate's own loops, where they are faster than libtorch.
    fn with_fewer_multiplications(&self, x: &Tensor) -> Option<Winograd> {
        let Weights { kernel, .. } = self.weights.as_ref()?;
        let Sliding { strides, dilation_rate, .. } = self.sliding;
        let (_batch, _channels, height, width) = x.size4().ok()?;
        let is_plain = strides == (1, 1) && dilation_rate == (1, 1) && self.groups == 1;
        is_plain.then(|| Winograd::of(x, kernel, self.sliding.around((height, width))))?
    }
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
        let [height, width] = self.sliding.output_sides((height, width))?;
        Ok(vec![self.filters, height, width])
    }

    fn build(&mut self, input: &[i64], initializer: &mut Initializer) {
        let (channels, (height, width)) = (input[0] / self.groups, self.sliding.kernel_size);
        let kernel = initializer.glorot_uniform(
            &[self.filters, channels, height, width],
            height * width * channels,
            height * width * self.filters,
        );
        let bias = self.use_bias.then(|| initializer.zeros(&[self.filters]));
        self.weights = Some(Weights { kernel, bias });
    }

    fn works_on_images(&self) -> bool {
        true
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        let Weights { kernel, bias } = self.weights.as_ref().expect("the model builds its layers");
        let bias = bias.as_ref();
        let is_in_graph = wants_gradient(&[x, kernel]) || bias.is_some_and(|bias| wants_gradient(&[bias]));
        match if is_in_graph { None } else { self.with_fewer_multiplications(x) } {
            Some(conv) => conv.forward(bias),
            None => self.sliding.convolve(x, kernel, bias, self.groups),
        }
    }

    fn noted(&self, x: &Tensor, tape: &Tape) -> Tensor {
        let Weights { kernel, bias } = self.weights.as_ref().expect("the model builds its layers");
        let weights: Vec<&Tensor> = [Some(kernel), bias.as_ref()].into_iter().flatten().collect();
        let (of_input, of_weights) = (wants_gradient(&[x]), wants_gradient(&weights));
        let conv = if of_input || of_weights { self.with_fewer_multiplications(x) } else { None };
        let Some(conv) = conv else {
            return self.forward(x, true);
        };
        let output = conv.forward(bias.as_ref());
        let backward = move |gradient: &Tensor| conv.gradients(gradient, of_weights, of_input);
        tape.note(of_input.then_some(x), &weights, &output, backward)
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
