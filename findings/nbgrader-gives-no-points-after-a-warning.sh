#!/usr/bin/env bash
# nbgrader 0.9.6: a right answer whose test cell prints a warning gets 0 points; one whose test ends in False gets all of them.
#
# What one would guess: a test fails if it raises, which is how the documentation writes tests. But any line on stderr in a test cell
# counts as a failure, for the sake of kernels that report errors in no other way: warnings.warn, logging.warning, a progress
# bar and, in a notebook of another language, everything that its compiler or its eprintln! says. A test cell that ends in an
# expression is judged by the value only if that is a number (partial credit): False is none, and gets all points, with a line in
# the log. What helps: assertions, and the preprocessor IgnorePattern for lines that are known.
#
# Seen with ipykernel 7.4.0, Python 3.11, November 2026, points of 3 for a right answer:
#   assert: 3
#   print, assert: 3
#   warnings.warn, assert: 0
#   logging.warning, assert: 0
#   stderr, assert: 0
#   ends in False: 3
#   ends in 0.0: 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check nbgrader==0.9.6 ipykernel==7.4.0
cat > finding.py <<'PYTHON'
import pathlib
import subprocess
import sys

import nbformat
from nbgrader.api import Gradebook
from nbformat.v4 import new_code_cell, new_notebook

tests = {
    "assert": "assert double(1) == 2",
    "print, assert": "print('fine')\nassert double(1) == 2",
    "warnings.warn, assert": "import warnings\nwarnings.warn('slow')\nassert double(1) == 2",
    "logging.warning, assert": "import logging\nlogging.warning('slow')\nassert double(1) == 2",
    "stderr, assert": "import sys\nprint('50 %', file=sys.stderr)\nassert double(1) == 2",
    "ends in False": "double(1) == 3",
    "ends in 0.0": "0.0",
}


def cell(number, source, **kind):
    kind = {"schema_version": 3, "task": False, "grade": False, "solution": False, "locked": False, "grade_id": f"cell{number}", **kind}
    return new_code_cell(source, metadata={"nbgrader": kind})


cells = [cell("s", "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION", solution=True)]
cells += [cell(number, source, grade=True, locked=True, points=3) for number, source in enumerate(tests.values())]
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
for place in ["source/one", "submitted/student/one"]:  # the student hands in the solution itself
    pathlib.Path(place).mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), f"{place}/notebook.ipynb")
for command in ["generate_assignment", "autograde"]:
    subprocess.run([sys.executable, "-m", "nbgrader", command, "one"], check=True, stdout=sys.stderr)
with Gradebook("sqlite:///gradebook.db") as gradebook:
    grades = {grade.name: grade.auto_score for grade in gradebook.find_submission_notebook("notebook", "one", "student").grades}
for number, test in enumerate(tests):
    print(f"{test}: {grades[f'cell{number}']:g}")
PYTHON
PATH=$folder/python/bin:$PATH HOME=$folder timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
assert: 3
print, assert: 3
warnings.warn, assert: 0
logging.warning, assert: 0
stderr, assert: 0
ends in False: 3
ends in 0.0: 0
EXPECTED
then
    echo "as described: anything on stderr is a failed test, an expression that is False is not"
else
    echo "changed"
    exit 1
fi
