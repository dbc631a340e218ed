"""scripts/test: how it counts, and that a failing check is shown without stopping the others."""

import importlib.util
import subprocess

import pytest
from conftest import COURSE, alive, command, wait_until

import peers

# Loaded by its path: Python has a package of the name `test` of its own.
spec = importlib.util.spec_from_file_location("course_test", COURSE / "test.py")
course_test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course_test)


@pytest.mark.parametrize(
    ("words", "text", "counts"),
    [
        (course_test.CARGO, "test result: ok. 57 passed; 0 failed; 0 ignored\nx\ntest result: FAILED. 3 passed; 2 failed; 0 ignored\n", (60, 2)),
        (course_test.CARGO, "error: could not compile", (0, 0)),
        (course_test.PYTEST, "FAILED a\n2 failed, 10 passed, 1 skipped, 1 error in 3.20s\n", (10, 3)),
        (course_test.PYTEST, "10 passed in 3.20s", (10, 0)),
        (course_test.NOTEBOOKS, "00_a  ok\n10 notebooks ok, 1 failed in 3 min 2 s, report: out/report.json", (10, 1)),
        (course_test.NOTEBOOKS, "1 notebook ok in 3 s, report: out/report.json", (1, 0)),
        ("", "anything", (0, 0)),
    ],
)
def test_counts_what_the_tools_print(words, text, counts):
    assert course_test.counted(text, words) == counts


def test_a_failure_is_shown_and_stops_nothing(tmp_path, monkeypatch, capsys):
    wanted = [
        course_test.Check("bad", ["sh", "-c", "echo the reason; exit 1"]),
        course_test.Check("missing", [str(tmp_path / "nothing")]),
        course_test.Check("slow", ["sh", "-c", f"sleep 60 & echo $! > {tmp_path / 'pid'}; wait"]),
        course_test.Check("good", ["true"]),
    ]
    monkeypatch.setattr(course_test, "checks", lambda full: wanted)
    monkeypatch.setattr(course_test, "LIMIT", 1)
    monkeypatch.setattr(course_test.notebooks, "OUT", tmp_path)
    monkeypatch.setattr(course_test.sys, "argv", ["test"])
    assert course_test.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [["bad", "failed"], ["missing", "failed"], ["slow", "failed"], ["good", "ok"]]
    assert "the reason" in lines and "not done after 1 s" in lines
    assert lines[-1] == "1 passed, 3 failed"
    sleeping = {int((tmp_path / "pid").read_text())}
    assert wait_until(lambda: not alive(sleeping)), "what a check has started is ended with it"


def test_an_unknown_check_is_refused():
    result = command("test", "--only", "nothing")
    assert result.returncode == 2 and "rustfmt" in result.stderr


def test_formats_is_a_command_of_its_own():
    script = str(COURSE.parent / "test")
    shown = subprocess.run([script, "formats", "--help"], capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0 and "ONNX Runtime" in shown.stdout
    whole = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=30)
    assert whole.returncode == 0 and "scripts/test formats" in whole.stdout
    assert command("formats", "keras").returncode == 2


def test_a_peer_is_installed_again_only_where_its_versions_have_changed(tmp_path, monkeypatch):
    (tmp_path / "list").mkdir()
    wanted = tmp_path / "list" / "onnx.txt"
    wanted.write_text("onnx==1.0\n")
    ran = []
    monkeypatch.setattr(peers, "FOLDER", wanted.parent)
    monkeypatch.setattr(peers.setup, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(peers.setup, "run", lambda command, failure: (tmp_path / "peer-onnx").mkdir(exist_ok=True) or ran.append(command))
    assert peers.python("onnx") == tmp_path / "peer-onnx" / "bin" / "python"
    assert [command[2] for command in ran] == ["venv", "pip"]
    peers.python("onnx")
    assert len(ran) == 2
    wanted.write_text("onnx==2.0\n")
    peers.python("onnx")
    assert len(ran) == 4
    # Begun anew the first time, and after that only what is another version is installed.
    assert ["--clear" in command for command in ran] == [True, False, False, False]
