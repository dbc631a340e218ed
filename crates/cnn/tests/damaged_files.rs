//! Every reader of files, on damaged files: it reads them, or says which file is wrong and what to do. It never
//! panics, hangs, or takes more memory than the file is worth.
//!
//! Each round damages a file in a way of its own, which follows from the round's number alone. With `CNN_FUZZ=1000000`
//! in the environment there are so many rounds instead of a few thousand; a file that broke a reader is kept.

use cnn::anyhow::{ensure, Result};
use cnn::callbacks::{BackupAndRestore, Callback, EarlyStopping, Run};
use cnn::data::idx;
use cnn::{prelude::*, tch};
use flate2::{write::GzEncoder, Compression};
use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};
use serde_json::{json, Value};
use std::fs;
use std::io::{Read, Write};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One of these stands in every message: a reader of it should know what to do.
const ADVICE: [&str; 8] =
    ["again", "heck", "delete", "update", "make it smaller", "Take both", "model.save()", "save it as"];
/// Far more than libtorch and these small files need; far less than what damaged sizes ask for.
const MEMORY: u64 = 512 << 20;

/// A folder that is removed at the end of its test, if that ends well.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("cnn-damaged-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Runs `round` on `rounds` random generators, or on this share (in thousandths) of the number in `CNN_FUZZ`.
/// An error must name `folder`, where the files are.
fn fuzz(folder: &Folder, rounds: u64, thousandths: u64, mut round: impl FnMut(&mut StdRng) -> Result<()>) {
    let wanted = std::env::var("CNN_FUZZ").ok();
    let rounds = wanted.map_or(rounds, |all| all.parse::<u64>().unwrap() * thousandths / 1000);
    let (memory, mut read) = (peak_memory(), 0);
    for number in 0..rounds {
        let begin = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| round(&mut StdRng::seed_from_u64(number))));
        let here = format!("round {number} in {}", folder.0.display());
        match result {
            Ok(Ok(())) => read += 1,
            Ok(Err(error)) => assert_helps(&format!("{error}"), folder, &here),
            Err(panic) => {
                eprintln!("a panic in {here}");
                resume_unwind(panic);
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{here} took {:?}", begin.elapsed());
        assert!(peak_memory() < memory + MEMORY, "{here} took more than {} MB", MEMORY >> 20);
    }
    println!("{rounds} files, of which {read} could be read");
    assert!(read > 0 && read < rounds, "files of both kinds are wanted, and {read} of {rounds} were read");
}

fn assert_helps(message: &str, folder: &Folder, what: &str) {
    assert!(message.contains(folder.0.to_str().unwrap()), "{what} does not name the file: {message}");
    assert!(ADVICE.iter().any(|advice| message.contains(advice)), "{what} gives no advice: {message}");
}

/// The most memory that this process has ever used. Known on Linux only.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

/// Flips bits, writes numbers, puts bytes in, takes some out, repeats a part, or cuts the end off; mostly among the
/// first `important` bytes.
fn damage(bytes: &mut Vec<u8>, important: usize, random: &mut StdRng) {
    for _ in 0..random.gen_range(1..4) {
        let reach = if random.gen_bool(0.8) { important.min(bytes.len()) } else { bytes.len() };
        let at = random.gen_range(0..=reach);
        let until = (at + random.gen_range(1..9)).min(bytes.len());
        match random.gen_range(0..7) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.gen_range(0..8),
            2 => bytes.insert(at, random.gen()),
            3 => drop(bytes.drain(at.min(until)..until)),
            4 => {
                let part = bytes[at.min(until)..until].repeat(random.gen_range(1..50));
                bytes.splice(at..at, part);
            }
            5 => bytes.truncate(at),
            _ => {
                let numbers = [0, 1, 0x7f, 0xff, 0x80, 0x1000_0000, u64::MAX, u64::MAX >> 1];
                let number = numbers.choose(random).unwrap().to_le_bytes();
                let until = until.max(at);
                bytes.splice(at..until, number[..until - at].iter().copied());
            }
        }
    }
}

/// Texts that take the place of a value in JSON; not all of them are JSON.
fn odd_value(random: &mut StdRng) -> String {
    let numbers = [
        "0",
        "1",
        "2",
        "-1",
        "3",
        "0.5",
        "-0.5",
        "255",
        "32768",
        "32769",
        "65536",
        "1048576",
        "1073741824",
        "2147483647",
        "2147483648",
        "4294967296",
        "9007199254740993",
        "4611686018427387904",
        "4611686018427387903",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551612",
        "18446744073709551615",
        "1e19",
        "1e300",
        "5e-324",
        "1e999",
        "-1e999",
        "NaN",
    ];
    let others = [
        "null",
        "true",
        "\"\"",
        "[]",
        "{}",
        "[0]",
        "[1,1,1,1,1,1,1,1,1,1]",
        "\"F16\"",
        "\"I64\"",
        "\"relu\"",
        "\"same\"",
        "\"Flatten\"",
        "\"Conv2D\"",
        "\"MaxPooling2D\"",
        "[9223372036854775807,9223372036854775807]",
        "[0,4611686018427387904]",
        "[[2,2],[2,2]]",
        "\"\\u0000\"",
    ];
    match random.gen_range(0..20) {
        0 => "[".repeat(10_000),
        1 => format!("[{}1]", "1,".repeat(random.gen_range(1..2000))),
        2 => "9".repeat(random.gen_range(1..400)),
        3..=6 => others.choose(random).unwrap().to_string(),
        _ => numbers.choose(random).unwrap().to_string(),
    }
}

/// The JSON as text, with some of its values replaced, left out or repeated.
fn damaged_json(mut value: Value, random: &mut StdRng) -> String {
    let mut odd = Vec::new();
    for _ in 0..random.gen_range(1..4) {
        let position = random.gen_range(0..count(&value));
        let node = nth(&mut value, &mut { position }).expect("there are as many");
        match (random.gen_range(0..8), &mut *node) {
            (0, Value::Object(object)) if !object.is_empty() => {
                let key = object.keys().nth(random.gen_range(0..object.len())).unwrap().clone();
                let taken = object.remove(&key).unwrap();
                if random.gen() {
                    object.insert(format!("{key}_"), taken);
                }
            }
            (0, Value::Array(array)) if !array.is_empty() => {
                array.remove(random.gen_range(0..array.len()));
            }
            (1 | 2, Value::Array(array)) if !array.is_empty() => {
                let taken = array.choose(random).unwrap().clone();
                let times = *[1, 1, 1, 2, 2000].choose(random).unwrap();
                let at = random.gen_range(0..=array.len());
                array.splice(at..at, std::iter::repeat_n(taken, times));
            }
            (3, Value::Array(array)) => array.shuffle(random),
            // Structures are seldom replaced as a whole: what is in them is of more interest.
            (4.., Value::Array(_) | Value::Object(_)) => {}
            _ => {
                *node = format!("@{}@", odd.len()).into();
                odd.push(odd_value(random));
            }
        }
    }
    let mut text = value.to_string();
    for (number, odd) in odd.iter().enumerate() {
        text = text.replace(&format!("\"@{number}@\""), odd);
    }
    text
}

/// How many values there are, those within others included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(array) => array.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, position: &mut usize) -> Option<&'a mut Value> {
    if *position == 0 {
        return Some(value);
    }
    *position -= 1;
    match value {
        Value::Array(array) => array.iter_mut().find_map(|value| nth(value, position)),
        Value::Object(object) => object.values_mut().find_map(|value| nth(value, position)),
        _ => None,
    }
}

// ---- IDX -------------------------------------------------------------------------------------------------------

fn idx_bytes(sides: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sides.len() as u8];
    bytes.extend(sides.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend(content);
    bytes
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The four files of 3 training and 2 test images.
fn small_data_set(folder: &Folder) -> Vec<(PathBuf, Vec<u8>)> {
    let pixels: Vec<u8> = (0..12).collect();
    let files = [
        ("train-images-idx3-ubyte", idx_bytes(&[3, 2, 2], &pixels)),
        ("train-labels-idx1-ubyte", idx_bytes(&[3], &[7, 0, 9])),
        ("t10k-images-idx3-ubyte", idx_bytes(&[2, 2, 2], &pixels[..8])),
        ("t10k-labels-idx1-ubyte", idx_bytes(&[2], &[1, 2])),
    ];
    let files = files.map(|(name, bytes)| (folder.file(name), bytes));
    for (path, bytes) in &files {
        fs::write(path, bytes).unwrap();
    }
    files.into()
}

#[test]
fn damaged_data_sets() {
    let folder = Folder::new("idx");
    let files = small_data_set(&folder);
    fuzz(&folder, 2000, 400, |random| {
        let (path, whole) = files.choose(random).unwrap();
        let mut bytes = whole.clone();
        match random.gen_range(0..3) {
            0 => damage(&mut bytes, 16, random),
            1 => {
                damage(&mut bytes, 16, random);
                bytes = gz(&bytes);
            }
            _ => {
                bytes = gz(&bytes);
                damage(&mut bytes, 20, random);
            }
        }
        fs::write(path, &bytes)?;
        let read = idx::load_folder(&folder.0, "damaged");
        fs::write(path, whole)?;
        let data = read?;
        for (x, y) in [(data.x_train, data.y_train), (data.x_test, data.y_test)] {
            assert!(x.dim() == 3 && y.dim() == 1 && x.size()[0] == y.size()[0]);
            assert!(y.ge(0).logical_and(&y.le(255)).all().int64_value(&[]) == 1);
        }
        Ok(())
    });
}

/// A zip archive of files, packed or as they are.
fn zip(files: &[(String, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::FileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The array in a file of IDX, in NumPy's format.
fn npy(idx: &[u8]) -> Vec<u8> {
    let (sides, content) = idx[4..].split_at(4 * usize::from(idx[3]));
    let sides: Vec<String> = sides.chunks(4).map(|side| side[3].to_string()).collect();
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}\n", sides.join(", "));
    [b"\x93NUMPY\x01\0", (text.len() as u16).to_le_bytes().as_slice(), text.as_bytes(), content].concat()
}

#[test]
fn damaged_archives_and_tables() {
    let folder = Folder::new("formats");
    let four = small_data_set(&folder);
    let names = ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"];
    let arrays: Vec<_> =
        names.iter().zip(&four).map(|(name, (_, idx))| (name.to_string(), npy(idx))).collect();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_string();
    let files: Vec<_> = four.iter().map(|(path, bytes)| (name(path), bytes.clone())).collect();
    four.iter().for_each(|(path, _)| fs::remove_file(path).unwrap());
    let labels = [0, 0, 12, 2, 0, 0, 0, 3, 0, 0, 0, 2].into_iter().chain([0, 0, 0, 7].repeat(6)).collect();
    let rows = b"label,1x1,1x2,2x1,2x2\n1,2,3,4,5\n6,7,8,9,10\n11,12,13,14,15\n".to_vec();
    let others: [(&str, Vec<u8>); 3] = [
        ("qmnist/qmnist-train-images-idx3-ubyte", files[0].1.clone()),
        ("qmnist/qmnist-test-images-idx3-ubyte", files[0].1.clone()),
        ("qmnist/qmnist-test-labels-idx1-ubyte", files[1].1.clone()),
    ];
    let damaged: [(&str, Vec<u8>); 6] = [
        ("stored/archive.zip", zip(&files, zip::CompressionMethod::Stored)),
        ("packed/archive.zip", zip(&files, zip::CompressionMethod::Deflated)),
        ("npz/mnist.npz", zip(&arrays, zip::CompressionMethod::Stored)),
        ("csv/small_train.csv", rows.clone()),
        ("kaggle/train.csv", b"1,2,3,4,5\n".repeat(7)),
        ("qmnist/qmnist-train-labels-idx2-int", labels),
    ];
    for (name, bytes) in others.iter().chain(&damaged).chain([&("csv/small_test.csv", rows)]) {
        fs::create_dir_all(folder.file(name).parent().unwrap()).unwrap();
        fs::write(folder.file(name), bytes).unwrap();
    }
    fuzz(&folder, 4000, 100, |random| {
        let (name, whole) = damaged.choose(random).unwrap();
        let (path, mut bytes) = (folder.file(name), whole.clone());
        damage(&mut bytes, whole.len(), random);
        fs::write(&path, &bytes)?;
        let read = idx::load_folder(path.parent().unwrap(), "damaged");
        fs::write(&path, whole)?;
        let data = read?;
        for (x, y) in [(data.x_train, data.y_train), (data.x_test, data.y_test)] {
            assert!(x.dim() == 3 && y.dim() == 1 && x.size()[0] == y.size()[0]);
        }
        Ok(())
    });
}

// ---- models ----------------------------------------------------------------------------------------------------

/// A model with whatever layers fit after each other.
fn random_model(random: &mut StdRng) -> Sequential {
    let mut builder = Sequential::input([random.gen_range(1..3), 7, 6]).device(Device::Cpu);
    for _ in 0..random.gen_range(0..3) {
        let padding = if random.gen() { Padding::Same } else { Padding::Valid };
        let conv = Conv2D::new(random.gen_range(1..4), (random.gen_range(1..3), 2)).padding(padding);
        builder = builder.add(conv.activation(*Activation::ALL.choose(random).unwrap()));
    }
    if random.gen() {
        let inner = Conv2D::new(random.gen_range(1..4), (3, 3)).padding(Padding::Same);
        builder = builder.add(Residual::new().add(BatchNormalization::new()).add(Relu).add(inner));
    }
    builder = match random.gen_range(0..4) {
        0 => builder.add(MaxPooling2D::new((2, random.gen_range(1..3)))),
        1 => builder.add(AveragePooling2D::new((2, 2)).padding(Padding::Same)),
        2 => builder.add(GlobalAveragePooling2D),
        _ => builder,
    };
    builder = builder.add(Flatten).add(Dropout::new(0.25));
    let mut model = builder.add(Dense::new(3).activation(Softmax)).build().unwrap();
    let optimizers: [cnn::Optimizer; 4] = [
        Adam::default().into(),
        SGD { momentum: 0.9, ..SGD::default() }.into(),
        RMSprop::default().into(),
        AdamW::default().into(),
    ];
    let smoothed = Loss::SmoothedCategoricalCrossentropy { label_smoothing: 0.1 };
    let loss = *[Loss::CategoricalCrossentropy, Loss::MeanSquaredError, smoothed].choose(random).unwrap();
    model.compile(optimizers.choose(random).unwrap().clone(), loss).unwrap();
    model
}

/// Trains a step, as a user of a loaded model might; an error is as good as a success.
fn use_model(model: &mut Sequential, input: &[i64]) {
    let x = Tensor::ones([[4].as_slice(), input].concat(), (Kind::Float, Device::Cpu));
    let y = Tensor::zeros([4], (Kind::Int64, Device::Cpu));
    let _ = model.predict(&x).unwrap();
    if !model.weights().is_empty() {
        let _ = model.fit(&x, &y, &Fit { batch_size: 4, verbose: false, ..Fit::default() });
    }
    let _ = model.summary().to_string();
}

/// A safetensors file in its parts: the header, and the bytes of all weights.
fn take_apart(file: &[u8]) -> (Value, Vec<u8>) {
    let end = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&file[8..end]).unwrap(), file[end..].to_vec())
}

/// What the model in a file wants, without the batch; unknown where a value that is not needed is no JSON.
fn input_shape(path: &Path) -> Option<Vec<i64>> {
    let (header, _) = take_apart(&fs::read(path).unwrap());
    let architecture: Value = serde_json::from_str(header["__metadata__"]["cnn.model"].as_str()?).ok()?;
    serde_json::from_value(architecture["input_shape"].clone()).ok()
}

fn put_together(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// The header of a file without weights, and in it layers with any arguments.
fn strange_architecture(random: &mut StdRng) -> String {
    let mut layers = Vec::new();
    for _ in 0..random.gen_range(1..5) {
        let mut size = || match random.gen_range(0..3) {
            0 => odd_value(random),
            _ => random.gen_range(-1..9).to_string(),
        };
        let [a, b, c, d, e] = [(); 5].map(|()| size());
        layers.push(match random.gen_range(0..9) {
            0 => format!(
                r#"{{ "class_name": "Conv2D", "config": {{ "filters": {a}, "kernel_size": [{b}, {c}],
                      "strides": [{d}, {e}], "padding": "same", "activation": "relu" }} }}"#
            ),
            1 => format!(
                r#"{{ "class_name": "Dense", "config": {{ "units": {a}, "activation": "softmax" }} }}"#
            ),
            2 => format!(r#"{{ "class_name": "Dropout", "config": {{ "rate": {a} }} }}"#),
            3 => r#"{ "class_name": "Flatten", "config": null }"#.to_string(),
            4 => format!(
                r#"{{ "class_name": "BatchNormalization", "config": {{ "momentum": {a}, "epsilon": {b} }} }}"#
            ),
            5 => format!(
                r#"{{ "class_name": "Residual", "config": {{ "activation": "relu", "layers": [
                      {{ "class_name": "Conv2D", "config": {{ "filters": {a}, "kernel_size": [{b}, 1], "strides": [1, {c}],
                         "padding": "valid", "groups": {d}, "activation": "relu" }} }}] }} }}"#
            ),
            6 => format!(
                r#"{{ "class_name": "AveragePooling2D", "config": {{ "pool_size": [{a}, {b}], "strides": [{c}, {d}],
                      "padding": "same" }} }}"#
            ),
            _ => format!(r#"{{ "class_name": "MaxPooling2D", "config": {{ "pool_size": [{a}, {b}] }} }}"#),
        });
    }
    let [channels, height, width] = [(); 3].map(|()| match random.gen_range(0..9) {
        0 => odd_value(random),
        _ => random.gen_range(1..40).to_string(),
    });
    let model = format!(
        r#"{{ "version": 1, "input_shape": [{channels}, {height}, {width}], "seed": 1, "layers": [{}],
              "compile": null, "optimizer_steps": 0, "notes": {{}} }}"#,
        layers.join(", ")
    );
    json!({ "__metadata__": { "cnn.model": model } }).to_string()
}

/// Damages what stands under `key` in the header, or the description of the weights, or the weights.
fn damaged_safetensors(whole: &[u8], key: &str, random: &mut StdRng) -> Vec<u8> {
    let (mut header, mut data) = take_apart(whole);
    let names: Vec<String> =
        header.as_object().unwrap().keys().filter(|key| *key != "__metadata__").cloned().collect();
    let name = names.choose(random).unwrap();
    match random.gen_range(0..10) {
        0 | 1 => {
            let mut bytes = whole.to_vec();
            damage(&mut bytes, whole.len() - data.len(), random);
            return bytes;
        }
        2 => return put_together(&damaged_json(header, random), &data),
        3 => {
            let special = [f32::NAN, f32::INFINITY, f32::MAX, -0.0, f32::MIN_POSITIVE / 2.0];
            let at = 4 * random.gen_range(0..data.len() / 4);
            data[at..at + 4].copy_from_slice(&special.choose(random).unwrap().to_le_bytes());
        }
        4 => match random.gen_range(0..5) {
            0 => drop(header.as_object_mut().unwrap().remove(name)),
            1 => header["another"] = header[name].clone(),
            2 => header[name] = header[names.choose(random).unwrap()].clone(),
            3 => header[name]["dtype"] = (*["F16", "I64", "F64", "U8", "?"].choose(random).unwrap()).into(),
            _ => {
                let size =
                    header[name]["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap());
                header[name]["shape"] = json!([size.product::<u64>()]);
            }
        },
        5 => {
            // As many bytes as the description asks for, and no matter how strange that is.
            let sides: Vec<u64> = (0..random.gen_range(0..70)).map(|_| random.gen_range(0..2)).collect();
            let begin = data.len();
            data.resize(begin + 4 * sides.iter().product::<u64>() as usize, 0);
            header[if random.gen() { name } else { "another" }] =
                json!({ "dtype": "F32", "shape": sides, "data_offsets": [begin, data.len()] });
        }
        _ => {
            let text = header["__metadata__"][key].as_str().unwrap();
            let text = damaged_json(serde_json::from_str(text).unwrap(), random);
            header["__metadata__"][key] = text.into();
        }
    }
    put_together(&header.to_string(), &data)
}

#[test]
fn damaged_models() {
    let folder = Folder::new("model");
    let path = folder.file("model.safetensors");
    let mut models: Vec<(Sequential, Vec<u8>)> = Vec::new();
    for seed in 0..12 {
        let mut model = random_model(&mut StdRng::seed_from_u64(seed));
        model.notes.insert("dataset".into(), "none".into());
        model.save(&path).unwrap();
        use_model(&mut model, &input_shape(&path).unwrap());
        model.save(&path).unwrap();
        models.push((model, fs::read(&path).unwrap()));
    }
    fuzz(&folder, 2000, 450, |random| {
        let number = random.gen_range(0..models.len());
        let (model, whole) = &mut models[number];
        let damaged = match random.gen_range(0..5) {
            0 => put_together(&strange_architecture(random), &[]),
            _ => damaged_safetensors(whole, "cnn.model", random),
        };
        fs::write(&path, damaged)?;
        if random.gen_bool(0.3) {
            let before =
                model.weights().into_iter().map(|(_, weight)| weight.detach().copy()).collect::<Vec<_>>();
            let result = model.load_weights(&path);
            let own = model.weights();
            for ((_, own), before) in own.iter().zip(&before) {
                assert!(result.is_ok() || own.equal(before), "a failure changed the model");
                tch::no_grad(|| own.shallow_clone().copy_(before));
            }
            return result;
        }
        let mut loaded = Sequential::load(&path)?;
        if let Some(input) = input_shape(&path).filter(|shape| shape.iter().product::<i64>() < 10_000) {
            use_model(&mut loaded, &input);
        }
        Ok(())
    });
}

/// A model's files in the formats of other programs: one that this crate wrote and, unpacked, those that Keras wrote.
fn foreign_models(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let model = Sequential::input([1, 6, 6])
        .add(Conv2D::new(2, (3, 3)).name("erste"))
        .add(Residual::new().add(BatchNormalization::new()).add(Conv2D::new(2, (1, 1))).activation(Relu))
        .add(Flatten)
        .add(Dense::new(3).activation(Softmax));
    let mut model = model.build().unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    for name in ["own.keras", "own.h5", "own.weights.h5", "own.npz"] {
        model.save(folder.file(name)).unwrap();
        files.push((name.to_string(), fs::read(folder.file(name)).unwrap()));
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    for name in ["keras2_nested.h5", "keras2_vector.keras", "keras3_blocks.h5", "keras3_vector.keras"] {
        let packed = fs::read(fixtures.join(format!("{name}.gz"))).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        files.push((name.to_string(), bytes));
    }
    files
}

/// Damages the bytes anywhere or, more to the point, a text of JSON in them, whose length stays.
fn damaged_foreign(whole: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let json = whole.windows(12).position(|window| window == br#"{"class_name"#);
    let json = json.or_else(|| whole.windows(9).position(|window| window == br#"{"module""#));
    match json.filter(|_| random.gen_bool(0.6)) {
        Some(begin) => {
            let numbers: Vec<usize> =
                (begin..(begin + 6000).min(bytes.len())).filter(|&at| bytes[at].is_ascii_digit()).collect();
            for _ in 0..random.gen_range(1..4) {
                if let Some(&at) = numbers.choose(random) {
                    bytes[at] = *b"0123456789-.".choose(random).unwrap();
                }
            }
            if random.gen_bool(0.3) {
                let at = begin + random.gen_range(0..3000.min(bytes.len() - begin));
                bytes[at] = *br#"{}[]",:x"#.choose(random).unwrap();
            }
        }
        None => damage(&mut bytes, whole.len(), random),
    }
    // A zip's checksums would find all of it: they are made anew by writing the members again.
    bytes
}

#[test]
fn damaged_models_of_other_programs() {
    use cnn::formats::zipped::{self, Archive};
    let folder = Folder::new("foreign");
    let files = foreign_models(&folder);
    fuzz(&folder, 1500, 200, |random| {
        let (name, whole) = files.choose(random).unwrap();
        let damaged = match Archive::open(whole).ok().filter(|_| random.gen_bool(0.8)) {
            Some(archive) => {
                let names: Vec<String> = archive.names().map(String::from).collect();
                let chosen = names.choose(random).unwrap();
                let members: Vec<(&str, Vec<u8>)> = names
                    .iter()
                    .map(|name| {
                        let bytes = archive.read(name).unwrap().into_owned();
                        (name.as_str(), if name == chosen { damaged_foreign(&bytes, random) } else { bytes })
                    })
                    .collect();
                let members: Vec<(&str, &[u8])> =
                    members.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
                zipped::write(&members)?
            }
            None => damaged_foreign(whole, random),
        };
        let path = folder.file(name);
        fs::write(&path, damaged)?;
        if name.ends_with("npz") || name.ends_with("weights.h5") || random.gen_bool(0.2) {
            let mut model = Sequential::load(folder.file("own.keras.whole")).or_else(|_| {
                fs::write(folder.file("own.keras.whole"), &files[0].1)?;
                Sequential::load(folder.file("own.keras.whole"))
            })?;
            let before: Vec<Tensor> =
                model.weights().into_iter().map(|(_, weight)| weight.detach().copy()).collect();
            let result = model.load_weights(&path);
            let same = model.weights().iter().zip(&before).all(|((_, own), before)| own.equal(before));
            assert!(result.is_ok() || same, "a failure changed the model");
            return result;
        }
        let mut loaded = Sequential::load(&path)?;
        let input = match name {
            name if name.contains("vector") => vec![24],
            name if name.contains("blocks") => vec![2, 8, 8],
            _ => vec![1, 6, 6],
        };
        // The damage may have made it a model for other images.
        if loaded.predict(&Tensor::zeros([&[1], &input[..]].concat(), (Kind::Float, Device::Cpu))).is_ok() {
            use_model(&mut loaded, &input);
        }
        Ok(())
    });
}

// ---- backups ---------------------------------------------------------------------------------------------------

/// Ends a training with an error when this epoch begins, as a power cut would.
struct PowerCut(usize);

impl Callback for PowerCut {
    fn on_epoch_begin(&mut self, run: &mut Run) -> Result<()> {
        ensure!(run.epoch != self.0, "power cut");
        Ok(())
    }
}

/// Trains for three epochs, beginning from the backup if that can be used; epoch `end` is not reached.
fn train(backup: &Path, end: usize) -> Result<(Sequential, History)> {
    let mut model = Sequential::input([1, 4, 4])
        .add(Flatten)
        .add(Dropout::new(0.25))
        .add(Dense::new(3).activation(Softmax))
        .device(Device::Cpu)
        .build()?;
    model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    let x = Tensor::arange(128, (Kind::Float, Device::Cpu)).reshape([8, 1, 4, 4]) / 128.0;
    let y = Tensor::arange(8, (Kind::Int64, Device::Cpu)).remainder(3);
    let settings = Fit { epochs: 3, batch_size: 4, validation_split: 0.25, verbose: false, ..Fit::default() };
    let training =
        model.training(&x, &y, &settings).callback(BackupAndRestore::new(backup)).callback(PowerCut(end));
    let history = training.callback(EarlyStopping::new().patience(9).restore_best_weights(true)).run()?;
    Ok((model, history))
}

#[test]
fn damaged_backups() {
    let folder = Folder::new("backup");
    let path = folder.file("training.backup");
    let backups = [2, 3].map(|end| {
        assert!(train(&path, end).is_err());
        let whole = fs::read(&path).unwrap();
        let (uninterrupted, _) = train(&folder.file("none"), 0).unwrap();
        let (resumed, _) = train(&path, 0).unwrap();
        assert_eq!(resumed.weights(), uninterrupted.weights());
        assert!(!path.exists());
        whole
    });
    fuzz(&folder, 300, 50, |random| {
        let key = if random.gen_bool(0.2) { "cnn.model" } else { "cnn.training" };
        fs::write(&path, damaged_safetensors(backups.choose(random).unwrap(), key, random))?;
        let result = train(&path, 0);
        let aside = folder.file("training.backup.aside");
        let refused = aside.exists();
        for left in [&path, &aside] {
            let _ = fs::remove_file(left);
        }
        match result {
            // Weights may be numbers, and so large that nothing can be trained with them.
            Err(error) if error.to_string().starts_with("the loss is NaN or infinite") => return Ok(()),
            // That a callback has ended the training may also stand in the file.
            result => assert!((1..=3).contains(&result?.1.epochs())),
        }
        // A backup that is not used is a message, and no error: the training has begun anew.
        ensure!(!refused, "{} was set aside; check it", path.display());
        Ok(())
    });
}

// ---- JSON ------------------------------------------------------------------------------------------------------

/// Bytes or values of a file of JSON, damaged.
fn damaged_text(whole: &str, random: &mut StdRng) -> Vec<u8> {
    if random.gen_bool(0.3) {
        let mut bytes = whole.as_bytes().to_vec();
        damage(&mut bytes, whole.len(), random);
        return bytes;
    }
    damaged_json(serde_json::from_str(whole).unwrap(), random).into_bytes()
}

#[test]
fn damaged_histories() {
    let folder = Folder::new("history");
    let (_, history) = train(&folder.file("none"), 0).unwrap();
    let (path, whole) = (folder.file("history.json"), history.to_json());
    fuzz(&folder, 2000, 50, |random| {
        fs::write(&path, damaged_text(&whole, random))?;
        let history = History::load(&path)?;
        let _ = (format!("{history:?}"), history.to_csv(), history.to_json(), history.best_epoch());
        Ok(())
    });
}

#[test]
fn damaged_results() {
    let folder = Folder::new("results");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "damaged_results_in_a_process_of_its_own"])
        .env("CNN_ARTIFACTS", &folder.0)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
#[ignore = "the test before runs it, in a process of its own"]
fn damaged_results_in_a_process_of_its_own() {
    let folder = Folder(course::artifact(""));
    fs::create_dir(folder.file("results")).unwrap();
    let path = folder.file("results/04_training.json");
    let whole =
        r#"{ "dataset": "mnist", "device": "cpu", "metrics": { "test_accuracy": 0.98, "seconds": 12.5 } }"#;
    fuzz(&folder, 2000, 50, |random| {
        fs::write(&path, damaged_text(whole, random))?;
        assert!(course::results()?.contains_key("04_training"));
        Ok(())
    });
}

// ---- no files at all -------------------------------------------------------------------------------------------

#[test]
fn empty_files_and_folders_in_place_of_files() {
    let folder = Folder::new("empty");
    let path = folder.file("file");
    let [images, ..] = &small_data_set(&folder)[..] else { unreachable!() };
    type Reader<'a> = (&'a Path, Box<dyn Fn() -> Result<()> + 'a>);
    let readers: [Reader; 5] = [
        (&images.0, Box::new(|| idx::load_folder(&folder.0, "empty").map(drop))),
        (&path, Box::new(|| Sequential::load(&path).map(drop))),
        (&path, Box::new(|| random_model(&mut StdRng::seed_from_u64(1)).load_weights(&path))),
        (&path, Box::new(|| History::load(&path).map(drop))),
        (&path, Box::new(|| cnn::preprocessing::digit_from_file(&path).map(drop))),
    ];
    for (number, (path, read)) in readers.iter().enumerate() {
        for is_folder in [false, true] {
            let _ = fs::remove_file(path);
            match is_folder {
                false => fs::write(path, "").unwrap(),
                true => fs::create_dir(path).unwrap(),
            }
            let message = read().unwrap_err().to_string();
            assert_helps(&message, &folder, &format!("reader {number}"));
            let _ = fs::remove_dir(path);
        }
    }
    // A backup is replaced by a new one, and a folder, which may hold anything, is left alone.
    fs::write(&path, "").unwrap();
    assert_eq!(train(&path, 0).unwrap().1.epochs(), 3);
    fs::create_dir(&path).unwrap();
    assert_helps(&train(&path, 0).unwrap_err().to_string(), &folder, "a backup");
    assert!(path.is_dir());
}
