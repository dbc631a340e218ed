"""Virtual environments of a checkout that was moved: real ones, made in one folder and used in another."""

import os
import subprocess
import sys

import pytest

import moved
import setup

PYTHON = os.path.realpath(sys.executable)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An environment with pip, and with a script that pip has made."""
    venv = tmp_path_factory.mktemp("first") / "checkout" / ".venv"
    subprocess.run([PYTHON, "-m", "venv", venv], check=True, timeout=300, capture_output=True)
    (venv / ".installed").write_text("all")
    return venv


@pytest.fixture(params=["elsewhere", "a folder with spaces", "long-" + "x" * 120])
def copy(request, original, tmp_path):
    """The same at another place, and the original gone, as after a move."""
    venv = tmp_path / request.param / ".venv"
    venv.parent.mkdir()
    subprocess.run(["cp", "-a", original, venv], check=True, timeout=60)
    away = original.with_name(".venv-away")
    original.rename(away)
    yield venv
    away.rename(original)


def says(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_a_moved_environment_is_noticed_and_mended(copy, original):
    assert moved.made_at(copy) == original and not moved.is_whole(copy)
    with pytest.raises(OSError):
        says([copy / "bin" / "pip", "--version"])
    assert moved.mend(copy) and moved.is_whole(copy) and moved.made_at(copy) == copy
    assert str(copy) in says([copy / "bin" / "pip", "--version"])
    assert says([copy / "bin" / "python", "-c", "import sys; print(sys.prefix)"]) == str(copy)
    assert says(["sh", "-c", '. "$1/bin/activate" && command -v pip', "sh", copy]) == str(copy / "bin" / "pip")
    assert str(original) not in (copy / "pyvenv.cfg").read_text()
    assert not list((copy / "bin").glob(".*")), "nothing half-written is left"


def test_an_environment_goes_on_moving(copy, tmp_path):
    assert moved.mend(copy)
    again = tmp_path / "again" / ".venv"
    again.parent.mkdir()
    copy.rename(again)
    assert moved.made_at(again) == copy and moved.mend(again)
    assert str(again) in says([again / "bin" / "pip", "--version"])
    again.rename(copy)


def test_one_that_is_in_its_place_is_left_alone(original):
    before = {path: path.lstat().st_mtime_ns for path in (original / "bin").iterdir()}
    assert moved.is_whole(original)
    assert before == {path: path.lstat().st_mtime_ns for path in (original / "bin").iterdir()}


def test_what_was_cut_short_is_done_again(copy, monkeypatch):
    real, seen = moved.mend_script, []

    def stop(path, venv):
        seen.append(path.name)
        if path.name == moved.WITNESS:
            raise KeyboardInterrupt
        real(path, venv)

    monkeypatch.setattr(moved, "mend_script", stop)
    with pytest.raises(KeyboardInterrupt):
        moved.mend(copy)
    assert len(seen) > 1 and not moved.is_whole(copy)
    monkeypatch.undo()
    assert moved.mend(copy) and moved.is_whole(copy)


def test_a_python_that_is_gone_is_replaced_by_one_of_its_version(copy, tmp_path):
    for link in (copy / "bin").glob("python*"):
        link.unlink()
        link.symlink_to(tmp_path / "gone" / "python3")
    assert not moved.is_whole(copy) and moved.mend(copy)
    assert os.path.realpath(copy / "bin" / "python") == PYTHON
    assert str(copy) in says([copy / "bin" / "pip", "--version"])


def test_without_a_python_of_its_version_it_is_installed_anew(copy, monkeypatch, capsys):
    (library,) = (copy / "lib").iterdir()
    library.rename(library.with_name("python3.99"))
    for name in ("VENV", "TEST_VENV", "TUNE_VENV", "DASK_VENV"):
        monkeypatch.setattr(setup, name, copy if name == "TUNE_VENV" else copy.parent / "none")
    setup.environments_at_this_place(setup.Steps(quiet=True))
    assert "needs a Python of its version" in capsys.readouterr().out and not (copy / ".installed").exists()


def test_set_up_mends_all_environments_and_says_from_where(copy, original, monkeypatch, capsys):
    for name in ("VENV", "TEST_VENV", "TUNE_VENV", "DASK_VENV"):
        monkeypatch.setattr(setup, name, copy if name == "TEST_VENV" else copy.parent / "none")
    setup.environments_at_this_place(setup.Steps(quiet=True))
    assert str(original.parent) in capsys.readouterr().out and (copy / ".installed").exists()
    setup.environments_at_this_place(setup.Steps(quiet=True))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "head", [b"", b"#!/bin/sh\necho hello\n", b"\x7fELF\x00\x01", b"#!/usr/bin/env python3\n", b"#!/bin/sh\n'''exec' broken"]
)
def test_scripts_of_other_kinds_are_not_touched(tmp_path, head):
    script = tmp_path / "script"
    script.write_bytes(head)
    moved.mend_script(script, tmp_path / ".venv")
    assert script.read_bytes() == head


def test_a_folder_that_is_no_environment(tmp_path):
    assert moved.made_at(tmp_path) is None and not moved.is_whole(tmp_path) and not moved.mend(tmp_path)


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a\\b"])
def test_a_path_that_compilers_do_not_understand(name, tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", tmp_path / name)
    with pytest.raises(setup.SetupError) as error:
        setup.check_place()
    assert "Rename the folder" in str(error.value) and name in str(error.value)


def test_paths_with_spaces_are_none_of_these(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", tmp_path / "Größe, a b")
    setup.check_place()
