#!/usr/bin/env bash
# Optuna 5.0.0: of two processes that begin on a new SQLite file at once, create_study(load_if_exists=True) may raise in one.
#
# What one would guess: load_if_exists=True is there so that several processes run the same line, and whoever is second finds what the
# first has made. That holds for the study, not for the tables under it: they are made in two steps, "is it there" and "make it", so that
# the second process fails with "table ... already exists" or over the row with the version. It is seen when a job array or two
# shells start a search, and never in the second start. Optuna's issue 1092 has it for PostgreSQL since 2020. A JournalStorage has no
# such step. What helps: one process creates the study before the others begin, or the journal.
#
# Seen with SQLAlchemy 2.1.9, alembic 1.20.1, Python 3.11, November 2026, two processes and 40 new files each; how many fail varies:
#   SQLite: 29 of 40 new files
#     IntegrityError: (sqlite3.IntegrityError) UNIQUE constraint failed: alembic_version.version_num
#     OperationalError: (sqlite3.OperationalError) table studies already exists
#     (and seven other tables)
#   journal: 0 of 40 new files
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check optuna==5.0.0 sqlalchemy==2.1.9 alembic==1.20.1
cat > finding.py <<'PYTHON'
import multiprocessing
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

ROUNDS = 40


def begin(kind, barrier, results):
    """One of the two processes: what create_study said in every round."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for number in range(ROUNDS):
        barrier.wait(timeout=60)
        try:
            if kind == "SQLite":
                storage = f"sqlite:///{number}.db"
            else:
                storage = JournalStorage(JournalFileBackend(f"{number}.log"))
            optuna.create_study(storage=storage, study_name="search", load_if_exists=True)
            results.put("")
        except Exception as error:
            results.put(f"{type(error).__name__}: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    failed = {}
    for kind in ["SQLite", "journal"]:
        barrier, results = context.Barrier(2), context.Queue()
        processes = [context.Process(target=begin, args=(kind, barrier, results)) for _ in range(2)]
        for process in processes:
            process.start()
        errors = [error for error in (results.get(timeout=120) for _ in range(2 * ROUNDS)) if error]
        for process in processes:
            process.join()
        failed[kind] = len(errors)
        print(f"{kind}: {len(errors)} of {ROUNDS} new files")
        for error in sorted(set(errors)):
            print(f"  {error}")
    sys.exit(0 if failed["SQLite"] > 0 and failed["journal"] == 0 else 1)
PYTHON
if timeout 300 python/bin/python finding.py; then
    echo "as described: with SQLite one of two processes may fail, with the journal none does"
else
    echo "changed"
    exit 1
fi
