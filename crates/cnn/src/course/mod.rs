//! What the notebooks share: the course's model, the folder in which they leave results for each other, and exercises.

pub mod check;
mod progress;

pub use progress::progress;

use anyhow::{bail, ensure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::data::Dataset;
use crate::engine::error::Context;
use crate::engine::files::{explain, write_whole};
use crate::engine::json::from_json;
use crate::engine::project::project_folder;
use crate::layers::{Activation, Conv2D, Dense, Flatten, MaxPooling2D};
use crate::model::{Loss, Sequential};
use crate::optimizers::Adam;
use crate::preprocessing::{add_channel, normalize};
use crate::training::{Fit, History};

/// The titles of the notebooks.
const TITLES: [&str; 16] = [
    "Prerequisites",
    "Data acquisition and exploration",
    "Data preprocessing",
    "Building the CNN model",
    "Training the model",
    "Evaluating the model",
    "Visualising training results",
    "Making predictions",
    "Saving and loading the model",
    "Experimenting with model improvements",
    "Conclusion",
    "Different data sets",
    "VGG, ResNet, MobileNet",
    "Transfer learning",
    "Hyperparameter tuning",
    "Deployment",
];

/// A file in `artifacts`, where notebooks leave what later ones read; `CNN_ARTIFACTS` names another folder.
///
/// In notebooks it is the `artifacts` of the course's checkout, in a program of your own that of its package.
pub fn artifact(name: &str) -> PathBuf {
    match std::env::var_os("CNN_ARTIFACTS").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join(name),
        None => project_folder().join("artifacts").join(name),
    }
}

/// The course's network, compiled: notebook 03 builds the same, step by step.
///
/// # Errors
/// If no device can be had; see [`device`](crate::device()).
pub fn model(seed: u64) -> Result<Sequential> {
    let mut model = Sequential::input([1, 28, 28])
        .add(Conv2D::new(32, (3, 3)).activation(Activation::Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(128).activation(Activation::Relu))
        .add(Dense::new(10).activation(Activation::Softmax))
        .seed(seed)
        .build()?;
    model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    Ok(model)
}

/// The model that notebook 04 trained on this data set, and its history. Where there is none, it trains one
/// for two epochs, says so, and keeps it.
///
/// # Errors
/// If what is there is damaged, or the training fails or is stopped.
pub fn trained_model(data: &Dataset) -> Result<(Sequential, History)> {
    let (model_file, history_file) = (artifact("course_model.safetensors"), artifact("course_history.json"));
    if model_file.exists() && history_file.exists() {
        let (model, history) = (Sequential::load(&model_file)?, History::load(&history_file)?);
        if model.notes.get("dataset") == Some(&data.name) {
            println!("The model of notebook 04: {} epochs on {}.", history.epochs(), data.name);
            return Ok((model, history));
        }
        println!("The model in artifacts/ was trained on another data set.");
    }
    println!(
        "There is no model of notebook 04 for {} yet: training one for 2 epochs. Run 04 for a better one.",
        data.name
    );
    let mut model = model(42)?;
    let x = normalize(&add_channel(&data.x_train)?)?;
    let settings = Fit { epochs: 2, batch_size: 128, validation_split: 0.1, ..Fit::default() };
    let history = model.fit(&x, &data.y_train, &settings)?;
    if let Some(note) = &history.stopped {
        bail!("{note} Nothing is kept of this model; run the cell again, or notebook 04.");
    }
    save_trained(&mut model, &history, data)?;
    Ok((model, history))
}

/// Leaves a trained model and its history for the later notebooks.
///
/// # Errors
/// If no epoch of the training came to its end, or the files cannot be written.
pub fn save_trained(model: &mut Sequential, history: &History, data: &Dataset) -> Result<()> {
    ensure!(
        history.epochs() > 0,
        "the model was not saved: its training ended before its first epoch did. Run the cell that trains it again, until \
         the history has at least one epoch; the later notebooks then have a model to work with"
    );
    model.notes.insert("dataset".to_string(), data.name.clone());
    model.save(artifact("course_model.safetensors"))?;
    history.save(artifact("course_history.json"))
}

/// What one notebook has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The data set.
    pub dataset: String,
    /// The device, `cpu` or `cuda:0`.
    pub device: String,
    /// Numbers by name, for example `test_accuracy`.
    pub metrics: BTreeMap<String, f64>,
}

/// Leaves a notebook's results in `artifacts/results/`, for notebook 10 and for the report of `scripts/run`.
///
/// # Errors
/// If one of the results is NaN or infinite, or the file cannot be written.
pub fn record(notebook: &str, data: &Dataset, metrics: &[(&str, f64)]) -> Result<()> {
    let device = match crate::device()? {
        tch::Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_string(),
    };
    if let Some((name, value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
        bail!("the result {name} is {value}, and only numbers are kept; look at what it was computed from");
    }
    let metrics = metrics.iter().map(|&(name, value)| (name.to_string(), value)).collect();
    let results = Results { dataset: data.name.clone(), device, metrics };
    let json = serde_json::to_string_pretty(&results)?;
    write_whole(&artifact(&format!("results/{notebook}.json")), json.as_bytes())
}

/// All results that notebooks have left, by notebook.
///
/// # Errors
/// If a file of results is damaged, or the folder cannot be read.
pub fn results() -> Result<BTreeMap<String, Results>> {
    let mut found = BTreeMap::new();
    let folder = artifact("results");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => {
            return Err(explain(error, &format!("the results in {} cannot be read", folder.display())))
        }
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "json") {
            let notebook = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
            let results = std::fs::read(&path).map_err(anyhow::Error::from);
            let results = results.and_then(|bytes| Ok(from_json(&bytes)?));
            found.insert(
                notebook,
                results
                    .with_context(|| format!("{}: delete it, and run its notebook again", path.display()))?,
            );
        }
    }
    Ok(found)
}
