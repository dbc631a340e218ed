//! What layers do that no fixture of Keras covers: by properties, and by differences.

use cnn::prelude::*;
use cnn::tch::no_grad;

fn images(shape: [i64; 4]) -> Tensor {
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
    ];
    for (number, model) in models.into_iter().enumerate() {
        let model = model.build().unwrap();
        let factors = model.forward(&x).unwrap().detach().randn_like();
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
    let counted = refusal(Sequential::input([4]).add(dense("dense")).add(Dense::new(2)));
    assert!(counted.contains("layers 1 and 2 are both called \"dense\""), "{counted}");
    let inner = |name: &str| Residual::new().add(Conv2D::new(4, (1, 1)).name(name));
    let inside = refusal(input().add(inner("a/b")));
    assert!(inside.contains("layer 1, residual") && inside.contains("\"a/b\""), "{inside}");
    let taken = refusal(input().add(inner("shortcut")));
    assert!(taken.contains("call it otherwise"), "{taken}");
}
