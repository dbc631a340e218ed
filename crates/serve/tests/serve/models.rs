//! The models of these tests.

use cnn::anyhow::{bail, Result};
use cnn::prelude::*;
use serve::model::{Network, Predict, Served, Settings};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A small model of digits.
pub fn digits(seed: u64) -> Sequential {
    Sequential::input([1, 28, 28])
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .seed(seed)
        .build()
        .unwrap()
}

/// A model of four numbers with two outputs.
pub fn half() -> Sequential {
    Sequential::input([4]).add(Dense::new(2)).seed(1).build().unwrap()
}

/// What a model itself gives for images, one after the other.
pub fn outputs(model: &Sequential, images: &[f32], shape: &[i64]) -> Vec<f32> {
    let images = Tensor::from_slice(images).reshape(shape);
    Vec::try_from(model.predict(&images).unwrap().flatten(0, -1)).unwrap()
}

/// A model as the server has it: saved, and loaded again.
pub fn served(name: &str, version: i64, model: &Sequential, settings: &Settings) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    load(name, version, &path, settings).unwrap()
}

pub fn load(name: &str, version: i64, path: &Path, settings: &Settings) -> Result<Served> {
    let path = path.to_path_buf();
    Served::start(name, version, settings, move || Network::load(&path))
}

/// Gives back its one number after a while. It fails at -1, panics at -2, and remembers how large its batches were.
#[derive(Clone, Default)]
pub struct Echo {
    pub time: Duration,
    pub batches: Arc<Mutex<Vec<usize>>>,
}

impl Echo {
    pub fn served(&self, settings: &Settings) -> Served {
        let mut echo = self.clone();
        let (time, first) = (std::mem::take(&mut echo.time), self.batches.clone());
        let served = Served::start("echo", 1, settings, move || Ok(Slow { echo, time, started: 0 })).unwrap();
        first.lock().unwrap().clear();
        served
    }
}

struct Slow {
    echo: Echo,
    time: Duration,
    /// The first two batches, with which a model is tried, take no time.
    started: usize,
}

impl Predict for Slow {
    fn input_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn predict(&mut self, images: &[f32], count: usize) -> Result<Vec<f32>> {
        assert_eq!(images.len(), count);
        self.started += 1;
        if self.started > 2 {
            std::thread::sleep(self.time);
        }
        self.echo.batches.lock().unwrap().push(count);
        if images.contains(&-1.0) {
            bail!("minus one");
        }
        assert!(!images.contains(&-2.0), "minus two");
        Ok(images.to_vec())
    }
}
