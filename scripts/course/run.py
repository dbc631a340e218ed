"""Executes the course's notebooks, each in a fresh kernel, and reports what came out.

One line a notebook; executed copies, an HTML page of each and report.json in out/. A notebook that fails does not
stop the others. Everything is written whole or not at all, so a run may be interrupted at any time.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import endings
import notebooks
import parameters

# What the report collects, by the beginning of the name of the notebook that measures it.
METRICS = {"test_accuracy": "05_", "test_loss": "05_", "best_test_accuracy": "09_", "cifar10_accuracy": "12_", "parameters": "04_"}
# The metric that a notebook's line shows: the first of these that it has recorded, else its first of all.
HEADLINES = ("test_accuracy", "best_test_accuracy", "val_accuracy", "accuracy", "baseline_accuracy", "cifar10_accuracy", "parameters")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/run", description="Executes the course's notebooks, each in a fresh kernel.")
    parser.add_argument("--quick", action="store_true", help="small parameters: seconds a notebook, results in a folder of their own")
    parser.add_argument("--only", nargs="+", action="extend", metavar="NOTEBOOK", help="these only, by number or name: --only 04 07")
    parser.add_argument("--save", action="store_true", help="write the outputs back into the notebooks that went well")
    parser.add_argument("--timeout", type=positive, default=1800, metavar="SECONDS", help="limit for one cell (default: 1800)")
    parser.add_argument("--notebooks", type=Path, default=notebooks.FOLDER, metavar="FOLDER", help="where the notebooks are")
    parser.add_argument("--out", type=Path, default=notebooks.OUT, metavar="FOLDER", help="where copies and report.json go")
    chosen = parser.parse_args()
    if chosen.quick and chosen.save:
        parser.error("--save keeps the results of a full run; leave out --quick")
    return chosen


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


class Run:
    """One call of scripts/run: what it executes and what it has found so far."""

    def __init__(self, chosen):
        available = notebooks.find(chosen.notebooks)
        self.chosen = chosen
        self.out = chosen.out.absolute()
        self.paths = notebooks.select(available, chosen.only) if chosen.only else available
        self.all_names = [path.stem for path in available]
        # Everything that can be wrong with a notebook's file is found before the first one runs.
        self.sources = {path.stem: self.prepared(path) for path in self.paths}
        self.artifacts = self.artifacts_folder()
        self.environment = os.environ | {"CNN_ARTIFACTS": str(self.artifacts)}
        self.entries = []
        self.records = {}

    def prepared(self, path):
        notebook = notebooks.read(path)
        try:
            values = notebooks.quick_values(notebook)
        except parameters.ParameterError as error:
            raise notebooks.UsageError(f"{notebooks.shown(path)}: {error}") from None
        if self.chosen.quick:
            parameters.inject(notebook, values)
        return notebook

    def artifacts_folder(self):
        """A quick run must not replace the model that the learner has trained."""
        if not self.chosen.quick or os.environ.get("CNN_ARTIFACTS"):
            return notebooks.artifacts()
        folder = self.out / "quick"
        if not self.chosen.only:
            shutil.rmtree(folder, ignore_errors=True)
        return folder

    def execute(self, path):
        """Executes one notebook, leaves its copy and page, and returns the Failure or None."""
        from execution import Client, page_of, settings

        name, notebook = path.stem, self.sources[path.stem]
        before = notebooks.record_stamp(name, self.artifacts)
        begin = time.monotonic()
        client = Client(notebook, **settings(self.chosen.timeout))
        failure = client.execute_in(path.parent.absolute(), self.environment)
        seconds = time.monotonic() - begin
        if notebooks.record_stamp(name, self.artifacts) != before:
            self.records[name] = notebooks.record_of(name, self.artifacts)
        self.entries.append(
            {
                "name": name,
                "status": "failed" if failure else "ok",
                "seconds": round(seconds, 1),
                "cells": client.cell_number,
                "error": failure.as_json() if failure else None,
            }
        )
        notebooks.write_whole(self.out / f"{name}.ipynb", notebooks.as_text(notebook))
        notebooks.write_whole(self.out / f"{name}.html", page_of(notebook))
        if self.chosen.save and not failure:
            saved = notebooks.with_outputs(notebooks.read(path), notebook)
            notebooks.write_whole(path, notebooks.as_text(saved))
        self.write_report()
        return failure

    # ---- what it found -------------------------------------------------------------------------------

    def record_for(self, beginning):
        """What the notebook with this beginning recorded now or, if it was not asked for, earlier."""
        name = next((name for name in self.all_names if name.startswith(beginning)), None)
        if name is None or name in self.sources:
            return self.records.get(name)
        return notebooks.record_of(name, self.artifacts)

    def report(self):
        metrics = {}
        for metric, beginning in METRICS.items():
            record = self.record_for(beginning)
            metrics[metric] = record["metrics"].get(metric) if record else None
        if metrics["parameters"] is not None:
            metrics["parameters"] = int(metrics["parameters"])
        known = [record for record in [*self.records.values(), *map(self.record_for, METRICS.values())] if record]
        first = known[0] if known else {}
        return {
            "dataset": first.get("dataset"),
            "device": first.get("device"),
            "quick": self.chosen.quick,
            "notebooks": self.entries,
            "metrics": metrics,
        }

    def write_report(self):
        notebooks.write_whole(self.out / "report.json", notebooks.as_json(self.report()))

    def headline(self, name):
        metrics = (self.records.get(name) or {}).get("metrics")
        if not metrics:
            return ""
        metric = next((metric for metric in HEADLINES if metric in metrics), next(iter(metrics)))
        return f"{metric} {notebooks.number(metrics[metric])}"

    # ---- what it prints ------------------------------------------------------------------------------

    def print_beginning(self, name):
        if sys.stdout.isatty():
            print(f"{name} ...", end="", flush=True)

    def print_line(self, failure):
        entry = self.entries[-1]
        width = max(map(len, self.sources))
        line = f"{entry['name']:<{width}}  {entry['status']:<6}  {entry['seconds']:6.1f} s  {self.headline(entry['name'])}"
        print(("\r\x1b[K" if sys.stdout.isatty() else "") + line.rstrip(), flush=True)
        if failure:
            print(failure.text(sys.stdout), flush=True)

    def print_total(self, seconds):
        failed = [entry["name"] for entry in self.entries if entry["status"] == "failed"]
        ok = len(self.entries) - len(failed)
        parts = [f"{ok} {'notebook' if ok == 1 else 'notebooks'} ok" + (f", {len(failed)} failed" if failed else "")]
        parts[0] += f" in {notebooks.duration(seconds)}"
        accuracy = self.report()["metrics"]["test_accuracy"]
        if accuracy is not None:
            parts.append(f"test accuracy {notebooks.number(accuracy)}")
        parts.append(f"report: {notebooks.shown(self.out / 'report.json')}")
        print(", ".join(parts), flush=True)
        return 1 if failed else 0

    def all(self):
        begin = time.monotonic()
        try:
            for path in self.paths:
                self.print_beginning(path.stem)
                self.print_line(self.execute(path))
        except KeyboardInterrupt:
            self.write_report()
            done = f"stopped after {len(self.entries)} of {len(self.paths)} notebooks"
            print(f"\n{done}, report: {notebooks.shown(self.out / 'report.json')}", file=sys.stderr)
            return 130
        return self.print_total(time.monotonic() - begin)


def main():
    chosen = arguments()
    # After the arguments, so that --help works before set-up has installed nbclient.
    from execution import interruptible

    notebooks.isolate()
    interruptible()
    return endings.ended("run", lambda: Run(chosen).all(), {notebooks.UsageError: 2})


if __name__ == "__main__":
    sys.exit(main())
