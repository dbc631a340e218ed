"""Compiles the cells of the course's notebooks into the cache that all users of the prepared folder share.

The kernel's own cargo puts a library that does nothing in the place of each compiled cell, so nothing is executed: no data, no
training, no files. scripts/setup calls this.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

from jupyter_client.manager import KernelManager

import notebooks
from exercises import is_exercise

LIMIT = 600  # seconds for one cell, on a busy machine
# What is not Rust would be done all the same.
COMMANDS = (":", "!")


def sources(path):
    """The code cells, without commands other than dependencies, up to the exercises: those a learner writes."""
    cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    found = [cell.source for cell in takewhile(lambda cell: not is_exercise(cell), cells)]
    is_done = lambda line: line.startswith(COMMANDS) and not line.startswith(":dep ")  # noqa: E731
    return [source for source in found if not any(map(is_done, source.splitlines()))]


def fill(path, folder):
    """The number of cells that were compiled, and of those that could not be."""
    environment = os.environ | {"LIVE_CELLS": str(folder), "LIVE_COMPILE_ONLY": "1"}
    manager = KernelManager(kernel_name="rust")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager.start_kernel(cwd=str(notebooks.FOLDER), env=environment, **quiet)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=LIMIT)
        hide = lambda _: None  # noqa: E731
        replies = [client.execute_interactive(source, output_hook=hide, timeout=LIMIT, stop_on_error=False) for source in sources(path)]
        failed = [reply for reply in replies if reply["content"]["status"] != "ok"]
        return len(replies), len(failed)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the compiled cells are kept")
    parser.add_argument("--only", nargs="+", metavar="NOTEBOOK", help="these only, by number or name")
    chosen = parser.parse_args()
    notebooks.isolate()
    available = notebooks.find(notebooks.FOLDER)
    paths = notebooks.select(available, chosen.only) if chosen.only else available
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counts = list(pool.map(lambda path: fill(path, chosen.folder), paths))
    for path, (cells, failed) in zip(paths, counts, strict=True):
        print(f"{path.stem}: {cells} cells, {failed} failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
