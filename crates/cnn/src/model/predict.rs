//! What a model gives out for images.

use anyhow::Result;
use tch::{no_grad, Device, Tensor};

use super::sequential::Sequential;
use crate::engine::memory::guarded;
use crate::engine::ranges::batches;
use crate::show::Bar;

/// Images that are predicted at a time: larger batches need more memory and are slower.
pub(crate) const PREDICTION_BATCH: i64 = 100;

impl Sequential {
    /// Computes the output for a batch `[batch, ..input shape]`: `[batch, classes]`.
    ///
    /// Images may be 32-bit floats, or bytes, as they are loaded: the model then divides them by 255, here and
    /// in all other methods, batch by batch.
    ///
    /// # Errors
    /// If `x` has another shape or type than the model's input, or there is too little memory.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.network.check_images(x)?;
        guarded("forward", too_large, || Ok(self.network.output_of(self.network.layers.len(), x)))
    }

    /// Computes the outputs for any number of images, in batches: `[n, classes]`, on the CPU; `[n, ..output shape]` where the model
    /// ends with features, see [`pop_after`](Self::pop_after). A line is printed where the images are on another scale than those
    /// that the model was trained on, once for each scale.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward), and if the user interrupts it.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 5, 1));
    /// let probabilities = model.predict(&add_channel(&data.x_test)?)?;
    /// assert_eq!(probabilities.size(), [5, 10]);
    /// assert_eq!(probabilities.argmax(-1, false).size(), [5]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn predict(&self, x: &Tensor) -> Result<Tensor> {
        self.network.check_images(x)?;
        self.scale.remark_on(x);
        let bar = Bar::new("predict", x.size()[0] as u64, "images");
        guarded("predict", too_many, || {
            in_batches(x, bar, |images| self.network.run(images, false).outputs())
        })
    }

    /// The output `[n, ..output shape]` of the layer called `name`, activation included, for any number of images
    /// `[n, ..input shape]`, in batches; it is on the CPU. After the course's first layer it is `[n, 32, 26, 26]`.
    ///
    /// # Errors
    /// If no layer has that name, the images do not fit the model, or there is too little memory; and if the user interrupts it.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 5, 1));
    /// let maps = model.layer_output("conv2d", &add_channel(&data.x_test)?)?;
    /// assert_eq!(maps.size(), [5, 32, 26, 26]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn layer_output(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        self.network.check_images(x)?;
        let count = self.network.position(name)? + 1;
        let bar = Bar::new("layer_output", x.size()[0] as u64, "images");
        guarded("layer_output", too_many, || {
            in_batches(x, bar, |images| self.network.output_of(count, images).contiguous())
        })
    }
}

/// What `compute` gives for any number of images, batch by batch and without gradients; on the CPU.
fn in_batches(x: &Tensor, mut bar: Bar, compute: impl Fn(&Tensor) -> Tensor) -> Result<Tensor> {
    let mut outputs = Vec::new();
    for (start, length) in batches(x.size()[0], PREDICTION_BATCH) {
        bar.check()?;
        outputs.push(no_grad(|| compute(&x.narrow(0, start, length)).to_device(Device::Cpu)));
        bar.advance(length as u64);
    }
    Ok(Tensor::cat(&outputs, 0))
}

/// The advice where there is too little memory for a batch of `evaluate` and `predict`.
pub(crate) fn too_many() -> String {
    format!(
        "there is not enough memory for {PREDICTION_BATCH} images at a time; give it fewer: x.narrow(0, 0, 10) has the first 10"
    )
}

/// The same for work that is done with all images at once.
fn too_large() -> String {
    "there is not enough memory for so many images at once; give it fewer: x.narrow(0, 0, 100) has the first 100".to_string()
}
