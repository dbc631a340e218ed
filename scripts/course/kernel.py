"""Starts one Rust kernel: evcxr_jupyter in a build folder of its own, cloned from the prepared one.

Stock evcxr compiles libtorch's bindings in every new kernel, which takes minutes; a clone of a folder in which
that has been done takes a fraction of a second. The clone is removed when the kernel ends, and the kernel ends
when the program that started it does. Usage: kernel.py CONNECTION_FILE
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Written once and then only replaced by renaming, so kernels may share them; all else is copied.
SHARED = {".rlib", ".rmeta", ".so", ".a", ".dylib", ".o"}


def clone(prepared, folder):
    """Copies the prepared build folder, sharing its big unchanging files as hard links."""

    def copy(source, target):
        if Path(source).suffix in SHARED:
            try:
                return os.link(source, target)
            except OSError:  # another file system, or one without hard links
                pass
        # Cargo compares times, so they are kept.
        return shutil.copy2(source, target)

    for attempt in range(3):
        try:
            return shutil.copytree(prepared, folder, copy_function=copy, symlinks=True, dirs_exist_ok=True)
        except (shutil.Error, FileNotFoundError):
            # Set-up has just put a new prepared folder in the place of this one: begin again with that.
            if attempt == 2:
                raise
            time.sleep(1)
            empty(folder)


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True, exist_ok=True)


def remove_leftovers(parent):
    """Removes the folders of kernels that were killed before they could do it themselves."""
    for folder in parent.glob("run-*"):
        try:
            os.kill(int(folder.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, ValueError, IndexError):
            pass


def wait(kernel, parent):
    """Waits for the kernel, and ends it when the program that started us is gone."""
    while True:
        try:
            return kernel.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                end_group()


def end_group():
    """Ends evcxr, and also its child, which runs the cells: alone, that would go on with a training."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # we are one of the group, and have to tidy up
    os.killpg(0, signal.SIGTERM)


def main():
    parent = os.getppid()
    if os.getpgrp() != os.getpid():
        os.setpgrp()  # so that the group to end is ours alone
    prepared = Path(os.environ["CNN_KERNEL_BUILD"])
    # Set only while the prepared folder itself is being made.
    folder = os.environ.get("EVCXR_TMPDIR")
    own = None
    if not folder:
        remove_leftovers(prepared.parent)
        prepared.parent.mkdir(parents=True, exist_ok=True)
        own = tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=prepared.parent)
        if prepared.is_dir():
            clone(prepared, own)
    try:
        environment = os.environ | {"EVCXR_TMPDIR": folder or own}
        # evcxr overwrites a kernelspec "rust" that it finds there, and so ours, or one of the user's own.
        environment["JUPYTER_PATH"] = environment["EVCXR_TMPDIR"]
        environment.setdefault("OMP_NUM_THREADS", os.environ.get("CNN_THREADS", "1"))
        # In our process group, so that what kills this program as a group kills the kernel with it.
        kernel = subprocess.Popen([os.environ["CNN_EVCXR"], "--control_file", sys.argv[1]], env=environment)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: end_group())
        # Jupyter interrupts this kernel by a message; a Ctrl-C in the terminal of the server is not meant for it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return wait(kernel, parent)
    finally:
        end_group()
        if own:
            shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
