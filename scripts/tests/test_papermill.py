"""papermill as its own users type it: the command in .venv, with a notebook of theirs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from conftest import LIMIT, make_notebook

import notebooks
import setup

PARAMETERS = 'let epochs: usize = 10; // passes over the data\nlet rate: f32 = 0.001;\nlet name: &str = "adam";'


@pytest.fixture(scope="module", autouse=True)
def plugin():
    """As scripts/setup enters it; in a folder of its own, so that a checkout's .venv stays as it is."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        site = Path(folder) / "lib" / "python3" / "site-packages"
        site.mkdir(parents=True)
        patch.setattr(setup, "VENV", Path(folder))
        setup.papermill_plugin()
        # A .pth file counts in a site folder alone.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), (site / "papermill_rust.pth").read_text().strip()]))
        yield


def papermill(folder, *words):
    """The command, in the folder of its notebook."""
    command = [str(notebooks.VENV / "bin" / "papermill"), *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)


def notebook(folder):
    made = make_notebook(folder / "a.ipynb", ['format!("{epochs} {rate} {name}")'], parameters=PARAMETERS)
    written = nbformat.read(made, 4)
    written.metadata.kernelspec = notebooks.KERNELSPEC
    nbformat.write(written, made)
    return made


def test_values_from_the_command_line(tmp_path):
    notebook(tmp_path)
    result = papermill(tmp_path, "a.ipynb", "out.ipynb", "-p", "epochs", "1", "-p", "rate", "1", "-r", "name", "sgd")
    assert result.returncode == 0, result.stderr
    _, declared, injected, last = nbformat.read(tmp_path / "out.ipynb", 4).cells
    assert declared.source == PARAMETERS and injected.metadata.tags == ["injected-parameters"]
    assert injected.source.splitlines()[1:] == ["let epochs: usize = 1;", "let rate: f32 = 1.0;", 'let name: &str = "sgd";']
    assert last.outputs[0].data["text/plain"] == '"1 1 sgd"'


def test_a_value_that_does_not_fit_is_refused_before_anything_runs(tmp_path):
    notebook(tmp_path)
    result = papermill(tmp_path, "a.ipynb", "out.ipynb", "-p", "epochs", "many")
    assert result.returncode == 1 and "Error: epochs is a whole number (usize), not 'many'" in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "out.ipynb").exists()


def test_help_shows_the_parameters(tmp_path):
    notebook(tmp_path)
    result = papermill(tmp_path, "--help-notebook", "a.ipynb")
    assert result.returncode == 0, result.stderr
    assert "epochs: usize (default 10)" in result.stdout and "passes over the data" in result.stdout
    assert 'name: &str (default "adam")' in result.stdout


def test_the_plugin_is_found_by_its_folder(tmp_path):
    """The .pth file, which the tests above do without."""
    check = f"import site; site.addsitedir({str(setup.VENV / 'lib/python3/site-packages')!r}); import papermill.engines as e; e.papermill_engines.get_engine('rust')"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", check], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
