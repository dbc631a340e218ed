"""One execution of a notebook through papermill, in an artifacts folder of its own. For rerun.py, and for the trials of tune.py."""

import os
from pathlib import Path

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine

from execution import Course, settings


def engine(timeout, environment, kind=Course):
    """papermill's engine with the course's client, which it keeps, because that knows the failure."""

    class Client(kind, PapermillNotebookClient):
        def execute_cells(self):
            try:
                self.papermill_execute_cells()
            except (CellTimeoutError, DeadKernelError):
                cell = next(cell for cell in reversed(self.nb.cells) if cell.metadata.papermill["start_time"])
                self.nb_man.cell_exception(cell)
                raise

    class CourseEngine(NBClientEngine):
        client = None

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, input_path=None, **options):
            cls.client = Client(nb_man, **settings(timeout))
            cls.client.execute_in(Path(input_path).parent, environment)

    return CourseEngine


def execute(path, values, folder, timeout, kind=Course, **environment):
    """Returns the Failure or None, and leaves the executed copy in `folder`; the artifacts folder is that below it."""
    import papermill
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError

    import papermill_rust  # noqa: F401  registers how values become Rust

    course_engine = engine(timeout, os.environ | {"CNN_ARTIFACTS": str(folder / "artifacts")} | environment, kind)
    papermill_engines.register("course", course_engine)
    # papermill fills parameters into paths, too.
    source, copy = (str(file).replace("{", "{{").replace("}", "}}") for file in (path, folder / path.name))
    try:
        options = {"engine_name": "course", "kernel_name": "rust", "language": "rust", "progress_bar": False}
        papermill.execute_notebook(source, copy, values, **options)
    except PapermillExecutionError:
        pass
    return course_engine.client.failure
