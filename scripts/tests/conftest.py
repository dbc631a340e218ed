"""What the tests of the scripts share: small notebooks, the scripts as commands, and waiting with an end."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).resolve().parents[1] / "course"
sys.path.insert(0, str(COURSE))

import notebooks  # noqa: E402

notebooks.isolate()


def make_notebook(path, cells, parameters=None, quick=None):
    """A notebook with these code cells; a cell may be (source, tags)."""
    v4 = nbformat.v4
    made = [v4.new_markdown_cell("# A title", id="title")]
    if parameters:
        made.append(v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]}))
    for number, cell in enumerate(cells):
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        made.append(v4.new_code_cell(source, id=f"cell-{number}", metadata={"tags": tags} if tags else {}))
    notebook = v4.new_notebook(cells=made)
    notebook.metadata["course"] = {"quick": quick or {}}
    path.write_text(notebooks.as_text(notebook))
    return path


def command(name, *words, environment=None, timeout=300):
    """Runs course/NAME.py as the scripts do, and returns what it printed and its exit code."""
    run = [sys.executable, str(COURSE / f"{name}.py"), *map(str, words)]
    env = {key: value for key, value in os.environ.items() if key != "CNN_ARTIFACTS"} | (environment or {})
    return subprocess.run(run, capture_output=True, text=True, timeout=timeout, env=env, stdin=subprocess.DEVNULL)


def wait_until(condition, limit=30):
    """True as soon as the condition holds, False if it does not within `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


@pytest.fixture(autouse=True)
def own_artifacts(monkeypatch):
    """No test reads or writes what the course's notebooks have left."""
    monkeypatch.delenv("CNN_ARTIFACTS", raising=False)
