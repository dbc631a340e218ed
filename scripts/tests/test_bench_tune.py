"""The arithmetic, the refusals and the going on of the benchmark of scripts/tune; what it measures is measured by itself."""

import json
import random
import subprocess
import sys
import types

import pytest

import bench
import bench_tune as tune
import bench_tune_overhead as overhead
import bench_tune_simulation as simulation
import bench_tune_study as study
import notebooks
import parameters
import setup

# ---- results as they come ------------------------------------------------------------------------


def test_results_are_kept_as_they_come_and_found_again(tmp_path):
    rows = tune.Rows(tmp_path / "new" / "rows.jsonl")
    rows.add({"way": "proxy", "workers": 1})
    rows.add({"way": "proxy", "workers": 10})
    again = tune.Rows(rows.path)
    assert again.has(way="proxy", workers=10) and not again.has(way="direct") and len(again.of(way="proxy")) == 2


@pytest.mark.parametrize("wrong", [["--only", "theano"], ["--trials", "0"], ["--compress", "0"], ["--images", "5"], ["--ways", "pigeon"]])
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        tune.arguments(wrong)
    assert stopped.value.code == 2 and wrong[0] in capsys.readouterr().err


def test_the_script_knows_it():
    script = setup.ROOT / "scripts" / "bench"
    shown = subprocess.run([script, "tune", "--help"], capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0 and "a thousand workers on one storage" in " ".join(shown.stdout.split()), shown.stderr


# ---- overhead ------------------------------------------------------------------------------------


def test_growth_is_told_from_noise():
    draw = random.Random(1)
    noisy = [(number, 500 + draw.gauss(0, 40)) for number in range(200)]
    assert not overhead.growth(noisy)["grows"]
    grown = overhead.growth([(number, value + 0.5 * number) for number, value in noisy])
    assert grown["grows"] and grown["per_100"] == pytest.approx(50, abs=10)
    # A slope that is certain and makes next to nothing.
    assert not overhead.growth([(number, 500 + 0.01 * number) for number in range(200)])["grows"]
    # The beginning, while all is loaded, is no growth.
    assert not overhead.growth([(number, min(500, 100 + 40 * number)) for number in range(200)])["grows"]
    assert overhead.growth([(1, 2.0), (2, 3.0)]) is None and overhead.growth([]) is None


def rows_of_overhead(tmp_path, beyond):
    rows, settings = tune.Rows(tmp_path / "tune-overhead.jsonl"), {"trials_wanted": 200, "workers": 2, "begin": 1.0}
    for number in range(20):
        rows.add(settings | {"kind": "trial", "number": number, "seconds": 2.0 * number, "took": beyond + 0.5, "trained": 0.5})
        watched = {"memory": 900.0, "command": 80.0, "workers_memory": 200.0, "processes": 9, "files": 2 * number, "temporary": 12}
        rows.add(settings | {"kind": "look", "trials": number, "seconds": 2.0 * number} | watched)
    rows.add(settings | {"kind": "end", "seconds": 41.0, "processes": 0, "files": 43, "temporary": 0})
    return rows


@pytest.mark.parametrize("beyond, told", [(2.5, "| ≤ 3 | met |"), (4.5, "| ≤ 3 | missed by 50% |")])
def test_what_a_trial_costs(tmp_path, beyond, told):
    text = overhead.report(tune.arguments([]), rows_of_overhead(tmp_path, beyond))
    assert f"| {beyond:.2f} ({beyond:.2f}–{beyond:.2f}) {told}" in text and "| from one trial's end to the next one's | 2.00 |" in text
    assert text.count("| no growth |") == 6 and "43 files and folders, 2.1 for each trial (as it should)" in text


def test_of_a_run_that_went_on_the_longest_piece_is_looked_at():
    assert overhead.longest([{"kind": "look", "begin": begin} for begin in (1.0, 2.0, 2.0)]) == 2.0


def test_its_notebook_has_the_courses_parameters_cell(tmp_path):
    notebook = notebooks.read(overhead.write_notebook(tmp_path))
    assert list(parameters.of(notebook)) == ["epochs", "batch_size", "learning_rate", "seed"]
    assert "{{" not in notebook.cells[0].source and str(notebooks.ROOT / "crates" / "cnn") in notebook.cells[0].source


def test_processes_are_known_by_a_variable_also_without_their_parent(tmp_path):
    mark = f"test-{tmp_path}"
    command = [sys.executable, "-c", "import sys; print('here', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, env={overhead.MARK: mark}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "file").touch()
        seen = overhead.look(mark, tmp_path / "study", tmp_path)
        process.stdin.close()
    assert seen["processes"] == 1 and seen["memory"] > 1 and (seen["workers_memory"], seen["files"], seen["temporary"]) == (0, 1, 2)


# ---- study ---------------------------------------------------------------------------------------


def trial(number, elapsed, value, state="COMPLETE", epochs=6):
    return {"kind": "trial", "number": number, "elapsed": elapsed, "value": value, "state": state, "epochs": epochs, "values": {}}


TUNE = [trial(0, 10, 0.95), trial(1, 12, None, "PRUNED", 1), trial(2, 22, 0.99), {"kind": "end", "elapsed": 24}]
RANDOM = [trial(0, 20, 0.95), trial(1, 40, 0.98), trial(2, 60, 0.97), {"kind": "end", "elapsed": 61}]


def test_a_search_is_summed_up():
    found = study.summary(TUNE)
    assert (found["seconds"], found["best"], found["trials"], found["pruned"], found["epochs"], found["whole"]) == (24, 0.99, 3, 1, 13, True)
    assert found["curve"] == [[10, 0.95], [12, 0.95], [22, 0.95], [22, 0.99]]
    assert study.summary([trial(0, 1, None, "PRUNED")]) is None


def test_searches_are_compared_by_time_and_by_when_they_were_as_good():
    here, there = study.summary(TUNE), study.summary(RANDOM)
    pair = study.compared(here, there)
    assert pair["share"] == pytest.approx(24 / 61) and pair["reached"] == pytest.approx(22 / 61) and pair["good"] and pair["met"]
    worse = study.compared(there, here)
    assert worse["reached"] is None and not worse["good"] and not worse["met"]
    slow = study.compared(here | {"seconds": 30}, there)
    assert slow["good"] and not slow["met"]


def test_the_report_has_what_is_measured_so_far(tmp_path):
    chosen, rows = tune.arguments(["--seeds", "1", "2"]), tune.Rows(tmp_path / "tune-study.jsonl")
    assert study.plan(chosen) == [("tune", 1), ("random", 1), ("tune", 2), ("random", 2), ("hyperband", 1)]
    for arm, found in ("tune", TUNE), ("random", RANDOM):
        for row in found:
            rows.add(row | study.settings(chosen) | {"arm": arm, "seed": 1})
    rows.add(trial(0, 9, 0.9) | study.settings(chosen) | {"arm": "tune", "seed": 2})
    text = study.report(chosen, rows)
    assert "| scripts/tune, as it is | 1 | 0.4 | 0.9900 | 3 | 1 | 13 |" in text and "| scripts/tune, as it is so far | 2 |" in text
    assert "| seed 1 | 0.39 | 0.36 | yes | met |" in text and "seed 2 |" not in text.replace("so far | 2 |", "")
    assert [chart["title"] for chart in study.charts(chosen, rows)] == ["Seed 1", "Seed 2"]
    assert study.report(tune.arguments(["--epochs", "1"]), rows) == ""


def test_hyperbands_lines_are_told_from_others():
    assert study.told_of_hyperband(json.dumps(trial(0, 1, 0.5)))["number"] == 0
    assert study.told_of_hyperband("Reloading Tuner\n") is None and study.told_of_hyperband("3\n") is None


def test_a_search_goes_on_with_its_time(tmp_path):
    rows, of = tune.Rows(tmp_path / "rows.jsonl"), {"arm": "hyperband", "seed": 1}
    rows.add(of | {"kind": "trial", "elapsed": 100.0})
    told = {"number": 1, "value": 0.5, "state": "COMPLETE", "epochs": 6, "values": {}}
    study.run([sys.executable, "-c", f"print({json.dumps(told)!r})"], None, of, rows, study.told_of_hyperband)
    assert [row["kind"] for row in rows.all] == ["trial", "trial", "end"] and 100 < rows.all[1]["elapsed"] < rows.all[2]["elapsed"] < 110
    with pytest.raises(bench.BenchError, match="Hyperband, seed 1, failed:\nout of luck"):
        study.run([sys.executable, "-c", "import sys; sys.exit('out of luck')"], None, of, rows, study.told_of_hyperband)


# ---- simulation ----------------------------------------------------------------------------------


def worker(waits=(), waited=0.0, error="", cpu=(), trials=0):
    return {"trials": trials, "report_waits": list(waits), "waited": waited, "report_cpu": list(cpu), "error": error}


def test_what_simulated_workers_have_seen():
    answers = [
        {"workers": [worker([0.1, 0.3], 1.0, cpu=[0.02], trials=1), worker(error="too many")], "cpu": 2.0, "memory": 50.0},
        {"workers": [worker([0.2], 3.0)], "cpu": 1.0, "memory": 40.0},
    ]
    found = simulation.seen(answers, 3, 8.0, 6.0)
    assert (found["trials"], found["reports"], found["refused"], found["why"]) == (1, 3, 1, "too many")
    assert found["report_wait"] == {"median": 0.2, "p95": 0.3, "max": 0.3} and found["report_cpu"]["median"] == 0.02
    # Two workers for 8 s: 4 s of waiting to 12 of training, for trials of 6 s.
    assert found["trial_wait"] == pytest.approx(2.0)
    idle = simulation.seen([{"workers": [worker(error="away")], "cpu": 0, "memory": 0}], 1, 8.0, 6.0)
    assert idle["trial_wait"] is None and idle["report_wait"] is None


def test_the_sweep_is_told(tmp_path):
    chosen, rows = tune.arguments([]), tune.Rows(tmp_path / "tune-simulation.jsonl")
    seen = simulation.seen([{"workers": [worker([0.1] * 60, 3.0, cpu=[0.02], trials=9)], "cpu": 1, "memory": 1}], 1, 6.0, 3.0)
    row = {"way": "proxy", "compress": 25, "window": 6, "versions": {"Optuna": "5"}, "cpu": {"PostgreSQL": 0.3, "proxy": 1.2}} | seen
    rows.add(row)
    text = simulation.report(chosen, rows)
    assert "| proxy | 1 |  | 1.5 | 10.0 | 0.10, 0.10 | 3.0 | 5.0 | 20.0 | 20.0 |" in text
    drawn = {chart["title"]: chart["lines"] for chart in simulation.charts(chosen, rows)}
    assert drawn["servers' processor time (ms/report)"][0]["points"] == [[1, 25.0]]
    assert simulation.report(tune.arguments(["--window", "9"]), rows) == "" and "1 workers" in simulation.line(row)


def test_only_what_lies_in_the_window_counts(monkeypatch):
    assert setup.TUNE_VENV.exists(), "scripts/test installs Optuna into .venv-tune"
    from bench_tune_worker import overlap

    window = {"from": 10, "end": 20}
    assert [overlap(*span, window) for span in ((0, 9), (5, 12), (12, 13), (18, 30), (0, 99))] == [0, 2, 1, 2, 10]


def test_without_postgresql_it_says_what_is_needed(monkeypatch):
    monkeypatch.setattr(simulation.postgres, "is_possible", lambda: False)
    with pytest.raises(bench.BenchError, match="apt-get install postgresql"):
        simulation.measure(types.SimpleNamespace(), None)
