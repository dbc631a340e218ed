"""The crates' own programs: compiled by the kernel's Rust, and started with what the kernelspec sets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import notebooks
import setup


class BuildError(Exception):
    """A program could not be compiled; the message has the compiler's."""


def environment():
    """The user's, with the kernel's libtorch and settings."""
    spec = json.loads((setup.KERNELSPEC / "kernel.json").read_text())["env"]
    # A notebook's cell may ask for a program: how the kernel compiles cells is of no concern here, and would compile all anew.
    users = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PROFILE_")}
    path = [folder for folder in users.get("PATH", os.defpath).split(os.pathsep) if not Path(folder).is_relative_to(setup.KERNEL)]
    return users | spec | {"OMP_NUM_THREADS": str(setup.physical_cores()), "PATH": os.pathsep.join(path)}


def built(kind, name, package="cnn"):
    """The path of a crate's program, a `bin` or an `example`, compiled now if its sources have changed."""
    cargo_bin, _ = setup.find_cargo_bin()
    command = [cargo_bin / "cargo", "build", "--release", "--package", package, f"--{kind}", name]
    if tested():
        command = [cargo_bin / "cargo", "test", "--workspace", "--no-run"]
    command += ["--locked", "--quiet"]
    env = environment()
    env["PATH"] = f"{cargo_bin}{os.pathsep}{env['PATH']}"  # cargo looks for rustc there
    done = subprocess.run(command, cwd=notebooks.ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"The program {name} could not be compiled:\n{done.stderr}")
    return folder() / {"bin": "", "example": "examples"}[kind] / name


def tested():
    """Whether the program that the Rust tests have compiled will do: for tests, which would wait for minutes for a release build."""
    return os.environ.get("CNN_PROGRAMS") == "tested"


def folder():
    """Where cargo puts the programs that it compiles."""
    return notebooks.ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / ("debug" if tested() else "release")


def script(name, words, help_text, what, program, package, start):
    """The main function of a script that is a crate's program: shows the program's help without compiling it, or builds it and starts it."""
    if not words or {"-h", "--help"} & set(words):
        print(help_text, end="")
        return 0 if words else 2
    try:
        if not (folder() / program).exists():
            print(f"compiling {what} ...", file=sys.stderr, flush=True)
        return start(built("bin", program, package))
    except (BuildError, setup.SetupError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
