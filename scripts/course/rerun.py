"""Executes one notebook with other parameters, through papermill, and compares the results of all its runs.

Each run has a folder of its own, out/rerun/NOTEBOOK/RUN, which also serves as its artifacts folder: an experiment
must not replace the model that the course's other notebooks read.
"""

import argparse
import hashlib
import itertools
import json
import re
import sys
import time
from pathlib import Path

import notebooks
import parameters
from artifacts_copy import prepare
from run import positive

EXAMPLES = """\
examples:
  scripts/rerun 04 --list
  scripts/rerun 04 -p learning_rate 0.01
  scripts/rerun 04 -p learning_rate 0.01 -p learning_rate 0.001 -p epochs 3   (two runs, compared in a table)
"""


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/rerun",
        description="Executes a notebook with other parameters. A name given several times makes a run for each value.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("notebook", metavar="NOTEBOOK", help="number, name or path")
    pair = {"nargs": 2, "action": "append", "default": [], "metavar": ("NAME", "VALUE"), "dest": "values"}
    parser.add_argument("-p", **pair, help="a parameter's value")
    parser.add_argument("--list", action="store_true", help="show the notebook's parameters and run nothing")
    parser.add_argument("--timeout", type=positive, default=1800, metavar="SECONDS", help="limit for one cell (default: 1800)")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "rerun", metavar="FOLDER", help="where the runs go")
    return parser.parse_intermixed_args()


def find(word):
    """The notebook's path: by number or name among the course's, or any other by its path."""
    path = Path(word)
    if path.suffix == ".ipynb" and path.is_file():
        return path.absolute()
    return notebooks.select(notebooks.find(notebooks.FOLDER), [word])[0]


def grid(declared, pairs):
    """The runs: every combination of the values that were given, as checked values by name."""
    values = {}
    for name, text in pairs:
        value = parameters.from_text(parameters.named(declared, name), text)
        if value not in values.setdefault(name, []):
            values[name].append(value)
    return [dict(zip(values, combination)) for combination in itertools.product(*values.values())]


def run_name(declared, values):
    """A folder's name that says what was changed."""
    wanted = ",".join(f"{name}={plain_value(declared[name], value)}" for name, value in values.items())
    fit = re.sub(r"[^\w=,.+-]", "_", wanted)[:150]
    # Two texts that differ only in what a folder's name cannot hold must not share a folder.
    return (fit if fit == wanted else f"{fit}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}") or "defaults"


def plain_value(parameter, value):
    return value if isinstance(value, str) else parameters.literal(parameter, value)


# ---- runs ----------------------------------------------------------------------------------------


def one_run(path, declared, values, parent, timeout):
    """Executes, and returns what is kept about the run as metrics.json, with its Failure or None."""
    from execution import page_of
    from papermill_engine import execute

    folder = parent / run_name(declared, values)
    prepare(folder, path.stem)
    begin = time.monotonic()
    failure = execute(path, values, folder, timeout)
    seconds = time.monotonic() - begin
    record = notebooks.record_of(path.stem, folder / "artifacts") or {}
    result = {
        "notebook": path.stem,
        "run": folder.name,
        "status": "failed" if failure else "ok",
        "given": list(values),
        "parameters": {name: values.get(name, parameter.default) for name, parameter in declared.items()},
        "dataset": record.get("dataset"),
        "device": record.get("device"),
        "metrics": record.get("metrics", {}),
        "seconds": round(seconds, 1),
        "error": failure.as_json() if failure else None,
    }
    executed = notebooks.read(folder / path.name)
    notebooks.write_whole(folder / f"{path.stem}.html", page_of(executed))
    notebooks.write_whole(folder / "metrics.json", notebooks.as_json(result))
    return result, failure


def earlier_runs(parent, now):
    """What earlier calls found for the same notebook, the oldest first."""
    found = []
    for path in sorted(parent.glob("*/metrics.json"), key=lambda path: path.stat().st_mtime):
        try:
            result = json.loads(path.read_text())
        except ValueError:
            continue
        if result.get("status") == "ok" and path.parent.name not in now:
            found.append(result | {"earlier": True})
    return found


# ---- the comparison ------------------------------------------------------------------------------


def compare(results, varied):
    """Columns and rows of the comparison: the parameters that differ, every metric, seconds."""
    known = unique(name for result in results for name in result["parameters"])
    differing = [name for name in known if name in varied or len({repr(r["parameters"].get(name)) for r in results}) > 1]
    # A notebook may record a parameter, too: one column is enough.
    metrics = [name for name in unique(name for result in results for name in result["metrics"]) if name not in differing]
    several = len({result["dataset"] for result in results if result["dataset"]}) > 1
    columns = [*differing, *metrics, "seconds", *(["dataset"] if several else []), "run"]
    rows = []
    for result in results:
        note = "failed" if result["status"] == "failed" else "earlier" if result.get("earlier") else "now"
        cells = [show_value(result["parameters"].get(name)) for name in differing]
        cells += [notebooks.number(result["metrics"].get(name)) for name in metrics]
        cells += [f"{result['seconds']:.1f}", *([result["dataset"] or "–"] if several else []), note]
        rows.append(cells)
    return columns, rows


def unique(names):
    return list(dict.fromkeys(names))


def show_value(value):
    if value is None:
        return "–"
    return str(value).lower() if isinstance(value, bool) else str(value).replace("|", "\\|")


def table(columns, rows):
    """A Markdown table whose columns stand below each other, numbers to the right."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]

    def line(cells):
        return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([line(columns), rule, *map(line, rows)])


def write_comparison(parent, name, results, text):
    notebooks.write_whole(parent / "comparison.json", notebooks.as_json({"notebook": name, "runs": results}))
    notebooks.write_whole(parent / "comparison.md", f"# Runs of {name}\n\n{text}\n")


def print_line(result, failure, width):
    metrics = ", ".join(f"{metric} {notebooks.number(value)}" for metric, value in result["metrics"].items())
    line = f"{result['run']:<{width}}  {result['status']:<6}  {result['seconds']:6.1f} s  {metrics}"
    print(("\r\x1b[K" if sys.stdout.isatty() else "") + line.rstrip(), flush=True)
    if failure:
        print(failure.text(sys.stdout), flush=True)


def all_runs(chosen):
    path = find(chosen.notebook)
    declared = parameters.of(notebooks.read(path))
    if chosen.list:
        print(parameters.listing(declared))
        return 0
    runs = grid(declared, chosen.values)
    parent = chosen.out.absolute() / path.stem
    results = []
    try:
        for values in runs:
            name = run_name(declared, values)
            if sys.stdout.isatty():
                print(f"{name} ...", end="", flush=True)
            result, failure = one_run(path, declared, values, parent, chosen.timeout)
            results.append(result)
            print_line(result, failure, max(len(run_name(declared, other)) for other in runs))
    except KeyboardInterrupt:
        print(f"\nstopped after {len(results)} of {len(runs)} runs", file=sys.stderr)
        return 130
    compared = [*earlier_runs(parent, [result["run"] for result in results]), *results]
    text = table(*compare(compared, {name for values in runs for name in values}))
    write_comparison(parent, path.stem, compared, text)
    print(f"\n{text}\n\ncopies, metrics and this table: {notebooks.shown(parent)}")
    return 1 if any(result["status"] == "failed" for result in results) else 0


def main():
    chosen = arguments()
    notebooks.isolate()
    if not chosen.list:
        from execution import interruptible

        interruptible()
    try:
        return all_runs(chosen)
    except (notebooks.UsageError, parameters.ParameterError) as error:
        print(f"rerun: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"rerun: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
