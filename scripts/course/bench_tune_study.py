"""The part `study` of bench_tune.py: notebook 04 searched by scripts/tune as it is, by as many random trials that all go to their end, and
the same network and space by KerasTuner's Hyperband.

Both of scripts/tune's run by turns, seed by seed; with one seed, TPE's first ten trials are the random ones. The times are those that a user
waits: for whole trials, with their kernels and with all that the notebook does besides.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import bench
import peers

TRIALS = 60
TARGET = 0.4  # of the random trials' time, and at least as good
SPACE = ("--search", "learning_rate=log:1e-4:1e-1", "--search", "batch_size=32,64,128,256")
# scripts/tune as a user gets it, and without what it knows.
ARMS = {"tune": (), "random": ("--sampler", "Random", "--pruner", "none")}
TITLES = {"tune": "scripts/tune, as it is", "random": "random trials to their end", "hyperband": "KerasTuner's Hyperband"}


def settings(chosen):
    """What has to be the same where a measurement goes on."""
    return {"trials_wanted": chosen.trials or TRIALS, "epochs_wanted": chosen.epochs, "images": chosen.images}


def plan(chosen):
    """Which search follows which: by turns, so that a machine that gets slower gets slower for both."""
    searches = [(arm, seed) for seed in chosen.seeds for arm in ARMS]
    return searches + [("hyperband", seed) for seed in chosen.hyperband]


def measure(chosen, rows):
    for arm, seed in plan(chosen):
        of = settings(chosen) | {"arm": arm, "seed": seed}
        if rows.has(kind="end", **of):
            continue
        name = "-".join(map(str, (arm, f"seed{seed}", of["trials_wanted"], of["epochs_wanted"], of["images"])))
        folder = chosen.out / "tune-studies"
        if not rows.has(**of):
            shutil.rmtree(folder / name, ignore_errors=True)
        command, env = hyperband(of, folder / name) if arm == "hyperband" else search(of, folder, name)
        run(command, env, of, rows, told_of_hyperband if arm == "hyperband" else lambda line, path=folder / name: told(line, path))


def search(of, folder, name):
    words = ["04", *SPACE, "--maximize", "val_accuracy", *ARMS[of["arm"]], "--seed", str(of["seed"]), "--seeds", "0"]
    words += ["-p", "epochs", str(of["epochs_wanted"]), "-p", "train_samples", str(of["images"])]
    words += ["--trials", str(of["trials_wanted"]), "--study", name, "--out", str(folder)]
    return [sys.executable, str(Path(__file__).with_name("tune.py")), *words], os.environ


def hyperband(of, folder):
    folder.mkdir(parents=True, exist_ok=True)
    env = {
        "CNN_DATA_DIR": bench.data_folder(),
        "BENCH_FOLDER": str(folder),
        "BENCH_SEED": str(of["seed"]),
        "BENCH_TRIALS": str(of["trials_wanted"]),
        "BENCH_EPOCHS": str(of["epochs_wanted"]),
        "BENCH_SAMPLES": str(of["images"]),
    }
    return [str(peers.python("tuner")), str(peers.FOLDER / "tuner_peer.py")], os.environ | env


def run(command, env, of, rows, read):
    """A search to its end; each trial is a row, with the time since the beginning, without that between two calls."""
    before = max((row["elapsed"] for row in rows.of(**of)), default=0.0)
    begin = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if trial := read(line):
                rows.add(of | {"kind": "trial", "elapsed": before + time.monotonic() - begin} | trial)
                print(f"study      {of['arm']}, seed {of['seed']}: {shown(trial)}", flush=True)
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise bench.BenchError(f"{TITLES[of['arm']]}, seed {of['seed']}, failed:\n" + "".join(said[-20:]))
    rows.add(of | {"kind": "end", "elapsed": before + time.monotonic() - begin})


def shown(trial):
    value = "–" if trial["value"] is None else f"{trial['value']:.4f}"
    return f"trial {trial['number']}  {trial['state'].lower()}  {value}  {trial['epochs']} epochs  {trial['values']}"


def told(line, folder):
    """What scripts/tune has kept of the trial of which it has just told."""
    match = re.match(r"trial (\d+)  ", line)
    if not match:
        return None
    trial, lines = kept(folder, int(match[1]))
    # The notebook trains twice more; the first training is the one that is watched.
    watched = [line for line in lines if line["training"] == lines[0]["training"]]
    return {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value if trial.state.name == "COMPLETE" else None,
        "values": trial.params,
        "epochs": len(watched),
        "epoch_seconds": [line["seconds"] for line in watched],
        "took": trial.user_attrs.get("seconds"),
    }


def kept(folder, number):
    """A trial and its epochs, as scripts/tune has kept them in the folder of their study."""
    import optuna

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "journal.log")))
    trial = optuna.load_study(study_name=folder.name, storage=storage).trials[number]
    lines = (folder / "trials" / str(number) / "epochs.jsonl").read_text().splitlines()
    return trial, [json.loads(line) for line in lines]


def told_of_hyperband(line):
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "number" in found else None


# ---- what it says --------------------------------------------------------------------------------


def summary(rows):
    """Of one search: its time, its best value, and how often it went on to the end."""
    trials = [row for row in rows if row["kind"] == "trial"]
    values = [row["value"] for row in trials if row["value"] is not None]
    if not values:
        return None
    return {
        "seconds": max(row["elapsed"] for row in rows),
        "best": max(values),
        "trials": len(trials),
        "pruned": sum(row["state"] == "PRUNED" for row in trials),
        "epochs": sum(row["epochs"] for row in trials),
        "whole": any(row["kind"] == "end" for row in rows),
        "curve": curve(trials),
    }


def curve(trials):
    """The best value so far over the seconds, as steps."""
    points, best = [], None
    for row in sorted(trials, key=lambda row: row["elapsed"]):
        value = row["value"]
        if best is not None:
            points.append([row["elapsed"], best])
        if value is not None and (best is None or value > best):
            best = value
            points.append([row["elapsed"], best])
    return points


def reached(found, value):
    """When a search first had a value as good, in seconds, or None."""
    return next((seconds for seconds, best in found["curve"] if best >= value), None)


def compared(here, there):
    """One seed's two searches: the share of the time, when it was as good, and whether that is what was aimed at."""
    share, soon = here["seconds"] / there["seconds"], reached(here, there["best"])
    good = here["best"] >= there["best"]
    return {"share": share, "reached": None if soon is None else soon / there["seconds"], "good": good, "met": good and share <= TARGET}


def summaries(chosen, rows):
    found = {}
    for arm, seed in plan(chosen):
        if made := summary(rows.of(arm=arm, seed=seed, **settings(chosen))):
            found[arm, seed] = made
    return found


def report(chosen, rows):
    found = summaries(chosen, rows)
    if not found:
        return ""
    wanted = settings(chosen)
    lines = [
        f"Notebook 04, {wanted['epochs_wanted']} epochs, {wanted['images']:,} images, {wanted['trials_wanted']} trials, one at a time on all cores.",
        "",
        "| search | seed | minutes | best val_accuracy | trials | pruned | epochs |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for (arm, seed), made in found.items():
        rest = "" if made["whole"] else " so far"
        counts = f"{made['trials']} | {made['pruned']} | {made['epochs']}"
        lines.append(f"| {TITLES[arm]}{rest} | {seed} | {made['seconds'] / 60:.1f} | {made['best']:.4f} | {counts} |")
    head = ("scripts/tune : random trials", "time", "as good after", "as good in the end", f"target: as good, in ≤ {TARGET:g} of the time")
    lines += ["", "| " + " | ".join(head) + " |", "|---|---:|---:|---|---|"]
    both = [seed for seed in chosen.seeds if all(found.get((arm, seed), {}).get("whole") for arm in ARMS)]
    pairs = [compared(found["tune", seed], found["random", seed]) for seed in both]
    for seed, pair in zip(both, pairs, strict=True):
        soon = "never" if pair["reached"] is None else f"{pair['reached']:.2f}"
        lines.append(f"| seed {seed} | {pair['share']:.2f} | {soon} | {'yes' if pair['good'] else 'no'} | {'met' if pair['met'] else 'missed'} |")
    if len(pairs) > 1:
        median, good = statistics.median(pair["share"] for pair in pairs), sum(pair["good"] for pair in pairs)
        lines.append(f"| median | {median:.2f} | | {good} of {len(pairs)} | |")
    return "\n".join(lines)


def charts(chosen, rows):
    """For each seed the best so far over the minutes."""
    found = summaries(chosen, rows)
    made = []
    for seed in dict.fromkeys(seed for _, seed in found):
        lines = [
            {"name": TITLES[arm], "points": [[seconds / 60, best] for seconds, best in found[arm, seed]["curve"]]}
            for arm in TITLES
            if (arm, seed) in found
        ]
        made.append({"title": f"Seed {seed}", "x": "minutes", "y": "best val_accuracy so far", "from_zero": False, "lines": lines})
    return made
