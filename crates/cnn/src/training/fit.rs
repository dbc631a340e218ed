//! The arguments of a training.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};

use crate::preprocessing::augmentation::Augment;
use crate::training::Schedule;

/// The arguments of [`Sequential::fit`](crate::Sequential::fit), with Keras's names and defaults.
///
/// ```
/// use cnn::prelude::*;
/// let settings = Fit { epochs: 10, batch_size: 128, validation_split: 0.1, ..Fit::default() };
/// assert_eq!(settings.split(60_000)?, (54_000, 6_000));
/// assert_eq!(settings.steps(54_000), 422);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fit {
    /// How often training goes through all training samples. Default 1.
    pub epochs: usize,
    /// Samples per step of the optimizer; fewer training samples are one batch. Default 32.
    pub batch_size: i64,
    /// Share of the samples, 0 to 1, kept apart to measure on; they are the last ones. Default 0.
    pub validation_split: f64,
    /// Whether each epoch goes through the samples in an order of its own. Default true.
    pub shuffle: bool,
    /// Seed of the order, the augmentation and dropout. Default 42.
    pub seed: u64,
    /// Random changes to the training images, new ones in every epoch. Default none.
    pub augment: Option<Augment>,
    /// How the learning rate changes from step to step. Default constant.
    pub schedule: Schedule,
    /// A factor for the loss of each class's samples, for data with rare classes; one number per class, 0 or more;
    /// two for a model with a single output. Default none. Validation is measured without.
    pub class_weight: Option<Vec<f64>>,
    /// A factor for the learning rate of layers, 0 or more, by a name as [`set_trainable`](crate::Sequential::set_trainable) takes it:
    /// layers that have learnt already take smaller steps than a new head. Of several factors for a layer the last one counts.
    /// Weight decay is smaller, too, as it goes with the rate. The history has the rate without a factor. Default none.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let settings = Fit { lr_multipliers: vec![("conv2d".into(), 0.1)], ..Fit::default() };
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// Source: "discriminative fine-tuning" in Howard and Ruder, *Universal language model fine-tuning*, 2018.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lr_multipliers: Vec<(String, f64)>,
    /// Gradients that together are longer than this are made so long. Default none.
    pub global_clipnorm: Option<f64>,
    /// Gradients are cut off at ± this, number by number; not together with `global_clipnorm`. Default none.
    pub clipvalue: Option<f64>,
    /// Whether the progress is shown: as a display in a live kernel, elsewhere as a line for every epoch. Default true.
    pub verbose: bool,
}

impl Default for Fit {
    fn default() -> Self {
        Fit {
            epochs: 1,
            batch_size: 32,
            validation_split: 0.0,
            shuffle: true,
            seed: 42,
            augment: None,
            schedule: Schedule::Constant,
            class_weight: None,
            lr_multipliers: Vec::new(),
            global_clipnorm: None,
            clipvalue: None,
            verbose: true,
        }
    }
}

impl Fit {
    /// How many of `count` samples are trained on, and how many are kept for validation, as Keras splits.
    ///
    /// # Errors
    /// If `validation_split` is not at least 0 and below 1, or leaves one of the two parts empty.
    pub fn split(&self, count: i64) -> Result<(i64, i64)> {
        let share = self.validation_split;
        ensure!((0.0..1.0).contains(&share), "validation_split must be at least 0 and below 1, not {share}");
        let train = (count as f64 * (1.0 - share)).floor() as i64;
        ensure!(
            train > 0 && (train < count || share == 0.0),
            "validation_split = {share} of {count} samples leaves {train} for training and {} for validation; \
             both need at least one",
            count - train
        );
        Ok((train, count - train))
    }

    /// Steps of one epoch over `train` samples. The last batch may be smaller than the others.
    pub fn steps(&self, train: i64) -> i64 {
        let batch_size = self.batch_size.max(1);
        train / batch_size + i64::from(train % batch_size > 0)
    }

    /// Says what is wrong, or how many samples are for training; `split` tells whether others are kept apart.
    pub(crate) fn check(&self, count: i64, classes: i64, split: bool) -> Result<i64> {
        ensure!(self.epochs > 0, "epochs must be at least 1, not 0");
        ensure!(self.batch_size > 0, "batch_size must be at least 1, not {}", self.batch_size);
        let train = if split { self.split(count)?.0 } else { count };
        self.schedule.check()?;
        if let Some(weights) = &self.class_weight {
            ensure!(
                weights.len() as i64 == classes
                    && weights.iter().all(|&weight| weight >= 0.0 && weight.is_finite()),
                "class_weight must be {classes} numbers of 0 or more, one per class, not {weights:?}"
            );
        }
        for (name, factor) in &self.lr_multipliers {
            ensure!(
                *factor >= 0.0 && factor.is_finite(),
                "lr_multipliers: the factor for {name:?} must be a number of 0 or more, not {factor}"
            );
        }
        for (name, limit) in [("global_clipnorm", self.global_clipnorm), ("clipvalue", self.clipvalue)] {
            if let Some(limit) = limit {
                ensure!(
                    limit > 0.0 && limit <= f64::from(f32::MAX),
                    "{name} must be a positive number, not {limit}"
                );
            }
        }
        ensure!(
            self.global_clipnorm.is_none() || self.clipvalue.is_none(),
            "global_clipnorm and clipvalue are both set; choose one of them, as in Keras"
        );
        if let Some(augment) = &self.augment {
            augment.check()?;
        }
        Ok(train)
    }
}
