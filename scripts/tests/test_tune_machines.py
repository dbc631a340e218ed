"""scripts/tune on several machines: PostgreSQL, with each command on a host of its own (a network namespace with its own address),
and a Dask cluster of two workers.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import COURSE, command, make_notebook, processes, wait_until
from test_tune import PARAMETERS, TRAINING

import setup
from postgres import NEEDS, Postgres, is_possible
from tuning import packages

if not os.environ.get("CNN_LONG_TESTS"):
    pytest.skip("searches on several machines take minutes: CNN_LONG_TESTS=1 runs them", allow_module_level=True)
assert setup.DASK_VENV.exists(), "scripts/test installs Dask into .venv-dask"
optuna = packages.use(dask=True)

PASSWORD = "not-to-be-shown"
SETTINGS = ["listen_addresses=*", "fsync=off"]


def needs(condition, what):
    return pytest.mark.skipif(not condition, reason=f"needs {what}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines")
    make_notebook(folder / "04_small.ipynb", [TRAINING], PARAMETERS)
    (folder / "artifacts").mkdir()
    return folder


def search(folder, *more):
    words = [folder / "04_small.ipynb", "--search", "quality=0:1", "--maximize", "val_accuracy", "--pruner", "none", *more]
    return [sys.executable, str(COURSE / "tune.py"), *map(str, words)]


def environment(folder):
    return os.environ | {"CNN_ARTIFACTS": str(folder / "artifacts"), "CNN_TUNE_BEAT": "3"}


# ---- PostgreSQL, and hosts -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(PASSWORD, ["10.77.0.0/16"])
    server.start(*SETTINGS)
    yield server
    server.stop()
    server.remove()


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, timeout=20).returncode == 0


@pytest.fixture(scope="module")
def hosts():
    """Two hosts, each with the address that this machine has for it."""
    made = []
    for number in (1, 2):
        name, link, here, there = f"tune{number}-{os.getpid()}", f"tune{number}", f"10.77.{number}.1", f"10.77.{number}.2"
        assert ip("netns", "add", name)
        made.append((name, here))
        ip("link", "del", link)
        assert ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        assert ip("addr", "add", f"{here}/24", "dev", link) and ip("link", "set", link, "up")
        inside = ["netns", "exec", name, "ip"]
        # Jupyter speaks with its kernels over the loopback device.
        assert ip(*inside, "link", "set", "lo", "up") and ip(*inside, "addr", "add", f"{there}/24", "dev", "eth0") and ip(*inside, "link", "set", "eth0", "up")
    yield made
    for number, (name, _) in enumerate(made, 1):
        ip("link", "del", f"tune{number}")
        ip("netns", "del", name)


@pytest.fixture
def ended():
    """Commands that do not outlive the test."""
    commands = []
    yield commands
    for command in commands:
        command.kill()
        command.wait()


@needs(is_possible() and shutil.which("ip"), f"{NEEDS}, and iproute2")
def test_two_hosts_share_a_study_in_postgresql(folder, postgres, hosts, ended):
    commands = ended
    for name, address in hosts:
        words = search(folder, "--study", "hosts", "--trials", "6", "--seeds", "2", "--storage", postgres.url(address), "--out", folder / name)
        log = open(folder / f"{name}.log", "w")
        commands.append(subprocess.Popen(["ip", "netns", "exec", name, *words], env=environment(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log))
    begun = lambda: all((folder / name / "hosts" / "trials").exists() for name, _ in hosts)  # noqa: E731
    assert wait_until(begun, 200), [(folder / f"{name}.log").read_text() for name, _ in hosts]
    # The database is away in the middle of it, and a worker of one of the hosts is killed.
    postgres.stop()
    time.sleep(float(os.environ.get("CNN_TUNE_AWAY", 3)))
    postgres.start(*SETTINGS)
    time.sleep(2)
    workers = [process for process in processes() if "tuning/worker.py" in process.command and process.parent == commands[0].pid]
    for worker in workers[:1]:
        os.kill(worker.pid, signal.SIGKILL)
    # `ip netns exec` becomes the command, so that its workers are its children.
    codes = [process.wait(timeout=500) for process in commands]
    logs = [(folder / f"{name}.log").read_text() for name, _ in hosts]
    assert codes == [0, 0], "\n----\n".join(logs)
    assert not any(PASSWORD in log or "Traceback" in log for log in logs)
    study = optuna.load_study(study_name="hosts", storage=postgres.url("127.0.0.1").replace("postgresql", "postgresql+psycopg"))
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    again = [number for trial in study.trials for number in trial.system_attrs.get("retry_history", [])]
    # At most one more than was asked for, since two machines ask at a time.
    assert 6 <= len(complete) <= 7 and len(complete) + len(again) == len(study.trials)
    # Each host had its part, and the winner's runs were shared or made by one.
    assert all("trial " in log for log in logs)
    (won,) = [summary for summary in optuna.get_all_study_summaries(study._storage) if "winner" in summary.study_name]
    assert won.n_trials == 2 and any("with other seeds" in log for log in logs)


@needs(is_possible(), NEEDS)
def test_a_wrong_password_is_said_and_not_shown(folder, postgres):
    words = [*search(folder)[2:], "--storage", postgres.url("127.0.0.1", "also-secret")]
    result = command("tune", *words)
    assert result.returncode == 2 and "password authentication failed" in result.stderr and "~/.pgpass" in result.stderr
    assert "also-secret" not in result.stdout + result.stderr and "Traceback" not in result.stderr


# ---- Dask ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a scheduler that has two workers."""
    folder = tmp_path_factory.mktemp("dask")
    site = setup.DASK_VENV / "bin" / "python"
    quiet = {"stdout": open(folder / "log", "w"), "stderr": subprocess.STDOUT, "cwd": folder}
    run = [str(site), "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(folder / "file.json")]
    started = [subprocess.Popen(run, **quiet)]
    for number in (1, 2):
        run = [str(site), "-m", "distributed.cli.dask_worker", "--scheduler-file", str(folder / "file.json"), "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"w{number}"]
        started.append(subprocess.Popen(run, **quiet))
    assert wait_until(lambda: (folder / "log").read_text().count("Registered to:") >= 2, 60), (folder / "log").read_text()
    import json

    yield json.loads((folder / "file.json").read_text())["address"]
    for process in started:
        process.kill()
        process.wait()


def test_a_dask_cluster_gets_the_trials(folder, scheduler):
    result = command("tune", *search(folder)[2:], "--study", "dask", "--trials", "3", "--seeds", "0", "--dask", scheduler, "--out", folder / "tune", environment=environment(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("\ntrial ") == 3
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "tune" / "dask" / "journal.log")))
    study = optuna.load_study(study_name="dask", storage=storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert all(len(trial.intermediate_values) == 4 for trial in study.trials)
    # Both of the cluster's workers had a part: two processes ran trials, with other parents than the command.
    assert len({trial.system_attrs["alive"]["pid"] for trial in study.trials}) >= 2


def test_a_scheduler_that_is_not_there(folder):
    result = command("tune", *search(folder)[2:], "--dask", "tcp://127.0.0.1:9", "--out", folder / "none")
    assert result.returncode == 2 and "the Dask scheduler tcp://127.0.0.1:9 does not answer" in result.stderr and "Traceback" not in result.stderr
