"""scripts/rerun: what it refuses before anything runs, and what it prints and keeps."""

import json

import nbformat
import pytest
from conftest import command, make_notebook

PARAMETERS = 'let rate: f64 = 1e-3; // the step\nlet epochs: usize = 2; // how often\nlet name: &str = "adam"; // which'
# What `course::record` writes, without the crate.
CELL = r'''let folder = format!("{}/results", std::env::var("CNN_ARTIFACTS")?);
std::fs::create_dir_all(&folder)?;
let metrics = format!(r#"{{"loss": {}, "steps": {}}}"#, 2.0 * rate, 100 * epochs);
let record = format!(r#"{{"dataset": "mnist", "device": "cpu", "metrics": {metrics}}}"#);
std::fs::write(format!("{folder}/04_small.json"), record)?;
println!("{name}");
// A display that is updated, as the crate live writes it.
for (operation, text) in [("display", "0 %"), ("update", "50 %"), ("update", "100 %")] {
    println!("\u{1f}live/1 {{\"op\":\"{operation}\",\"id\":\"a\",\"data\":{{\"text/plain\":\"{text}\"}}}}");
}
assert!(rate < 1.0);'''


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "model.txt").write_text("a model")
    return make_notebook(tmp_path / "04_small.ipynb", [CELL], PARAMETERS)


def rerun(notebook, *words):
    environment = {"CNN_ARTIFACTS": str(notebook.parent / "artifacts")}
    return command("rerun", notebook, "--out", notebook.parent / "rerun", *words, environment=environment)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-p", "speed", "3"], ["'speed'", "rate: f64 = 0.001", "the step", "epochs: usize = 2"]),
        (["-p", "epochs", "-1"], ["epochs must be not negative (usize)"]),
        (["-p", "epochs", "2.5"], ["epochs is a whole number (usize)"]),
        (["-p", "rate", "fast"], ["rate is a number (f64)"]),
        (["-p", "rate", "0.1", "-p", "rate", "nan"], ["rate must be finite"]),
    ],
)
def test_refused_before_anything_runs(notebook, words, expected):
    result = rerun(notebook, *words)
    assert result.returncode == 2 and result.stdout == ""
    assert all(words in result.stderr for words in expected)
    assert not (notebook.parent / "rerun").exists()


def test_an_unknown_notebook_lists_the_known_ones():
    result = command("rerun", "99")
    assert result.returncode == 2 and "'99'" in result.stderr and "04_" in result.stderr


def test_list(notebook):
    result = rerun(notebook, "--list")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "The notebook's parameters:",
        "  rate: f64 = 0.001    the step",
        "  epochs: usize = 2    how often",
        '  name: &str = "adam"  which',
    ]


def test_three_values_are_compared_and_then_with_earlier_runs(notebook):
    result = rerun(notebook, "-p", "rate", "0.01", "-p", "rate", "0.001", "-p", "rate", "2e-4")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["rate=0.01", "ok"], ["rate=0.001", "ok"], ["rate=0.0002", "ok"]]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["rate", "loss", "steps", "seconds", "run"]
    assert [(row[0], row[1], row[2], row[-1]) for row in rows[2:]] == [
        ("0.01", "0.0200", "200", "now"),
        ("0.001", "0.0020", "200", "now"),
        ("0.0002", "0.0004", "200", "now"),
    ]
    folder = notebook.parent / "rerun" / "04_small"
    run = folder / "rate=0.0002"
    copy = nbformat.read(run / "04_small.ipynb", 4)
    assert "let rate: f64 = 0.0002;" in copy.cells[2].source and copy.cells[2].metadata.tags == ["injected-parameters"]
    assert [output.get("text") or output.data["text/plain"] for output in copy.cells[3].outputs] == ["adam\n", "100 %"]
    assert (run / "04_small.html").exists() and (run / "artifacts" / "model.txt").read_text() == "a model"
    kept = json.loads((run / "metrics.json").read_text())
    assert kept["parameters"] == {"rate": 0.0002, "epochs": 2, "name": "adam"} and kept["metrics"]["loss"] == 0.0004
    # The course's own artifacts are as before.
    assert [path.name for path in (notebook.parent / "artifacts").iterdir()] == ["model.txt"]

    failing = rerun(notebook, "-p", "rate", "0.01", "-p", "rate", "1.5")
    assert failing.returncode == 1
    assert "code cell 3:" in failing.stdout and "assertion failed: rate < 1.0" in failing.stdout
    table = (folder / "comparison.md").read_text()
    assert table.count("earlier") == 2 and table.count("now") == 1 and table.count("failed") == 1
    compared = json.loads((folder / "comparison.json").read_text())
    assert [run["run"] for run in compared["runs"]] == ["rate=0.001", "rate=0.0002", "rate=0.01", "rate=1.5"]
    assert compared["runs"][-1]["error"]["cell"] == 3
