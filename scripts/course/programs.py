"""The crate's own programs: compiled by the kernel's Rust, and started with what the kernelspec sets."""

import json
import os
import subprocess

import notebooks
import setup


class BuildError(Exception):
    """A program could not be compiled; the message has the compiler's."""


def environment():
    """The user's, with the kernel's libtorch and settings."""
    spec = json.loads((setup.KERNELSPEC / "kernel.json").read_text())["env"]
    return os.environ | spec | {"OMP_NUM_THREADS": str(setup.physical_cores())}


def built(kind, name):
    """The path of a program of the crate, a `bin` or an `example`, compiled now if its sources have changed."""
    cargo_bin, _ = setup.find_cargo_bin()
    command = [cargo_bin / "cargo", "build", "--release", "--locked", "--quiet", "--package", "cnn", f"--{kind}", name]
    done = subprocess.run(command, cwd=notebooks.ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"The program {name} could not be compiled:\n{done.stderr}")
    return target() / "release" / {"bin": "", "example": "examples"}[kind] / name


def target():
    """Where cargo puts what it compiles."""
    return notebooks.ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
