"""The commands end alike: an error in a line, the same exit codes, a full disk by its name."""

import errno
import subprocess
import sys

import pytest

import endings
import notebooks
import pack
import reset
import setup
import unpack


def raising(error):
    def work(*_, **__):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (setup.SetupError("no Rust"), 1, "x: no Rust\n"),
        (notebooks.UsageError("no such notebook"), 2, "x: no such notebook\n"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 1, "x: [Errno 13] Permission denied: 'f'\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, f"x: [Errno {errno.ENOSPC}] No space left on device. {endings.FULL}\n"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1, f"x: [Errno {errno.EDQUOT}] Disk quota exceeded. {endings.FULL}\n"),
        (KeyboardInterrupt(), 130, "x: stopped\n"),
    ],
)
def test_an_error_is_a_line_and_a_code(capsys, error, code, said):
    assert endings.ended("x", raising(error), {setup.SetupError: 1, notebooks.UsageError: 2}) == code
    assert capsys.readouterr().err == said


def test_what_is_no_error_of_the_user_is_not_hidden():
    assert endings.ended("x", lambda: None, {}) == 0 and endings.ended("x", lambda: 3, {}) == 3
    with pytest.raises(ZeroDivisionError):
        endings.ended("x", lambda: 1 / 0, {})


@pytest.mark.parametrize(
    ("program", "work", "words"),
    [(pack, "gathered", ["a.tar"]), (unpack, "unpack", ["a.tar", "folder"]), (reset, "shipped", []), (setup, "check_place", [])],
)
@pytest.mark.parametrize(("error", "code"), [(OSError(errno.ENOSPC, "No space left on device"), 1), (KeyboardInterrupt(), 130)])
def test_a_command_names_a_full_disk_and_ends_quietly_after_control_c(monkeypatch, capsys, program, work, words, error, code):
    monkeypatch.setattr(program, work, raising(error))
    monkeypatch.setattr(sys, "argv", [program.__name__, *words])
    assert program.main() == code
    said = capsys.readouterr().err
    assert said.startswith(f"{program.__name__}: ") and ("The disk is full" in said if code == 1 else "stopped" in said)


def test_the_archive_holds_all_that_unpacking_imports(tmp_path):
    """What `tar -xf ARCHIVE scripts` gives has to run by itself."""
    for name in unpack.bundle.UNPACKING:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((notebooks.ROOT / "scripts" / name).read_bytes())
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([tmp_path / "unpack", "--help"], capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and "usage: scripts/unpack" in done.stdout, done.stderr
