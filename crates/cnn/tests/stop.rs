//! Work that the user stops, as a kernel does it: by creating the file that `LIVE_STOP` names.

mod small;

use cnn::anyhow::Result;
use cnn::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use small::{data, fit, model};

const BATCHES: i64 = 3;

/// The file is one for the whole process: so one test runs at a time.
struct Stop {
    folder: PathBuf,
    _one: MutexGuard<'static, ()>,
}

impl Stop {
    fn new() -> Stop {
        static ONE: Mutex<()> = Mutex::new(());
        let one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let folder = std::env::temp_dir().join(format!("cnn-stop-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        std::env::set_var("LIVE_STOP", folder.join("stop"));
        Stop { folder, _one: one }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Presses the button.
    fn press(&self) {
        fs::write(self.path("stop"), "").unwrap();
    }

    /// What a kernel does before it runs the next cell.
    fn next_cell(&self) {
        let _ = fs::remove_file(self.path("stop"));
    }

    /// A callback that presses it after this batch of this epoch, 0 for never.
    fn press_in(&self, epoch: usize, batch: i64) -> Press {
        Press {
            stop: self.path("stop"),
            place: (epoch, batch),
            batches: 0,
            ended: false,
            weights: Vec::new(),
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Notes what happens after the button was pressed.
struct Press {
    stop: PathBuf,
    place: (usize, i64),
    batches: usize,
    ended: bool,
    weights: Vec<Tensor>,
}

impl Callback for Press {
    fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> Result<()> {
        self.batches += 1;
        if (run.epoch, run.batch) == self.place {
            fs::write(&self.stop, "").unwrap();
            self.weights = weights(run.model);
        }
        Ok(())
    }

    fn on_train_end(&mut self, run: &mut Run) -> Result<()> {
        assert_eq!(run.history.stopped.is_some(), self.place.0 > 0);
        self.ended = true;
        Ok(())
    }
}

fn weights(model: &Sequential) -> Vec<Tensor> {
    model.weights().into_iter().map(|(_, weight)| weight.detach().copy()).collect()
}

fn bytes(model: &Sequential, folder: &Path) -> Vec<u8> {
    let path = folder.join("model.safetensors");
    model.save_with_optimizer(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}

#[track_caller]
fn refusal<T>(result: Result<T>, expected: &str) {
    let message = result.err().expect("an error").to_string();
    assert!(message.contains(expected), "{message:?} does not say {expected:?}");
}

#[test]
fn a_training_ends_within_one_batch_and_keeps_what_it_has() {
    let (stop, (x, y)) = (Stop::new(), data());
    let augment = Some(Augment { rotation_range: 10.0, ..Augment::default() });
    for (settings, epoch, batch, note) in [
        (fit(5), 3, 2, "Stopped in epoch 3, batch 2 of 3: the history has 2 epochs, the model keeps the weights it has now."),
        (Fit { augment, ..fit(5) }, 2, 1, "Stopped in epoch 2, batch 1 of 3: the history has 1 epoch, the model keeps the weights it has now."),
        (fit(5), 1, 1, "Stopped in epoch 1, batch 1 of 3: the history has no epochs, the model keeps the weights it has now."),
        // Before its validation is measured, an epoch is not complete.
        (fit(5), 2, 3, "Stopped at the end of epoch 2: the history has 1 epoch, the model keeps the weights it has now."),
    ] {
        stop.next_cell();
        let (mut model, mut press) = (model(), stop.press_in(epoch, batch));
        let history = model.training(&x, &y, &settings).callback(&mut press).run().unwrap();
        assert_eq!((history.epochs(), history.stopped.as_deref()), (epoch - 1, Some(note)));
        assert_eq!((press.batches as i64, press.ended), ((epoch as i64 - 1) * BATCHES + batch, true));
        assert_eq!(weights(&model), press.weights);
        // The next cell works with what there is.
        stop.next_cell();
        let history = model.fit(&x, &y, &settings).unwrap();
        assert_eq!((history.epochs(), history.stopped), (5, None));
    }
}

/// Presses the button when the last epoch is done.
struct Late<'a>(&'a Stop);

impl Callback for Late<'_> {
    fn on_epoch_end(&mut self, run: &mut Run) -> Result<()> {
        if run.epoch == run.history.settings.epochs {
            self.0.press();
        }
        Ok(())
    }
}

#[test]
fn a_training_that_was_not_told_in_time_is_complete() {
    let (stop, (x, y)) = (Stop::new(), data());
    let mut model = model();
    let settings = Fit { validation_split: 0.0, batch_size: 20, ..fit(2) };
    let history = model.training(&x, &y, &settings).callback(Late(&stop)).run().unwrap();
    assert_eq!((history.epochs(), history.stopped), (2, None));
    let history = model.fit(&x, &y, &settings).unwrap();
    assert!(history.stopped.unwrap().starts_with("Stopped in epoch 1, batch 0 of 3"));
}

#[test]
fn a_stopped_training_goes_on_from_its_backup_to_the_last_bit() {
    let (stop, (x, y)) = (Stop::new(), data());
    let run = |model: &mut Sequential, backup: &str, (epoch, batch)| {
        stop.next_cell();
        let mut press = stop.press_in(epoch, batch);
        let settings = fit(6);
        let training = model.training(&x, &y, &settings).callback(EarlyStopping::new().patience(9));
        let training = training.callback(LearningRateScheduler::new(|_, rate| rate * 0.9));
        training.callback(BackupAndRestore::new(stop.path(backup))).callback(&mut press).run().unwrap()
    };
    let mut whole = model();
    let expected = run(&mut whole, "whole", (0, 0));
    let expected_bytes = bytes(&whole, &stop.folder);

    // The cell with the training runs again, and the model is as the stop has left it.
    let mut same = model();
    let stopped = run(&mut same, "same", (3, 2));
    let note = stopped.stopped.unwrap();
    assert!(note.ends_with("Run the cell again to go on after epoch 2."), "{note}");
    assert!(stop.path("same").exists());
    assert_eq!(run(&mut same, "same", (5, 3)).epochs(), 4);
    let mut history = run(&mut same, "same", (0, 0));
    history.seconds = expected.seconds.clone();
    assert_eq!(history, expected);
    assert!(bytes(&same, &stop.folder) == expected_bytes && !stop.path("same").exists());

    // The whole notebook runs again, in a new kernel.
    run(&mut model(), "new", (4, 1));
    let mut new = model();
    let mut history = run(&mut new, "new", (0, 0));
    history.seconds = expected.seconds.clone();
    assert_eq!(history, expected);
    assert!(bytes(&new, &stop.folder) == expected_bytes && !stop.path("new").exists());

    // In the first epoch there is nothing to go on from yet.
    let stopped = run(&mut model(), "first", (1, 2));
    assert!(stopped.stopped.unwrap().ends_with("it has now.") && !stop.path("first").exists());
}

#[test]
fn a_training_whose_best_weights_were_given_back_goes_on_too() {
    let (stop, (x, y)) = (Stop::new(), data());
    let run = |model: &mut Sequential, backup: &str, (epoch, batch)| {
        stop.next_cell();
        // No epoch is better than the first by so much: its weights are given back.
        let early = EarlyStopping::new().patience(9).min_delta(100.0).restore_best_weights(true);
        let (mut press, settings) = (stop.press_in(epoch, batch), fit(5));
        let training = model.training(&x, &y, &settings).callback(early);
        training.callback(BackupAndRestore::new(stop.path(backup))).callback(&mut press).run().unwrap()
    };
    let (mut whole, mut same) = (model(), model());
    run(&mut whole, "whole", (0, 0));
    let note = run(&mut same, "same", (4, 2)).stopped.unwrap();
    let end = ", the model has the weights of its best epoch, 1. Run the cell again to go on after epoch 3.";
    assert!(note.ends_with(end), "{note}");
    assert_eq!(run(&mut same, "same", (0, 0)).epochs(), 5);
    assert!(bytes(&same, &stop.folder) == bytes(&whole, &stop.folder));
    assert!(!stop.path("same.aside").exists());
}

#[test]
fn a_model_that_was_changed_after_the_stop_does_not_go_on() {
    let (stop, (x, y)) = (Stop::new(), data());
    let mut model = model();
    let mut run = |place: (usize, i64), change: bool| {
        stop.next_cell();
        if change {
            model.fit(&x, &y, &fit(1)).unwrap();
        }
        let backup = BackupAndRestore::new(stop.path("backup"));
        let mut press = stop.press_in(place.0, place.1);
        model.training(&x, &y, &fit(4)).callback(backup).callback(&mut press).run().unwrap()
    };
    run((3, 1), false);
    assert_eq!(run((0, 0), true).epochs(), 4);
    assert!(stop.path("backup.aside").exists());
}

#[test]
fn early_stopping_still_restores_the_best_weights() {
    let (stop, (x, y), settings) = (Stop::new(), data(), fit(5));
    let mut model = model();
    let mut early = EarlyStopping::new().monitor("loss").patience(9).restore_best_weights(true);
    let training = model.training(&x, &y, &settings).callback(&mut early);
    let history = training.callback(stop.press_in(3, 2)).run().unwrap();
    stop.next_cell();
    let note = "Stopped in epoch 3, batch 2 of 3: the history has 2 epochs, the model has the weights of its best epoch, 2.";
    assert_eq!(history.stopped.as_deref(), Some(note));
    assert_eq!(model.history(), Some(&history));
    let mut other = self::model();
    other.fit(&x, &y, &fit(2)).unwrap();
    assert_eq!(history.epochs(), 2);
    assert_eq!(weights(&model), weights(&other));
}

#[test]
fn a_stopped_history_says_so_and_is_loaded_again() {
    let (stop, (x, y)) = (Stop::new(), data());
    let mut model = model();
    let history = model.training(&x, &y, &fit(5)).callback(stop.press_in(2, 2)).run().unwrap();
    assert!(format!("{history:?}").ends_with("the model keeps the weights it has now."), "{history:?}");
    let path = stop.path("history.json");
    history.save(&path).unwrap();
    assert_eq!(History::load(&path).unwrap(), history);
    // A history of the time when no training could be stopped.
    let mut json: cnn::serde_json::Value = cnn::serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(json.as_object_mut().unwrap().remove("stopped").is_some());
    fs::write(&path, json.to_string()).unwrap();
    assert_eq!(History::load(&path).unwrap(), History { stopped: None, ..history });
}

#[test]
fn other_work_ends_with_an_error_and_changes_nothing() {
    let (stop, (x, y)) = (Stop::new(), data());
    let mut model = model();
    model.fit(&x, &y, &fit(1)).unwrap();
    let before = bytes(&model, &stop.folder);
    stop.press();
    refusal(
        model.evaluate(&x, &y),
        "evaluate was stopped by the interrupt after 0 of 60 images; run the cell again",
    );
    refusal(
        model.predict(&x),
        "predict was stopped by the interrupt after 0 of 60 images; run the cell again",
    );
    let find = LrFind { batch_size: 16, ..LrFind::default() };
    refusal(model.lr_find(&x, &y, &find), "lr_find was stopped by the interrupt after 0 of 100 batches");
    let many = Tensor::zeros([501, 1, 2, 2], (Kind::Float, Device::Cpu));
    let augment = Augment { rotation_range: 10.0, ..Augment::default() };
    refusal(augment.preview(&many, 1), "augmentation was stopped by the interrupt after 0 of 501 images");
    for class in ["photos/a", "photos/b"] {
        fs::create_dir_all(stop.path(class)).unwrap();
        fs::write(stop.path(class).join("1.png"), "not looked at").unwrap();
    }
    refusal(
        image_dataset_from_directory(stop.path("photos"), &ImageFolder::default()),
        "photos was stopped by the interrupt after 0 of 2 pictures; run the cell again",
    );
    stop.next_cell();
    assert!(bytes(&model, &stop.folder) == before);
    model.evaluate(&x, &y).unwrap();
    // Stopped from another thread, in its middle.
    let long = LrFind { num_it: 1_000_000, start_lr: 1e-7, end_lr: 2e-7, ..find };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            stop.press();
        });
        refusal(model.lr_find(&x, &y, &long), "of 1,000,000 batches; run the cell again");
    });
    assert!(bytes(&model, &stop.folder) == before);
}
