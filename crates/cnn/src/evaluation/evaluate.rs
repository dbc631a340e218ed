//! How good a model is.

use anyhow::Result;
use std::fmt;
use tch::{no_grad, Kind, Tensor};

use crate::engine::error::Context;
use crate::engine::memory::guarded;
use crate::engine::ranges::batches;
use crate::model::{too_many, Labels, Sequential, NOT_COMPILED, PREDICTION_BATCH};
use crate::show::Bar;

/// What [`Sequential::evaluate`](crate::Sequential::evaluate) measures.
#[derive(Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss per sample.
    pub loss: f64,
    /// Share of samples whose largest output is the true class, 0 to 1. For a model with a single output, and for
    /// [`Loss::BinaryCrossentropy`](crate::Loss::BinaryCrossentropy), Keras's binary accuracy: the share of outputs that are
    /// above 0.5 where the label is 1, and not where it is 0.
    pub accuracy: f64,
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "loss: {:.4}, accuracy: {:.4}", self.loss, self.accuracy)
    }
}

impl Sequential {
    /// Loss and accuracy over `x [n, ..input shape]` and `y`, class numbers `[n]` or one-hot `[n, classes]`, as
    /// [`fit`](Self::fit) takes them. A line is printed where the images are on another scale than those that the model was
    /// trained on, once for each scale.
    ///
    /// # Errors
    /// If the model is not compiled, or images or labels do not fit it; if there is too little memory; and if the user
    /// interrupts it.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 100, 1));
    /// let untrained = model.evaluate(&add_channel(&data.x_test)?, &data.y_test)?;
    /// assert!(untrained.accuracy < 0.5 && (untrained.loss - 10_f64.ln()).abs() < 0.5);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn evaluate(&self, x: &Tensor, y: &Tensor) -> Result<Evaluation> {
        self.network.check_images(x)?;
        self.scale.remark_on(x);
        let bar = Bar::new("evaluate", x.size()[0] as u64, "images");
        guarded("evaluate", too_many, || self.measure(x, y, bar))
    }

    /// `evaluate` with a bar of the caller, for images that are checked.
    pub(crate) fn measure(&self, x: &Tensor, y: &Tensor, mut bar: Bar) -> Result<Evaluation> {
        let loss = self.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let count = x.size()[0];
        let labels = Labels::new(y, count, self.outputs(), loss)?.tensor().to_device(self.device());
        // Sums stay on the device until the end: reading a number would make a GPU wait.
        let mut total = Tensor::zeros([], (Kind::Double, self.device()));
        let mut hits = Tensor::zeros([], (Kind::Double, self.device()));
        for (start, length) in batches(count, PREDICTION_BATCH) {
            bar.check()?;
            let labels = labels.narrow(0, start, length);
            no_grad(|| {
                let logits = self.network.run(&x.narrow(0, start, length), false);
                total += loss.compute(&logits, &labels, None).to_kind(Kind::Double) * length as f64;
                hits += Labels::hits(&logits, &labels, loss);
            });
            bar.advance(length as u64);
        }
        let (total, hits) = (total.double_value(&[]), hits.double_value(&[]));
        Ok(Evaluation { loss: total / count as f64, accuracy: hits / count as f64 })
    }
}
