"""The course in a container. It is built and run where Docker runs; elsewhere, what its files name is looked for."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

import pytest

import notebooks

DOCKERFILE = notebooks.ROOT / "scripts" / "container" / "Dockerfile"
BUILD, START = 3600, 120  # seconds


def lines():
    """The instructions, each with what follows it."""
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line and not line.startswith("#")]


def test_what_it_copies_is_there():
    copied = [word for name, rest in lines() if name == "COPY" for word in rest.split()[:-1] if not word.startswith("--")]
    assert "crates" in copied
    assert not [path for path in copied if not (notebooks.ROOT / path).exists()]


def test_it_has_no_root_when_it_runs():
    told = lines()
    assert [rest for name, rest in told if name == "USER"] == ["learner"]
    assert told.index(("USER", "learner")) < told.index(("WORKDIR", "/course"))


def test_its_rust_is_the_one_that_the_crates_ask_for():
    asked = re.findall(r'^rust-version = "(\d+)\.(\d+)', (notebooks.ROOT / "crates" / "cnn" / "Cargo.toml").read_text(), re.MULTILINE)
    (image,) = [rest for name, rest in lines() if name == "FROM"]
    given = re.match(r"rust:(\d+)\.(\d+)-slim-bookworm$", image)
    assert given and all(tuple(map(int, given.groups())) >= tuple(map(int, one)) for one in asked)


def test_what_git_does_not_keep_does_not_come_along():
    left_out = set((notebooks.ROOT / ".dockerignore").read_text().splitlines())
    ignored = [line.strip("/") for line in (notebooks.ROOT / ".gitignore").read_text().splitlines()]
    covered = lambda name: name in left_out or f"**/{name}" in left_out or (name.startswith(".venv") and ".venv-*" in left_out)  # noqa: E731
    assert ".git" in left_out and not [name for name in ignored if not covered(name)]


def test_the_development_container_is_the_same():
    folder = notebooks.ROOT / ".devcontainer"
    told = json.loads((folder / "devcontainer.json").read_text())
    assert (folder / told["build"]["dockerfile"]).resolve() == DOCKERFILE
    assert (folder / told["build"]["context"]).resolve() == notebooks.ROOT
    workdir = dict(lines())["WORKDIR"]
    assert told["workspaceFolder"] == workdir and told["remoteUser"] == dict(lines())["USER"]


def docker_runs():
    return shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True, timeout=60).returncode


@pytest.mark.skipif(not os.environ.get("CNN_LONG_TESTS"), reason="an image takes half an hour: CNN_LONG_TESTS=1 makes it, where Docker runs")
@pytest.mark.skipif(not docker_runs(), reason="no Docker engine runs here")
def test_it_is_built_and_shows_jupyterlab():
    subprocess.run(["docker", "build", "-t", "cnn-course-test", "-f", DOCKERFILE, "."], cwd=notebooks.ROOT, check=True, timeout=BUILD)
    run = ["docker", "run", "--rm", "--detach", "-e", "JUPYTER_TOKEN=test", "-p", "127.0.0.1::8888", "cnn-course-test"]
    container = subprocess.run(run, check=True, capture_output=True, text=True, timeout=START).stdout.strip()
    try:
        port = subprocess.run(["docker", "port", container, "8888"], check=True, capture_output=True, text=True, timeout=START).stdout.split(":")[-1].strip()
        end = time.monotonic() + START
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/kernelspecs?token=test", timeout=10) as reply:
                    assert "rust" in json.load(reply)["kernelspecs"]
                break
            except OSError:
                assert time.monotonic() < end, subprocess.run(["docker", "logs", container], capture_output=True, text=True, timeout=START).stderr
                time.sleep(1)
        check = ["docker", "exec", container, "scripts/preflight"]
        assert subprocess.run(check, timeout=START).returncode == 0
    finally:
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, timeout=START)
