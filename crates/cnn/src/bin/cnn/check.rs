//! `--check`: the outputs of what was read and of what would be written, for the same images.

use cnn::anyhow::{bail, ensure, Context, Result};
use cnn::prelude::*;
use cnn::tch::{self, no_grad};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::arguments::{has_ending, Conversion};
use super::write::write;

const SCRIPT: &str = include_str!("check.py");
const IMAGES: i64 = 100;
const SEED: i64 = 1;
/// What the script says where a package is missing.
const NO_PACKAGE: i32 = 3;

pub enum Checked {
    /// The largest difference of two outputs, and the largest output.
    Difference { largest: f64, output: f64 },
    /// Why it is not known.
    NotCompared(String),
}

/// Writes the model to a folder that is removed again, and compares what comes of it with what comes of the model.
pub fn check(conversion: &Conversion, model: &Sequential) -> Result<Checked> {
    let folder = Folder::new()?;
    let name = conversion.to.file_name().context("TO names no file")?;
    let copy = folder.0.join(name);
    let lines = write(model, conversion, &copy)?;
    tch::manual_seed(SEED);
    let shape = [&[IMAGES], model.input_shape()].concat();
    let images = Tensor::f_rand(shape, (Kind::Float, Device::Cpu))?;
    let expected = outputs(model, &images)?;
    let to = &conversion.to;
    let found = if has_ending(to, ".onnx") || conversion.pytorch {
        std::fs::write(folder.0.join("model.py"), lines)?;
        let images =
            if conversion.channels_last && images.dim() == 4 { images.permute([0, 2, 3, 1]) } else { images };
        Tensor::write_npz(&[("images", images.contiguous())], folder.0.join("images.npz"))?;
        match in_python(conversion, &folder.0, Path::new(name))? {
            Ok(found) => found,
            Err(why) => return Ok(Checked::NotCompared(why)),
        }
    } else if has_ending(to, ".html") {
        return Ok(Checked::NotCompared("a page computes in a browser; open it there".to_string()));
    } else if has_ending(to, ".weights.h5") || has_ending(to, ".npz") {
        // Into a model that has forgotten its own.
        let mut other = Sequential::load(&conversion.from)?;
        let zeros: Vec<_> =
            other.weights().into_iter().map(|(name, weight)| (name, weight.zeros_like())).collect();
        other.set_weights(&zeros)?;
        other.load_weights(&copy)?;
        outputs(&other, &images)?
    } else {
        outputs(&Sequential::load(&copy)?, &images)?
    };
    ensure!(
        found.size() == expected.size(),
        "the outputs are {:?} and not {:?}",
        found.size(),
        expected.size()
    );
    Ok(Checked::Difference { largest: difference(&expected, &found), output: largest(&expected) })
}

fn outputs(model: &Sequential, images: &Tensor) -> Result<Tensor> {
    no_grad(|| model.forward(images))
}

/// NaN is the same as NaN, and no other number is.
fn difference(one: &Tensor, other: &Tensor) -> f64 {
    let same = one.isnan().logical_and(&other.isnan()).logical_or(&one.eq_tensor(other));
    let difference = (one - other).abs().where_scalarother(&same.logical_not(), 0.0).max().double_value(&[]);
    if difference.is_nan() {
        f64::INFINITY
    } else {
        difference
    }
}

fn largest(outputs: &Tensor) -> f64 {
    outputs.nan_to_num(0.0, 0.0, 0.0).abs().max().double_value(&[])
}

/// What Python's runtime computes, or why it cannot be asked.
fn in_python(conversion: &Conversion, folder: &Path, name: &Path) -> Result<Result<Tensor, String>> {
    let kind = if conversion.pytorch { "pytorch" } else { "onnx" };
    let packages = if conversion.pytorch { "numpy torch safetensors" } else { "numpy onnxruntime" };
    let how = format!(
        "scripts/test formats makes a Python that has it, or name one that has {packages} by --python"
    );
    let Some(python) = conversion.python.clone().or_else(|| of_the_tests(kind)) else {
        return Ok(Err(format!("this needs Python with {packages}; {how}")));
    };
    let mut command = Command::new(&python);
    // libtorch's own folder is on the path of this process, and PyTorch brings its own.
    command.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_LIBRARY_PATH");
    let done = command.args(["-c", SCRIPT, kind]).arg(folder).arg(name).output();
    let done = done.with_context(|| format!("{} cannot be started; check --python", python.display()))?;
    if done.status.code() == Some(NO_PACKAGE) {
        let package = String::from_utf8_lossy(&done.stdout).trim().to_string();
        return Ok(Err(format!("{} has no package {package}; {how}", python.display())));
    }
    if !done.status.success() {
        let error = String::from_utf8_lossy(&done.stderr);
        bail!("{} does not open what was written:\n{}", python.display(), error.trim());
    }
    let outputs = Tensor::read_npz(folder.join("outputs.npz"))?;
    Ok(Ok(outputs.into_iter().next().context("Python gave no outputs")?.1))
}

/// The Python that `scripts/test formats` has made for the tests, if it has.
fn of_the_tests(kind: &str) -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache =
        || Some(named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?.join("cnn-course"));
    let python = named("CNN_CACHE").or_else(cache)?.join(format!("peer-{kind}")).join("bin").join("python");
    python.exists().then_some(python)
}

/// A folder beside the system's other temporary ones, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("cnn-check-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path)
            .with_context(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
