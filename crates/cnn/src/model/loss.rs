//! What training makes small.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::network::Logits;

/// The loss that [`Sequential::compile`](crate::Sequential::compile) takes: a mean over the batch.
///
/// The crossentropies want a model that ends with a softmax and compute from its logits, which is exact also
/// where a probability is tiny.
///
/// Source: `keras/src/losses/losses.py`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-log p`, p being the probability that the model gives to the true class. Labels may be one-hot rows
    /// or class numbers.
    CategoricalCrossentropy,
    /// The same for class numbers only: one-hot rows are an error, as in Keras.
    SparseCategoricalCrossentropy,
    /// Crossentropy with labels that are less than certain: of each one-hot row the share `label_smoothing`,
    /// at least 0 and below 1, is spread over all classes. Keras's `CategoricalCrossentropy(label_smoothing=...)`.
    ///
    /// Source: Szegedy et al., *Rethinking the Inception architecture*, 2016.
    SmoothedCategoricalCrossentropy {
        /// 0.1 is common.
        label_smoothing: f64,
    },
    /// The mean of the squared differences between the model's outputs and the one-hot labels.
    MeanSquaredError,
}

impl Loss {
    /// Whether it computes from the logits of a softmax.
    pub(crate) fn wants_softmax(self) -> bool {
        self != Loss::MeanSquaredError
    }

    pub(crate) fn check(self) -> Result<()> {
        if let Loss::SmoothedCategoricalCrossentropy { label_smoothing } = self {
            ensure!(
                (0.0..1.0).contains(&label_smoothing),
                "label_smoothing must be at least 0 and below 1, not {label_smoothing}"
            );
        }
        Ok(())
    }

    /// The mean loss over a batch. `labels` are class numbers `[batch]` or one-hot rows `[batch, classes]`, checked. With `sample_weights [batch]`, each
    /// sample's loss is multiplied by its weight before the mean is taken, as in Keras.
    pub(crate) fn compute(self, logits: &Logits, labels: &Tensor, sample_weights: Option<&Tensor>) -> Tensor {
        let reduction = if sample_weights.is_some() { Reduction::None } else { Reduction::Mean };
        let losses = match self {
            Loss::MeanSquaredError => {
                let outputs = logits.outputs();
                let wanted = match labels.dim() {
                    1 => labels.one_hot(outputs.size()[1]).to_kind(Kind::Float),
                    _ => labels.shallow_clone(),
                };
                let losses = outputs.mse_loss(&wanted, reduction);
                match sample_weights {
                    Some(_) => losses.mean_dim(-1, false, Kind::Float),
                    None => losses,
                }
            }
            _ => {
                let smoothing = match self {
                    Loss::SmoothedCategoricalCrossentropy { label_smoothing } => label_smoothing,
                    _ => 0.0,
                };
                const NONE_IGNORED: i64 = -100;
                logits.values.cross_entropy_loss(labels, None::<Tensor>, reduction, NONE_IGNORED, smoothing)
            }
        };
        match sample_weights {
            Some(weights) => (losses * weights).mean(Kind::Float),
            None => losses,
        }
    }
}
