//! Models whose outputs answer yes or no: one sigmoid for two classes, several for images of several classes at once. The
//! expected numbers are Keras's formulas (`keras/src/losses/losses.py`, `keras/src/metrics/accuracy_metrics.py`).

use cnn::anyhow::{bail, Result};
use cnn::prelude::*;
use cnn::tch::no_grad;

/// Logits that a model gives out for themselves, as inputs; the outermost are beyond what a 32-bit probability can say.
const LOGITS: [f64; 6] = [-100.0, -2.0, 0.0, 0.5, 3.0, 100.0];

/// A layer of `outputs` units that passes its inputs on to the activation.
fn passing(outputs: i64, activation: Activation, loss: Loss) -> Sequential {
    let layer = Dense::new(outputs).activation(activation);
    let mut model = Sequential::input([outputs]).add(layer).device(Device::Cpu).build().unwrap();
    let identity = Tensor::eye(outputs, (Kind::Float, Device::Cpu));
    let zeros = Tensor::zeros([outputs], (Kind::Float, Device::Cpu));
    model.set_weights(&[("dense/kernel".into(), identity), ("dense/bias".into(), zeros)]).unwrap();
    model.compile(SGD::default(), loss).unwrap();
    model
}

fn column(numbers: &[f64]) -> Tensor {
    Tensor::from_slice(numbers).to_kind(Kind::Float).unsqueeze(1)
}

/// `max(x, 0) - x y + log(1 + exp(-|x|))`
fn crossentropy(x: f64, y: f64) -> f64 {
    x.max(0.0) - x * y + (-x.abs()).exp().ln_1p()
}

fn mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[track_caller]
fn assert_near(ours: f64, expected: f64) {
    assert!((ours - expected).abs() < 1e-5 * expected.abs().max(1.0), "{ours}, and {expected} is expected");
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>, expected: &[&str]) {
    let message = result.unwrap_err().to_string();
    for words in expected {
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

/// Two clouds of points, the first class three times as large.
fn clouds(count: i64) -> (Tensor, Tensor) {
    cnn::tch::manual_seed(7);
    let y = Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(4).eq(3).to_kind(Kind::Int64);
    let x = Tensor::randn([count, 2], (Kind::Float, Device::Cpu)) * 0.5 + (y.unsqueeze(1) * 2 - 1);
    (x, y)
}

fn classifier() -> Sequential {
    let mut model = Sequential::input([2])
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .seed(3)
        .device(Device::Cpu)
        .build()
        .unwrap();
    model.compile(Adam { learning_rate: 0.01, ..Adam::default() }, Loss::BinaryCrossentropy).unwrap();
    model
}

fn quiet(epochs: usize) -> Fit {
    Fit { epochs, verbose: false, ..Fit::default() }
}

#[test]
fn crossentropy_and_accuracy_of_one_output() {
    let model = passing(1, Sigmoid, Loss::BinaryCrossentropy);
    let x = column(&LOGITS);
    // The output 0.5 itself counts as a no, as in Keras; 0.9 is no label that an answer could be equal to.
    for (labels, accuracy) in [
        ([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 1.0),
        ([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], 2.0 / 6.0),
        ([1.0; 6], 0.5),
        ([0.0; 6], 0.5),
        ([0.0, 0.1, 0.5, 0.9, 1.0, 1.0], 3.0 / 6.0),
    ] {
        let measured = model.evaluate(&x, &column(&labels)).unwrap();
        assert_near(measured.loss, mean(LOGITS.iter().zip(labels).map(|(&x, y)| crossentropy(x, y))));
        assert_eq!(measured.accuracy, accuracy, "{labels:?}");
    }
    let sigmoid: Vec<f32> = model.predict(&x).unwrap().flatten(0, -1).try_into().unwrap();
    for (ours, logit) in sigmoid.iter().zip(LOGITS) {
        assert_near(f64::from(*ours), 1.0 / (1.0 + (-logit).exp()));
    }
    assert_eq!((model.classes(), model.layer_output("dense", &x).unwrap()), (2, model.predict(&x).unwrap()));
}

#[test]
fn crossentropy_and_accuracy_of_several_outputs() {
    let (x, model) = (column(&LOGITS).reshape([2, 3]), passing(3, Sigmoid, Loss::BinaryCrossentropy));
    let y = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let measured = model.evaluate(&x, &column(&y).reshape([2, 3])).unwrap();
    assert_near(measured.loss, mean(LOGITS.iter().zip(y).map(|(&x, y)| crossentropy(x, y))));
    assert_near(measured.accuracy, 5.0 / 6.0);
    assert_eq!(model.classes(), 3);
    let numbers = Tensor::from_slice(&[0_i64, 2]);
    refusal(model.evaluate(&x, &numbers), &["[n, 3] of 0 and 1", "[2]", "to_categorical(&y, 3)"]);
    refusal(
        model.evaluate(&x, &to_categorical(&numbers, 4).unwrap()),
        &["[n, 3]", "[2, 4]", "one unit per column"],
    );
    assert!(model.evaluate(&x, &to_categorical(&numbers, 3).unwrap()).is_ok());
}

#[test]
fn squared_error_of_one_output() {
    let numbers = [-0.2, 0.4, 0.5, 0.6, 1.3];
    let (x, y) = (column(&numbers), [0.0, 0.0, 1.0, 1.0, 0.0]);
    let model = passing(1, Linear, Loss::MeanSquaredError);
    for labels in [column(&y), column(&y).squeeze_dim(1), column(&y).to_kind(Kind::Int64)] {
        let measured = model.evaluate(&x, &labels).unwrap();
        assert_near(measured.loss, mean(numbers.iter().zip(y).map(|(x, y)| (x - y) * (x - y))));
        assert_eq!(measured.accuracy, 3.0 / 5.0);
    }
    // A regression.
    let heights = [1.5, -20.0, 3.0, 0.0, 7.25];
    for labels in [column(&heights), column(&heights).squeeze_dim(1)] {
        let measured = model.evaluate(&x, &labels).unwrap();
        assert_near(measured.loss, mean(numbers.iter().zip(heights).map(|(x, y)| (x - y) * (x - y))));
    }
    refusal(
        model.evaluate(&x, &column(&[0.0, 1.0, 2.0, 3.0, 4.0]).squeeze_dim(1)),
        &["0 to 4", "one per class"],
    );
}

#[test]
fn training_learns_and_evaluation_agrees_with_predictions() {
    let (x, y) = clouds(200);
    let mut model = classifier();
    let history = model.fit(&x, &y, &Fit { validation_split: 0.2, ..quiet(30) }).unwrap();
    // Three quarters are of the first class: to say so always is right for 75 %.
    assert!(history.accuracy[0] < 1.0 && history.accuracy[29] > 0.9, "{history:?}");
    assert!(history.val_accuracy[29] > 0.9 && history.loss[29] < 0.5 * history.loss[0], "{history:?}");
    let measured = model.evaluate(&x, &y).unwrap();
    let matrix =
        ConfusionMatrix::new(&y, &model.predict(&x).unwrap().gt(0.5), model.classes() as usize).unwrap();
    assert_near(measured.accuracy, matrix.accuracy());
    assert_eq!((matrix.support(0), matrix.support(1)), (150, 50));
    refusal(ConfusionMatrix::new(&y, &model.predict(&x).unwrap(), 2), &["whole numbers", "gt(0.5)"]);
}

#[test]
fn labels_of_all_shapes_and_types_train_alike() {
    let (x, y) = clouds(100);
    let train = |labels: &Tensor| {
        let history = classifier().fit(&x, labels, &Fit { validation_split: 0.2, ..quiet(2) }).unwrap();
        (history.loss, history.accuracy, history.val_loss, history.val_accuracy)
    };
    for labels in [y.unsqueeze(1), y.to_kind(Kind::Float), y.to_kind(Kind::Uint8).unsqueeze(1), y.gt(0)] {
        assert_eq!(train(&y), train(&labels));
    }
}

#[test]
fn labels_of_other_classes_are_refused() {
    let ((x, y), mut model) = (clouds(40), classifier());
    refusal(model.fit(&x, &(&y + 1), &quiet(1)), &["go from 1 to 2", "0 to 1; subtract 1: &y - 1"]);
    refusal(model.fit(&x, &(&y * 2 - 1), &quiet(1)), &["go from -1 to 1", "(&y + 1) / 2"]);
    assert!(model.fit(&x, &((&y * 2 - 1 + 1) / 2), &quiet(1)).is_ok());
    refusal(model.fit(&x, &(&y * 3), &quiet(1)), &["go from 0 to 3", "1 unit, one per class, and Softmax"]);
    refusal(model.fit(&x, &(&y * f64::NAN), &quiet(1)), &["whole numbers"]);
    refusal(model.fit(&x, &to_categorical(&y, 2).unwrap(), &quiet(1)), &["1 output", "[40, 2]"]);
}

#[test]
fn weighted_classes() {
    let (x, y) = (column(&LOGITS[1..5]), [1.0, 0.0, 1.0, 0.0]);
    let weights = [0.5, 4.0];
    let settings = Fit { batch_size: 4, class_weight: Some(weights.to_vec()), ..quiet(1) };
    let mut model = passing(1, Sigmoid, Loss::BinaryCrossentropy);
    let history = model.fit(&x, &column(&y), &settings).unwrap();
    let weighted = |(&x, y): (&f64, f64)| weights[y as usize] * crossentropy(x, y);
    assert_near(history.loss[0], mean(LOGITS[1..5].iter().zip(y).map(weighted)));
    // One step of SGD along the mean of w (sigmoid(x) - y).
    let slope = |(&x, y): (&f64, f64)| weights[y as usize] * (1.0 / (1.0 + (-x).exp()) - y);
    let bias = -0.01 * mean(LOGITS[1..5].iter().zip(y).map(slope));
    assert_near(model.weight("dense/bias").unwrap().double_value(&[0]), bias);
    for class_weight in [vec![1.0], vec![1.0; 3]] {
        let settings = Fit { class_weight: Some(class_weight), ..settings.clone() };
        refusal(model.fit(&x, &column(&y), &settings), &["class_weight must be 2 numbers"]);
    }
    let mut several = passing(2, Sigmoid, Loss::BinaryCrossentropy);
    let settings = Fit { batch_size: 2, class_weight: Some(vec![1.0, 1.0]), ..quiet(1) };
    let result = several.fit(&x.reshape([2, 2]), &column(&y).reshape([2, 2]), &settings);
    refusal(result, &["class_weight", "several classes", "leave it out"]);
}

#[test]
fn a_saved_model_comes_back_with_its_loss() {
    let file = std::env::temp_dir().join(format!("cnn-binary-{}.safetensors", std::process::id()));
    let ((x, y), mut model) = (clouds(60), classifier());
    model.fit(&x, &y, &quiet(1)).unwrap();
    model.save_with_optimizer(&file).unwrap();
    let mut loaded = Sequential::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(loaded.evaluate(&x, &y).unwrap(), model.evaluate(&x, &y).unwrap());
    let (of_loaded, of_model) = (loaded.fit(&x, &y, &quiet(1)), model.fit(&x, &y, &quiet(1)));
    assert_eq!(of_loaded.unwrap().loss, of_model.unwrap().loss);
}

/// Fails at the end of an epoch.
struct PowerCut(usize);

impl Callback for PowerCut {
    fn on_epoch_begin(&mut self, run: &mut Run) -> Result<()> {
        if run.epoch == self.0 {
            bail!("the power is off");
        }
        Ok(())
    }
}

#[test]
fn an_interrupted_training_goes_on_and_another_loss_is_another_training() {
    let folder = std::env::temp_dir().join(format!("cnn-binary-backup-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ((x, y), settings) = (clouds(60), quiet(3));
    let run = |loss, fail_in| {
        let mut model = classifier();
        model.compile(Adam { learning_rate: 0.01, ..Adam::default() }, loss).unwrap();
        let backup = BackupAndRestore::new(folder.join("backup"));
        let training = model.training(&x, &y, &settings).callback(backup);
        let history = training.callback(PowerCut(fail_in)).run()?;
        cnn::anyhow::Ok((history.loss, history.accuracy))
    };
    for loss in [Loss::BinaryCrossentropy, Loss::MeanSquaredError] {
        let whole = run(loss, 0).unwrap();
        assert!(run(Loss::BinaryCrossentropy, 3).is_err());
        assert_eq!(run(loss, 0).unwrap(), whole);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn several_sigmoids_with_squared_error_are_compared_as_before() {
    // 30 and 40 are the same probability in 32 bits: the first of the two is the answer.
    let (x, y) = (column(&[30.0, 40.0, 0.0]).reshape([1, 3]), Tensor::from_slice(&[0_i64]));
    let model = passing(3, Sigmoid, Loss::MeanSquaredError);
    let measured = model.evaluate(&x, &y).unwrap();
    assert_near(measured.loss, (0.0 + 1.0 + 0.25) / 3.0);
    assert_eq!(measured.accuracy, 1.0);
    assert_eq!(no_grad(|| model.forward(&x).unwrap()), model.predict(&x).unwrap());
}
