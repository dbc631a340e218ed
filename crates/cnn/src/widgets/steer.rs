//! A hand at the wheel of a training.

use anyhow::{ensure, Result};
use serde_json::{json, Value};
use std::thread;
use std::time::Duration;

use super::slider::Slider;
use super::toggle::{toggle, Toggle};
use crate::training::callback::{Callback, Run};
use tch::Tensor;

/// How often a paused training looks whether it goes on.
const GLANCE: Duration = Duration::from_millis(20);

/// A callback by which one steers a training while it runs: its learning rate follows a slider, batch by batch, and a button pauses it.
/// Both stand above the training's own display.
///
/// The slider counts from the first batch on, whatever the optimizer had before, and the model keeps its last rate; a
/// [`Schedule`](crate::Schedule) multiplies it as any other. The history has the rate at each epoch's end, and the seconds of a pause
/// count. A paused training ends at the stop button, as any.
///
/// ```
/// use cnn::prelude::*;
/// let data = mnist::synthetic_digits(200, 10, 1);
/// let (x_train, mut model) = (add_channel(&data.x_train)?, course::model(1)?);
/// let learning_rate = log_slider("learning rate", 1e-5..=1e-1, 1e-3)?;
/// let settings = Fit { epochs: 2, ..Fit::default() };
/// let history = model
///     .training(&x_train, &data.y_train, &settings)
///     .callback(Steer::new(&learning_rate))
///     .run()?;
/// assert_eq!(history.learning_rate, [0.001, 0.001]); // nobody has moved it
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// The training does not begin if the slider's range goes below 0.
#[derive(Debug, Clone)]
pub struct Steer {
    learning_rate: Slider,
    pause: Toggle,
}

impl Steer {
    /// The learning rate follows this slider.
    pub fn new(learning_rate: &Slider) -> Self {
        Steer { learning_rate: learning_rate.clone(), pause: toggle("Pause") }
    }

    fn steer(&self, run: &mut Run) -> Result<()> {
        let wanted = self.learning_rate.value();
        if run.model.learning_rate()? != wanted {
            run.model.set_learning_rate(wanted)?;
        }
        Ok(())
    }
}

impl Callback for Steer {
    fn on_train_begin(&mut self, run: &mut Run) -> Result<()> {
        let low = *self.learning_rate.range().start();
        ensure!(low >= 0.0, "Steer's slider goes down to {low}, and a learning rate must be 0 or more");
        self.pause.set(false);
        if live::is_live() {
            self.learning_rate.show();
            self.pause.show();
        }
        self.steer(run)
    }

    fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> Result<()> {
        // The loop itself looks at the stop button before its next batch.
        while self.pause.value() && !live::stop_requested() {
            thread::sleep(GLANCE);
        }
        self.steer(run)
    }

    fn config(&self) -> Value {
        json!({ "range": self.learning_rate.range() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::slider::{log_slider, slider};
    use super::super::tests::until;
    use super::*;
    use crate::layers::{Activation, Dense, Flatten};
    use crate::{Fit, Loss, Sequential, SGD};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::Arc;
    use tch::{Device, Kind};

    fn model() -> Sequential {
        let dense = Dense::new(2).activation(Activation::Softmax);
        let mut model = Sequential::input([4]).add(Flatten).add(dense).device(Device::Cpu).build().unwrap();
        model.compile(SGD::default(), Loss::CategoricalCrossentropy).unwrap();
        model
    }

    fn data() -> (Tensor, Tensor) {
        (Tensor::rand([8, 4], (Kind::Float, Device::Cpu)), Tensor::zeros([8], (Kind::Int64, Device::Cpu)))
    }

    /// Moves the slider in the middle of the second epoch.
    struct Hand(Slider);

    impl Callback for Hand {
        fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> Result<()> {
            if (run.epoch, run.batch) == (2, 1) {
                self.0.set(0.02)?;
            }
            Ok(())
        }
    }

    #[test]
    fn the_rate_follows_the_slider_in_the_middle_of_a_training() {
        let (mut model, (x, y)) = (model(), data());
        let rate = log_slider("rate", 1e-4..=1.0, 0.1).unwrap();
        let settings = Fit { epochs: 3, batch_size: 4, verbose: false, ..Fit::default() };
        let training = model.training(&x, &y, &settings).callback(Hand(rate.clone()));
        let history = training.callback(Steer::new(&rate)).run().unwrap();
        assert_eq!(history.learning_rate, [0.1, 0.02, 0.02]);
        assert_eq!(model.learning_rate().unwrap(), 0.02);
    }

    #[test]
    fn a_paused_training_waits_until_it_may_go_on() {
        let rate = log_slider("rate", 1e-4..=1.0, 0.1).unwrap();
        let steer = Steer::new(&rate);
        let (pause, ended) = (steer.pause.clone(), Arc::new(AtomicBool::new(false)));
        struct Press(Toggle);
        impl Callback for Press {
            fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> Result<()> {
                if run.batch == 1 {
                    self.0.set(true);
                }
                Ok(())
            }
        }
        let (press, tell) = (Press(pause.clone()), ended.clone());
        let training = thread::spawn(move || {
            let (mut model, (x, y)) = (model(), data());
            let settings = Fit { batch_size: 4, verbose: false, ..Fit::default() };
            let history = model.training(&x, &y, &settings).callback(press).callback(steer).run();
            tell.store(true, Ordering::Relaxed);
            history.unwrap().epochs()
        });
        until(|| pause.value());
        thread::sleep(10 * GLANCE);
        assert!(!ended.load(Ordering::Relaxed), "it waits");
        pause.set(false);
        assert_eq!(training.join().unwrap(), 1);
    }

    #[test]
    fn a_slider_below_0_is_refused() {
        let (mut model, (x, y)) = (model(), data());
        let rate = slider("rate", -1.0..=1.0, 0.1).unwrap();
        let error = model.training(&x, &y, &Fit::default()).callback(Steer::new(&rate)).run().unwrap_err();
        assert!(error.to_string().contains("goes down to -1"), "{error}");
    }
}
