"""Runs a few cells in the course's kernel, as a notebook would, and prints what came of them as JSON; scripts/preflight calls this.

No data are downloaded: the crate looks for them where it always does, and where they are not there takes what it draws itself.
"""

import json
import os
import subprocess
import sys
import time

from jupyter_client.manager import KernelManager

import notebooks

FIRST = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;\nlet on = device()?;\nprintln!("{on:?}");'
TENSOR = 'println!("sum {}", Tensor::arange(100, (Kind::Float, on)).sum(Kind::Float).double_value(&[]));'
PLOT = 'plots::images(&Tensor::ones([1, 28, 28], (Kind::Uint8, Device::Cpu)), &["one".to_string()], 1)?'
DATA = {"MNIST": "mnist", "Fashion-MNIST": "fashion_mnist", "CIFAR-10": "cifar10"}
NOWHERE = "http://127.0.0.1:1/"  # nobody answers there


class CellError(Exception):
    """A cell ended with an error; the text is the cell's."""


def execute(client, source, limit):
    """What the cell printed, and the kinds of what it showed."""
    texts, kinds = [], set()

    def hook(message):
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            texts.append(content["text"])
        elif message["msg_type"] == "error":
            raise CellError(notebooks.ANSI.sub("", "\n".join(content["traceback"])).strip())
        kinds.update(content.get("data", {}))

    try:
        client.execute_interactive(source, output_hook=hook, timeout=limit, stop_on_error=False)
    except TimeoutError:
        raise CellError(f"this cell was not done within {limit:.0f} s: {source.splitlines()[-1]}") from None
    return "".join(texts), kinds


def look(client, limit):
    """The first cell, a tensor, a plot, and each data set."""
    begin, found = time.monotonic(), {}
    found["device"] = execute(client, FIRST, limit)[0].strip()
    said, _ = execute(client, TENSOR, limit)
    if "sum 4950" not in said:
        raise CellError(f"the sum of the numbers from 0 to 99 is 4950, and the kernel says: {said.strip()}")
    _, kinds = execute(client, PLOT, limit)
    if not kinds & {"image/png", "image/svg+xml"}:
        raise CellError(f"a cell with a plot showed no picture, but {sorted(kinds) or 'nothing'}")
    found["cells"] = time.monotonic() - begin
    found["data"] = {title: data_set(client, module, limit) for title, module in DATA.items()}
    return found


def data_set(client, module, limit):
    """The name of what the crate loads, or why it does not."""
    try:
        said, _ = execute(client, f'println!("name {{}}", {module}::load_data()?.name);', limit)
        return {"name": said.rsplit("name ", 1)[-1].strip()}
    except CellError as error:
        return {"error": str(error).splitlines()[-1] if str(error) else "an error without a text"}


def main():
    limit = float(sys.argv[1])
    notebooks.isolate()
    manager = KernelManager(kernel_name="rust")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begin = time.monotonic()
    found = {}
    try:
        manager.start_kernel(cwd=str(notebooks.FOLDER), env=os.environ | {"CNN_MIRRORS": NOWHERE}, **quiet)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=limit)
            found["ready"] = time.monotonic() - begin
            found |= look(client, limit)
        finally:
            client.stop_channels()
    except (CellError, RuntimeError, TimeoutError, OSError) as error:
        found["error"] = str(error) or type(error).__name__
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
