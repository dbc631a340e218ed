//! The model: a list of layers, each working on the output of the one before.

use anyhow::{bail, ensure, Result};
use std::collections::BTreeMap;
use std::fmt;
use tch::{no_grad, Device, Kind, Tensor};

use crate::device::{check, device};
use crate::display::{thousands, Table};
use crate::error::Context;
use crate::layers::{names, through, Activation, ConvThenPool, Initializer, Layer, Pooled};
use crate::loss::{Labels, Loss};
use crate::memory::guarded;
use crate::memory_format::channels_last;
use crate::metrics::Evaluation;
use crate::optimizers::{Optimizer, State};
use crate::preprocessing::to_float;
use crate::progress::Bar;

/// Images that are predicted at a time: larger batches need more memory and are slower.
pub(crate) const PREDICTION_BATCH: i64 = 100;
/// More weights than this, or more numbers in one output, are a mistake: VGG-16 has 138 million weights.
const MOST_NUMBERS: usize = 1 << 30;

/// A stack of layers, as Keras's `Sequential`.
///
/// ```
/// use cnn::prelude::*;
/// let mut model = Sequential::input([1, 28, 28])
///     .add(Conv2D::new(32, (3, 3)).activation(Relu))
///     .add(MaxPooling2D::new((2, 2)))
///     .add(Flatten)
///     .add(Dense::new(128).activation(Relu))
///     .add(Dense::new(10).activation(Softmax))
///     .build()?;
/// model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
/// assert_eq!(model.count_params(), 693_962);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// Source: `keras/src/models/sequential.py`.
pub struct Sequential {
    pub(crate) input_shape: Vec<i64>,
    pub(crate) layers: Vec<NamedLayer>,
    pub(crate) device: Device,
    pub(crate) seed: u64,
    pub(crate) compiled: Option<Compiled>,
    /// Notes that are saved with the model, for example the data set that it was trained on.
    pub notes: BTreeMap<String, String>,
}

/// A layer with what the model knows of it.
#[derive(Debug)]
pub(crate) struct NamedLayer {
    pub name: String,
    pub layer: Box<dyn Layer>,
    pub output_shape: Vec<i64>,
}

/// What `compile` was given, and what the optimizer remembers.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub optimizer: Optimizer,
    pub loss: Loss,
    pub state: State,
}

/// What a model computes for a batch; see [`Sequential::pass`].
pub(crate) struct Pass {
    /// `[batch, classes]`.
    pub logits: Tensor,
    /// The first two layers, if they were computed in one go.
    pub pooled: Option<Pooled>,
}

/// See [`Sequential::snapshot`].
pub(crate) struct Snapshot {
    weights: Vec<(String, Tensor)>,
    state: Option<State>,
}

/// Collects the layers of a [`Sequential`] model; see there for an example.
#[derive(Debug)]
pub struct SequentialBuilder {
    input_shape: Vec<i64>,
    layers: Vec<Box<dyn Layer>>,
    seed: u64,
    device: Option<Device>,
    most_weights: usize,
}

impl SequentialBuilder {
    /// Adds a layer at the end.
    // Keras's name; it has nothing to do with `+`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    pub(crate) fn add_boxed(mut self, layer: Box<dyn Layer>) -> Self {
        self.layers.push(layer);
        self
    }

    /// Seed of the initial weights; one seed always gives the same weights. Default 42.
    pub fn seed(self, seed: u64) -> Self {
        SequentialBuilder { seed, ..self }
    }

    /// Device of the weights; default is [`device()`](crate::device()).
    pub fn device(self, device: Device) -> Self {
        SequentialBuilder { device: Some(device), ..self }
    }

    pub(crate) fn most_weights(self, most_weights: usize) -> Self {
        SequentialBuilder { most_weights, ..self }
    }

    /// Makes the model, with its initial weights.
    ///
    /// # Errors
    /// If a layer cannot work on the shape that reaches it: the error names the layer, what it wants and
    /// what it gets. Also if there is no such device, or not enough memory.
    pub fn build(self) -> Result<Sequential> {
        let advice =
            || "there is not enough memory for the model's weights; make its layers smaller".to_string();
        guarded("build", advice, || self.built())
    }

    fn built(self) -> Result<Sequential> {
        let SequentialBuilder { input_shape, layers, seed, most_weights, .. } = self;
        let device = match self.device {
            Some(device) => check(device, &format!("the model is to be on {device:?}")).map(|()| device)?,
            None => device()?,
        };
        ensure!(
            !input_shape.is_empty() && input_shape.iter().all(|&side| side > 0),
            "the input shape is {input_shape:?}; every side must be at least 1, for example [1, 28, 28]"
        );
        ensure!(!layers.is_empty(), "the model has no layers; add some before build()");
        check_size(&input_shape).context("the input")?;
        let mut initializer = Initializer::new(seed, device, most_weights);
        let mut built: Vec<NamedLayer> = Vec::new();
        let mut shape = input_shape.clone();
        let names = names(&layers);
        for (mut layer, name) in layers.into_iter().zip(names) {
            let output_shape = layer
                .output_shape(&shape)
                .and_then(|output| check_size(&output).map(|()| output))
                .with_context(|| {
                    let position = built.len() + 1;
                    format!("layer {position}, {name}, cannot be added after an output of shape {shape:?}")
                })?;
            layer.build(&shape, &mut initializer);
            ensure!(
                !initializer.is_exhausted(),
                "layer {}, {name}, brings the model beyond {} weights, which is all that there is room for; \
                 make this layer smaller, or its input of shape {shape:?}, with pooling or strides for example",
                built.len() + 1,
                thousands(most_weights as i64)
            );
            for (_, weight) in layer.weights() {
                let _ = weight.set_requires_grad(true);
            }
            shape = output_shape.clone();
            built.push(NamedLayer { name, layer, output_shape });
        }
        let (compiled, notes) = (None, BTreeMap::new());
        Ok(Sequential { input_shape, layers: built, device, seed, compiled, notes })
    }
}

/// Says if one image's numbers in this shape are too many.
pub(crate) fn check_size(shape: &[i64]) -> Result<()> {
    let count = shape.iter().try_fold(1, |count: i64, &side| count.checked_mul(side));
    ensure!(
        count.is_some_and(|count| count <= MOST_NUMBERS as i64),
        "the shape {shape:?} has more than {} numbers, for a single image; make it smaller",
        thousands(MOST_NUMBERS as i64)
    );
    Ok(())
}

impl Sequential {
    /// Begins a model for inputs of this shape, without the batch: `[channels, height, width]`.
    pub fn input(shape: impl Into<Vec<i64>>) -> SequentialBuilder {
        SequentialBuilder {
            input_shape: shape.into(),
            layers: Vec::new(),
            seed: 42,
            device: None,
            most_weights: MOST_NUMBERS,
        }
    }

    /// Chooses how the model is trained; accuracy is always measured. Starts the optimizer afresh.
    ///
    /// # Errors
    /// If an argument of the optimizer is out of its range, or the loss does not fit the model.
    pub fn compile(&mut self, optimizer: impl Into<Optimizer>, loss: Loss) -> Result<()> {
        let optimizer = optimizer.into();
        optimizer.check()?;
        loss.check()?;
        let last = self.last();
        ensure!(
            last.output_shape.len() == 1,
            "the model ends with {} and an output of shape {:?}; a classifier ends with a Dense layer, one unit per class",
            last.name,
            last.output_shape
        );
        ensure!(
            !loss.wants_softmax() || last.layer.activation() == Activation::Softmax,
            "a crossentropy wants probabilities, and the last layer, {}, has the activation {}; \
             give it .activation(Softmax)",
            last.name,
            last.layer.activation().name()
        );
        self.compiled = Some(Compiled { optimizer, loss, state: State::default() });
        Ok(())
    }

    /// The optimizer's step size, before a [`Schedule`](crate::Schedule).
    ///
    /// # Errors
    /// If the model is not compiled.
    pub fn learning_rate(&self) -> Result<f64> {
        Ok(self.compiled.as_ref().context(NOT_COMPILED)?.optimizer.learning_rate())
    }

    /// Changes the optimizer's step size; what it has learnt of the gradients stays.
    ///
    /// # Errors
    /// If the model is not compiled, or the rate is not a positive number.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.compiled.as_mut().context(NOT_COMPILED)?.optimizer.set_learning_rate(learning_rate)
    }

    /// Computes the output for a batch `[batch, ..input shape]`: `[batch, classes]`.
    ///
    /// Images may be 32-bit floats, or bytes, as they are loaded: the model then divides them by 255, here and
    /// in all other methods, batch by batch.
    ///
    /// # Errors
    /// If `x` has another shape or type than the model's input, or there is too little memory.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.check_images(x)?;
        guarded("forward", too_large, || {
            let logits = self.logits(&to_float(&x.to_device(self.device)), false);
            Ok(self.outputs(&logits))
        })
    }

    /// The last layer's output before a softmax. Training needs these; see [`Loss`].
    fn logits(&self, x: &Tensor, training: bool) -> Tensor {
        let x = self.through(self.layers.len() - 1, x, training);
        self.last_logits(&x, training)
    }

    fn last_logits(&self, x: &Tensor, training: bool) -> Tensor {
        let last = self.last().layer.as_ref();
        let x = last.forward(x, training);
        match last.activation() {
            Activation::Softmax => x,
            activation => activation.apply(&x),
        }
    }

    /// As `logits`, and faster where the first two layers can be computed in one go: they then are not part of libtorch's
    /// graph, and their gradients come from [`Pooled`].
    pub(crate) fn pass(&self, x: &Tensor, training: bool) -> Pass {
        let layers: Vec<&dyn Layer> = self.layers.iter().map(|named| named.layer.as_ref()).collect();
        if let [first, second, between @ .., _last] = layers.as_slice() {
            if let Some(both) = ConvThenPool::of(*first, *second, x) {
                let pooled = both.forward(x);
                let output = pooled.output.set_requires_grad(training);
                let x = through(between.iter().copied(), both.activation, &output, training);
                return Pass { logits: self.last_logits(&x, training), pooled: Some(pooled) };
            }
        }
        Pass { logits: self.logits(x, training), pooled: None }
    }

    /// The output of the first `count` layers, activations included.
    fn through(&self, count: usize, x: &Tensor, training: bool) -> Tensor {
        let layers = self.layers[..count].iter().map(|named| named.layer.as_ref());
        through(layers, Activation::Linear, &channels_last(x), training)
    }

    /// What the model gives out, from its logits.
    pub(crate) fn outputs(&self, logits: &Tensor) -> Tensor {
        match self.last().layer.activation() {
            Activation::Softmax => Activation::Softmax.apply(logits),
            _ => logits.shallow_clone(),
        }
    }

    fn last(&self) -> &NamedLayer {
        self.layers.last().expect("build() refuses a model without layers")
    }

    /// Computes the outputs for any number of images, in batches: `[n, classes]`, on the CPU.
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
        self.check_images(x)?;
        let bar = Bar::new("predict", x.size()[0] as u64, "images");
        guarded("predict", too_many, || self.predicted(x, bar))
    }

    fn predicted(&self, x: &Tensor, mut bar: Bar) -> Result<Tensor> {
        let count = x.size()[0];
        let mut outputs = Vec::new();
        for (start, length) in batches(count, PREDICTION_BATCH) {
            bar.check()?;
            outputs.push(no_grad(|| {
                let images = to_float(&x.narrow(0, start, length).to_device(self.device));
                self.outputs(&self.pass(&images, false).logits).to_device(Device::Cpu)
            }));
            bar.advance(length as u64);
        }
        Ok(Tensor::cat(&outputs, 0))
    }

    /// Loss and accuracy over `x [n, ..input shape]` and `y`, class numbers `[n]` or one-hot `[n, classes]`.
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
        self.check_images(x)?;
        let bar = Bar::new("evaluate", x.size()[0] as u64, "images");
        guarded("evaluate", too_many, || self.measure(x, y, bar))
    }

    /// `evaluate` with a bar of the caller, for images that are checked.
    pub(crate) fn measure(&self, x: &Tensor, y: &Tensor, mut bar: Bar) -> Result<Evaluation> {
        let loss = self.compiled.as_ref().context(NOT_COMPILED)?.loss;
        let count = x.size()[0];
        let labels = Labels::new(y, count, self.classes(), loss)?.tensor().to_device(self.device);
        // Sums stay on the device until the end: reading a number would make a GPU wait.
        let mut total = Tensor::zeros([], (Kind::Double, self.device));
        let mut hits = Tensor::zeros([], (Kind::Int64, self.device));
        for (start, length) in batches(count, PREDICTION_BATCH) {
            bar.check()?;
            let images = to_float(&x.narrow(0, start, length).to_device(self.device));
            let labels = labels.narrow(0, start, length);
            no_grad(|| {
                let logits = self.pass(&images, false).logits;
                let batch_loss = loss.compute(&logits, || self.outputs(&logits), &labels, None);
                total += batch_loss.to_kind(Kind::Double) * length as f64;
                hits += Labels::hits(&logits, &labels);
            });
            bar.advance(length as u64);
        }
        let (total, hits) = (total.double_value(&[]), hits.int64_value(&[]));
        Ok(Evaluation { loss: total / count as f64, accuracy: hits as f64 / count as f64 })
    }

    /// The output `[n, ..output shape]` of the layer called `name`, activation included, for images `[n, ..input shape]`;
    /// it is on the CPU. After the course's first layer it is `[n, 32, 26, 26]`.
    ///
    /// # Errors
    /// If no layer has that name, the images do not fit the model, or there is too little memory.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 5, 1));
    /// let maps = model.layer_output("conv2d", &add_channel(&data.x_test)?)?;
    /// assert_eq!(maps.size(), [5, 32, 26, 26]);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn layer_output(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        self.check_images(x)?;
        let names: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        let Some(position) = names.iter().position(|&layer| layer == name) else {
            bail!("no layer is called {name:?}; there are {}", names.join(", "));
        };
        guarded("layer_output", too_large, || {
            Ok(no_grad(|| {
                let output = self.through(position + 1, &to_float(&x.to_device(self.device)), false);
                output.contiguous().to_device(Device::Cpu)
            }))
        })
    }

    /// All weights by name, for example `conv2d/kernel`; they share their memory with the model's own.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        let of_layer = |named: &NamedLayer| {
            let weights = named.layer.weights().into_iter().chain(named.layer.non_trainable_weights());
            let name = named.name.clone();
            weights.map(move |(weight, tensor)| (format!("{name}/{weight}"), tensor))
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// Those of the weights that training changes along their gradients.
    pub(crate) fn trainable_weights(&self) -> Vec<(String, Tensor)> {
        self.weights().into_iter().filter(|(_, weight)| weight.requires_grad()).collect()
    }

    /// A copy of the weight called `name`, for example `conv2d/kernel`.
    ///
    /// # Errors
    /// If no weight has that name.
    pub fn weight(&self, name: &str) -> Result<Tensor> {
        let weights = self.weights();
        match weights.iter().find(|(weight, _)| weight == name) {
            Some((_, tensor)) => Ok(tensor.detach().copy().to_device(Device::Cpu)),
            None => {
                let names: Vec<&str> = weights.iter().map(|(name, _)| name.as_str()).collect();
                bail!("no weight is called {name:?}; there are {}", names.join(", "))
            }
        }
    }

    /// Replaces all weights, in the order and with the names and shapes that [`weights`](Self::weights) gives.
    ///
    /// # Errors
    /// Names the first weight that differs; the model is then unchanged.
    pub fn set_weights(&mut self, new: &[(String, Tensor)]) -> Result<()> {
        self.check_weights(new)?;
        no_grad(|| {
            for ((_, mut weight), (_, new_weight)) in self.weights().into_iter().zip(new) {
                weight.copy_(new_weight);
            }
        });
        Ok(())
    }

    /// Names the first weight that differs in name or shape, if one does.
    pub(crate) fn check_weights(&self, new: &[(String, Tensor)]) -> Result<()> {
        let own = self.weights();
        for ((name, weight), (new_name, new_weight)) in own.iter().zip(new) {
            ensure!(
                name == new_name && weight.size() == new_weight.size(),
                "the model has {name} of shape {:?} where the new weights have {new_name} of shape {:?}",
                weight.size(),
                new_weight.size()
            );
        }
        ensure!(own.len() == new.len(), "the model has {} weights, and {} are given", own.len(), new.len());
        Ok(())
    }

    pub(crate) fn copy_of_weights(&self) -> Vec<(String, Tensor)> {
        self.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
    }

    /// Weights and optimizer as they are now, to come back to.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.compiled.as_ref().map(|compiled| compiled.state.copy());
        Snapshot { weights: self.copy_of_weights(), state }
    }

    /// Comes back to a snapshot; this takes no further memory.
    pub(crate) fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        self.set_weights(&snapshot.weights)?;
        if let (Some(compiled), Some(state)) = (&mut self.compiled, snapshot.state) {
            compiled.state = state;
        }
        Ok(())
    }

    /// How many numbers the model has, running means included.
    pub fn count_params(&self) -> i64 {
        self.weights().iter().map(|(_, weight)| weight.numel() as i64).sum()
    }

    /// How many classes the model tells apart.
    pub fn classes(&self) -> i64 {
        self.last().output_shape[0]
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// A line per layer: name and type, output shape, number of parameters.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Model: Sequential", ["Layer (type)", "Output Shape", "Param #"]);
        for NamedLayer { name, layer, output_shape } in &self.layers {
            let sides: Vec<String> = output_shape.iter().map(i64::to_string).collect();
            let weights = layer.weights().into_iter().chain(layer.non_trainable_weights());
            let params: usize = weights.map(|(_, weight)| weight.numel()).sum();
            table.row([
                format!("{name} ({})", layer.class_name()),
                format!("(None, {})", sides.join(", ")),
                thousands(params as i64),
            ]);
        }
        let count = self.count_params();
        let size = match count * 4 {
            bytes if bytes < 1 << 20 => format!("{:.1} KB", bytes as f64 / 1024.0),
            bytes => format!("{:.2} MB", bytes as f64 / (1 << 20) as f64),
        };
        table.note(&format!("Total params: {} ({size})", thousands(count)));
        let trainable: i64 = self.trainable_weights().iter().map(|(_, weight)| weight.numel() as i64).sum();
        if trainable < count {
            table.note(&format!("Trainable params: {}", thousands(trainable)));
            table.note(&format!("Non-trainable params: {}", thousands(count - trainable)));
        }
        table
    }

    /// Says what is wrong with a batch of images, if something is.
    pub(crate) fn check_images(&self, x: &Tensor) -> Result<()> {
        let size = x.size();
        let wanted = &self.input_shape;
        let names = wanted.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        ensure!(
            size.len() == wanted.len() + 1 && size[1..] == wanted[..],
            "the images have the shape {size:?}, and the model wants [n, {names}]{}",
            shape_advice(&size, wanted)
        );
        ensure!(size[0] > 0, "there are no images: the shape is {size:?}");
        ensure!(
            matches!(x.kind(), Kind::Float | Kind::Uint8),
            "the images are of type {:?}, and the model wants 32-bit floats from 0 to 1, which \
             preprocessing::normalize makes, or bytes from 0 to 255",
            x.kind()
        );
        Ok(())
    }
}

/// The step that is missing, for the two commonest wrong shapes.
fn shape_advice(size: &[i64], wanted: &[i64]) -> &'static str {
    match (size, wanted) {
        (&[_, height, width], &[1, h, w]) if (height, width) == (h, w) => {
            "; preprocessing::add_channel adds the missing channel dimension"
        }
        (&[..], &[..]) if size == wanted => "; for a single image, x.unsqueeze(0) adds the batch dimension",
        (&[_, height, width, channels], &[c, h, w]) if (channels, height, width) == (c, h, w) => {
            "; x.permute([0, 3, 1, 2]) moves the channels to their place"
        }
        _ => "",
    }
}

pub(crate) const NOT_COMPILED: &str =
    "the model is not compiled; call model.compile(Adam::default(), Loss::CategoricalCrossentropy) first";

/// The advice where there is too little memory for a batch of `evaluate` and `predict`.
fn too_many() -> String {
    format!(
        "there is not enough memory for {PREDICTION_BATCH} images at a time; give it fewer: x.narrow(0, 0, 10) has the first 10"
    )
}

/// The same for work that is done with all images at once.
fn too_large() -> String {
    "there is not enough memory for so many images at once; give it fewer: x.narrow(0, 0, 100) has the first 100".to_string()
}

/// (start, length) of consecutive batches that together cover `count` samples; the last may be shorter.
pub(crate) fn batches(count: i64, batch_size: i64) -> impl Iterator<Item = (i64, i64)> {
    let starts = (0..count).step_by(batch_size as usize);
    starts.map(move |start| (start, batch_size.min(count - start)))
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        let count = thousands(self.count_params());
        write!(f, "Sequential({:?} → {}, {count} params)", self.input_shape, names.join(" → "))
    }
}
