//! What layers do that no fixture of Keras covers: by properties, and by differences.

use cnn::prelude::*;
use cnn::tch::no_grad;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// libtorch's generator is one for all tests of the process: who draws from it holds this.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn images(shape: [i64; 4]) -> Tensor {
    let _turn = generator();
    cnn::tch::manual_seed(7);
    Tensor::randn(shape, (Kind::Float, Device::Cpu))
}

fn input() -> cnn::SequentialBuilder {
    Sequential::input([4, 8, 8]).device(Device::Cpu)
}

/// A model with every kind of layer.
fn everything() -> Sequential {
    let block = Residual::new()
        .add(Conv2D::new(8, (3, 3)).padding(Padding::Same).strides((2, 2)))
        .add(BatchNormalization::new().momentum(0.9))
        .add(Relu)
        .add(Conv2D::new(8, (3, 3)).padding(Padding::Same).groups(2))
        .activation(Relu);
    let mut model = Sequential::input([1, 28, 28])
        .add(Conv2D::new(4, (3, 3)).padding(Padding::Same).activation(Gelu))
        .add(MaxPooling2D::new((3, 3)).strides((2, 2)).padding(Padding::Same))
        .add(block)
        .add(AveragePooling2D::new((2, 2)))
        .add(Dropout::new(0.1))
        .add(Conv2D::new(12, (1, 1)))
        .add(GlobalAveragePooling2D)
        .add(Flatten)
        .add(BatchNormalization::new())
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(AdamW::default(), Loss::CategoricalCrossentropy).unwrap();
    model
}

#[test]
fn a_model_of_every_layer_trains_and_comes_back_from_its_file() {
    let _turn = generator();
    let data = mnist::synthetic_digits(200, 50, 1);
    let x = add_channel(&data.x_train).unwrap();
    let settings = Fit { epochs: 2, verbose: false, ..Fit::default() };
    let mut model = everything();
    model.fit(&x, &data.y_train, &settings).unwrap();
    let file = std::env::temp_dir().join(format!("cnn-layers-{}.safetensors", std::process::id()));
    model.save_with_optimizer(&file).unwrap();
    let mut loaded = Sequential::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for ((name, weight), (other, loaded)) in model.weights().iter().zip(loaded.weights()) {
        assert_eq!(*name, other);
        assert_eq!(*weight, loaded, "{name}");
    }
    assert_eq!(model.predict(&x).unwrap(), loaded.predict(&x).unwrap());
    // With the optimizer's memory, training goes on as if nothing had happened.
    let more = Fit { seed: 3, ..settings };
    assert_eq!(
        model.fit(&x, &data.y_train, &more).unwrap().loss,
        loaded.fit(&x, &data.y_train, &more).unwrap().loss
    );
}

#[test]
fn names_and_counts_include_what_is_not_trained() {
    let model = everything();
    let names: Vec<String> = model.weights().into_iter().map(|(name, _)| name).collect();
    for name in [
        "residual/conv2d_1/kernel",
        "residual/shortcut/bias",
        "residual/batch_normalization/moving_mean",
        "batch_normalization/gamma",
    ] {
        assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
    }
    let summary = model.summary().to_string();
    let total = model.count_params();
    // Two batch normalisations, of 8 and 12 channels, with two running means each.
    assert!(summary.contains("Non-trainable params: 40"), "{summary}");
    assert!(summary.contains(&format!("Trainable params: {}", total - 40)), "{summary}");
}

#[test]
fn an_activation_may_come_before_or_after_the_pooling() {
    let x = images([3, 4, 8, 8]);
    for activation in Activation::ALL {
        let model = input()
            .add(Conv2D::new(5, (3, 3)).activation(activation))
            .add(MaxPooling2D::new((2, 2)))
            .build()
            .unwrap();
        let convolved = model.layer_output("conv2d", &x).unwrap();
        let pooled = convolved.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        let difference = (pooled - model.forward(&x).unwrap()).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{activation:?}: {difference}");
    }
}

#[test]
fn an_activation_may_come_before_or_after_the_global_pooling() {
    let x = images([3, 4, 8, 8]);
    for activation in Activation::ALL {
        let model = input()
            .add(Conv2D::new(5, (3, 3)).activation(activation))
            .add(GlobalMaxPooling2D)
            .add(Layer::name(Relu, "last"))
            .build()
            .unwrap();
        let largest = model.layer_output("conv2d", &x).unwrap().amax([2, 3], false).relu();
        let difference = (largest - model.forward(&x).unwrap()).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{activation:?}: {difference}");
    }
}

#[test]
fn a_softmax_of_images_goes_over_channels() {
    let x = images([2, 4, 3, 5]);
    let with = |last: cnn::SequentialBuilder| last.build().unwrap().forward(&x).unwrap();
    let image = || Sequential::input([4, 3, 5]).device(Device::Cpu).seed(3);
    let as_argument = with(image().add(Conv2D::new(6, (1, 1)).activation(Softmax)));
    let as_layer = with(image().add(Conv2D::new(6, (1, 1))).add(Softmax::new()));
    assert_eq!(as_argument, as_layer);
    let sums = as_argument.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
    assert!(sums.allclose(&sums.ones_like(), 1e-5, 1e-6, false), "{sums}");
}

#[test]
fn groups_are_convolutions_side_by_side() {
    let x = images([3, 4, 8, 8]);
    let model = input().add(Conv2D::new(6, (3, 3)).groups(2)).build().unwrap();
    let (kernel, bias) = (model.weight("conv2d/kernel").unwrap(), model.weight("conv2d/bias").unwrap());
    assert_eq!(kernel.size(), [6, 2, 3, 3]);
    let half = |group: i64| {
        let (kernel, bias) = (kernel.narrow(0, 3 * group, 3), bias.narrow(0, 3 * group, 3));
        x.narrow(1, 2 * group, 2).conv2d(&kernel, Some(bias), [1, 1], [0, 0], [1, 1], 1)
    };
    let expected = Tensor::cat(&[half(0), half(1)], 1);
    let difference = (model.forward(&x).unwrap() - expected).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{difference}");
    let refused = input().add(Conv2D::new(6, (3, 3)).groups(4)).build().unwrap_err().to_string();
    assert!(refused.contains("groups must divide") && refused.contains("4"), "{refused}");
}

#[test]
fn a_residual_block_adds_its_input() {
    let x = images([3, 4, 8, 8]);
    let convolution = || Conv2D::new(4, (3, 3)).padding(Padding::Same).activation(Tanh);
    let block = input().add(Residual::new().add(convolution()).activation(Relu)).seed(5).build().unwrap();
    let alone = input().add(convolution()).seed(5).build().unwrap();
    let expected = (alone.forward(&x).unwrap() + &x).relu();
    assert_eq!(block.forward(&x).unwrap(), expected);

    let half = Residual::new().add(Conv2D::new(6, (3, 3)).strides((2, 2)).padding(Padding::Same));
    let block = input().add(half).seed(5).build().unwrap();
    assert_eq!(block.forward(&x).unwrap().size(), [3, 6, 4, 4]);
    assert_eq!(block.weight("residual/shortcut/kernel").unwrap().size(), [6, 4, 1, 1]);

    let refusals = [
        (Residual::new().add(Conv2D::new(4, (3, 3))), "Padding::Same"),
        (Residual::new().add(Flatten), "only images can be added"),
        (Residual::new(), "no layers"),
        (Residual::new().add(Dense::new(3)), "layer dense"),
    ];
    for (block, part) in refusals {
        let message = input().add(block).build().unwrap_err().to_string();
        assert!(message.contains("layer 1, residual") && message.contains(part), "{message}");
    }
}

/// The derivative of a weighted sum of a model's outputs by a few numbers of each weight, against differences.
#[test]
fn gradients_are_what_small_changes_do() {
    let x = images([3, 4, 8, 8]);
    let models = [
        input().add(Conv2D::new(6, (3, 3)).groups(2).activation(Tanh)),
        input().add(Conv2D::new(3, (3, 3)).activation(Tanh)).add(AveragePooling2D::new((2, 2))),
        input().add(Conv2D::new(3, (2, 2)).padding(Padding::Same)).add(BatchNormalization::new()).add(Silu),
        input()
            .add(Residual::new().add(Conv2D::new(6, (3, 3)).strides((2, 2)).padding(Padding::Same)))
            .add(Softplus),
        input().add(Conv2D::new(3, (3, 3)).activation(Selu)).add(GlobalAveragePooling2D).add(Dense::new(2)),
        input().add(Conv2D::new(3, (3, 3)).use_bias(false).dilation_rate((2, 1)).activation(Tanh)),
        input().add(DepthwiseConv2D::new((3, 3)).depth_multiplier(2).strides((2, 2)).padding(Padding::Same)),
        input().add(SeparableConv2D::new(5, (3, 3)).depth_multiplier(2).activation(Tanh)),
        input().add(Conv2D::new(3, (2, 2))).add(BatchNormalization::new().center(false)).add(Tanh),
        input().add(Conv2D::new(3, (2, 2))).add(LayerNormalization::new()).add(ELU::new()),
        input().add(Conv2D::new(3, (2, 2))).add(Tanh).add(ZeroPadding2D::new(1)).add(Softmax::new()),
        input()
            .add(Conv2D::new(3, (2, 2)))
            .add(UpSampling2D::new((2, 2)).interpolation(Interpolation::Bilinear))
            .add(Permute::new([2, 3, 1]))
            .add(Cropping2D::new(1)),
        input()
            .add(
                Residual::new()
                    .add(Conv2D::new(4, (3, 3)).padding(Padding::Same))
                    .shortcut(Conv2D::new(4, (1, 1)).use_bias(false))
                    .shortcut(BatchNormalization::new()),
            )
            .add(Reshape::new([-1]))
            .add(Dense::new(3).use_bias(false)),
    ];
    for (number, model) in models.into_iter().enumerate() {
        let model = model.build().unwrap();
        let factors = images([1, 1, 1, model.forward(&x).unwrap().numel() as i64]);
        let factors = factors.reshape(model.forward(&x).unwrap().size());
        let value = || (model.forward(&x).unwrap() * &factors).sum(Kind::Double);
        value().backward();
        for (name, weight) in model.weights().into_iter().filter(|(_, weight)| weight.requires_grad()) {
            // A dense kernel's numbers lie in memory column by column.
            let flat = |x: &Tensor| if x.dim() == 2 { x.tr().view([-1]) } else { x.view([-1]) };
            let gradient = flat(&weight.grad());
            for place in [0, weight.numel() as i64 / 2, weight.numel() as i64 - 1] {
                let step = 1e-2;
                let moved = |change: f64| {
                    no_grad(|| {
                        let _ = flat(&weight).narrow(0, place, 1).g_add_scalar_(change);
                        let value = value().double_value(&[]);
                        let _ = flat(&weight).narrow(0, place, 1).g_add_scalar_(-change);
                        value
                    })
                };
                let difference = (moved(step) - moved(-step)) / (2.0 * step);
                let exact = gradient.double_value(&[place]);
                let error = (difference - exact).abs() / exact.abs().max(1.0);
                assert!(
                    error < 1e-2,
                    "model {number}, {name}[{place}]: {difference}, and backward says {exact}"
                );
            }
        }
    }
}

/// The names of a model's layers, as its summary has them.
fn names(model: &Sequential) -> Vec<String> {
    let lines = model.summary().to_string();
    lines
        .lines()
        .filter_map(|line| Some(line.split_once(" (")?.0.trim().trim_start_matches('│').trim().to_string()))
        .collect()
}

#[test]
fn layers_have_the_names_that_they_are_given() {
    let model = input()
        .add(Conv2D::new(3, (3, 3)).name("erste"))
        .add(Conv2D::new(3, (3, 3)))
        .add(Layer::name(Relu, "gate"))
        .add(Residual::new().add(Conv2D::new(3, (3, 3)).padding(Padding::Same).name("inner")).name("block"))
        .add(MaxPooling2D::new((2, 2)).name("pool"))
        .add(BatchNormalization::new().name("norm"))
        .add(Dropout::new(0.1).name("drop"))
        .add(Flatten.name("flat"))
        .add(Dense::new(2).name("last"))
        .build()
        .unwrap();
    let shown = names(&model);
    for name in ["erste", "conv2d", "gate", "block", "pool", "norm", "drop", "flat", "last"] {
        assert!(shown.iter().any(|shown| shown == name), "{name} is not among {shown:?}");
    }
    assert_eq!(model.weight("block/inner/bias").unwrap().size(), [3]);
    assert_eq!(model.layer_output("gate", &images([2, 4, 8, 8])).unwrap().size(), [2, 3, 4, 4]);

    let file = std::env::temp_dir().join(format!("cnn-layer-names-{}.safetensors", std::process::id()));
    model.save(&file).unwrap();
    let loaded = Sequential::load(&file).unwrap();
    assert_eq!(names(&loaded), shown);
    assert_eq!(loaded.weights(), model.weights());
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn only_the_names_of_weights_matter_to_load_weights() {
    let file = std::env::temp_dir().join(format!("cnn-layer-other-names-{}.safetensors", std::process::id()));
    let with = |flat: &str, dense: &str| {
        input().add(Flatten.name(flat)).add(Dense::new(2).name(dense)).build().unwrap()
    };
    with("flat", "last").save(&file).unwrap();
    let mut other = input().add(Flatten).add(Dense::new(2).name("last")).seed(1).build().unwrap();
    other.load_weights(&file).unwrap();
    assert_eq!(other.weight("last/kernel").unwrap(), with("flat", "last").weight("last/kernel").unwrap());
    let refused = format!("{:#}", with("flat", "end").load_weights(&file).unwrap_err());
    std::fs::remove_file(&file).unwrap();
    assert!(refused.contains("the weight end/kernel is missing"), "{refused}");
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let dense = |name: &str| Dense::new(2).name(name);
    let refusal = |model: cnn::SequentialBuilder| format!("{:#}", model.build().unwrap_err());
    let empty = refusal(Sequential::input([4]).add(dense(" ")));
    assert!(empty.contains("the name of layer 1 is empty"), "{empty}");
    let slash = refusal(Sequential::input([4]).add(Dense::new(2)).add(dense("a/b")));
    assert!(slash.contains("layer 2 is called \"a/b\"") && slash.contains("'_'"), "{slash}");
    let twice = refusal(Sequential::input([4]).add(dense("a")).add(Dense::new(2)).add(dense("a")));
    assert!(twice.contains("layers 1 and 3 are both called \"a\"") && twice.contains(".name("), "{twice}");
    let counted = refusal(Sequential::input([4]).add(Dense::new(2)).add(dense("dense")));
    assert!(counted.contains("layers 1 and 2 are both called \"dense\""), "{counted}");
    let inner = |name: &str| Residual::new().add(Conv2D::new(4, (1, 1)).name(name));
    let inside = refusal(input().add(inner("a/b")));
    assert!(inside.contains("layer 1, residual") && inside.contains("\"a/b\""), "{inside}");
    let taken = refusal(input().add(inner("shortcut")));
    assert!(taken.contains("call it otherwise"), "{taken}");
}

/// A model with the layers that published ones use besides.
fn published() -> Sequential {
    let (same, random) = (Padding::Same, 0.05);
    let block = Residual::new()
        .add(Conv2D::new(8, (3, 3)).padding(same).strides((2, 2)).use_bias(false).name("inner"))
        .add(BatchNormalization::new().scale(false))
        .shortcut(Conv2D::new(8, (1, 1)).strides((2, 2)).use_bias(false))
        .shortcut(BatchNormalization::new().momentum(0.9))
        .activation(Relu);
    let mut model = Sequential::input([1, 28, 28])
        .add(Rescaling::new(2.0).offset(-1.0))
        .add(RandomFlip::new(FlipMode::Vertical))
        .add(RandomRotation::new(random).fill_mode(FillMode::Wrap))
        .add(RandomZoom::new((-0.1, 0.2)).width_factor(0.1).interpolation(Interpolation::Nearest))
        .add(RandomTranslation::new(random, (0.0, 0.1)).fill_mode(FillMode::Constant).fill_value(-1.0))
        .add(RandomContrast::new(0.2).value_range((-1.0, 1.0)).name("contrast"))
        .add(Conv2D::new(4, (3, 3)).padding(same).dilation_rate((2, 1)).use_bias(false))
        .add(LayerNormalization::new().epsilon(0.01))
        .add(ReLU::new().max_value(6.0).name("relu6"))
        .add(SpatialDropout2D::new(0.1))
        .add(DepthwiseConv2D::new((3, 3)).depth_multiplier(2).padding(same))
        .add(LeakyReLU::new().negative_slope(0.1))
        .add(block.name("block"))
        .add(ZeroPadding2D::new(((1, 0), (0, 1))))
        .add(SeparableConv2D::new(6, (3, 3)).activation(Gelu))
        .add(ELU::new().alpha(0.7))
        .add(UpSampling2D::new((2, 1)).interpolation(Interpolation::Bilinear))
        .add(Cropping2D::new((1, 0)))
        .add(Permute::new([1, 3, 2]))
        .add(Residual::new().add(Conv2D::new(6, (1, 1))))
        .add(GlobalMaxPooling2D.keepdims(true).name("largest"))
        .add(Reshape::new([-1]))
        .add(GaussianNoise::new(0.01))
        .add(GaussianDropout::new(0.1))
        .add(Layer::name(Tanh, "bend"))
        .add(Dense::new(10).use_bias(false))
        .add(Softmax::new().name("probabilities"))
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    model
}

#[test]
fn a_model_of_published_layers_trains_and_comes_back_from_its_file() {
    let _turn = generator();
    let data = mnist::synthetic_digits(120, 0, 1);
    let x = add_channel(&data.x_train).unwrap();
    let mut model = published();
    let before: Vec<Tensor> = model.weights().into_iter().map(|(_, weight)| weight.detach().copy()).collect();
    model.fit(&x, &data.y_train, &Fit { epochs: 1, verbose: false, ..Fit::default() }).unwrap();
    for ((name, weight), before) in model.weights().iter().zip(&before) {
        assert_ne!(weight, before, "{name} is as before the training");
    }
    let file = std::env::temp_dir().join(format!("cnn-published-{}.safetensors", std::process::id()));
    model.save(&file).unwrap();
    let loaded = Sequential::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(loaded.weights(), model.weights());
    assert_eq!(loaded.summary().to_string(), model.summary().to_string());
    // What is random while training does nothing when predicting.
    assert_eq!(model.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
}

#[test]
fn parameters_are_counted_as_keras_counts_them() {
    let cases: [(cnn::SequentialBuilder, i64); 8] = [
        (input().add(Conv2D::new(6, (3, 3)).use_bias(false)), 9 * 4 * 6),
        (input().add(DepthwiseConv2D::new((3, 3)).depth_multiplier(2)), (9 + 1) * 8),
        (input().add(SeparableConv2D::new(5, (3, 3))), 9 * 4 + 4 * 5 + 5),
        (input().add(BatchNormalization::new().center(false)), 3 * 4),
        (input().add(LayerNormalization::new().scale(false)), 4),
        (Sequential::input([7]).add(Dense::new(3).use_bias(false)), 21),
        (input().add(GlobalMaxPooling2D).add(Dense::new(2)), 10),
        (input().add(RandomRotation::new(0.1)).add(ReLU::new()), 0),
    ];
    for (model, expected) in cases {
        let model = model.build().unwrap();
        assert_eq!(model.count_params(), expected, "{model:?}");
        let total = format!("Total params: {expected} ");
        assert!(model.summary().to_string().contains(&total), "{}", model.summary());
    }
}

#[test]
fn a_shortcut_of_ones_own_goes_around_the_block() {
    let x = images([3, 4, 8, 8]);
    let block = Residual::new()
        .add(Conv2D::new(6, (3, 3)).padding(Padding::Same))
        .shortcut(Conv2D::new(6, (1, 1)).use_bias(false).activation(Relu))
        .shortcut(Tanh)
        .activation(Selu);
    let model = input().add(block).build().unwrap();
    let weight = |name: &str| model.weight(&format!("residual/{name}")).unwrap();
    let names: Vec<String> = model.weights().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["residual/conv2d/kernel", "residual/conv2d/bias", "residual/shortcut/conv2d/kernel"]);
    let layers = x.conv2d(&weight("conv2d/kernel"), Some(weight("conv2d/bias")), [1, 1], [1, 1], [1, 1], 1);
    let around = x.conv2d::<Tensor>(&weight("shortcut/conv2d/kernel"), None, [1, 1], [0, 0], [1, 1], 1);
    let expected = (layers + around.relu().tanh()).selu();
    let difference = (model.forward(&x).unwrap() - expected).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{difference}");

    let refusals = [
        (Residual::new().add(Conv2D::new(4, (1, 1))).shortcut(Conv2D::new(6, (1, 1))), "[6, 8, 8]"),
        (Residual::new().add(Conv2D::new(4, (1, 1))).shortcut(Dense::new(6)), "the shortcut's layer dense"),
        (Residual::new().add(Conv2D::new(4, (1, 1))).shortcut(Layer::name(Tanh, "a/b")), "\"a/b\""),
    ];
    for (block, part) in refusals {
        let message = input().add(block).build().unwrap_err().to_string();
        assert!(message.contains("layer 1, residual") && message.contains(part), "{message}");
    }
}

#[test]
fn a_model_that_begins_without_a_bias_or_with_gaps_is_computed_rightly() {
    let x = images([3, 1, 12, 12]);
    let first = |conv: Conv2D| {
        let pool = MaxPooling2D::new((2, 2));
        Sequential::input([1, 12, 12]).device(Device::Cpu).add(conv).add(pool).build().unwrap()
    };
    let (none, rate) = (None::<Tensor>, [2, 2]);
    let model = first(Conv2D::new(3, (3, 3)).use_bias(false).activation(Relu));
    let convolved = x.conv2d(&model.weight("conv2d/kernel").unwrap(), none, [1, 1], [0, 0], [1, 1], 1);
    let expected = convolved.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).relu();
    assert!(model.forward(&x).unwrap().allclose(&expected, 1e-5, 1e-6, false));

    let model = first(Conv2D::new(3, (3, 3)).dilation_rate((2, 2)));
    let (kernel, bias) = (model.weight("conv2d/kernel").unwrap(), model.weight("conv2d/bias").unwrap());
    let convolved = x.conv2d(&kernel, Some(bias), [1, 1], [0, 0], rate, 1);
    let expected = convolved.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
    assert!(model.forward(&x).unwrap().allclose(&expected, 1e-5, 1e-6, false));
}

#[test]
fn noise_is_as_strong_as_its_argument_and_only_there_while_training() {
    let _turn = generator();
    cnn::tch::manual_seed(5);
    let x = Tensor::ones([50, 40, 8, 8], (Kind::Float, Device::Cpu)) * 2.0;
    let statistics = |layer: &dyn Layer| {
        assert_eq!(layer.forward(&x, false), x, "{}", layer.class_name());
        let y = layer.forward(&x, true);
        (y.mean(Kind::Float).double_value(&[]), y.std(true).double_value(&[]))
    };
    let near = |ours: f64, expected: f64| {
        assert!((ours - expected).abs() < 0.02 * expected, "{ours}, not {expected}")
    };
    let (mean, deviation) = statistics(&GaussianNoise::new(0.5));
    near(mean, 2.0);
    near(deviation, 0.5);
    let (mean, deviation) = statistics(&GaussianDropout::new(0.2));
    near(mean, 2.0);
    near(deviation, 2.0 * 0.5);
    let channels = SpatialDropout2D::new(0.25).forward(&x, true).flatten(2, 3);
    let (least, most) = (channels.amin([2_i64], false), channels.amax([2_i64], false));
    assert_eq!(least, most, "channels are dropped whole");
    let dropped = least.eq(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
    assert!((dropped - 0.25).abs() < 0.04, "{dropped}");
    assert!((most.max().double_value(&[]) - 2.0 / 0.75).abs() < 1e-6);
}

#[test]
fn activations_with_arguments_have_their_slopes() {
    let slopes = |layer: &dyn Layer| -> Vec<f64> {
        let x = Tensor::from_slice(&[-1.0_f32, 0.25, 2.0]).set_requires_grad(true);
        let y = layer.activation().apply(&layer.forward(&x, true));
        Tensor::run_backward(&[y.sum(Kind::Float)], &[&x], false, false)
            .remove(0)
            .to_kind(Kind::Double)
            .try_into()
            .unwrap()
    };
    let cases: [(Box<dyn Layer>, [f64; 3]); 7] = [
        (Box::new(ReLU::new()), [0.0, 1.0, 1.0]),
        (Box::new(ReLU::new().max_value(1.0)), [0.0, 1.0, 0.0]),
        (Box::new(ReLU::new().threshold(0.5)), [0.0, 0.0, 1.0]),
        (Box::new(ReLU::new().threshold(0.5).negative_slope(0.1)), [0.1, 0.1, 1.0]),
        (Box::new(LeakyReLU::new()), [0.3, 1.0, 1.0]),
        (Box::new(ELU::new()), [(-1.0_f64).exp(), 1.0, 1.0]),
        (Box::new(ELU::new().alpha(0.5)), [0.5 * (-1.0_f64).exp(), 1.0, 1.0]),
    ];
    for (layer, expected) in cases {
        for (ours, expected) in slopes(layer.as_ref()).into_iter().zip(expected) {
            assert!((ours - expected).abs() < 1e-6, "{layer:?}: {ours}, not {expected}");
        }
    }
}

#[test]
fn nan_stays_nan() {
    let x = Tensor::from_slice(&[f32::NAN, -1.0, 2.0]);
    let layers: [Box<dyn Layer>; 5] = [
        Box::new(ReLU::new().max_value(1.0)),
        Box::new(ReLU::new().threshold(0.5).negative_slope(0.1)),
        Box::new(LeakyReLU::new()),
        Box::new(ELU::new().alpha(0.5)),
        Box::new(Rescaling::new(2.0)),
    ];
    for layer in layers {
        let nan: Vec<bool> = layer.forward(&x, false).isnan().try_into().unwrap();
        assert_eq!(nan, [true, false, false], "{layer:?}");
    }
}

#[test]
fn arguments_out_of_their_range_are_named() {
    let vector = || Sequential::input([6]);
    let conv = || Conv2D::new(3, (3, 3));
    let cases: Vec<(cnn::SequentialBuilder, &[&str])> = vec![
        (input().add(conv().dilation_rate((0, 1))), &["dilation_rate must be from 1", "(0, 1)"]),
        (input().add(conv().dilation_rate((2, 2)).strides((2, 2))), &["strides and dilation_rate", "(2, 2)"]),
        (input().add(conv().dilation_rate((4, 4))), &["dilated kernel", "9", "8"]),
        (input().add(conv().dilation_rate((i64::MAX, 1))), &["dilation_rate"]),
        (input().add(Conv2D::new(3, (i64::MIN, 1))), &["the kernel's height must be from 1"]),
        (
            input().add(Conv2D::new(3, (i64::MAX, 1)).dilation_rate((2, 1))),
            &["the dilated kernel's height must be from 1"],
        ),
        (input().add(DepthwiseConv2D::new((3, 3)).depth_multiplier(0)), &["depth_multiplier", "not 0"]),
        (input().add(DepthwiseConv2D::new((3, 0))), &["the kernel's width must be from 1", "not 0"]),
        (input().add(SeparableConv2D::new(0, (3, 3))), &["filters", "not 0"]),
        (vector().add(SeparableConv2D::new(2, (3, 3))), &["images", "[6]"]),
        (input().add(ZeroPadding2D::new(-1)), &["padding must be from 0", "-1"]),
        (input().add(Cropping2D::new((4, 0))), &["8 of 8 rows", "crop less"]),
        (input().add(ReLU::new().max_value(-1.0)), &["max_value", "-1"]),
        (input().add(ReLU::new().negative_slope(f64::NAN)), &["negative_slope", "NaN"]),
        (input().add(LeakyReLU::new().negative_slope(-0.1)), &["negative_slope", "-0.1"]),
        (input().add(ELU::new().alpha(f64::INFINITY)), &["alpha", "inf"]),
        (input().add(Softmax::new().axis(1)), &["axis must be -1", "not 1"]),
        (input().add(Rescaling::new(f64::NAN)), &["scale", "NaN"]),
        (vector().add(Reshape::new([4])), &["[4]", "6 numbers", "[6]"]),
        (vector().add(Reshape::new([-1, -1])), &["one of which may be -1", "[-1, -1]"]),
        (vector().add(Reshape::new([0, -1])), &["at least 1", "[0, -1]"]),
        (vector().add(Reshape::new([i64::MAX, 2])), &["6 numbers"]),
        (input().add(Permute::new([1, 2])), &["1 to 3", "[1, 2]"]),
        (input().add(Permute::new([1, 1, 2])), &["once", "[1, 1, 2]"]),
        (input().add(SpatialDropout2D::new(1.0)), &["rate", "not 1"]),
        (vector().add(SpatialDropout2D::new(0.5)), &["images", "[6]"]),
        (input().add(GaussianNoise::new(1.5)), &["stddev", "1.5"]),
        (input().add(GaussianDropout::new(-0.1)), &["rate", "-0.1"]),
        (input().add(LayerNormalization::new().epsilon(0.0)), &["epsilon", "not 0"]),
        (input().add(UpSampling2D::new((0, 1))), &["size", "(0, 1)"]),
        (input().add(UpSampling2D::new((30_000, 30_000))), &["numbers"]),
        (input().add(RandomRotation::new(1.5)), &["factor must be from -1 to 1", "-1.5 to 1.5"]),
        (input().add(RandomRotation::new((f64::NAN, 0.1))), &["factor"]),
        (input().add(RandomZoom::new((-1.0, 0.0))), &["height_factor must be from -0.99", "-1"]),
        (input().add(RandomZoom::new(0.1).width_factor(2.0)), &["width_factor", "2"]),
        (input().add(RandomTranslation::new(0.1, 1.1)), &["width_factor", "1.1"]),
        (input().add(RandomTranslation::new(0.1, 0.1).fill_value(f64::NAN)), &["fill_value", "NaN"]),
        (input().add(RandomContrast::new((-0.1, 0.3))), &["factor must be from 0 to 1", "-0.1"]),
        (input().add(RandomContrast::new(0.1).value_range((1.0, 0.0))), &["value_range", "(1, 0)"]),
        (vector().add(RandomFlip::default()), &["images", "[6]"]),
        (vector().add(GlobalMaxPooling2D.keepdims(true)), &["images", "[6]"]),
    ];
    for (model, parts) in cases {
        let layers = format!("{model:?}");
        let message = model.build().expect_err(&layers).to_string();
        for part in parts.iter().chain(&["layer 1"]) {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}
