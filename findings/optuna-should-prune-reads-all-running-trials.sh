#!/usr/bin/env bash
# Optuna 5.0.0: each should_prune() reads all running trials from the database again, and behind the gRPC proxy one process does it for all.
#
# What one would guess: the median pruner compares with finished trials, which do not change and are kept in memory, so that it costs
# the same whether ten trials run or a thousand. But study.get_trials(), which it calls, first brings its copy of *every* unfinished
# trial up to date, with all parameters, attributes and reported values, even where only finished ones are asked for. The
# more workers there are, the longer each of them takes, and they ask the more often. The proxy, which is there for many workers, does
# not read for all at once: each question makes its one process read all running trials, one question after the other (pull request 6023 of
# 2025 would have kept them for a moment, and was closed). What helps: fewer reports, no pruner, or the database without the proxy.
#
# Seen with SQLAlchemy 2.1.9 and grpcio 1.85.3, Python 3.11, SQLite, November 2026, processor time of a report() with its should_prune(),
# that of the proxy included; it varies:
#   database: 4 ms with no other trial running, 21 ms with 300
#   proxy: 4 ms with no other trial running, 36 ms with 300
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check optuna==5.0.0 sqlalchemy==2.1.9 grpcio==1.85.3 protobuf==7.36.2
cat > finding.py <<'PYTHON'
import socket
import statistics
import sys
import threading
import time
import warnings

import optuna
from optuna.storages import GrpcStorageProxy, get_storage, run_grpc_proxy_server

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
PRUNER = optuna.pruners.MedianPruner(n_startup_trials=1)


def milliseconds(study):
    """Processor time of one report and its question, the median; the proxy is in this process, too."""
    trial, took = study.ask(), []
    for step in range(20):
        begin = time.process_time()
        trial.report(1.0, step)
        trial.should_prune()
        took.append(1000 * (time.process_time() - begin))
    study.tell(trial, 1.0)
    return statistics.median(took)


def running(study, count):
    for _ in range(count):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.report(0.5, 0)


found = {}
for way in ["database", "proxy"]:
    storage = get_storage(f"sqlite:///{way}.db")
    optuna.create_study(storage=storage, study_name="search")
    direct = optuna.load_study(storage=storage, study_name="search", pruner=PRUNER)
    direct.tell(direct.ask(), 1.0)
    if way == "proxy":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        threading.Thread(target=run_grpc_proxy_server, args=(storage,), kwargs={"host": "127.0.0.1", "port": port}, daemon=True).start()
        storage = GrpcStorageProxy(host="127.0.0.1", port=port)
        storage.wait_server_ready(60)
    study = optuna.load_study(storage=storage, study_name="search", pruner=PRUNER)
    alone = milliseconds(study)
    running(direct, 300)
    found[way] = alone, milliseconds(study)
    print(f"{way}: {alone:.0f} ms with no other trial running, {found[way][1]:.0f} ms with 300")
sys.exit(0 if all(many > 3 * alone for alone, many in found.values()) else 1)
PYTHON
if timeout 300 python/bin/python finding.py; then
    echo "as described: the more trials run, the longer takes a trial's question whether to prune it"
else
    echo "changed"
    exit 1
fi
