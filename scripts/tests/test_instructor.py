"""notebooks/INSTRUCTOR.md: what it names exists, its plans add up, and what is typed in front of everybody works."""

import copy
import re

import nbformat
import pytest
from conftest import running_kernel

import notebooks

GUIDE = notebooks.FOLDER / "INSTRUCTOR.md"
LINK = re.compile(r"\[(\d\d)\]\((\S+?\.ipynb)\)")
ROW = re.compile(r"^\| (\d+):(\d\d) \| (\d+) \| (.+) \|$", re.MULTILINE)
PLANS = {"In 90 minutes": 90, "In three hours": 180, "Day one": 360, "Day two": 360}
# Words in italics that are no section.
OTHER = {"misread", "THIS IS NOT MNIST", "value used after move", "your", "ahead", "training", "the same", "missing"}
LABELS = ["**Say.**", "**Where people get stuck.**", "**Skip.**", "**Ask.**"]


def sections(notebook):
    """The second headings of a notebook, in their order."""
    prose = [re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL) for cell in notebook.cells if cell.cell_type == "markdown"]
    return [heading for text in prose for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)]


def parts(text, marks):
    """The text cut at lines that match `marks`: each one's name, and what follows until the next."""
    pieces = re.split(marks, text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


def minutes_of(what, course):
    """The minutes of a row's notebook sections, or None for a row that names no notebook; what is wrong with them."""
    link = LINK.match(what)
    if not link:
        return None, []
    if link[2] not in course or not link[2].startswith(link[1]):
        return None, [f"there is no notebook {link[1]} {link[2]}"]
    minutes = course[link[2]].metadata["course"]["minutes"]
    named = what[link.end() :].strip()
    names = re.sub(r"^(?:·|without) ", "", named).split(" · ") if named else []
    unknown = [f"{link[1]} has no section {name!r}" for name in names if name not in minutes]
    chosen = names if named.startswith("·") else [name for name in minutes if name not in names]
    return sum(minutes.get(name, 0) for name in chosen), unknown


def wrong_plans(text, course):
    plans = parts(text.split("## Live coding")[0], r"^(?:### |\*\*)(In .+?|Day .+?)(?:\*\*)?$")
    found = [f"the plan {name!r} is missing" for name in PLANS if name not in plans]
    for name in [name for name in PLANS if name in plans]:
        clock = 0
        for hours, past, minutes, what in ROW.findall(plans[name]):
            expected, wrong = minutes_of(what, course)
            found += [f"{name}: {one}" for one in wrong]
            if not wrong and expected not in (None, int(minutes)):
                found.append(f"{name}: {what[:40]} takes {expected} minutes by the notebook, not {minutes}")
            if 60 * int(hours) + int(past) != clock:
                found.append(f"{name}: {what[:40]} begins at {clock // 60}:{clock % 60:02}, not {hours}:{past}")
            clock += int(minutes)
        if clock != PLANS[name]:
            found.append(f"{name}: the rows are {clock} minutes, not {PLANS[name]}")
    return found


def wrong_part(title, text, notebook):
    found = [f"{title}: {label} is missing" for label in LABELS if label not in text]
    known = {*sections(notebook), *OTHER}
    found += [f"{title}: there is no section {name!r}" for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text) if name not in known]
    cells = [name for group in re.findall(r"\bcells? ((?:`[\w-]+`(?:, | and )?)+)", text) for name in re.findall(r"`([\w-]+)`", group)]
    found += [f"{title}: there is no cell {name!r}" for name in cells if name not in [cell.id for cell in notebook.cells]]
    questions = re.findall(r"^(\d)\. (.+)$", text, re.MULTILINE)
    if [int(number) for number, _ in questions] != list(range(1, len(questions) + 1)) or not 2 <= len(questions) <= 4:
        found.append(f"{title}: two to four questions, numbered from 1")
    found += [f"{title}: question {number} has no answer" for number, question in questions if "**Answer:** " not in question]
    return found


def wrong_parts(text, course):
    told = parts(text.split("## The notebooks one by one")[-1], r"^### (.+)$")
    titles = {notebook.cells[0].source.splitlines()[0].removeprefix("# "): notebook for notebook in course.values()}
    found = [f"there is no part on {title}" for title in titles if title not in told]
    for title, part in told.items():
        found += wrong_part(title, part, titles[title]) if title in titles else [f"there is no notebook {title!r}"]
    return found


def problems(text, course):
    return wrong_plans(text, course) + wrong_parts(text, course)


@pytest.fixture(scope="module")
def course():
    """The notebooks by the names of their files."""
    return {path.name: nbformat.read(path, 4) for path in notebooks.find(notebooks.FOLDER)}


def test_what_it_names_exists_and_the_minutes_add_up(course):
    assert problems(GUIDE.read_text(), course) == []


def test_every_section_has_its_minutes(course):
    for name, notebook in course.items():
        minutes = notebook.metadata["course"]["minutes"]
        assert sorted(minutes) == sorted(sections(notebook)), name
        assert all(isinstance(value, int) and 1 <= value <= 30 for value in minutes.values()), name


def test_the_sum_of_all_is_told(course):
    whole = sum(sum(notebook.metadata["course"]["minutes"].values()) for notebook in course.values())
    assert f"{whole:,} minutes are all of it" in GUIDE.read_text()


def test_minutes_survive_a_saved_run(course):
    executed = course["04_training_the_model.ipynb"]
    saved = notebooks.as_text(notebooks.with_outputs(copy.deepcopy(executed), executed))
    assert nbformat.reads(saved, 4).metadata["course"]["minutes"] == executed.metadata["course"]["minutes"]


def test_links_lead_to_files_and_headings():
    for target in re.findall(r"\]\(([^)\s]+)\)", GUIDE.read_text()):
        file, _, heading = target.partition("#")
        path = GUIDE.parent / file
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings], target


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ("| 0:05 | 5 | [00]", "| 0:05 | 6 | [00]", "takes 5 minutes by the notebook, not 6"),
        ("· The confusion matrix |", "· The confusion table |", "05 has no section 'The confusion table'"),
        ("](07_making_predictions.ipynb) ·", "](07_predictions.ipynb) ·", "there is no notebook 07 07_predictions.ipynb"),
        ("| 0:16 | 23 |", "| 0:17 | 23 |", "begins at 0:16, not 0:17"),
        ("| 1:26 | 4 |", "| 1:26 | 5 |", "the rows are 91 minutes, not 90"),
        ("(cell `calibration`)", "(cell `calibrated`)", "there is no cell 'calibrated'"),
        ("*A gallery of curves*", "*A gallery*", "there is no section 'A gallery'"),
        ("### 08 · Saving and loading the model", "### 08 · Saving", "there is no notebook '08 · Saving'"),
        ("**Answer:** Luck", "Luck", "question 2 has no answer"),
        ("**Day two**", "**Another day**", "the plan 'Day two' is missing"),
    ],
)
def test_a_mistake_is_named(course, here, there, said):
    text = GUIDE.read_text()
    assert here in text
    assert any(said in problem for problem in problems(text.replace(here, there), course))


def test_a_renamed_section_is_named(course):
    notebook = copy.deepcopy(course["07_making_predictions.ipynb"])
    notebook.metadata["course"]["minutes"]["Your digit"] = notebook.metadata["course"]["minutes"].pop("A digit of your own")
    found = problems(GUIDE.read_text(), course | {"07_making_predictions.ipynb": notebook})
    assert "In 90 minutes: 07 has no section 'A digit of your own'" in found


# ---- what the notebooks have computed ------------------------------------------------------------

REFERENCE = re.compile(r"\bcells? ((?:`[\w-]+`(?:, | and )?)+)")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
# Of what is no result: code, sections, the numbers of questions and of notebooks, sizes of downloads.
NO_RESULT = re.compile(r"`[^`]*`|\*[^*]+\*(?:, \d)?|^\d\. |\b[Nn]otebooks? \d\d|\d+ MB")


def shown(cell):
    """All that a cell's outputs say, and its code."""
    told = [cell.source]
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        page = re.sub(r"src=\"data:[^\"]*\"|<[^>]*>", " ", data.get("text/html", ""))
        told += [output.get("text", ""), data.get("text/plain", ""), page]
        told += [kind.get("alt", "") for kind in output.get("metadata", {}).values() if isinstance(kind, dict)]
    return "\n".join(told)


def is_in(number, text, percent):
    """Whether the text has this number, with as many digits or more, or as the share of which it is the percentage."""
    value, digits = float(number.replace(",", "")), len(number.partition(".")[2])
    shown = [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]
    # 99.71 in place of 0.9972 is an error; a half of the last digit is rounding.
    fits = [abs(one - value) <= 0.5001 * 10**-digits for one in shown]
    fits += [abs(another - value) <= 0.5001 * 10**-digits for one in shown if percent for another in (100 * one, 100 - one)]
    return any(fits)


def wrong_numbers(sentence, notebook):
    """The numbers of a sentence that are not in the cells that it names; of one that names none, the longer ones, in all of the notebook."""
    names = re.findall(r"`([\w-]+)`", " ".join(REFERENCE.findall(sentence)))
    cells = [cell for cell in notebook.cells if (cell.id in names if names else cell.cell_type == "code" or cell.id == "try-it")]
    text = "\n".join(map(shown, cells))
    told = [number.rstrip(",") for number in NUMBER.findall(NO_RESULT.sub("", sentence))]
    told = [number for number in told if names or len(re.sub(r"\D", "", number)) > 2]
    return [number for number in told if not is_in(number, text, "%" in sentence)]


def sentences(line):
    """Its sentences; what stands behind the cell that a number is of, is another."""
    return re.split(r"(?<=[.?!]) (?=[A-Z*\"])|(?<=`\))", line)


def stale_numbers(text, course):
    """The lines of the guide, or of README's table, whose numbers the notebooks do not show."""
    by_number = {name[:2]: notebook for name, notebook in course.items()}
    found, current = [], None
    for at, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            title = re.match(r"### (\d\d) · ", line)
            current = title and title[1]
        row = re.match(r"\| \[(\d\d) .*?\]\(.*?\) \|", line)  # of README's table
        if not current and not row:
            continue
        for sentence in sentences(line[row.end() :] if row else line):
            named = re.search(r"\b[Nn]otebook (\d\d) shows", sentence)
            number = named[1] if named else row[1] if row else current
            wrong = wrong_numbers(sentence, by_number[number])
            found += [f"line {at}: notebook {number} does not show {one}: {sentence.strip()[:60]}" for one in wrong]
    return found


def test_its_numbers_are_those_that_the_notebooks_show(course):
    assert stale_numbers(GUIDE.read_text(), course) == []
    assert stale_numbers((notebooks.ROOT / "README.md").read_text(), course) == []


def test_what_is_told_before_the_notebooks_one_by_one_is_so(course):
    def texts(name, id):
        return "".join(output.get("text", "") for cell in course[name].cells if cell.id == id for output in cell.outputs)

    misread = re.search(r"(\d+) images misread", texts("09_experimenting_with_model_improvements.ipynb", "test"))[1]
    for page in (GUIDE, notebooks.FOLDER / "WELCOME.md"):
        assert re.findall(r"misreads (\d+) of 10,000", page.read_text()) == [misread], page.name
    loss = re.search(r"the notebook shows ([\d.]+)", GUIDE.read_text())[1]
    assert loss in "".join(shown(cell) for cell in course["04_training_the_model.ipynb"].cells)


@pytest.mark.parametrize(
    ("name", "id", "here", "there", "told"),
    [
        ("04_training_the_model.ipynb", "stop-run", "0.8622", "0.8431", "0.8622"),
        ("04_training_the_model.ipynb", "history-numbers", "after epoch 7", "after epoch 6", "7"),
        ("05_evaluating_the_model.ipynb", "confused-function", "13 times", "12 times", "13"),
        ("12_vgg_resnet_mobilenet.ipynb", "separable", "40.2 ms", "41.9 ms", "40.2"),
    ],
)
def test_another_output_names_the_line(course, name, id, here, there, told):
    notebook = copy.deepcopy(course[name])
    (output,) = [output for cell in notebook.cells if cell.id == id for output in cell.outputs if here in output.get("text", "")]
    output["text"] = output["text"].replace(here, there)
    (found,) = stale_numbers(GUIDE.read_text(), course | {name: notebook})
    at = int(re.match(rf"line (\d+): notebook {name[:2]} does not show {re.escape(told)}: ", found)[1])
    assert f"`{id}`" in GUIDE.read_text().splitlines()[at - 1]


@pytest.mark.parametrize(
    ("number", "text", "percent", "is_there"),
    [
        ("98.44", "accuracy 0.9844", True, True),
        ("98.44", "accuracy 0.9844", False, False),
        ("98.4", "accuracy 0.9844", True, True),
        ("98.5", "accuracy 0.9844", True, False),
        ("3.44", "accuracy 96.56 %", True, True),
        ("18,432", "18432 weights", False, True),
        ("18,432", "18433 weights", False, False),
        ("0.86", "0.8622", False, True),
        ("0.8622", "0.86", False, False),
    ],
)
def test_a_number_is_found_however_it_is_written(number, text, percent, is_there):
    assert is_in(number, text, percent) == is_there



# ---- the live coding -----------------------------------------------------------------------------


def typed():
    """The cells of the live coding."""
    return re.findall(r"```rust\n(.*?)```", GUIDE.read_text().split("## Live coding")[1].split("\n## ")[0], re.DOTALL)


def test_the_live_coding_works():
    with running_kernel() as kernel:
        outcomes = [kernel.execute(cell) for cell in typed()]
    assert [outcome.reply["status"] for outcome in outcomes] == ["ok"] * len(typed())
    shown = [result["data"]["text/plain"] for outcome in outcomes for result in outcome.of("execute_result")]
    before, after = map(float, shown)
    assert 2.0 < after < before < 2.7  # one step by hand, from a guess
