//! The same numbers as Keras: `scripts/fixtures/keras_fixture.py` ran it and wrote what it computed.

use cnn::prelude::*;
use cnn::serde_json::{self, Value};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/keras.json")).unwrap()
}

fn tensor(value: &Value) -> Tensor {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let shape: Vec<i64> = numbers(&value["shape"]).into_iter().map(|side| side as i64).collect();
    Tensor::from_slice(&numbers(&value["data"])).to_kind(Kind::Float).reshape(shape)
}

/// Keras's images, `[n, height, width, channels]`, as this crate's; other tensors as they are.
fn images(x: Tensor) -> Tensor {
    if x.dim() == 4 {
        x.permute([0, 3, 1, 2]).contiguous()
    } else {
        x
    }
}

/// Keras's convolution kernels, `[height, width, in, out]`, as this crate's; other weights as they are.
fn weight(value: &Value) -> Tensor {
    let weight = tensor(value);
    if weight.dim() == 4 {
        weight.permute([3, 2, 0, 1]).contiguous()
    } else {
        weight
    }
}

fn weights(values: &Value) -> Vec<Tensor> {
    values.as_array().unwrap().iter().map(weight).collect()
}

#[track_caller]
fn assert_close(name: &str, ours: &Tensor, keras: &Tensor) {
    assert_eq!(ours.size(), keras.size(), "{name}");
    let difference = (ours - keras).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{name} differs by {difference}");
}

#[track_caller]
fn assert_near(name: &str, ours: f64, keras: &Value) {
    let keras = keras.as_f64().unwrap();
    assert!((ours - keras).abs() < 1e-5, "{name}: {ours} here, {keras} in Keras");
}

fn with_weights(mut model: Sequential, values: &Value) -> Sequential {
    let names = model.weights().into_iter().map(|(name, _)| name);
    let new: Vec<(String, Tensor)> = names.zip(weights(values)).collect();
    model.set_weights(&new).unwrap();
    model
}

/// The small model of the fixture, with Keras's initial weights.
fn model(training: &Value, optimizer: impl Into<cnn::Optimizer>) -> Sequential {
    let model = Sequential::input([1, 10, 10])
        .add(Conv2D::new(4, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(5).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap();
    let mut model = with_weights(model, &training["initial"]);
    model.compile(optimizer, Loss::CategoricalCrossentropy).unwrap();
    model
}

fn data(training: &Value) -> (Tensor, Tensor) {
    (images(tensor(&training["x"])), tensor(&training["y"]).to_kind(Kind::Int64))
}

fn assert_weights(name: &str, model: &Sequential, keras: &Value) {
    for ((layer, ours), keras) in model.weights().iter().zip(weights(keras)) {
        assert_close(&format!("{name}: {layer}"), &ours.detach(), &keras);
    }
}

#[test]
fn predictions_loss_and_accuracy() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let model = model(training, Adam::default());
    assert_close("probabilities", &model.predict(&x).unwrap(), &tensor(&training["probabilities"]));
    let measured = model.evaluate(&x, &y).unwrap();
    assert_near("loss", measured.loss, &training["loss"]);
    assert_near("accuracy", measured.accuracy, &training["accuracy"]);
}

#[test]
fn gradients() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let model = model(training, Adam::default());
    // The mean of -log p of the true class, from the model's public parts.
    let probabilities = model.forward(&x).unwrap();
    let loss = -probabilities.gather(1, &y.unsqueeze(1), false).log().mean(Kind::Float);
    loss.backward();
    for ((name, weight), keras) in model.weights().iter().zip(weights(&training["gradients"])) {
        assert_close(name, &weight.grad(), &keras);
    }
}

#[test]
fn optimizers() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let step = Fit { batch_size: 40, shuffle: false, verbose: false, ..Fit::default() };
    let after = |steps, optimizer: cnn::Optimizer| {
        let mut model = model(training, optimizer);
        model.fit(&x, &y, &Fit { epochs: steps, ..step.clone() }).unwrap();
        model
    };
    assert_weights("adam, 1 step", &after(1, Adam::default().into()), &training["adam_after_1_step"]);
    let faster = Adam { learning_rate: 0.01, ..Adam::default() };
    let momentum = SGD { momentum: 0.9, ..SGD::default() };
    let nesterov = SGD { nesterov: true, ..momentum.clone() };
    let decay = SGD { weight_decay: 0.1, ..momentum.clone() };
    let rmsprop_momentum = RMSprop { momentum: 0.9, ..RMSprop::default() };
    let cases: [(&str, cnn::Optimizer); 9] = [
        ("adam", Adam::default().into()),
        ("adam_0.01", faster.into()),
        ("sgd", SGD::default().into()),
        ("sgd_momentum", momentum.into()),
        ("sgd_nesterov", nesterov.into()),
        ("sgd_weight_decay", decay.into()),
        ("rmsprop", RMSprop::default().into()),
        ("rmsprop_momentum", rmsprop_momentum.into()),
        ("adamw", AdamW::default().into()),
    ];
    for (name, optimizer) in cases {
        assert_weights(name, &after(3, optimizer), &training["after_3_steps"][name]);
    }
}

#[test]
fn clipped_gradients() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let step = Fit { epochs: 3, batch_size: 40, shuffle: false, verbose: false, ..Fit::default() };
    let cases = [
        ("sgd_global_clipnorm", Fit { global_clipnorm: Some(0.01), ..step.clone() }),
        ("sgd_clipvalue", Fit { clipvalue: Some(0.001), ..step.clone() }),
    ];
    for (name, settings) in cases {
        let mut model = model(training, SGD { learning_rate: 1.0, ..SGD::default() });
        model.fit(&x, &y, &settings).unwrap();
        assert_weights(name, &model, &training["after_3_steps"][name]);
    }
}

#[test]
fn weighted_classes() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let keras = &training["class_weight"];
    let weights = keras["class_weight"].as_array().unwrap().iter().map(|weight| weight.as_f64().unwrap());
    let settings = Fit {
        epochs: 2,
        batch_size: 16,
        shuffle: false,
        class_weight: Some(weights.collect()),
        verbose: false,
        ..Fit::default()
    };
    for labels in [&y, &to_categorical(&y, 5).unwrap()] {
        let mut model = model(training, SGD { learning_rate: 0.1, ..SGD::default() });
        let history = model.fit(&x, labels, &settings).unwrap();
        for (name, ours) in [("loss", &history.loss), ("accuracy", &history.accuracy)] {
            assert_eq!(ours.len(), settings.epochs, "{name}");
            for (epoch, value) in ours.iter().enumerate() {
                assert_near(&format!("{name}, epoch {epoch}"), *value, &keras["history"][name][epoch]);
            }
        }
        assert_weights("class_weight", &model, &keras["weights"]);
    }
}

#[test]
fn training_in_several_calls_is_training_in_one() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let step = Fit { batch_size: 40, shuffle: false, verbose: false, ..Fit::default() };
    let mut model = model(training, Adam::default());
    for _ in 0..3 {
        model.fit(&x, &y, &step).unwrap();
    }
    assert_weights("three calls", &model, &training["after_3_steps"]["adam"]);
}

#[test]
fn a_training_with_validation() {
    let training = &fixture()["training"];
    let (x, y) = data(training);
    let mut model = model(training, Adam::default());
    let settings = Fit {
        epochs: 3,
        batch_size: 16,
        validation_split: 0.1,
        shuffle: false,
        verbose: false,
        ..Fit::default()
    };
    let history = model.fit(&x, &to_categorical(&y, 5).unwrap(), &settings).unwrap();
    let fit = &training["fit"];
    let columns = [
        ("loss", &history.loss),
        ("accuracy", &history.accuracy),
        ("val_loss", &history.val_loss),
        ("val_accuracy", &history.val_accuracy),
    ];
    for (name, ours) in columns {
        assert_eq!(ours.len(), settings.epochs, "{name}");
        for (epoch, value) in ours.iter().enumerate() {
            assert_near(&format!("{name}, epoch {epoch}"), *value, &fit["history"][name][epoch]);
        }
    }
    assert_weights("fit", &model, &fit["weights"]);
}

#[test]
fn layers() {
    let fixture = fixture();
    let build = |name: &str, x: &Tensor| {
        let input = Sequential::input(&x.size()[1..]).device(Device::Cpu);
        let model = match name {
            "conv2d_valid" => input.add(Conv2D::new(2, (3, 2))),
            "conv2d_same" => input.add(Conv2D::new(2, (3, 3)).padding(Padding::Same)),
            "conv2d_same_even_kernel" => input.add(Conv2D::new(2, (2, 4)).padding(Padding::Same)),
            "conv2d_valid_strides" => input.add(Conv2D::new(2, (3, 3)).strides((2, 1))),
            "conv2d_same_strides" => input.add(Conv2D::new(2, (3, 3)).strides((2, 2)).padding(Padding::Same)),
            "max_pooling2d" => input.add(MaxPooling2D::new((2, 2))),
            "max_pooling2d_3_2" => input.add(MaxPooling2D::new((3, 2))),
            "max_pooling2d_same" => input.add(MaxPooling2D::new((2, 2)).padding(Padding::Same)),
            "average_pooling2d" => input.add(AveragePooling2D::new((2, 2))),
            "average_pooling2d_same" => input.add(AveragePooling2D::new((2, 2)).padding(Padding::Same)),
            "global_average_pooling2d" => input.add(GlobalAveragePooling2D),
            "batch_normalization_inference" => input.add(BatchNormalization::new()),
            "flatten" | "flatten_2_3_4_5" => input.add(Flatten),
            "dense" => input.add(Dense::new(4)),
            other => panic!("the fixture has a case {other:?} without a layer here"),
        };
        model.build().unwrap()
    };
    let cases = ["layers", "more_layers"].map(|group| fixture[group].as_object().unwrap());
    // What batch normalisation does while training is tested beside it.
    for (name, case) in cases.into_iter().flatten().filter(|(name, _)| !name.ends_with("_training")) {
        let x = images(tensor(&case["input"]));
        let model = with_weights(build(name, &x), &case["weights"]);
        let keras = images(tensor(&case["output"]));
        let ours = model.forward(&x).unwrap().detach();
        assert_close(name, &ours, &keras);
        let shape = model.summary().to_string();
        assert!(shape.contains(&format!("(None, {}", keras.size()[1])), "{name}: {shape}");
    }
}

#[test]
fn published_layers() {
    let fixture = fixture();
    let (same, sides) = (Padding::Same, ((0, 1), (2, 3)));
    let build = |name: &str, x: &Tensor| {
        let input = Sequential::input(&x.size()[1..]).device(Device::Cpu);
        let depthwise = || DepthwiseConv2D::new((3, 3)).strides((2, 2)).padding(same).depth_multiplier(2);
        let separable = || SeparableConv2D::new(2, (3, 3)).padding(same);
        let model = match name {
            "conv2d_no_bias" => {
                input.add(Conv2D::new(2, (3, 3)).strides((2, 2)).padding(same).use_bias(false))
            }
            "conv2d_dilated" => input.add(Conv2D::new(2, (3, 2)).dilation_rate((2, 3))),
            "conv2d_dilated_same" => input.add(Conv2D::new(2, (2, 3)).dilation_rate((3, 2)).padding(same)),
            "dense_no_bias" => input.add(Dense::new(4).use_bias(false)),
            "depthwise" => input.add(DepthwiseConv2D::new((3, 2))),
            "depthwise_same_strides" => input.add(depthwise().activation(Relu)),
            "depthwise_dilated" => {
                input.add(DepthwiseConv2D::new((2, 3)).dilation_rate((2, 2)).padding(same).use_bias(false))
            }
            "separable" => input.add(SeparableConv2D::new(4, (3, 2))),
            "separable_same_strides" => {
                input.add(separable().strides((2, 2)).depth_multiplier(2).activation(Tanh))
            }
            "separable_dilated" => input.add(separable().dilation_rate((2, 2)).use_bias(false)),
            "zero_padding2d_1" => input.add(ZeroPadding2D::new(1)),
            "zero_padding2d_1_2" => input.add(ZeroPadding2D::new((1, 2))),
            "zero_padding2d_sides" => input.add(ZeroPadding2D::new(sides)),
            "cropping2d_1_2" => input.add(Cropping2D::new((1, 2))),
            "cropping2d_sides" => input.add(Cropping2D::new(sides)),
            "relu" => input.add(ReLU::new()),
            "relu_max_value" => input.add(ReLU::new().max_value(0.5)),
            "relu_negative_slope" => input.add(ReLU::new().negative_slope(0.1)),
            "relu_threshold" => input.add(ReLU::new().threshold(0.5)),
            "relu_everything" => input.add(ReLU::new().max_value(1.0).negative_slope(0.2).threshold(0.25)),
            "leaky_relu" => input.add(LeakyReLU::new()),
            "leaky_relu_steep" => input.add(LeakyReLU::new().negative_slope(1.5)),
            "elu" => input.add(ELU::new()),
            "elu_alpha" => input.add(ELU::new().alpha(0.5)),
            "softmax_image" | "softmax_vector" => input.add(Softmax::new()),
            "rescaling" => input.add(Rescaling::new(1.0 / 127.5).offset(-1.0)),
            "reshape_to_image" => input.add(Reshape::new([3, 4, 2])),
            "reshape_image" => input.add(Reshape::new([2, 3, -1])),
            "reshape_to_vector" => input.add(Reshape::new([-1])),
            "reshape_to_rows" => input.add(Reshape::new([9, 14])),
            "permute_2_1_3" => input.add(Permute::new([1, 3, 2])),
            "permute_3_1_2" => input.add(Permute::new([3, 1, 2])),
            "permute_2_3_1" => input.add(Permute::new([2, 3, 1])),
            "permute_2_1" => input.add(Permute::new([2, 1])),
            "layer_normalization_image" => input.add(LayerNormalization::new()),
            "layer_normalization_vector" => input.add(LayerNormalization::new().epsilon(0.1)),
            "layer_normalization_no_scale" => input.add(LayerNormalization::new().scale(false)),
            "layer_normalization_no_center" => input.add(LayerNormalization::new().center(false)),
            "up_sampling2d" => input.add(UpSampling2D::new((2, 3))),
            "up_sampling2d_bilinear" => {
                input.add(UpSampling2D::new((2, 3)).interpolation(Interpolation::Bilinear))
            }
            "global_max_pooling2d" => input.add(GlobalMaxPooling2D),
            "global_max_pooling2d_keepdims" => input.add(GlobalMaxPooling2D.keepdims(true)),
            "global_average_pooling2d_keepdims" => input.add(GlobalAveragePooling2D.keepdims(true)),
            "batch_normalization_no_scale" => input.add(BatchNormalization::new().scale(false)),
            "batch_normalization_no_center" => input.add(BatchNormalization::new().center(false)),
            "batch_normalization_neither" => input.add(BatchNormalization::new().center(false).scale(false)),
            other => panic!("the fixture has a case {other:?} without a layer here"),
        };
        model.build().unwrap()
    };
    let published = &fixture["published_layers"];
    for (name, case) in published["cases"].as_object().unwrap() {
        let x = images(tensor(&published["inputs"][case["input"].as_str().unwrap()]));
        let mut model = build(name, &x);
        let own: Vec<String> = model.weights().into_iter().map(|(weight, _)| weight).collect();
        let keras_names = case["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let last_part = |weight: &String| weight.rsplit('/').next().unwrap().to_string();
        assert_eq!(own.iter().map(last_part).collect::<Vec<_>>(), keras_names.collect::<Vec<_>>(), "{name}");
        let of_keras = |(own, value): (&String, &Value)| {
            let is_depthwise = own == "depthwise_conv2d/kernel" || own.ends_with("depthwise_kernel");
            let weight = if is_depthwise { depthwise_kernel(value) } else { weight(value) };
            (own.clone(), weight)
        };
        let new: Vec<_> = own.iter().zip(case["weights"].as_array().unwrap()).map(of_keras).collect();
        model.set_weights(&new).unwrap();
        let keras = images(tensor(&case["output"]));
        assert_close(name, &model.predict(&x).unwrap(), &keras);
        let sides: Vec<String> = keras.size()[1..].iter().map(i64::to_string).collect();
        let summary = model.summary().to_string();
        assert!(summary.contains(&format!("(None, {})", sides.join(", "))), "{name}: {summary}");
    }
}

/// Keras's depthwise kernels, `[height, width, channels, multiplier]`, as this crate's.
fn depthwise_kernel(value: &Value) -> Tensor {
    let kernel = tensor(value);
    let (height, width, ..) = kernel.size4().unwrap();
    kernel.permute([2, 3, 0, 1]).reshape([-1, 1, height, width])
}

#[test]
fn activations() {
    let fixture = fixture();
    let x = tensor(&fixture["activations"]["x"]);
    for activation in Activation::ALL {
        let name = activation.name();
        assert_close(name, &activation.apply(&x), &tensor(&fixture["activations"]["outputs"][name]));
        assert_eq!(name.parse::<Activation>().unwrap(), activation);
    }
    assert!("relux".parse::<Activation>().unwrap_err().to_string().contains("leaky_relu"));
}

#[test]
fn losses() {
    let losses = &fixture()["losses"];
    let (logits, y) = (tensor(&losses["logits"]), tensor(&losses["y"]).to_kind(Kind::Int64));
    // A model that passes its input on, so that its outputs are the softmax of the fixture's logits.
    let mut model =
        Sequential::input([5]).add(Dense::new(5).activation(Softmax)).device(Device::Cpu).build().unwrap();
    let identity = Tensor::eye(5, (Kind::Float, Device::Cpu));
    let zeros = Tensor::zeros([5], (Kind::Float, Device::Cpu));
    model.set_weights(&[("dense/kernel".into(), identity), ("dense/bias".into(), zeros)]).unwrap();
    let cases = [
        ("categorical_crossentropy", Loss::CategoricalCrossentropy),
        ("mean_squared_error", Loss::MeanSquaredError),
        (
            "categorical_crossentropy_label_smoothing_0.1",
            Loss::SmoothedCategoricalCrossentropy { label_smoothing: 0.1 },
        ),
    ];
    for (name, loss) in cases {
        model.compile(Adam::default(), loss).unwrap();
        for labels in [&y, &to_categorical(&y, 5).unwrap()] {
            assert_near(name, model.evaluate(&logits, labels).unwrap().loss, &losses[name]);
        }
    }
    model.compile(Adam::default(), Loss::SparseCategoricalCrossentropy).unwrap();
    let name = "sparse_categorical_crossentropy";
    assert_near(name, model.evaluate(&logits, &y).unwrap().loss, &losses[name]);
    let one_hot = model.evaluate(&logits, &to_categorical(&y, 5).unwrap()).unwrap_err().to_string();
    assert!(one_hot.contains("class numbers [n]"), "{one_hot}");
}

#[test]
fn splits() {
    for case in fixture()["splits"].as_array().unwrap() {
        let settings = Fit { validation_split: case["validation_split"].as_f64().unwrap(), ..Fit::default() };
        let split = settings.split(case["count"].as_i64().unwrap()).unwrap();
        assert_eq!(split, (case["train"].as_i64().unwrap(), case["validation"].as_i64().unwrap()), "{case}");
    }
}

#[test]
fn initial_weights() {
    let glorot = &fixture()["glorot"];
    let model = course::model(1).unwrap();
    for (position, name) in [(0, "conv2d/kernel"), (2, "dense/kernel"), (3, "dense_1/kernel")] {
        let limit = glorot[position]["limit"].as_f64().unwrap();
        let kernel = model.weight(name).unwrap();
        let largest = kernel.abs().max().double_value(&[]);
        assert!(
            largest <= limit && largest > 0.95 * limit,
            "{name}: {largest}, and Keras's limit is {limit}"
        );
        let deviation = kernel.std(false).double_value(&[]);
        assert!((deviation / (limit / 3_f64.sqrt()) - 1.0).abs() < 0.1, "{name}: {deviation} is not uniform");
    }
    assert_eq!(model.weight("conv2d/bias").unwrap().abs().max().double_value(&[]), 0.0);

    // Of a depthwise kernel, Keras counts all channels as its inputs.
    let limit = fixture()["depthwise_glorot_limit"].as_f64().unwrap();
    let model =
        Sequential::input([4, 9, 9]).add(DepthwiseConv2D::new((3, 3)).depth_multiplier(2)).build().unwrap();
    let largest = model.weight("depthwise_conv2d/kernel").unwrap().abs().max().double_value(&[]);
    assert!(largest <= limit && largest > 0.9 * limit, "{largest}, and Keras's limit is {limit}");
}

#[test]
fn metrics() {
    let metrics = &fixture()["metrics"];
    let labels = |name: &str| -> Tensor {
        let numbers = metrics[name].as_array().unwrap().iter().map(|label| label.as_i64().unwrap());
        Tensor::from_slice(&numbers.collect::<Vec<_>>())
    };
    let matrix = ConfusionMatrix::new(&labels("truth"), &labels("predicted"), 5).unwrap();
    assert_near("accuracy", matrix.accuracy(), &metrics["accuracy"]);
    for class in 0..5 {
        assert_near("precision", matrix.precision(class), &metrics["precision"][class]);
        assert_near("recall", matrix.recall(class), &metrics["recall"][class]);
        assert_near("f1", matrix.f1(class), &metrics["f1"][class]);
        assert_eq!(matrix.support(class), metrics["support"][class].as_i64().unwrap());
        for predicted in 0..5 {
            let count = metrics["matrix"][class][predicted].as_i64().unwrap();
            assert_eq!(matrix.count(class, predicted), count);
        }
    }
    let report = matrix.report().to_string();
    for (average, row) in [("macro", "macro avg"), ("weighted", "weighted avg")] {
        let line = report.lines().find(|line| line.contains(row)).unwrap();
        for value in metrics["averages"][average].as_array().unwrap() {
            let text = format!("{:.4}", value.as_f64().unwrap());
            assert!(line.contains(&text), "{line} lacks {text}");
        }
    }
    let three = Tensor::from_slice(&[0_i64, 1, 5]);
    assert!(ConfusionMatrix::new(&three, &three, 5)
        .unwrap_err()
        .to_string()
        .contains("5 classes have the numbers 0 to 4"));
    assert!(ConfusionMatrix::new(&three, &labels("truth"), 5).is_err());
}
