"""scripts/convert: what it writes, what it says, and what it refuses. What other programs make of the files is tested where
scripts/test formats has installed these.
"""

import gzip
import io
import subprocess
import sys

import numpy as np
import pytest
from conftest import command

import convert
import notebooks
import programs
import setup

FIXTURES = notebooks.ROOT / "crates" / "formats" / "tests" / "fixtures"

# A model as Keras 2.2 left it: no layer for the input, whose shape stands in the first layer, and text of a fixed length. The outputs for
# one image are computed by hand.
OLD_MODEL = r'''
import json, sys
import h5py
import numpy as np

random = np.random.default_rng(1)
kernel, bias = random.normal(size=(12, 3)).astype("f4"), random.normal(size=3).astype("f4")
image = random.random((1, 2, 2, 3)).astype("f4")
layers = [
    {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True, "batch_input_shape": [None, 2, 2, 3], "dtype": "float32", "data_format": "channels_last"}},
    {"class_name": "Dense", "config": {"name": "dense_1", "trainable": True, "units": 3, "activation": "softmax", "use_bias": True}},
]
with h5py.File(sys.argv[1], "w") as file:
    file.attrs["keras_version"], file.attrs["backend"] = np.bytes_("2.2.4"), np.bytes_("tensorflow")
    file.attrs["model_config"] = np.bytes_(json.dumps({"class_name": "Sequential", "config": {"name": "sequential_1", "layers": layers}}))
    weights = file.create_group("model_weights")
    weights.attrs["layer_names"] = np.array([b"flatten_1", b"dense_1"])
    weights.create_group("flatten_1").attrs["weight_names"] = np.array([], "S1")
    dense = weights.create_group("dense_1")
    dense.attrs["weight_names"] = np.array([b"dense_1/kernel:0", b"dense_1/bias:0"])
    dense["dense_1/kernel:0"], dense["dense_1/bias:0"] = kernel, bias
logits = np.exp(image.reshape(1, 12) @ kernel + bias)
np.savez(sys.argv[2], image=image, outputs=logits / logits.sum())
'''
# What Keras says of a file: whether it opens, and how far its outputs are from those.
IN_KERAS = r'''
import sys
import keras
import numpy as np

model, expected = keras.saving.load_model(sys.argv[1]), np.load(sys.argv[2])
print(float(np.abs(np.asarray(model(expected["image"])) - expected["outputs"]).max()))
'''


@pytest.fixture(scope="module")
def program():
    """As the Rust tests have compiled it: scripts/convert takes the release build."""
    return programs.built("bin", "cnn")


@pytest.fixture
def run(program, tmp_path):
    """The program in a folder of its own, which has a model of Keras 2: model.h5."""
    (tmp_path / "model.h5").write_bytes(gzip.decompress((FIXTURES / "keras2.h5.gz").read_bytes()))

    def run(*words, **environment):
        env = programs.environment() | environment
        return subprocess.run([program, *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)

    return run


def peer(name):
    """A peer's Python; it is not installed here."""
    python = setup.cache_folder() / f"peer-{name}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"not compared: {python} is not there; scripts/test formats makes it")
    return python


def in_keras(script, *words):
    env = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([peer("keras"), "-c", script, *map(str, words)], env=env, capture_output=True, text=True, timeout=300)


def stand_in(path, outputs=None):
    """A Python without packages, or one that answers with these outputs."""
    answer = "print('onnxruntime')\nsys.exit(3)"
    if outputs is not None:
        file = io.BytesIO()
        np.savez(file, outputs=outputs)
        answer = f"open(sys.argv[4] + '/outputs.npz', 'wb').write({file.getvalue()!r})"
    path.write_text(f"#!{sys.executable}\nimport sys\n{answer}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["new.keras", "new.h5", "new.safetensors", "new.weights.h5", "new.npz", "deep/er/new.keras"])
def test_the_outputs_are_the_same(run, tmp_path, name):
    result = run("convert", "model.h5", name, "--check")
    assert result.returncode == 0, result.stderr
    assert "for 100 random images the outputs, up to 0." in result.stderr and "differ by 0.0e0 at most" in result.stderr
    assert (tmp_path / name).stat().st_size > 100 and result.stdout == ""


def test_a_way_there_and_back_changes_nothing(run, tmp_path):
    for source, target in [("model.h5", "a.keras"), ("a.keras", "b.safetensors"), ("b.safetensors", "c.keras")]:
        assert run("convert", source, target).returncode == 0
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "c.keras").read_bytes()


@pytest.mark.parametrize("words", [["new.onnx"], ["new.onnx", "--channels-last"]])
def test_onnx_runtime_gives_the_same_outputs(run, words):
    result = run("convert", "model.h5", *words, "--check", "--python", peer("onnx"))
    assert result.returncode == 0, result.stderr
    assert "compared: " in result.stderr and "not in it: optimizer and loss" in result.stderr


def test_pytorch_gives_the_same_outputs_and_its_python_stands_alone(run, tmp_path):
    result = run("convert", "model.h5", "new.safetensors", "--pytorch", "--check", "--python", peer("pytorch"))
    assert result.returncode == 0, result.stderr
    assert "compared: " in result.stderr
    compile(result.stdout, "model.py", "exec")
    assert result.stdout.startswith("from safetensors.torch import load_file\n") and 'load_file("new.safetensors")' in result.stdout


def test_other_outputs_leave_an_earlier_file_as_it_was(run, tmp_path):
    (tmp_path / "new.onnx").write_text("earlier")
    wrong = stand_in(tmp_path / "wrong", np.zeros((100, 2), "f4"))
    result = run("convert", "model.h5", "new.onnx", "--check", "--python", wrong)
    assert result.returncode == 1 and "new.onnx was not written" in result.stderr, result.stderr
    other = stand_in(tmp_path / "other", np.zeros((100, 3), "f4"))
    result = run("convert", "model.h5", "new.onnx", "--check", "--python", other)
    assert result.returncode == 1 and "the outputs are [100, 3] and not [100, 2]" in result.stderr
    assert (tmp_path / "new.onnx").read_text() == "earlier"


def test_what_could_not_be_compared_is_written_and_said(run, tmp_path):
    result = run("convert", "model.h5", "new.onnx", "--check", CNN_CACHE=str(tmp_path / "empty"))
    assert result.returncode == 3 and "not compared: this needs Python with numpy onnxruntime" in result.stderr
    assert (tmp_path / "new.onnx").exists()
    result = run("convert", "model.h5", "new.onnx", "--check", "--python", stand_in(tmp_path / "bare"))
    assert result.returncode == 3 and "has no package onnxruntime; scripts/test formats makes" in result.stderr
    result = run("convert", "model.h5", "new.onnx", "--check", "--python", tmp_path / "nothing")
    assert result.returncode == 1 and "cannot be started; check --python" in result.stderr


def test_a_page_is_written_and_left_to_the_browser(run, tmp_path):
    result = run("convert", "model.h5", "new.html", "--check")
    assert result.returncode == 3 and "not compared: a page computes in a browser" in result.stderr, result.stderr
    assert "not in it: optimizer and loss" in result.stderr and "notes" not in result.stderr
    assert (tmp_path / "new.html").read_text().startswith("<!DOCTYPE html>")


def test_an_h5_of_keras_2_2_becomes_one_that_keras_3_opens(run, tmp_path):
    made = in_keras(OLD_MODEL, tmp_path / "old.h5", tmp_path / "expected.npz")
    assert made.returncode == 0, made.stderr
    refused = in_keras(IN_KERAS, tmp_path / "old.h5", tmp_path / "expected.npz")
    assert refused.returncode != 0, "Keras opens it itself: there is nothing to show here any more"
    for name in ("new.keras", "new.h5"):
        assert run("convert", "old.h5", name, "--check").returncode == 0
        opened = in_keras(IN_KERAS, tmp_path / name, tmp_path / "expected.npz")
        assert opened.returncode == 0, opened.stderr
        assert float(opened.stdout.splitlines()[-1]) < 1e-6


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ([], 2, "cnn convert FROM TO"),
        (["turn", "a", "b"], 2, "'turn'"),
        (["convert", "model.h5"], 2, "1 were given"),
        (["convert", "a.h5", "b.h5", "c.h5"], 2, "3 were given"),
        (["convert", "model.h5", "b.h5", "--fast"], 2, "no option --fast"),
        (["convert", "model.h5", "b.h5", "--python"], 2, "--python needs a path"),
        (["convert", "model.h5", "b.h5", "--python", "p"], 2, "not asked for"),
        (["convert", "model.h5", "b.h5", "--channels-last"], 2, "b.h5 does not end with .onnx"),
        (["convert", "model.h5", "b.h5", "--pytorch"], 2, "b.h5 has another name"),
        (["convert", "model.h5", "b.pth"], 2, "use b.safetensors --pytorch"),
        (["convert", "model.h5", "./model.h5"], 1, "both what to read and what to write"),
        (["convert", "nothing.h5", "b.keras"], 1, "nothing.h5 cannot be read"),
        (["convert", "model.h5", "b.doc"], 1, "b.doc does not say in which format"),
        (["convert", "model.h5", "model.h5/b.keras"], 1, "model.h5 is a file, not a folder"),
        (["convert", "damaged.h5", "b.keras"], 1, "damaged.h5 holds no model that can be used"),
        (["convert", "weights.npz", "b.keras"], 1, "it holds weights alone. Build the model"),
    ],
)
def test_what_it_refuses(run, tmp_path, words, code, expected):
    (tmp_path / "b.keras").write_text("earlier")
    (tmp_path / "damaged.h5").write_bytes((tmp_path / "model.h5").read_bytes()[:3000])
    np.savez(tmp_path / "weights.npz", a=np.zeros(3, "f4"))
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run(*words)
    assert result.returncode == code, result.stderr
    assert expected.replace("'", '"') in result.stderr and result.stdout == ""
    assert "panicked" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before and (tmp_path / "b.keras").read_text() == "earlier"


def test_layers_that_only_train_are_named(run, tmp_path):
    made = in_keras(
        """
import sys
import keras

layers = [keras.layers.Input((8, 8, 1)), keras.layers.RandomFlip(), keras.layers.Flatten(), keras.layers.Dense(3)]
keras.Sequential(layers).save(sys.argv[1])
""",
        tmp_path / "flips.keras",
    )
    assert made.returncode == 0, made.stderr
    result = run("convert", "flips.keras", "new.onnx")
    assert result.returncode == 0 and "layers that work only while training, and pass images on: RandomFlip" in result.stderr


def test_the_scripts_help_is_the_programs(run):
    script = command("convert", "--help")
    assert script.returncode == 0
    assert script.stdout.replace("scripts/convert", "cnn convert") == run("convert", "--help").stdout
    assert all(option in script.stdout for option in ("--check", "--python", "--channels-last", "--pytorch"))
    assert command("convert").returncode == 2


def test_the_script_builds_and_runs_it(run, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert convert.main(["model.h5", "new.keras", "--check"]) == 0
    assert "new.keras: written" in capfd.readouterr().err
    assert convert.main(["model.h5", "new.doc"]) == 1
