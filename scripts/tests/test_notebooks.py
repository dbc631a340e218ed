"""The course's notebooks: checks of the committed files, and of executed copies where CNN_EXECUTED names their folder."""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest

import exercises
import notebooks
import parameters

PATHS = sorted(notebooks.FOLDER.glob("[0-9][0-9]_*.ipynb"))
NAMES = [path.stem for path in PATHS]
EXECUTED = Path(os.environ["CNN_EXECUTED"]) if os.environ.get("CNN_EXECUTED") else None

FIRST_CELL = (
    ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;\nlet on = device()?;\n'
    'println!("The arithmetic runs on {on:?}.");'
)
CODE_LINES = 12
SIZE = 1_500_000
MACHINE = re.compile(r"(?<![\w.])/(root|work|home|Users|tmp)/")
# Words that prose spells the British way; code and Keras's own names keep theirs.
AMERICAN = re.compile(
    r"\b(normaliz|visualiz|recogniz|summariz|generaliz|minimiz|maximiz|memoriz|standardiz|analyz)\w*"
    r"|\b(behavior|color|gray\b|center(ed|s)?\b|neighbor)\w*|\b(learned|forever)\b",
    re.IGNORECASE,
)

each = pytest.mark.parametrize("path", PATHS, ids=NAMES)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose_of(cell):
    """A markdown cell without its code, formulas and the targets of its links."""
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$", " ", cell.source, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)|<[^>]*>", "] ", text)


def texts_of(cell):
    """All that a code cell shows as text."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield "\n".join(output.traceback)
        else:
            yield from (text for kind, text in output.data.items() if kind.startswith("text/"))


def test_all_sixteen_are_there():
    assert [int(name[:2]) for name in NAMES] == list(range(16))


@each
def test_is_a_valid_notebook_for_the_rust_kernel(path):
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec == notebooks.KERNELSPEC
    assert notebook.metadata.language_info == notebooks.LANGUAGE
    assert path.stat().st_size < SIZE


@each
def test_begins_as_all_do(path):
    notebook = nbformat.read(path, 4)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    assert code_cells(notebook)[0].source.strip() == FIRST_CELL


@each
def test_parameters_and_quick_values(path):
    notebook = nbformat.read(path, 4)
    assert parameters.tagged(notebook, "parameters") is not None
    declared = parameters.of(notebook)
    assert all(parameter.comment for parameter in declared.values())
    assert notebooks.quick_values(notebook).keys() <= declared.keys()
    code = "\n".join(cell.source for cell in code_cells(notebook) if "parameters" not in cell.metadata.get("tags", []))
    unused = [name for name in declared if not re.search(rf"\b{name}\b", code)]
    assert not unused, "later cells do not use these parameters"


@each
def test_code_cells_are_short(path):
    long = {cell.id: len(cell.source.splitlines()) for cell in code_cells(nbformat.read(path, 4))}
    assert not {name: lines for name, lines in long.items() if lines > CODE_LINES}


@each
def test_says_its_step_and_ends_with_numbered_experiments(path):
    prose = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
    number = int(path.stem[:2])
    assert number not in range(1, 11) or f"Step {number} of ten." in prose[0]
    experiments = next(text for text in reversed(prose) if "## Try it" in text).split("## Try it\n\n")[1]
    numbers = re.findall(r"^(?:(\d+)\.|-) ", experiments, re.MULTILINE)
    assert numbers == [str(place) for place in range(1, len(numbers) + 1)] and len(numbers) >= 3


@each
def test_links_lead_somewhere(path):
    broken = []
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                local = target.split("#")[0]
                if local and not re.match(r"[a-z]+:", local) and not (path.parent / local).exists():
                    broken.append(target)
    assert not broken


@each
def test_no_paths_of_a_machine(path):
    for cell in nbformat.read(path, 4).cells:
        assert not MACHINE.search(cell.source), cell.id
        if cell.cell_type == "code":
            assert not any(MACHINE.search(text) for text in texts_of(cell)), cell.id


@each
def test_british_spelling(path):
    found = [
        (cell.id, match[0])
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "markdown" and cell.id != "reading"  # the titles of papers are as they are
        for match in AMERICAN.finditer(prose_of(cell))
    ]
    assert not found


@each
def test_exercises_are_not_attempted(path):
    """As shipped they are open: their cells show nothing, and no check passes."""
    cells = code_cells(nbformat.read(EXECUTED / path.name if EXECUTED else path, 4))
    if not any(cell.execution_count for cell in cells):
        pytest.skip("saved without outputs")
    checked = [cell for cell in cells if exercises.checks(cell)]
    assert len(checked) == sum(map(exercises.is_exercise, cells)) > 0
    assert not any(cell.outputs for cell in cells if exercises.is_exercise(cell))
    for cell in checked:
        assert f"{exercises.checks(cell)[0]}: not attempted: " in "".join(texts_of(cell)), cell.id


@each
def test_every_value_is_shown_as_what_it_is(path):
    """evcxr falls back to text for a figure whose cell moved a variable, and shows () where a loop ends a cell."""
    plain = [
        output.data.get("text/plain", "")
        for cell in code_cells(nbformat.read(EXECUTED / path.name if EXECUTED else path, 4))
        for output in cell.outputs
        if output.output_type == "execute_result" and not {"image/png", "text/html"} & output.data.keys()
    ]
    assert not [text for text in plain if text.strip() == "()" or text.startswith("Figure(")]


@each
def test_every_picture_has_its_words(path):
    outputs = [output for cell in code_cells(nbformat.read(path, 4)) for output in cell.outputs if "data" in output]
    silent = [output for output in outputs if "image/png" in output.data and not output.metadata.get("image/png", {}).get("alt")]
    pages = "".join(output.data.get("text/html", "") for output in outputs)
    assert not silent and not re.findall(r"<img(?![^>]* alt=\"[^\"]+\")[^>]*>", pages)


@each
def test_is_saved_as_executed_in_order(path):
    cells = [cell for cell in code_cells(nbformat.read(path, 4)) if cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if not any(counts):
        pytest.skip("saved without outputs")
    assert counts == list(range(1, len(cells) + 1))
    assert not failing(cells)


def failing(cells):
    """The cells that show an error, or print to stderr, without saying that this is meant."""
    return [
        cell.id
        for cell in cells
        if "raises-exception" not in cell.metadata.get("tags", [])
        and any(output.output_type == "error" or output.get("name") == "stderr" for output in cell.outputs)
    ]


# ---- executed copies -----------------------------------------------------------------------------

executed_only = pytest.mark.skipif(EXECUTED is None, reason="CNN_EXECUTED does not name a folder of executed copies")


def executed(number):
    return nbformat.read(next(EXECUTED.glob(f"{number}_*.ipynb")), 4)


def shown(number):
    return "\n".join(text for cell in code_cells(executed(number)) for text in texts_of(cell))


@pytest.fixture
def report():
    return json.loads((EXECUTED / "report.json").read_text())


@executed_only
def test_executed_all_went_well(report):
    assert [entry["name"] for entry in report["notebooks"]] == NAMES
    assert all(entry["status"] == "ok" for entry in report["notebooks"])


@executed_only
@pytest.mark.parametrize("name", NAMES)
def test_executed_without_errors(name):
    cells = code_cells(executed(name[:2]))
    assert all(cell.execution_count for cell in cells if cell.source.strip())
    assert not failing(cells)
    assert (EXECUTED / f"{name}.html").stat().st_size > 100_000


@executed_only
def test_executed_01_shows_the_shapes(report):
    if report["dataset"] != "mnist":
        pytest.skip("the stand-in for MNIST has other shapes")
    text = shown("01").replace("_", "").replace(",", "")
    for shape in ("60000 28 28", "10000 28 28"):
        assert shape in text


@executed_only
def test_executed_03_counts_the_parameters():
    assert "693,962" in shown("03")


@executed_only
def test_executed_accuracies_are_plausible(report):
    metrics = report["metrics"]
    # A quick run trains on few images: not much can be asked of it.
    least = (0.7, 0.5) if report["quick"] else (0.98, 0.9965)
    if report["dataset"] != "mnist":
        least = (0.5, 0.3)
    assert least[0] <= metrics["test_accuracy"] <= 1
    assert least[1] <= metrics["best_test_accuracy"] <= 1
    assert 0 < metrics["test_loss"] < (2 if report["quick"] else 0.2)
    assert metrics["parameters"] == 693_962


@executed_only
def test_executed_networks_learn_photographs(report):
    accuracy = report["metrics"]["cifar10_accuracy"]
    if report["quick"] or "cifar10 (" in shown("12"):
        assert 0 <= accuracy <= 1  # of few images
    else:
        assert 0.85 <= accuracy <= 1


@executed_only
@pytest.mark.parametrize("number", ["00", "01", "02", "03", "04", "05", "06", "07", "09", "10", "11", "12", "13"])
def test_executed_shows_figures(number):
    cells = code_cells(executed(number))
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
