//! Callbacks, against Keras where the same numbers can be given to both, and trainings that are interrupted.

mod small;

use cnn::anyhow::{self, bail};
use cnn::callbacks::{Mode, State};
use cnn::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use small::{data, fit, model};

const BATCHES: i64 = 3;

/// Trains a new model, with these callbacks in their order.
fn train(epochs: usize, callbacks: &mut [&mut dyn Callback]) -> anyhow::Result<(Sequential, History)> {
    let ((x, y), mut model, settings) = (data(), model(), fit(epochs));
    let mut training = model.training(&x, &y, &settings);
    for callback in callbacks {
        training = training.callback(&mut **callback);
    }
    let history = training.run()?;
    Ok((model, history))
}

#[track_caller]
fn refusal<T>(result: anyhow::Result<T>, expected: &[&str]) {
    let message = result.err().expect("an error").to_string();
    for words in expected {
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

/// A folder of its own, removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let own = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("cnn-callbacks-{name}-{own}"));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What Keras 3.15 was given for the numbers below: `on_epoch_end(epoch, {"val_loss": ..., "val_accuracy": ...})`, the
/// accuracy being 1 - loss.
const VAL_LOSS: [f64; 12] = [0.9, 0.5, 0.45, 0.6, 0.46, 0.44, 0.47, 0.48, 0.3, 0.31, 0.32, 0.33];

/// Puts these validation losses in the place of the measured ones, for the callbacks after it.
struct Script;

impl Callback for Script {
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        let loss = VAL_LOSS[run.epoch - 1];
        *run.history.val_loss.last_mut().unwrap() = loss;
        *run.history.val_accuracy.last_mut().unwrap() = 1.0 - loss;
        Ok(())
    }
}

type Weights = Vec<(String, Tensor)>;

fn copy(model: &Sequential) -> Weights {
    model.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
}

/// Notes weights and validation loss after every epoch.
#[derive(Default)]
struct Recorder {
    weights: Vec<Weights>,
    losses: Vec<f64>,
}

impl Callback for Recorder {
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        let (x, y) = data();
        self.weights.push(copy(run.model));
        self.losses.push(run.model.evaluate(&x, &y)?.loss);
        Ok(())
    }
}

#[track_caller]
fn assert_same(model: &Sequential, expected: &Weights) {
    for ((name, weight), (_, expected)) in model.weights().iter().zip(expected) {
        assert!(weight.equal(expected), "{name} differs");
    }
}

#[test]
fn early_stopping_ends_a_training_when_kerass_does() {
    let new = EarlyStopping::new;
    let accuracy = || new().monitor("val_accuracy");
    for (mut stop, epochs, best) in [
        (new(), 4, 3),
        (new().patience(1), 4, 3),
        (new().patience(2), 5, 3),
        (new().patience(3), 12, 9),
        (new().patience(2).min_delta(0.1), 4, 2),
        (new().patience(2).min_delta(-0.1), 4, 2),
        (new().patience(3).start_from_epoch(3), 12, 9),
        (new().patience(1).start_from_epoch(9), 11, 10),
        // Until the baseline is beaten, improvements do not count.
        (new().patience(2).baseline(0.4), 4, 3),
        (new().patience(1).baseline(0.48), 4, 3),
        (new().patience(5).baseline(0.1), 5, 3),
        (new().patience(3).baseline(0.48), 12, 9),
        (new().patience(1).baseline(0.48).min_delta(0.05), 3, 2),
        (accuracy().patience(1).baseline(0.52), 4, 3),
        (accuracy().patience(2), 5, 3),
        (accuracy().patience(1).mode(Mode::Min), 2, 1),
        (new().patience(2).mode(Mode::Max), 3, 1),
    ] {
        let (_, history) = train(12, &mut [&mut Script, &mut stop]).unwrap();
        let stopped = stop.stopped_epoch().unwrap_or(12);
        assert_eq!((history.epochs(), stopped, stop.best_epoch()), (epochs, epochs, Some(best)), "{stop:?}");
    }
}

#[test]
fn early_stopping_restores_exactly_the_best_weights() {
    let (x, y) = data();
    for (restore, epoch) in [(true, 3), (false, 5)] {
        let mut recorder = Recorder::default();
        let mut stop = EarlyStopping::new().patience(2).restore_best_weights(restore);
        let (model, _) = train(12, &mut [&mut Script, &mut recorder, &mut stop]).unwrap();
        assert_same(&model, &recorder.weights[epoch - 1]);
        assert_eq!(model.evaluate(&x, &y).unwrap().loss, recorder.losses[epoch - 1]);
        assert_ne!(recorder.losses[2], recorder.losses[4]);
    }
}

#[test]
fn the_best_weights_return_also_where_patience_never_runs_out() {
    let mut recorder = Recorder::default();
    let mut stop = EarlyStopping::new().patience(9).restore_best_weights(true);
    let (model, history) = train(8, &mut [&mut Script, &mut recorder, &mut stop]).unwrap();
    assert_eq!((history.epochs(), stop.stopped_epoch(), stop.best_epoch()), (8, None, Some(6)));
    assert_same(&model, &recorder.weights[5]);
}

#[test]
fn the_learning_rate_is_reduced_when_keras_reduces_it() {
    let new = || ReduceLROnPlateau::new().patience(1).factor(0.5);
    for (mut reduce, expected) in [
        (new(), [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.0625, 0.03125, 0.015625, 0.0078125]),
        (
            new().patience(2).factor(0.1),
            [1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001],
        ),
        (new().cooldown(2), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625]),
        (
            new().factor(0.1).min_lr(0.05),
            [1.0, 1.0, 1.0, 1.0, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05],
        ),
        (
            new().patience(2).min_delta(0.1),
            [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625],
        ),
        (
            new().patience(0).monitor("val_accuracy"),
            [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.0625, 0.03125, 0.015625, 0.0078125],
        ),
        (
            new().patience(2).mode(Mode::Max),
            [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125, 0.03125],
        ),
    ] {
        let ((x, y), mut model, settings) = (data(), model(), fit(12));
        model.set_learning_rate(1.0).unwrap();
        let training = model.training(&x, &y, &settings).callback(Script).callback(&mut reduce);
        let mut rates = training.run().unwrap().learning_rate;
        rates.push(model.learning_rate().unwrap());
        for (rate, expected) in rates.iter().zip(expected) {
            assert!((rate - expected).abs() < 1e-9, "{reduce:?}: {rates:?}");
        }
    }
}

#[test]
fn arguments_out_of_range_are_named() {
    for (mut reduce, expected) in [
        (ReduceLROnPlateau::new().factor(1.0), "factor must be above 0 and below 1, not 1"),
        (ReduceLROnPlateau::new().factor(0.0), "factor must be above 0 and below 1, not 0"),
        (ReduceLROnPlateau::new().min_lr(-1.0), "min_lr must be 0 or more, not -1"),
    ] {
        refusal(train(1, &mut [&mut reduce]), &[expected]);
    }
}

#[test]
fn checkpoints_are_written_when_keras_writes_them() {
    let all = ["01-0.90", "02-0.50", "03-0.45", "04-0.60", "05-0.46", "06-0.44"];
    let all = [&all[..], &["07-0.47", "08-0.48", "09-0.30", "10-0.31", "11-0.32", "12-0.33"]].concat();
    let best = ["01-0.90", "02-0.50", "03-0.45", "06-0.44", "09-0.30"];
    let folder = Folder::new("checkpoints");
    let new = || ModelCheckpoint::new(folder.path("{epoch:02d}-{val_loss:.2f}.safetensors"));
    for (mut checkpoint, expected) in [
        (new(), &all[..]),
        (new().save_best_only(true), &best),
        (new().save_best_only(true).monitor("val_accuracy"), &best),
        (new().save_best_only(true).initial_value_threshold(0.46), &best[2..]),
        (new().save_best_only(true).mode(Mode::Max), &best[..1]),
    ] {
        let mut recorder = Recorder::default();
        train(12, &mut [&mut Script, &mut recorder, &mut checkpoint]).unwrap();
        let expected: Vec<String> = expected.iter().map(|name| format!("{name}.safetensors")).collect();
        assert_eq!(folder.names(), expected, "{checkpoint:?}");
        for name in folder.names() {
            let epoch: usize = name[..2].parse().unwrap();
            assert_same(&Sequential::load(folder.path(&name)).unwrap(), &recorder.weights[epoch - 1]);
            fs::remove_file(folder.path(&name)).unwrap();
        }
    }
}

#[test]
fn a_checkpoint_of_weights_alone_is_a_third_as_large() {
    let folder = Folder::new("weights");
    let (whole, weights) = (folder.path("whole.safetensors"), folder.path("weights.safetensors"));
    let mut checkpoints =
        [ModelCheckpoint::new(&whole), ModelCheckpoint::new(&weights).save_weights_only(true)];
    let [first, second] = &mut checkpoints;
    let (trained, _) = train(2, &mut [first, second]).unwrap();
    let size = |path: &Path| fs::metadata(path).unwrap().len() as f64;
    assert!((0.3..0.4).contains(&(size(&weights) / size(&whole))));
    let mut fresh = model();
    fresh.load_weights(&weights).unwrap();
    assert_same(&fresh, &copy(&trained));
    // A whole checkpoint goes on exactly as the training itself would.
    let ((x, y), settings, mut whole, mut trained) =
        (data(), fit(1), Sequential::load(&whole).unwrap(), trained);
    let expected = trained.fit(&x, &y, &settings).unwrap();
    assert_eq!(whole.fit(&x, &y, &settings).unwrap().val_loss, expected.val_loss);
}

#[test]
fn a_wrong_path_ends_the_training_before_its_first_epoch() {
    let folder = Folder::new("paths");
    for (name, expected) in
        [("{epohc}", "{epohc}"), ("{epoch", "no }"), ("{val_loss:d}", "like .3f for all others")]
    {
        let mut recorder = Recorder::default();
        let mut checkpoint = ModelCheckpoint::new(folder.path(name));
        refusal(train(1, &mut [&mut recorder, &mut checkpoint]), &["checkpoint's path", expected]);
        assert!(recorder.losses.is_empty());
    }
    let mut checkpoint = ModelCheckpoint::new(folder.path("{epoch:02d}"));
    refusal(
        train(1, &mut [&mut checkpoint]),
        &["the model cannot be saved", "in which format", ".safetensors or .keras"],
    );
}

#[test]
fn a_checkpoint_has_the_format_that_its_path_says() {
    let folder = Folder::new("formats");
    for (name, learnt) in
        [("a.safetensors", true), ("a.keras", true), ("a.h5", false), ("a.weights.h5", false)]
    {
        let mut checkpoint = ModelCheckpoint::new(folder.path(name));
        let (mut trained, _) = train(2, &mut [&mut checkpoint]).unwrap();
        let mut other = model();
        other.load_weights(folder.path(name)).unwrap();
        assert_same(&other, &copy(&trained));
        if name != "a.weights.h5" {
            // What the optimizer has learnt tells whether the training goes on as it would have.
            let ((x, y), settings, mut loaded) =
                (data(), fit(1), Sequential::load(folder.path(name)).unwrap());
            let expected = trained.fit(&x, &y, &settings).unwrap().val_loss;
            assert_eq!(loaded.fit(&x, &y, &settings).unwrap().val_loss == expected, learnt, "{name}");
        }
    }
}

#[test]
fn a_function_sets_the_learning_rate_with_kerass_indices() {
    let ((x, y), mut model, settings) = (data(), model(), fit(5));
    model.set_learning_rate(1.0).unwrap();
    let scheduler = LearningRateScheduler::new(|epoch, rate| if epoch < 2 { rate } else { rate * 0.5 });
    let history = model.training(&x, &y, &settings).callback(scheduler).run().unwrap();
    assert_eq!(history.learning_rate, [1.0, 1.0, 0.5, 0.25, 0.125]); // Keras 3.15
    let mut scheduler = LearningRateScheduler::new(|epoch, rate| rate - epoch as f64);
    refusal(
        train(3, &mut [&mut scheduler]),
        &[
            "LearningRateScheduler's function returned for epoch 2 (index 1)",
            "0 or more, not -0.99",
            "the epoch before",
        ],
    );
    let mut scheduler = LearningRateScheduler::new(|_, _| f64::NAN);
    refusal(train(3, &mut [&mut scheduler]), &["epoch 1 (index 0)", "0 or more, not NaN"]);
    // As in Keras, an epoch may leave the weights as they are.
    let (mut recorder, rate) = (Recorder::default(), |epoch, _| if epoch == 1 { 0.0 } else { 0.01 });
    let (_, history) = train(3, &mut [&mut LearningRateScheduler::new(rate), &mut recorder]).unwrap();
    assert_eq!(history.learning_rate, [0.01, 0.0, 0.01]);
    let [first, second, third] = [0, 1, 2].map(|epoch: usize| recorder.weights[epoch][0].1.copy());
    assert!(first.equal(&second) && !second.equal(&third));
}

#[test]
fn a_csv_log_has_the_historys_lines() {
    let folder = Folder::new("csv");
    let path = folder.path("deep/log.csv");
    let read = || fs::read_to_string(&path).unwrap();
    let (_, history) = train(2, &mut [&mut CSVLogger::new(&path)]).unwrap();
    assert_eq!(read(), history.to_csv());
    let (_, history) = train(3, &mut [&mut CSVLogger::new(&path).separator(';')]).unwrap();
    assert_eq!(read(), history.to_csv().replace(',', ";"));
    let (_, second) = train(1, &mut [&mut CSVLogger::new(&path).separator(';').append(true)]).unwrap();
    let lines = second.to_csv().replace(',', ";");
    let expected = history.to_csv().replace(',', ";") + lines.split_once('\n').unwrap().1;
    assert_eq!(read(), expected);
    fs::remove_file(&path).unwrap();
    let (_, history) = train(1, &mut [&mut CSVLogger::new(&path).append(true)]).unwrap();
    assert_eq!(read(), history.to_csv());
    fs::write(&path, [0xFF]).unwrap();
    refusal(train(1, &mut [&mut CSVLogger::new(&path).append(true)]), &["the log", "cannot be read"]);
}

#[test]
fn a_place_where_nothing_can_be_written_is_refused_before_the_first_epoch() {
    let folder = Folder::new("places");
    let file = folder.path("file");
    fs::write(&file, "").unwrap();
    let below = file.join("below");
    fs::create_dir_all(folder.path("model-1.0")).unwrap();
    let is_folder = |name: &'static str| vec![name, "cannot be written: it is a folder", "check the path"];
    let is_file = |name: &'static str| vec![name, "file is a file, not a folder", "check the path"];
    let callbacks: [(Box<dyn Callback>, Vec<&str>); 7] = [
        (Box::new(CSVLogger::new(&folder.0)), is_folder("CSVLogger")),
        (Box::new(CSVLogger::new(&folder.0).append(true)), is_folder("CSVLogger")),
        (Box::new(CSVLogger::new(&below)), is_file("CSVLogger")),
        (Box::new(TensorBoard::new(&file)), is_file("TensorBoard")),
        (Box::new(ModelCheckpoint::new(&folder.0)), is_folder("the model cannot be saved")),
        (Box::new(ModelCheckpoint::new(&below)), is_file("the model cannot be saved")),
        (Box::new(BackupAndRestore::new(&below)), is_file("the backup")),
    ];
    for (mut callback, expected) in callbacks {
        let mut recorder = Recorder::default();
        refusal(train(1, &mut [&mut recorder, &mut *callback]), &expected);
        assert!(recorder.losses.is_empty());
    }
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn a_csv_log_is_whole_after_every_epoch() {
    let folder = Folder::new("csv-whole");
    let path = folder.path("log.csv");
    let mut logger = CSVLogger::new(&path);
    let mut fail = Fail { epoch: 3, ..Fail::default() };
    assert!(train(5, &mut [&mut logger, &mut fail]).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1 + 2);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_quietly_or_with_an_error() {
    let ((x, y), mut model, settings) = (data(), model(), fit(4));
    // The weights become NaN after the second epoch.
    struct Break;
    impl Callback for Break {
        fn on_epoch_begin(&mut self, run: &mut Run) -> anyhow::Result<()> {
            if run.epoch == 3 {
                let weights: Weights =
                    copy(run.model).into_iter().map(|(name, weight)| (name, weight * f64::NAN)).collect();
                run.model.set_weights(&weights)?;
            }
            Ok(())
        }
    }
    let broken = model.training(&x, &y, &settings).callback(Break).run();
    refusal(
        broken,
        &["the loss is NaN or infinite in epoch 3, batch 1 of 3", "the 2 epochs before is model.history()"],
    );
    assert_eq!(model.history().unwrap().epochs(), 2);
    let (_, history) = train(4, &mut [&mut Break, &mut TerminateOnNaN]).unwrap();
    assert_eq!(history.epochs(), 2);
}

#[test]
fn a_quantity_that_is_not_measured_is_an_error_that_lists_those_that_are() {
    let ((x, y), settings) = (data(), Fit { validation_split: 0.0, ..fit(1) });
    let measured = "there are loss, accuracy, learning_rate, seconds.";
    let mut model = model();
    // All of it is known before the first epoch.
    let (before, known) =
        (model.weight("dense/kernel").unwrap(), "there are loss, accuracy, val_loss, val_accuracy,");
    let stop = model.training(&x, &y, &settings).callback(EarlyStopping::new()).run();
    refusal(stop, &["\"val_loss\"", measured, "validation_split"]);
    let reduce = ReduceLROnPlateau::new().monitor("val_accuracy");
    refusal(model.training(&x, &y, &settings).callback(reduce).run(), &["\"val_accuracy\"", measured]);
    let best = ModelCheckpoint::new("/nowhere/model.safetensors").save_best_only(true);
    refusal(model.training(&x, &y, &settings).callback(best).run(), &["\"val_loss\"", measured]);
    let reduce = model.training(&x, &y, &settings).callback(ReduceLROnPlateau::new().monitor("f1")).run();
    refusal(reduce, &["\"f1\"", known]);
    let checkpoint = ModelCheckpoint::new("/nowhere/model.safetensors").save_best_only(true).monitor("acc");
    refusal(model.training(&x, &y, &settings).callback(checkpoint).run(), &["\"acc\"", known]);
    let checkpoint = ModelCheckpoint::new("/nowhere/{val_loss}.safetensors");
    refusal(
        model.training(&x, &y, &settings).callback(checkpoint).run(),
        &["{val_loss}", "not measured", "validation_split"],
    );
    assert_eq!(model.weight("dense/kernel").unwrap(), before);
    assert!(model.history().is_none());
    // With validation_data it is measured, and a checkpoint of every epoch needs no quantity.
    let folder = Folder::new("measured");
    let training = model.training(&x, &y, &settings).validation_data(&x, &y).callback(EarlyStopping::new());
    training.callback(ModelCheckpoint::new(folder.path("{val_loss}.safetensors"))).run().unwrap();
    let every = ModelCheckpoint::new(folder.path("every.safetensors"));
    model.training(&x, &y, &settings).callback(every).run().unwrap();
    assert_eq!(folder.names().len(), 2);
}

/// Fails where it is told to.
#[derive(Debug)]
struct Failure;

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "as told.")
    }
}

impl std::error::Error for Failure {}

struct FailAt(&'static str);

impl FailAt {
    fn check(&self, place: &str) -> anyhow::Result<()> {
        anyhow::ensure!(self.0 != place, Failure);
        Ok(())
    }
}

impl Callback for FailAt {
    fn on_train_begin(&mut self, _run: &mut Run) -> anyhow::Result<()> {
        self.check("train begin")
    }
    fn on_epoch_begin(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.check(&format!("epoch begin {}", run.epoch))
    }
    fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> anyhow::Result<()> {
        self.check(&format!("batch end {}/{}", run.epoch, run.batch))
    }
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.check(&format!("epoch end {}", run.epoch))
    }
    fn on_train_end(&mut self, _run: &mut Run) -> anyhow::Result<()> {
        self.check("train end")
    }
}

/// As an own progress may: panics after so many epochs, or at the end.
struct Panics(usize);

impl cnn::Progress for Panics {
    fn interval(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
    fn on_batch(&mut self, _status: &cnn::Status) {}
    fn on_epoch(&mut self, history: &History, _steps: i64) {
        assert_ne!(history.epochs(), self.0, "no more lines");
    }
    fn on_end(&mut self, _history: &History, _error: Option<&anyhow::Error>) {
        assert_ne!(self.0, 0, "no last line");
    }
}

#[test]
fn whatever_ends_a_training_its_history_is_kept() {
    let ((x, y), settings) = (data(), fit(4));
    let (_, whole) = train(4, &mut []).unwrap();
    for (place, epochs, expected) in [
        ("epoch begin 1", 0, "as told."),
        ("batch end 1/2", 0, "as told."),
        ("epoch end 1", 1, "as told; the history of the epoch before is model.history()"),
        ("epoch begin 3", 2, "as told; the history of the 2 epochs before is model.history()"),
        ("batch end 3/2", 2, "as told; the history of the 2 epochs before is model.history()"),
        ("epoch end 3", 3, "as told; the history of the 3 epochs before is model.history()"),
        ("train end", 4, "as told; the history of the 4 epochs before is model.history()"),
    ] {
        let mut model = model();
        let error = model.training(&x, &y, &settings).callback(FailAt(place)).run().unwrap_err();
        for shown in [format!("{error}"), format!("{error:#}")] {
            assert_eq!(shown, expected, "{place}");
        }
        let history = model.history().unwrap();
        assert_eq!((history.epochs(), history.stopped.as_ref()), (epochs, None), "{place}");
        assert!(history.loss == whole.loss[..epochs] && history.val_loss == whole.val_loss[..epochs]);
        // What is refused before the first epoch changes nothing.
        refusal(model.training(&x, &y, &settings).callback(FailAt("train begin")).run(), &["as told."]);
        assert!(model.fit(&x, &y, &fit(0)).is_err());
        assert_eq!(model.history().unwrap().epochs(), epochs, "{place}");
        let history = model.fit(&x, &y, &settings).unwrap();
        assert_eq!(model.history(), Some(&history));
        // Nor does the search for a learning rate.
        model.lr_find(&x, &y, &LrFind { num_it: 10, ..LrFind::default() }).unwrap();
        assert_eq!(model.history(), Some(&history));
    }
    for (epochs, words) in [(2, "no more lines"), (0, "no last line")] {
        let mut model = model();
        let panicked = model.training(&x, &y, &settings).progress(Panics(epochs)).run();
        refusal(panicked, &["the training failed", words]);
        assert_eq!(model.history().unwrap().epochs(), if epochs == 0 { 4 } else { epochs });
    }
}

#[test]
fn an_error_at_the_end_does_not_keep_the_best_weights_back() {
    let mut recorder = Recorder::default();
    let ((x, y), mut model, settings) = (data(), model(), fit(4));
    let best = EarlyStopping::new().patience(9).restore_best_weights(true);
    let training = model.training(&x, &y, &settings).callback(Script).callback(&mut recorder);
    refusal(training.callback(FailAt("train end")).callback(best).run(), &["as told"]);
    assert_same(&model, &recorder.weights[2]);
}

/// Puts a file in the place of a folder when this epoch is done, so that nothing can be written there, as on a full disk.
struct Block<'a> {
    folder: &'a Folder,
    epoch: usize,
}

impl Callback for Block<'_> {
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        if run.epoch == self.epoch {
            fs::rename(self.folder.path("logs"), self.folder.path("away"))?;
            fs::write(self.folder.path("logs"), "")?;
        }
        Ok(())
    }
}

fn unblock(folder: &Folder) {
    fs::remove_file(folder.path("logs")).unwrap();
    fs::rename(folder.path("away"), folder.path("logs")).unwrap();
}

#[test]
fn a_training_goes_on_after_the_disk_was_full() {
    let ((x, y), settings, whole) = (data(), fit(5), Folder::new("not-full"));
    let (expected, mut expected_history) =
        train(5, &mut [&mut BackupAndRestore::new(whole.path("backup"))]).unwrap();
    for (writer, epoch, words) in [
        ("csv", 2, "CSVLogger"),
        ("board", 2, "event file"),
        ("checkpoint", 2, "the model was not saved"),
        ("backup", 2, "the backup was not written"),
        ("callback", 3, "as told"),
    ] {
        let folder = Folder::new(writer);
        let log = |name: &str| folder.path("logs").join(name);
        fs::create_dir(folder.path("logs")).unwrap();
        let mut model = model();
        let mut run = |full: bool| {
            let training = model.training(&x, &y, &settings);
            let training = training.callback(Block { folder: &folder, epoch: if full { 3 } else { 0 } });
            let training = match writer {
                "csv" => training.callback(CSVLogger::new(log("csv"))),
                "board" => training.callback(TensorBoard::new(log("board"))),
                "checkpoint" => training.callback(ModelCheckpoint::new(log("checkpoint.safetensors"))),
                "callback" => training.callback(FailAt(if full { "epoch end 4" } else { "" })),
                _ => training,
            };
            let backup = if writer == "backup" { log("backup") } else { folder.path("backup") };
            training.callback(BackupAndRestore::new(backup)).run()
        };
        let text = format!("and the same cell goes on after epoch {epoch}");
        refusal(run(true), &[words, "model.history()", &text]);
        unblock(&folder);
        // The same model, with the weights of an epoch that is not in the backup.
        let mut history = run(false).unwrap();
        expected_history.seconds.clone_from(&history.seconds);
        history.seconds.clone_from(&expected_history.seconds);
        assert_eq!(history, expected_history, "{writer}");
        assert!(bytes(&model) == bytes(&expected), "{writer}");
        assert!(!folder.names().iter().any(|name| name.contains("aside")), "{:?}", folder.names());
    }
}

#[test]
fn a_training_goes_on_with_another_number_of_epochs() {
    let folder = Folder::new("epochs");
    let path = folder.path("backup");
    let (expected, expected_history) = train(6, &mut []).unwrap();
    let same = |(model, mut history): (Sequential, History)| {
        history.seconds.clone_from(&expected_history.seconds);
        assert_eq!(history, expected_history);
        assert!(bytes(&model) == bytes(&expected));
    };
    // Interrupted in the third of four, and then to six.
    let mut fail = Fail { epoch: 3, ..Fail::default() };
    assert!(train(4, &mut [&mut BackupAndRestore::new(&path), &mut fail]).is_err());
    same(train(6, &mut [&mut BackupAndRestore::new(&path), &mut Fail::default()]).unwrap());
    assert_eq!(folder.names(), Vec::<String>::new());
    // Four were done, and then to six; interrupted once more, with the same model and a new one.
    let keep = || BackupAndRestore::new(&path).delete_checkpoint(false);
    assert_eq!(train(4, &mut [&mut keep()]).unwrap().1.epochs(), 4);
    same(train(6, &mut [&mut keep()]).unwrap());
    // Of five, six are done: it ends at once.
    let (model, mut history) = train(5, &mut [&mut keep()]).unwrap();
    assert_eq!((history.epochs(), history.settings.epochs), (6, 5));
    history.settings.epochs = 6;
    same((model, history));
    assert_eq!(folder.names(), ["backup"]);
}

#[test]
fn a_schedule_goes_on_at_the_place_that_the_new_number_of_epochs_gives() {
    let (folder, (x, y)) = (Folder::new("schedule"), data());
    let run = |epochs, fail_in| {
        let (mut model, backup) = (model(), BackupAndRestore::new(folder.path("backup")));
        let settings = Fit { schedule: Schedule::Cosine { alpha: 0.1 }, ..fit(epochs) };
        let training = model.training(&x, &y, &settings).callback(backup);
        training
            .callback(Fail { epoch: fail_in, ..Fail::default() })
            .run()
            .map(|history| history.learning_rate)
    };
    let whole = [4, 6].map(|epochs| run(epochs, 0).unwrap());
    assert!(run(4, 3).is_err());
    assert_eq!(run(6, 0).unwrap(), [&whole[0][..2], &whole[1][2..]].concat());
}

#[test]
fn with_more_patience_a_training_goes_on_that_had_ended() {
    let folder = Folder::new("patience");
    let run = |patience| {
        let mut stop = EarlyStopping::new().patience(patience);
        let mut backup = BackupAndRestore::new(folder.path("backup")).delete_checkpoint(false);
        let (_, history) = train(12, &mut [&mut Script, &mut stop, &mut backup]).unwrap();
        (history.epochs(), stop.stopped_epoch(), stop.best_epoch())
    };
    for (patience, expected) in
        [(2, (5, Some(5), Some(3))), (2, (5, Some(5), Some(3))), (3, (12, Some(12), Some(9)))]
    {
        assert_eq!(run(patience), expected);
    }
    assert_eq!(folder.names(), ["backup"]);
}

/// Notes each call, and where the training was; stops it, or fails, in one batch.
#[derive(Default)]
struct Diary {
    name: &'static str,
    calls: std::rc::Rc<std::cell::RefCell<Vec<String>>>,
    stop_in: (usize, i64),
    fail_in: (usize, i64),
}

impl Diary {
    fn note(&self, call: &str, run: &Run) {
        let at = format!("{} {call} {}/{} history {}", self.name, run.epoch, run.batch, run.history.epochs());
        self.calls.borrow_mut().push(at);
    }
}

impl Callback for Diary {
    fn on_train_begin(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.note("train begin", run);
        Ok(())
    }
    fn on_epoch_begin(&mut self, run: &mut Run) -> anyhow::Result<()> {
        run.batch = 0;
        self.note("epoch begin", run);
        Ok(())
    }
    fn on_batch_end(&mut self, run: &mut Run, loss: &Tensor) -> anyhow::Result<()> {
        assert!(loss.double_value(&[]).is_finite() && run.steps == BATCHES);
        self.note("batch end", run);
        run.stop_training = (run.epoch, run.batch) == self.stop_in;
        anyhow::ensure!((run.epoch, run.batch) != self.fail_in, "as told");
        Ok(())
    }
    fn on_epoch_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.note("epoch end", run);
        Ok(())
    }
    fn on_train_end(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.note("train end", run);
        Ok(())
    }
}

#[test]
fn callbacks_are_called_in_their_order_and_looked_at_afterwards() {
    let mut first = Diary { name: "a", ..Diary::default() };
    let mut second = Diary { name: "b", calls: first.calls.clone(), ..Diary::default() };
    train(1, &mut [&mut first, &mut second]).unwrap();
    let single = [
        "train begin 0/0 history 0",
        "epoch begin 1/0 history 0",
        "batch end 1/1 history 0",
        "batch end 1/2 history 0",
        "batch end 1/3 history 0",
        "epoch end 1/3 history 1",
        "train end 1/3 history 1",
    ];
    let expected: Vec<String> =
        single.iter().flat_map(|call| [format!("a {call}"), format!("b {call}")]).collect();
    assert_eq!(*first.calls.borrow(), expected);
}

#[test]
fn a_training_stopped_in_the_middle_of_an_epoch_ends_there() {
    let mut diary = Diary { stop_in: (2, 2), ..Diary::default() };
    let mut recorder = Recorder::default();
    let (model, history) = train(5, &mut [&mut diary, &mut recorder]).unwrap();
    assert_eq!(history.epochs(), 1);
    let calls = diary.calls.borrow();
    assert_eq!(calls[calls.len() - 2..], [" batch end 2/2 history 1", " train end 2/2 history 1"]);
    // The steps done in the second epoch stay done.
    assert!(!model.weights()[0].1.equal(&recorder.weights[0][0].1));
}

#[test]
fn after_an_error_in_an_epoch_the_model_is_as_at_its_beginning() {
    let ((x, y), mut failed, settings) = (data(), model(), fit(4));
    let mut recorder = Recorder::default();
    let diary = Diary { fail_in: (3, 2), ..Diary::default() };
    let result = failed.training(&x, &y, &settings).callback(&mut recorder).callback(diary).run();
    refusal(result, &["as told"]);
    assert_same(&failed, &recorder.weights[1]);
    // The optimizer's state too: both models go on in the same way.
    let (mut other, _) = train(2, &mut []).unwrap();
    for model in [&mut failed, &mut other] {
        model.fit(&x, &y, &settings).unwrap();
    }
    assert_same(&failed, &copy(&other));
}

// ---- interrupted trainings -----------------------------------------------------------------------

/// Ends the training with an error, or the whole process, in the second batch of an epoch; 0 for never.
#[derive(Default)]
struct Fail {
    epoch: usize,
    abort: bool,
}

impl Callback for Fail {
    fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> anyhow::Result<()> {
        if (run.epoch, run.batch) != (self.epoch, 2) {
            return Ok(());
        }
        if self.abort {
            std::process::abort();
        }
        bail!("interrupted")
    }
}

/// All callbacks that remember something, the backup among them, writing to `folder`.
fn train_with_all(folder: &Folder, fail_in: usize) -> anyhow::Result<(Sequential, History)> {
    // Improvements count in the first epoch only: the rate is halved after every second one.
    let mut reduce = ReduceLROnPlateau::new().min_delta(10.0).patience(2).factor(0.5);
    let mut stop = EarlyStopping::new().patience(2).restore_best_weights(true);
    train(
        6,
        &mut [
            &mut Script,
            &mut stop,
            &mut reduce,
            &mut CSVLogger::new(folder.path("log.csv")).append(true),
            &mut ModelCheckpoint::new(folder.path("{epoch}.safetensors"))
                .monitor("val_accuracy")
                .save_best_only(true),
            &mut BackupAndRestore::new(folder.path("backup")),
            &mut Fail { epoch: fail_in, ..Fail::default() },
        ],
    )
}

fn bytes(model: &Sequential) -> Vec<u8> {
    let folder = Folder::new("bytes");
    model.save(folder.path("model.safetensors")).unwrap();
    fs::read(folder.path("model.safetensors")).unwrap()
}

/// A log without its last column, the seconds.
fn without_seconds(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string()).collect()
}

#[test]
fn a_resumed_training_ends_exactly_as_one_without_interruption() {
    let (whole, interrupted) = (Folder::new("whole"), Folder::new("interrupted"));
    for folder in [&whole, &interrupted] {
        fs::write(folder.path("log.csv"), "of an earlier training,0\n").unwrap();
    }
    let (expected, expected_history) = train_with_all(&whole, 0).unwrap();
    // Each time with a new model, as in a new process.
    refusal(train_with_all(&interrupted, 4), &["interrupted"]);
    assert!(interrupted.path("backup").exists());
    refusal(train_with_all(&interrupted, 5), &["interrupted"]);
    let (model, mut history) = train_with_all(&interrupted, 0).unwrap();

    history.seconds = expected_history.seconds.clone();
    assert_eq!(history, expected_history);
    assert_eq!(history.learning_rate, [0.01, 0.01, 0.01, 0.005, 0.005]);
    // Weights, the optimizer's state and learning rate, to the last bit.
    assert!(bytes(&model) == bytes(&expected));
    assert_eq!(without_seconds(&interrupted.path("log.csv")), without_seconds(&whole.path("log.csv")));
    assert!(!interrupted.path("backup").exists());
    assert_eq!(interrupted.names(), whole.names());
    for name in ["1.safetensors", "2.safetensors", "3.safetensors"] {
        assert!(fs::read(whole.path(name)).unwrap() == fs::read(interrupted.path(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_function_for_the_learning_rate_goes_on_after_an_interruption() {
    let folder = Folder::new("scheduler");
    let run = |fail_in| {
        let mut scheduler = LearningRateScheduler::new(|_, rate| rate * 0.5);
        let mut backup = BackupAndRestore::new(folder.path("backup"));
        train(4, &mut [&mut scheduler, &mut backup, &mut Fail { epoch: fail_in, ..Fail::default() }])
    };
    assert!(run(3).is_err());
    let (model, history) = run(0).unwrap();
    assert_eq!(history.learning_rate, [0.005, 0.0025, 0.00125, 0.000625]);
    assert_eq!(model.learning_rate().unwrap(), 0.000625);
}

#[test]
fn a_checkpoint_still_knows_the_best_value_after_an_interruption() {
    let folder = Folder::new("best");
    let run = |fail_in| {
        let mut checkpoint =
            ModelCheckpoint::new(folder.path("{epoch:02d}.safetensors")).save_best_only(true);
        let mut backup = BackupAndRestore::new(folder.path("backup"));
        let mut fail = Fail { epoch: fail_in, ..Fail::default() };
        train(8, &mut [&mut Script, &mut checkpoint, &mut backup, &mut fail])
    };
    assert!(run(4).is_err());
    run(0).unwrap();
    assert_eq!(folder.names(), ["01", "02", "03", "06"].map(|name| format!("{name}.safetensors")));
}

#[test]
fn damaged_and_foreign_backups_are_set_aside() {
    let folder = Folder::new("aside");
    let path = folder.path("backup");
    let run = || train(2, &mut [&mut BackupAndRestore::new(&path)]);
    let (expected, _) = run().unwrap();
    expected.save(folder.path("model.safetensors")).unwrap();
    let mut half = {
        let mut fail = Fail { epoch: 2, ..Fail::default() };
        assert!(train(2, &mut [&mut BackupAndRestore::new(&path), &mut fail]).is_err());
        fs::read(&path).unwrap()
    };
    half.truncate(half.len() / 2);
    let contents =
        [b"no backup at all".to_vec(), Vec::new(), half, fs::read(folder.path("model.safetensors")).unwrap()];
    for (number, content) in contents.into_iter().enumerate() {
        fs::write(&path, &content).unwrap();
        let (model, history) = run().unwrap();
        assert!(history.epochs() == 2 && bytes(&model) == bytes(&expected));
        let aside = if number == 0 { "backup.aside".into() } else { format!("backup.aside-{}", number + 1) };
        assert_eq!(fs::read(folder.path(&aside)).unwrap(), content, "{aside}");
        assert!(!path.exists());
    }
}

#[test]
fn a_backup_that_stays_ends_a_repeated_training_at_once() {
    let folder = Folder::new("stays");
    let run = || {
        let mut recorder = Recorder::default();
        let mut backup = BackupAndRestore::new(folder.path("backup")).delete_checkpoint(false);
        let (model, history) = train(2, &mut [&mut recorder, &mut backup]).unwrap();
        (bytes(&model), history, recorder.losses.len())
    };
    let (first, first_history, epochs) = run();
    assert_eq!((epochs, folder.names()), (2, vec!["backup".to_string()]));
    let (second, second_history, epochs) = run();
    assert!(second == first && second_history == first_history && epochs == 0);
}

/// What a process of its own does: trains with a backup in `CNN_TEST_BACKUP`, and may end abruptly.
#[test]
#[ignore = "the next test runs it, in a process of its own"]
fn training_in_a_process_of_its_own() {
    let variable = |name: &str| std::env::var(format!("CNN_TEST_{name}")).unwrap();
    let backup = PathBuf::from(variable("BACKUP"));
    let ((x, y), mut model) = (data(), model());
    model.set_learning_rate(variable("RATE").parse().unwrap()).unwrap();
    let settings = Fit { verbose: true, ..fit(3) };
    let fail = Fail { epoch: variable("ABORT").parse().unwrap(), abort: true };
    let training = model.training(&x, &y, &settings).callback(fail);
    training.callback(BackupAndRestore::new(&backup)).run().unwrap();
    model.save(backup.with_extension("safetensors")).unwrap();
}

#[test]
fn a_training_survives_the_end_of_its_process_and_tells_itself_from_others() {
    let folder = Folder::new("process");
    let run = |backup: &str, rate: &str, abort: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "training_in_a_process_of_its_own"])
            .envs([("CNN_TEST_RATE", rate), ("CNN_TEST_ABORT", abort)])
            .env("CNN_TEST_BACKUP", folder.path(backup))
            .output()
            .unwrap()
    };
    assert!(run("whole", "0.01", "0").status.success());
    assert!(!run("first", "0.01", "3").status.success());
    fs::copy(folder.path("first"), folder.path("second")).unwrap();

    let resumed = run("first", "0.01", "0");
    let text = String::from_utf8(resumed.stdout).unwrap();
    assert!(resumed.status.success() && text.contains("Going on after epoch 2"), "{text}");
    assert!(
        fs::read(folder.path("first.safetensors")).unwrap()
            == fs::read(folder.path("whole.safetensors")).unwrap()
    );

    let other = run("second", "0.02", "0");
    let text = String::from_utf8(other.stdout).unwrap();
    let message = "is not used: it is of another training, with learning_rate 0.01, and this one has 0.02";
    assert!(other.status.success() && text.contains(message), "{text}");
    assert!(folder.path("second.aside").exists() && !folder.path("second").exists());
}

#[test]
fn the_same_model_goes_on_after_an_error() {
    let folder = Folder::new("same-model");
    let ((x, y), settings) = (data(), fit(4));
    let halve = || LearningRateScheduler::new(|_, rate| rate * 0.5);
    let mut expected = model();
    let whole = expected
        .training(&x, &y, &settings)
        .callback(halve())
        .callback(BackupAndRestore::new(folder.path("a")));
    whole.callback(Fail::default()).run().unwrap();
    let mut model = model();
    for fail_in in [3, 0] {
        let training = model.training(&x, &y, &settings).callback(halve());
        let training = training.callback(BackupAndRestore::new(folder.path("backup")));
        let result = training.callback(Fail { epoch: fail_in, ..Fail::default() }).run();
        assert_eq!(result.is_ok(), fail_in == 0);
    }
    assert!(bytes(&model) == bytes(&expected));
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn other_callbacks_and_other_validation_data_make_another_training() {
    let folder = Folder::new("other");
    let ((x, y), settings) = (data(), Fit { validation_split: 0.0, ..fit(3) });
    let reversed = y.flip([0]);
    let run = |patience, reduce_first, validation, fail_in| {
        let (mut model, backup) = (model(), BackupAndRestore::new(folder.path("backup")));
        let stop = EarlyStopping::new().patience(patience);
        let training = model.training(&x, &y, &settings).validation_data(&x, validation);
        let training = match reduce_first {
            true => training.callback(ReduceLROnPlateau::new()).callback(stop),
            false => training.callback(stop).callback(ReduceLROnPlateau::new()),
        };
        training.callback(backup).callback(Fail { epoch: fail_in, ..Fail::default() }).run()
    };
    for (patience, reduce_first, validation, other) in
        [(5, false, &y, false), (6, false, &y, false), (5, true, &y, true), (5, false, &reversed, true)]
    {
        assert!(run(5, false, &y, 2).is_err());
        assert_eq!(run(patience, reduce_first, validation, 0).unwrap().epochs(), 3);
        let aside = folder.path("backup.aside");
        assert_eq!(aside.exists(), other, "patience {patience}, reduce_first {reduce_first}");
        let _ = fs::remove_file(aside);
    }
}

/// Cannot take its state back.
struct Forgetful;

impl Callback for Forgetful {
    fn restore(&mut self, _state: State, _model: &Sequential) -> anyhow::Result<()> {
        bail!("as told")
    }
}

#[test]
fn a_state_that_does_not_fit_leaves_model_and_callbacks_as_they_were() {
    let folder = Folder::new("forgetful");
    let run = |fail_in| {
        let mut stop = EarlyStopping::new().patience(3).restore_best_weights(true);
        let mut backup = BackupAndRestore::new(folder.path("backup"));
        let mut fail = Fail { epoch: fail_in, ..Fail::default() };
        let (model, _) = train(4, &mut [&mut stop, &mut Forgetful, &mut backup, &mut fail])?;
        anyhow::Ok((bytes(&model), stop.best_epoch()))
    };
    let expected = run(0).unwrap();
    assert!(run(3).is_err());
    assert!(run(0).unwrap() == expected);
    assert_eq!(folder.names(), ["backup.aside"]);
}

#[test]
fn a_training_that_has_gone_on_in_its_kernel_can_go_on_in_a_new_one() {
    let folder = Folder::new("new-kernel");
    let ((x, y), settings) = (data(), fit(5));
    let run = |model: &mut Sequential, fail_in| {
        let backup = BackupAndRestore::new(folder.path("backup"));
        let training = model.training(&x, &y, &settings).callback(backup);
        training.callback(Fail { epoch: fail_in, ..Fail::default() }).run()
    };
    let [mut same, mut new, mut expected] = [model(), model(), model()];
    for fail_in in [3, 4] {
        assert!(run(&mut same, fail_in).is_err());
    }
    run(&mut new, 0).unwrap();
    run(&mut expected, 0).unwrap();
    assert!(bytes(&new) == bytes(&expected));
    assert_eq!(folder.names(), Vec::<String>::new());
}
