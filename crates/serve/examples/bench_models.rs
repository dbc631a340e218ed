//! Writes the course's model for all contenders of `scripts/bench serve` into a folder: `bench_models FOLDER`.

use cnn::course;
use serve::anyhow::{Context, Result};
use std::path::PathBuf;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("usage: bench_models FOLDER")?);
    let model = course::model(1)?;
    for name in ["model.safetensors", "model.keras", "model.onnx"] {
        model.save(folder.join(name))?;
    }
    let python = model.save_for_pytorch(folder.join("pytorch.safetensors"))?;
    std::fs::write(folder.join("pytorch_model.py"), python)?;
    Ok(())
}
