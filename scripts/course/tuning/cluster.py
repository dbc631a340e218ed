"""Processes that run trials where Dask puts them: each trial is a task of the cluster.

Its workers need this checkout at the same place, set up, and have to reach the storage. They need not know this file.
"""

import json
import time
import warnings
from dataclasses import asdict

import notebooks
import setup
from tuning.trial import End
from tuning.workers import WORKER


class Cluster:
    """As Workers, on a cluster."""

    def __init__(self, address, count):
        from distributed import Client

        warnings.filterwarnings("ignore", message="Mismatched versions", category=UserWarning)  # of packages that play no part
        try:
            self.client = Client(address, timeout=10)
            threads = sum(worker["nthreads"] for worker in self.client.scheduler_info(n_workers=-1)["workers"].values())
        except (OSError, ValueError, TimeoutError) as error:
            raise notebooks.UsageError(f"the Dask scheduler {address} does not answer: {str(error).splitlines()[0]}") from None
        if not threads:
            raise notebooks.UsageError(f"the Dask cluster {address} has no workers; start some: dask worker {address}")
        self.count = count or threads
        self.futures, self.words = {}, ""

    def is_free(self):
        return len(self.futures) < self.count

    def running(self):
        return list(self.futures.values())

    def start(self, place, job):
        program = [str(setup.VENV / "bin" / "python"), str(WORKER)]
        lines = json.dumps(place) + "\n" + json.dumps(asdict(job)) + "\n"
        key = f"trial-{job.number}-{time.time_ns()}"
        # An answer that is lost is the study's affair: Dask must not run a trial twice.
        future = self.client.submit(one_trial, program, lines, key=key, pure=False, retries=0)
        self.futures[future] = job

    def wait(self, seconds):
        from distributed import wait

        if not self.futures:
            time.sleep(seconds)
            return []
        try:
            done = wait(list(self.futures), timeout=seconds, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return []
        return [(self.futures.pop(future), self.ended(future)) for future in done]

    def ended(self, future):
        """The End that came back, or None where the task broke off."""
        if future.status == "finished":
            return End(**json.loads(future.result()))
        self.words = str(future.exception() if future.status == "error" else future.status)
        return None

    def stop(self):
        """Their processes end soon, because the study has given their trials up."""
        if self.client.status == "running":
            self.client.cancel(list(self.futures))
            self.client.close()

    def last_words(self):
        """Why a task broke off."""
        return self.words


def one_trial(program, lines):
    """On a worker of Dask's: a process for the trial, with the worker's share of the machine's cores."""
    import os
    import subprocess

    from distributed import get_worker

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {"OMP_NUM_THREADS": str(max(1, cores // get_worker().state.nthreads))} | dict(os.environ)
    done = subprocess.run(program, input=lines, capture_output=True, text=True, env=environment, check=False)
    if not done.stdout.strip():
        raise RuntimeError("\n".join(done.stderr.strip().splitlines()[-8:]) or f"the process of the trial ended with {done.returncode}")
    return done.stdout.strip().splitlines()[-1]


# Dask then sends the function itself, and not its name: its workers do not have this module.
one_trial.__module__ = "__main__"
