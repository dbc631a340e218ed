"""The part `simulation` of bench_tune.py: up to a thousand workers on one PostgreSQL, directly and behind Optuna's proxy, without training.

Workers ask, wait as long as recorded trials took, compressed by a factor, report and tell, with scripts/tune's own functions. They share this
machine's cores with the database, so what the server's side needs of processor time for a trial is counted as well: that does not
depend on who else is busy.
"""

import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import bench
import postgres

# Seconds of whole trials of notebook 04 with 6 epochs, in batches of 256, 128, 64 and 32, on two busy cores.
RECORDED = (65.2, 76.1, 102.1, 131.8)
REPORTS = 6  # of a trial
PER_WORKER = 0.02  # seconds that are counted for each worker, at least
AS_SHIPPED, RAISED = 100, 1200  # max_connections: of Debian's PostgreSQL, and enough for a thousand workers
PROCESSES = 4  # that the simulated workers share
LIMIT = 360  # seconds for all


@dataclass
class Way:
    """To the storage: over the proxy or not, with so many connections to PostgreSQL, and these numbers of workers."""

    title: str
    connections: int
    workers: tuple
    threads: int = 0  # of the proxy
    prunes: bool = True


WAYS = {
    "direct": Way(f"direct, {AS_SHIPPED} connections", AS_SHIPPED, (300,)),
    "raised": Way("direct", RAISED, (1, 10, 100, 300, 1000)),
    "proxy": Way("proxy", AS_SHIPPED, (1, 10, 100, 300, 1000), threads=10),
    "unpruned": Way("direct, no pruner", RAISED, (100, 1000), prunes=False),
    "proxy-unpruned": Way("proxy, no pruner", AS_SHIPPED, (100, 1000), threads=10, prunes=False),
}


# ---- the servers ---------------------------------------------------------------------------------


@contextlib.contextmanager
def database(connections):
    server = postgres.Postgres(secrets.token_hex(8))
    server.start(f"max_connections={connections}")
    try:
        yield server
    finally:
        server.stop()
        server.remove()


PROXY = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.argv[1])
from tuning import packages
packages.use()
from optuna.storages import get_storage, run_grpc_proxy_server
run_grpc_proxy_server(get_storage(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[3]), thread_pool=ThreadPoolExecutor(int(sys.argv[4])))
"""


@contextlib.contextmanager
def proxy(url, threads):
    """Optuna's proxy before the database: its process and its URL."""
    from tuning.storage import open_storage, with_driver

    port = bench.free_port()
    words = [str(Path(__file__).parent), with_driver(url), str(port), str(threads)]
    process = subprocess.Popen([sys.executable, "-c", PROXY, *words], stderr=subprocess.DEVNULL)
    try:
        open_storage(f"grpc://127.0.0.1:{port}").close()  # waits until it answers
        yield process, f"grpc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def cpu(pid):
    """Seconds of processor time of a process and its children, those that have ended included."""
    total = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if entry.name.isdigit():
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(entry.name) == pid:
                    total += sum(map(int, fields[11:15]))
                elif int(fields[1]) == pid:
                    total += sum(map(int, fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


# ---- one point -----------------------------------------------------------------------------------


def point(url, study, firsts, way, trial_seconds, window, servers):
    """As many workers as there are first trials on a study for a while, and what they have seen."""
    numbered = list(enumerate(firsts))
    of = {"url": url, "study": study, "trial_seconds": trial_seconds, "reports": REPORTS, "prunes": way.prunes, "window": window}
    program = [sys.executable, str(Path(__file__).with_name("bench_tune_worker.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    started = []
    try:
        for start in range(min(PROCESSES, len(firsts))):
            process = subprocess.Popen(program, **pipes)
            started.append(process)
            say(process, of | {"first": numbered[start::PROCESSES]})
        for process in started:
            if process.stdout.readline().strip() != "ready":
                raise bench.BenchError(f"the simulated workers did not begin: {study}")
        begin = time.time() + 0.5
        for process in started:
            say(process, begin)
        first = begin + max(trial_seconds)
        time.sleep(max(0, first - time.time()))
        before = {name: cpu(pid) for name, pid in servers.items()}
        time.sleep(max(0, first + window - time.time()))
        used = {name: cpu(pid) - before[name] for name, pid in servers.items()}
        answers = [json.loads(process.stdout.readline() or "null") for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    if None in answers:
        raise bench.BenchError(f"the simulated workers gave no result: {study}")
    return seen(answers, len(firsts), window, statistics.fmean(trial_seconds)) | {"cpu": used}


def say(process, message):
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def seen(answers, count, window, trial_seconds):
    """The numbers of one point, from what its processes say. Who was refused by the storage does not count as a worker."""
    workers = [worker for answer in answers for worker in answer["workers"]]
    errors = [worker["error"] for worker in workers if worker["error"]]
    at_work = [worker for worker in workers if not worker["error"]]
    waited = sum(worker["waited"] for worker in at_work)
    trained = window * len(at_work) - waited
    return {
        "workers": count,
        "counted": window,
        "trials": sum(worker["trials"] for worker in workers),
        "reports": sum(len(worker["report_waits"]) for worker in workers),
        "report_wait": quantiles([wait for worker in workers for wait in worker["report_waits"]]),
        "trial_wait": waited / trained * trial_seconds if trained > 0 else None,
        "report_cpu": quantiles([cpu for worker in workers for cpu in worker["report_cpu"]]),
        "refused": len(errors),
        "why": max(set(errors), key=errors.count)[:400] if errors else "",
        "clients_cpu": sum(answer["cpu"] for answer in answers),
        "clients_memory": sum(answer["memory"] for answer in answers),
    }


def quantiles(values):
    if not values:
        return None
    ordered = sorted(values)
    return {"median": statistics.median(ordered), "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], "max": ordered[-1]}


# ---- the sweep -----------------------------------------------------------------------------------


def possible():
    if not postgres.is_possible():
        raise bench.BenchError(f"The simulation needs {postgres.NEEDS}.")


def measure(chosen, rows):
    """All ways and numbers of workers in turn; `rows` keeps each result as it comes."""
    possible()
    from tuning import packages

    packages.use()
    trial_seconds = [seconds / chosen.compress for seconds in RECORDED]
    until = time.monotonic() + LIMIT
    for name in chosen.ways:
        way = WAYS[name]
        of = {"way": name, "compress": chosen.compress, "window": chosen.window}
        left = [count for count in way.workers if count <= chosen.simulated and not rows.has(workers=count, **of)]
        if not left:
            continue
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(database(way.connections))
            url, servers = server.url(), {"PostgreSQL": server.pid()}
            if way.threads:
                process, url = stack.enter_context(proxy(server.url(), way.threads))
                servers["proxy"] = process.pid
            for count in left:
                if time.monotonic() > until:
                    raise bench.BenchError(f"The simulation takes more than {LIMIT} s: what is measured is kept, and the same command goes on.")
                study = f"{count} workers"
                firsts = handed_out(server.url(), study, count)
                # A thousand need more time until each has reported once.
                found = point(url, study, firsts, way, trial_seconds, max(chosen.window, count * PER_WORKER), servers)
                row = of | {"versions": versions(server)} | found
                rows.add(row)
                print(line(row), flush=True)


def handed_out(url, name, count):
    """A study with so many running trials: their ids and numbers. By one process, as the workers would take minutes for it."""
    import optuna

    from tuning.storage import open_storage
    from tuning.study import opened

    storage = open_storage(url)
    study = opened(storage, url, name, {"direction": "maximize"})
    distributions = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
        "batch_size": optuna.distributions.CategoricalDistribution([32, 64, 128, 256]),
    }
    params = {"learning_rate": 1e-3, "batch_size": 128}
    running = optuna.create_trial(state=optuna.trial.TrialState.RUNNING, params=params, distributions=distributions)
    firsts = [(study._storage.create_new_trial(study._study_id, running), number) for number in range(count)]
    storage.engine.dispose()
    return firsts


def versions(server):
    import grpc
    import optuna
    import sqlalchemy

    return {"PostgreSQL": server.version(), "Optuna": optuna.__version__, "SQLAlchemy": sqlalchemy.__version__, "grpcio": grpc.__version__}


def line(row):
    wait = f"{row['trial_wait']:.2f} s" if row["trial_wait"] is not None else "–"
    refused = f"  {row['refused']} refused" if row["refused"] else ""
    rates = f"{row['trials'] / row['counted']:6.1f} trials/s  {row['reports'] / row['counted']:7.1f} reports/s"
    return f"simulation {row['way']:<10} {row['workers']:>5} workers  {rates}  waits {wait} a trial{refused}"


# ---- what it says --------------------------------------------------------------------------------


def per_report(row, name):
    """Milliseconds of processor time of a server for a report, with its share of asking and telling."""
    return 1000 * row["cpu"][name] / row["reports"] if row["reports"] and name in row["cpu"] else None


COLUMNS = (
    "to the storage",
    "workers",
    "refused",
    "trials/s",
    "reports/s",
    "a report takes (s), median, 95 %",
    "waiting per trial (s)",
    "PostgreSQL (ms/report)",
    "proxy (ms/report)",
    "Optuna in the worker (ms/report)",
)


def of_settings(chosen, rows):
    return [row for row in rows.of(compress=chosen.compress, window=chosen.window) if row["way"] in WAYS]


def report(chosen, rows):
    rows = of_settings(chosen, rows)
    if not rows:
        return ""
    versions = ", ".join(f"{name} {version}" for name, version in rows[-1]["versions"].items())
    seconds = statistics.fmean(RECORDED) / chosen.compress
    lines = [
        f"{versions}. Trials of {seconds:.1f} s, {chosen.compress:g} times shorter than recorded ones, with {REPORTS} reports; "
        f"{chosen.window:g} s counted, and {1000 * PER_WORKER:g} with a thousand workers; all share this machine's cores. "
        f"PostgreSQL allows {RAISED:,} connections but where it says otherwise, and {AS_SHIPPED} behind Optuna's proxy.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---|" + "---:|" * (len(COLUMNS) - 1),
    ]
    for row in sorted(rows, key=lambda row: (list(WAYS).index(row["way"]), row["workers"])):
        wait = f"{row['report_wait']['median']:.2f}, {row['report_wait']['p95']:.2f}" if row["report_wait"] else "–"
        own = row["report_cpu"]["median"] * 1000 if row["report_cpu"] else None
        cells = [
            WAYS[row["way"]].title,
            f"{row['workers']:,}",
            str(row["refused"] or ""),
            f"{row['trials'] / row['counted']:.1f}",
            f"{row['reports'] / row['counted']:.1f}",
            wait,
            number(row["trial_wait"], 1),
            number(per_report(row, "PostgreSQL"), 1),
            number(per_report(row, "proxy"), 1),
            number(own, 1),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for row in rows:
        if row["refused"]:
            lines += ["", f"Refused with {row['workers']} workers: {row['why']}"]
            break
    return "\n".join(lines)


def waiting_share(wait, seconds):
    return None if wait is None else 100 * wait / (wait + seconds)


def number(value, decimals):
    return "–" if value is None else f"{value:,.{decimals}f}"


def charts(chosen, rows):
    """By the number of workers: what the storage takes, what the servers spend, how much of its time a worker waits."""
    rows = sorted(of_settings(chosen, rows), key=lambda row: row["workers"])
    seconds = statistics.fmean(RECORDED) / chosen.compress
    values = {
        "reports/s": lambda row: row["reports"] / row["counted"],
        "servers' processor time (ms/report)": lambda row: sum(filter(None, (per_report(row, name) for name in row["cpu"]))),
        "share of its time that a worker waits (%)": lambda row: waiting_share(row["trial_wait"], seconds),
    }
    made = []
    for title, value in values.items():
        lines = [
            {"name": way.title, "points": [[row["workers"], value(row)] for row in rows if row["way"] == name]}
            for name, way in WAYS.items()
        ]
        made.append({"title": title, "x": "workers", "y": title, "log_x": True, "lines": [line for line in lines if line["points"]]})
    return made
