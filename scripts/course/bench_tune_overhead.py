"""The part `overhead` of bench_tune.py: what a trial costs beyond its training, and whether anything grows with the number of trials.

A study over a small notebook, with the crate, whose training takes no time. All that scripts/tune starts is watched while it runs: its
processes are known by a variable in their environment, so that one that outlived its parent is seen, too.
"""

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench
import notebooks
from bench_tune_study import SPACE, kept

TRIALS = 200
TARGET = 3.0  # seconds of a trial beyond its training
EVERY = 2.0  # seconds between two looks
MARK = "BENCH_TUNE_MARK"
PARAMETERS = """let epochs: usize = 6; // how often the training goes through all samples
let batch_size: i64 = 128; // samples per step
let learning_rate: f64 = 0.001; // step size of Adam
let seed: u64 = 42; // of the initial weights and of the order of the samples"""
CELLS = (
    """:dep cnn = {{ path = "{crate}" }}
use cnn::prelude::*;""",
    """let x_train = cnn::tch::Tensor::rand([256, 1, 28, 28], (Kind::Float, cnn::tch::Device::Cpu));
let y_train = cnn::tch::Tensor::randint(10, [256], (Kind::Int64, cnn::tch::Device::Cpu));""",
    """let mut model = Sequential::input([1, 28, 28]).add(Flatten).add(Dense::new(10).activation(Softmax)).seed(seed).build()?;
model.compile(Adam {{ learning_rate, ..Adam::default() }}, Loss::CategoricalCrossentropy)?;""",
    """let settings = Fit {{ epochs, batch_size, validation_split: 0.25, seed, ..Fit::default() }};
let history = model.fit(&x_train, &y_train, &settings)?;""",
    """println!("val_accuracy: {{:?}}", history.val_accuracy);""",
)
# What is watched: key, title, unit.
WATCHED = (
    ("memory", "memory of all processes", "MB"),
    ("command", "memory of the command", "MB"),
    ("workers_memory", "memory of its workers", "MB"),
    ("processes", "processes", ""),
    ("temporary", "temporary files", ""),
)
NOISE = 0.05  # a share of the median below which a change over all trials is none
FILES = 2  # that a trial may leave in the study's folder: its folder and its epochs


def write_notebook(folder):
    """As the course's are, with a parameters cell."""
    import nbformat

    v4 = nbformat.v4
    sources = [cell.format(crate=notebooks.ROOT / "crates" / "cnn") for cell in CELLS]
    made = [v4.new_code_cell(sources[0], id="first"), v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})]
    made += [v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources[1:])]
    path = folder / "04_overhead.ipynb"
    path.write_text(notebooks.as_text(v4.new_notebook(cells=made)))
    return path


# ---- what is watched -----------------------------------------------------------------------------


def marked(mark):
    """The processes that have the variable with this value, each with its command line."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[entry] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def count(folder):
    """Files and folders below; one that goes meanwhile, as a trial's does, is none."""
    return sum(len(folders) + len(files) for _, folders, files in os.walk(folder))


def look(mark, study, temporary):
    found = marked(mark)
    used = {entry: bench.memory(entry.name) / 1000 for entry in found}
    of = lambda name: sum(used[entry] for entry, command in found.items() if name in command)  # noqa: E731
    return {
        "memory": sum(used.values()),
        "command": of("course/tune.py"),
        "workers_memory": of("tuning/worker.py"),
        "processes": len(found),
        "files": count(study),
        "temporary": count(temporary),
    }


# ---- the run -------------------------------------------------------------------------------------


def measure(chosen, rows):
    trials = chosen.trials or TRIALS
    settings = {"trials_wanted": trials, "workers": chosen.workers}
    if rows.has(kind="end", **settings):
        return
    folder = chosen.out / "tune-overhead" / f"{trials}-trials-{chosen.workers}-workers"
    if not rows.has(**settings):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = write_notebook(folder)
    with tempfile.TemporaryDirectory(prefix="bench-tune.") as temporary:
        run(path, folder, Path(temporary), rows, settings)


def run(path, folder, temporary, rows, settings):
    """One call of scripts/tune, watched. Each trial and each look is a row."""
    begin, mark = time.time(), f"{os.getpid()}-{time.time_ns()}"
    settings = settings | {"begin": begin}
    words = [str(path), *SPACE, "--maximize", "val_accuracy", "--pruner", "none", "--seed", "1", "--seeds", "0", "--study", "overhead"]
    words += ["--trials", str(settings["trials_wanted"]), "--workers", str(settings["workers"]), "--out", str(folder)]
    kept = {"TMPDIR": str(temporary), "JUPYTER_RUNTIME_DIR": str(temporary / "jupyter"), MARK: mark}
    command = [sys.executable, str(Path(__file__).with_name("tune.py")), *words]
    study, done = folder / "overhead", len(rows.of(kind="trial", trials_wanted=settings["trials_wanted"], workers=settings["workers"]))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, env=os.environ | kept, **pipes)
    ended = threading.Event()

    def watch():
        while not ended.wait(EVERY):
            rows.add(settings | {"kind": "look", "trials": done, "seconds": time.time() - begin} | look(mark, study, temporary))

    watching = threading.Thread(target=watch)
    watching.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if match := re.match(r"trial (\d+)  ", line):
                done += 1
                row = settings | {"kind": "trial", "number": int(match[1]), "seconds": time.time() - begin}
                rows.add(row | costs(study, int(match[1])))
                print(f"overhead   {line.rstrip()}", flush=True)
        process.wait()
    finally:
        ended.set()
        watching.join()
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise bench.BenchError("scripts/tune failed:\n" + "".join(said[-20:]))
    # Kernels that are just ending are given a moment.
    limit = time.time() + 30
    while (left := look(mark, study, temporary))["processes"] and time.time() < limit:
        time.sleep(0.5)
    rows.add(settings | {"kind": "end", "trials": done, "seconds": time.time() - begin} | left)


def costs(study, number):
    """Of one trial: how long it took in all, and its epochs, both as scripts/tune has kept them."""
    trial, epochs = kept(study, number)
    trained = sum(epoch["seconds"] for epoch in epochs)
    return {"state": trial.state.name, "took": trial.user_attrs.get("seconds"), "trained": trained}


# ---- what it says --------------------------------------------------------------------------------


def growth(points):
    """Whether values grow with the number of trials: a line through the medians at each number, without the first tenth.

    It grows if the slope is more than twice its own standard error, and makes more than a twentieth of the median over all trials.
    """
    least = max(number for number, _ in points) / 10 if points else 0
    by_number = {}
    for number, value in points:
        if number >= least:
            by_number.setdefault(number, []).append(value)
    pairs = [(number, statistics.median(values)) for number, values in sorted(by_number.items())]
    if len(pairs) < 5:
        return None
    numbers, values = zip(*pairs, strict=True)
    slope, intercept = statistics.linear_regression(numbers, values)
    rest = [value - intercept - slope * number for number, value in pairs]
    mean = statistics.fmean(numbers)
    error = (sum(value**2 for value in rest) / (len(pairs) - 2) / sum((number - mean) ** 2 for number in numbers)) ** 0.5
    median = statistics.median(values)
    change = slope * (numbers[-1] - numbers[0])
    grows = slope > 2 * error and change > NOISE * median
    return {"median": median, "per_100": 100 * slope, "error": 200 * error, "grows": grows}


def of_settings(chosen, rows):
    """The rows of the asked number of trials and workers."""
    return rows.of(trials_wanted=chosen.trials or TRIALS, workers=chosen.workers)


def longest(rows):
    """Of a run that was stopped and went on, the piece with most looks: fresh processes have fresh memory."""
    begins = [row["begin"] for row in rows if row["kind"] == "look"]
    return max(set(begins), key=begins.count, default=None)


def report(chosen, rows):
    rows = of_settings(chosen, rows)
    trials = [row for row in rows if row["kind"] == "trial" and row["took"] is not None]
    if not trials:
        return ""
    beyond = [row["took"] - row["trained"] for row in trials]
    piece = [row for row in rows if row["begin"] == longest(rows)]
    ends = [row["seconds"] for row in piece if row["kind"] == "trial"]
    whole = (ends[-1] - ends[0]) / (len(ends) - 1) if len(ends) > 1 else ends[0] if ends else float("nan")
    median = statistics.median(beyond)
    verdict = "met" if median <= TARGET else f"missed by {median / TARGET - 1:.0%}"
    lines = [
        f"{len(trials)} trials of a notebook whose training takes no time, {chosen.workers} at a time.",
        "",
        "| | s | target | |",
        "|---|---:|---:|---|",
        f"| a trial beyond its training, median (smallest–largest) | {median:.2f} ({min(beyond):.2f}–{max(beyond):.2f}) | ≤ {TARGET:g} | {verdict} |",
        f"| its training | {statistics.median(row['trained'] for row in trials):.2f} | | |",
        f"| from one trial's end to the next one's | {whole:.2f} | | |",
        "",
        "| by the number of trials | median | per 100 trials | |",
        "|---|---:|---:|---|",
    ]
    looks = [row for row in piece if row["kind"] == "look"]
    for key, title, unit in WATCHED:
        found = growth([(row["trials"], row[key]) for row in looks])
        lines.append(growth_line(f"{title}{f' ({unit})' if unit else ''}", found))
    lines.append(growth_line("a trial beyond its training (s)", growth([(row["number"], row["took"] - row["trained"]) for row in trials])))
    if end := [row for row in rows if row["kind"] == "end"]:
        last, files = end[-1], end[-1]["files"] / len(trials)
        # The study has some of its own.
        judged = "as it should" if files <= FILES + 10 / len(trials) else f"more than {FILES}"
        lines += [
            "",
            f"At the end: {last['processes']} processes and {last['temporary']} temporary files and folders are left; "
            f"the study's folder has {last['files']} files and folders, {files:.1f} for each trial ({judged}).",
        ]
    return "\n".join(lines)


def growth_line(title, found):
    if found is None:
        return f"| {title} | – | – | too few trials |"
    judged = "grows" if found["grows"] else "no growth"
    return f"| {title} | {found['median']:.4g} | {found['per_100']:+.3g} ± {found['error']:.2g} | {judged} |"


def charts(chosen, rows):
    rows = of_settings(chosen, rows)
    trials = [row for row in rows if row["kind"] == "trial" and row["took"] is not None]
    looks = [row for row in rows if row["kind"] == "look" and row["begin"] == longest(rows)]
    cost = [[row["number"], row["took"] - row["trained"]] for row in sorted(trials, key=lambda row: row["number"])]
    line = lambda name, key: {"name": name, "points": [[row["trials"], row[key]] for row in looks]}  # noqa: E731
    return [
        {"title": "A trial beyond its training", "x": "trial", "y": "seconds", "lines": [{"name": "", "points": cost}]},
        {
            "title": "Memory",
            "x": "trials",
            "y": "MB",
            "lines": [line("all processes", "memory"), line("command", "command"), line("workers", "workers_memory")],
        },
        {"title": "Processes", "x": "trials", "y": "processes", "lines": [line("", "processes")]},
        {"title": "Files", "x": "trials", "y": "files and folders", "lines": [line("of the study", "files"), line("temporary", "temporary")]},
    ]
