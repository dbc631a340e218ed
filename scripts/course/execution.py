"""Executes a notebook in a fresh Rust kernel and says at which cell it failed, and why.

evcxr prints the error that a `?` returned to stderr and calls the cell ok. So a cell that writes to stderr has failed,
unless it carries Jupyter's tag `raises-exception`. Used by run.py with nbclient and by rerun.py with papermill.
"""

import contextlib
import logging
import os
import re
import signal
import tempfile
from dataclasses import dataclass
from queue import Empty

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync

import notebooks

START = 180  # seconds that a kernel may take to be ready, on a busy machine
QUIET = 0.05  # seconds without a message after which a cell has said everything
# evcxr adds these lines to every panic; they show its own inner workings.
BACKTRACE = re.compile(r"\n?stack backtrace:.*?(?=\nnote: |\Z)(\nnote: [^\n]*)?", re.DOTALL)
# What every kernel prints as it starts.
CHATTER = "No configuration file found, use the default configuration\n"

silent = logging.getLogger("course.execution")
silent.addHandler(logging.NullHandler())
silent.propagate = False


@dataclass
class Failure:
    """Why a notebook was not executed to its end; cell 1 is its first code cell, 0 the start of the kernel."""

    cell: int
    source: str
    message: str

    def as_json(self):
        return {"cell": self.cell, "source": self.source, "message": notebooks.ANSI.sub("", self.message)}

    def text(self, stream):
        """For people: the cell's first lines and the error."""
        lines = self.source.splitlines()
        if len(lines) > 6:
            lines = [*lines[:6], "…"]
        parts = [f"  code cell {self.cell}:" if self.cell else "  before the first cell:"]
        parts += [f"    | {line}" for line in lines]
        parts += [f"    {line}" for line in notebooks.plain(self.message, stream).strip().splitlines()]
        return "\n".join(parts)


class Strict:
    """What the course adds to nbclient's client: the rule about stderr, and a description of the failure."""

    failure = None
    cell_number = 0
    kernel_group = None
    kernel_log = None

    async def async_start_new_kernel(self, **options):
        await super().async_start_new_kernel(**options)
        self.kernel_group = self.km.provisioner.pgid

    async def async_execute_cell(self, cell, cell_index, execution_count=None, store_history=True):
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        self.cell_number += 1
        try:
            try:
                await super().async_execute_cell(cell, cell_index, execution_count, store_history)
            finally:
                if self.kc is not None:
                    await self.collect_stragglers(cell, cell_index)
                tidy(cell, self.cell_number)
            if stderr_of(cell) and "raises-exception" not in cell.metadata.get("tags", []):
                raise CellExecutionError("", "Error", stderr_of(cell))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            self.failure = Failure(self.cell_number, cell.source, self.explain(error, cell))
            raise
        return cell

    execute_cell = run_sync(async_execute_cell)

    async def collect_stragglers(self, cell, cell_index):
        """evcxr passes output on from threads of its own, often after its word that the cell is done."""
        # What comes later still is counted as the next cell's output, so it is the last cell that needs patience.
        last = not any(later.cell_type == "code" for later in self.nb.cells[cell_index + 1 :])
        while True:
            try:
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=10 * QUIET if last else QUIET))
            except Empty:
                return
            if message["msg_type"] in ("stream", "execute_result", "display_data", "error"):
                self.process_message(message, cell, cell_index)

    def explain(self, error, cell):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        killed = next((output.evalue for output in errors if output.evalue.startswith("Subprocess terminated")), None)
        if isinstance(error, DeadKernelError):
            return f"The kernel died. {self.last_output(cell)}"
        if killed:
            memory = "\nSignal 9 usually means that the memory was full." if "SIGKILL" in killed else ""
            return f"The kernel died: {killed}.{memory} {self.last_output(cell)}"
        if isinstance(error, CellTimeoutError):
            return f"The cell was not done after {self.timeout} s. {self.last_output(cell)}"
        printed = BACKTRACE.sub("", stderr_of(cell))
        message = "\n".join([*("\n".join(output.traceback) or output.evalue for output in errors), printed]).strip()
        # Where a dependency cannot be compiled, evcxr shows all that cargo says to programs, thousands of lines.
        return "\n".join(line for line in message.splitlines() if '{"reason":"' not in line)

    def last_output(self, cell):
        """The end of what the cell printed, or else of what the kernel's own process did."""
        text = "".join(output.text for output in cell.outputs if output.output_type == "stream") or self.log_tail()
        lines = text.strip().splitlines()
        return "\n".join(["Last output:", *lines[-8:]]) if lines else "It had printed nothing."

    def log_tail(self):
        if self.kernel_log is None:
            return ""
        self.kernel_log.seek(0)
        return self.kernel_log.read().decode(errors="replace").replace(CHATTER, "")

    def execute_in(self, folder, environment):
        """Executes all cells in a fresh kernel with this working folder, and returns the Failure or None."""
        with tempfile.TemporaryFile() as self.kernel_log:
            try:
                options = {"cwd": str(folder), "env": environment, "stdout": self.kernel_log, "stderr": self.kernel_log}
                with self.setup_kernel(**options):
                    self.execute_cells()
            except (CellExecutionError, RuntimeError, TimeoutError, OSError) as error:
                self.failure = self.failure or Failure(0, "", f"The kernel did not start: {error}\n{self.log_tail()}".strip())
            finally:
                self.end_kernel()
        return self.failure

    def end_kernel(self):
        """Whatever is left of the kernel, also of one that died or was interrupted while it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.kernel_group:
                os.killpg(self.kernel_group, signal.SIGTERM if self.km is not None else signal.SIGKILL)

    def execute_cells(self):
        for index, cell in enumerate(self.nb.cells):
            self.execute_cell(cell, index)


class Client(Strict, NotebookClient):
    """nbclient's client with the course's rules."""


def settings(timeout):
    """How both clients, nbclient's and papermill's, are set up."""
    return {
        "kernel_name": "rust",
        "timeout": timeout,
        "startup_timeout": START,
        "iopub_timeout": 30,
        "record_timing": False,
        "log": silent,
    }


def stderr_of(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr")


def tidy(cell, number):
    """evcxr counts from 2 and sends each line on its own."""
    cell.execution_count = number
    cell.outputs = notebooks.merged(cell.outputs)
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = number


def interruptible():
    """Treats a request to end like Ctrl-C, so that kernels are shut down then, too."""

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    # A cell that Ctrl-C cut short leaves a pending task; nobody needs to hear of it.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def page_of(notebook):
    """The executed notebook as one HTML page, with its images inside and its links leading to the other pages."""
    import nbformat
    from nbconvert import HTMLExporter

    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(([\w./-]+)\.ipynb\)", r"](\1.html)", cell.source)
    exporter = HTMLExporter(template_name="lab", embed_images=True, log=silent)
    return exporter.from_notebook_node(copy)[0]
