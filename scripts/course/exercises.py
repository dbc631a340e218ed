"""Makes two other versions of the notebooks: with their exercises solved, and clean, without outputs and with open exercises.

Each comes from notebooks/, where learners have them. A cell with the tag `exercise` holds a function that is to be written; a
solution of it is the crate's, in crates/cnn/src/course/check/solutions, which the crate's tests compile and check.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import endings
import notebooks

TAG = "exercise"
SOLUTIONS = notebooks.ROOT / "crates" / "cnn" / "src" / "course" / "check" / "solutions"
CHECK = re.compile(r"\bcheck::(\w+)\(")
# Paths in cells lead from the notebooks' folder to the checkout.
UPWARDS = re.compile(r'"\.\./(?=(?:crates|scripts)/)')


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/exercises",
        description="Makes the notebooks with solved exercises, in solved/, and without outputs and with open exercises, in clean/.",
        epilog="The solved notebooks keep the other cells' outputs; run their cells, with `scripts/lab`, to see the checks pass.",
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="these only, by number or name (default: all)")
    parser.add_argument("--notebooks", dest="folder", type=Path, default=notebooks.FOLDER, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=notebooks.OUT, metavar="FOLDER", help="where the two folders go (default: out)")
    return parser.parse_args()


def is_exercise(cell):
    return cell.cell_type == "code" and TAG in cell.metadata.get("tags", [])


def checks(cell):
    """The names of the exercises that a code cell checks."""
    return CHECK.findall(cell.source) if cell.cell_type == "code" else []


def function(cell):
    """The name of the function that an exercise's cell asks for."""
    named = re.search(r"^fn (\w+)\(", cell.source, re.MULTILINE)
    if not named:
        raise notebooks.UsageError(f"the cell {cell.id!r} has the tag {TAG!r}, and no function `fn NAME(…)`")
    return named[1]


def solution(name):
    path = SOLUTIONS / f"{name}.rs"
    try:
        return path.read_text().rstrip("\n")
    except FileNotFoundError:
        raise notebooks.UsageError(f"the exercise {name!r} has no solution: {notebooks.shown(path)} is missing") from None


def opened(source, name):
    """An exercise's cell as it is shipped; of one that somebody has solved, the first line is left."""
    return source if "todo!(" in source else solution(name).splitlines()[0] + "\n    todo!()\n}"


def solved(notebook):
    """The notebook with the solutions in its exercises' cells. What their checks have said before is no longer true."""
    for cell in notebook.cells:
        if is_exercise(cell):
            cell.source = solution(function(cell))
        if is_exercise(cell) or checks(cell):
            cell.outputs, cell.execution_count = [], None
    return notebook


def clean(notebook):
    for cell in notebook.cells:
        if is_exercise(cell):
            cell.source = opened(cell.source, function(cell))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


VERSIONS = {"solved": solved, "clean": clean}


def moved(notebook, folder):
    """The notebook with paths that lead from this folder to the checkout."""
    upwards = Path(os.path.relpath(notebooks.ROOT, folder)).as_posix()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = UPWARDS.sub(f'"{upwards}/', cell.source)
    return notebook


def make(chosen):
    available = notebooks.find(chosen.folder)
    paths = notebooks.select(available, chosen.notebooks) if chosen.notebooks else available
    # All are made before the first is written: what cannot be made leaves nothing half done.
    made = []
    for version, change in VERSIONS.items():
        folder = chosen.out.absolute() / version
        for path in paths:
            try:
                made.append((folder / path.name, notebooks.as_text(moved(change(notebooks.read(path)), folder))))
            except notebooks.UsageError as error:
                raise notebooks.UsageError(f"{notebooks.shown(path)}: {error}") from None
    for path, text in made:
        notebooks.write_whole(path, text)
    for version in VERSIONS:
        print(f"{version}: {len(paths)} notebook{'s' if len(paths) > 1 else ''} in {notebooks.shown(chosen.out.absolute() / version)}")


def main():
    chosen = arguments()
    return endings.ended("exercises", lambda: make(chosen), {notebooks.UsageError: 2})


if __name__ == "__main__":
    sys.exit(main())
