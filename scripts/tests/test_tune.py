"""scripts/tune with notebooks in the real kernel: what it finds, prunes, reports, refuses, and that nothing is lost whatever ends it."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import COURSE, command, make_notebook, processes, wait_until

import setup
import tune as main
from tuning import packages

assert setup.TUNE_VENV.exists(), "scripts/test installs Optuna into .venv-tune"
optuna = packages.use()

PARAMETERS = """let quality: f64 = 0.5; // what the training reaches
let epochs: usize = 4; // how often
let mode: &str = "usual"; // or what goes wrong
let seed: u64 = 7; // of the noise"""
# A training as the crate reports it, without the crate: it looks at the stop flag before each of its batches of 10 ms.
TRAINING = r'''use std::io::Write;
let log = std::env::var("CNN_EPOCHS")?;
let stop = std::env::var("LIVE_STOP")?;
let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
let mut value = String::new();
'training: for epoch in 1..=epochs {
    for batch in 1..=10 {
        if std::path::Path::new(&stop).exists() {
            println!("stopped in epoch {epoch}, batch {batch}");
            std::fs::write(format!("{log}.stopped"), format!("{epoch} {batch}"))?;
            break 'training;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let reached = quality - 0.1 / epoch as f64 + 0.001 * (seed as f64 - 7.0);
    value = if mode == "nan" && epoch == epochs { "null".to_string() } else { reached.to_string() };
    let line = format!(r#"{{"training": "a", "epoch": {epoch}, "epochs": {epochs}, "loss": 1.0, "val_accuracy": {value}, "seconds": 0.1}}"#);
    writeln!(file, "{line}")?;
}
assert!(mode != "fails", "this one fails");'''
AFTER = 'std::fs::write(format!("{}/model.txt", std::env::var("CNN_ARTIFACTS")?), quality.to_string())?;'
# Measures on the test data what the notebook before has left.
TEST = r'''let folder = std::env::var("CNN_ARTIFACTS")?;
let model: f64 = std::fs::read_to_string(format!("{folder}/model.txt"))?.parse()?;
std::fs::create_dir_all(format!("{folder}/results"))?;
let record = format!(r#"{{"dataset": "mnist", "device": "cpu", "metrics": {{"test_accuracy": {}}}}}"#, model - 0.01);
std::fs::write(format!("{folder}/results/05_test.json"), record)?;'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    make_notebook(folder / "04_small.ipynb", [TRAINING, AFTER], PARAMETERS)
    make_notebook(folder / "05_test.ipynb", [TEST])
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "data.txt").write_text("of another notebook")
    (folder / "artifacts" / "04_training.backup").write_text("of an interrupted training")
    return folder


def words(folder, *more):
    return ["tune", folder / "04_small.ipynb", "--out", folder / "tune", *more]


def tune(folder, *more):
    return command(*words(folder, *more), environment={"CNN_ARTIFACTS": str(folder / "artifacts")}, timeout=600)


def study_of(folder, name):
    journal = folder / "tune" / name / "journal.log"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    return optuna.load_study(study_name=name, storage=storage)


# ---- a study -------------------------------------------------------------------------------------

GRID = ["--search", "quality=0.9,0.8,0.2,0.1", "--maximize", "val_accuracy", "--sampler", "Grid"]
# With this seed, Optuna tries the grid in this order.
SEARCH = [*GRID, "--seed", "5", "--pruner", "Median:n_startup_trials=1", "--workers", "2", "--study", "whole"]


@pytest.fixture(scope="module")
def whole(folder):
    result = tune(folder, *SEARCH, "--test", folder / "05_test.ipynb")
    assert result.returncode == 0 and result.stderr == "", result.stdout + result.stderr
    return result.stdout


def test_each_trial_has_a_line(whole):
    lines = [line for line in whole.splitlines() if line.startswith("trial ")]
    assert len(lines) == 4
    assert any(re.match(r"trial 0  val_accuracy 0.8750  quality=0.9  [\d.]+ s  best 0.8750 \(trial 0\)  \d+ s left", line) for line in lines), whole


def test_bad_trials_are_pruned_within_a_batch_and_keep_their_epochs(folder, whole):
    study = study_of(folder, "whole")
    states = [trial.state.name for trial in study.trials]
    assert states[0] == "COMPLETE" and states[2:] == ["PRUNED", "PRUNED"], whole
    for trial in study.trials[2:]:
        kept = folder / "tune" / "whole" / "trials" / str(trial.number)
        lines = [json.loads(line) for line in (kept / "epochs.jsonl").read_text().splitlines()]
        assert {line["epoch"]: line["val_accuracy"] for line in lines} == trial.intermediate_values and len(lines) < 4
        epoch, batch = map(int, (kept / "epochs.jsonl.stopped").read_text().split())
        # The training goes on while the pruner thinks: that is done well within an epoch of 0.1 s, but on a busy machine.
        assert epoch <= len(lines) + 2
        assert sorted(path.name for path in kept.iterdir()) == ["epochs.jsonl", "epochs.jsonl.stopped"]
    assert study.trials[0].intermediate_values == pytest.approx({1: 0.8, 2: 0.85, 3: 0.9 - 0.1 / 3, 4: 0.875})


def test_the_best_is_trained_again_and_only_then_tested(folder, whole):
    found = json.loads((folder / "tune" / "whole" / "best.json").read_text())
    assert (found["trial"], found["value"], found["parameters"]) == (0, 0.875, {"quality": 0.9})
    assert found["trials"] == {"complete": 2, "pruned": 2, "fail": 0} or found["trials"]["pruned"] == 2
    assert found["winner"]["seeds"] == [8, 9, 10]
    values = found["winner"]["metrics"]["val_accuracy"]
    assert values["values"] == pytest.approx([0.876, 0.877, 0.878]) and values["mean"] == pytest.approx(0.877)
    assert values["standard_deviation"] == pytest.approx(0.001)
    assert found["winner"]["metrics"]["test_accuracy"]["values"] == pytest.approx([0.89] * 3)
    kept = folder / "tune" / "whole" / "winner-0" / "seed=9"
    assert (kept / "artifacts" / "model.txt").read_text() == "0.9" and (kept / "04_small.ipynb").exists()
    before, _, after = whole.partition("the best again with seed")
    assert "test_accuracy" not in before and "test_accuracy 0.8900" in after
    assert "val_accuracy 0.8770 ± 0.001 (3 seeds), test_accuracy 0.8900" in whole or "val_accuracy 0.8770 ± 0.0010" in whole


def test_the_report_needs_no_network(folder, whole):
    page = (folder / "tune" / "whole" / "report.html").read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)
    # Optuna's figures: the best over time, the epochs, parallel coordinates, slices; plotly itself once.
    assert page.count("Plotly.newPlot(") >= 4 and "Parallel Coordinate Plot" in page
    assert "pruned after" in page and "with other seeds: val_accuracy 0.8770" in page


def test_the_line_that_repeats_the_best(folder, whole):
    line = json.loads((folder / "tune" / "whole" / "best.json").read_text())["rerun"]
    assert line in whole and line == f"scripts/rerun {folder / '04_small.ipynb'} -p quality 0.9"


def test_nothing_is_left_behind_and_the_artifacts_are_as_before(folder, whole):
    assert sorted(path.name for path in (folder / "artifacts").iterdir()) == ["04_training.backup", "data.txt"]
    assert not remains(folder)


def test_the_same_command_runs_nothing_twice(folder, whole):
    begin = time.monotonic()
    again = tune(folder, *SEARCH, "--test", folder / "05_test.ipynb")
    assert again.returncode == 0 and "4 of them done before" in again.stdout
    assert not re.search("^trial ", again.stdout, re.MULTILINE) and "with other seeds" in again.stdout
    assert time.monotonic() - begin < 60 and len(study_of(folder, "whole").trials) == 4


def test_another_space_needs_another_name(folder, whole):
    other = tune(folder, "--search", "quality=0:1", "--maximize", "val_accuracy", "--study", "whole")
    assert other.returncode == 2 and other.stdout == ""
    assert "another study called 'whole'" in other.stderr and "quality=0.9,0.8,0.2,0.1 there, quality=0.0:1.0 here" in other.stderr
    assert "--study" in other.stderr and len(study_of(folder, "whole").trials) == 4


# ---- what goes wrong -----------------------------------------------------------------------------


def test_what_is_no_number_and_what_fails_counts_as_failed(folder):
    wrong = ["--search", "mode=usual,nan,fails", "--maximize", "val_accuracy", "--sampler", "Grid", "--study", "wrong", "--seeds", "0"]
    result = tune(folder, *wrong, "-p", "epochs", "2", "--workers", "2", "--pruner", "none")
    assert result.returncode == 0, result.stdout + result.stderr
    by_mode = {trial.params["mode"]: trial for trial in study_of(folder, "wrong").trials}
    assert {mode: trial.state.name for mode, trial in by_mode.items()} == {"usual": "COMPLETE", "nan": "FAIL", "fails": "FAIL"}
    assert "val_accuracy is nan" in result.stdout and "this one fails" in result.stdout
    kept = folder / "tune" / "wrong" / "trials" / str(by_mode["fails"].number)
    assert (kept / "04_small.ipynb").exists() and not (kept / "artifacts").exists()
    assert "other seeds" not in result.stdout


def test_a_metric_that_is_never_reported_is_said_after_the_first_trial(folder):
    missing = ["--search", "quality=0:1", "--study", "missing", "-p", "epochs", "1", "--seeds", "0"]
    result = tune(folder, *missing, "--maximize", "accuracy")
    assert result.returncode == 2 and "does not report 'accuracy'; it reports loss, val_accuracy, seconds" in result.stderr
    assert len(study_of(folder, "missing").trials) == 1
    # Its name is free again: nothing was found under it.
    result = tune(folder, *missing, "--minimize", "loss", "--trials", "1")
    assert result.returncode == 0 and "loss 1" in result.stdout


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--search", "speed=1:2"], "there is no parameter 'speed'"),
        (["--search", "quality=log:0:1"], "the logarithm of 0"),
        (["--search", "quality=1:0"], "is empty"),
        ([], "nothing is searched"),
        (["--search", "quality=0:1", "-p", "quality", "0.5"], "both searched and fixed"),
        (["--search", "quality=0:1", "-p", "epochs", "-1"], "epochs must be not negative"),
        (["--search", "seed=1:9"], "the best seed is luck"),
        (["--search", "quality=0:1", "--sampler", "Genius"], "Optuna has no sampler called 'Genius'; there are BruteForce, CmaEs"),
        (["--search", "quality=0:1", "--pruner", "Percentile"], "PercentilePruner: "),
        (["--search", "quality=0:1", "--pruner", "Median:3"], "not of the form argument=value"),
        (["--search", "quality=0:1", "--sampler", "Grid"], "a grid needs values that can be counted"),
        (["--search", "quality=0:1", "--storage", "postgresql://me:secret@127.0.0.1:9/studies"], "me:***@127.0.0.1"),
        (["--search", "quality=0:1", "--storage", "nowhere://me:secret@host"], "nowhere://me:***@host"),
        (["--search", "quality=0:1", "--storage", "/proc/no/journal.log"], "/proc/no/journal.log cannot be used"),
        (["--search", "quality=0:1", "--storage", "grpc://host"], "grpc://HOST:PORT"),
    ],
)
def test_refused_before_anything_runs(folder, more, expected, monkeypatch, capsys):
    code, out, err = here(monkeypatch, capsys, folder, "--maximize", "val_accuracy", "--study", "refused", *more)
    assert (code, out) == (2, "")
    assert expected in err and "secret" not in err


def test_the_test_data_do_not_choose(folder, monkeypatch, capsys):
    code, _, err = here(monkeypatch, capsys, folder, "--search", "quality=0:1", "--maximize", "test_accuracy")
    assert code == 2 and "must not choose" in err


def here(monkeypatch, capsys, folder, *more):
    """The command in this process, which has Optuna loaded."""
    monkeypatch.setattr(sys, "argv", [str(word) for word in words(folder, *more)])
    code = main.main()
    printed = capsys.readouterr()
    return code, printed.out, printed.err


# ---- nothing is lost -----------------------------------------------------------------------------

KILLS = 10 if os.environ.get("CNN_LONG_TESTS") else 1


def remains(folder):
    """Processes of the studies in this folder, and of kernels that have been started for them."""
    return [process for process in processes() if str(folder) in process.command or "tuning/worker.py" in process.command]


def start(folder, *more):
    """tune as a process group of its own; with quick heartbeats, so that a trial that broke off is soon found."""
    environment = os.environ | {"CNN_ARTIFACTS": str(folder / "artifacts"), "CNN_TUNE_BEAT": "3"}
    run = [sys.executable, str(COURSE / "tune.py"), *map(str, words(folder, *more)[1:])]
    log = open(folder / "kills.log", "a")
    return subprocess.Popen(run, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def family(pid):
    found = {pid}
    for _ in range(8):
        found |= {process.pid for process in processes() if process.parent in found}
    return found


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_whatever_is_killed_the_study_goes_on(folder):
    """Of three kinds in turn: a worker, the command itself, all that runs, as when the power fails."""
    draw = random.Random(time.time_ns())
    trials = 2 * KILLS
    more = ["--search", "quality=0:1", "--maximize", "val_accuracy", "--study", "kills", "--trials", trials, "--workers", "2", "--seeds", "0", "--pruner", "none"]
    process, killed = start(folder, *more), []
    for number in range(KILLS):
        time.sleep(draw.uniform(1, 8))
        members = family(process.pid)
        workers = [p.pid for p in processes() if p.pid in members and "tuning/worker.py" in p.command]
        kind = ["worker", "command", "all"][number % 3]
        kill({"worker": workers[:1], "command": [process.pid], "all": members}[kind])
        killed.append(kind)
        if kind != "worker" or process.poll() is not None:
            process.wait()
            assert wait_until(lambda: not family(process.pid) - {process.pid}, 30)
            process = start(folder, *more)
    assert process.wait(timeout=600) == 0, (killed, (folder / "kills.log").read_text())
    log = (folder / "kills.log").read_text()
    assert "Traceback" not in log, log
    study = study_of(folder, "kills")
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    failed = [trial for trial in study.trials if trial.state.name == "FAIL"]
    assert len(complete) + len(failed) == len(study.trials)
    # Each of the trials came to its end once, but for one that was killed twice.
    again = [number for trial in study.trials for number in trial.system_attrs.get("retry_history", [])]
    lost = [trial for trial in failed if trial.number not in again]
    assert len(complete) + len(lost) == trials and all(trial.system_attrs.get("retry_history") for trial in lost), log
    assert len({trial.params["quality"] for trial in complete}) == len(complete)
    assert wait_until(lambda: not remains(folder), 30), remains(folder)
    assert not list((folder / "tune" / "kills").rglob("artifacts"))


def test_an_interrupt_gives_trials_back(folder):
    more = ["--search", "quality=0:1", "--maximize", "val_accuracy", "--study", "stopped", "--trials", "2", "--seeds", "0", "-p", "epochs", "100"]
    process = start(folder, *more)
    epochs = folder / "tune" / "stopped" / "trials" / "0" / "epochs.jsonl"
    assert wait_until(epochs.exists, 60)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    states = [trial.state.name for trial in study_of(folder, "stopped").trials]
    assert states == ["FAIL", "WAITING"] and not list(Path(folder / "tune" / "stopped").rglob("artifacts"))
    assert wait_until(lambda: not remains(folder), 30)
