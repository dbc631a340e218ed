"""Virtual environments at another place than they were made at: the checkout was moved, copied or unpacked.

The scripts in an environment's `bin`, its `activate` and its pyvenv.cfg name the folder that it was made in, and its Python
is a link to one elsewhere. They are written anew, without the network; the packages themselves name no folder.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# The first lines of a script as pip writes them; of the second form where a path has a space or is too long for the system.
HEADER = re.compile(rb"#!(?:/bin/sh\n'''exec' )?\"?(/[^\n\"]*)/bin/(python[0-9.]*)\"?(?: \"\$0\" \"\$@\"\n' ''')?\n")
LONGEST_HEADER = 127  # bytes, of the shortest limit among the systems
# It says where the environment was made, and so is written last: what was cut short is done again.
WITNESS = "pip"


def made_at(venv):
    """The folder in which the environment was made, or None where it does not say."""
    found = HEADER.match(start_of(venv / "bin" / WITNESS))
    return Path(os.fsdecode(found[1])) if found else None


def start_of(path):
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def is_whole(venv):
    """Whether the environment is where it was made, and its Python still there."""
    return made_at(venv) in (None, venv) and (venv / "bin" / "python").exists()


def mend(venv):
    """Whether the environment could be mended: not where no Python of its version is there."""
    python = python_behind(venv)
    if not python:
        return False
    for link in [*(venv / "bin").glob("python*")]:
        if link.is_symlink() and not link.exists():
            link.unlink()
    # On what is there, this writes pyvenv.cfg, `activate` and missing links, and nothing else.
    done = subprocess.run([python, "-m", "venv", "--without-pip", venv], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        return False
    scripts = [path for path in (venv / "bin").iterdir() if path.is_file() and not path.is_symlink()]
    for path in sorted(scripts, key=lambda path: path.name == WITNESS):
        mend_script(path, venv)
    return True


def python_behind(venv):
    """The Python that the environment was made with, else one of the same version: its packages are compiled for that."""
    folders = list(venv.glob("lib/python3.*"))
    if len(folders) != 1:
        return None
    own, version = venv / "bin" / "python", folders[0].name
    packed = venv.parent / "bundle" / "python" / "bin" / version  # see bundle.py
    candidates = [os.path.realpath(own) if own.exists() else None, packed, os.path.realpath(sys.executable), shutil.which(version)]
    says = "import sys; print('python%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, candidates):
        try:
            said = subprocess.run([candidate, "-c", says], capture_output=True, text=True, timeout=60, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
        if said.strip() == version:
            return candidate
    return None


def mend_script(path, venv):
    """Gives a script the path of this environment's Python, if it begins with one of another."""
    head = HEADER.match(start_of(path))
    if not head:
        return
    content = header(venv / "bin" / os.fsdecode(head[2])) + path.read_bytes()[head.end() :]
    # Beside it and then renamed: a copy may share its files with the original.
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
        shutil.copymode(path, part)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def header(python):
    """The first lines of a script for this Python, as pip writes them."""
    plain = b"#!" + os.fsencode(python) + b"\n"
    if b" " not in plain and len(plain) <= LONGEST_HEADER:
        return plain
    return b"#!/bin/sh\n'''exec' \"" + os.fsencode(python) + b'" "$0" "$@"\n\' \'\'\'\n'
