//! What the layers share that slide a kernel over an image.

use anyhow::{ensure, Result};
use serde::Serialize;
use serde_json::Value;
use tch::Tensor;

use super::{
    arguments::{argument, argument_or},
    padding::LONGEST,
    Padding,
};

/// How a kernel moves over an image.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sliding {
    pub kernel_size: (i64, i64),
    pub strides: (i64, i64),
    pub padding: Padding,
    pub dilation_rate: (i64, i64),
}

impl Sliding {
    pub fn new(kernel_size: (i64, i64)) -> Self {
        Sliding { kernel_size, strides: (1, 1), padding: Padding::Valid, dilation_rate: (1, 1) }
    }

    /// Height and width that the kernel covers, with the pixels that a dilated one leaves out between its own.
    fn covered(&self) -> (i64, i64) {
        let side = |length: i64, rate: i64| length.saturating_sub(1).saturating_mul(rate).saturating_add(1);
        (side(self.kernel_size.0, self.dilation_rate.0), side(self.kernel_size.1, self.dilation_rate.1))
    }

    /// What to put to the left, right, top and bottom of an image of (height, width).
    pub fn around(&self, size: (i64, i64)) -> [i64; 4] {
        self.padding.of_image(size, self.covered(), self.strides)
    }

    /// Height and width of what comes out for an image of (height, width).
    pub fn output_sides(&self, size: (i64, i64)) -> Result<[i64; 2]> {
        let (rate, rates) = (self.dilation_rate, 1..=LONGEST);
        ensure!(
            rates.contains(&rate.0) && rates.contains(&rate.1),
            "dilation_rate must be from 1 to {LONGEST} along height and width, not {rate:?}"
        );
        ensure!(
            self.strides == (1, 1) || rate == (1, 1),
            "strides and dilation_rate cannot both be above 1, and they are {:?} and {rate:?}; leave one of them at (1, 1)",
            self.strides
        );
        let what = if rate == (1, 1) { "kernel" } else { "dilated kernel" };
        self.padding.output_sides(what, size, self.covered(), self.strides)
    }

    /// The convolution of images `[batch, channels, height, width]` with a kernel `[filters, channels / groups, height, width]`.
    pub fn convolve(&self, x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>, groups: i64) -> Tensor {
        let (_batch, _channels, height, width) = x.size4().expect("the model checks shapes");
        let around = self.around((height, width));
        let [left, right, top, bottom] = around;
        let (strides, rate) = (self.strides, self.dilation_rate);
        if self.kernel_size == (1, 1) && strides != (1, 1) {
            // The same with a stride of 1 on the pixels that are looked at: oneDNN's gradient of a strided 1×1 kernel writes
            // beyond its memory on some processors.
            let seen = x.slice(2, None, None, strides.0).slice(3, None, None, strides.1);
            return seen.conv2d(kernel, bias, [1, 1], [0, 0], [1, 1], groups);
        }
        let (strides, rate) = ([strides.0, strides.1], [rate.0, rate.1]);
        if (left, top) == (right, bottom) {
            x.conv2d(kernel, bias, strides, [top, left], rate, groups)
        } else {
            x.constant_pad_nd(around).conv2d(kernel, bias, strides, [0, 0], rate, groups)
        }
    }

    /// Reads what is saved of it.
    pub fn from_config(config: &Value) -> Result<Self> {
        Ok(Sliding {
            kernel_size: argument(config, "kernel_size")?,
            strides: argument(config, "strides")?,
            padding: argument(config, "padding")?,
            dilation_rate: argument_or(config, "dilation_rate", (1, 1))?,
        })
    }
}

/// The builder methods of a layer with a field `sliding`.
macro_rules! sliding_methods {
    () => {
        /// What happens at the border. Default `Padding::Valid`.
        pub fn padding(mut self, padding: Padding) -> Self {
            self.sliding.padding = padding;
            self
        }

        /// How far the kernel moves, down and to the right. Default (1, 1).
        pub fn strides(mut self, strides: (i64, i64)) -> Self {
            self.sliding.strides = strides;
            self
        }

        /// How far the kernel's own pixels lie apart, down and to the right: with (2, 2) a 3×3 kernel covers 5×5
        /// pixels, and sees every second one. Not together with strides. Default (1, 1).
        pub fn dilation_rate(mut self, dilation_rate: (i64, i64)) -> Self {
            self.sliding.dilation_rate = dilation_rate;
            self
        }
    };
}
pub(super) use sliding_methods;
