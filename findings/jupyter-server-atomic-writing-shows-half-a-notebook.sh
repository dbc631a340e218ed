#!/usr/bin/env bash
# Jupyter Server 2.21.1: with use_atomic_writing, its default, a notebook that is being saved is empty, then half there, for everybody
# else who reads it.
#
# What one would guess of "atomic": the new content is written beside the file and renamed, so that a reader finds the old notebook
# or the new one, and the file gets a new inode. It is the other way round: the OLD content is copied aside (".~NAME"), the file itself
# is emptied and written in place (same inode), and the copy comes back only if Python sees an error. So a program that
# reads a notebook while JupyterLab's autosave writes it (a test, a sync client, git, nbconvert) may get no JSON at all; and a server that is
# killed in that moment leaves half a notebook, with the whole one in a hidden file that nothing brings back.
#
# Seen with jupyter_server 2.21.1, Python 3.11, November 2026: the lines that this prints.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet jupyter_server==2.21.1 nbformat==5.11.0
cat > finding.py <<'PYTHON'
import os
import pathlib
import subprocess
import sys

import nbformat
from jupyter_server.services.contents import fileio

path = pathlib.Path("a.ipynb")
cells = [nbformat.v4.new_markdown_cell("x" * 1000) for _ in range(1000)]
text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
path.write_text(text)
inode = path.stat().st_ino


def reader():
    """What another process finds in the file."""
    return subprocess.run([sys.executable, "-c", "import sys; print(len(open('a.ipynb').read()))"], capture_output=True, text=True).stdout.strip()


class Save(fileio.FileManagerMixin):
    """The server's own way of writing, with its default settings."""


save = Save()
with save.atomic_writing(str(path)) as file:
    first = reader()
    file.write(text[:500_000])
    file.flush()
    second = reader()
    file.write(text[500_000:])
print(f"use_atomic_writing: {save.use_atomic_writing}; characters that a reader finds: {first} at the beginning, {second} in the middle, {reader()} at the end")
print(f"same inode: {path.stat().st_ino == inode}")

# A server that is killed while it writes.
pathlib.Path("finding_child.py").write_text(
    "from jupyter_server.services.contents import fileio\nimport os, signal\n"
    "with fileio.atomic_writing('a.ipynb') as file:\n    file.write('{\"cells\": [')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
)
subprocess.run([sys.executable, "finding_child.py"])
hidden = sorted(name for name in os.listdir() if name.startswith(".~"))
print(f"killed while writing: the notebook is {path.read_text()!r}, beside it {hidden}")
as_described = (first, second) == ("0", "500000") and path.read_text() == '{"cells": [' and hidden == [".~a.ipynb"]
sys.exit(0 if as_described and path.stat().st_ino == inode else 1)
PYTHON
if venv/bin/python finding.py; then
    echo "as described: a notebook that is being saved is empty for other readers"
else
    echo "changed: see the lines above"
    exit 1
fi
