"""Simulated workers of scripts/tune for bench_tune_simulation.py: threads that ask, wait as long as an epoch takes, report, and tell.

The words come as JSON on standard input; the result goes to standard output: for each worker the trials and reports that ended within
the window, and for how long it waited for the storage. Each has a connection and a memory of trials of its own, as on a machine
of its own. They send what Optuna sends; but what comes back about running trials they do not make into Python's objects, which
is work that on a thousand machines is done by a thousand machines. One worker, the first, is Optuna's own, to know how long that takes.
"""

import json
import os
import random
import resource
import sys
import threading
import time
from types import SimpleNamespace

import bench_tune_storages
from parameters import Parameter
from tuning import packages, storage
from tuning.study import ask, told
from tuning.worker import Reports

DECLARED = {"learning_rate": Parameter("learning_rate", "f64", 0.001), "batch_size": Parameter("batch_size", "i64", 128)}
SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True, "step": None}, "batch_size": {"choices": [32, 64, 128, 256]}}
STACK = 256 * 1024  # bytes of a thread's


class Worker(threading.Thread):
    """One worker, whose first trial was handed out beforehand."""

    def __init__(self, of, number, first):
        super().__init__(daemon=True)
        self.of, self.number, self.first, self.draw = of, number, first, random.Random(number)
        self.ready = threading.Event()
        self.trials, self.waits, self.waited, self.cpu, self.since, self.error = 0, [], 0.0, [], None, ""

    def run(self):
        try:
            self.study = self.opened()
            self.ready.set()
            self.of["begun"].wait()
            # In the middle of a trial each, as workers are that have been at it for hours.
            time.sleep(max(0, self.of["begin"] - time.time()) + self.draw.uniform(0, max(self.of["trial_seconds"])))
            self.trial(*self.first)
            while time.time() < self.of["end"]:
                trial, _ = self.wait(ask, self.study, DECLARED, SPACE)
                self.trial(trial._trial_id, trial.number)
        except Exception as error:
            # Optuna says only that something was wrong with a commit.
            cause = error.__cause__ or error
            self.error = f"{type(cause).__name__}: {str(cause).strip().splitlines()[0]}"
            self.ready.set()

    def opened(self):
        import optuna

        storage = bench_tune_storages.opened(self.of["url"], light=self.number > 0)
        sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.MedianPruner()
        return optuna.load_study(study_name=self.of["study"], storage=storage, sampler=sampler, pruner=pruner)

    def trial(self, trial_id, number):
        seconds, best = self.draw.choice(self.of["trial_seconds"]), self.draw.uniform(0.5, 1)
        report = Reports(self.study, SimpleNamespace(prunes=self.of["prunes"]), trial_id)
        for epoch in range(1, self.of["reports"] + 1):
            time.sleep(seconds / self.of["reports"])
            # All go on to their end, so that as many reports are made whatever the pruner says.
            begin, cpu = time.time(), time.thread_time()
            self.wait(report, epoch, best * (1 - 0.5**epoch))
            if self.of["from"] <= time.time() < self.of["end"]:
                self.waits.append(time.time() - begin)
                self.cpu.append(time.thread_time() - cpu)
        self.wait(told, self.study, number, "COMPLETE", best)
        self.trials += self.of["from"] <= time.time() < self.of["end"]

    def wait(self, work, *arguments):
        """The result of work, and its time within the window is counted."""
        self.since = time.time()
        result = work(*arguments)
        self.waited += overlap(self.since, time.time(), self.of)
        self.since = None
        return result

    def result(self):
        """What has become of it so far; who still waits is counted as it stands."""
        since = self.since
        waited = self.waited + (overlap(since, self.of["end"], self.of) if since else 0)
        own = self.cpu if self.number == 0 else []
        return {"trials": self.trials, "report_waits": self.waits, "waited": waited, "report_cpu": own, "error": self.error}


def overlap(begin, end, window):
    return max(0.0, min(end, window["end"]) - max(begin, window["from"]))


def main():
    of = json.loads(sys.stdin.readline()) | {"begun": threading.Event()}
    storage.PATIENCE = of["window"]
    threading.stack_size(STACK)
    workers = [Worker(of, number, first) for number, first in of["first"]]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.ready.wait()
    print("ready", flush=True)
    begin = json.loads(sys.stdin.readline())
    of |= {"begin": begin, "from": begin + max(of["trial_seconds"])}
    of["end"] = of["from"] + of["window"]
    of["begun"].set()
    time.sleep(max(0, of["end"] - time.time()))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found = [worker.result() for worker in workers]
    print(json.dumps({"workers": found, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    packages.use()
    main()
    # Threads that still wait for the storage are not waited for.
    os._exit(0)
