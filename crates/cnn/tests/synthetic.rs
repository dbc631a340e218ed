//! The data sets that the crate draws: what a network learns of them, and what a linear model does not.

use cnn::data::synthetic::{fashion, objects, Drawn};
use cnn::prelude::*;

/// Images `[n, channels, side, side]` from 0 to 1, and labels `[n]`.
fn tensors(drawn: &Drawn, [channels, side]: [i64; 2]) -> (Tensor, Tensor) {
    let x = Tensor::from_slice(&drawn.images).reshape([-1, channels, side, side]);
    (x.to_kind(Kind::Float) / 255.0, Tensor::from_slice(&drawn.labels).to_kind(Kind::Int64))
}

/// Test accuracies of a linear model and of the course's network, trained alike.
fn accuracies(drawn: &Drawn, shape: [i64; 2], train: i64, filters: i64, epochs: usize) -> [f64; 2] {
    let (x, y) = tensors(drawn, shape);
    let test = x.size()[0] - train;
    let input = || Sequential::input([shape[0], shape[1], shape[1]]).seed(1);
    let linear = input().add(Flatten).add(Dense::new(10).activation(Softmax));
    let network = input()
        .add(Conv2D::new(filters, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(4 * filters).activation(Relu))
        .add(Dense::new(10).activation(Softmax));
    [linear, network].map(|model| {
        let mut model = model.build().unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        let fit = Fit {
            epochs,
            batch_size: if train > 10_000 { 128 } else { 32 },
            verbose: false,
            ..Fit::default()
        };
        model.fit(&x.narrow(0, 0, train), &y.narrow(0, 0, train), &fit).unwrap();
        model.evaluate(&x.narrow(0, train, test), &y.narrow(0, train, test)).unwrap().accuracy
    })
}

#[test]
fn a_small_network_learns_fashion() {
    let [linear, network] = accuracies(&fashion(4_000, 1), [1, 28], 3_000, 8, 4);
    assert!(network > 0.7 && network > linear + 0.03, "linear {linear}, network {network}");
}

#[test]
fn a_small_network_learns_objects() {
    let [linear, network] = accuracies(&objects(5_000, 1), [3, 32], 4_000, 8, 6);
    assert!(network > 0.42 && network > linear + 0.05, "linear {linear}, network {network}");
}

/// What the sets are made for; `cargo test -p cnn --test synthetic -- --ignored --nocapture` prints the figures.
#[test]
#[ignore = "takes minutes"]
fn a_network_is_good_at_them_where_a_linear_model_is_not() {
    let start = std::time::Instant::now();
    let sets = [(fashion(70_000, 42), [1, 28], 60_000, 0.75), (objects(60_000, 42), [3, 32], 50_000, 0.5)];
    println!("drawn in {:?}", start.elapsed());
    for (drawn, shape, train, most) in sets {
        let [linear, network] = accuracies(&drawn, shape, train, 32, 4);
        println!("linear {linear:.4}, network {network:.4}");
        assert!((0.85..0.97).contains(&network), "{network}");
        assert!(linear < most + 0.02, "{linear}");
    }
}
