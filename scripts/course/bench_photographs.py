"""Measures photographs here, in the notebooks' kernel, against torchvision with PyTorch and Keras: loading CIFAR-10, and training
ResNet-20 on it.

Every contender does the same work in a fresh process, by turns as in bench.py: it loads all 60,000 images, then trains on the first of
them, mirrored by chance and shifted by up to 4 pixels. The first epoch is not counted.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import bench
import notebooks
import peers
import programs

PROGRAM = notebooks.ROOT / "crates" / "cnn" / "examples" / "bench_photographs.rs"
BATCHES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
CONTENDERS = ("kernel", "keras", "pytorch")
EPOCHS = 4  # the first is not counted, and memory is compared after the second and after the last
BATCH_SIZE = 128
IMAGES = 50_000  # of the training set
# What the kernelspec sets: threads that wait for each other actively would take their time from a DataLoader's workers.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": 1000}
# What is measured: name, unit, key in a contender's result, and decimals.
QUANTITIES = (
    ("load CIFAR-10", "s", "load_seconds", 2),
    ("load, files checked", "s", "checked_load_seconds", 2),
    ("epoch", "s", "epoch_seconds", 2),
    ("training", "images/s", "training_rate", 0),
    ("peak memory", "MB", "peak_memory", 0),
    ("growth of memory", "MB", "memory_growth", 1),
)
FASTER = "the faster peer"
TARGETS = (
    bench.Target("load CIFAR-10, kernel : torchvision", "load_seconds", "kernel", "pytorch", 0.33),
    bench.Target("load, files checked, kernel : torchvision", "checked_load_seconds", "kernel", "pytorch", 0.33),
    bench.Target("epoch, kernel : the faster peer", "epoch_seconds", "kernel", FASTER, 0.8),
    bench.Target("epoch, kernel : release binary", "epoch_seconds", "kernel", "release", 1.05),
    bench.Target("growth of memory, kernel, in MB", "memory_growth", "kernel", None, 20),
)


def arguments(args=None):
    parser = argparse.ArgumentParser(
        prog="scripts/bench photographs",
        description="Measures loading CIFAR-10 and training ResNet-20 on it against torchvision with PyTorch, and Keras, in one run.",
    )
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help=f"train on the first N of {IMAGES:,} images (default 10000)")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="how often each contender runs (default 3)")
    parser.add_argument(
        "--only", nargs="+", choices=(*CONTENDERS, "release"), default=list(CONTENDERS),
        help="these contenders only; release is the same program as a release binary, compiled first",
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where CIFAR-10 is, in its binary version (default: as load_data() finds it)")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "bench", metavar="FOLDER", help="where the report goes (default out/bench)")
    chosen = parser.parse_args(args)
    if chosen.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if not BATCH_SIZE <= chosen.images <= IMAGES:
        parser.error(f"--images must be from {BATCH_SIZE} to {IMAGES}, and is {chosen.images}")
    return chosen


# ---- the data ------------------------------------------------------------------------------------


def data_folder(named=None):
    """Where CIFAR-10's six files are: in the folder `named`; else in the one of CNN_DATA_DIR, in or beside it; else in data/cifar10."""
    for folder in [named] if named else places():
        if all((folder / name).is_file() for name in BATCHES):
            return folder.resolve()
    where = f"{named} has not all of them" if named else "they are neither where CNN_DATA_DIR points nor in data/cifar10"
    raise bench.BenchError(
        f"The benchmark needs the six files of CIFAR-10's binary version, {BATCHES[0]} to {BATCHES[-1]}: {where}. "
        "Name their folder by --data FOLDER, or let a notebook's cell download them: cifar10::load_data()?"
    )


def places():
    """Where load_data() looks, but for archives."""
    if os.environ.get("CNN_DATA_DIR"):
        named = Path(os.environ["CNN_DATA_DIR"]).absolute()
        yield named
        for folder in (named, named.parent):
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
            # cifar10, CIFAR-10, cifar-10-batches-bin
            yield from (path for path in inside if re.match(r"cifar[-_ ]?10(?!0)", path.name, re.IGNORECASE))
    yield notebooks.ROOT / "data" / "cifar10"


def prepare(folder, pickled, names):
    """Reads all files once, so that no contender waits for the disk, and writes for the peers what they read."""
    for name in BATCHES:
        (folder / name).read_bytes()
    peer = next((name for name in names if name in ("keras", "pytorch")), None)
    if peer:
        print("writing CIFAR-10 as the peers read it ...", flush=True)
        command = [peers.python(peer), peers.FOLDER / "cifar_pickles.py", folder, pickled]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise bench.BenchError(f"CIFAR-10's Python version could not be written:\n{done.stderr[-2000:]}")


# ---- the contenders ------------------------------------------------------------------------------


def contender(name):
    """A function from settings to a result."""
    if name == "kernel":
        return lambda settings: bench.in_kernel(settings, PROGRAM, then=lambda _: {})
    if name == "release":
        program = programs.built("example", PROGRAM.stem)
        return lambda settings: bench.process([str(program)], bench.environment(settings))
    return bench.peer(name, f"photographs_{name}.py")


def completed(result, images):
    """A result with what follows from it: images/s of the epochs that count, and by how much the memory grew after the second one."""
    used = result["memory_by_epoch"]
    rates = [images / seconds for seconds in bench.numbers(result, "epoch_seconds")]
    return result | {"training_rate": rates, "memory_growth": used[-1] - used[1]}


def check_same_network(results):
    """A network with other weights would be another amount of work."""
    counts = {name: found[-1]["parameters"] for name, found in results.items() if found}
    if len(set(counts.values())) > 1:
        raise bench.BenchError(f"The contenders do not train the same network; parameters: {counts}")


# ---- the report ----------------------------------------------------------------------------------


def with_faster_peer(summaries):
    """The summaries, and under a name of its own that of the peer whose epochs are shorter."""
    found = [summaries[name] for name in ("keras", "pytorch") if name in summaries]
    return summaries | ({FASTER: min(found, key=lambda peer: peer["epoch_seconds"]["median"])} if found else {})


def report(out, results, images):
    """Writes what is known so far, so that nothing is lost if a later contender fails."""
    out.mkdir(parents=True, exist_ok=True)
    summaries = {name: bench.summary(found, QUANTITIES) for name, found in results.items() if found}
    about = bench.machine()
    about["versions"] |= bench.peer_versions(["torchvision"])
    content = {"machine": about, "images": images, "contenders": summaries, "raw": results}
    (out / "photographs.json").write_text(json.dumps(content, indent=1))
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}; {versions}; {about['date']}.",
        f"Medians, with the smallest and the largest value in brackets; ResNet-20, {images:,} images an epoch in batches of {BATCH_SIZE}.",
        "",
        bench.table(summaries, QUANTITIES),
        "",
        bench.targets(with_faster_peer(summaries), TARGETS),
    ]
    (out / "photographs.md").write_text("\n".join(parts) + "\n")


def measure(chosen):
    """All contenders by turns; the report grows with every repetition."""
    results = {name: [] for name in chosen.only}
    folder = data_folder(chosen.data)
    with tempfile.TemporaryDirectory(prefix="cifar-10-") as pickled:
        prepare(folder, pickled, chosen.only)
        settings = {
            "BENCH_CIFAR10": folder,
            "BENCH_PICKLES": pickled,
            "BENCH_IMAGES": chosen.images,
            "BENCH_EPOCHS": EPOCHS,
            "BENCH_BATCH_SIZE": BATCH_SIZE,
            "CNN_DEVICE": "cpu",
        } | WAITING
        contenders = {name: contender(name) for name in chosen.only}
        for repetition in range(chosen.repetitions):
            for name, measured in bench.by_turns(contenders, settings).items():
                result = completed(measured, chosen.images)
                results[name].append(result)
                print(
                    f"{repetition + 1}/{chosen.repetitions}  {name:<8} load {statistics.median(result['load_seconds']):5.2f} s  "
                    f"{statistics.median(result['training_rate']):6.0f} images/s  {result['peak_memory']:5.0f} MB  "
                    f"{result['memory_growth']:+.1f} MB after epoch 2  accuracy {result['accuracy']:.3f}",
                    flush=True,
                )
            check_same_network(results)
            report(chosen.out, results, chosen.images)


def main():
    return bench.to_its_end(measure, arguments(), "photographs.md")


if __name__ == "__main__":
    sys.exit(main())
