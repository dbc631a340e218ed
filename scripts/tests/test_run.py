"""scripts/run, with small notebooks in the real kernel: what counts as failed, what is reported, what is saved."""

import copy
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import COURSE, command, make_notebook, wait_until

import execution
import notebooks

RECORD = r'''let folder = format!("{}/results", std::env::var("CNN_ARTIFACTS")?);
std::fs::create_dir_all(&folder)?;
std::fs::write(format!("{folder}/NAME.json"), r#"{"dataset": "mnist", "device": "cpu", "metrics": {METRICS}}"#)?;'''
KILL = 'println!("before");\nstd::process::Command::new("sh").args(["-c", "kill -9 $(ps -o ppid= -p $PPID)"]).status()?;\n'
# Two displays and the lines between them, as the crate live writes them; the second cell updates the first display.
DISPLAYS = r'''fn write(operation: &str, id: &str, text: &str) {
    println!("\u{1f}live/1 {{\"op\":\"{operation}\",\"id\":\"{id}\",\"data\":{{\"text/plain\":\"{text}\"}}}}");
}
println!("before"); println!("before, too");
write("display", "a", "0 %");
println!("between");
write("display", "b", "0 %");
for percent in ["50 %", "90 %", "100 %"] { write("update", "b", percent); }
println!("after");'''
UPDATE = 'write("update", "a", "done");'
SLEEP = "std::thread::sleep(std::time::Duration::from_secs(100));"


def recording(name, metrics):
    return RECORD.replace("NAME", name).replace("METRICS", metrics)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """One run over notebooks of every kind."""
    folder = tmp_path_factory.mktemp("course")
    many = 'for i in 0..50 { println!("line {i}"); }\nepochs'
    make_notebook(folder / "00_ok.ipynb", [many], "let epochs: i64 = 10; // how often", {"epochs": 3})
    make_notebook(folder / "01_question.ipynb", ['let n: i64 = "x".parse()?;', 'println!("never");'])
    make_notebook(folder / "02_panic.ipynb", ["1", 'panic!("oh dear");', 'println!("never");'])
    make_notebook(folder / "03_compile.ipynb", ['let b: i64 = "text";', 'println!("never");'])
    metrics = '"parameters": 693962, "val_accuracy": 0.9'
    make_notebook(folder / "04_abort.ipynb", [recording("04_abort", metrics), 'println!("last words");\nstd::process::abort();', "1"])
    make_notebook(folder / "05_recorded.ipynb", [recording("05_recorded", '"a": 1, "test_accuracy": 0.98765, "test_loss": 0.05')])
    make_notebook(folder / "06_killed.ipynb", [KILL + SLEEP, "1"])
    make_notebook(folder / "07_displays.ipynb", [DISPLAYS, UPDATE])
    make_notebook(folder / "08_last_line.ipynb", ['eprintln!("oops");'])
    meant = [('eprintln!("on purpose");', []), ('let b: i64 = "";', ["raises-exception"]), "5"]
    make_notebook(folder / "09_allowed.ipynb", meant)
    # A quick run must not read this: it belongs to the notebook that this run executes without a result.
    results = folder / "out" / "quick" / "results"
    results.mkdir(parents=True)
    (results / "09_allowed.json").write_text('{"dataset": "old", "device": "cpu", "metrics": {"best_test_accuracy": 1}}')
    result = command("run", "--quick", "--notebooks", folder, "--out", folder / "out", "--timeout", 300, timeout=1500)
    report = json.loads((folder / "out" / "report.json").read_text())
    return folder, result, report


def entry(outcome, name):
    return next(entry for entry in outcome[2]["notebooks"] if entry["name"] == name)


def message(outcome, name):
    return entry(outcome, name)["error"]["message"]


def test_the_report_has_its_shape(outcome):
    _, result, report = outcome
    assert list(report) == ["dataset", "device", "quick", "notebooks", "metrics"]
    assert (report["dataset"], report["device"], report["quick"]) == ("mnist", "cpu", True)
    assert report["metrics"] == {"test_accuracy": 0.98765, "test_loss": 0.05, "best_test_accuracy": None, "cifar10_accuracy": None, "parameters": 693962}
    assert all(list(entry) == ["name", "status", "seconds", "cells", "error"] for entry in report["notebooks"])
    assert [entry["status"] for entry in report["notebooks"]] == ["ok"] + ["failed"] * 4 + ["ok", "failed"] + ["ok"] * 3
    assert all(0 < entry["seconds"] < 300 for entry in report["notebooks"])
    assert [entry["cells"] for entry in report["notebooks"]] == [3, 1, 2, 1, 2, 1, 1, 2, 1, 3]
    assert entry(outcome, "00_ok")["error"] is None
    assert result.returncode == 1


def test_one_line_a_notebook_and_a_total(outcome):
    _, result, _ = outcome
    lines = result.stdout.splitlines()
    starts = [line.split()[0] for line in lines if line[:2].isdigit() and " s" in line and line[2] == "_"]
    assert starts == [entry["name"] for entry in outcome[2]["notebooks"]]
    assert any(line.startswith("05_recorded") and line.endswith("test_accuracy 0.9877") for line in lines)
    assert lines[-1].startswith("5 notebooks ok, 5 failed in ") and ", test accuracy 0.9877, report: " in lines[-1]
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_an_error_returned_by_a_question_mark_fails(outcome):
    error = entry(outcome, "01_question")["error"]
    message = "Error: invalid digit found in string\nat cell [1], line 1"
    assert error == {"cell": 1, "source": 'let n: i64 = "x".parse()?;', "message": message}
    assert '    | let n: i64 = "x".parse()?;' in outcome[1].stdout


def test_a_panic_fails_without_the_kernels_backtrace(outcome):
    assert entry(outcome, "02_panic")["error"]["cell"] == 2
    assert message(outcome, "02_panic") == "Panic: oh dear\nat cell [2], line 1"


def test_a_compile_error_fails(outcome):
    assert "mismatched types" in message(outcome, "03_compile")
    assert "\x1b" not in message(outcome, "03_compile")


def test_an_abort_ends_the_process(outcome):
    text = message(outcome, "04_abort")
    assert text.startswith("ProcessEnded: the process that ran the cell has ended (signal: 6")
    assert text.endswith("Last output:\nlast words")


def test_evcxr_may_be_killed(outcome):
    text = message(outcome, "06_killed")
    assert text.startswith("ProcessEnded: the process that ran the cell has ended (signal: 9") and text.endswith("Last output:\nbefore")


def test_displays_end_in_their_last_state(outcome):
    copy = nbformat.read(outcome[0] / "out" / "07_displays.ipynb", 4)
    outputs = [output.get("text") or output.data["text/plain"] for output in copy.cells[1].outputs]
    assert outputs == ["before\nbefore, too\n", "done", "between\n", "100 %", "after\n"]
    assert copy.cells[2].outputs == []


def test_printing_to_stderr_is_no_failure(outcome):
    copy = nbformat.read(outcome[0] / "out" / "08_last_line.ipynb", 4)
    assert copy.cells[1].outputs == [{"output_type": "stream", "name": "stderr", "text": "oops\n"}]


def test_a_cell_has_a_time_limit(tmp_path):
    make_notebook(tmp_path / "00_slow.ipynb", [SLEEP, "1"])
    result = command("run", "--notebooks", tmp_path, "--out", tmp_path / "out", "--timeout", 3)
    (only,) = json.loads((tmp_path / "out" / "report.json").read_text())["notebooks"]
    assert result.returncode == 1 and only["error"]["message"].startswith("The cell was not done after 3 s.")
    assert 3 <= only["seconds"] < 60


def test_a_page_leads_to_the_other_pages_and_its_pictures_have_words():
    v4 = nbformat.v4
    words = {"image/png": {"alt": "A “curve” & more"}}
    figures = [v4.new_output("display_data", {"image/png": "AA\n=="}, metadata=metadata) for metadata in (words, {})]
    text = v4.new_markdown_cell("[b](01_b.ipynb) [c](https://x.org/c.html) `d.ipynb`")
    notebook = v4.new_notebook(cells=[text, v4.new_code_cell("figure", outputs=figures)])
    before = copy.deepcopy(notebook)
    page = execution.page_of(notebook)
    assert 'href="01_b.html"' in page and 'href="https://x.org/c.html"' in page and "d.ipynb" in page
    assert '<img alt="A “curve” &amp; more" src="data:image/png;base64,AA=="/>' in page
    assert notebook == before, "what is saved has the picture as it was"


def test_quick_parameters_copies_and_pages(outcome):
    folder, _, report = outcome
    copy = nbformat.read(folder / "out" / "00_ok.ipynb", 4)
    nbformat.validate(copy)
    assert copy.cells[2].source == "let epochs: i64 = 3;"
    outputs = copy.cells[3].outputs
    assert [output.output_type for output in outputs] == ["stream", "execute_result"]
    assert outputs[0].text == "".join(f"line {i}\n" for i in range(50))
    assert outputs[1].data["text/plain"] == "3"
    for entry in report["notebooks"]:
        page = (folder / "out" / f"{entry['name']}.html").read_text()
        assert "<html" in page and "jp-Notebook" in page
    left = [path.name for path in (folder / "out").iterdir() if path.name.startswith(".")]
    assert not left


def test_save_normalises_and_is_repeatable(tmp_path):
    good = make_notebook(tmp_path / "00_good.ipynb", ['println!("é");\nprintln!("b");', "", "1 + 1"])
    bad = make_notebook(tmp_path / "01_bad.ipynb", ['panic!("x");'])
    raw = json.loads(good.read_text())
    raw["cells"][1]["metadata"] = {"execution": {"iopub.status.busy": "2020"}, "tags": ["kept"]}
    raw["metadata"] |= {"kernelspec": {"name": "other", "display_name": "x"}, "language_info": {"name": "rust", "version": "1"}}
    good.write_text(json.dumps(raw))
    before = bad.read_text(), good.stat().st_mode
    options = ["--notebooks", tmp_path, "--out", tmp_path / "out", "--save"]
    environment = {"CNN_ARTIFACTS": str(tmp_path / "artifacts")}
    assert command("run", *options, environment=environment).returncode == 1
    assert bad.read_text() == before[0]
    text = good.read_text()
    saved = nbformat.read(good, 4)
    nbformat.validate(saved)
    assert [cell.source for cell in saved.cells] == ["".join(cell["source"]) for cell in raw["cells"]]
    assert saved.cells[1].metadata == {"tags": ["kept"]}
    assert saved.cells[1].outputs == [{"output_type": "stream", "name": "stdout", "text": "é\nb\n"}]
    assert [cell.get("execution_count") for cell in saved.cells] == [None, 1, None, 2]
    assert saved.cells[3].outputs[0].execution_count == 2
    assert saved.metadata.kernelspec == notebooks.KERNELSPEC and saved.metadata.language_info == notebooks.LANGUAGE
    assert saved.metadata.course == {"quick": {}}
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert command("run", *options, "--only", "00", environment=environment).returncode == 0
    assert good.read_text() == text


def test_what_is_too_large_to_commit_leaves_its_text():
    def output(data):
        return nbformat.v4.new_output("display_data", data)

    large = "x" * (notebooks.LARGEST_HTML + 1)
    assert notebooks.without_weights(output({"text/html": large, "text/plain": "a page"})).data == {"text/plain": "a page"}
    for kept in ({"text/html": large}, {"text/html": "small", "text/plain": "a page"}):
        assert notebooks.without_weights(output(dict(kept))).data == kept
    assert notebooks.without_weights(nbformat.v4.new_output("stream", text="line")).text == "line"


def test_only_takes_what_others_left_earlier(tmp_path):
    make_notebook(tmp_path / "04_a.ipynb", [recording("04_a", '"parameters": 7')])
    make_notebook(tmp_path / "05_b.ipynb", ["1"])
    (tmp_path / "artifacts" / "results").mkdir(parents=True)
    earlier = '{"dataset": "mnist", "device": "cpu", "metrics": {"test_accuracy": 0.5}}'
    (tmp_path / "artifacts" / "results" / "05_b.json").write_text(earlier)
    environment = {"CNN_ARTIFACTS": str(tmp_path / "artifacts")}
    result = command("run", "--notebooks", tmp_path, "--out", tmp_path / "out", "--only", "4", environment=environment)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert result.returncode == 0 and result.stdout.startswith("04_a  ok")
    assert report["metrics"]["parameters"] == 7 and report["metrics"]["test_accuracy"] == 0.5


def test_what_cannot_be_asked_for_is_refused_at_once(tmp_path):
    make_notebook(tmp_path / "04_a.ipynb", ["1"], "let a: i64 = 1;", {"b": 2})
    options = ["--notebooks", tmp_path, "--out", tmp_path / "out"]
    unknown = command("run", *options, "--only", "12")
    assert unknown.returncode == 2 and "'12'" in unknown.stderr and "04_a" in unknown.stderr
    assert "no notebooks" in command("run", "--notebooks", tmp_path / "none").stderr
    assert "--quick" in command("run", *options, "--quick", "--save").stderr
    wrong = command("run", *options, "--quick")
    assert wrong.returncode == 2 and "'b'" in wrong.stderr and "a: i64 = 1" in wrong.stderr
    (tmp_path / "05_b.ipynb").write_text("{")
    assert "not a notebook" in command("run", *options, "--only", "05").stderr
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_the_kernel_and_keeps_the_report(tmp_path):
    make_notebook(tmp_path / "00_quick.ipynb", ["1"])
    make_notebook(tmp_path / "01_slow.ipynb", [f'std::fs::write("{tmp_path}/pid", std::process::id().to_string())?;\n{SLEEP}'])
    run = [sys.executable, str(COURSE / "run.py"), "--notebooks", str(tmp_path), "--out", str(tmp_path / "out")]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    process = subprocess.Popen(run, **options, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        assert wait_until((tmp_path / "pid").exists, 180)
        time.sleep(0.5)
        of_cell = int((tmp_path / "pid").read_text())
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped after 1 of 2 notebooks" in printed and "Traceback" not in printed and "Task" not in printed
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [entry["name"] for entry in report["notebooks"]] == ["00_quick"]
    assert wait_until(lambda: not os.path.exists(f"/proc/{of_cell}") if os.path.isdir("/proc/self") else True)


def test_a_relative_data_folder_is_seen_from_where_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNN_DATA_DIR", "data/mnist")
    monkeypatch.delenv("CNN_ARTIFACTS", raising=False)
    notebooks.isolate()
    assert os.environ["CNN_DATA_DIR"] == str(tmp_path / "data" / "mnist")
    assert "CNN_ARTIFACTS" not in os.environ
