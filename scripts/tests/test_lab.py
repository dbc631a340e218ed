"""scripts/lab: what it starts, in a copy without a Jupyter."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import COURSE
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager

import notebooks


@pytest.fixture
def lab(tmp_path):
    """Runs scripts/lab with words, where set-up does nothing and `jupyter` prints what it is told."""
    scripts, programs = tmp_path / "scripts", tmp_path / ".venv" / "bin"
    scripts.mkdir()
    programs.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    shutil.copy2(COURSE.parent / "lab", scripts / "lab")
    for path, script in [(scripts / "setup", "exit 0"), (programs / "jupyter", 'printf "%s\\n" "$@"')]:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return lambda *words: subprocess.run([scripts / "lab", *words], capture_output=True, text=True, timeout=60, env=os.environ)


def test_arguments_are_passed_on(lab):
    told = lab("--no-browser", "--port", "9000", "--notebook-dir=a b").stdout.splitlines()
    assert told[0] == "lab" and told[-4:] == ["--no-browser", "--port", "9000", "--notebook-dir=a b"]
    assert not any("cull" in word for word in told) and "rust" in lab().stdout


def test_the_first_page_is_the_courses_or_the_users(lab):
    assert "--LabApp.default_url=/lab/tree/WELCOME.md" in lab().stdout.splitlines()
    assert not any("WELCOME" in word for word in lab("--LabApp.default_url=/lab").stdout.splitlines())


def test_the_first_page_has_all_notebooks_in_their_order():
    page = (notebooks.FOLDER / "WELCOME.md").read_text()
    linked = re.findall(r"\[([^\]]+)\]\(([^)]+\.ipynb)\)", page)
    titles = [(notebooks.read(path).cells[0].source.splitlines()[0].removeprefix("# "), path.name) for path in notebooks.find(notebooks.FOLDER)]
    assert linked == titles


@pytest.mark.parametrize("words", [("--cull", "30"), ("--cull=30",)])
def test_idle_kernels_are_ended_on_demand(lab, words):
    told = lab(*words, "--no-browser").stdout.splitlines()
    options = dict(word.removeprefix("--MappingKernelManager.").split("=") for word in told if "cull" in word)
    assert options == {"cull_idle_timeout": "1800", "cull_connected": "True", "cull_interval": "60"}
    assert set(options) <= set(MappingKernelManager.class_trait_names())
    assert "--no-browser" in told


@pytest.mark.parametrize("words", [("--cull",), ("--cull", "soon"), ("--cull=0",), ("--cull", "--no-browser")])
def test_a_time_that_is_none(lab, words):
    result = lab(*words)
    assert result.returncode == 2 and "--cull wants a number of minutes" in result.stderr and not result.stdout
