"""What the tests of the scripts share: small notebooks, the scripts as commands, kernels, and waiting with an end."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import nbformat
import pytest
from jupyter_client.manager import KernelManager

COURSE = Path(__file__).resolve().parents[1] / "course"
sys.path.insert(0, str(COURSE))

import notebooks  # noqa: E402
import setup  # noqa: E402

notebooks.isolate()
os.environ.setdefault("CNN_PROGRAMS", "tested")  # what the Rust tests have compiled is there

LIMIT = 300  # seconds for whatever a kernel is asked, on a busy machine
# A cell that does not end by itself, nor looks at the stop flag.
LOOP = "let mut x = 0u64;\nloop { x = std::hint::black_box(x.wrapping_add(1)); }"


def make_notebook(path, cells, parameters=None, quick=None):
    """A notebook with these code cells; a cell may be (source, tags)."""
    v4 = nbformat.v4
    made = [v4.new_markdown_cell("# A title", id="title")]
    if parameters:
        made.append(v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]}))
    for number, cell in enumerate(cells):
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        made.append(v4.new_code_cell(source, id=f"cell-{number}", metadata={"tags": tags} if tags else {}))
    notebook = v4.new_notebook(cells=made)
    notebook.metadata["course"] = {"quick": quick or {}}
    path.write_text(notebooks.as_text(notebook))
    return path


def command(name, *words, environment=None, timeout=300):
    """Runs course/NAME.py as the scripts do, and returns what it printed and its exit code."""
    run = [sys.executable, str(COURSE / f"{name}.py"), *map(str, words)]
    env = {key: value for key, value in os.environ.items() if key != "CNN_ARTIFACTS"} | (environment or {})
    return subprocess.run(run, capture_output=True, text=True, timeout=timeout, env=env, stdin=subprocess.DEVNULL)


def wait_until(condition, limit=30):
    """True as soon as the condition holds, False if it does not within `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


# ---- the browser --------------------------------------------------------------------------------

BROWSER_OPTIONS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def chromium():
    """The system's browser, driven by Playwright."""
    program = setup.browser()
    if not program:
        assert not os.environ.get("CI"), f"no browser was found. {setup.INSTALL_BROWSER}"
        pytest.skip(f"no browser was found. {setup.INSTALL_BROWSER}")
    packages = setup.TEST_VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    assert (packages / "playwright").exists(), "scripts/test installs Playwright into .venv-test"
    sys.path.append(str(packages))
    from playwright.sync_api import sync_playwright

    options = BROWSER_OPTIONS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=options) as chromium:
        yield chromium


# ---- kernels -------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of a cell: the content of the reply, and what was published about it."""

    reply: dict
    messages: list

    def of(self, kind):
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    def text(self, name="stdout"):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    def error(self):
        """The one error, as a learner sees it, without colours."""
        (error,) = self.of("error")
        return notebooks.ANSI.sub("", "\n".join(error["traceback"]))


class Kernel:
    """A running kernel, and all that it has said. Every wait has an end."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client
        self.published, self.replies = [], {}

    def start(self, source, **options):
        return self.client.execute(source, **options)

    def execute(self, source, **options):
        return self.outcome(self.start(source, **options))

    def outcome(self, request):
        messages = self.wait_for(request, is_idle)
        return Outcome(self.reply(request)["content"], messages)

    def about(self, request):
        return [message for message in self.published if message["parent_header"].get("msg_id") == request]

    def wait_for(self, request, condition, limit=LIMIT):
        """Listens until the condition holds for what was published about a request."""
        self.listen_until(lambda: condition(self.about(request)), limit)
        return self.about(request)

    def wait_until_published(self, condition, limit=LIMIT):
        """Listens until something was published that fulfils the condition."""
        self.listen_until(lambda: any(map(condition, self.published)), limit)

    def listen_until(self, condition, limit):
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, f"not within {limit} s; the last messages are {self.published[-10:]}"
            self.listen()

    def listen(self, seconds=0.1):
        try:
            self.published.append(self.client.get_iopub_msg(timeout=seconds))
        except Empty:
            pass

    def reply(self, request, limit=LIMIT):
        """The whole reply on the shell channel."""
        end = time.monotonic() + limit
        while request not in self.replies:
            assert time.monotonic() < end, f"no reply within {limit} s"
            try:
                message = self.client.get_shell_msg(timeout=1)
                self.replies[message["parent_header"]["msg_id"]] = message
            except Empty:
                pass
        return self.replies[request]

    def interrupt(self):
        self.manager.interrupt_kernel()

    # The processes: the kernel, its guard, the session with evcxr in it, the supervisor, and its child that runs the cells.

    def pid(self):
        return self.manager.provisioner.pid

    def guard(self):
        """None until it is started, which the kernel does after it has answered."""
        found = (process for process in processes() if process.parent == self.pid() and " guard " in process.command)
        return next(found, None)

    def folder(self):
        return Path(self.guard().command.split(" guard ")[1])

    def evcxr(self):
        (found,) = (process for process in processes() if process.parent == self.pid() and "live-session" in process.command)
        return found.pid

    def of_cells(self):
        found = self.evcxr()
        for _ in range(2):
            (found,) = (process.pid for process in processes() if process.parent == found and "live-cells" in process.command)
        return found

    def family(self):
        """All its processes, by their ids."""
        found = {self.pid()}
        for _ in range(5):
            found |= {process.pid for process in processes() if process.parent in found}
        return found


@dataclass
class Process:
    pid: int
    parent: int
    command: str


def processes():
    """All that run, without those that merely wait to be collected."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, timeout=30).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    return [Process(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")]


def alive(pids):
    return pids & {process.pid for process in processes()}


def is_idle(messages):
    return any(message["content"].get("execution_state") == "idle" for message in messages)


def has_printed(text):
    """A condition for `wait_for`."""
    return lambda messages: text in Outcome({}, messages).text()


def kernel_command(options):
    """The kernelspec's command, with other options, or more."""
    command = list(KernelManager(kernel_name="rust").kernel_spec.argv)
    for name, value in options.items():
        if f"--{name}" in command:
            command[command.index(f"--{name}") + 1] = str(value)
        else:
            command += [f"--{name}", str(value)]
    return command


@contextmanager
def running_kernel(options=None, **environment):
    """A kernel in the notebooks' folder; it may be dead when it is left."""
    manager = KernelManager(kernel_name="rust")
    manager.kernel_spec.argv = kernel_command(options or {})
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager.start_kernel(cwd=str(notebooks.FOLDER), env=os.environ | environment, **quiet)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel()


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """Options of a kernel that has folders of its own and loads nothing before the first cell, and so starts sooner."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "warm-up.rs").write_text("")
    return {"prepared": folder / "prepared", "warm-up": folder / "warm-up.rs"}


@pytest.fixture(scope="module")
def kernel():
    """One for all tests of a file, which leave it as it was."""
    with running_kernel() as running:
        yield running


@pytest.fixture(autouse=True)
def own_artifacts(monkeypatch):
    """No test reads or writes what the course's notebooks have left."""
    monkeypatch.delenv("CNN_ARTIFACTS", raising=False)
