"""The parts of scripts/tune that need no kernel: which trials are left, who is alive, a storage that is away, what an epoch's line means."""

import importlib.util
import json
import math
import os
import subprocess
import sys
import time

import pytest

import notebooks
import parameters
import setup
from tuning import packages

assert setup.TUNE_VENV.exists(), "scripts/test installs Optuna into .venv-tune"
optuna = packages.use()

from tuning import alive, storage, study, winner  # noqa: E402
from tuning.follow import Epochs  # noqa: E402

DECLARED = parameters.parse("let rate: f64 = 0.5;\nlet seed: u64 = 7;")
SPACE = {"rate": {"low": 0.0, "high": 1.0, "log": False, "step": None}}
SEARCH = {"notebook": "04", "digest": "1", "metric": "val_loss", "direction": "minimize", "training": None, "space": SPACE, "fixed": {}}


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "journal.log")


def opened(url, search=SEARCH, name="small"):
    return study.opened(storage.open_storage(url), url, name, search)


# ---- trials --------------------------------------------------------------------------------------


def test_a_broken_trial_is_tried_again_once_with_the_same_values(url):
    small = opened(url)
    trial, values = study.ask(small, DECLARED, SPACE)
    study.give_back(small, small.trials[0], broke=True)
    trials = study.Trials(small)
    assert [trial.state.name for trial in trials.all] == ["FAIL", "WAITING"]
    assert trials.begun() == 1 and trials.are_left(1) and trials.finished() == []
    again, same = study.ask(opened(url), DECLARED, SPACE)
    assert (again.number, same) == (1, values)
    assert optuna.storages.RetryHeartbeatStaleTrialCallback.retried_trial_number(small.trials[1]) == 0
    study.give_back(small, small.trials[1], broke=True)
    trials.look()
    assert len(trials.all) == 2 and not trials.are_left(1)
    assert [trial.number for trial in trials.finished()] == [1]


def test_the_users_own_stops_do_not_count(url):
    small = opened(url)
    for number in range(4):
        study.ask(small, DECLARED, SPACE)
        study.give_back(small, small.trials[number], broke=False)
    assert small.trials[-1].state.name == "WAITING" and study.Trials(small).begun() == 1


def test_two_who_find_the_same_broken_trial_make_one_of_it(url):
    first, second = opened(url), opened(url)
    study.ask(first, DECLARED, SPACE)
    seen = second.trials[0]
    study.give_back(first, first.trials[0], broke=True)
    study.give_back(second, seen, broke=True)
    assert [trial.state.name for trial in first.trials] == ["FAIL", "WAITING"]


def test_the_best_and_the_end_of_a_trial(url):
    small = opened(url)
    for value in (0.5, 0.25, 0.25):
        number = study.ask(small, DECLARED, SPACE)[0].number
        assert study.told(small, number, "COMPLETE", value)
        # A storage that was away has it already.
        assert study.told(small, number, "COMPLETE", value)
    assert study.Trials(small).best().number == 1
    number = study.ask(small, DECLARED, SPACE)[0].number
    study.give_back(small, small.trials[number], broke=True)
    assert not study.told(small, number, "COMPLETE", 0.1)


def test_a_study_of_another_kind_is_refused_unless_nothing_was_found_in_it(url):
    small = opened(url)
    study.ask(small, DECLARED, SPACE)
    study.told(small, 0, "FAIL")
    other = SEARCH | {"metric": "loss"}
    small = opened(url, other)
    assert len(small.trials) == 0
    study.ask(small, DECLARED, SPACE)
    study.told(small, 0, "COMPLETE", 1.0)
    for change, words in [({"digest": "2"}, "has changed since"), ({"notebook": "05"}, "04 there, 05 here"), ({"fixed": {"seed": 1}}, "-p: ")]:
        with pytest.raises(notebooks.UsageError) as error:
            opened(url, other | change)
        assert words in str(error.value)
    assert len(opened(url, other).trials) == 1


def test_the_winners_seeds_are_new_ones_and_each_is_there_once(url):
    seeds = winner.seeds(DECLARED, {}, 3)
    assert seeds == [8, 9, 10] and winner.seeds(DECLARED, {"seed": 1}, 2) == [2, 3] and winner.seeds({}, {}, 3) == []
    space = winner.space(seeds)
    for _ in range(2):
        again = opened(url, SEARCH | {"space": space}, "won")
        winner.enqueue(again, seeds)
    assert len(again.trials) == 3
    for value in (0.25, 0.5, 0.75):
        trial, values = study.ask(again, DECLARED, space)
        again._storage.set_trial_user_attr(trial._trial_id, "metrics", {"test_loss": 2 * value, "val_loss": value})
        study.told(again, trial.number, "COMPLETE", value)
    found = winner.summary(again, "val_loss")
    assert found["seeds"] == seeds and found["metrics"]["val_loss"]["mean"] == 0.5
    assert found["metrics"]["test_loss"] == {"mean": 1.0, "standard_deviation": 0.5, "values": [0.5, 1.0, 1.5]}


def test_optunas_names_of_samplers_and_pruners():
    assert isinstance(study.sampler("tpe", SPACE, 1), optuna.samplers.TPESampler)
    assert isinstance(study.sampler("RandomSampler", SPACE, None), optuna.samplers.RandomSampler)
    assert study.pruner("Percentile:percentile=25.0,n_startup_trials=2")._percentile == 25.0
    assert isinstance(study.pruner("none"), optuna.pruners.NopPruner)
    assert study.grid_size("Grid", {"a": {"choices": [1, 2]}, "b": {"low": 1, "high": 3, "log": False, "step": 1}}) == 6


def test_a_study_that_goes_on_with_its_seed_tries_other_values(url):
    def values(begun):
        small = optuna.create_study(sampler=study.sampler("Random", SPACE, 1, begun))
        return [study.ask(small, DECLARED, SPACE)[1]["rate"] for _ in range(3)]

    assert values(0) == values(0) and values(3) == values(3)
    assert not set(values(0)) & set(values(3))


@pytest.mark.skipif(bool(importlib.util.find_spec("scipy")), reason="scipy is there")
def test_a_sampler_that_needs_a_package_says_so_before_the_first_trial():
    with pytest.raises(notebooks.UsageError, match="QMCSampler needs the Python package scipy"):
        study.sampler("QMC", SPACE, None)


# ---- who is alive --------------------------------------------------------------------------------


def beating(small, trial, **sign):
    small._storage.set_trial_system_attr(trial._trial_id, alive.ALIVE, alive.sign(0) | sign)


def test_processes_of_this_machine_are_looked_for(url):
    small = opened(url)
    here, gone, elsewhere = (study.ask(small, DECLARED, SPACE)[0] for _ in range(3))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    beating(small, here)
    beating(small, gone, pid=ended.pid)
    beating(small, elsewhere, pid=ended.pid, machine="another")
    assert [trial.number for trial in alive.Watch().broken(small.trials)] == [gone.number]


def test_others_are_waited_for_by_ones_own_clock(url, monkeypatch):
    small = opened(url)
    beats, silent, never = (study.ask(small, DECLARED, SPACE)[0] for _ in range(3))
    beating(small, silent, machine="another")
    now, watch = [1000.0], alive.Watch()
    monkeypatch.setattr(alive.time, "monotonic", lambda: now[0])
    for beat in range(6):
        # The machine's own clock, which is years off, is nowhere to be seen.
        beating(small, beats, machine="a third", beat=beat)
        broken = [trial.number for trial in watch.broken(small.trials)]
        assert broken == ([] if now[0] <= 1000.0 + alive.GRACE else [silent.number, never.number])
        now[0] += alive.GRACE / 4


def test_a_process_learns_that_its_trial_was_given_up(url, monkeypatch):
    monkeypatch.setattr(alive, "BEAT", 0.05)
    small = opened(url)
    trial, _ = study.ask(small, DECLARED, SPACE)
    with alive.Beats(small, trial._trial_id) as beats:
        time.sleep(0.2)
        assert small.trials[0].system_attrs[alive.ALIVE]["beat"] > 0 and not beats.lost
        study.give_back(opened(url), small.trials[0], broke=True)
        time.sleep(0.2)
        assert beats.lost


# ---- a storage that is away ----------------------------------------------------------------------


class ConnectionLost(ConnectionError):
    pass


def test_a_call_waits_for_the_storage(monkeypatch):
    slept = []
    monkeypatch.setattr(storage.time, "sleep", slept.append)
    answers = [ConnectionLost(), optuna.exceptions.StorageInternalError(), 5]

    def call():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert storage.patiently(call) == 5 and slept == [0.5, 1.0]
    answers[:] = [ValueError("no")]
    with pytest.raises(ValueError):
        storage.patiently(call)
    answers[:] = [ConnectionLost()]
    monkeypatch.setattr(storage, "PATIENCE", -1)
    with pytest.raises(ConnectionLost):
        storage.patiently(call)


def test_a_server_without_connections_left_is_told_from_one_that_is_away():
    full = 'connection to server at "10.0.0.1" failed: FATAL:  sorry, too many clients already'
    assert "Raise max_connections" in storage.advice("postgresql://optuna@host/optuna", full)
    assert "Check that the server runs" in storage.advice("postgresql://optuna@host/optuna", "Connection refused")


def test_files_and_databases(tmp_path):
    for url in [f"sqlite:///{tmp_path}/a/b.db", str(tmp_path / "c" / "journal.log")]:
        assert len(opened(url).trials) == 0
    with pytest.raises(notebooks.UsageError, match="cannot be used"):
        storage.open_storage(str(tmp_path))


# ---- epochs --------------------------------------------------------------------------------------


def write(path, *lines):
    with open(path, "a") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")


def line(training, epoch, **values):
    return {"training": training, "epoch": epoch, "epochs": 2} | values


def test_each_value_belongs_to_its_training(tmp_path):
    path = tmp_path / "epochs.jsonl"
    first, second = Epochs(path, "val_loss"), Epochs(path, "val_loss", training=2)
    assert first.look() == [] and first.last() is None
    # The first training has no validation, and is none of those that report the metric; it is counted all the same.
    write(path, line("a", 1, loss=0.5), line("b", 1, loss=0.4, val_loss=0.3), line("c", 1, loss=0.4, val_loss=0.2))
    assert first.look() == [(1, 2, 0.3)] == second.look()
    write(path, line("b", 2, loss=0.3, val_loss=None))
    with open(path, "a") as file:
        file.write('{"training": "c", "epoch"')
    ((epoch, epochs, value),) = first.look()
    assert (epoch, epochs) == (2, 2) and math.isnan(value) and math.isnan(first.last())
    with open(path, "a") as file:
        file.write(': 2, "epochs": 2, "val_loss": 0.1}\n')
    third = Epochs(path, "val_loss", training=3)
    assert third.look() == [(1, 2, 0.2), (2, 2, 0.1)] and third.last() == 0.1
    assert first.look() == [] and len(first.reporting()) == 2 and first.names() == ["loss", "val_loss"]
    none = Epochs(path, "val_loss", training=4)
    assert none.look() == [] and none.last() is None


def test_the_journals_half_line_does_not_end_a_study(url):
    study.ask(opened(url), DECLARED, SPACE)
    with open(url, "a") as journal:
        journal.write('{"op_code":4,"study')
    os.utime(url, (1, 1))
    small = opened(url)
    study.ask(small, DECLARED, SPACE)
    assert len(opened(url).trials) == 2
