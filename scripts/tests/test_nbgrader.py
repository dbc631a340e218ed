"""nbgrader with the Rust kernel, as environment.md says: an assignment is made, done by some learners, and graded."""

import csv
import json
import os
import re
import subprocess

import nbformat
import pytest
from conftest import LIMIT, kernel_command
from jupyter_client.kernelspec import KernelSpecManager

import notebooks
import peers

if not os.environ.get("CNN_LONG_TESTS"):
    pytest.skip("nbgrader is installed and starts a kernel for each learner: CNN_LONG_TESTS=1 runs it", allow_module_level=True)

TOLD = (notebooks.ROOT / "environment.md").read_text().split("## Graded assignments")[1].split("\n## ")[0]
STUB = 'todo!("your answer")'
# What learners put in the stub's place, and the points that they get.
LEARNERS = {
    "anna": ("x + x", 2),
    "ben": (STUB, 0),
    "carl": ("x * x / 2", 0),  # the hidden test finds it
    "dora": ('eprintln!("doubling {x}");\n    2 * x', 0),  # right, and says so on standard error
    "emil": ("2 * y", 0),  # does not compile
}


def code(language):
    return re.findall(rf"```{language}\n(.*?)```", TOLD, re.DOTALL)


def cell(source, name, **more):
    made = nbformat.v4.new_code_cell(source.strip(), id=name)
    known = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False, "locked": False, "task": False}
    made.metadata["nbgrader"] = known | more
    return made


@pytest.fixture(scope="module")
def course(tmp_path_factory, bare):
    """A folder for nbgrader, and a kernel that loads nothing before the first cell."""
    folder = tmp_path_factory.mktemp("course")
    spec = KernelSpecManager().get_kernel_spec("rust").to_dict() | {"argv": kernel_command(bare)}
    kernel = folder / "jupyter" / "kernels" / "rust"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(spec))
    (folder / "nbgrader_config.py").write_text(*code("python"))
    solution, tests = code("rust")
    cells = [cell(solution, "double", solution=True), cell(tests, "double-tests", grade=True, locked=True, points=2)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": notebooks.KERNELSPEC, "language_info": notebooks.LANGUAGE})
    (folder / "source" / "ps1").mkdir(parents=True)
    nbformat.write(notebook, folder / "source" / "ps1" / "doubling.ipynb")
    return folder


def nbgrader(course, *words):
    programs = peers.python("nbgrader").parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "JUPYTER_PATH": str(course / "jupyter")}
    command = [str(programs / "nbgrader"), *words]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=4 * LIMIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


def test_an_assignment_is_made_done_and_graded(course):
    nbgrader(course, "generate_assignment", "ps1", "--create")
    released = nbformat.read(course / "release" / "ps1" / "doubling.ipynb", 4)
    double, tests = (made.source for made in released.cells)
    assert STUB in double and "2 * x" not in double and "SOLUTION" not in double
    assert "double(4)" in tests and "double(-3)" not in tests
    for learner, (answer, _) in LEARNERS.items():
        released.cells[0].source = double.replace(STUB, answer)
        (course / "submitted" / learner / "ps1").mkdir(parents=True)
        nbformat.write(released, course / "submitted" / learner / "ps1" / "doubling.ipynb")
    nbgrader(course, "autograde", "ps1", "--create")
    nbgrader(course, "export")
    with open(course / "grades.csv", newline="") as file:
        graded = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert graded == {learner: points for learner, (_, points) in LEARNERS.items()}
