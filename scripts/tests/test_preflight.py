"""scripts/preflight: on this machine, on such as lack something, and the results of many."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple

import pytest
from conftest import COURSE, LIMIT

import preflight
import setup

NAMES = ["system", "python", "rust", "compiler", "cores", "memory", "disk", "set-up", "kernel", "data", "ports"]


@pytest.fixture
def bare_machine(tmp_path):
    """A checkout without set-up, a home without anything, and a PATH with Python alone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "cat"):
        (programs / name).symlink_to(shutil.which(name))
    (programs / "python3").symlink_to(os.path.realpath(sys.executable))
    (tmp_path / "home" / "anna").mkdir(parents=True)
    shutil.copytree(COURSE.parent, tmp_path / "home" / "anna" / "course" / "scripts", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    return tmp_path


def run(machine, *words):
    home = machine / "home" / "anna"
    env = {"PATH": str(machine / "bin"), "HOME": str(home), "CNN_CACHE": str(home / "cache"), "LOGNAME": "anna"}
    return subprocess.run([home / "course" / "scripts" / "preflight", *words], env=env, capture_output=True, text=True, timeout=120)


def test_a_machine_with_nothing_on_it(bare_machine):
    done = run(bare_machine)
    assert done.returncode == 1 and done.stderr == "" and "Traceback" not in done.stdout
    assert "✗ rust" in done.stdout and "rustup.rs" in done.stdout
    assert "✗ compiler" in done.stdout and "✗ kernel" in done.stdout and "Set-up first" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Not ready: rust, compiler, set-up, kernel")
    assert "\x1b" not in done.stdout
    course = bare_machine / "home" / "anna" / "course"
    assert sorted(path.name for path in course.iterdir()) == ["scripts"] and not (bare_machine / "home" / "anna" / "cache").exists(), (
        "nothing is changed"
    )


def test_the_form_for_programs_and_no_name_in_it(bare_machine):
    done = run(bare_machine, "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 1 and list(result) == ["form", "host", "name", "time", "ready", "checks"]
    assert (result["form"], result["name"], result["ready"], result["host"]) == (preflight.FORM, None, False, socket.gethostname())
    assert [check["name"] for check in result["checks"]] == NAMES
    assert all(list(check) == ["name", "state", "found", "remedy"] for check in result["checks"])
    assert all(check["remedy"] for check in result["checks"] if check["state"] != "ok")
    assert "anna" not in done.stdout.replace(socket.gethostname(), "")
    assert json.loads(run(bare_machine, "--json", "--name", "Anna B.").stdout)["name"] == "Anna B."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/anna/course: no space", "~/course: no space"),
        ("in /media/anna/stick", "in /media/USER/stick"),
        ("Johanna and anna-lena", "Johanna and anna-lena"),
    ],
)
def test_paths_lose_the_users_name(text, expected, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setattr(preflight.getpass, "getuser", lambda: "anna")
    assert preflight.anonymous(text) == expected


def test_an_error_in_a_check_is_a_line_and_not_the_end():
    def broken():
        raise KeyError("what")

    found = preflight.check("disk", broken)
    assert found.state == preflight.FAIL and "KeyError" in found.found and found.remedy


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (None, "fail", "Set-up first"),
        ({"error": "The kernel died"}, "fail", "The kernel died"),
        (
            {"ready": 1.0, "cells": 9.0, "device": "Cpu", "data": {}},
            "ok",
            "ready after 1 s; a tensor and a plot after 9 s more, on the Cpu",
        ),
        ({"ready": 1.0, "cells": 90.0, "device": "Cpu", "data": {}}, "warn", "power supply"),
        ({"ready": 1.0}, "fail", "could not be checked"),
        ([], "fail", "could not be checked"),
    ],
)
def test_what_the_kernel_says(said, state, words):
    found = preflight.check("kernel", preflight.kernel, said)
    assert found.state == state and words in f"{found.found} {found.remedy}"


@pytest.mark.parametrize(
    ("names", "state", "words"),
    [
        ({"MNIST": {"name": "mnist"}, "CIFAR-10": {"name": "cifar10"}}, "ok", "MNIST, CIFAR-10"),
        ({"MNIST": {"name": "mnist"}, "CIFAR-10": {"name": "synthetic-objects"}}, "warn", "missing: CIFAR-10"),
        ({"MNIST": {"error": "cut off after 5 bytes"}}, "fail", "MNIST: cut off after 5 bytes"),
    ],
)
def test_what_is_said_of_the_data(names, state, words):
    found = preflight.check("data", preflight.data, {"data": names})
    assert found.state == state and words in found.found


def test_little_disk(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage(0, 0, 2 * setup.GIB))
    assert preflight.check("disk", preflight.disk, False).state == "fail"
    assert preflight.check("disk", preflight.disk, True).state == "ok"


def test_a_port_that_is_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(preflight, "PORTS", range(port, port + 1))
        assert preflight.check("ports", preflight.ports).state == "fail"
    assert preflight.check("ports", preflight.ports).state == "ok"


def test_this_machine_with_its_kernel():
    setup_script = [setup.ROOT / "scripts" / "setup", "--quiet", "--no-cells"]
    subprocess.run(setup_script, check=True, timeout=1200, capture_output=True)
    done = subprocess.run([setup.ROOT / "scripts" / "preflight", "--json"], capture_output=True, text=True, timeout=2 * LIMIT)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["set-up"]["state"] == "ok", checks
    assert checks["kernel"]["state"] in ("ok", "warn") and "a tensor and a plot" in checks["kernel"]["found"], checks
    assert checks["data"]["state"] in ("ok", "warn")


# ---- many machines -------------------------------------------------------------------------------


def result(host, *failed, time="2026-11-28T08:00:00Z", name=None, warned=()):
    state = {name: preflight.OK for name in NAMES} | dict.fromkeys(warned, preflight.WARN) | dict.fromkeys(failed, preflight.FAIL)
    checks = [{"name": name, "state": state[name], "found": f"{name} of {host}", "remedy": f"mend {name}"} for name in NAMES]
    return {"form": preflight.FORM, "host": host, "name": name, "time": time, "ready": not failed, "checks": checks}


def summary(folder):
    run = [COURSE.parent / "preflight", "--summary", folder]
    return subprocess.run(run, capture_output=True, text=True, timeout=60)


def write(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_thirty_laptops(tmp_path):
    write(tmp_path, **{f"pc{number:02}": result(f"pc{number:02}") for number in range(26)})
    write(
        tmp_path,
        a=result("slow-1", "disk"),
        b=result("slow-2", "disk", "kernel"),
        c=result("slow-3", "rust"),
        d=result("slow-4", warned=["data"]),
    )
    done = summary(tmp_path)
    rows = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == ""
    assert [row.split()[0] for row in rows[1:5]] == ["slow-1", "slow-2", "slow-3", "pc00"], "what needs help comes first"
    assert "disk of slow-2; kernel: kernel of slow-2" in rows[2]
    assert any(row.split()[:2] == ["slow-4", "yes"] and "look at data" in row for row in rows)
    assert "27 of 30 machines are ready." in rows
    assert "Most frequent: disk, 2 times. mend disk" in rows


def test_each_machine_has_one_short_line(tmp_path):
    without_rust = result("pc1", "rust", "set-up", "kernel")
    for one in without_rust["checks"]:
        one["found"] = {"set-up": preflight.NOT_KNOWN, "kernel": preflight.NOT_TRIED}.get(one["name"], one["found"])
    long = result("workstation-1.department.university.example", "kernel", name="李雷")
    next(one for one in long["checks"] if one["name"] == "kernel")["found"] = "x" * 300
    write(tmp_path, a=without_rust, b=long, c=result("pc3", name="Maria"))
    lines = summary(tmp_path).stdout.splitlines()
    assert "rust: rust of pc1" in lines[1] and "not known" not in lines[1] and "not tried" not in lines[1]
    assert lines[2].startswith("workstation-1.departmen…  李雷 ") and lines[2].endswith("x…")
    assert max(map(len, lines)) < 150 and [line for line in lines if line != line.rstrip()] == []
    columns = [preflight.width(line[: line.index(f" {ready} ")]) for line, ready in zip(lines[:4], ("ready", "no", "no", "yes")) if f" {ready} " in line]
    assert len(set(columns)) == 1


def test_all_are_ready_and_the_newest_result_counts(tmp_path):
    write(tmp_path, old=result("pc", "disk", time="2026-11-28T08:00:00Z"), new=result("pc", time="2026-11-28T09:00:00Z"))
    done = summary(tmp_path)
    assert done.returncode == 0 and "1 of 1 machine is ready." in done.stdout and "Most frequent" not in done.stdout
    write(tmp_path, other=result("pc", "disk", name="Anna"))
    assert "1 of 2 machines are ready." in summary(tmp_path).stdout


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "1e999",
        '{"form": "other"}',
        "[" * 100_000,
        json.dumps(result("x") | {"checks": []}),
        json.dumps(result("x") | {"host": 3}),
        json.dumps(result("x") | {"checks": [{"name": "disk"}]}),
        json.dumps(result("x") | {"checks": [{"name": "a", "state": "b", "found": "", "remedy": ""}]}),
    ],
)
def test_damaged_and_foreign_files_are_named_and_skipped(tmp_path, content):
    write(tmp_path, good=result("pc"), bad=content)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    done = summary(tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "skipped: bad.json" in done.stdout and "skipped: binary.json" in done.stdout and "1 of 1 machine is ready." in done.stdout


def test_what_a_file_says_cannot_do_anything_to_a_terminal(tmp_path):
    write(tmp_path, evil=result("pc\x1b[2J\nroot", "disk"))
    assert "\x1b" not in summary(tmp_path).stdout and "\nroot" not in summary(tmp_path).stdout


def test_a_folder_without_results(tmp_path):
    assert summary(tmp_path).returncode == 2 and "no .json files" in summary(tmp_path).stderr
    assert summary(tmp_path / "none").returncode == 2 and "there is no folder" in summary(tmp_path / "none").stderr
