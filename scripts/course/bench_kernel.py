"""Measures the course's kernel beside stock evcxr, on the same machine in the same run: how long a learner waits.

A start is measured from the command to start a kernel. Each kernel is a fresh one with folders of its own; the
stock kernel gets the same libtorch and allocator settings, and nothing else.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import bench
import bench_widgets
import notebooks
import parameters
import setup
from bench import machine

FIRST_CELL = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;'
READING = 15  # seconds in which a learner reads before the first cell
LIMIT = 1200  # seconds for one cell
WORKING_FOLDERS = {}  # of kernels of other checkouts, each with its own crate
# Cells that train, or evaluate a trained model, are as long as their work is.
TRAINING = re.compile(r"\b(fit|training|train|trained_model|lr_find|evaluate|predict|synthetic_digits|train_one)\w*\(")
# An epoch with its display, and one that says nothing, one after the other in the same kernel.
OVERHEAD = """
fn seconds(x_train: &Tensor, y_train: &Tensor, verbose: bool) -> cnn::anyhow::Result<f64> {
    let mut model = course::model(42)?;
    let settings = Fit { epochs: EPOCHS, batch_size: 128, validation_split: 0.1, verbose, ..Fit::default() };
    let history = model.fit(x_train, y_train, &settings)?;
    Ok(history.seconds[1..].iter().sum::<f64>() / (history.seconds.len() - 1) as f64)
}
let data = mnist::load_data()?;
let x_train = add_channel(&data.x_train)?;
seconds(&x_train, &data.y_train, false)?;
for _ in 0..REPETITIONS {
    let shown = seconds(&x_train, &data.y_train, true)?;
    println!("RESULT {} {}", shown, seconds(&x_train, &data.y_train, false)?);
}
"""


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench kernel", description="Measures the kernel beside stock evcxr.")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="how often a kernel is started (default 3)")
    parser.add_argument("--users", type=int, metavar="N", help="measure N kernels at once that share the prepared folder, and nothing else")
    parser.add_argument("--stock", metavar="PROGRAM", default=shutil.which("evcxr_jupyter"), help="evcxr_jupyter, to be measured as well (default: the one on the PATH)")
    parser.add_argument("--no-stock", action="store_true", help="leave out stock evcxr, which compiles for minutes")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="another checkout with its set-up done, whose kernel is measured as well")
    parser.add_argument("--quick", action="store_true", help="one repetition, and notebook 02 alone: to see that it works")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "bench", metavar="FOLDER", help="default out/bench")
    chosen = parser.parse_args()
    if chosen.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if not chosen.stock and not chosen.no_stock:
        print("bench kernel: evcxr_jupyter was not found, stock evcxr is left out; cargo install --locked evcxr_jupyter", file=sys.stderr)
        chosen.no_stock = True
    return chosen


class Kernel:
    """A running kernel; `execute` says how long a cell took, and what it printed."""

    def __init__(self, client):
        self.client = client

    def execute(self, source):
        printed = []

        def collect(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        begin = time.monotonic()
        self.client.execute_interactive(source, output_hook=collect, timeout=LIMIT, stop_on_error=False)
        return time.monotonic() - begin, "".join(printed)


@contextmanager
def kernel(name):
    """A fresh kernel, and the seconds until it was ready."""
    from jupyter_client.manager import KernelManager

    begin = time.monotonic()
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(WORKING_FOLDERS.get(name, notebooks.FOLDER)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=LIMIT)
        yield Kernel(client), time.monotonic() - begin
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def own_spec():
    return json.loads((setup.KERNELSPEC / "kernel.json").read_text())


def install(folder, name, spec):
    """A kernelspec of this name."""
    path = folder / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(spec | {"display_name": name}))


def install_beside(folder, checkout):
    """A kernelspec `beside` with the kernel of another checkout, and a cache of its own."""
    spec = json.loads((checkout / ".venv/share/jupyter/kernels/rust/kernel.json").read_text())
    WORKING_FOLDERS["beside"] = checkout / "notebooks"
    spec["env"]["LIVE_CELLS"] = str(folder / "cells-beside")
    install(folder, "beside", spec)


def install_stock(folder, program):
    """A kernelspec `stock` that starts evcxr_jupyter itself."""
    install(folder, "stock", own_spec() | {"argv": [program, "--control_file", "{connection_file}"]})


@contextmanager
def jupyter_path():
    """A folder for kernelspecs that Jupyter looks into."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        yield Path(folder)


# ---- measurements --------------------------------------------------------------------------------


def start(name, reading=0):
    """Seconds until a kernel is ready, and for its first cell; when nobody reads first, since the start."""
    begin = time.monotonic()
    with kernel(name) as (running, ready):
        time.sleep(reading)
        took, _ = running.execute(FIRST_CELL)
        return ready, took if reading else time.monotonic() - begin


def cells_of(running, path, change=None):
    """Seconds of every cell without training after a notebook's first one; `change` makes another cell of each."""
    notebook = notebooks.read(path)
    parameters.inject(notebook, notebooks.quick_values(notebook))
    found = []
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        is_counted = number and not TRAINING.search(cell.source)
        took, _ = running.execute(change(cell.source) if change and is_counted else cell.source)
        if is_counted:
            found.append(took)
    return found


def cells(name, paths, change=None):
    """The same of several notebooks, each in a fresh kernel."""
    found = []
    for path in paths:
        with kernel(name) as (running, _):
            found += cells_of(running, path, change)
        print(f"  {path.stem}: {len(found)} cells so far, median {statistics.median(found):.2f} s", flush=True)
    return found


def edited(source):
    """A cell that does the same and was never compiled before."""
    lines = source.splitlines()
    first = next((at for at, line in enumerate(lines) if not line.startswith((":", "//")) and line.strip()), len(lines))
    return "\n".join([*lines[:first], f"{{ let _edited = {time.time_ns()}u64; }}", *lines[first:]])


def once(name):
    """Seconds for what used to take long in every new kernel: the first name that is misspelt, and a dependency that is there."""
    with kernel(name) as (running, _):
        running.execute(FIRST_CELL)
        running.execute("let a = 3;")
        misspelt, _ = running.execute("let y = squre(a);")
        dependency, _ = running.execute(':dep itoa = "1"')
        return misspelt, dependency + running.execute("println!(\"{}\", itoa::Buffer::new().format(a));")[0]


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure(name, paths, repetitions):
    """All that is measured of one build of the kernel; the notebooks twice, so that all cells were compiled before."""
    results = {"ready": [], "first": [], "after_reading": []}
    for repetition in range(repetitions):
        for kind, reading in (("first", 0), ("after_reading", READING)):
            ready, first = start(name, reading)
            results["ready"].append(ready)
            results[kind].append(first)
        print(f"{name}, start {repetition + 1}/{repetitions}: ready {ready:.2f} s, first cell {results['first'][-1]:.2f} s, after reading {first:.2f} s", flush=True)
    results["misspelt"], results["dependency"] = once(name)
    print(f"{name}: first misspelt name {results['misspelt']:.1f} s, :dep itoa {results['dependency']:.1f} s", flush=True)
    cells(name, paths)
    results["cells"] = cells(name, paths)
    results["edited"] = cells(name, paths[:1], edited)
    evaluation = [path for path in paths if path.stem.startswith("05")]
    results["evaluation"] = sum(cells(name, evaluation)) if evaluation else None
    return results


def overhead(repetitions, epochs):
    """The duration of an epoch with its display, as a multiple of one without."""
    with kernel("rust") as (running, _):
        running.execute(FIRST_CELL)
        source = OVERHEAD.replace("REPETITIONS", str(repetitions)).replace("EPOCHS", str(epochs))
        _, printed = running.execute(source)
    pairs = [[float(word) for word in line.split()[1:]] for line in printed.splitlines() if line.startswith("RESULT")]
    return statistics.median(shown for shown, _ in pairs) / statistics.median(silent for _, silent in pairs)


def widgets(repetitions):
    """What bench_widgets.py measures: milliseconds, moves a second, and the multiple of an epoch."""
    with kernel("rust") as (running, _):
        for cell in (':dep live = { path = "../crates/live" }', FIRST_CELL):
            running.execute(cell)
        answer, rate = bench_widgets.answers(running.client)
        return answer, rate, bench_widgets.steered(lambda source: running.execute(source)[1], repetitions)


def processes(group_of):
    """The process ids of a kernel: its own, and those of all that it has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines())
    found = [group_of]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def memory(pid):
    """MB of a kernel's processes; what several share is counted in parts."""
    return sum(bench.memory(process) for process in processes(pid)) / 1024


def disk(folder):
    """MB of a user's folder, without what is a link to the prepared one."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files if path.stat().st_nlink == 1) / 2**20


def users(count, path):
    """So many users who open a notebook in the same moment: each with folders of their own, sharing the prepared one."""
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import ExitStack
    from threading import Barrier

    from jupyter_client.manager import KernelManager

    with jupyter_path() as folder, ExitStack() as stack:
        for number in range(count):
            argv = [*own_spec()["argv"], "--runs", str(folder / f"runs-{number}")]
            install(folder, f"user-{number}", own_spec() | {"argv": argv})
        all_have_begun = Barrier(count)
        begin = time.monotonic()
        managers = []
        for number in range(count):
            manager = KernelManager(kernel_name=f"user-{number}")
            manager.start_kernel(cwd=str(notebooks.FOLDER), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(manager.shutdown_kernel, now=True)
            managers.append(manager)

        def run_all(manager):
            client = manager.client()
            client.start_channels()
            client.wait_for_ready(timeout=LIMIT)
            ready = time.monotonic() - begin
            Kernel(client).execute(FIRST_CELL)
            first = time.monotonic() - begin
            all_have_begun.wait(LIMIT)
            return ready, first, cells_of(Kernel(client), path)

        with ThreadPoolExecutor(count) as pool:
            ready, first, later = zip(*pool.map(run_all, managers), strict=True)
        later = sum(later, [])
        megabytes = [memory(manager.provisioner.pid) for manager in managers]
        print(f"{count} kernels at once: ready after {max(ready):.1f} s at the latest, first cells after {min(first):.0f} to {max(first):.0f} s")
        print(f"cells of {path.stem} in all of them at once: median {statistics.median(later):.2f} s, 95 % in {quantile(later, 0.95):.2f} s, longest {max(later):.1f} s")
        print(f"memory per kernel: {statistics.median(megabytes):.0f} MB")
        print(f"disk per kernel: {statistics.median(disk(folder / f'runs-{number}') for number in range(count)):.0f} MB")


# ---- the report ----------------------------------------------------------------------------------


def row(name, live, beside, stock, target, unit="s"):
    number = lambda value: "–" if value is None else f"{value:.2f} {unit}".strip()  # noqa: E731
    met = "" if live is None or target is None else "met" if live <= target else f"missed by {live / target - 1:.0%}"
    wanted = "–" if target is None else f"≤ {target:g} {unit}".strip()
    return f"| {name} | {number(live)} | {number(beside)} | {number(stock)} | {wanted} | {met} |"


def main():
    chosen = arguments()
    available = notebooks.find(notebooks.FOLDER)
    if chosen.users:
        users(chosen.users, *notebooks.select(available, ["2"]))
        return 0
    repetitions = 1 if chosen.quick else chosen.repetitions
    paths = notebooks.select(available, ["2"]) if chosen.quick else available[1:]
    stock = {"ready": [], "first": []}
    beside = {}
    with jupyter_path() as folder:
        if not chosen.no_stock:
            install_stock(folder, chosen.stock)
        if not os.environ.get("CNN_ARTIFACTS"):
            os.environ["CNN_ARTIFACTS"] = str(folder / "artifacts")
        live = measure("rust", paths, repetitions)
        if chosen.beside:
            install_beside(folder, chosen.beside)
            beside = measure("beside", paths, repetitions)
        if not chosen.no_stock:
            ready, first = start("stock")
            stock = {"ready": [ready], "first": [first]}
            print(f"stock: ready {ready:.2f} s, first cell {first:.2f} s", flush=True)
        cost = overhead(repetitions, 2 if chosen.quick else 4)
        print(f"an epoch with its display: {cost:.3f} times one without", flush=True)
        answer, rate, steered = widgets(repetitions)
        print(f"widgets: {answer:.0f} ms, {rate:.0f} moves a second, an epoch that is steered: {steered:.3f} times one that is not", flush=True)
    median = lambda values: statistics.median(values) if values else None  # noqa: E731
    most = lambda values: quantile(values, 0.95) if values else None  # noqa: E731
    about = machine()

    def compared(name, of, target, stock=None):
        return row(name, of(live), of(beside) if beside else None, stock, target)

    lines = [
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}; {about['date']}. Medians of {repetitions}; stock evcxr once.",
        "",
        "| | this kernel | the one beside | stock evcxr | target | |",
        "|---|---:|---:|---:|---:|---|",
        compared("kernel ready", lambda build: median(build["ready"]), 1, median(stock["ready"])),
        compared("start to the end of the first cell, at once", lambda build: median(build["first"]), 5, median(stock["first"])),
        compared(f"first cell, after {READING} s of reading", lambda build: median(build["after_reading"]), 1),
        compared(f"median of {len(live['cells'])} cells without training, as they were", lambda build: median(build["cells"]), 0.13),
        compared("95 % of them", lambda build: most(build["cells"]), 0.3),
        compared(f"median of {len(live['edited'])} edited cells", lambda build: median(build["edited"]), 0.4),
        compared("notebook 05 without its training", lambda build: build["evaluation"], None),
        compared("the first misspelt name", lambda build: build["misspelt"], 1),
        compared(':dep itoa = "1", which is there', lambda build: build["dependency"], None),
        row("an epoch with its display : without", cost, None, None, 1.02, ""),
        row("a slider's move to a running loop and back", answer, None, None, 50, "ms"),
        f"| moves of a slider that the kernel takes | {rate:.0f} /s | – | – | ≥ 1000 /s | {'met' if rate >= 1000 else 'missed'} |",
        row("an epoch with a slider that is read for each batch : without", steered, None, None, 1.01, ""),
    ]
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "kernel.md").write_text("\n".join(lines) + "\n")
    content = {"machine": about, "live": live, "beside": beside, "stock": stock, "overhead": cost, "widgets": [answer, rate, steered]}
    (chosen.out / "kernel.json").write_text(json.dumps(content, indent=1))
    print("\n" + "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
