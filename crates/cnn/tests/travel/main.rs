//! Models that travel: what this crate writes, in real Keras, PyTorch and ONNX Runtime, and what these write, here.
//!
//! They are asked where `scripts/bench` keeps them; where they are not, the test says so and compares nothing. With `--nocapture` it
//! prints a table with the largest difference of each way.

mod models;
mod peers;
mod table;

use cnn::anyhow::Result;
use cnn::{prelude::*, tch, DataFormat};
use models::{images, models, Travelling};
use peers::{Folder, Peer};
use table::Table;

/// The largest difference of two outputs that is the order of additions and nothing else.
const CLOSE: f64 = 1e-5;

fn difference(one: &Tensor, other: &Tensor) -> f64 {
    if one.size() != other.size() {
        return f64::INFINITY;
    }
    // NaN is the same as NaN, and no other number is.
    let both = one.isnan().logical_and(&other.isnan());
    let difference = (one - other).abs().where_scalarother(&both.logical_not(), 0.0);
    let largest = difference.max().double_value(&[]);
    if largest.is_nan() {
        f64::INFINITY
    } else {
        largest
    }
}

fn same_bits(one: &Sequential, other: &Sequential) -> bool {
    let weights =
        |model: &Sequential| model.weights().into_iter().map(|(_, weight)| weight).collect::<Vec<_>>();
    let (one, other) = (weights(one), weights(other));
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| one.equal(other))
}

/// The outputs that a peer has computed with a file, by the file's kind.
fn outputs(folder: &Folder, peer: Peer, name: &str) -> Vec<(String, Tensor)> {
    Tensor::read_npz(folder.file(&format!("{name}.{}.out.npz", peer.name()))).unwrap()
}

fn write_images(folder: &Folder, name: &str, x: &Tensor) {
    Tensor::write_npz(&[("images", x)], folder.file(&format!("{name}.images.npz"))).unwrap();
}

#[test]
fn what_is_written_comes_back_with_the_same_bits() -> Result<()> {
    let folder = Folder::new("back");
    for Travelling { name, model, x, .. } in models() {
        let expected = model.predict(&x)?;
        for ending in ["safetensors", "keras", "h5"] {
            let path = folder.file(&format!("{name}.{ending}"));
            model.save(&path)?;
            let back = Sequential::load(&path)?;
            assert!(same_bits(&model, &back), "{name}.{ending}");
            assert_eq!(difference(&back.predict(&x)?, &expected), 0.0, "{name}.{ending}");
            let first = std::fs::read(&path)?;
            back.save(&path)?;
            assert!(std::fs::read(&path)? == first, "{name}.{ending} is another file the second time");
        }
        for ending in ["weights.h5", "npz", "keras", "h5", "safetensors"] {
            let path = folder.file(&format!("{name}.{ending}"));
            model.save(&path)?;
            // Weights in .safetensors go by names, which in blocks are others after a journey through Keras's files.
            let own = if ending == "safetensors" { "safetensors" } else { "keras" };
            let mut other = Sequential::load(folder.file(&format!("{name}.{own}")))?;
            let zeros: Vec<(String, Tensor)> =
                other.weights().into_iter().map(|(name, weight)| (name, weight.zeros_like())).collect();
            other.set_weights(&zeros)?;
            other.load_weights(&path)?;
            assert!(same_bits(&model, &other), "{name}.{ending}");
        }
    }
    Ok(())
}

#[test]
fn keras_opens_what_is_written_and_gives_it_back() -> Result<()> {
    let Some(python) = Peer::Keras.python() else { return Ok(()) };
    let folder = Folder::new("keras");
    let all = models();
    for Travelling { name, model, x, .. } in &all {
        write_images(&folder, name, x);
        for ending in ["keras", "h5", "weights.h5"] {
            model.save(folder.file(&format!("{name}.{ending}")))?;
        }
        model.save(folder.file(&format!("{name}.weights.npz")))?;
    }
    Peer::Keras.run(&python, &folder);
    let mut table = Table::new("Keras");
    for Travelling { name, model, x, .. } in &all {
        let expected = model.predict(x)?;
        for (kind, found) in outputs(&folder, Peer::Keras, name) {
            table.add(&format!("writes .{kind}"), name, difference(&found, &expected));
        }
        for ending in ["keras", "h5"] {
            let back = Sequential::load(folder.file(&format!("{name}.back.{ending}")))?;
            assert!(same_bits(model, &back), "{name}.back.{ending}");
            assert_eq!(back.count_trainable_params(), model.count_trainable_params(), "{name}.back.{ending}");
            table.add(&format!("reads .{ending}"), name, difference(&back.predict(x)?, &expected));
        }
        for ending in ["weights.h5", "weights.npz"] {
            let mut back = Sequential::load(folder.file(&format!("{name}.keras")))?;
            back.load_weights(folder.file(&format!("{name}.back.{ending}")))?;
            assert!(same_bits(model, &back), "{name}.back.{ending}");
            table.add(&format!("reads .{ending}"), name, difference(&back.predict(x)?, &expected));
        }
    }
    table.print_and_check(CLOSE);
    Ok(())
}

#[test]
fn pytorch_opens_what_is_written_and_gives_it_back() -> Result<()> {
    let Some(python) = Peer::PyTorch.python() else { return Ok(()) };
    let folder = Folder::new("pytorch");
    let all: Vec<Travelling> = models().into_iter().filter(|travelling| travelling.pytorch).collect();
    for Travelling { name, model, x, .. } in &all {
        write_images(&folder, name, x);
        let lines = model.save_for_pytorch(folder.file(&format!("{name}.safetensors")))?;
        std::fs::write(folder.file(&format!("{name}.py")), lines)?;
        model.save(folder.file(&format!("{name}.keras")))?;
    }
    Peer::PyTorch.run(&python, &folder);
    let mut table = Table::new("PyTorch");
    for Travelling { name, model, x, .. } in &all {
        let expected = model.predict(x)?;
        for (kind, found) in outputs(&folder, Peer::PyTorch, name) {
            table.add(&format!("writes .safetensors for {kind}"), name, difference(&found, &expected));
        }
        for ending in ["back.pt", "back.pth", "safetensors"] {
            let mut back = Sequential::load(folder.file(&format!("{name}.keras")))?;
            let zeros: Vec<(String, Tensor)> =
                back.weights().into_iter().map(|(name, weight)| (name, weight.zeros_like())).collect();
            back.set_weights(&zeros)?;
            back.load_weights(folder.file(&format!("{name}.{ending}")))?;
            table.add(&format!("reads .{ending}"), name, difference(&back.predict(x)?, &expected));
        }
    }
    table.print_and_check(CLOSE);
    Ok(())
}

#[test]
fn onnx_runtime_opens_what_is_written() -> Result<()> {
    let Some(python) = Peer::Onnx.python() else { return Ok(()) };
    let folder = Folder::new("onnx");
    let all = models();
    for Travelling { name, model, x, .. } in &all {
        write_images(&folder, name, x);
        model.save(folder.file(&format!("{name}.onnx")))?;
        model.save_onnx(folder.file(&format!("{name}.last.onnx")), DataFormat::ChannelsLast)?;
    }
    Peer::Onnx.run(&python, &folder);
    let mut table = Table::new("ONNX Runtime");
    for Travelling { name, model, x, .. } in &all {
        let expected = model.predict(x)?;
        for (kind, found) in outputs(&folder, Peer::Onnx, name) {
            table.add(&format!("writes .{kind}"), name, difference(&found, &expected));
        }
    }
    table.print_and_check(CLOSE);
    Ok(())
}

#[test]
fn nan_stays_nan_in_what_is_written() -> Result<()> {
    use cnn::formats::{hdf5, npz};
    fn nans(group: &hdf5::Group) -> usize {
        let of_node = |node: &hdf5::Node| match node {
            hdf5::Node::Group(group) => nans(group),
            hdf5::Node::Dataset(dataset) => dataset
                .numbers()
                .map_or(0, |array| array.to_f32().iter().filter(|number| number.is_nan()).count()),
        };
        group.members.iter().map(|(_, node)| of_node(node)).sum()
    }
    let folder = Folder::new("nan");
    let model = Sequential::input([3]).add(Dense::new(2)).build()?;
    let _ = model.weights()[0].1.detach().get(0).get(0).fill_(f64::NAN);
    for ending in ["h5", "weights.h5", "npz", "safetensors"] {
        let path = folder.file(&format!("nan.{ending}"));
        model.save(&path)?;
        let bytes = std::fs::read(&path)?;
        let found = match ending {
            "npz" => npz::read(&bytes)?
                .iter()
                .flat_map(|(_, array)| array.to_f32())
                .filter(|number| number.is_nan())
                .count(),
            "safetensors" => bytes.windows(4).filter(|window| *window == f32::NAN.to_le_bytes()).count(),
            _ => nans(&hdf5::read(&bytes)?),
        };
        assert_eq!(found, 1, "{ending}");
        // It is told at loading: the file was saved after a training that failed.
        let mut other = Sequential::input([3]).add(Dense::new(2)).build()?;
        let message = other.load_weights(&path).unwrap_err().to_string();
        assert!(message.contains("dense/kernel holds NaN"), "{message}");
    }
    Ok(())
}

#[test]
fn it_is_told_where_a_pixel_that_is_no_number_is_lost() -> Result<()> {
    // Here the answer to an image with NaN is NaN. Elsewhere it need not be: a ReLU or a pooling may make a number of it.
    let folder = Folder::new("nan-pixels");
    let all: Vec<Travelling> = models()
        .into_iter()
        .filter(|model| ["conv", "max_pooling", "vectors"].contains(&model.name.as_str()))
        .collect();
    for Travelling { name, model, x, .. } in &all {
        let x = x.copy();
        let _ = x.get(0).fill_(f64::NAN);
        let answers = model.predict(&x)?;
        assert_eq!(answers.get(0).isnan().all().int64_value(&[]), 1, "{name}");
        assert_eq!(answers.narrow(0, 1, 99).isnan().any().int64_value(&[]), 0, "{name}");
        write_images(&folder, name, &x);
        for ending in ["keras", "h5", "weights.h5", "onnx"] {
            model.save(folder.file(&format!("{name}.{ending}")))?;
        }
        model.save(folder.file(&format!("{name}.weights.npz")))?;
        model.save_onnx(folder.file(&format!("{name}.last.onnx")), DataFormat::ChannelsLast)?;
        let lines = model.save_for_pytorch(folder.file(&format!("{name}.safetensors")))?;
        std::fs::write(folder.file(&format!("{name}.py")), lines)?;
    }
    for peer in [Peer::Keras, Peer::PyTorch, Peer::Onnx] {
        let Some(python) = peer.python() else { continue };
        peer.run(&python, &folder);
        for Travelling { name, .. } in &all {
            for (kind, found) in outputs(&folder, peer, name) {
                let kept = found.get(0).isnan().all().int64_value(&[]) == 1;
                let told = if kept { "NaN, as here" } else { "numbers, and NaN here" };
                println!("{:<8} .{kind:<10} {name:<12} an image of NaN gives {told}", peer.name());
                assert_eq!(found.narrow(0, 1, 99).isnan().any().int64_value(&[]), 0, "{kind} {name}");
            }
        }
    }
    Ok(())
}

/// Optimizers with what they remember, and without.
fn optimizers() -> Vec<(&'static str, Optimizer)> {
    vec![
        ("adam", Adam { learning_rate: 0.01, ..Adam::default() }.into()),
        ("adam_frozen", Adam { learning_rate: 0.01, ..Adam::default() }.into()),
        ("adamw", AdamW { learning_rate: 0.01, weight_decay: 0.1, ..AdamW::default() }.into()),
        ("sgd", SGD { learning_rate: 0.1, ..SGD::default() }.into()),
        ("sgd_nesterov", SGD { learning_rate: 0.01, momentum: 0.9, nesterov: true, ..SGD::default() }.into()),
        ("rmsprop", RMSprop { learning_rate: 0.003, ..RMSprop::default() }.into()),
        ("rmsprop_momentum", RMSprop { learning_rate: 0.001, momentum: 0.5, ..RMSprop::default() }.into()),
    ]
}

#[test]
fn a_training_goes_on_in_keras_and_comes_back() -> Result<()> {
    let Some(python) = Peer::Keras.python() else { return Ok(()) };
    let folder = Folder::new("training");
    let data = mnist::synthetic_digits(256, 0, 3);
    let x = normalize(&add_channel(&data.x_train)?)?;
    let y = to_categorical(&data.y_train, 10)?;
    Tensor::write_npz(&[("images", &x), ("labels", &y)], folder.file("training.npz"))?;
    let settings = Fit {
        epochs: 1,
        batch_size: 32,
        validation_split: 0.0,
        shuffle: false,
        verbose: false,
        ..Fit::default()
    };
    let mut here = Vec::new();
    for (name, optimizer) in optimizers() {
        // Smooth activations: at ReLU's kink, the last bit of a number can decide on a gradient.
        let mut model = Sequential::input([1, 28, 28])
            .add(Conv2D::new(4, (3, 3)).strides((2, 2)).activation(Silu).name("erste"))
            .add(BatchNormalization::new())
            .add(Residual::new().add(Conv2D::new(4, (3, 3)).padding(Padding::Same)).activation(Silu))
            .add(Flatten)
            .add(Dense::new(10).activation(Softmax))
            .device(Device::Cpu)
            .build()?;
        if name == "adam_frozen" {
            model.set_trainable_from("residual")?;
        }
        model.compile(optimizer, Loss::CategoricalCrossentropy)?;
        model.fit(&x, &y, &settings)?;
        model.save(folder.file(&format!("{name}.keras")))?;
        model.fit(&x, &y, &settings)?;
        here.push((name, model));
    }
    Peer::Keras.train(&python, &folder);
    let mut table = Table::new("Keras");
    for (name, model) in here {
        let expected = model.predict(&x)?;
        for ending in ["keras", "h5"] {
            let mut there = Sequential::load(folder.file(&format!("{name}.once.{ending}")))?;
            table.add(
                &format!("trains on from .keras, {ending}"),
                name,
                difference(&there.predict(&x)?, &expected),
            );
            assert_eq!(there.count_trainable_params(), model.count_trainable_params(), "{name}");
            there.fit(&x, &y, &settings)?;
            let twice = Sequential::load(folder.file(&format!("{name}.twice.keras")))?;
            table.add(
                &format!("trained on from Keras's .{ending}"),
                name,
                difference(&there.predict(&x)?, &twice.predict(&x)?),
            );
        }
    }
    table.print_and_check(1e-4);
    Ok(())
}

#[test]
fn images_are_the_same_for_everyone() {
    // What the other tests rely on: one seed, one set of images.
    tch::manual_seed(1);
    assert!(images(&[1, 4, 4], 3).equal(&images(&[1, 4, 4], 3)));
}
