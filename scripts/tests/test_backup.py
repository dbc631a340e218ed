"""A training in the real kernel that is killed again and again, and ends as if nothing had happened.

It takes one to two minutes: what a backup is worth is shown only by kernels that are really killed, at moments drawn
from all of a training: in the middle of epochs, between them, and while the backup itself is written.
"""

import json
import os
import random
import signal
import statistics
import time
from contextlib import contextmanager
from queue import Empty

import pytest
from conftest import running_kernel

# How often each kernel is killed, all but the last time only the process in it that runs the cells. In the last
# kernel the training comes to its end.
KILLS = [7, 1, 4, 1, 0]
MOMENTS = ["early", "writing", "late"]
EPOCHS = 16  # more than that many kills let pass
LIMIT = 300  # seconds for one cell, on a busy machine
SETUP = """
:dep cnn = { path = "../crates/cnn" }
use cnn::{callbacks::{BackupAndRestore, EarlyStopping}, prelude::*};
"""
# Everything that makes each step different from the one before: dropout, augmentation, momentum, a schedule.
TRAIN = f"""
let data = mnist::synthetic_digits(3000, 10, 1);
let x_train = add_channel(&data.x_train)?;
let mut model = Sequential::input([1, 28, 28])
    .add(Conv2D::new(8, (3, 3)).activation(Relu))
    .add(MaxPooling2D::new((2, 2)))
    .add(Flatten)
    .add(Dropout::new(0.3))
    .add(Dense::new(128).activation(Relu))
    .add(Dense::new(10).activation(Softmax))
    .build()?;
model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
let augment = Augment {{ rotation_range: 10.0, zoom_range: 0.1, ..Augment::default() }};
let settings = Fit {{
    epochs: {EPOCHS}, validation_split: 0.1, augment: Some(augment), schedule: Schedule::one_cycle(), ..Fit::default()
}};
let history = model
    .training(&x_train, &data.y_train, &settings)
    .callback(EarlyStopping::new().patience({EPOCHS}).restore_best_weights(true))
    .callback(BackupAndRestore::new(course::artifact("training.backup")))
    .run()?;
model.save(course::artifact("final.safetensors"))?;
history.save(course::artifact("history.json"))?;
println!("trained to the end");
"""


class Killed(Exception):
    """The process that ran the cell is no more."""


@contextmanager
def kernel(artifacts):
    """A kernel that knows the crate; it may be dead when it is left."""
    with running_kernel(CNN_ARTIFACTS=str(artifacts)) as running:
        Cell(running, SETUP).read()
        yield running


class Cell:
    """A cell under way, and what it has shown so far."""

    def __init__(self, kernel, source):
        self.kernel, self.printed, self.displays, self.killed = kernel, "", {}, None
        self.request = kernel.start(source)
        self.end = time.monotonic() + LIMIT

    def shown(self):
        """All that the cell has printed, and the newest text of its displays."""
        return self.printed + "\n".join(self.displays.values())

    def read(self, *until):
        """Reads on until the cell has shown one of these, or else is done; returns all that it has shown."""
        while not any(text in self.shown() for text in until):
            assert time.monotonic() < self.end, f"nothing more came after:\n{self.shown()}"
            try:
                message = self.kernel.client.get_iopub_msg(timeout=0.5)
            except Empty:
                if not self.kernel.manager.is_alive():
                    raise Killed("the kernel") from None
                continue
            if message["parent_header"].get("msg_id") != self.request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                self.printed += content["text"]
            elif kind in ("display_data", "update_display_data"):
                self.displays[content["transient"]["display_id"]] = content["data"].get("text/plain", "")
            elif kind == "error":
                assert "SIGKILL" in content["evalue"], content
                self.killed = content["evalue"]
            elif kind == "status" and content["execution_state"] == "idle":
                # Not before: a cell that is sent until then would be aborted.
                if self.killed:
                    raise Killed(self.killed)
                assert not until, f"the cell is done and has not shown any of {until}:\n{self.shown()}"
                break
        return self.shown()


def wait_for(cell, moment, epoch_seconds, folder):
    """Returns in the middle of the first epoch that the cell trains, or of the second, or while a backup is written."""
    cell.read("Going on after", f" 1/{EPOCHS} ")
    if moment == "writing":
        while not half_written(folder):
            assert time.monotonic() < cell.end
        time.sleep(random.random() * 0.005)
    else:
        if moment == "late":
            cell.read(f" {resumed_after(cell.shown()) + 1}/{EPOCHS} ")
        time.sleep(random.random() * 0.9 * epoch_seconds)


def half_written(folder):
    return list(folder.glob("training.backup.*.part"))


def resumed_after(shown):
    """The epoch after which the training went on, by its own words."""
    assert "is not used" not in shown, shown
    _, found, rest = shown.partition("Going on after epoch ")
    return int(rest.split(",")[0]) if found else 0


def results(folder):
    """The trained model's bytes, and the history without its durations."""
    history = json.loads((folder / "history.json").read_text())
    del history["seconds"]
    return (folder / "final.safetensors").read_bytes(), history


def test_a_killed_training_ends_as_if_nothing_had_happened(tmp_path):
    random.seed(1)
    uninterrupted = seconds = None
    done, kills = 0, 0
    for number in KILLS:
        with kernel(tmp_path) as running:
            if uninterrupted is None:
                Cell(running, TRAIN).read()
                uninterrupted = results(tmp_path)
                seconds = statistics.median(json.loads((tmp_path / "history.json").read_text())["seconds"])
                for file in tmp_path.iterdir():
                    file.unlink()
            for left in reversed(range(number)):
                moment = MOMENTS[kills % len(MOMENTS)]
                has_backup = (tmp_path / "training.backup").exists()
                # The kernel takes evcxr with it, and so the process that runs the cells.
                killed = running.of_cells() if left else running.pid()
                cell = Cell(running, TRAIN)
                wait_for(cell, moment, seconds, tmp_path)
                os.kill(killed, signal.SIGKILL)
                with pytest.raises(Killed):
                    cell.read()
                kills += 1
                before, done = done, resumed_after(cell.shown())
                assert (done > 0) == has_backup and done >= before, cell.shown()
                hit = ", which it cut short" if half_written(tmp_path) else ""
                print(f"kill {kills}, {moment}{hit}: the training had gone on after epoch {done}")
            if not number:
                shown = Cell(running, TRAIN).read()
                assert done <= resumed_after(shown) and "trained to the end" in shown
    assert kills == sum(KILLS) and results(tmp_path) == uninterrupted
    assert sorted(file.name for file in tmp_path.iterdir()) == ["final.safetensors", "history.json"]
