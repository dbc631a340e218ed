//! Models as pages, for the tests that open them in a browser, and what the models themselves make of the same images.
//!
//! - `pages write FOLDER`: `digits.html`, trained on MNIST, `classes.html`, which knows no digits, and a page for each layer. For each
//!   page `X.html` there are `X.inputs` and `X.outputs`, 32-bit floats.
//! - `pages read FOLDER`: for each picture `X.png` what `digit_from_file` makes of it, `X.inputs`; where that is an error, `X.error`.

#[allow(dead_code)] // what is for PyTorch
#[path = "../tests/travel/models.rs"]
mod models;

use cnn::anyhow::{bail, Context, Result};
use cnn::prelude::*;
use cnn::preprocessing::digit_from_file;
use std::fs;
use std::path::{Path, PathBuf};

/// Test images on the page of digits, and images on each of the others.
const DIGITS: i64 = 1000;
const IMAGES: i64 = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", folder] => write(Path::new(folder)),
        ["read", folder] => read(Path::new(folder)),
        _ => bail!("usage: pages write FOLDER, pages read FOLDER"),
    }
}

fn write(folder: &Path) -> Result<()> {
    digits(folder)?;
    let mut names = Sequential::input([3, 32, 32])
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(4, (5, 5)).strides((3, 3)).activation(Relu))
        .add(Flatten)
        .add(Dense::new(3).activation(Softmax))
        .seed(1)
        .build()?;
    let classes = ["cat & <b>dog</b>", "</script><script>alert(1)</script>", "{{weights}} \"'"];
    names.notes.insert("class_names".into(), classes.join("\n"));
    let x = models::images(&[3, 32, 32], 3);
    page(folder, "classes", &names, &x, &(&x * 255.0))?;
    let channels = Sequential::input([3, 6, 6]).add(ZeroPaddingChannels::new(1, 2)).add(Flatten).build()?;
    let x = models::images(&[3, 6, 6], 4);
    page(folder, "layer_zero_padding_channels", &channels, &x, &x)?;
    for models::Travelling { name, model, x, .. } in models::models() {
        page(folder, &format!("layer_{name}"), &model, &x, &x)?;
    }
    Ok(())
}

/// A model that has seen enough digits to read one.
fn digits(folder: &Path) -> Result<()> {
    let data = mnist::load_data()?;
    let (x, x_test) = (normalize(&add_channel(&data.x_train)?)?, normalize(&add_channel(&data.x_test)?)?);
    let mut model = course::model(1)?;
    let count = x.size()[0].min(24_000);
    let fit = Fit { epochs: 2, batch_size: 128, verbose: false, ..Fit::default() };
    model.fit(&x.narrow(0, 0, count), &data.y_train.narrow(0, 0, count), &fit)?;
    model.notes.insert("dataset".into(), data.name.clone());
    let x = x_test.narrow(0, 0, DIGITS.min(x_test.size()[0]));
    page(folder, "digits", &model, &x, &x)?;
    model.show_page() // on the standard output, as in a kernel
}

/// A page, what is given to it, and what the model makes of the same images on its own scale.
fn page(folder: &Path, name: &str, model: &Sequential, given: &Tensor, x: &Tensor) -> Result<()> {
    model.save(folder.join(format!("{name}.html")))?;
    let count = if name == "digits" { given.size()[0] } else { IMAGES };
    floats(&folder.join(format!("{name}.inputs")), &given.narrow(0, 0, count))?;
    floats(&folder.join(format!("{name}.outputs")), &model.predict(&x.narrow(0, 0, count))?)
}

fn floats(path: &Path, tensor: &Tensor) -> Result<()> {
    let numbers: Vec<f32> = tensor.contiguous().flatten(0, -1).try_into()?;
    fs::write(path, numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())?;
    Ok(())
}

fn read(folder: &Path) -> Result<()> {
    let files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>().context("the folder")?;
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "png")) {
        match digit_from_file(path) {
            Ok(digit) => floats(&path.with_extension("inputs"), &digit)?,
            Err(error) => fs::write(path.with_extension("error"), error.to_string())?,
        }
    }
    Ok(())
}
