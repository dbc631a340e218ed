"""An artifacts folder for one run of a notebook: an experiment must not replace what the course's other notebooks read."""

import shutil

import notebooks


def prepare(folder, name):
    """An empty folder for a run, with what earlier notebooks left for this one; its own results are not among it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if notebooks.artifacts().is_dir():
        shutil.copytree(notebooks.artifacts(), folder / "artifacts")
    (folder / "artifacts" / "results" / f"{name}.json").unlink(missing_ok=True)
