"""Measures the model server against Flask with Keras, FastAPI with PyTorch, and FastAPI with ONNX Runtime.

Each contender serves the course's model, one image a request, on this machine, whose cores it shares with the client; one after the
other, in interleaved repetitions. The client, crates/serve/examples/load.rs, is the same for all. The others have a worker for each core.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import bench
import notebooks
import peers
import programs
import serve
import setup

CONTENDERS = ("serve", "onnx", "pytorch", "keras")
TITLES = {
    "serve": "this server",
    "serve-alone": "this server, each request on its own",
    "onnx": "ONNX Runtime, FastAPI, uvicorn",
    "pytorch": "PyTorch, FastAPI, uvicorn",
    "keras": "Keras, Flask, gunicorn",
}
CLIENTS = 32
RATE = 200  # requests a second, where times are measured
START_LIMIT = 120  # seconds
PATHS = {name: "/v1/models/model:predict" if name.startswith("serve") else "/predict" for name in TITLES}
QUANTITIES = (
    (f"{CLIENTS} clients", "requests/s", "rate", 0),
    (f"p50 at {RATE}/s", "ms", "p50", 2),
    (f"p99 at {RATE}/s", "ms", "p99", 2),
    ("memory", "MB", "memory", 0),
    ("start to first answer", "s", "start", 2),
)
BEST = "the best peer"
TARGETS = (
    bench.Target("requests/s, this server : the best peer", "rate", "serve", BEST, 10, smallest=True),
    bench.Target(f"p50 at {RATE}/s, in ms", "p50", "serve", None, 2),
    bench.Target(f"p99 at {RATE}/s, in ms", "p99", "serve", None, 8),
    bench.Target("memory, in MB", "memory", "serve", None, 150),
    bench.Target("start to first answer, in s", "start", "serve", None, 0.3),
)


def arguments(args=None):
    parser = argparse.ArgumentParser(prog="scripts/bench serve", description="Measures the model server against three others in one run.")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="how often each contender runs (default 3)")
    parser.add_argument("--seconds", type=float, default=10, metavar="S", help="for each measurement (default 10)")
    parser.add_argument(
        "--only", nargs="+", choices=TITLES, default=list(CONTENDERS),
        help="these contenders only; serve-alone is this server without batches",
    )
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="then ask this server at half of its load for so long, and watch its memory")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "bench", metavar="FOLDER", help="where the report goes (default out/bench)")
    chosen = parser.parse_args(args)
    if chosen.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if chosen.seconds <= 0 or chosen.soak < 0:
        parser.error("--seconds must be more than 0, and --soak not less")
    return chosen


# ---- the contenders ------------------------------------------------------------------------------


def server_command(name, port, models):
    """The command that starts a contender's server, and its environment."""
    cores = setup.physical_cores()
    if name.startswith("serve"):
        program = programs.built("bin", "serve", package="serve")
        alone = ["--batch", "1"] if name == "serve-alone" else []
        return [program, models / "model.safetensors", "--port", str(port), *alone], serve.environment()
    python, web = peers.python(name), peers.python("web")
    (packages,) = web.parents[1].glob("lib/python3*/site-packages")
    # The servers' packages beside those of the library, which keep their place.
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(peers.FOLDER), str(packages)]),
        "BENCH_MODELS": str(models),
        "OMP_NUM_THREADS": "1",
    }
    if name == "keras":
        gunicorn = ["-m", "gunicorn", "--workers", str(cores), "--bind", f"127.0.0.1:{port}", "serve_keras:app"]
        return [python, *gunicorn], env
    uvicorn = ["-m", "uvicorn", "--workers", str(cores), "--port", str(port), "--log-level", "warning", "--no-access-log"]
    return [python, *uvicorn, f"serve_{name}:app"], env


def answer(port, path, body):
    """The answer to one request, or None where there is none yet."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["predictions"][0]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


@contextlib.contextmanager
def running(name, models, body):
    """A contender's server that answers: its process, its port, how long it took to its first answer, and what that was."""
    port = bench.free_port()
    command, env = server_command(name, port, models)
    log = tempfile.TemporaryFile()
    begin = time.perf_counter()
    server = subprocess.Popen(
        list(map(str, command)), env=env, cwd=notebooks.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    try:
        while (first := answer(port, PATHS[name], body.read_bytes())) is None:
            if server.poll() is not None or time.perf_counter() - begin > START_LIMIT:
                log.seek(0)
                raise bench.BenchError(f"{name} gives no answer:\n{log.read()[-2000:].decode(errors='replace')}")
            time.sleep(0.01)
        yield server, port, time.perf_counter() - begin, first
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        log.close()


def memory(process):
    """MB of a process and all that it has started, what they share counted once."""
    total = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == process.pid:
                total += bench.memory(entry.name)
    return total / 1000


def load(port, path, body, seconds, clients, *rate):
    """What the client has seen."""
    program = programs.built("example", "load", package="serve")
    command = [program, f"127.0.0.1:{port}", path, body, seconds, clients, *rate]
    return bench.process(list(map(str, command)), os.environ)


def measured(name, models, body, seconds):
    with running(name, models, body) as (server, port, start, first):
        load(port, PATHS[name], body, 1, CLIENTS)  # a warm-up, which is not counted
        at_rate = load(port, PATHS[name], body, seconds, CLIENTS, RATE)
        full = load(port, PATHS[name], body, seconds, CLIENTS)
        if errors := at_rate["errors"] + full["errors"]:
            raise bench.BenchError(f"{name} did not answer {errors} requests.")
        return {
            "rate": full["rate"],
            "p50": at_rate["p50"],
            "p99": at_rate["p99"],
            "memory": memory(server),
            "start": start,
            "outputs": first,
        }


def check_same_answers(results):
    """Contenders that compute something else are no peers."""
    outputs = {name: found[-1]["outputs"] for name, found in results.items() if found}
    first = next(iter(outputs.values()))
    for name, output in outputs.items():
        if max(abs(one - other) for one, other in zip(first, output, strict=True)) > 1e-4:
            raise bench.BenchError(f"The contenders do not give the same outputs: {outputs}, {name} differs.")


def soak(models, body, minutes, rate):
    """This server at half of its load: whether it fails, and whether its memory grows after the first tenth of the time."""
    with running("serve", models, body) as (server, port, _, _):
        parts, used, errors, answers = 10, [], 0, 0
        for part in range(parts):
            seen = load(port, PATHS["serve"], body, minutes * 60 / parts, CLIENTS, rate / 2)
            errors, answers = errors + seen["errors"], answers + seen["answers"]
            used.append(memory(server))
            print(f"soak {part + 1}/{parts}  {seen['rate']:.0f} requests/s  p99 {seen['p99']} ms  {errors} errors  {used[-1]:.1f} MB", flush=True)
        return {"minutes": minutes, "answers": answers, "errors": errors, "memory": used, "growth": used[-1] - used[0]}


# ---- the report ----------------------------------------------------------------------------------


def with_best_peer(summaries):
    found = [summary for name, summary in summaries.items() if not name.startswith("serve")]
    return summaries | ({BEST: max(found, key=lambda peer: peer["rate"]["median"])} if found else {})


def report(out, results, seconds, soaked=None):
    """Writes what is known so far, so that nothing is lost if a later contender fails."""
    out.mkdir(parents=True, exist_ok=True)
    summaries = {name: bench.summary(found, QUANTITIES) for name, found in results.items() if found}
    about = bench.machine()
    versions = dict(line.split("==") for name in ("onnx", "web") for line in (peers.FOLDER / f"{name}.txt").read_text().split())
    about["versions"] |= {name: versions[name] for name in ("onnxruntime", "fastapi", "uvicorn", "Flask", "gunicorn")}
    content = {"machine": about, "seconds": seconds, "contenders": summaries, "raw": results, "soak": soaked}
    (out / "serve.json").write_text(json.dumps(content, indent=1))
    named = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        f"{about['cpu']}, {about['cores']} cores shared by server and client, {about['memory_gib']} GiB, {about['system']}; {named}; {about['date']}.",
        f"Medians, with the smallest and the largest value in brackets; the course's model, one image a request, {seconds:g} s each; memory is the proportional set size.",
        "",
        bench.table(summaries, QUANTITIES),
        "",
        bench.targets(with_best_peer(summaries), TARGETS),
    ]
    if soaked:
        parts += ["", f"{soaked['minutes']:g} minutes at half load: {soaked['answers']:,} answers, {soaked['errors']} errors, {soaked['growth']:+.1f} MB."]
    (out / "serve.md").write_text("\n".join(parts) + "\n")


def write_body(path):
    """A request of one image, with numbers of bytes divided by 255, as clients send them."""
    numbers = random.Random(1)
    image = [[round(numbers.randrange(256) / 255, 4) for _ in range(28)] for _ in range(28)]
    path.write_text(json.dumps({"instances": [[image]]}))
    return path


def measure(chosen):
    """All contenders in turn; the report grows with every result."""
    bench.TITLES.update(TITLES)
    results = {name: [] for name in chosen.only}
    models = (chosen.out / "serve-models").resolve()
    shutil.rmtree(models, ignore_errors=True)
    models.mkdir(parents=True)
    bench_models = programs.built("example", "bench_models", package="serve")
    subprocess.run([bench_models, models], env=programs.environment(), check=True)
    body = write_body(models / "request.json")
    for name in chosen.only:
        server_command(name, 0, models)  # compiles and installs what is missing
    for repetition in range(chosen.repetitions):
        for name in chosen.only:
            result = bench.measured(name, lambda _: measured(name, models, body, chosen.seconds), None)  # noqa: B023
            results[name].append(result)
            check_same_answers(results)
            print(
                f"{repetition + 1}/{chosen.repetitions}  {name:<12} {result['rate']:8.0f} requests/s  p50 {result['p50']:6.2f} ms  "
                f"p99 {result['p99']:6.2f} ms  {result['memory']:5.0f} MB  start {result['start']:5.2f} s",
                flush=True,
            )
            report(chosen.out, results, chosen.seconds)
    if chosen.soak:
        rates = [result["rate"] for result in results.get("serve", [])] or [measured("serve", models, body, chosen.seconds)["rate"]]
        report(chosen.out, results, chosen.seconds, soak(models, body, chosen.soak, min(rates)))


def main():
    return bench.to_its_end(measure, arguments(), "serve.md")


if __name__ == "__main__":
    sys.exit(main())
