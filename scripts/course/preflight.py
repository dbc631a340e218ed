"""Looks whether a machine is ready for the course: what is installed, whether the kernel works, whether the data are there.

Nothing is installed or changed. Before set-up it says what set-up needs; only the standard library is used. The form of `--json`
is `FORM` and the fields below; `--summary` reads what many machines have written.
"""

import argparse
import collections
import getpass
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path

import endings
import setup

FORM = "cnn-course preflight 1"
OK, WARN, FAIL = "ok", "warn", "fail"
MARKS = {OK: ("✓", "32"), WARN: ("!", "33"), FAIL: ("✗", "31")}
GIB = setup.GIB
SET_UP = "Run scripts/setup; it goes on where it stopped."
SET_UP_FIRST = "Set-up first: scripts/setup."
DISK_BEFORE, DISK_AFTER = 4 * GIB, 1 * GIB  # what set-up takes; what compiled cells and models take
MEMORY_LEAST, MEMORY_GOOD = 2 * GIB, 4 * GIB  # a kernel holds about one, a browser as much
LIMIT = 120  # seconds for what the kernel is asked, all of it
SLOW = 45  # seconds after which a notebook's first cells are slow
PORTS = range(8888, 8939)  # the ones that JupyterLab tries
LONGEST = 300  # characters of a text from a file of somebody else's
SHORT, SHORTEST = 48, 24  # characters of it in a summary, where a machine has one line; of a name
# What is wrong because something else is.
NOT_KNOWN, NOT_TRIED = "not known without Rust", "not tried"


@dataclass
class Check:
    name: str
    state: str
    found: str
    remedy: str = ""


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/preflight", description="Looks whether this machine is ready for the course. Nothing is changed."
    )
    parser.add_argument("--json", action="store_true", help="print the result in a form for programs, such as --summary")
    parser.add_argument("--name", help="a name to be in the result, which otherwise has the machine's alone")
    parser.add_argument("--summary", type=Path, metavar="FOLDER", help="sum up the results in this folder's .json files")
    return parser.parse_args()


# ---- the checks ----------------------------------------------------------------------------------


def system():
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if platform.system() not in ("Linux", "Darwin"):
        return FAIL, found, "Linux and macOS are supported; on Windows use WSL (see environment.md)."
    setup.check_place()
    return OK, found


def python():
    setup.check_venv_module()
    return OK, f"Python {platform.python_version()}"


def rust():
    cargo_bin, version = setup.find_cargo_bin()
    if not setup.has_rust_sources(cargo_bin):
        # Set-up fetches them where rustup can.
        state = WARN if setup.find("rustup") else FAIL
        remedy = "Run scripts/setup, which fetches them." if state == WARN else f"Install them: {setup.INSTALL_RUST_SRC}"
        return state, f"Rust {version}, without the standard library's sources", remedy
    return OK, f"Rust {version}"


def compiler():
    return OK, setup.find_compiler()


def cores():
    count = setup.physical_cores()
    if count < 2:
        return WARN, "1 core", "Trainings take twice as long as the notebooks say; smaller parameters help (scripts/run --quick has some)."
    return OK, f"{count} cores"


def memory():
    """Bytes of the machine, and of those the free ones where the system says so."""
    total = free = None
    try:
        if setup.MACOS:
            total = int(setup.version_of(["sysctl", "-n", "hw.memsize"]))
        else:
            lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
            total, free = (int(lines[name].split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))
    except (OSError, TypeError, ValueError, KeyError):
        return WARN, "the memory's size could not be found out", "The course wants 4 GiB."
    found = f"{total / GIB:.1f} GiB" + (f", {free / GIB:.1f} GiB of them free" if free is not None else "")
    if total < MEMORY_LEAST:
        return FAIL, found, "A kernel and a browser need 2 GiB: take another machine."
    if total < MEMORY_GOOD or (free is not None and free < MEMORY_LEAST):
        return WARN, found, "Close other programs, and each notebook's kernel when you are done with it (scripts/lab --cull 30)."
    return OK, found


def disk(is_set_up):
    needed = DISK_AFTER if is_set_up else DISK_BEFORE
    folders = [setup.ROOT] if is_set_up else [setup.ROOT, existing(setup.cache_folder())]
    free = min(shutil.disk_usage(folder).free for folder in folders)
    found = f"{free / GIB:.1f} GiB free"
    if free < needed:
        what = "the course" if is_set_up else "set-up"
        return FAIL, found, f"Free some space: {what} needs {needed / GIB:.0f} GiB; CNN_CACHE moves set-up's cache to another disk."
    return OK, found


def existing(folder):
    return next(path for path in (folder, *folder.parents) if path.exists())


def set_up(missing):
    if missing is None:
        return FAIL, NOT_KNOWN, "Install Rust, then run scripts/setup."
    if missing:
        return FAIL, f"still missing: {', '.join(missing)}", SET_UP
    return OK, "complete"


def kernel(said):
    if said is None:
        return FAIL, NOT_TRIED, SET_UP_FIRST
    if "error" in said:
        return FAIL, said["error"][:LONGEST], "Run scripts/setup, then try again; 'Troubleshooting' in environment.md has the usual causes."
    found = f"ready after {said['ready']:.0f} s; a tensor and a plot after {said['cells']:.0f} s more, on the {said['device']}"
    if said["ready"] + said["cells"] > SLOW:
        return WARN, found, "Close other programs; on a laptop, plug in the power supply."
    return OK, found


def data(said):
    if said is None or "data" not in said:
        return WARN, "not looked for without a kernel", SET_UP_FIRST
    damaged = [f"{title}: {entry['error']}" for title, entry in said["data"].items() if "error" in entry]
    missing = [title for title, entry in said["data"].items() if entry.get("name", "").startswith("synthetic")]
    if damaged:
        return FAIL, "; ".join(damaged)[:LONGEST], "Get these files again; 'The data' in environment.md says where they are looked for."
    if missing:
        remedy = "They are downloaded when a notebook first needs them. Without a network, name a folder that has them: "
        remedy += "CNN_DATA_DIR=folder scripts/lab."
        return WARN, f"missing: {', '.join(missing)}", remedy
    return OK, ", ".join(said["data"])


def ports():
    taken = [port for port in PORTS if not is_free(port)]
    if len(taken) == len(PORTS):
        return FAIL, f"no port from {PORTS[0]} to {PORTS[-1]} is free", "Close other JupyterLabs, or name a port: scripts/lab --port 9000."
    if PORTS[0] in taken:
        return (
            WARN,
            f"{PORTS[0]} is taken, by another JupyterLab perhaps",
            "JupyterLab takes the next free port; close the other one if it is not needed.",
        )
    return OK, f"{PORTS[0]} is free for JupyterLab"


def is_free(port):
    with socket.socket() as one:
        # As Jupyter's server does it: a port that was left a moment ago is free.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def unfinished():
    """What set-up would still do, or None where that cannot be known."""
    try:
        return setup.unfinished(setup.find_cargo_bin()[0])
    except setup.SetupError:
        return None


def ask_kernel():
    """What preflight_kernel.py has found."""
    command = [setup.VENV / "bin" / "python", Path(__file__).with_name("preflight_kernel.py"), str(LIMIT)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {3 * LIMIT} s"}
    except OSError as error:
        return {"error": f"Python in .venv could not be started: {error}"}
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"error": "the kernel could not be asked. " + "".join(done.stderr.strip().splitlines()[-1:])}


def all_checks():
    """The checks in their order, each as soon as it is done."""
    missing = unfinished()
    yield check("system", system)
    yield check("python", python)
    yield check("rust", rust)
    yield check("compiler", compiler)
    yield check("cores", cores)
    yield check("memory", memory)
    yield check("disk", disk, missing == [])
    yield check("set-up", set_up, missing)
    said = ask_kernel() if missing == [] else None
    yield check("kernel", kernel, said)
    yield check("data", data, said)
    yield check("ports", ports)


def check(name, function, *values):
    """What a check found. What set-up would refuse has its own advice; nothing else that goes wrong ends the others."""
    try:
        state, found, *remedy = function(*values)
        return Check(name, state, anonymous(found), anonymous("".join(remedy)))
    except setup.SetupError as error:
        found, _, remedy = str(error).partition("\n")
        return Check(name, FAIL, anonymous(found), anonymous(" ".join(remedy.split())))
    except Exception as error:  # noqa: BLE001  a page with one line less is worth more than none
        return Check(name, FAIL, anonymous(f"could not be checked: {type(error).__name__}: {error}"), "Say so to who gives the course.")


def anonymous(text):
    """The text without the user's name, which stands in paths."""
    text = text.replace(str(Path.home()), "~")
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        return text
    return re.sub(rf"(?<![\w.-]){re.escape(user)}(?![\w-])", "USER", text) if user != "root" else text


# ---- what is shown -------------------------------------------------------------------------------


def colour(text, code):
    return f"\x1b[{code}m{text}\x1b[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def line(done):
    mark, code = MARKS[done.state]
    shown = f"{colour(mark, code)} {done.name:<9} {done.found}"
    return shown + (f"\n  {'':<9} → {done.remedy}" if done.remedy and done.state != OK else "")


def of_this_machine(chosen):
    done = []
    for one in all_checks():
        done.append(one)
        if not chosen.json:
            print(line(one), flush=True)
    failed = [one.name for one in done if one.state == FAIL]
    if chosen.json:
        result = {
            "form": FORM,
            "host": socket.gethostname(),
            "name": chosen.name,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        print(json.dumps(result | {"ready": not failed, "checks": [asdict(one) for one in done]}, indent=2, ensure_ascii=False))
    else:
        print(colour("Not ready: " + ", ".join(failed), "31") if failed else colour("Ready.", "32"))
    return 1 if failed else 0


# ---- many machines -------------------------------------------------------------------------------


def result_of(path):
    """A machine's result, checked, since anybody may have written the file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({type(error).__name__})") from None
    if not isinstance(found, dict) or found.get("form") != FORM:
        raise ValueError(f"no result of scripts/preflight --json in the form {FORM!r}")
    texts = [found.get("host"), found.get("time"), found.get("name") or ""]
    checks = found.get("checks")
    if not isinstance(checks, list) or not checks or not all(isinstance(text, str) for text in texts):
        raise ValueError("host, time, name or checks are missing, or of another kind")
    for one in checks:
        if (
            not isinstance(one, dict)
            or not all(isinstance(one.get(field), str) for field in Check.__annotations__)
            or one["state"] not in MARKS
        ):
            raise ValueError("a check has not the fields name, state, found and remedy")
    checks = [Check(**{field: printable(one[field]) for field in Check.__annotations__}) for one in checks]
    return {
        "host": printable(found["host"]),
        "name": printable(found.get("name") or ""),
        "time": printable(found["time"]),
        "checks": checks,
    }


def printable(text):
    """A line of text that cannot do anything to a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:LONGEST]


def summary(folder):
    if not folder.is_dir():
        print(f"preflight: there is no folder {folder}; --summary wants the one with the machines' .json files", file=sys.stderr)
        return 2
    newest, skipped = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            result = result_of(path)
        except ValueError as error:
            skipped.append(f"{path.name}: {error}")
            continue
        who = (result["host"], result["name"])
        if who not in newest or newest[who]["time"] <= result["time"]:
            newest[who] = result
    if not newest and not skipped:
        print(f"preflight: {folder} has no .json files; make them with scripts/preflight --json > NAME.json", file=sys.stderr)
        return 2
    results = sorted(newest.values(), key=lambda result: (not troubles(result, FAIL), result["host"], result["name"]))
    show(results)
    for text in skipped:
        print(f"skipped: {printable(text)}")
    return 0 if not skipped and not any(troubles(result, FAIL) for result in results) else 1


def troubles(result, state):
    return [one for one in result["checks"] if one.state == state]


def cut(text, length):
    return text if len(text) <= length else text[: length - 1] + "…"


def width(text):
    """Columns of a terminal that a text takes: Chinese letters, for example, take two each."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def show(results):
    rows = []
    for result in results:
        failed, warned = troubles(result, FAIL), troubles(result, WARN)
        causes = [one for one in failed if one.found not in (NOT_KNOWN, NOT_TRIED)] or failed
        why = "; ".join(f"{one.name}: {cut(one.found, SHORT)}" for one in causes) or (
            "but look at " + ", ".join(one.name for one in warned) if warned else ""
        )
        rows.append((cut(result["host"], SHORTEST), cut(result["name"], SHORTEST), "no" if failed else "yes", why))
    heads = ("machine", "name", "ready", "why")
    widths = [max(width(row[column]) for row in [heads, *rows]) for column in range(3)]
    for row in [heads, *rows]:
        cells = [text + " " * (widest - width(text)) for text, widest in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[3]]).rstrip())
    counts = collections.Counter(one.name for result in results for one in troubles(result, FAIL))
    ready = sum(not troubles(result, FAIL) for result in results)
    print(f"\n{ready} of {len(results)} {'machine is' if len(results) == 1 else 'machines are'} ready.")
    if counts:
        name, count = counts.most_common(1)[0]
        remedies = collections.Counter(one.remedy for result in results for one in troubles(result, FAIL) if one.name == name)
        print(f"Most frequent: {name}, {count} times. {remedies.most_common(1)[0][0]}")


def main():
    chosen = arguments()
    return endings.ended("preflight", lambda: summary(chosen.summary) if chosen.summary else of_this_machine(chosen), {})


if __name__ == "__main__":
    sys.exit(main())
