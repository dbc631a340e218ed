"""Exercises: the notebooks' and the crate's are the same, they are shipped open, and their solutions pass, in the crate's tests and in a kernel."""

import os
import re

import nbformat
import pytest
from conftest import command, make_notebook

import exercises
import notebooks
from execution import Client, settings

PATHS = notebooks.find(notebooks.FOLDER)
CHECKS = exercises.SOLUTIONS.parent
SETUP = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;'
# A whole exercise, as it is declared in the crate.
DECLARED = re.compile(r'name: "(\w+)",\s+notebook: (\d+),')

each = pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])


def declared():
    """The numbers of the notebooks of the crate's exercises, by name."""
    texts = [path.read_text() for path in sorted(CHECKS.glob("n[0-9][0-9].rs"))]
    return {name: int(number) for text in texts for name, number in DECLARED.findall(text)}


def of_notebook(path):
    """The cells of its exercises, by name."""
    return {exercises.function(cell): cell for cell in notebooks.read(path).cells if exercises.is_exercise(cell)}


def in_notebooks():
    return {name: int(path.stem[:2]) for path in PATHS for name in of_notebook(path)}


# ---- what is there -------------------------------------------------------------------------------


def test_the_notebooks_have_the_crates_exercises_and_each_has_a_solution():
    assert in_notebooks() == declared()
    assert {path.stem for path in exercises.SOLUTIONS.glob("*.rs")} == declared().keys()


@each
def test_each_notebook_has_two_to_four_between_recap_and_experiments(path):
    cells = notebooks.read(path).cells
    places = [place for place, cell in enumerate(cells) if exercises.is_exercise(cell)]
    assert 2 <= len(places) <= 4
    headings = [next(place for place, cell in enumerate(cells) if f"## {title}\n" in cell.source) for title in ("Recap", "Exercises", "Try it")]
    assert headings[0] < headings[1] < places[0] and places[-1] < headings[2]
    for number, place in enumerate(places, 1):
        name = exercises.function(cells[place])
        assert cells[place - 1].source.startswith(f"**{number}.** ")
        assert cells[place + 1].source == f"check::{name}({name})"
    names = re.findall(r'check::(?:hint|solution)\("(\w+)"\)', cells[headings[1]].source)
    assert len(names) == 2 and set(names) <= of_notebook(path).keys()


@each
def test_an_exercise_is_its_solutions_first_line_and_a_todo(path):
    for name, cell in of_notebook(path).items():
        first, todo, last = cell.source.splitlines()
        assert first == exercises.solution(name).splitlines()[0]
        assert re.fullmatch(r'    todo!\("[^"{}]+"\)', todo) and last == "}"


@pytest.mark.parametrize("name", declared())
def test_a_solution_is_a_cell(name):
    lines = exercises.solution(name).splitlines()
    assert len(lines) <= 12 and all(len(line) <= 112 for line in lines)
    assert lines[0].startswith(f"fn {name}(") and not any("todo!" in line for line in lines)


@pytest.mark.parametrize("name", declared())
def test_wrong_answers_that_people_give_are_tested(name):
    text = (CHECKS / f"n{declared()[name]:02}.rs").read_text()
    assert len(re.findall(rf"\bsays\(\s*{name}\(", text)) >= 6  # five, and the one that was not attempted


@each
def test_no_other_cell_defines_an_exercises_name(path):
    """Otherwise a learner's function would take the place of one that other cells use, or a variable its own."""
    names = of_notebook(path)
    others = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code" and not exercises.is_exercise(cell))
    defined = set(re.findall(r"\b(?:fn|struct|type|const|static) (\w+)", others))
    for pattern in re.findall(r"\blet (?:mut )?([^=;]+?)(?:: [^=;]+)?=", others):
        defined |= set(re.findall(r"\w+", pattern))
    assert not names.keys() & defined


def test_names_are_not_the_preludes():
    library = (notebooks.ROOT / "crates" / "cnn" / "src" / "lib.rs").read_text()
    assert not declared().keys() & set(re.findall(r"\w+", library.split("pub mod prelude")[1]))


# ---- the versions --------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A notebook with an exercise, its check, and something else."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    opened = 'fn iterations(samples: i64, batch_size: i64) -> i64 {\n    todo!("how many?")\n}'
    path = make_notebook(folder / "00_small.ipynb", [SETUP, (opened, ["exercise"]), "check::iterations(iterations)", 'println!("1");'])
    notebook = nbformat.read(path, 4)
    for count, cell in enumerate(notebook.cells[1:], 1):
        cell.execution_count, cell.outputs = count, [nbformat.v4.new_output("stream", text=f"{count}\n")]
    path.write_text(notebooks.as_text(notebook))
    return path


def made(path, *words):
    result = command("exercises", "--notebooks", path.parent, "--out", path.parents[1] / "out", *words)
    versions = {version: path.parents[1] / "out" / version / path.name for version in exercises.VERSIONS}
    return result, {version: nbformat.read(copy, 4) for version, copy in versions.items() if copy.exists()}


def test_solved_and_clean(small):
    before = small.read_text()
    result, versions = made(small)
    assert result.returncode == 0 and "solved: 1 notebook in " in result.stdout and "clean: 1 notebook in " in result.stdout
    assert small.read_text() == before
    solved, clean = (versions[name].cells for name in ("solved", "clean"))
    assert [cell.source for cell in solved[2:]] == [exercises.solution("iterations"), "check::iterations(iterations)", 'println!("1");']
    assert [len(cell.outputs) for cell in solved[1:]] == [1, 0, 0, 1]
    assert [cell.source for cell in clean[2:]] == [cell.source for cell in nbformat.read(small, 4).cells[2:]]
    assert not any(cell.outputs or cell.execution_count for cell in clean[1:])
    for cells in (solved, clean):
        path = re.search(r'path = "(.*)"', cells[1].source)[1]
        assert (small.parents[1] / "out" / "solved" / path).resolve() == notebooks.ROOT / "crates" / "cnn"


def test_the_courses_own_are_made(tmp_path):
    result = command("exercises", "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    for version in exercises.VERSIONS:
        assert [path.name for path in notebooks.find(tmp_path / version)] == [path.name for path in PATHS]
    cells = [cell for path in (tmp_path / "solved").iterdir() for cell in nbformat.read(path, 4).cells]
    assert not any("todo!(" in cell.source for cell in cells if cell.cell_type == "code")


def test_what_a_learner_has_solved_is_opened_again(small):
    notebook = nbformat.read(small, 4)
    notebook.cells[2].source = "fn iterations(n: i64, batch: i64) -> i64 {\n    n / batch\n}"
    small.write_text(notebooks.as_text(notebook))
    _, versions = made(small, "00")
    opened = versions["clean"].cells[2].source
    assert opened.splitlines() == [exercises.solution("iterations").splitlines()[0], "    todo!()", "}"]


@pytest.mark.parametrize(
    ("change", "words", "expected"),
    [
        (None, ["77"], ["'77'", "00_small"]),
        (("iterations(samples", "repetitions(samples"), [], ["00_small", "'repetitions' has no solution", "repetitions.rs is missing"]),
        (("fn iterations", "let iterations = |x|"), [], ["00_small", "no function"]),
        (('"cells"', '"sells"'), [], ["00_small"]),
    ],
)
def test_refused_before_anything_is_written(small, change, words, expected):
    if change:
        small.write_text(small.read_text().replace(*change, 1))
    result, versions = made(small, *words)
    assert result.returncode == 2 and result.stdout == "" and all(word in result.stderr for word in expected), result.stderr
    assert not versions


# ---- in the kernel -------------------------------------------------------------------------------


def text_of(cell):
    shown = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "".join(shown).strip()


def test_all_solutions_pass_in_the_kernel(tmp_path):
    names = list(declared())
    cells = [f"{exercises.solution(name)}\ncheck::{name}({name})" for name in names]
    asked = ['check::hint("neuron")?', 'check::solution("neuron")?', "check::neuron(|_, _, _| 0.0)", "course::progress()?"]
    path = make_notebook(tmp_path / "00_solved.ipynb", [SETUP, *cells, *asked])
    client = Client(nbformat.read(path, 4), **settings(600))
    failure = client.execute_in(notebooks.FOLDER, os.environ | {"CNN_ARTIFACTS": str(tmp_path)})
    assert failure is None, failure.message
    assert not any(output.get("name") == "stderr" for cell in client.nb.cells[1:] for output in cell.outputs)
    texts = [text_of(cell) for cell in client.nb.cells[2:]]
    assert texts[: len(names)] == [f"✓ {name}: passed" for name in names]
    hint, solution, wrong, progress = texts[len(names) :]
    assert hint.startswith("neuron, hint 1 of 3") and exercises.solution("neuron") in solution
    assert wrong.startswith("✗ neuron: not yet: for x = [1.0, 2.0]")
    assert f"{len(names)} of {len(names)} exercises passed" in progress
