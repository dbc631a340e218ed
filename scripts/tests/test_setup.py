"""scripts/setup: what it says when something is missing, in a copy of the scripts so that nothing real is touched."""

import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple

import pytest
from conftest import COURSE

import notebooks
import setup

RUSTC = "rustc 1.95.0 (59807616e 2026-04-14)"


def tool(folder, name, says=None):
    """A program in `folder`: the real one of this name, or one that prints a line."""
    if says is None:
        (folder / name).symlink_to(shutil.which(name))
        return
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A PATH with all that set-up looks for, an empty home, and a copy of the scripts."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "cat", "dirname"):
        tool(programs, name)
    (programs / "python3").symlink_to(os.path.realpath(sys.executable))
    tool(programs, "rustc", RUSTC)
    tool(programs, "cargo", "cargo 1.95.0")
    tool(programs, "clang++" if setup.MACOS else "g++", "g++ 13")
    (tmp_path / "home").mkdir()
    shutil.copytree(COURSE.parent, tmp_path / "checkout" / "scripts", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    return tmp_path


def run_setup(machine, **environment):
    env = {"PATH": str(machine / "bin"), "HOME": str(machine / "home"), "CNN_CACHE": str(machine / "cache")} | environment
    script = [str(machine / "checkout" / "scripts" / "setup")]
    return subprocess.run(script, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def refused(machine, *expected, **environment):
    result = run_setup(machine, **environment)
    assert result.returncode == 1
    for words in expected:
        assert words in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert not (machine / "checkout" / ".venv").exists()


@pytest.mark.parametrize("missing", ["rustc", "cargo"])
def test_rust_is_missing(machine, missing):
    (machine / "bin" / missing).unlink()
    refused(machine, "Rust was not found", "rustup.rs")


def test_rust_is_too_old(machine):
    tool(machine / "bin", "rustc", "rustc 1.70.0 (90c541806 2023-05-31)")
    refused(machine, "Rust 1.70.0 was found, 1.90 or newer is needed", "rustup update")


def test_the_sources_of_the_standard_library_are_missing(machine):
    # This rustc names no sysroot, and there is no rustup.
    refused(machine, "sources of Rust's standard library were not found", setup.INSTALL_RUST_SRC)


def test_the_sources_are_fetched_by_rustup(machine):
    tool(machine / "bin", "rustup", "error: could not download file")
    (machine / "bin" / "rustup").write_text((machine / "bin" / "rustup").read_text() + "exit 1\n")
    refused(machine, "could not be installed", "The network did not answer")
    log = (machine / "cache" / "setup.log").read_text()
    assert "rustup component add rust-src" in log


def test_the_compiler_is_missing(machine):
    (machine / "bin" / ("clang++" if setup.MACOS else "g++")).unlink()
    refused(machine, "C++ compiler", setup.INSTALL_CPP)


def test_python_is_missing(machine):
    (machine / "bin" / "python3").unlink()
    refused(machine, "Python 3.10 or newer was not found", "python3-venv")


def test_a_python_that_is_too_old_counts_as_missing(machine):
    (machine / "bin" / "python3").unlink()
    (machine / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    (machine / "bin" / "python3").chmod(0o755)
    refused(machine, "Python 3.10 or newer was not found")


@pytest.mark.parametrize(
    ("said", "version"),
    [(RUSTC, "1.95.0"), ("rustc 1.97.0-nightly (abc 2026-06-01)", "1.97.0-nightly"), ("rustc 2.0.0-beta.3 (abc)", "2.0.0-beta.3")],
)
def test_versions_of_rust(machine, monkeypatch, said, version):
    tool(machine / "bin", "rustc", said)
    monkeypatch.setenv("PATH", str(machine / "bin"))
    monkeypatch.setenv("HOME", str(machine / "home"))
    folder, found = setup.find_cargo_bin()
    assert (folder, found) == (machine / "bin", version)


def test_versions_of_libtorch(tmp_path):
    assert setup.libtorch_version(tmp_path) is None
    (tmp_path / "version.py").write_text("from typing import Optional\n__version__ = '2.13.0+cu130'\ndebug = False\n")
    assert setup.libtorch_version(tmp_path) == "2.13.0"
    (tmp_path / "build-version").write_text("2.12.1+cpu\n")
    assert setup.libtorch_version(tmp_path) == "2.12.1"


def test_a_program_that_is_not_there_has_no_version():
    assert setup.version_of(["no-such-program-anywhere", "--version"]) is None
    assert setup.version_of([sys.executable, "-c", "raise SystemExit(1)"]) is None


def test_too_little_disk(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda _: usage(10 * setup.GIB, 9 * setup.GIB, setup.GIB))
    with pytest.raises(setup.SetupError) as error:
        setup.check_space(tmp_path, 3 * setup.GIB, "libtorch")
    assert "libtorch needs 3.0 GiB" in str(error.value) and "1.0 GiB are free" in str(error.value)
    assert "CNN_CACHE" in str(error.value)
    setup.check_space(tmp_path, setup.GIB // 2, "libtorch")


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "VENV", tmp_path / "venv")
    monkeypatch.setenv("CNN_CACHE", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    # Nothing listens on port 9.
    nowhere = {"INDEX_URL": "http://127.0.0.1:9/simple", "CONFIG_FILE": os.devnull, "NO_CACHE_DIR": "1"}
    for name, value in (nowhere | {"RETRIES": "0", "TIMEOUT": "2"}).items():
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(setup.SetupError) as error:
        setup.python_packages(setup.Steps(quiet=True))
    assert "The Python packages could not be installed" in str(error.value)
    assert "The network did not answer" in str(error.value) and "setup.log" in str(error.value)
    assert not (tmp_path / "venv" / ".installed").exists()


def test_a_full_disk_is_named():
    assert "disk is full" in setup.advice("error: No space left on device (os error 28)")
    assert "network" in setup.advice("Could not resolve host: registry.example.org")
    assert "Mend that" in setup.advice("error[E0308]: mismatched types")


def test_an_abort_leaves_nothing_half_made(tmp_path):
    with pytest.raises(KeyboardInterrupt), setup.made_whole(tmp_path / "goal") as part:
        (part / "file").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with setup.made_whole(tmp_path / "goal") as part:
        (part / "file").write_text("whole")
    assert (tmp_path / "goal" / "file").read_text() == "whole" and len(list(tmp_path.iterdir())) == 1


def test_the_second_run_is_quick_and_quiet():
    script = [str(notebooks.ROOT / "scripts" / "setup"), "--quiet", "--no-cells"]
    subprocess.run(script, check=True, timeout=1200, capture_output=True)
    # The best of three, for a machine that is busy with other things.
    best = None
    for _ in range(3):
        begin = time.monotonic()
        result = subprocess.run(script, timeout=300, capture_output=True, text=True)
        seconds = time.monotonic() - begin
        if best is None or seconds < best[0]:
            best = seconds, result
        if seconds < 5:
            break
    assert best[1].returncode == 0 and best[1].stdout == "" and best[1].stderr == ""
    assert best[0] < 5
