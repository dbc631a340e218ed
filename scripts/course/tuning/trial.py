"""One trial: the notebook is executed, its epochs are followed, and where the trial is pruned its training is stopped.

The stop is that of a learner's stop button: the kernel sets the flag that trainings look at before each batch, the training ends with
its history, and the cells after it are not executed.
"""

import asyncio
import math
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbclient.util import ensure_async, run_sync

import artifacts_copy
import notebooks
from execution import Course
from papermill_engine import execute
from tuning.follow import Epochs

EPOCHS = "epochs.jsonl"
LOOK = 0.1  # seconds between two looks at the epochs
STOP = 60  # seconds in which a cell ends that was asked to; then its kernel is ended


@dataclass
class Job:
    """What a worker needs to know about one trial."""

    number: int
    notebook: str
    values: dict
    metric: str
    training: int | None
    timeout: int
    folder: str
    prunes: bool = True
    keeps: bool = False  # the executed notebook, its page and its artifacts
    test: str | None = None  # the notebook that measures the trained model on the test data


@dataclass
class End:
    """What has become of it: complete, pruned, failed, nothing (the metric was not reported), or stopped from outside."""

    number: int
    state: str
    value: float | None = None
    epoch: int = 0
    epochs: int = 0
    why: str = ""
    seconds: float = 0.0
    trained: float = 0.0  # seconds of the epochs
    trainings: int = 0  # that report the metric
    metrics: dict = field(default_factory=dict)

    def as_json(self):
        return asdict(self)


class Pruned(Exception):
    """Ends the execution after the cell that was stopped."""


class Followed(Course):
    """The course's client, which looks at the epochs while a cell runs, and has the kernel stop it."""

    run = None

    async def async_execute_cell(self, cell, cell_index, execution_count=None, store_history=True):
        running = asyncio.ensure_future(super().async_execute_cell(cell, cell_index, execution_count, store_history))
        stop_by = None
        try:
            while not (await asyncio.wait([running], timeout=LOOK))[0]:
                self.run.look()
                if self.run.pruned and stop_by is None:
                    await ensure_async(self.km.interrupt_kernel())
                    stop_by = time.monotonic() + STOP
                elif stop_by and time.monotonic() > stop_by:
                    await ensure_async(self.km.shutdown_kernel(now=True))
                    stop_by = math.inf
        finally:
            running.cancel()
        self.run.look()
        if self.run.pruned:
            await asyncio.gather(running, return_exceptions=True)
            raise Pruned
        return running.result()

    execute_cell = run_sync(async_execute_cell)


class Run:
    """One trial under way. `report` takes an epoch and its value, and says whether to prune."""

    def __init__(self, job, report, goes_on=lambda: True):
        self.job, self.report, self.goes_on = job, report, goes_on
        self.folder, self.path = Path(job.folder), Path(job.notebook)
        self.epochs = Epochs(self.folder / EPOCHS, job.metric, job.training)
        self.newest = (0, 0, None)
        self.pruned = False

    def look(self):
        if not self.goes_on():
            raise KeyboardInterrupt
        for epoch, epochs, value in self.epochs.look():
            self.newest = (epoch, epochs, value)
            # After its last epoch there is nothing to save.
            self.pruned |= self.report(epoch, value) and self.job.prunes and epoch < epochs

    def executed(self):
        """The Failure of the notebook, or None."""
        run = self

        class Client(Followed):
            pass

        Client.run = run
        variables = {"CNN_EPOCHS": str(self.epochs.path)}
        return execute(self.path, self.job.values, self.folder, self.job.timeout, Client, **variables)

    def end(self):
        """Executes, and tidies up: of a trial its epochs stay, and the executed notebook where it failed."""
        artifacts_copy.prepare(self.folder, self.path.stem)
        # A training that was interrupted in the course's own notebook is not this trial's.
        for backup in (self.folder / "artifacts").rglob("*.backup"):
            backup.unlink()
        begin = time.monotonic()
        try:
            end = self.outcome()
        except KeyboardInterrupt:
            end = End(self.job.number, "stopped")
        end.seconds = time.monotonic() - begin
        end.epoch, end.epochs = self.newest[:2]
        end.trainings = len(self.epochs.reporting())
        end.trained = sum(line.get("seconds") or 0 for lines in self.epochs.trainings.values() for line in lines)
        self.tidy(end)
        return end

    def outcome(self):
        number, metric = self.job.number, self.job.metric
        try:
            failure = self.executed()
        except Pruned:
            return End(number, "pruned", self.newest[2])
        if failure:
            return End(number, "failed", why=failure.text(NoTerminal))
        metrics = (notebooks.record_of(self.path.stem, self.folder / "artifacts") or {}).get("metrics", {})
        recorded = metrics.get(metric) if self.job.training is None else None
        value = self.epochs.last() if recorded is None else recorded
        if value is None:
            known = list(dict.fromkeys([*metrics, *self.epochs.names()]))
            return End(number, "nothing", why=", ".join(known), metrics=metrics)
        if not math.isfinite(value):
            return End(number, "failed", why=f"{metric} is {value}")
        tested, failure = self.tested(metrics)
        if failure:
            return End(number, "failed", why=failure.text(NoTerminal))
        return End(number, "complete", value, metrics=metrics | tested)

    def tested(self, metrics):
        """What the notebook that looks at the test data has recorded about this model."""
        if not self.job.test or any(name.startswith("test_") for name in metrics):
            return {}, None
        path = Path(self.job.test)
        failure = execute(path, {}, self.folder, self.job.timeout)
        recorded = (notebooks.record_of(path.stem, self.folder / "artifacts") or {}).get("metrics", {})
        return {name: value for name, value in recorded.items() if name.startswith("test_")}, failure

    def tidy(self, end):
        executed = self.folder / self.path.name
        if end.state == "stopped":
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        if self.job.keeps:
            return
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)
        if end.state != "failed":
            executed.unlink(missing_ok=True)
        if not os.listdir(self.folder):
            self.folder.rmdir()


class NoTerminal:
    """What is written to is no terminal."""

    isatty = staticmethod(lambda: False)
