//! Transfer learning: frozen layers, new heads, a learning rate per layer.

use cnn::{callbacks::BackupAndRestore, prelude::*};
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("cnn-transfer-{name}-{}", std::process::id()))
}

/// 64 images of digits, 14 pixels high and wide, and their classes.
fn data() -> (Tensor, Tensor) {
    let data = mnist::synthetic_digits(64, 0, 1);
    let x = normalize(&add_channel(&data.x_train).unwrap()).unwrap();
    (x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None), data.y_train)
}

/// A base with all that freezing is about, and a head. No dropout: its draws are shared with tests on other threads.
fn model() -> Sequential {
    Sequential::input([1, 14, 14])
        .add(Conv2D::new(4, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(
            Residual::new()
                .add(Conv2D::new(6, (3, 3)).padding(Padding::Same))
                .add(BatchNormalization::new().momentum(0.5))
                .activation(Relu),
        )
        .add(BatchNormalization::new().center(false).scale(false).momentum(0.5))
        .add(GlobalAveragePooling2D)
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap()
}

fn settings() -> Fit {
    Fit { epochs: 2, batch_size: 16, verbose: false, ..Fit::default() }
}

fn copies(model: &Sequential) -> Vec<(String, Tensor)> {
    model.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
}

/// The names of the weights that are other than before.
fn changed(before: &[(String, Tensor)], model: &Sequential) -> Vec<String> {
    let both = before.iter().zip(model.weights());
    both.filter(|((_, before), (_, now))| !before.equal(now)).map(|((name, _), _)| name.clone()).collect()
}

fn same_weights(one: &Sequential, other: &Sequential) -> bool {
    changed(&copies(one), other).is_empty()
}

#[test]
fn frozen_layers_keep_weights_and_running_means() {
    let (x, y) = data();
    let optimizers: [Optimizer; 4] = [
        SGD { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01, ..SGD::default() }.into(),
        RMSprop::default().into(),
        Adam::default().into(),
        AdamW::default().into(),
    ];
    for optimizer in optimizers {
        let mut model = model();
        model.set_trainable_from("dense").unwrap();
        model.compile(optimizer.clone(), Loss::CategoricalCrossentropy).unwrap();
        let before = copies(&model);
        model.fit(&x, &y, &settings()).unwrap();
        assert_eq!(changed(&before, &model), ["dense/kernel", "dense/bias"], "{optimizer:?}");
        // What was frozen can be trained again, running means included.
        model.set_all_trainable(true);
        model.fit(&x, &y, &settings()).unwrap();
        assert_eq!(changed(&before, &model).len(), before.len(), "{optimizer:?}");
    }
}

#[test]
fn layers_are_chosen_by_name_by_block_by_class_and_by_what_names_begin_with() {
    let frozen = |change: &dyn Fn(&mut Sequential) -> cnn::anyhow::Result<()>| {
        let mut model = Sequential::input([1, 14, 14])
            .add(Conv2D::new(2, (3, 3)).name("block_1_conv"))
            .add(BatchNormalization::new().name("block_1_bn"))
            .add(Conv2D::new(2, (3, 3)).name("block_11_conv"))
            .add(
                Residual::new()
                    .add(Conv2D::new(3, (3, 3)).padding(Padding::Same))
                    .add(BatchNormalization::new()),
            )
            .add(Flatten)
            .add(Dense::new(2))
            .build()
            .unwrap();
        change(&mut model).unwrap();
        let is_kernel = |name: &str| name.ends_with("kernel") || name.ends_with("gamma");
        let weights = model.weights().into_iter();
        let frozen = weights.filter(|(name, weight)| is_kernel(name) && !weight.requires_grad());
        frozen.map(|(name, _)| name.rsplit_once('/').unwrap().0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(frozen(&|model| model.set_trainable("block_1", false)), ["block_1_conv", "block_1_bn"]);
    assert_eq!(frozen(&|model| model.set_trainable("block_11_conv", false)), ["block_11_conv"]);
    let block = ["residual/conv2d", "residual/batch_normalization", "residual/shortcut"];
    assert_eq!(frozen(&|model| model.set_trainable("residual", false)), block);
    assert_eq!(frozen(&|model| model.set_trainable("residual/shortcut", false)), ["residual/shortcut"]);
    let norms = ["block_1_bn", "residual/batch_normalization"];
    assert_eq!(frozen(&|model| model.set_trainable("BatchNormalization", false)), norms);
    let before = ["block_1_conv", "block_1_bn", "block_11_conv"];
    assert_eq!(frozen(&|model| model.set_trainable_from("residual")), before);
    assert_eq!(frozen(&|model| model.set_trainable_from("block_1_conv")), [""; 0]);

    let mut model = model();
    for name in ["conv", "", "dense_1", "residual/", "Conv3D"] {
        let message = model.set_trainable(name, false).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("no layer is called {name:?}; there are conv2d, max")),
            "{message}"
        );
    }
    assert!(model
        .set_trainable_from("nowhere")
        .unwrap_err()
        .to_string()
        .contains("global_average_pooling2d"));
    assert_eq!(model.count_params() - model.count_trainable_params(), 2 * 6 + 2 * 6, "nothing was frozen");
}

#[test]
fn the_head_learns_as_if_nothing_were_frozen() {
    let (x, y) = data();
    let trained = |freeze: bool| {
        let mut model = Sequential::input([1, 14, 14])
            .add(Conv2D::new(4, (3, 3)).activation(Relu))
            .add(MaxPooling2D::new((2, 2)))
            .add(Conv2D::new(4, (3, 3)).activation(Relu6))
            .add(Flatten)
            .add(Dense::new(10).activation(Softmax))
            .device(Device::Cpu)
            .build()
            .unwrap();
        if freeze {
            model.set_trainable_from("dense").unwrap();
        }
        model.compile(SGD { learning_rate: 0.1, ..SGD::default() }, Loss::CategoricalCrossentropy).unwrap();
        // One step: with two, the base would be another one.
        model.fit(&x, &y, &Fit { batch_size: 64, ..settings().with_epochs(1) }).unwrap();
        model
    };
    let (frozen, other) = (trained(true), trained(false));
    for name in ["dense/kernel", "dense/bias"] {
        assert!(frozen.weight(name).unwrap().equal(&other.weight(name).unwrap()), "{name}");
    }
    assert!(!frozen.weight("conv2d/kernel").unwrap().equal(&other.weight("conv2d/kernel").unwrap()));
    assert!(same_weights(&frozen, &trained(true)), "one seed, one result");
}

/// Settings with another number of epochs.
trait WithEpochs {
    fn with_epochs(self, epochs: usize) -> Fit;
}

impl WithEpochs for Fit {
    fn with_epochs(self, epochs: usize) -> Fit {
        Fit { epochs, ..self }
    }
}

#[test]
fn a_model_without_weights_to_train_is_refused() {
    let (x, y) = data();
    let mut model = model();
    model.set_all_trainable(false);
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let message = format!("{:#}", model.fit(&x, &y, &settings()).unwrap_err());
    assert!(message.contains("no weights to train") && message.contains("set_trainable("), "{message}");
    assert!(model.history().is_none());
    let mut bare = Sequential::input([10]).add(Softmax).build().unwrap();
    bare.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let message = format!(
        "{:#}",
        bare.fit(&Tensor::zeros([4, 10], (Kind::Float, Device::Cpu)), &y.narrow(0, 0, 4), &settings())
            .unwrap_err()
    );
    assert!(message.contains("add a Dense layer"), "{message}");
}

#[test]
fn the_summary_counts_what_is_trained() {
    let mut model = model();
    let params = model.count_params();
    model.set_trainable_from("dense").unwrap();
    let summary = format!("{:?}", model.summary());
    assert!(summary.contains("Trainable params: 70"), "{summary}");
    assert!(summary.contains(&format!("Non-trainable params: {}", params - 70)), "{summary}");
}

#[test]
fn what_is_frozen_is_saved() {
    let (x, y) = data();
    for ending in ["safetensors", "keras", "h5"] {
        let path = file("frozen").with_extension(ending);
        let mut model = model();
        model.set_trainable("conv2d", false).unwrap();
        model.set_trainable("BatchNormalization", false).unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        model.fit(&x, &y, &settings()).unwrap();
        model.save(&path).unwrap();
        let mut loaded = Sequential::load(&path).unwrap();
        assert_eq!(loaded.count_trainable_params(), model.count_trainable_params(), "{ending}");
        let before = copies(&loaded);
        loaded.fit(&x, &y, &settings()).unwrap();
        let changed = changed(&before, &loaded);
        assert_eq!(changed.len(), 2 + 2 + 2, "{ending}: {changed:?}");
        assert!(
            !changed.iter().any(|name| name.contains("normalization") || name.starts_with("conv2d/")),
            "{changed:?}"
        );
        // Weights alone leave it as it is.
        let mut other = self::model();
        other.set_trainable("dense", false).unwrap();
        other.load_weights(&path).unwrap();
        assert!(other
            .weights()
            .iter()
            .all(|(name, weight)| weight.requires_grad() != name.starts_with("dense/")
                || name.contains("moving")));
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn the_optimizer_goes_on_with_what_stays_trainable() {
    let (x, y) = data();
    let path = file("optimizer").with_extension("safetensors");
    let mut model = model();
    model.set_trainable_from("dense").unwrap();
    model.compile(Adam { learning_rate: 0.01, ..Adam::default() }, Loss::CategoricalCrossentropy).unwrap();
    model.fit(&x, &y, &settings()).unwrap();
    // Some weights begin only now; the file knows that, before their first step and after it.
    model.set_trainable("residual", true).unwrap();
    for _ in 0..2 {
        model.save_with_optimizer(&path).unwrap();
        let mut loaded = Sequential::load(&path).unwrap();
        model.fit(&x, &y, &settings()).unwrap();
        loaded.fit(&x, &y, &settings()).unwrap();
        assert!(same_weights(&model, &loaded));
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_first_step_of_adam_is_as_long_for_weights_that_are_trained_later() {
    let (x, y) = data();
    let mut model = model();
    model.set_trainable_from("dense").unwrap();
    model.compile(Adam { learning_rate: 0.01, ..Adam::default() }, Loss::CategoricalCrossentropy).unwrap();
    model.fit(&x, &y, &settings()).unwrap();
    model.set_trainable("conv2d", true).unwrap();
    let before = model.weight("conv2d/kernel").unwrap();
    model.fit(&x, &y, &Fit { batch_size: 64, ..settings().with_epochs(1) }).unwrap();
    // Adam's first step is the learning rate, whatever the gradient is.
    let step = (model.weight("conv2d/kernel").unwrap() - before).abs().max().double_value(&[]);
    assert!((step - 0.01).abs() < 1e-4, "{step}");
}

#[test]
fn an_interrupted_training_with_frozen_layers_goes_on() {
    let ((x, y), path) = (data(), file("backup"));
    let settings = Fit { lr_multipliers: vec![("residual".into(), 0.1)], ..settings().with_epochs(3) };
    let compiled = || {
        let mut model = model();
        model.set_trainable_from("residual").unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        model
    };
    let mut whole = compiled();
    whole.fit(&x, &y, &settings).unwrap();
    let backup = || BackupAndRestore::new(&path);
    let aside = path.with_file_name(format!("{}.aside", path.file_name().unwrap().to_string_lossy()));
    let interrupted = || {
        let two = Fit { epochs: 2, ..settings.clone() };
        compiled().training(&x, &y, &two).callback(backup().delete_checkpoint(false)).run().unwrap();
    };
    interrupted();
    let mut resumed = compiled();
    let history = resumed.training(&x, &y, &settings).callback(backup()).run().unwrap();
    assert_eq!(history.loss.len(), 3);
    assert!(!aside.exists() && same_weights(&whole, &resumed));
    // Other frozen layers, or other rates, make another training.
    interrupted();
    let mut other = compiled();
    other.set_trainable("conv2d", true).unwrap();
    other.training(&x, &y, &settings).callback(backup()).run().unwrap();
    assert!(aside.exists());
    std::fs::remove_file(&aside).unwrap();
}

#[test]
fn the_search_for_a_learning_rate_leaves_frozen_what_is_frozen() {
    let (x, y) = data();
    let mut model = model();
    model.set_trainable_from("dense").unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let before = copies(&model);
    model.lr_find(&x, &y, &LrFind { num_it: 20, ..LrFind::default() }).unwrap();
    assert_eq!(changed(&before, &model), [""; 0]);
    assert_eq!(model.count_trainable_params(), 70);
}

#[test]
fn a_multiplier_makes_steps_shorter_by_just_that() {
    let (x, y) = data();
    let step = |lr_multipliers: Vec<(String, f64)>, weight: &str| {
        let mut model = model();
        model.compile(SGD { learning_rate: 0.1, ..SGD::default() }, Loss::CategoricalCrossentropy).unwrap();
        model.fit(&x, &y, &Fit { batch_size: 64, lr_multipliers, ..settings().with_epochs(1) }).unwrap();
        model.weight(weight).unwrap() // biases begin at 0
    };
    let half = || vec![("residual".to_string(), 0.25), ("residual".to_string(), 0.5)];
    assert!((step(vec![], "residual/shortcut/bias") * 0.5).equal(&step(half(), "residual/shortcut/bias")));
    assert!(step(vec![], "dense/bias").equal(&step(half(), "dense/bias")));
    assert!(step(vec![("dense".into(), 0.0)], "dense/bias")
        .equal(&Tensor::zeros([10], (Kind::Float, Device::Cpu))));

    let mut model = model();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let mut refusal = |name: &str, factor: f64| {
        let settings = Fit { lr_multipliers: vec![(name.into(), factor)], ..settings() };
        format!("{:#}", model.fit(&x, &y, &settings).unwrap_err())
    };
    let unknown = refusal("base", 0.1);
    assert!(unknown.contains("lr_multipliers: no layer is called \"base\"; there are conv2d"), "{unknown}");
    let negative = refusal("dense", -1.0);
    assert!(negative.contains("\"dense\" must be a number of 0 or more, not -1"), "{negative}");
}

#[test]
fn a_new_head_keeps_the_base() {
    let (x, _) = data();
    let mut model = model();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let base = copies(&model);
    let expected = model.layer_output("global_average_pooling2d", &x).unwrap();
    model.pop_after("global_average_pooling2d").unwrap();
    assert!((model.predict(&x).unwrap() - expected).abs().max().double_value(&[]) < 1e-6);
    assert!(model.learning_rate().is_err(), "it has to be compiled again");
    model.set_all_trainable(false);
    model.add(Dense::new(8).activation(Relu)).unwrap();
    model.add(Dense::new(8)).unwrap();
    model.add(Dense::new(2).activation(Softmax).name("cats")).unwrap();
    let names: Vec<&str> = model.layers().map(|(name, _)| name).skip(5).collect();
    assert_eq!(names, ["dense", "dense_1", "cats"]);
    assert_eq!(changed(&base[..base.len() - 2], &model), [""; 0]);
    assert_eq!(model.count_trainable_params(), (6 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 2);
    // Each layer draws numbers of its own, the same ones each time.
    let (mut one, mut other) = (self::model(), self::model());
    for model in [&mut one, &mut other] {
        model.pop_after("global_average_pooling2d").unwrap();
        model.add(Dense::new(6)).unwrap();
        model.add(Dense::new(6)).unwrap();
    }
    assert!(one.weight("dense/kernel").unwrap().equal(&other.weight("dense/kernel").unwrap()));
    assert!(!one.weight("dense/kernel").unwrap().equal(&one.weight("dense_1/kernel").unwrap()));
    assert!(same_weights(&one, &other));
}

#[test]
fn a_head_that_does_not_fit_leaves_the_model_as_it_was() {
    let mut model = model();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let shape = format!("{model:?}");
    let refused = |result: cnn::anyhow::Result<()>, expected: &str| {
        let message = format!("{:#}", result.unwrap_err());
        assert!(message.contains(expected), "{message}");
    };
    refused(model.add(Conv2D::new(2, (3, 3))), "layer 7, conv2d_1, cannot be added after");
    refused(model.add(Dense::new(2).name("dense")), "layers 6 and 7 are both called \"dense\"");
    refused(model.add(Dense::new(1 << 28)), "room for");
    refused(model.pop_after("top"), "no layer is called \"top\"; there are conv2d");
    assert_eq!(format!("{model:?}"), shape);
    assert!(model.learning_rate().is_ok(), "it is still compiled");
    for _ in 0..5 {
        model.pop().unwrap();
    }
    assert!(model.pop().unwrap_err().to_string().contains("conv2d is the model's only layer"));
    assert_eq!(model.layers().count(), 1);
}

#[test]
fn a_counted_name_is_one_that_is_free() {
    let mut model = Sequential::input([4]).add(Dense::new(3).name("dense")).build().unwrap();
    model.add(Dense::new(2)).unwrap();
    assert_eq!(model.weight("dense_1/bias").unwrap().size(), [2]);
    let path = file("names").with_extension("safetensors");
    model.save(&path).unwrap();
    assert!(same_weights(&Sequential::load(&path).unwrap(), &model));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn features_of_many_images_are_those_of_few() {
    let (x, _) = data();
    let many = x.repeat([4, 1, 1, 1]);
    let mut model = model();
    let (all, few) =
        (model.layer_output("residual", &many).unwrap(), model.layer_output("residual", &x).unwrap());
    assert_eq!(all.size(), [256, 6, 6, 6]);
    assert!((all - few.repeat([4, 1, 1, 1])).abs().max().double_value(&[]) < 1e-6);
    // As images, too.
    model.pop_after("residual").unwrap();
    assert!((model.predict(&x).unwrap() - few).abs().max().double_value(&[]) < 1e-6);
}
