"""Measures scripts/tune: what a trial costs beyond its training (bench_tune_overhead.py), how soon a search finds what random trials find
(bench_tune_study.py), and a thousand workers on one storage (bench_tune_simulation.py).

Every result is kept in out/bench as a line of JSON as soon as it is there, so that whatever stops a measurement costs little: the same
command goes on. --report measures nothing, and makes the report and the figures of what there is.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import bench
import bench_tune_overhead as overhead
import bench_tune_simulation as simulation
import bench_tune_study as study
import notebooks
import programs
import setup
from run import positive

PARTS = {"overhead": overhead, "study": study, "simulation": simulation}


def arguments(args=None):
    parser = argparse.ArgumentParser(
        prog="scripts/bench tune", description="Measures scripts/tune: what a trial costs, how soon it finds the best, a thousand workers on one storage."
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts only")
    parser.add_argument("--trials", type=positive, metavar="N", help="of a study (default: overhead 200, study 60)")
    parser.add_argument("--workers", type=positive, default=2, metavar="N", help="overhead: trials at a time (default 2)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], metavar="S", help="study: of the samplers (default 1 2 3)")
    parser.add_argument("--hyperband", nargs="*", type=int, default=[1], metavar="S", help="study: seeds for KerasTuner's Hyperband (default 1; none: without it)")
    parser.add_argument("--epochs", type=positive, default=6, metavar="N", help="study: of a training (default 6)")
    parser.add_argument("--images", type=positive, default=60_000, metavar="N", help="study: training images, the last tenth of them for validation (default 60000)")
    parser.add_argument("--simulated", type=positive, default=1000, metavar="N", help="simulation: at most so many workers (default 1000)")
    parser.add_argument("--ways", nargs="+", choices=simulation.WAYS, default=list(simulation.WAYS), help="simulation: these ways to the storage only")
    parser.add_argument("--compress", type=float, default=25, metavar="F", help="simulation: recorded trial times are divided by F (default 25)")
    parser.add_argument("--window", type=float, default=6, metavar="S", help="simulation: seconds that are counted for each number of workers (default 6)")
    parser.add_argument("--report", action="store_true", help="measure nothing; report what there is")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "bench", metavar="FOLDER", help="where the report goes (default out/bench)")
    chosen = parser.parse_args(args)
    if chosen.compress <= 0 or chosen.window <= 0:
        parser.error("--compress and --window must be more than 0")
    if chosen.images < 100:
        parser.error("--images must be at least 100")
    chosen.out = chosen.out.absolute()
    return chosen


class Rows:
    """Results as lines of JSON, each kept as soon as it is there."""

    def __init__(self, path):
        self.path = path
        self.all = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def add(self, row):
        self.all.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")

    def of(self, **wanted):
        return [row for row in self.all if all(row.get(name) == value for name, value in wanted.items())]

    def has(self, **wanted):
        return bool(self.of(**wanted))


def draw(charts, figure):
    """The charts side by side, by the crate's own plots."""
    charts = [chart for chart in charts if any(line["points"] for line in chart["lines"])]
    if not charts:
        return
    program = programs.built("example", "bench_charts")
    described = figure.with_suffix(".charts.json")
    described.write_text(json.dumps(charts))
    done = subprocess.run([program, described, figure], env=programs.environment(), capture_output=True, text=True, check=False)
    described.unlink()
    if done.returncode:
        raise bench.BenchError(f"{figure.name} could not be drawn:\n{done.stderr[-500:]}")


def measure(chosen):
    chosen.out.mkdir(parents=True, exist_ok=True)
    notebooks.isolate()
    setup.packages_for_tuning(setup.Steps(quiet=True))
    from tuning import packages

    packages.use()
    for name in chosen.only:
        rows = Rows(chosen.out / f"tune-{name}.jsonl")
        try:
            if not chosen.report:
                PARTS[name].measure(chosen, rows)
        finally:
            report(chosen)
    for name in PARTS:
        rows = Rows(chosen.out / f"tune-{name}.jsonl")
        if name in chosen.only and rows.all:
            draw(PARTS[name].charts(chosen, rows), chosen.out / f"tune-{name}.png")


def report(chosen):
    """What is known so far of all parts."""
    about = bench.machine()
    parts = [f"{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}; libtorch {setup.TORCH}; {about['date']}."]
    for name, part in PARTS.items():
        rows = Rows(chosen.out / f"tune-{name}.jsonl")
        text = part.report(chosen, rows) if rows.all else ""
        if text:
            parts += ["", f"## {name}", "", text]
    (chosen.out / "tune.md").write_text("\n".join(parts) + "\n")


def main():
    return bench.to_its_end(measure, arguments(), "tune.md")


if __name__ == "__main__":
    sys.exit(main())
