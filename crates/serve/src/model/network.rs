//! A model of the crate `cnn`, as the server uses it.

use cnn::anyhow::{bail, ensure, Context, Result};
use cnn::tch::{Device, Kind, Tensor};
use cnn::Sequential;
use std::borrow::Cow;
use std::path::Path;

/// What the server asks of a model. One thread owns it.
pub trait Predict: Send {
    /// The shape of an image.
    fn input_shape(&self) -> Vec<usize>;

    /// The outputs for `count` images, one after the other.
    ///
    /// # Errors
    /// If the model cannot compute them.
    fn predict(&mut self, images: &[f32], count: usize) -> Result<Vec<f32>>;

    /// A page to draw on.
    ///
    /// # Errors
    /// If the model cannot be written as one, or there is no room for it.
    fn page(&mut self) -> Result<String> {
        bail!("this model has none")
    }
}

/// A model that was loaded from a file.
#[derive(Debug)]
pub struct Network(Sequential);

impl Network {
    /// Loads a model from any format that `Sequential::load` reads.
    ///
    /// # Errors
    /// If the file is none, damaged, or has dimensions that are no lengths.
    pub fn load(path: &Path) -> Result<Network> {
        let model = Sequential::load(path)?;
        let shape = model.input_shape();
        ensure!(shape.iter().all(|&side| side > 0), "{} has an input of shape {shape:?}", path.display());
        Ok(Network(model))
    }
}

impl Predict for Network {
    fn input_shape(&self) -> Vec<usize> {
        self.0.input_shape().iter().map(|&side| side as usize).collect()
    }

    fn predict(&mut self, images: &[f32], count: usize) -> Result<Vec<f32>> {
        let last = images.len() - images.len() / count.max(1);
        let more = rounded(count) - count;
        let images: Cow<[f32]> = match more {
            0 => images.into(),
            _ => [images, &images[last..].repeat(more)].concat().into(),
        };
        let shape: Vec<i64> = [(count + more) as i64].iter().chain(self.0.input_shape()).copied().collect();
        let images = Tensor::f_from_slice(&images)?.f_reshape(shape)?;
        let outputs = self.0.predict(&images)?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        Vec::try_from(outputs.f_narrow(0, 0, count as i64)?.f_flatten(0, -1)?)
            .context("the outputs are no floats")
    }

    fn page(&mut self) -> Result<String> {
        let folder = tempfile::tempdir().context("there is no temporary folder to write it in")?;
        let file = folder.path().join("page.html");
        self.0.save(&file)?;
        Ok(std::fs::read_to_string(file)?)
    }
}

/// How many images are computed where so many are asked for. libtorch keeps what it has compiled for each number of them, about a
/// megabyte; the last image is repeated, so that there are few numbers.
fn rounded(count: usize) -> usize {
    match count {
        0 => 0,
        1..=32 => count.next_power_of_two(),
        _ => count.next_multiple_of(32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_images_are_few_and_no_image_is_left_out() {
        let numbers: std::collections::BTreeSet<usize> = (1..=96).map(rounded).collect();
        assert_eq!(Vec::from_iter(numbers), [1, 2, 4, 8, 16, 32, 64, 96]);
        assert!((1..=1000).all(|count| rounded(count) >= count));
    }
}
