//! Alone in its process, since libtorch's generator, which dropout draws from, is one for the whole process.

use cnn::prelude::*;

#[test]
fn one_seed_gives_the_same_training_to_the_last_bit() {
    let data = mnist::synthetic_digits(60, 0, 1);
    let (x, y) = (add_channel(&data.x_train).unwrap(), data.y_train);
    let train = |seed| {
        let mut model = Sequential::input([1, 28, 28])
            .add(Conv2D::new(4, (3, 3)))
            .add(BatchNormalization::new())
            .add(Relu)
            .add(MaxPooling2D::new((2, 2)))
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
}
