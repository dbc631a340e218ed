//! What this crate writes, opened by Python's own libraries: h5py, and NumPy. It needs the environment in which `scripts/bench` has
//! Keras, or a Python that `FORMATS_PYTHON` names; without one the test says so and passes.

mod common;

use common::fixture;
use formats::hdf5::{self, Attribute, Group, Node};
use formats::{npz, Array};
use std::path::{Path, PathBuf};
use std::process::Command;

fn python() -> Option<PathBuf> {
    let named = std::env::var_os("FORMATS_PYTHON").map(PathBuf::from);
    let bench =
        || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/cnn-course/peer-keras/bin/python"));
    let found = named.or_else(bench).filter(|path| path.exists());
    if found.is_none() {
        println!("there is no Python with h5py here: what is written is not compared with it");
    }
    found
}

/// Runs a script with a folder of files as its argument.
fn run(python: &Path, script: &str, files: &[(&str, Vec<u8>)]) {
    let folder = std::env::temp_dir().join(format!("formats-{}-{}", std::process::id(), files[0].0));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let output = Command::new(python).arg("-c").arg(script).arg(&folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const COMPARE_HDF5: &str = r#"
import sys, h5py, numpy as np
folder = sys.argv[1]

# Keras 2 writes names with a fixed length, which h5py gives as bytes.
def plain(value):
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return [plain(part) for part in value] if isinstance(value, list) else value.decode() if isinstance(value, bytes) else value

def values(path):
    found = {}
    def visit(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = (str(node.dtype), node.shape, node[()].tolist() if node.size else None)
        for key, value in node.attrs.items():
            found[f"{name}@{key}"] = plain(value)
    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
    return found

for name in ("keras3.h5", "keras2.h5", "keras3.weights.h5"):
    before, after = values(f"{folder}/original-{name}"), values(f"{folder}/{name}")
    assert before == after, [(key, before.get(key), after.get(key)) for key in before | after if before.get(key) != after.get(key)][:3]
"#;

#[test]
fn h5py_reads_in_a_written_file_what_it_reads_in_the_original() {
    let Some(python) = python() else { return };
    let mut files = Vec::new();
    for (name, original) in [
        ("keras3.h5", "original-keras3.h5"),
        ("keras2.h5", "original-keras2.h5"),
        ("keras3.weights.h5", "original-keras3.weights.h5"),
    ] {
        let bytes = fixture(name);
        files.push((name, hdf5::write(&hdf5::read(&bytes).unwrap()).unwrap()));
        files.push((original, bytes));
    }
    run(&python, COMPARE_HDF5, &files);
}

const APPEND: &str = r#"
import sys, h5py, numpy as np
path = sys.argv[1] + "/large.h5"
with h5py.File(path, "r+") as file:
    assert len(file) == 3000 + 12, len(file)
    for index in range(3000):
        assert file[f"member_{index}"][()] == index
    assert len(file.attrs["model_config"]) == 200_000 and file.attrs["größe"] == ""
    assert [file["kinds"][kind].dtype for kind in ("Bool", "F16", "F64", "U64")] == [bool, "float16", "float64", "uint64"]
    assert file["kinds/Bool"][()].tolist() == [True, False]
    for index in range(500):
        file[f"new_{index:03}"] = np.float32(index)
        file["empty"].create_group(f"g{index}").attrs["text"] = "x" * index
    file.attrs["added"] = "text"
    file["member_7"].attrs["names"] = [b"a", b"b"]
    del file["member_8"]
    del file.attrs["model_config"]
with h5py.File(path) as file:
    assert len(file) == 3511 and len(file["empty"]) == 500, (len(file), len(file["empty"]))
    assert file["new_499"][()] == 499 and file["member_2999"][()] == 2999
    assert len(file["member_7"].attrs["names"]) == 2 and file.attrs["added"] == "text"
"#;

#[test]
fn h5py_goes_on_writing_a_large_file() {
    let Some(python) = python() else { return };
    let mut root = Group::default();
    for index in 0..3000 {
        root.add(format!("member_{index}"), Array::from_f32([], &[index as f32]).unwrap());
    }
    for index in 0..10 {
        root.members.push((format!("group_{index}"), Node::Group(Group::default())));
    }
    root.members.push(("empty".to_string(), Node::Group(Group::default())));
    root.attributes.push(("model_config".to_string(), Attribute::Text("x".repeat(200_000))));
    root.attributes.push(("größe".to_string(), Attribute::Text(String::new())));
    let mut kinds = Group::default();
    use formats::Number::{Bool, F16, F64, U64};
    for (kind, bytes) in [(Bool, vec![1, 0]), (F16, vec![0; 4]), (F64, vec![0; 16]), (U64, vec![0; 16])] {
        kinds.add(format!("{kind:?}"), Array::new(kind, [2], bytes).unwrap());
    }
    root.members.push(("kinds".to_string(), Node::Group(kinds)));
    run(&python, APPEND, &[("large.h5", hdf5::write(&root).unwrap())]);
}

const COMPARE_NUMPY: &str = r#"
import sys, numpy as np
folder = sys.argv[1]
before, after = np.load(f"{folder}/original.npz"), np.load(f"{folder}/written.npz")
assert before.files == after.files
for name in before.files:
    assert before[name].dtype.newbyteorder("=") == after[name].dtype and before[name].tolist() == after[name].tolist(), name
"#;

#[test]
fn numpy_reads_in_a_written_file_what_it_reads_in_the_original() {
    let Some(python) = python() else { return };
    let original = fixture("numpy.npz");
    let written = npz::write(&npz::read(&original).unwrap()).unwrap();
    run(&python, COMPARE_NUMPY, &[("written.npz", written), ("original.npz", original)]);
}
