//! Alone in its process, since libtorch's generator, which dropout draws from, is one for the whole process.

use cnn::prelude::*;

#[test]
fn one_seed_gives_the_same_training_to_the_last_bit() {
    let train = |seed| {
        let data = mnist::synthetic_digits(60, 0, 1);
        let (x, y) = (add_channel(&data.x_train).unwrap(), data.y_train);
        let mut model = Sequential::input([1, 28, 28])
            .add(RandomFlip::default())
            .add(RandomRotation::new(0.1))
            .add(RandomZoom::new(0.2).width_factor(0.1))
            .add(RandomTranslation::new(0.1, 0.1))
            .add(RandomContrast::new(0.3).value_range((0.0, 1.0)))
            .add(Conv2D::new(4, (3, 3)))
            .add(BatchNormalization::new())
            .add(Relu)
            .add(MaxPooling2D::new((2, 2)))
            .add(SpatialDropout2D::new(0.2))
            .add(GaussianNoise::new(0.1))
            .add(GaussianDropout::new(0.1))
            .add(Flatten)
            .add(Dropout::new(0.3))
            .add(Dense::new(10).activation(Softmax))
            .device(Device::Cpu)
            .build()
            .unwrap();
        model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
        let augment = Some(Augment { rotation_range: 10.0, random_erasing: 0.5, ..Augment::default() });
        let settings = Fit {
            batch_size: 16,
            validation_split: 0.2,
            epochs: 3,
            augment,
            seed,
            verbose: false,
            ..Fit::default()
        };
        let history = model.fit(&x, &y, &settings).unwrap();
        (model.weights(), history.loss, history.val_loss)
    };
    let (first, second, other) = (train(1), train(1), train(2));
    assert_eq!((&first.1, &first.2), (&second.1, &second.2));
    for ((name, first), (_, second)) in first.0.iter().zip(&second.0) {
        assert_eq!(first, second, "{name}");
    }
    assert_ne!(first.1, other.1);

    // Two trainings at once draw as each would alone.
    let at_once = std::thread::scope(|scope| {
        let threads = [1, 2].map(|seed| scope.spawn(move || train(seed)));
        threads.map(|thread| thread.join().unwrap())
    });
    for (alone, beside) in [first, other].iter().zip(&at_once) {
        assert_eq!((&alone.1, &alone.2), (&beside.1, &beside.2));
        assert_eq!(alone.0, beside.0);
    }

    // What is random is drawn by one thread, whatever their number.
    let x = Tensor::rand([20, 3, 40, 40], (Kind::Float, Device::Cpu));
    let layers: [Box<dyn Layer>; 9] = [
        Box::new(RandomFlip::default()),
        Box::new(RandomRotation::new(0.1)),
        Box::new(RandomZoom::new(0.2).width_factor(0.1)),
        Box::new(RandomTranslation::new(0.1, 0.1)),
        Box::new(RandomContrast::new(0.3).value_range((0.0, 1.0))),
        Box::new(Dropout::new(0.2)),
        Box::new(SpatialDropout2D::new(0.2)),
        Box::new(GaussianNoise::new(0.1)),
        Box::new(GaussianDropout::new(0.1)),
    ];
    let on_threads = |layer: &dyn Layer, threads: i32| {
        cnn::tch::set_num_threads(threads);
        cnn::tch::manual_seed(3);
        layer.forward(&x, true)
    };
    for layer in layers {
        let alone = on_threads(layer.as_ref(), 1);
        assert_ne!(alone, x, "{layer:?}");
        assert_eq!(on_threads(layer.as_ref(), 3), alone, "{layer:?}");
    }
}
