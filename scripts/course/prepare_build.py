"""Makes the build folder that kernels start from: a kernel compiles the crate in it, once, as a notebook would."""

import os
import queue
import shutil
import subprocess
import sys
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

import kernel
import notebooks
import setup

FIRST_CELL = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;'
LIMIT = 1800  # seconds


def execute(client, code):
    """Runs one cell and returns the errors that it printed."""
    request = client.execute(code)
    errors = []
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            message = client.get_iopub_msg(timeout=5)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if message["msg_type"] == "error":
            errors.append("\n".join(content["traceback"]) or content["evalue"])
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return errors
    return [f"the cell was not done after {LIMIT} s"]


def main():
    notebooks.isolate()
    goal, part = setup.PREPARED, setup.PREPARED.with_name("prepared.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if goal.is_dir():
        kernel.clone(goal, part)  # only the crate itself has to be compiled again
    manager = KernelManager(kernel_name="rust")
    manager.start_kernel(env=os.environ | {"EVCXR_TMPDIR": str(part)}, cwd=setup.ROOT / "notebooks")
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        errors = execute(client, FIRST_CELL)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if errors:
        print("\n".join(errors))
        return 1
    # A kernel that starts at this moment finds the old folder or the new one.
    old = goal.with_name("prepared.old")
    shutil.rmtree(old, ignore_errors=True)
    if goal.is_dir():
        goal.rename(old)
    part.rename(goal)
    shutil.rmtree(old, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
