"""What the peers do in the same way: the settings, reading MNIST, the clock and the memory."""

import gzip
import os
import socket
import statistics
import time
from pathlib import Path

import numpy as np

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def setting(name):
    return int(os.environ.get(name, "1"))


def load():
    """The four gzipped files as arrays, images from 0 to 1, as the original tutorial prepares them."""
    folder = Path(os.environ["CNN_DATA_DIR"])
    arrays = []
    for name in FILES:
        with gzip.open(folder / f"{name}.gz") as file:
            arrays.append(np.frombuffer(file.read(), np.uint8, offset=16 if "images" in name else 8))
    x_train, y_train, x_test, y_test = arrays
    return (
        x_train.reshape(-1, 28, 28).astype(np.float32) / 255.0,
        y_train.astype(np.int64),
        x_test.reshape(-1, 28, 28).astype(np.float32) / 255.0,
        y_test.astype(np.int64),
    )


class Turns:
    """Where several contenders take turns, the others' are waited for: only one works at a time."""

    def __init__(self):
        host, _, port = os.environ.get("BENCH_TURNS", "").rpartition(":")
        self.link = socket.create_connection((host, int(port))) if port else None

    def next(self):
        """Ends this turn, and waits for the next one."""
        if self.link:
            self.link.sendall(b".")
            if not self.link.recv(1):
                raise ConnectionError("the benchmark has ended")


def seconds(work):
    """What `work` returns, and how long it took."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def milliseconds(work):
    """How long work takes, five times, after once that does not count."""
    return [seconds(work)[1] * 1e3 for _ in range(6)][1:]


def median_milliseconds(work, times):
    """The median of so many calls, after a tenth as many that do not count."""
    took = [seconds(work)[1] * 1e3 for _ in range(times + times // 10)]
    return statistics.median(took[times // 10 :])


def loads(work):
    """How long loading takes, three times; what was loaded is gone before the next time."""
    return [seconds(work)[1] for _ in range(3)]


def memory(which):
    """Memory of this process in MB: `VmRSS` is what it uses now, `VmHWM` the most that it ever used."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    return 0.0


def private_memory(process):
    """MB that another process has for itself: what it shares with its parent is counted there."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def reruns(made):
    """Memory while the same variable gets the same images as floats again and again, and after it is deleted."""
    used = []
    for _ in range(setting("BENCH_RERUNS")):
        x_again = made()
        used.append(memory("VmRSS"))
    del x_again
    return {"rerun_memory": used[-1], "memory_by_rerun": used, "memory_after_drop": memory("VmRSS")}
