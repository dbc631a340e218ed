//! Saving and loading, in the format that a file's name says.

use anyhow::{bail, ensure, Result};
use std::path::Path;

use super::file_format::FileFormat;
use super::npz::{read_npz, write_npz};
use super::onnx::{write_onnx, DataFormat};
use super::page::write_page;
use super::{keras, pytorch, safetensors};
use crate::engine::error::Context;
use crate::engine::files::{check_place, explain, write_whole};
use crate::Sequential;

const WEIGHTS_ALONE: &str =
    "it holds weights alone. Build the model, and read them with model.load_weights(); what \
                             model.save() wrote to .safetensors, .keras or .h5 can be loaded as it is";

impl Sequential {
    /// Writes the model in the format that the name says; missing folders are made, and an earlier file of that name is replaced
    /// only when the new one is whole.
    ///
    /// | name | what is in it | who opens it |
    /// |---|---|---|
    /// | `x.safetensors` | layers, weights, what `compile` was given | [`load`](Self::load); the weights also Python's `safetensors` |
    /// | `x.keras` | the same, and what the optimizer has learnt | Keras 3, [`load`](Self::load) |
    /// | `x.h5` | layers, weights, what `compile` was given | Keras 2 and 3, [`load`](Self::load) |
    /// | `x.onnx` | layers and weights, for predicting | ONNX Runtime and others; see [`save_onnx`](Self::save_onnx) |
    /// | `x.html` | a page that runs the model, with its weights | every browser, from a file and offline |
    /// | `x.weights.h5` | weights | Keras 3's and this crate's [`load_weights`](Self::load_weights) |
    /// | `x.npz` | weights, in Keras's layouts and order | NumPy, [`load_weights`](Self::load_weights) |
    ///
    /// For PyTorch there is [`save_for_pytorch`](Self::save_for_pytorch).
    ///
    /// Each file is all that it takes to use the model, unless it has layers of your own: [`load`](Self::load) does not know these, so
    /// build the model and use [`load_weights`](Self::load_weights); Keras's files and the page cannot hold them.
    ///
    /// On the page, digits are drawn for a model of images `[1, 28, 28]`, and read as
    /// [`digit_from_file`](crate::preprocessing::digit_from_file) reads them; other models are shown pictures. The classes have the
    /// names in the model's note `class_names`, one a line:
    ///
    /// ```
    /// use cnn::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("cnn-doc-page-{}.html", std::process::id()));
    /// let mut model = Sequential::input([3, 32, 32]).add(Flatten).add(Dense::new(2).activation(Softmax)).build()?;
    /// model.notes.insert("class_names".into(), ["cat", "dog"].join("\n"));
    /// model.save(&path)?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// ```
    /// use cnn::prelude::*;
    /// # let folder = std::env::temp_dir().join(format!("cnn-doc-save-{}", std::process::id()));
    /// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 10, 1));
    /// let x = add_channel(&data.x_test)?;
    /// for name in ["model.safetensors", "model.keras", "model.h5"] {
    ///     model.save(folder.join(name))?;
    ///     assert_eq!(Sequential::load(folder.join(name))?.predict(&x)?, model.predict(&x)?);
    /// }
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the name says no format, the file cannot be written, or the format cannot hold one of the layers.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), false).context("the model was not saved")
    }

    /// Writes as [`save`](Self::save) does, and also what the optimizer has learnt of the gradients: a training that
    /// goes on with the loaded model is then the same as if it had never stopped. With Adam, the file is three
    /// times as large. For `.safetensors` and `.keras`.
    ///
    /// # Errors
    /// As those of [`save`](Self::save), and if the format has no place for it.
    pub fn save_with_optimizer(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), true).context("the model was not saved")
    }

    fn write(&self, path: &Path, with_optimizer: bool) -> Result<()> {
        let format = FileFormat::of_name(path)?;
        check_place(path)?;
        if with_optimizer && !format.holds_optimizers() {
            bail!(
                "{} has no place for what the optimizer has learnt; use .keras or .safetensors, or save() without it",
                path.display()
            );
        }
        let bytes = match format {
            FileFormat::Safetensors => return safetensors::write(path, self, with_optimizer, &[], None),
            FileFormat::Keras => keras::write_archive(self)?,
            FileFormat::H5 => keras::write_h5(self)?,
            FileFormat::WeightsH5 => keras::write_weights(self)?,
            FileFormat::PyTorch => bail!(
                "PyTorch's .pt is a pickle, which only Python should write; use save_for_pytorch(\"{}\")",
                path.with_extension("safetensors").display()
            ),
            FileFormat::Onnx => write_onnx(self, DataFormat::ChannelsFirst)?,
            FileFormat::Html => write_page(self)?,
            FileFormat::Npz => write_npz(self)?,
        };
        write_whole(path, &bytes)
    }

    /// Writes an ONNX file, for other runtimes, whose images are in this format; [`save`](Self::save) to a name with `.onnx` takes
    /// [`DataFormat::ChannelsFirst`]. Operators of version 17; any number of images at once. The input is called `images`, the output
    /// `classes`. Layers that work only while training are left out: dropout, noise, augmentation.
    ///
    /// ```
    /// use cnn::{prelude::*, DataFormat};
    /// # let path = std::env::temp_dir().join(format!("cnn-doc-onnx-{}.onnx", std::process::id()));
    /// course::model(1)?.save_onnx(&path, DataFormat::ChannelsLast)?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written, or a layer is one of your own.
    pub fn save_onnx(&self, path: impl AsRef<Path>, format: DataFormat) -> Result<()> {
        let write = || write_whole(path.as_ref(), &write_onnx(self, format)?);
        write().context("the model was not saved")
    }

    /// Writes the weights for PyTorch, with its names and layouts, to a `.safetensors` file, and returns the lines of Python that build
    /// the model and read them.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// # let folder = std::env::temp_dir().join(format!("cnn-doc-pytorch-{}", std::process::id()));
    /// let python = course::model(1)?.save_for_pytorch(folder.join("digits.safetensors"))?;
    /// assert!(python.contains("nn.Conv2d(1, 32, 3)"));
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written, its name does not end with `.safetensors`, or PyTorch has no module for a layer.
    pub fn save_for_pytorch(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        let write = || -> Result<String> {
            ensure!(
                FileFormat::of_name(path).is_ok_and(|format| format == FileFormat::Safetensors),
                "{} must end with .safetensors, which PyTorch reads with the package safetensors",
                path.display()
            );
            let (weights, python) = pytorch::for_pytorch(self, path)?;
            write_whole(path, &safetensors::weights_alone(&weights)?)?;
            Ok(python)
        };
        write().context("the model was not saved")
    }

    /// Reads a model, ready to predict, evaluate and go on training: what [`save`](Self::save) or
    /// [`save_with_optimizer`](Self::save_with_optimizer) wrote, and models of Keras: `.h5` files of Keras 2 and 3, `.keras` files.
    /// What the file is, its content tells, not its name.
    ///
    /// A functional model of Keras is read if it is a chain of layers, or has blocks with one way around them, which become
    /// [`Residual`](crate::layers::Residual). Where it was trained in a way that this crate does not have, a line says so, and the
    /// model is not compiled.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or of another format, or its weights do not fit its architecture
    /// or are not numbers; if it holds layers or arguments that this crate does not have, which the error names; or if it holds weights
    /// alone: build the model then, and use [`load_weights`](Self::load_weights).
    pub fn load(path: impl AsRef<Path>) -> Result<Sequential> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let model = match FileFormat::of_bytes(&bytes, path) {
            FileFormat::Keras => keras::read_archive(&bytes).map(Some),
            FileFormat::H5 | FileFormat::WeightsH5 => keras::read_h5(&bytes),
            FileFormat::Safetensors => safetensors::read_model(&bytes),
            FileFormat::Npz | FileFormat::PyTorch => Ok(None),
            FileFormat::Onnx => bail!(
                "{} is an ONNX file, which is for running a model elsewhere; load what it was made from",
                path.display()
            ),
            FileFormat::Html => bail!(
                "{} is a page, which is for running a model in a browser; load what it was made from",
                path.display()
            ),
        };
        let model = model.with_context(|| {
            format!(
                "{} holds no model that can be used; copy it again, or save it again with model.save()",
                path.display()
            )
        })?;
        model.with_context(|| format!("{}: {WEIGHTS_ALONE}", path.display()))
    }

    /// Reads only the weights of a saved model into this one, whose layers must be the same.
    ///
    /// The file may be any that [`load`](Self::load) reads, or hold weights alone: Keras's `.weights.h5`; PyTorch's `.pt` and `.pth`, which
    /// are given to the layers by the modules' names where the layers are called so, as in [`architectures`](crate::architectures), else in
    /// their order; NumPy's `.npz`, by its names or in order; or a `.safetensors` file that
    /// has passed through another program, which keeps no architecture, and where weights may have become F16, BF16 or F64: they
    /// are read as 32-bit floats. Such a file must have a tensor for each of [`weights`](Self::weights), of its name and shape,
    /// and no others but the optimizer's; their order plays no part. In Keras's files the order of the layers tells which weights are
    /// whose, as in Keras.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("cnn-doc-weights-{}.safetensors", std::process::id()));
    /// let (model, mut other) = (course::model(1)?, course::model(2)?);
    /// // As another program might: weights by name, and nothing else.
    /// let doubles = |(name, weight): (String, Tensor)| (name, weight.to_kind(Kind::Double).contiguous());
    /// Tensor::write_safetensors(&model.weights().into_iter().map(doubles).collect::<Vec<_>>(), &path)?;
    /// other.load_weights(&path)?;
    /// assert_eq!(other.weight("dense/kernel")?, model.weight("dense/kernel")?);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or of another format, or its weights are not numbers, or beyond the range of
    /// 32-bit floats. If the architecture differs, the error names the first layer that does; in a file without one, the first
    /// weight that is missing, of another shape, or not the model's, and lists what the file has. The model is then unchanged.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_weights_without(path.as_ref(), None)
    }

    /// The same, leaving out those of PyTorch's weights whose names begin so: a classifier that is not wanted.
    pub(crate) fn load_weights_without(&mut self, path: &Path, without: Option<&str>) -> Result<()> {
        let bytes = read(path)?;
        let done = match FileFormat::of_bytes(&bytes, path) {
            FileFormat::Keras => keras::read_archive_weights(&bytes, self),
            FileFormat::H5 | FileFormat::WeightsH5 => keras::read_h5_weights(&bytes, self),
            FileFormat::Safetensors => safetensors::read_weights(&bytes, self, without),
            FileFormat::Npz => read_npz(&bytes, self),
            FileFormat::PyTorch => {
                formats::pytorch::read(&bytes).and_then(|arrays| pytorch::give_all(self, arrays, without))
            }
            FileFormat::Onnx => {
                bail!("{} is an ONNX file; load the weights of what it was made from", path.display())
            }
            FileFormat::Html => {
                bail!("{} is a page for browsers; load the weights of what it was made from", path.display())
            }
        };
        done.with_context(|| {
            format!(
                "the weights in {} do not fit this model, which is unchanged; check that it is built as the saved one was",
                path.display()
            )
        })
    }

    /// Reads some or all weights of another program's file, by names: each pair is a name here, as [`weights`](Self::weights) has it, and
    /// the name in the file. Kernels are brought from PyTorch's layouts to this crate's. For `.pt` and `.pth` files, and
    /// `.safetensors` files with PyTorch's weights.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("cnn-doc-by-name-{}.safetensors", std::process::id()));
    /// let mut model = Sequential::input([4]).add(Dense::new(3)).build()?;
    /// model.save_for_pytorch(&path)?;
    /// model.load_weights_by_name(&path, &[("dense/kernel", "0.weight"), ("dense/bias", "0.bias")])?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, a name is not there, or a weight has another shape. The model is then unchanged.
    pub fn load_weights_by_name(&mut self, path: impl AsRef<Path>, names: &[(&str, &str)]) -> Result<()> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let arrays = match FileFormat::of_bytes(&bytes, path) {
            FileFormat::PyTorch => formats::pytorch::read(&bytes),
            FileFormat::Safetensors => safetensors::arrays(&bytes),
            _ => bail!("{} is no file of PyTorch; use load_weights()", path.display()),
        };
        let done = arrays.and_then(|arrays| pytorch::by_map(self, &arrays, names));
        done.with_context(|| {
            format!("the weights in {} were not read, and the model is unchanged", path.display())
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| explain(error, &format!("the model {} cannot be read", path.display())))
}
