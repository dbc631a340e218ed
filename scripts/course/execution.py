"""Executes a notebook in a fresh Rust kernel and says at which cell it failed, and why.

Used by run.py with nbclient and by rerun.py with papermill.
"""

import logging
import signal
import tempfile
from dataclasses import dataclass

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync

import notebooks
import on_page

START = 60  # seconds that a kernel may take to answer, on a busy machine

WIDGET = "application/vnd.jupyter.widget-view+json"
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


class Course:
    """What the course adds to nbclient's client: a description of the failure, and text in one piece."""

    failure = None
    cell_number = 0
    kernel_log = None

    async def async_execute_cell(self, cell, cell_index, execution_count=None, store_history=True):
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        self.cell_number += 1
        try:
            return await super().async_execute_cell(cell, cell_index, execution_count, store_history)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            self.failure = Failure(self.cell_number, cell.source, self.explain(error, cell))
            raise

    execute_cell = run_sync(async_execute_cell)

    def output(self, outputs, *arguments):
        made = super().output(outputs, *arguments)
        # At once, not when the cell has ended: displays that are still to be updated are known by their place.
        outputs[:] = notebooks.merged(outputs)
        # No kernel will be there for it: what stands for the widget remains.
        for output in outputs:
            output.get("data", {}).pop(WIDGET, None)
        return made

    def explain(self, error, cell):
        if isinstance(error, DeadKernelError):
            return f"The kernel died. {self.last_output(cell)}"
        if isinstance(error, CellTimeoutError):
            return f"The cell was not done after {self.timeout} s. {self.last_output(cell)}"
        errors = [output for output in cell.outputs if output.output_type == "error"]
        lines = "\n".join("\n".join(output.traceback) or output.evalue for output in errors).splitlines()
        if any(output.ename == "ProcessEnded" for output in errors):
            lines.append(self.last_output(cell))
        # Where a dependency cannot be compiled, evcxr shows all that cargo says to programs, thousands of lines.
        return "\n".join(line for line in lines if '{"reason":"' not in line)

    def last_output(self, cell):
        """The end of what the cell printed and displayed, or else of what the kernel's own process said."""
        texts = [output.get("text") or output.get("data", {}).get("text/plain", "") + "\n" for output in cell.outputs]
        lines = ("".join(texts).strip() or self.log_tail().strip()).splitlines()
        return "\n".join(["Last output:", *lines[-8:]]) if lines else "It had printed nothing."

    def log_tail(self):
        if self.kernel_log is None:
            return ""
        self.kernel_log.seek(0)
        return self.kernel_log.read().decode(errors="replace")

    def execute_in(self, folder, environment):
        """Executes all cells in a fresh kernel with this working folder, and returns the Failure or None."""
        with tempfile.TemporaryFile() as self.kernel_log:
            try:
                options = {"cwd": str(folder), "env": environment, "stdout": self.kernel_log, "stderr": self.kernel_log}
                with self.setup_kernel(**options):
                    self.execute_cells()
            except (CellExecutionError, RuntimeError, TimeoutError, OSError) as error:
                self.failure = self.failure or Failure(0, "", f"The kernel did not start: {error}\n{self.log_tail()}".strip())
        return self.failure

    def execute_cells(self):
        for index, cell in enumerate(self.nb.cells):
            self.execute_cell(cell, index)


class Client(Course, NotebookClient):
    """nbclient's client with what the course adds."""


def settings(timeout):
    """How both clients, nbclient's and papermill's, are set up."""
    return {
        "kernel_name": "rust",
        "timeout": timeout,
        "startup_timeout": START,
        "iopub_timeout": 30,
        "record_timing": False,
        "store_widget_state": False,
        "log": silent,
    }


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

    exporter = HTMLExporter(template_name="page", **on_page.WHERE, embed_images=True, log=silent)
    return exporter.from_notebook_node(on_page.prepared(nbformat.from_dict(notebook)))[0]
