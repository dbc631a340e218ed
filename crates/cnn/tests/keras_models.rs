//! Whole models of Keras 2 and 3, as Keras wrote them (scripts/fixtures/keras_models.py): they load, compute what Keras computes, and go on
//! training as there.

use cnn::anyhow::Result;
use cnn::prelude::*;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = ["chain", "blocks", "nested", "vector"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

/// A fixture, unpacked to a folder of the test's own.
fn unpacked(folder: &Path, name: &str) -> PathBuf {
    let packed = fs::read(fixtures().join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cnn-keras-models-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An array of the JSON; images get their channels first.
fn tensor(value: &Value) -> Tensor {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let shape: Vec<i64> = numbers(&value["shape"]).into_iter().map(|side| side as i64).collect();
    let tensor = Tensor::from_slice(&numbers(&value["data"])).to_kind(Kind::Float).reshape(&shape);
    if shape.len() == 4 {
        tensor.permute([0, 3, 1, 2]).contiguous()
    } else {
        tensor
    }
}

fn told(version: u32) -> Value {
    serde_json::from_str(&fs::read_to_string(fixtures().join(format!("keras{version}.json"))).unwrap())
        .unwrap()
}

fn assert_close(found: &Tensor, expected: &Value, most: f64, what: &str) {
    let expected = tensor(expected);
    assert_eq!(found.size(), expected.size(), "{what}");
    let difference = (found - expected).abs().max().double_value(&[]);
    assert!(difference <= most, "{what} differs by {difference:e}");
}

#[test]
fn models_of_keras_2_and_3_compute_what_keras_computes_and_train_on() -> Result<()> {
    let folder = folder("whole");
    let settings = Fit {
        epochs: 1,
        batch_size: 4,
        shuffle: false,
        verbose: false,
        validation_split: 0.0,
        ..Fit::default()
    };
    for version in [2, 3] {
        let told = told(version);
        for name in NAMES {
            let told = &told[name];
            let (x, y) = (tensor(&told["x"]), tensor(&told["y"]));
            for ending in ["keras", "h5"] {
                let file = format!("keras{version}_{name}.{ending}");
                let mut model = Sequential::load(unpacked(&folder, &file))?;
                assert_close(&model.predict(&x)?, &told["outputs"], 1e-5, &file);
                model.fit(&x, &y, &settings)?;
                assert_close(&model.predict(&x)?, &told["trained"], 1e-4, &format!("{file}, trained on,"));
            }
        }
    }
    Ok(fs::remove_dir_all(folder)?)
}

#[test]
fn weights_alone_are_given_to_the_layers_in_their_order() -> Result<()> {
    let folder = folder("weights");
    for version in [2, 3] {
        let told = told(version);
        for name in NAMES {
            let x = tensor(&told[name]["x"]);
            for ending in ["weights.h5", "keras", "h5"] {
                let file = format!("keras{version}_{name}.{ending}");
                let mut model = Sequential::load(unpacked(&folder, &format!("keras{version}_{name}.h5")))?;
                let zeros: Vec<_> =
                    model.weights().into_iter().map(|(name, weight)| (name, weight.zeros_like())).collect();
                model.set_weights(&zeros)?;
                if (name, ending) == ("nested", "weights.h5") {
                    // Its groups tell of a model within the model, which there is none of here.
                    let message = model.load_weights(unpacked(&folder, &file)).unwrap_err().to_string();
                    assert!(message.contains("sequential") && message.contains("unchanged"), "{message}");
                    continue;
                }
                model.load_weights(unpacked(&folder, &file))?;
                assert_close(&model.predict(&x)?, &told[name]["outputs"], 1e-5, &file);
            }
        }
    }
    Ok(fs::remove_dir_all(folder)?)
}

#[test]
fn files_that_keras_3_refuses_load() -> Result<()> {
    // Sequential models of Keras 2.2 have no InputLayer, and those of 2.1 a list for their configuration.
    let folder = folder("old");
    for version in [2, 3] {
        let told = told(version);
        for (name, old) in [("chain", "2.2"), ("chain", "2.1"), ("vector", "2.2"), ("vector", "2.1")] {
            let file = format!("keras{version}_{name}.{old}.h5");
            let model = Sequential::load(unpacked(&folder, &file))?;
            assert_close(&model.predict(&tensor(&told[name]["x"]))?, &told[name]["outputs"], 1e-5, &file);
        }
    }
    Ok(fs::remove_dir_all(folder)?)
}

#[test]
fn groups_with_backslashes_are_read() -> Result<()> {
    // As Keras 2.15 on Windows wrote them: the whole path as one name.
    use cnn::formats::hdf5::{self, Group, Node};
    fn flat(group: &Group, path: &str, root: &mut Group) {
        for (name, node) in &group.members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}\\{name}") };
            match node {
                Node::Group(inner) => flat(inner, &path, root),
                Node::Dataset(_) => root.members.push((path, node.clone())),
            }
        }
    }
    let folder = folder("backslashes");
    let told = told(2);
    let original = hdf5::read(&fs::read(unpacked(&folder, "keras2_chain.weights.h5"))?)?;
    let mut root = Group::default();
    flat(&original, "", &mut root);
    assert!(root.members.iter().any(|(name, _)| name.contains('\\')));
    let path = folder.join("windows.weights.h5");
    fs::write(&path, hdf5::write(&root)?)?;
    let mut model = Sequential::load(unpacked(&folder, "keras2_chain.h5"))?;
    let zeros: Vec<_> =
        model.weights().into_iter().map(|(name, weight)| (name, weight.zeros_like())).collect();
    model.set_weights(&zeros)?;
    model.load_weights(&path)?;
    assert_close(&model.predict(&tensor(&told["chain"]["x"]))?, &told["chain"]["outputs"], 1e-5, "windows");
    Ok(fs::remove_dir_all(folder)?)
}
