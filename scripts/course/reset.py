"""Brings notebooks back to the state as shipped: git's, or where there is no git, the copies that scripts/pack has put into bundle/.

What the learner has made of a notebook is kept in out/kept, under its name and the time, before the notebook is replaced.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from functools import partial

import endings
import notebooks

KEPT = notebooks.OUT / "kept"
PACKED = notebooks.ROOT / "bundle" / "shipped"
# What programs write into a notebook that somebody only looks at.
OF_PROGRAMS = ("kernelspec", "language_info", "widgets", "vscode")


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/reset",
        description="Brings notebooks back to the state as shipped. What was there is kept in out/kept.",
        epilog="Where the notebook is open in JupyterLab, choose File, Reload Notebook from Disk.",
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="by number or name: scripts/reset 04 07; all, if none is named")
    parser.add_argument("--list", action="store_true", help="say which notebooks differ, and change nothing")
    return parser.parse_args()


# ---- what was shipped ----------------------------------------------------------------------------


def git(*words):
    """What git prints, or None where there is no git, or this folder is none of its checkouts."""
    try:
        done = subprocess.run(["git", "-C", notebooks.ROOT, *words], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def shipped():
    """The notebooks' contents by name, from git or from the pack."""
    # Not those of a checkout around this folder.
    if git("rev-parse", "--show-prefix") in (b"", b"\n"):
        listed = git("ls-tree", "-z", "--name-only", "HEAD", "notebooks/") or b""
        paths = [path for path in listed.decode().split("\0") if path.endswith(".ipynb")]
        found = {path.rpartition("/")[2]: git("show", f"HEAD:{path}") for path in paths}
    else:
        found = {path.name: path.read_bytes() for path in sorted(PACKED.glob("*.ipynb"))}
    if not found or None in found.values():
        raise notebooks.UsageError(
            "the notebooks as shipped were not found: this folder is not a git checkout with a commit, nor was it made by scripts/unpack.\n"
            "Get the course again, into another folder, and copy the notebooks from there."
        )
    return found


# ---- what differs --------------------------------------------------------------------------------


def text_of(value):
    return "".join(value) if isinstance(value, list) else value


def difference(ours, theirs):
    """In words, how a notebook differs from the shipped one, apart from what opening it changes; empty if it does not."""
    try:
        mine, other = json.loads(ours), json.loads(theirs)
        parts = [parts_of(notebook) for notebook in (mine, other)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it is not a whole notebook"
    (cells, outputs, metadata), (shipped_cells, shipped_outputs, shipped_metadata) = parts
    found = []
    if len(cells) != len(shipped_cells):
        found.append(f"{len(cells)} cells instead of {len(shipped_cells)}")
    elif changed := sum(one != two for one, two in zip(cells, shipped_cells, strict=True)):
        found.append(f"{changed} {'cell' if changed == 1 else 'cells'}")
    if outputs != shipped_outputs:
        found.append("outputs")
    if metadata != shipped_metadata:
        found.append("the notebook's metadata")
    return ", ".join(found)


def parts_of(notebook):
    """A notebook's cells, its outputs, and its metadata, without what programs write by themselves."""
    cells, outputs = [], []
    for cell in notebook["cells"]:
        metadata = {name: value for name, value in cell.get("metadata", {}).items() if name not in (*notebooks.TRACES, "trusted")}
        cells.append((cell["cell_type"], text_of(cell["source"]), metadata))
        if cell.get("outputs"):
            outputs.append((len(cells), [plain(output) for output in cell["outputs"]]))
    metadata = {name: value for name, value in notebook.get("metadata", {}).items() if name not in OF_PROGRAMS}
    return cells, outputs, metadata


def plain(output):
    """An output with its texts in one piece, without the number of its execution."""
    kept = {name: text_of(value) for name, value in output.items() if name != "execution_count"}
    if isinstance(kept.get("data"), dict):
        kept["data"] = {kind: text_of(value) for kind, value in kept["data"].items()}
    return kept


# ---- what is done --------------------------------------------------------------------------------


def keep(path):
    """Copies a notebook to where it is kept, and returns that place, which was free."""
    KEPT.mkdir(parents=True, exist_ok=True)
    begin = f"{path.stem}.{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    for number in range(1, 1000):
        goal = KEPT / (begin + (f"_{number}" if number > 1 else "") + path.suffix)
        try:
            with open(path, "rb") as source, open(goal, "xb") as copy:
                try:
                    shutil.copyfileobj(source, copy)
                except BaseException:
                    goal.unlink()
                    raise
            return goal
        except FileExistsError:
            continue
    raise notebooks.UsageError(f"{notebooks.shown(KEPT)} has a thousand notebooks of this second")


def state(path, content):
    """In words, how a notebook in the folder differs from the shipped one; empty if it does not."""
    try:
        ours = path.read_bytes()
    except FileNotFoundError:
        return "it is missing"
    return difference(ours, content)


def reset(path, content):
    """Replaces a notebook by the shipped one, and says what was done."""
    what = state(path, content)
    kept = keep(path) if what and path.exists() else None
    if not path.exists() or path.read_bytes() != content:
        notebooks.write_whole(path, content.decode())
    if kept:
        return f"as shipped again; yours ({what}) is {notebooks.shown(kept)}"
    return "was missing, is there again" if what else "is as shipped"


def reset_all(wanted, only_list):
    contents = shipped()
    available = [notebooks.FOLDER / name for name in sorted(contents)]
    paths = notebooks.select(available, wanted) if wanted else available
    wide = max(len(path.stem) for path in paths)
    for path in paths:
        content = contents[path.name]
        said = state(path, content) or "is as shipped" if only_list else reset(path, content)
        print(f"{path.stem:<{wide}}  {said}", flush=True)


def main():
    chosen = arguments()
    work = partial(reset_all, chosen.notebooks, chosen.list)
    return endings.ended("reset", work, {notebooks.UsageError: 2}, "stopped; what was replaced is in out/kept")


if __name__ == "__main__":
    sys.exit(main())
