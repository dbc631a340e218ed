"""Measures the course's model here, in the notebooks' kernel, against Keras and PyTorch, by turns in one run.

Every contender does the same work in a fresh process: read MNIST's four files, train, evaluate 10,000 images, predict one, augment, and,
but for PyTorch, load the model from Keras's files and write it. They take turns, epoch by epoch, so that a machine that gets slower
gets slower for all; a ratio is that of neighbouring turns. The first epoch is not counted, because TensorFlow compiles its graph in it.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import notebooks
import peers
import programs
import setup
from turns import Turns

PROGRAM = notebooks.ROOT / "crates" / "cnn" / "examples" / "bench.rs"
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CONTENDERS = ("kernel", "release", "keras", "pytorch")
LIMIT = 3600  # seconds for one contender's whole work
TITLES = {"kernel": "this course, in the kernel", "release": "this course, release binary", "keras": "Keras 3 (TensorFlow)", "pytorch": "PyTorch, eager"}
# Multiplications and additions of one image: the convolution, and the two dense layers. Training needs each layer's product
# thrice, but for the first one's, whose input needs no gradient.
CONVOLUTION, DENSE = 2 * 26 * 26 * 32 * 9, 2 * (5408 * 128 + 128 * 10)
TRAINING, PREDICTION = 2 * CONVOLUTION + 3 * DENSE, CONVOLUTION + DENSE
VALIDATION = 0.1  # of the images
RERUNS = 12  # how often a cell is executed again
# What is measured: name, unit, key in a contender's result, and decimals.
QUANTITIES = (
    ("epoch", "s", "epoch_seconds", 2),
    ("evaluate 10,000", "s", "evaluate_seconds", 2),
    ("predict one", "ms", "predict_ms", 2),
    ("load MNIST", "s", "load_seconds", 2),
    ("augment", "images/s", "augment_rate", 0),
    ("peak memory", "MB", "peak_memory", 0),
    (f"memory after {RERUNS} reruns", "MB", "rerun_memory", 0),
    ("load .h5", "ms", "load_h5_ms", 1),
    ("load .keras", "ms", "load_keras_ms", 1),
    ("write .h5", "ms", "write_h5_ms", 1),
)
# A cell that learners execute again and again, and what they then do to have the memory back.
RERUN = "let x_again = normalize(&add_channel(&data.x_train)?)?;"
DROP = "drop(x_again);"


class BenchError(Exception):
    """Something is missing; the message says what to do."""


@dataclass
class Target:
    """A limit for a ratio of two contenders, or without a second one for a value; `smallest` says that it must be reached."""

    name: str
    key: str
    of: str
    to: str | None
    limit: float
    smallest: bool = False

    def ratios(self, summaries):
        """Of each pair of neighbouring turns; where the contenders had not as many, of the medians alone."""
        top = summaries.get(self.of, {}).get(self.key)
        if top is None or self.to is None:
            return [] if top is None else top["values"]
        bottom = summaries.get(self.to, {}).get(self.key)
        if bottom is None or not all(bottom["values"]):
            return []
        if len(top["values"]) != len(bottom["values"]):
            return [top["median"] / bottom["median"]]
        return [a / b for a, b in zip(top["values"], bottom["values"], strict=True)]

    def verdict(self, ratio):
        if ratio is None:
            return "not measured"
        met = ratio >= self.limit if self.smallest else ratio <= self.limit
        return "met" if met else f"missed by {abs(ratio / self.limit - 1):.0%}"


TARGETS = (
    Target("epoch, kernel : Keras", "epoch_seconds", "kernel", "keras", 0.40),
    Target("epoch, kernel : Keras, stretch", "epoch_seconds", "kernel", "keras", 0.37),
    Target("epoch, kernel : PyTorch", "epoch_seconds", "kernel", "pytorch", 0.33),
    Target("evaluate, kernel : Keras", "evaluate_seconds", "kernel", "keras", 0.15),
    Target("augment, kernel : Keras", "augment_rate", "kernel", "keras", 25, smallest=True),
    Target("peak memory, kernel : Keras", "peak_memory", "kernel", "keras", 0.25),
    Target("epoch, kernel : release binary", "epoch_seconds", "kernel", "release", 1.05),
    Target(f"memory after {RERUNS} reruns, kernel : Keras", "rerun_memory", "kernel", "keras", 0.6),
    Target("load .h5, kernel : Keras", "load_h5_ms", "kernel", "keras", 0.05),
    Target("load .keras, kernel : Keras", "load_keras_ms", "kernel", "keras", 0.05),
    Target("write .h5, kernel : Keras", "write_h5_ms", "kernel", "keras", 0.2),
    Target("predict one, kernel, in ms", "predict_ms", "kernel", None, 0.3),
    Target("load .h5, kernel, in ms", "load_h5_ms", "kernel", None, 30),
    Target("load .keras, kernel, in ms", "load_keras_ms", "kernel", None, 30),
)


def arguments(args=None):
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures the project against Keras and PyTorch in one run.")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="how often each contender runs (default 3)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="these contenders only")
    parser.add_argument("--scaling", action="store_true", help="also measure other batch sizes, threads and amounts of data")
    parser.add_argument("--quick", action="store_true", help="one repetition on few images: to see that it works")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "bench", metavar="FOLDER", help="where the report goes (default out/bench)")
    chosen = parser.parse_args(args)
    if chosen.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if chosen.quick:
        chosen.repetitions = 1
    return chosen


# ---- the contenders ------------------------------------------------------------------------------


def environment(settings, of_kernel=True):
    """The user's, with the settings of one measurement; for the crate's own programs also what the kernelspec sets."""
    base = programs.environment() if of_kernel else os.environ
    return base | {name: str(value) for name, value in settings.items()}


def data_folder():
    """Where MNIST's four gzipped files are, for all contenders."""
    for folder in filter(None, (os.environ.get("CNN_DATA_DIR"), notebooks.ROOT / "data" / "mnist")):
        if all((Path(folder) / f"{name}.gz").is_file() for name in FILES):
            return str(Path(folder).resolve())
    raise BenchError(
        "The benchmark needs MNIST's four gzipped files: set CNN_DATA_DIR to the folder that holds them, "
        "or let notebook 01 download them (scripts/run --only 01)."
    )


def process(command, env):
    """Runs a contender's program to its end; its last line of output is its result."""
    worker = subprocess.Popen(
        command, env=env, cwd=notebooks.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = worker.communicate(timeout=LIMIT)
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    if worker.returncode:
        raise BenchError(f"{Path(command[-1]).name} failed:\n{err[-2000:]}")
    return json.loads(out.strip().splitlines()[-1])


def cells(source):
    """The program's lines as a learner would have them in a notebook: what stands before main, its modules whole, then its parts."""
    source = re.sub(r'^#\[path = "(.*)"\]\nmod (\w+);$', module, source, flags=re.MULTILINE)
    items, main = source.split("fn main() -> Result<()> {\n")
    body = re.sub(r"^ {4}", "", main[: main.rindex("    Ok(())")], flags=re.MULTILINE)
    items = "\n".join(line for line in items.splitlines() if not line.startswith("//!"))
    first = ':dep cnn = { path = "../crates/cnn" }'
    return [first, items.strip(), *(part.strip() for part in body.split("// %%\n") if part.strip())]


def module(found):
    """A module of a file of its own, in a place."""
    path, name = found.groups()
    lines = (PROGRAM.parent / path).read_text().splitlines()
    return "\n".join([f"pub mod {name} {{", *(line for line in lines if not line.startswith("//!")), "}"])


def rerun(execute):
    """A cell executed again and again in the kernel of a finished program, and the memory in use."""
    used = []
    for cell in [RERUN] * RERUNS + [DROP]:
        execute(cell)
        # In a cell of its own: until a cell ends, the earlier value of a variable is there, too.
        used.append(float(execute('println!("{}", memory("VmRSS"));')))
    return {"rerun_memory": used[-2], "memory_by_rerun": used[:-1], "memory_after_drop": used[-1]}


def in_kernel(settings, program=PROGRAM, then=rerun):
    """A program as cells in a fresh kernel; `then` may measure more in it."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="rust")
    # The kernelspec's own environment is added by the manager; the kernel's chatter is of no interest.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager.start_kernel(cwd=str(notebooks.ROOT / "notebooks"), env=environment(settings, of_kernel=False), **quiet)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=180)
        printed = []

        def collect(message):
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        def execute(cell):
            """The last line that a cell prints."""
            printed.clear()
            reply = client.execute_interactive(cell, output_hook=collect, timeout=LIMIT)
            if reply["content"]["status"] != "ok":
                raise BenchError(f"A cell of the kernel failed:\n{cell}\n{reply['content']['evalue']}")
            return "".join(printed).strip().rpartition("\n")[2]

        *_, result = [execute(cell) for cell in cells(program.read_text())]
        return json.loads(result) | then(execute)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def contender(name):
    """A function from settings to a result."""
    if name == "kernel":
        return in_kernel
    if name == "release":
        program = programs.built("example", "bench")
        return lambda settings: process([str(program)], environment(settings))
    return peer(name, f"{name}_peer.py")


def peer(name, program):
    """The same of a program in another library's Python."""
    command = [str(peers.python(name)), str(peers.FOLDER / program)]
    return lambda settings: process(command, environment(settings, of_kernel=False))


def measured(name, run, settings):
    """A contender's result; whatever goes wrong with it is told in a line."""
    try:
        return run(settings)
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        raise BenchError(f"{name} was not done after {LIMIT} s.") from error
    except (RuntimeError, ValueError, IndexError, OSError) as error:
        raise BenchError(f"{name} gave no result: {error}") from error


# ---- numbers -------------------------------------------------------------------------------------


def numbers(result, key):
    """The values of one result: without the first epoch, which is the warm-up."""
    value = result.get(key)
    if value is None:
        return []
    if key == "epoch_seconds":
        return value[1:]
    return value if isinstance(value, list) else [value]


def summary(results, quantities=QUANTITIES):
    """Median, smallest and largest value of each quantity over all repetitions of one contender."""
    found = {}
    for _, _, key, _ in quantities:
        values = [value for result in results for value in numbers(result, key)]
        if values:
            found[key] = {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}
    return found


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def memory(pid):
    """Kilobytes of a process, where what several share is counted in parts; none of one that has ended."""
    try:
        return int(re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def machine():
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    commit = subprocess.run(["git", "-C", str(notebooks.ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cores": setup.physical_cores(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit.stdout.strip(),
        "date": datetime.date.today().isoformat(),
        "versions": {"libtorch": setup.TORCH, "evcxr": setup.EVCXR} | peer_versions(),
    }


def peer_versions(packages=("keras", "tensorflow-cpu", "torch")):
    pinned = dict(line.split("==") for name in ("keras", "pytorch") for line in (peers.FOLDER / f"{name}.txt").read_text().split())
    return {name: pinned[name] for name in packages}


def table(summaries, quantities=QUANTITIES):
    """What every contender needed: the median, with the smallest and the largest value."""
    head = "| contender | " + " | ".join(f"{name} ({unit})" for name, unit, _, _ in quantities) + " |"
    lines = [head, "|---|" + "---:|" * len(quantities)]
    for who, found in summaries.items():
        row = [TITLES[who]]
        for _, _, key, decimals in quantities:
            entry = found.get(key)
            row.append("–" if entry is None else spread(entry, decimals))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def spread(entry, decimals):
    text = [f"{entry[name]:,.{decimals}f}" for name in ("median", "min", "max")]
    return text[0] if text[1] == text[2] else f"{text[0]} ({text[1]}–{text[2]})"


def reruns(results):
    """The memory of the images as floats, made again and again: whether it grows, and whether it is given back."""
    lines = [f"| MB in use, of `{RERUN}` | after 1 | 3 | {RERUNS} | after the drop |", "|---|---:|---:|---:|---:|"]
    for who, found in results.items():
        measured_runs = [result for result in found if "memory_by_rerun" in result]
        if measured_runs:
            last = measured_runs[-1]
            used = [last["memory_by_rerun"][run - 1] for run in (1, 3, RERUNS)] + [last["memory_after_drop"]]
            lines.append(f"| {TITLES[who]} | " + " | ".join(f"{value:,.0f}" for value in used) + " |")
    return "\n".join(lines)


def targets(summaries, limits=TARGETS):
    lines = ["| ratio | measured | target | |", "|---|---:|---:|---|"]
    for target in limits:
        ratios = target.ratios(summaries)
        ratio = statistics.median(ratios) if ratios else None
        measured = "–" if ratio is None else spread({"median": ratio, "min": min(ratios), "max": max(ratios)}, 2 if ratio < 10 else 0)
        sign = "≥" if target.smallest else "≤"
        lines.append(f"| {target.name} | {measured} | {sign} {target.limit:g} | {target.verdict(ratio)} |")
    return "\n".join(lines)


def scaling(settings, quick):
    """Epochs of the release binary with other batch sizes, threads and amounts of data."""
    run = contender("release")
    found = {"batch_size": [], "batch_size_1_thread": [], "data_size": [], "memory": []}

    def epoch(**changes):
        result = run(settings | changes)
        return statistics.median(numbers(result, "epoch_seconds")), result

    for batch_size in (64, 256) if quick else (32, 64, 128, 256, 512, 1024):
        for key, threads in (("batch_size", setup.physical_cores()), ("batch_size_1_thread", 1)):
            took, _ = epoch(BENCH_BATCH_SIZE=batch_size, OMP_NUM_THREADS=threads)
            found[key].append((batch_size, took))
            print(f"scaling    batch_size {batch_size:>4}, {threads} thread(s): {took:.2f} s", flush=True)
    # In turns, so that a machine that gets slower does not look like data that take longer.
    rates = {1: [], 2: [], 4: [], 16: []}
    for _ in range(1 if quick else 3):
        for repeat, measured_rates in rates.items():
            took, _ = epoch(BENCH_REPEAT=repeat, BENCH_EPOCHS=2)
            images = settings["BENCH_SAMPLES"] * repeat * 9 // 10
            measured_rates.append(took / images * 1e6)
            print(f"scaling    {images} training images: {measured_rates[-1]:.1f} ms per 1,000", flush=True)
    for repeat, measured_rates in rates.items():
        found["data_size"].append((settings["BENCH_SAMPLES"] * repeat * 9 // 10, statistics.median(measured_rates)))
    _, result = epoch(BENCH_EPOCHS=6)
    found["memory"] = [(epoch + 1, memory) for epoch, memory in enumerate(result["memory_by_epoch"])]
    print("scaling    MB after each of 6 epochs: " + ", ".join(f"{memory:.0f}" for _, memory in found["memory"]), flush=True)
    return found


def scaling_tables(measured):
    lines = ["| batch_size | s per epoch | with 1 thread |", "|---:|---:|---:|"]
    for (size, took), (_, alone) in zip(measured["batch_size"], measured["batch_size_1_thread"], strict=True):
        lines.append(f"| {size} | {took:.2f} | {alone:.2f} |")
    lines += ["", "| training images | ms per 1,000 images |", "|---:|---:|"]
    lines += [f"| {images:,} | {took:.1f} |" for images, took in measured["data_size"]]
    lines += ["", "| epoch | MB in use |", "|---:|---:|"]
    lines += [f"| {epoch} | {memory:.0f} |" for epoch, memory in measured["memory"]]
    return "\n".join(lines)


def report(out, results, of_limits, measured_scaling=None):
    """Writes what is known so far, so that nothing is lost if a later contender fails."""
    out.mkdir(parents=True, exist_ok=True)
    summaries = {who: summary(found) for who, found in results.items() if found}
    about = machine()
    content = {"machine": about, "contenders": summaries, "raw": results, "scaling": measured_scaling}
    (out / "bench.json").write_text(json.dumps(content, indent=1))
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}; {versions}; {about['date']}.",
        "Medians, with the smallest and the largest value in brackets; an epoch includes its validation pass. The contenders took turns, and",
        "a ratio is that of neighbouring turns.",
        "",
        of_limits,
        "",
        table(summaries),
        "",
        reruns(results),
        "",
        targets(summaries),
    ]
    if measured_scaling:
        parts += ["", scaling_tables(measured_scaling)]
    (out / "bench.md").write_text("\n".join(parts) + "\n")


def limits(results, of_machine, samples):
    """How far an epoch is from what the machine can do: its matrix products alone, at the rate of the largest ones."""
    epochs = [seconds for result in results.get("kernel", []) for seconds in numbers(result, "epoch_seconds")]
    lines = [
        f"Of this machine, the fastest of several: {of_machine['square_gflops']:.0f} GFLOP/s for products of 2,048-square matrices, "
        f"{of_machine['dense_gflops']:.0f} for those of the course's large dense layer; {of_machine['copy_gb_per_s']:.1f} GB/s read and written by one core."
    ]
    if epochs:
        work = samples * ((1 - VALIDATION) * TRAINING + VALIDATION * PREDICTION) / 1e9
        least, took = work / of_machine["dense_gflops"], statistics.median(epochs)
        lines.append(f"An epoch's {work:.0f} GFLOP would take {least:.2f} s at the latter rate: {least / took:.0%} of the kernel's {took:.2f} s.")
    return "\n".join(lines)


def by_turns(contenders, settings):
    """What each contender measures; only one works at a time."""
    with Turns(contenders) as turns, ThreadPoolExecutor(len(contenders)) as pool:
        started = {
            name: pool.submit(measured, name, run, settings | {"BENCH_TURNS": turns.address(name)}) for name, run in contenders.items()
        }
        turns.run(goes_on=lambda: not any(work.done() and work.exception() for work in started.values()))
        failed = [work.exception() for work in started.values() if work.done() and work.exception()]
        if failed:
            turns.close()
            raise failed[0]
        return {name: work.result() for name, work in started.items()}


def measure(chosen):
    """All contenders by turns; the report grows with every repetition."""
    results = {name: [] for name in chosen.only}
    models = chosen.out / "models"
    # What an earlier run has left is of another version of the crate.
    shutil.rmtree(models, ignore_errors=True)
    models.mkdir(parents=True)
    settings = {
        "CNN_DATA_DIR": data_folder(),
        "CNN_DEVICE": "cpu",
        "BENCH_SAMPLES": 6000 if chosen.quick else 60_000,
        "BENCH_EPOCHS": 2 if chosen.quick else 4,
        "BENCH_BATCH_SIZE": 128,
        "BENCH_REPEAT": 1,
        "BENCH_RERUNS": RERUNS,
        "BENCH_MODELS": models.resolve(),
    }
    contenders = {name: contender(name) for name in chosen.only}
    of_machine = process([str(programs.built("example", "bench_machine"))], environment(settings))
    for repetition in range(chosen.repetitions):
        for name, result in by_turns(contenders, settings).items():
            results[name].append(result)
            epoch = statistics.median(numbers(result, "epoch_seconds"))
            print(
                f"{repetition + 1}/{chosen.repetitions}  {name:<8} epoch {epoch:6.2f} s  evaluate {min(result['evaluate_seconds']):5.2f} s  "
                f"{result['peak_memory']:5.0f} MB  accuracy {result['accuracy']:.4f}",
                flush=True,
            )
        report(chosen.out, results, limits(results, of_machine, settings["BENCH_SAMPLES"]))
    if chosen.scaling:
        measured_scaling = scaling(settings, chosen.quick)
        report(chosen.out, results, limits(results, of_machine, settings["BENCH_SAMPLES"]), measured_scaling)
        figure = chosen.out / "scaling.png"
        (chosen.out / "scaling.json").write_text(json.dumps(measured_scaling))
        subprocess.run([programs.built("example", "bench_figure"), chosen.out / "scaling.json", figure], env=environment({}), check=True)


def to_its_end(work, chosen, report_name):
    """Does a benchmark's work, and shows the report of this name; the exit code. A benchmark that cannot go on, or is stopped, says so."""
    # Told to end, it ends what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work(chosen)
    except (BenchError, programs.BuildError, setup.SetupError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    print("\n" + (chosen.out / report_name).read_text())
    print(f"report: {chosen.out}")
    return 0


def main():
    return to_its_end(measure, arguments(), "bench.md")


if __name__ == "__main__":
    sys.exit(main())
