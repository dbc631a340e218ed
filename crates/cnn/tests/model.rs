//! Models as their users meet them: building, training, predicting, saving.

use cnn::anyhow::Result;
use cnn::layers::Layer;
use cnn::prelude::*;
use cnn::serde_json::{self, Value};
use cnn::tch::no_grad;
use std::path::{Path, PathBuf};

fn images(count: i64) -> (Tensor, Tensor) {
    let data = mnist::synthetic_digits(count as usize, 0, 7);
    (normalize(&add_channel(&data.x_train).unwrap()).unwrap(), data.y_train)
}

fn small_model(seed: u64) -> Sequential {
    let mut model = Sequential::input([1, 28, 28])
        .add(Conv2D::new(4, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .seed(seed)
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    model
}

/// So many sigmoids over four numbers.
fn binary(outputs: i64) -> Sequential {
    let layer = Dense::new(outputs).activation(Sigmoid);
    Sequential::input([4]).add(layer).device(Device::Cpu).build().unwrap()
}

fn quiet(epochs: usize) -> Fit {
    Fit { epochs, verbose: false, ..Fit::default() }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>, expected: &[&str]) {
    let message = result.unwrap_err().to_string();
    for words in expected {
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

/// A file that is removed at the end of its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Temporary(std::env::temp_dir().join(format!("cnn-model-{name}-{}.safetensors", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_courses_model_has_kerass_shapes_and_parameters() {
    let summary = course::model(42).unwrap().summary().to_string();
    for line in [
        " conv2d (Conv2D)              │ (None, 32, 26, 26) │     320",
        " max_pooling2d (MaxPooling2D) │ (None, 32, 13, 13) │       0",
        " flatten (Flatten)            │ (None, 5408)       │       0",
        " dense (Dense)                │ (None, 128)        │ 692,352",
        " dense_1 (Dense)              │ (None, 10)         │   1,290",
        "Total params: 693,962 (2.65 MB)",
    ] {
        assert!(summary.contains(line), "{summary}\nlacks\n{line}");
    }
}

#[test]
fn a_layer_that_does_not_fit_is_named_when_the_model_is_built() {
    let input = || Sequential::input([1, 28, 28]).device(Device::Cpu);
    refusal(input().add(Dense::new(10)).build(), &["layer 1, dense,", "[1, 28, 28]", "put a Flatten layer"]);
    refusal(input().add(Flatten).add(Conv2D::new(8, (3, 3))).build(), &["layer 2, conv2d,", "[784]"]);
    refusal(input().add(Conv2D::new(8, (29, 3))).build(), &["kernel's height is 29", "only 28"]);
    refusal(input().add(MaxPooling2D::new((2, 40))).build(), &["window's width is 40", "only 28"]);
    refusal(input().add(Conv2D::new(0, (3, 3))).build(), &["filters must be at least 1"]);
    refusal(input().add(Conv2D::new(2, (3, 3)).strides((0, 1))).build(), &["stride along the height"]);
    refusal(input().add(Flatten).add(Dense::new(-1)).build(), &["units must be at least 1"]);
    refusal(input().add(Dropout::new(1.0)).build(), &["rate", "below 1"]);
    let same = |side: i64| Conv2D::new(1, (side, 1)).padding(Padding::Same);
    refusal(input().add(same(i64::MAX)).build(), &["the kernel's height must be from 1 to 32768"]);
    refusal(input().add(same(3).strides((1, i64::MAX))).build(), &["stride along the width", "32768"]);
    refusal(input().add(Conv2D::new(i64::MAX, (3, 3))).build(), &["layer 1, conv2d,", "single image"]);
    refusal(
        input().add(Flatten).add(Dense::new(1 << 22)).build(),
        &["layer 2, dense,", "1,073,741,824 weights"],
    );
    refusal(Sequential::input([1, 1 << 40, 1 << 40]).add(Flatten).build(), &["the input", "single image"]);
    refusal(input().build(), &["no layers"]);
    refusal(Sequential::input([0, 28, 28]).add(Flatten).build(), &["input shape is [0, 28, 28]"]);
}

#[test]
fn compile_refuses_what_cannot_train() {
    let mut model = small_model(1);
    for learning_rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let adam = Adam { learning_rate, ..Adam::default() };
        refusal(
            model.compile(adam, Loss::CategoricalCrossentropy),
            &["learning_rate must be a positive number"],
        );
    }
    refusal(model.compile(SGD { momentum: 1.0, ..SGD::default() }, Loss::MeanSquaredError), &["momentum"]);
    let mut linear = Sequential::input([4]).add(Dense::new(3)).device(Device::Cpu).build().unwrap();
    refusal(linear.compile(Adam::default(), Loss::CategoricalCrossentropy), &["dense", "linear", "Softmax"]);
    refusal(linear.compile(Adam::default(), Loss::BinaryCrossentropy), &["dense", "linear", "Sigmoid"]);
    refusal(
        model.compile(Adam::default(), Loss::BinaryCrossentropy),
        &["dense", "softmax", "Sigmoid", "Loss::CategoricalCrossentropy"],
    );
    let mut sigmoids = binary(3);
    refusal(
        sigmoids.compile(Adam::default(), Loss::CategoricalCrossentropy),
        &["sigmoid", ".activation(Softmax)", "Loss::BinaryCrossentropy"],
    );
    // One output: whatever is wrong, both ways out are named.
    for activation in [Softmax, Sigmoid, Linear] {
        let layer = Dense::new(1).activation(activation);
        let mut one = Sequential::input([4]).add(layer).device(Device::Cpu).build().unwrap();
        let ways = [
            "Dense::new(1).activation(Sigmoid)",
            "Loss::BinaryCrossentropy",
            "Dense::new(2).activation(Softmax)",
        ];
        refusal(one.compile(Adam::default(), Loss::SparseCategoricalCrossentropy), &ways);
    }
    let mut image =
        Sequential::input([1, 8, 8]).add(Conv2D::new(2, (3, 3))).device(Device::Cpu).build().unwrap();
    refusal(image.compile(Adam::default(), Loss::MeanSquaredError), &["[2, 6, 6]", "Dense"]);
}

#[test]
fn fit_refuses_what_does_not_fit_and_the_model_stays_usable() {
    let (x, y) = images(40);
    let mut model = small_model(1);
    let before = model.weight("dense/kernel").unwrap();
    refusal(model.fit(&x.squeeze_dim(1), &y, &quiet(1)), &["[40, 28, 28]", "[n, 1, 28, 28]", "add_channel"]);
    refusal(model.fit(&x.permute([0, 2, 3, 1]), &y, &quiet(1)), &["permute([0, 3, 1, 2])"]);
    refusal(model.fit(&x.narrow(0, 0, 0), &y, &quiet(1)), &["no images"]);
    refusal(model.fit(&x, &y.narrow(0, 0, 39), &quiet(1)), &["40 images and 39 labels"]);
    refusal(model.fit(&x, &(&y + 1), &quiet(1)), &["labels go from 1 to 10", "0 to 9", "subtract 1: &y - 1"]);
    refusal(model.fit(&x, &(&y - 2), &quiet(1)), &["labels go from -2 to 7", "counted from 0", "add 2"]);
    refusal(model.fit(&x, &to_categorical(&y, 11).unwrap(), &quiet(1)), &["11 columns"]);
    refusal(model.fit(&x, &y, &Fit { batch_size: 0, ..quiet(1) }), &["batch_size must be at least 1"]);
    refusal(model.fit(&x, &y, &quiet(0)), &["epochs must be at least 1"]);
    for validation_split in [-0.1, 1.0, f64::NAN, 0.999] {
        refusal(model.fit(&x, &y, &Fit { validation_split, ..quiet(1) }), &["validation_split"]);
    }
    let augment = Some(Augment { rotation_range: -1.0, ..Augment::default() });
    refusal(model.fit(&x, &y, &Fit { augment, ..quiet(1) }), &["rotation_range must be from 0 to 180"]);
    refusal(
        model.fit(&x, &y, &Fit { clipvalue: Some(1.0), global_clipnorm: Some(1.0), ..quiet(1) }),
        &["choose one of them"],
    );
    let endless = Some(f64::INFINITY);
    refusal(model.fit(&x, &y, &Fit { global_clipnorm: endless, ..quiet(1) }), &["global_clipnorm"]);
    refusal(model.evaluate(&x, &y.narrow(0, 0, 39)), &["40 images and 39 labels"]);
    assert_eq!(model.weight("dense/kernel").unwrap(), before);
    assert!(model.fit(&x, &y, &quiet(1)).is_ok());
}

#[test]
fn images_of_other_types_are_refused_with_the_line_that_mends_them() {
    let (x, _) = images(4);
    let (model, bytes) = (small_model(1), &x * 255.0);
    let kind = |x: &Tensor, kind| x.to_kind(kind);
    let cases = [
        (kind(&x, Kind::Double), "of type Double, from 0 to 1,", "use x.to_kind(Kind::Float)"),
        (kind(&x, Kind::Half), "of type Half, from 0 to 1,", "use x.to_kind(Kind::Float)"),
        (kind(&bytes, Kind::Double), "of type Double, from 0 to 255,", "use x.to_kind(Kind::Float) / 255.0"),
        (kind(&bytes, Kind::Int64), "of type Int64, from 0 to 255,", "use x.to_kind(Kind::Uint8)"),
        (kind(&bytes, Kind::Int), "of type Int, from 0 to 255,", "use x.to_kind(Kind::Uint8)"),
        (kind(&x.gt(0.5), Kind::Int64), "of type Int64, from 0 to 1,", "use x.to_kind(Kind::Float)"),
        (x.gt(0.5), "of type Bool, from 0 to 1,", "use x.to_kind(Kind::Float)"),
        (
            kind(&(&bytes * 257), Kind::Int),
            "of type Int, from 0 to 65535,",
            "use x.to_kind(Kind::Float) / 65535.0",
        ),
        (kind(&(&x * f64::NAN), Kind::Double), "NaN or infinite", "use x.nan_to_num("),
    ];
    for (images, found, remedy) in &cases {
        refusal(model.predict(images), &[*found, *remedy]);
        refusal(normalize(images), &[found.trim_end_matches(','), *remedy]);
    }
    refusal(normalize(&bytes), &["of type Float, from 0 to 255;", "use x / 255.0"]);
    refusal(normalize(&(&x * f64::NAN)), &["of type Float", "NaN or infinite", "x.nan_to_num"]);
    // What the remedies make is what the model takes.
    let of_floats = model.predict(&x).unwrap();
    for same in [
        kind(&x, Kind::Double).to_kind(Kind::Float),
        kind(&bytes, Kind::Double).to_kind(Kind::Float) / 255.0,
        kind(&bytes.round(), Kind::Int64).to_kind(Kind::Uint8),
    ] {
        let difference = (model.predict(&same).unwrap() - &of_floats).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }
}

#[test]
fn an_image_that_holds_nan_is_named_when_the_loss_is_none() {
    let (x, y) = images(64);
    let mut model = small_model(1);
    let _ = x.get(17).fill_(f64::NAN);
    refusal(model.fit(&x, &y, &quiet(1)), &["the loss is NaN", "Training image 17 holds NaN"]);
}

#[test]
fn channels_last_are_refused_when_the_model_is_built() {
    let input = |shape: [i64; 3]| Sequential::input(shape).device(Device::Cpu);
    let conv = || Conv2D::new(4, (3, 3)).activation(Relu);
    for shape in [[28, 28, 1], [32, 32, 3], [48, 32, 4]] {
        let [height, width, channels] = shape;
        let wanted = format!("Sequential::input([{channels}, {height}, {width}])");
        let says = ["channels come first", wanted.as_str(), "x.permute([0, 3, 1, 2])"];
        refusal(input(shape).add(conv()).add(Flatten).build(), &says);
        refusal(input(shape).add(conv().padding(Padding::Same)).build(), &says);
        refusal(input(shape).add(MaxPooling2D::new((2, 2))).build(), &says);
        refusal(input(shape).add(AveragePooling2D::new((2, 2))).build(), &says);
        refusal(input(shape).add(BatchNormalization::new()).add(GlobalAveragePooling2D).build(), &says);
        refusal(input(shape).add(Residual::new().add(conv().padding(Padding::Same))).build(), &says);
        // The advice works; and without layers that look at images, the order does not matter.
        assert!(input([channels, height, width]).add(conv()).build().is_ok());
        assert!(input(shape).add(Flatten).add(Dense::new(2)).build().is_ok());
    }
    // Signals, small feature maps, and images with as many channels.
    for shape in [[12, 1000, 1], [64, 4, 4], [3, 3, 3], [16, 16, 16]] {
        assert!(input(shape).add(Conv2D::new(4, (3, 1))).build().is_ok(), "{shape:?}");
    }
}

#[test]
fn labels_in_a_column_are_class_numbers() {
    let (x, y) = images(100);
    let column = y.unsqueeze(1);
    let losses = [
        Loss::SparseCategoricalCrossentropy,
        Loss::CategoricalCrossentropy,
        Loss::SmoothedCategoricalCrossentropy { label_smoothing: 0.1 },
        Loss::MeanSquaredError,
    ];
    for loss in losses {
        let train = |labels: &Tensor| {
            let mut model = small_model(5);
            model.compile(Adam::default(), loss).unwrap();
            let history = model.fit(&x, labels, &Fit { validation_split: 0.2, ..quiet(1) }).unwrap();
            (history.loss, history.accuracy, history.val_loss, model.evaluate(&x, labels).unwrap())
        };
        assert_eq!(train(&y), train(&column));
        assert_eq!(train(&y), train(&column.to_kind(Kind::Uint8)));
    }
    assert_eq!(to_categorical(&column, 10).unwrap(), to_categorical(&y, 10).unwrap());
    let matrix = ConfusionMatrix::new(&column, &column, 10).unwrap();
    assert!(matrix == ConfusionMatrix::new(&y, &y, 10).unwrap());
}

#[test]
fn the_range_of_labels_is_named_in_the_same_way_everywhere() {
    let (x, y) = images(40);
    let mut model = small_model(1);
    let one_more = &y + 1;
    let says = ["go from 1 to 10, and 10 classes have the numbers 0 to 9; subtract 1: &y - 1"];
    refusal(model.fit(&x, &one_more, &quiet(1)), &says);
    refusal(to_categorical(&one_more, 10), &says);
    refusal(ConfusionMatrix::new(&one_more, &y, 10), &["the labels y_true", says[0]]);
    refusal(ConfusionMatrix::new(&y, &one_more, 10), &["the labels y_pred", says[0]]);
    let twice = &y * 2;
    let says = "go from 0 to 18, and 10 classes have the numbers 0 to 9; ";
    refusal(
        model.fit(&x, &twice, &quiet(1)),
        &[says, "10 outputs: give its last Dense layer one unit per class"],
    );
    refusal(to_categorical(&twice, 10), &[says, "to_categorical(labels, 19)"]);
    refusal(ConfusionMatrix::new(&twice, &y, 10), &[says, "ConfusionMatrix::new(y_true, y_pred, 19)"]);
    let below = &y - 2;
    let says = ["go from -2 to 7, and classes are counted from 0; add 2 to all"];
    refusal(model.evaluate(&x, &below), &says);
    refusal(to_categorical(&below, 10), &says);
    refusal(ConfusionMatrix::new(&below, &y, 10), &says);
}

/// For images of 20,000 × 20,000 pixels, with few weights.
fn for_huge_images(filters: i64) -> Sequential {
    let mut model = Sequential::input([1, 20_000, 20_000])
        .add(Conv2D::new(filters, (3, 3)).strides((100, 100)))
        .add(GlobalAveragePooling2D)
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    model
}

#[test]
fn too_little_memory_is_an_error_that_names_the_batch_size() {
    // The images are one number in memory, until a batch is made of them.
    let count = 100_000;
    let x = Tensor::zeros([1, 1, 1, 1], (Kind::Uint8, Device::Cpu)).expand([count, 1, 20_000, 20_000], false);
    let y = Tensor::zeros([count], (Kind::Int64, Device::Cpu));
    let mut model = for_huge_images(64);
    let before = model.weight("dense/kernel").unwrap();
    for augment in [None, Some(Augment { rotation_range: 1.0, ..Augment::default() })] {
        let settings = Fit { batch_size: count, augment, ..quiet(1) };
        refusal(model.fit(&x, &y, &settings), &["memory", "batch_size of 100000", "halve it"]);
    }
    assert_eq!(model.weight("dense/kernel").unwrap(), before);
}

/// A byte that stands for any number of images or labels.
fn endless(shape: &[i64]) -> Tensor {
    Tensor::zeros(vec![1; shape.len()], (Kind::Uint8, Device::Cpu)).expand(shape, false)
}

#[test]
fn too_little_memory_for_the_data_is_an_error() {
    let layers = Sequential::input([1, 1, 1]).add(Flatten).add(Dense::new(10).activation(Softmax));
    let mut model = layers.device(Device::Cpu).build().unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let (x, y) = (endless(&[1 << 44, 1, 1, 1]), endless(&[1 << 44]));
    refusal(
        model.fit(&x, &y, &quiet(1)),
        &["memory on Cpu", "[17592186044416, 1, 1, 1]", "batch_size of 32"],
    );
    refusal(model.evaluate(&x, &y), &["memory for 100 images at a time", "give it fewer"]);
}

#[test]
fn too_little_memory_for_the_validation_is_an_error() {
    // In bytes that are all the same one, 100 images take no place; as floats they take 160 GB.
    let mut model = for_huge_images(1);
    let before = model.weight("conv2d/kernel").unwrap();
    let (x, y) = (endless(&[100, 1, 20_000, 20_000]), endless(&[100]));
    let (one, label, settings) = (x.narrow(0, 0, 1), y.narrow(0, 0, 1), Fit { batch_size: 1, ..quiet(1) });
    let result = model.training(&one, &label, &settings).validation_data(&x, &y).run();
    refusal(result, &["memory to validate 100 images", "batch_size of 1;"]);
    // The epoch is not complete: so its step is taken back.
    assert_eq!(model.weight("conv2d/kernel").unwrap(), before);
    refusal(model.predict(&x), &["memory for 100 images at a time", "give it fewer"]);
}

#[test]
fn bytes_are_normalised_batch_by_batch() {
    let (x, y) = images(40);
    let bytes = (x * 255.0).to_kind(Kind::Uint8);
    let (mut of_bytes, mut of_floats) = (small_model(1), small_model(1));
    let floats = normalize(&bytes).unwrap();
    let history = of_bytes.fit(&bytes, &y, &quiet(2)).unwrap();
    assert_eq!(history.loss, of_floats.fit(&floats, &y, &quiet(2)).unwrap().loss);
    assert_eq!(of_bytes.predict(&bytes).unwrap(), of_floats.predict(&floats).unwrap());
    assert_eq!(of_bytes.evaluate(&bytes, &y).unwrap(), of_floats.evaluate(&floats, &y).unwrap());
}

#[test]
fn without_compile_there_is_no_training() {
    let (x, y) = images(10);
    let mut model = Sequential::input([1, 28, 28])
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap();
    refusal(model.fit(&x, &y, &Fit { batch_size: 5, ..quiet(1) }), &["not compiled", "model.compile("]);
    refusal(model.evaluate(&x, &y), &["not compiled"]);
    assert!(model.predict(&x).is_ok());
}

#[test]
fn one_seed_gives_one_model_and_one_history() {
    let (x, y) = images(200);
    let augment = Some(Augment { rotation_range: 10.0, zoom_range: 0.1, ..Augment::default() });
    let run = |seed| {
        let mut model = small_model(seed);
        let settings = Fit { validation_split: 0.1, seed, augment: augment.clone(), ..quiet(2) };
        let history = model.fit(&x, &y, &settings).unwrap();
        (model.weight("conv2d/kernel").unwrap(), history.loss, history.val_loss)
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).1, run(4).1);
}

#[test]
fn class_numbers_and_one_hot_labels_train_alike() {
    let (x, y) = images(100);
    let train = |labels: &Tensor| small_model(5).fit(&x, labels, &quiet(2)).unwrap().loss;
    let (numbers, one_hot) = (train(&y), train(&to_categorical(&y, 10).unwrap()));
    for (number, one_hot) in numbers.iter().zip(&one_hot) {
        assert!((number - one_hot).abs() < 1e-5, "{numbers:?} {one_hot:?}");
    }
}

#[test]
fn training_learns_and_evaluation_agrees_with_predictions() {
    let (x, y) = images(600);
    let mut model = small_model(1);
    let history = model.fit(&x, &y, &Fit { validation_split: 0.1, ..quiet(4) }).unwrap();
    assert_eq!((history.epochs(), history.val_loss.len(), history.seconds.len()), (4, 4, 4));
    assert!(history.loss[3] < 0.7 * history.loss[0], "{history:?}");
    let probabilities = model.predict(&x).unwrap();
    assert_eq!(probabilities.size(), [600, 10]);
    let sums = probabilities.sum_dim_intlist(-1, false, Kind::Float);
    assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-5);
    let matrix = ConfusionMatrix::new(&y, &probabilities.argmax(-1, false), 10).unwrap();
    assert!((matrix.accuracy() - model.evaluate(&x, &y).unwrap().accuracy).abs() < 1e-12);
    let forward = model.forward(&x.narrow(0, 0, 5)).unwrap();
    assert!((forward - probabilities.narrow(0, 0, 5)).abs().max().double_value(&[]) < 1e-6);
}

/// A layer that does nothing; after it a convolution is not the model's first layer.
#[derive(Debug)]
struct Identity;

impl Layer for Identity {
    fn class_name(&self) -> &'static str {
        "Identity"
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
        x.shallow_clone()
    }
}

#[test]
fn a_first_convolution_with_its_pooling_trains_as_it_does_elsewhere() {
    let data = mnist::synthetic_digits(300, 100, 1);
    let (x, x_test) = (add_channel(&data.x_train).unwrap(), add_channel(&data.x_test).unwrap());
    let run = |first: bool| {
        let builder = Sequential::input([1, 28, 28]).device(Device::Cpu);
        let builder = if first { builder } else { builder.add(Identity) };
        let mut model = builder
            .add(Conv2D::new(12, (3, 3)).activation(Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(Flatten)
            .add(Dense::new(10).activation(Softmax))
            .build()
            .unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        let settings = Fit { epochs: 3, validation_split: 0.2, verbose: false, ..Fit::default() };
        let history = model.fit(&x, &data.y_train, &settings).unwrap();
        let forward = no_grad(|| model.forward(&x_test).unwrap());
        let difference = (forward - model.predict(&x_test).unwrap()).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "predict and forward differ by {difference}");
        [history.loss, history.val_loss, vec![model.evaluate(&x_test, &data.y_test).unwrap().loss]].concat()
    };
    let (first, later) = (run(true), run(false));
    for (first, later) in first.iter().zip(&later) {
        assert!((first - later).abs() < 1e-4 * later.max(1.0), "{first} {later}");
    }
}

#[test]
fn a_model_that_was_trained_for_no_epoch_is_not_left_to_other_notebooks() {
    let data = mnist::synthetic_digits(40, 10, 1);
    let (x, mut model) =
        (normalize(&add_channel(&data.x_train).unwrap()).unwrap() * f64::NAN, small_model(1));
    let history = model.training(&x, &data.y_train, &quiet(1)).callback(TerminateOnNaN).run().unwrap();
    assert_eq!(history.epochs(), 0);
    refusal(
        course::save_trained(&mut model, &history, &data),
        &["not saved", "before its first epoch", "again"],
    );
}

#[test]
fn a_loss_beyond_all_bounds_is_reported() {
    let (x, y) = images(64);
    let mut model = small_model(1);
    model.compile(SGD { learning_rate: 1e30, ..SGD::default() }, Loss::CategoricalCrossentropy).unwrap();
    refusal(model.fit(&x, &y, &quiet(3)), &["the loss is", "epoch", "smaller learning_rate"]);
}

#[test]
fn layers_and_weights_are_found_by_name() {
    let (x, _) = images(3);
    let model = small_model(1);
    assert_eq!(model.layer_output("max_pooling2d", &x).unwrap().size(), [3, 4, 13, 13]);
    assert!(model.layer_output("conv2d", &x).unwrap().min().double_value(&[]) >= 0.0);
    refusal(model.layer_output("conv2d_1", &x), &["no layer is called \"conv2d_1\"", "max_pooling2d"]);
    refusal(model.weight("kernel"), &["no weight is called \"kernel\"", "conv2d/kernel"]);
}

#[test]
fn a_saved_model_comes_back_to_the_last_bit() {
    let (x, y) = images(100);
    let file = Temporary::new("saved");
    let mut model = small_model(1);
    model.fit(&x, &y, &quiet(1)).unwrap();
    model.notes.insert("dataset".into(), "synthetic-digits".into());
    model.save(&file.0).unwrap();
    let loaded = Sequential::load(&file.0).unwrap();
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert_eq!(loaded.evaluate(&x, &y).unwrap(), model.evaluate(&x, &y).unwrap());
    assert_eq!(loaded.summary().to_string(), model.summary().to_string());
    assert_eq!(loaded.notes, model.notes);

    let mut other = small_model(2);
    other.load_weights(&file.0).unwrap();
    assert_eq!(other.predict(&x).unwrap(), model.predict(&x).unwrap());
}

#[test]
fn weights_of_another_architecture_are_refused_by_the_first_layer_that_differs() {
    let (x, _) = images(4);
    let file = Temporary::new("other");
    small_model(1).save(&file.0).unwrap();
    let mut wider = Sequential::input([1, 28, 28])
        .add(Conv2D::new(4, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(11).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap();
    let before = wider.predict(&x).unwrap();
    refusal(wider.load_weights(&file.0), &["layer 4 is Dense", "\"units\":11", "\"units\":10", "unchanged"]);
    assert_eq!(wider.predict(&x).unwrap(), before);
    let mut longer = Sequential::input([1, 28, 28]).add(Flatten).device(Device::Cpu).build().unwrap();
    refusal(longer.load_weights(&file.0), &["layer 1 is Flatten", "Conv2D"]);
}

#[test]
fn files_that_are_no_models_are_refused() {
    let file = Temporary::new("broken");
    refusal(Sequential::load(&file.0), &["cannot be read", "check the path"]);
    for content in [b"".as_slice(), b"<html>", b"\x05\0\0\0\0\0\0\0{}xxx", &[255; 40]] {
        std::fs::write(&file.0, content).unwrap();
        refusal(Sequential::load(&file.0), &["is not a whole model file", "save the model again"]);
    }
    let foreign = [("w", Tensor::from_slice(&[1.0_f32]))];
    Tensor::write_safetensors(&foreign, &file.0).unwrap();
    refusal(
        Sequential::load(&file.0),
        &["it holds weights alone", "Build the model", "model.load_weights()"],
    );

    let model = small_model(1);
    cnn::tch::no_grad(|| {
        let (_, mut kernel) = model.weights().swap_remove(0);
        let _ = kernel.fill_(f64::NAN);
    });
    model.save(&file.0).unwrap();
    refusal(Sequential::load(&file.0), &["conv2d/kernel holds NaN"]);
}

/// The weights of a model, and further tensors, as another program writes them: without an architecture.
fn write_weights(path: &Path, model: &Sequential, kind: Kind, more: &[(&str, Tensor)]) {
    let weights = model.weights().into_iter().map(|(name, weight)| (name, weight.detach().to_kind(kind)));
    let more = more.iter().map(|(name, tensor)| (name.to_string(), tensor.shallow_clone()));
    let weights: Vec<_> = weights.chain(more).map(|(name, tensor)| (name, tensor.contiguous())).collect();
    Tensor::write_safetensors(&weights, path).unwrap();
}

#[test]
fn weights_that_passed_through_another_program_are_loaded() {
    let file = Temporary::new("passed");
    let model = small_model(1);
    for (kind, most) in [(Kind::Float, 0.0), (Kind::Double, 0.0), (Kind::Half, 1e-3), (Kind::BFloat16, 1e-2)]
    {
        let slot = ("optimizer/momentum/conv2d/kernel", Tensor::from_slice(&[1.0_f32]));
        write_weights(&file.0, &model, kind, &[slot]);
        let mut other = small_model(2);
        other.load_weights(&file.0).unwrap();
        for ((name, weight), (_, expected)) in other.weights().into_iter().zip(model.weights()) {
            assert_eq!(weight.kind(), Kind::Float);
            let difference = (&weight - &expected).abs().max().double_value(&[]);
            assert!(difference <= most, "{name} as {kind:?}: {difference}");
        }
        // It can still be trained.
        let (x, y) = images(40);
        other.fit(&x, &y, &quiet(1)).unwrap();
    }
}

#[test]
fn the_order_of_weights_in_a_file_plays_no_part() {
    let (file, (x, _)) = (Temporary::new("order"), images(4));
    let model = small_model(1);
    model.save(&file.0).unwrap();
    let bytes = std::fs::read(&file.0).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: Value = serde_json::from_slice(header).unwrap();
    for keep_metadata in [true, false] {
        // The tensors from the last to the first by name, one behind the other.
        let (mut new_header, mut new_data) = (serde_json::Map::new(), Vec::new());
        for (name, stored) in header.as_object().unwrap().iter().rev() {
            let mut stored = stored.clone();
            if name != "__metadata__" {
                let [begin, end] = [0, 1].map(|at| stored["data_offsets"][at].as_u64().unwrap() as usize);
                stored["data_offsets"] = serde_json::json!([new_data.len(), new_data.len() + end - begin]);
                new_data.extend(&data[begin..end]);
            }
            if name != "__metadata__" || keep_metadata {
                new_header.insert(name.clone(), stored);
            }
        }
        let new_header = Value::Object(new_header).to_string();
        let length = (new_header.len() as u64).to_le_bytes();
        std::fs::write(&file.0, [&length, new_header.as_bytes(), &new_data].concat()).unwrap();
        assert_ne!(data, new_data);
        let mut other = small_model(2);
        other.load_weights(&file.0).unwrap();
        assert!(other.predict(&x).unwrap().equal(&model.predict(&x).unwrap()));
        assert_eq!(Sequential::load(&file.0).is_ok(), keep_metadata);
    }
}

#[test]
fn weights_without_an_architecture_that_do_not_fit_are_named() {
    let (file, (x, _)) = (Temporary::new("names"), images(4));
    let path = file.0.to_str().unwrap();
    let mut model = small_model(1);
    let before = model.predict(&x).unwrap();
    let other = small_model(2);
    let mut refused = |weights: Vec<(String, Tensor)>, expected: &[&str]| {
        let weights: Vec<_> = weights.into_iter().map(|(name, weight)| (name, weight.contiguous())).collect();
        Tensor::write_safetensors(&weights, &file.0).unwrap();
        refusal(model.load_weights(&file.0), &[expected, &[path, "unchanged"]].concat());
        assert_eq!(model.predict(&x).unwrap(), before);
    };
    let weights = || other.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy()));
    let listed = "The file has conv2d/bias [4], conv2d/kernel [4, 1, 3, 3], dense/bias [10], dense/kernel [";
    refused(
        weights().skip(1).collect(),
        &["the weight conv2d/kernel is missing", "The file has conv2d/bias [4], dense"],
    );
    let of_torch = |(name, weight)| (format!("module.{name}"), weight);
    refused(
        weights().map(of_torch).collect(),
        &["the weight conv2d/kernel is missing", "module.conv2d/kernel [4, 1"],
    );
    let more = ("another/kernel".to_string(), Tensor::from_slice(&[1.0_f32]));
    refused(
        weights().chain([more]).collect(),
        &["this model has no weight another/kernel", "another/kernel [1]"],
    );
    let flat = |(name, weight): (String, Tensor)| (name, weight.flatten(0, -1));
    refused(weights().map(flat).collect(), &["conv2d/kernel has the shape [36]", "wants [4, 1, 3, 3]"]);
    refused(
        weights().map(|(name, weight)| (name, weight.to_kind(Kind::Int64))).collect(),
        &["is of kind Int64", "convert it"],
    );
    refused(
        weights().map(|(name, weight)| (name, weight.to_kind(Kind::Double) + 1e300)).collect(),
        &["conv2d/kernel holds numbers beyond", "32-bit"],
    );
    refused(
        weights().map(|(name, weight)| (name, weight * f64::NAN)).collect(),
        &["conv2d/kernel holds NaN", listed],
    );
    refused(Vec::new(), &["conv2d/kernel is missing", "The file has no weights"]);
    let many = |number| (format!("w{number:02}"), Tensor::from_slice(&[1.0_f32]));
    refused((0..25).map(many).collect(), &["w00 [1], w01 [1]", "w19 [1], and 5 more"]);
    write_weights(&file.0, &other, Kind::Float, &[]);
    model.load_weights(&file.0).unwrap();
    assert_eq!(model.predict(&x).unwrap(), other.predict(&x).unwrap());
}

#[test]
fn fewer_samples_than_a_batch_are_one_batch() {
    let (x, y) = images(40);
    let run = |batch_size| {
        let mut model = small_model(1);
        let augment = Some(Augment { rotation_range: 10.0, ..Augment::default() });
        let settings = Fit { batch_size, validation_split: 0.25, augment, ..quiet(2) };
        (
            settings.steps(30),
            model.fit(&x, &y, &settings).unwrap().loss,
            model.weight("dense/kernel").unwrap(),
        )
    };
    let expected = run(30);
    for batch_size in [31, 40, 1000, i64::MAX] {
        assert_eq!(run(batch_size), expected);
    }
    let find = |batch_size| {
        let mut model = small_model(1);
        model.lr_find(&x, &y, &LrFind { batch_size, num_it: 10, ..LrFind::default() }).unwrap()
    };
    assert_eq!(find(41), find(40));
}

#[test]
fn at_a_learning_rate_of_0_the_weights_stand_still() {
    let (file, (x, y)) = (Temporary::new("rate"), images(40));
    let mut model = small_model(1);
    let before = model.weight("dense/kernel").unwrap();
    model.set_learning_rate(0.0).unwrap();
    model.fit(&x, &y, &quiet(1)).unwrap();
    assert_eq!(model.weight("dense/kernel").unwrap(), before);
    model.save_with_optimizer(&file.0).unwrap();
    let mut loaded = Sequential::load(&file.0).unwrap();
    assert_eq!(loaded.learning_rate().unwrap(), 0.0);
    for model in [&mut model, &mut loaded] {
        model.set_learning_rate(0.001).unwrap();
        model.fit(&x, &y, &quiet(1)).unwrap();
    }
    assert_eq!(loaded.weight("dense/kernel").unwrap(), model.weight("dense/kernel").unwrap());
    for rate in [-0.1, f64::NAN, f64::INFINITY] {
        refusal(
            model.set_learning_rate(rate),
            &["learning_rate must be a number of 0 or more", &rate.to_string()],
        );
    }
    // A schedule may end at nothing.
    let schedule = Schedule::Step { epochs: 1, factor: 0.0 };
    let history = model.fit(&x, &y, &Fit { schedule, ..quiet(2) }).unwrap();
    assert_eq!(history.learning_rate, [0.001, 0.0]);
}

#[test]
fn joined_histories_are_saved_and_loaded() {
    let (file, (x, y)) = (Temporary::new("joined"), images(40));
    let mut model = small_model(1);
    let mut fit = |validation_split| model.fit(&x, &y, &Fit { validation_split, ..quiet(2) }).unwrap();
    let (with, without) = (fit(0.25), fit(0.0));
    for (first, more) in [(&with, &with), (&with, &without), (&without, &with), (&without, &without)] {
        let mut joined = first.clone();
        joined.loss.extend(&more.loss);
        joined.accuracy.extend(&more.accuracy);
        joined.val_loss.extend(&more.val_loss);
        joined.val_accuracy.extend(&more.val_accuracy);
        joined.save(&file.0).unwrap();
        assert_eq!(History::load(&file.0).unwrap(), joined);

        let mut extended = first.clone();
        extended.extend(more);
        extended.save(&file.0).unwrap();
        let loaded = History::load(&file.0).unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{extended:?}"));
        assert_eq!((loaded.epochs(), &loaded.loss), (4, &joined.loss));
        plots::history(&loaded, "joined").unwrap();
    }
    let mut padded = without.clone();
    padded.extend(&with);
    assert!(padded.val_loss[..2].iter().all(|loss| loss.is_nan()) && padded.val_loss[2..] == with.val_loss);
    padded.extend(&without);
    assert!(padded.val_loss.len() == 6 && padded.val_loss[4..].iter().all(|loss| loss.is_nan()));
    assert!(padded.best_epoch().is_some_and(|epoch| epoch == 3 || epoch == 4));
    let mut twice = without.clone();
    twice.extend(&without);
    assert!(twice.val_loss.is_empty() && twice.seconds.len() == 4);
}

#[test]
fn a_file_of_an_earlier_version_is_read_with_the_defaults() {
    let file = Temporary::new("earlier");
    let model = small_model(1);
    model.save(&file.0).unwrap();
    let mut bytes = std::fs::read(&file.0).unwrap();
    let header = 8..8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut text = String::from_utf8(bytes[header.clone()].to_vec()).unwrap();
    // Arguments that came later than the format; spaces in their places keep the header's length.
    for later in [r#"\"groups\":1,"#, r#",\"strides\":null"#] {
        assert!(text.contains(later), "{text}");
        text = text.replace(later, &" ".repeat(later.len()));
    }
    bytes.splice(header, text.into_bytes());
    std::fs::write(&file.0, bytes).unwrap();
    let loaded = Sequential::load(&file.0).unwrap();
    let (x, _) = images(3);
    assert!(loaded.predict(&x).unwrap().equal(&model.predict(&x).unwrap()));
    small_model(2).load_weights(&file.0).unwrap();
}

#[test]
fn sizes_beyond_all_bounds_are_refused() {
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Int64, Device::Cpu));
    refusal(plots::images::<&str>(&endless(&[60_000, 28, 28]), &[], 10), &["60000 images", "narrow"]);
    refusal(plots::Chart::new("x").line("", &[(0.0, 1.0)]).size(u32::MAX, 1).figure(), &["too large"]);
    for classes in [0, 1 << 20] {
        refusal(ConfusionMatrix::new(&zeros(&[2]), &zeros(&[2]), classes), &["classes must be from 1"]);
    }
    refusal(to_categorical(&zeros(&[0]), 0), &["at least 1 class"]);
    let endless = Fit { epochs: usize::MAX, batch_size: i64::MAX, ..Fit::default() };
    assert_eq!(endless.steps(5), 1);
    let step = Schedule::Step { epochs: usize::MAX, factor: 0.1 };
    assert_eq!(step.factor(i64::MAX - 1, 1, i64::MAX), 1.0);
}

#[test]
fn labels_that_are_no_whole_numbers_are_refused() {
    let halves = Tensor::from_slice(&[0.5_f32, 1.0]);
    let whole = Tensor::from_slice(&[0.0_f32, 1.0]);
    refusal(to_categorical(&halves, 2), &["whole numbers"]);
    refusal(ConfusionMatrix::new(&whole, &halves, 2), &["whole numbers"]);
    refusal(small_model(1).fit(&images(2).0, &halves, &quiet(1)), &["whole numbers"]);
    assert_eq!(ConfusionMatrix::new(&whole, &whole, 2).unwrap().accuracy(), 1.0);
}

#[test]
fn augmentation_keeps_the_shape_and_follows_its_seed() {
    let (x, _) = images(10);
    let augment = Augment { rotation_range: 20.0, width_shift_range: 0.1, ..Augment::default() };
    let preview = |seed| augment.preview(&x, seed).unwrap();
    assert_eq!(preview(1).size(), x.size());
    assert_eq!(preview(1), preview(1));
    assert_ne!(preview(1), preview(2));
    let unchanged = Augment::default().preview(&x, 1).unwrap();
    assert!((unchanged - &x).abs().max().double_value(&[]) < 1e-4);
    refusal(augment.preview(&x.squeeze_dim(1), 1), &["[10, 28, 28]"]);
}

#[test]
fn preprocessing_refuses_what_was_done_already() {
    let (x, y) = images(4);
    refusal(normalize(&x), &["of type Float, from 0 to 1: they are ready"]);
    refusal(add_channel(&x), &["[4, 1, 28, 28]"]);
    refusal(to_categorical(&y, 3), &["3 classes", "to_categorical(labels, 10) has room"]);
    refusal(to_categorical(&(-&y - 2), 10), &["to -", "counted from 0; add "]);
    refusal(to_categorical(&Tensor::from_slice(&[i64::MIN, i64::MAX]), 10), &["counted from 0"]);
    refusal(to_categorical(&x, 10), &["[4, 1, 28, 28]"]);
    let one_hot = to_categorical(&Tensor::from_slice(&[2_i64, 0]), 3).unwrap();
    assert_eq!(Vec::<f32>::try_from(one_hot.flatten(0, -1)).unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_picture_of_a_digit_becomes_what_the_model_knows() {
    use cnn::plotters::prelude::*;
    let file = std::env::temp_dir().join(format!("cnn-digit-{}.png", std::process::id()));
    for (paper, pen) in [(WHITE, BLACK), (BLACK, WHITE)] {
        let figure = Figure::draw((200, 300), |area| {
            area.fill(&paper)?;
            area.draw(&Rectangle::new([(90, 40), (110, 200)], pen.filled()))?;
            Ok(())
        });
        figure.unwrap().save(&file).unwrap();
        let x = cnn::preprocessing::digit_from_file(&file).unwrap();
        assert_eq!((x.size(), x.kind()), (vec![1, 1, 28, 28], Kind::Float));
        assert!(x.min().double_value(&[]) >= 0.0 && x.max().double_value(&[]) > 0.9);
        let rows = x.sum_dim_intlist([0_i64, 1, 3].as_slice(), false, Kind::Float);
        assert_eq!(rows.gt(0.0).sum(Kind::Int64).int64_value(&[]), 20, "the digit is 20 pixels high");
    }
    std::fs::write(&file, "no picture").unwrap();
    refusal(cnn::preprocessing::digit_from_file(&file), &["not a PNG or JPEG"]);
    Figure::draw((20, 20), |_| Ok(())).unwrap().save(&file).unwrap();
    refusal(cnn::preprocessing::digit_from_file(&file), &["shows nothing"]);
    std::fs::remove_file(&file).unwrap();
    refusal(cnn::preprocessing::digit_from_file(&file), &["cannot be read"]);
}
