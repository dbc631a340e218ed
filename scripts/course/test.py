"""Every check of the project: the crate, the kernel, the scripts, the notebooks. At the end two lanes go side by side, since both mostly wait.

No check stops the others; what failed is shown at the end. The output of each is kept in out/test/logs.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import notebooks
import setup

# Where some machines keep MNIST's files and published weights, beside the checkout.
SHARED = notebooks.ROOT.parent / "shared" / "data"
BESIDE = {"CNN_DATA_DIR": SHARED / "mnist", "CNN_WEIGHTS_DIR": SHARED / "weights"}
TESTS = notebooks.ROOT / "scripts" / "tests"
NOTEBOOK_TESTS = TESTS / "test_notebooks.py"
# Those in the notebooks' lane, so that both lanes take about as long: programs of the course, most of them without its kernel.
OF_PROGRAMS = ("backup", "book", "browser_notebook7", "convert", "pack", "page", "serve", "tune*", "widgets_on_pages")
PROGRAM_TESTS = sorted(path for name in OF_PROGRAMS for path in TESTS.glob(f"test_{name}.py"))
LIMIT = 3600  # seconds for one check
LONG = bool(os.environ.get("CNN_LONG_TESTS"))  # also what takes minutes: several machines, many kills, the whole course packed
SHOWN = 60  # lines of a failed check's output


@dataclass
class Check:
    """A command; `counts` says how its output tells how many tests passed and failed, `lane` which others it runs beside: those of the other lane."""

    name: str
    command: list
    counts: str = ""
    environment: dict = field(default_factory=dict)
    lane: int = 0


# Whose way of counting a check's output follows; without one, the check itself counts as one test.
CARGO, PYTEST, NOTEBOOKS = "cargo", "pytest", "notebooks"


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description="Runs every check: the crate, the scripts, the notebooks.",
        epilog="CNN_LONG_TESTS=1 adds searches on several machines and packing the whole course, which take some minutes. scripts/test formats compares model files with real Keras, PyTorch and ONNX Runtime, which it installs (scripts/test formats --help).",
    )
    parser.add_argument("--full", action="store_true", help="execute the notebooks with their full parameters, not the quick ones")
    parser.add_argument("--only", nargs="+", action="extend", metavar="CHECK", help="these checks only: --only rustfmt clippy")
    return parser.parse_args()


def environment():
    """What the checks need: the kernel's libtorch and toolchain, and data and weights where they lie beside the checkout."""
    spec = json.loads((setup.KERNELSPEC / "kernel.json").read_text())
    of_kernel, toolchain = spec["env"], spec["argv"][spec["argv"].index("--toolchain") + 1]
    wanted = ("LIBTORCH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
    result = os.environ | {name: of_kernel[name] for name in wanted if name in of_kernel}
    result["PATH"] = os.pathsep.join([toolchain, os.environ.get("PATH", os.defpath)])
    result["CNN_PROGRAMS"] = "tested"
    result |= {name: str(folder) for name, folder in BESIDE.items() if not result.get(name) and folder.is_dir()}
    return result


def checks(full):
    python = str(notebooks.VENV / "bin" / "python")
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", "-rfEs", "--durations=20"]
    run = [python, str(notebooks.ROOT / "scripts" / "course" / "run.py")]
    # Quick results must not take the place of the report of a full run.
    out = notebooks.OUT if full else notebooks.OUT / "test"
    run += ["--out", str(out)] if full else ["--quick", "--out", str(out)]
    workspace = ["--workspace", "--locked", "--quiet"]
    return [
        Check("rustfmt", ["cargo", "fmt", "--all", "--check"]),
        Check("clippy", ["cargo", "clippy", *workspace, "--all-targets", "--", "-D", "warnings"]),
        Check("documentation", ["cargo", "doc", *workspace, "--no-deps"], environment={"RUSTDOCFLAGS": "-D warnings"}),
        Check("imports", [python, str(notebooks.ROOT / "scripts" / "course" / "imports.py")]),
        Check("rust-tests", ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"], CARGO),
        Check("script-tests", [*pytest, *(f"--ignore={path}" for path in [*PROGRAM_TESTS, NOTEBOOK_TESTS]), str(TESTS)], PYTEST, lane=1),
        Check("notebooks", run, NOTEBOOKS, lane=2),
        Check("notebook-tests", [*pytest, str(NOTEBOOK_TESTS)], PYTEST, {"CNN_EXECUTED": str(out)}, lane=2),
        Check("program-tests", [*pytest, *map(str, PROGRAM_TESTS)], PYTEST, lane=2),
    ]


def counted(text, counts):
    """How many tests passed and failed, by what the check's tool prints."""
    if counts == CARGO:
        found = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed;", text, re.MULTILINE)
        return sum(int(passed) for passed, _ in found), sum(int(failed) for _, failed in found)
    last = text.strip().splitlines()[-1] if text.strip() else ""

    def before(word):
        return sum(int(number) for number in re.findall(rf"(\d+) {word}\b", last))

    if counts == PYTEST:
        return before("passed"), before("failed") + before("errors?")
    return (before("notebooks? ok"), before("failed")) if counts == NOTEBOOKS else (0, 0)


RUNNING = set()  # processes of checks, to be ended when the user stops us


def run(command, **options):
    """A command's exit code. What takes too long, or is stopped, is ended with all that it has started."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    RUNNING.add(process)
    try:
        return process.wait(timeout=LIMIT)
    finally:
        end(process)
        RUNNING.discard(process)


def end(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def perform(check, base):
    """Runs one check; returns how many tests passed and failed, and its output if it failed."""
    log = notebooks.OUT / "test" / "logs" / f"{check.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with open(log, "w") as out:
        options = {"stdout": out, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "cwd": notebooks.ROOT}
        try:
            status = run(check.command, env=base | check.environment, **options)
        except subprocess.TimeoutExpired:
            out.write(f"\nnot done after {LIMIT} s\n")
            status = 1
        except OSError as error:
            out.write(f"{error}\n")
            status = 1
    text = log.read_text(errors="replace")
    passed, failed = counted(text, check.counts)
    if status:
        failed = max(failed, 1)
    elif not check.counts:
        passed = 1
    what = f"{passed} passed" + (f", {failed} failed" if failed else "")
    print(f"{check.name:<15} {'failed' if failed else 'ok':<6} {time.monotonic() - begin:7.1f} s  {what if check.counts else ''}".rstrip(), flush=True)
    lines = text.rstrip().splitlines()
    # A test's own text can be longer than what is shown of it all: first the names.
    names = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return passed, failed, "\n".join([*names, *lines[-SHOWN:]]) if failed else ""


def packages():
    """Installs what the tests of the scripts need beside .venv. Without it one of them fails, and the others go on."""
    try:
        setup.packages_for_tests(setup.Steps(quiet=True))
        setup.packages_for_tuning(setup.Steps(quiet=True), dask=LONG)
        setup.packages_for_book(setup.Steps(quiet=True))
        if LONG:
            setup.databases_for_tests(setup.Steps(quiet=True))
    except setup.SetupError as error:
        print(f"test: {error}", file=sys.stderr)


def in_order(wanted, base, stopped):
    """Runs checks one after the other: each with how many tests passed and failed, and its output if it failed."""
    found = []
    for check in wanted:
        if stopped.is_set():
            break
        found.append((check, *perform(check, base)))
    return found


def side_by_side(wanted, base):
    """Those without a lane, then both lanes at once."""
    before, first, second = ([check for check in wanted if check.lane == lane] for lane in range(3))
    stopped = threading.Event()
    found = in_order(before, base, stopped)
    if any(check.counts == PYTEST for check in wanted):
        packages()
    with ThreadPoolExecutor() as pool:
        lanes = [pool.submit(in_order, lane, base, stopped) for lane in (first, second)]
        try:
            for lane in lanes:
                found += lane.result()
        except KeyboardInterrupt:
            stopped.set()
            for process in list(RUNNING):
                end(process)
            raise
    return found


def main():
    chosen = arguments()
    notebooks.isolate()
    available = checks(chosen.full)
    names = [check.name for check in available]
    if unknown := [name for name in chosen.only or [] if name not in names]:
        print(f"test: there is no check {unknown[0]!r}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    wanted = [check for check in available if not chosen.only or check.name in chosen.only]
    try:
        found = side_by_side(wanted, environment())
    except KeyboardInterrupt:
        print("\ntest: stopped", file=sys.stderr)
        return 130
    failures = {check.name: text for check, _, bad, text in found if bad}
    for name, text in failures.items():
        print(f"\n---- {name} " + "-" * (74 - len(name)) + f"\n{text}\n")
    if "rustfmt" in failures and "no such command" in failures["rustfmt"]:
        print("rustfmt and clippy are not installed: rustup component add rustfmt clippy\n")
    passed, failed = (sum(result[place] for result in found) for place in (1, 2))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
