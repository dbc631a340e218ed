"""The callback TensorBoard: what it writes, read back by TensorBoard's own reader."""

import json
import subprocess

import pytest
from test_checks import course_test

import notebooks
import setup

# Runs in .venv-test. Both of TensorBoard's readers: the one for programs, and the one behind its pages.
READER = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as OfPages
from tensorboard.util.tensor_util import make_ndarray

events, pages = EventAccumulator(sys.argv[1], {"histograms": 0}), OfPages(sys.argv[1])
events.Reload(), pages.Reload()
tags = events.Tags()
histogram = lambda event: [event.step, *(getattr(event.histogram_value, name) for name in ("min", "max", "num", "sum", "sum_squares"))]
buckets = lambda event: [list(event.histogram_value.bucket_limit), list(event.histogram_value.bucket)]
print(json.dumps({
    "scalars": {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags["scalars"]},
    "pages": {tag: [[event.step, float(make_ndarray(event.tensor_proto))] for event in pages.Tensors(tag)] for tag in tags["scalars"]},
    "plugins": {tag: pages.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["scalars"] + tags["histograms"]},
    "histograms": {tag: [histogram(event) for event in events.Histograms(tag)] for tag in tags["histograms"]},
    "buckets": {tag: [buckets(event) for event in events.Histograms(tag)] for tag in tags["histograms"]},
    "times": [event.wall_time for tag in tags["scalars"] for event in events.Scalars(tag)],
}))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder to which two trainings of five epochs have written, the second one interrupted and resumed."""
    folder = tmp_path_factory.mktemp("tensorboard")
    run = ["cargo", "run", "--locked", "--quiet", "--package", "cnn", "--example", "tensorboard", "--", str(folder)]
    result = subprocess.run(run, cwd=notebooks.ROOT, env=course_test.environment(), capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stderr
    return folder


def read(folder):
    python = setup.TEST_VENV / "bin" / "python"
    assert python.exists(), "scripts/test installs TensorBoard into .venv-test"
    result = subprocess.run([python, "-c", READER, str(folder)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("training", ["whole", "resumed"])
def test_scalars_are_those_of_the_history(written, training):
    history = json.loads((written / f"{training}.json").read_text())
    expected = {
        "train": {"epoch_loss": "loss", "epoch_accuracy": "accuracy", "epoch_learning_rate": "learning_rate"},
        "validation": {"epoch_loss": "val_loss", "epoch_accuracy": "val_accuracy"},
    }
    for run, tags in expected.items():
        found = read(written / training / run)
        assert found["scalars"].keys() == tags.keys()
        for tag, name in tags.items():
            # Each epoch once, though the interrupted training had written one that its backup did not know yet.
            assert [step for step, _ in found["scalars"][tag]] == [0, 1, 2, 3, 4]
            assert [value for _, value in found["scalars"][tag]] == pytest.approx(history[name], rel=1e-6)
            assert found["pages"][tag] == found["scalars"][tag]
            assert found["plugins"][tag] == "scalars"
        assert all(1.7e9 < time < 1e10 for time in found["times"])


def test_a_resumed_training_writes_on_in_its_file(written):
    for run in ("train", "validation"):
        whole, resumed = (list((written / training / run).iterdir()) for training in ("whole", "resumed"))
        assert len(whole) == len(resumed) == 1
        assert whole[0].stat().st_size == resumed[0].stat().st_size


def test_histograms_count_all_weights(written):
    found = read(written / "whole" / "train")
    assert found["histograms"].keys() == {"dense/kernel/histogram", "dense/bias/histogram"}
    for tag, count in {"dense/kernel/histogram": 7840, "dense/bias/histogram": 10}.items():
        assert found["plugins"][tag] == "histograms"
        for (step, low, high, number, total, squares), (limits, counts) in zip(found["histograms"][tag], found["buckets"][tag], strict=True):
            assert step in (0, 2, 4) and number == count == sum(counts) and len(limits) == len(counts) == 30
            assert low < high and limits == sorted(set(limits)) and limits[-1] == pytest.approx(high)
            assert number * low < total < number * high and 0 < squares < number * max(low**2, high**2)
    assert [event[0] for event in found["histograms"]["dense/bias/histogram"]] == [0, 2, 4]
