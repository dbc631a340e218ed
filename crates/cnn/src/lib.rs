//! Convolutional neural networks in Keras's vocabulary, on [`tch`] (libtorch): the helper crate of the course in
//! `notebooks/`.
//!
//! It reads like the course. Data goes one way through it:
//!
//! 1. [`data`] loads images and labels;
//! 2. [`preprocessing`] and [`Augment`] make of them what a network wants;
//! 3. [`layers`] are put together in a [`Sequential`] model;
//! 4. [`Sequential::fit`] trains it, with [`Fit`], an [`Optimizer`] and a [`Loss`], and returns a [`History`];
//!    [`Sequential::training`] does so with [`callbacks`] and validation data; [`Sequential::lr_find`] finds a learning rate;
//! 5. [`Sequential::evaluate`], [`Sequential::predict`] and [`ConfusionMatrix`] tell how good it is;
//! 6. [`plots`] draw it; [`Sequential::save`] and [`Sequential::load`] keep it;
//! 7. [`widgets`] answer in a notebook: one draws, clicks and turns;
//! 8. [`Sequential::pop_after`], [`Sequential::add`] and [`Sequential::set_trainable`] give one that has learnt a new head, and
//!    train that alone.
//!
//! Every value is a [`tch::Tensor`] that a learner can look at and compute with. Images are
//! `[batch, channels, height, width]`.
//!
//! ```
//! use cnn::prelude::*;
//! let data = mnist::synthetic_digits(500, 100, 1);
//! let (x_train, x_test) = (normalize(&add_channel(&data.x_train)?)?, normalize(&add_channel(&data.x_test)?)?);
//!
//! let mut model = Sequential::input([1, 28, 28])
//!     .add(Conv2D::new(8, (3, 3)).activation(Relu))
//!     .add(MaxPooling2D::new((2, 2)))
//!     .add(Flatten)
//!     .add(Dense::new(10).activation(Softmax))
//!     .build()?;
//! model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
//! let history = model.fit(&x_train, &data.y_train, &Fit { epochs: 3, ..Fit::default() })?;
//! assert!(history.loss[2] < history.loss[0]);
//! assert!(model.evaluate(&x_test, &data.y_test)?.accuracy > 0.3);
//! # Ok::<(), cnn::anyhow::Error>(())
//! ```
//!
//! # In your own project
//!
//! A program of your own needs libtorch 2.13.0 when it is compiled and when it starts: a `.cargo/config.toml` of a few lines
//! names its folder for both. `crates/cnn/README.md` has it under "In your own project", with what to do about the errors
//! that appear without it. Build with `--release`. [`data::mnist::load_data`] then uses `data/mnist` in your project, and
//! [`course::artifact`] names files in its `artifacts`.
//!
//! ```no_run
#![doc = include_str!("../examples/train_mnist.rs")]
//! ```

// The rooms: each uses only those above it. README.md has the map.

mod engine;

mod show;

mod browser;

pub mod data;

pub mod preprocessing;

pub mod layers;

mod optimizers;

mod model;

mod evaluation;

mod training;

mod saving;

pub mod callbacks;

pub mod plots;

pub mod architectures;

pub mod widgets;

pub mod course;

pub use course::check;
pub use engine::device::device;
pub use engine::variables;
pub use evaluation::{ConfusionMatrix, Evaluation};
pub use model::{Loss, Sequential, SequentialBuilder};
pub use optimizers::{Adam, AdamW, Optimizer, RMSprop, SGD};
pub use preprocessing::augmentation::{Augment, FillMode};
pub use saving::DataFormat;
pub use show::{Area, Figure, Progbar, Table, FONT};
pub use training::{
    Fit, History, Lines, LrFind, LrFound, Progress, Schedule, Silent, Status, Training, TrainingDisplay,
};

// What cells use beside this crate, in the versions that fit together.
pub use {anyhow, formats, live, plotters, serde_json, tch};

/// Everything that a notebook cell names: `use cnn::prelude::*;`.
pub mod prelude {
    pub use crate::callbacks::{
        BackupAndRestore, CSVLogger, Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint,
        ReduceLROnPlateau, Run, TensorBoard, TerminateOnNaN,
    };
    pub use crate::data::{
        cifar10, emnist, fashion_mnist, image_dataset_from_directory, mnist, qmnist, ColorMode, Dataset,
        ImageFolder,
    };
    pub use crate::layers::Activation::{self, *};
    // `Softmax` is two things by this: the activation among values, the layer among types.
    pub use crate::layers::{
        AveragePooling2D, BatchNormalization, Conv2D, Cropping2D, Dense, DepthwiseConv2D, Dropout, Flatten,
        FlipMode, GaussianDropout, GaussianNoise, GlobalAveragePooling2D, GlobalMaxPooling2D, Interpolation,
        Layer, LayerNormalization, LeakyReLU, MaxPooling2D, Normalization, Padding, Permute, RandomContrast,
        RandomFlip, RandomRotation, RandomTranslation, RandomZoom, ReLU, Rescaling, Reshape, Residual,
        SeparableConv2D, Softmax, SpatialDropout2D, UpSampling2D, ZeroPadding2D, ZeroPaddingChannels, ELU,
    };
    pub use crate::preprocessing::{add_channel, normalize, to_categorical};
    pub use crate::tch::{Device, Kind, Tensor};
    pub use crate::widgets::{
        augment_by_hand, button, checkbox, draw, dropdown, explore_confusion, log_slider, loss_surface,
        slider, toggle, whole_slider, Steer,
    };
    pub use crate::{
        architectures, check, course, device, plots, Adam, AdamW, Augment, ConfusionMatrix, Figure, FillMode,
        Fit, History, Loss, LrFind, Optimizer, Progbar, RMSprop, Schedule, Sequential, Table, SGD,
    };
}
