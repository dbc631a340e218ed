"""The kernel when something breaks: it goes on where it can, says what happened, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import zmq
from conftest import LOOP, alive, has_printed, kernel_command, processes, running_kernel, wait_until

import setup

SLOW = bool(os.environ.get("CNN_SLOW"))
KERNELS = 10 if SLOW else 4
RESTARTS = 30 if SLOW else 5
STARTER = """
import json, sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="rust")
manager.kernel_spec.argv = json.loads(sys.argv[2])
manager.start_kernel(stdout=-3, stderr=-3)
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
client.execute_interactive("1", timeout=300, output_hook=lambda _: None)
client.execute(sys.argv[1])
time.sleep(1)
print(manager.provisioner.pid, flush=True)
time.sleep(300)
"""
BUSY = 'println!("begin");\n' + LOOP
SOCKETS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def vanish(pids, folder):
    return wait_until(lambda: not alive(pids) and not folder.exists())


def works(kernel):
    return kernel.execute("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"


@pytest.fixture(scope="module")
def kernel(bare):
    with running_kernel(bare) as running:
        yield running


@contextmanager
def ready_kernel(options):
    """A kernel of its own that has executed a cell, since it is about to be harmed."""
    with running_kernel(options) as kernel:
        assert works(kernel)
        yield kernel


# ---- a machine that is busy ----------------------------------------------------------------------


def test_an_error_reaches_its_cell_also_where_the_kernel_comes_late_to_read(kernel, tmp_path):
    """That the cell runs and why it failed are then there at once, in two pipes."""
    assert works(kernel)
    for number in range(6):
        mark = tmp_path / str(number)
        request = kernel.start(f'std::fs::write("{mark}", "")?;\n"x{number}".parse::<i32>()?;')
        kernel.wait_for(request, lambda messages: any(message["msg_type"] == "execute_input" for message in messages))
        time.sleep(0.1)
        os.kill(kernel.pid(), signal.SIGSTOP)
        try:
            assert wait_until(mark.exists)
            time.sleep(0.2)
        finally:
            os.kill(kernel.pid(), signal.SIGCONT)
        outcome = kernel.outcome(request)
        assert [error["evalue"] for error in outcome.of("error")] == ["invalid digit found in string"], number
        assert not outcome.text("stderr")


# ---- processes that end --------------------------------------------------------------------------


def test_evcxr_is_killed_in_the_middle_of_a_cell(kernel):
    request, waiting = kernel.start(BUSY), kernel.start("1")
    kernel.wait_for(request, has_printed("begin"))
    os.kill(kernel.evcxr(), signal.SIGKILL)
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "error" and outcome.reply["ename"] == "ProcessEnded"
    assert outcome.error().startswith("ProcessEnded: evcxr has ended (signal: 9 (SIGKILL))")
    assert "run the cells again" in outcome.error()
    assert kernel.outcome(waiting).reply["status"] == "aborted"
    assert works(kernel)


def test_evcxr_is_killed_between_cells(kernel):
    assert works(kernel)
    killed = kernel.evcxr()
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: not alive({killed}))
    outcome = kernel.execute("1 + 1")
    # The cell may have come before the news; then it is the one that fails.
    told = outcome.text("stderr") if outcome.reply["status"] == "ok" else outcome.error()
    assert "evcxr has ended (signal: 9 (SIGKILL))" in told
    assert works(kernel)


def test_the_process_of_the_cells_is_killed(kernel):
    request = kernel.start(BUSY)
    kernel.wait_for(request, has_printed("begin"))
    os.kill(kernel.of_cells(), signal.SIGKILL)
    outcome = kernel.outcome(request)
    assert outcome.error().startswith("ProcessEnded: the process that ran the cell has ended (signal: 9 (SIGKILL))")
    assert "memory was full" in outcome.error()
    assert works(kernel)


@pytest.mark.parametrize("cell", ["1", LOOP], ids=["idle", "busy"])
def test_the_kernel_ends_with_the_program_that_started_it(bare, cell):
    words = [sys.executable, "-c", STARTER, cell, json.dumps(kernel_command(bare))]
    starter = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    pids = set()
    try:
        pid = int(starter.stdout.readline())
        guard = next(process for process in processes() if process.parent == pid and " guard " in process.command)
        pids = {pid, guard.pid} | {process.pid for process in processes() if process.parent == pid}
        starter.kill()
        starter.wait()
        assert vanish(pids, Path(guard.command.split(" guard ")[1])), alive(pids)
    finally:
        starter.kill()
        for left in alive(pids):
            os.kill(left, signal.SIGKILL)


def test_the_kernel_itself_is_killed(bare):
    with ready_kernel(bare) as kernel:
        family, folder = kernel.family(), kernel.folder()
        assert len(family) >= 4 and folder.is_dir()
        kernel.start(BUSY)
        os.kill(kernel.pid(), signal.SIGKILL)
        assert vanish(family, folder), alive(family)


def test_the_next_kernel_removes_what_a_killed_one_left(bare):
    with ready_kernel(bare) as killed:
        family, folder = killed.family(), killed.folder()
        for pid in (killed.guard().pid, killed.pid()):
            os.kill(pid, signal.SIGKILL)
        # Nobody was left to end evcxr but evcxr's own children, who see that it is gone.
        for pid in alive(family):
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not alive(family)) and folder.is_dir()
        with running_kernel(bare) as other:
            assert wait_until(lambda: not folder.exists())
            assert works(other)


def test_a_kernel_may_be_shut_down_while_a_cell_runs(bare):
    with ready_kernel(bare) as kernel:
        family, folder = kernel.family(), kernel.folder()
        kernel.wait_for(kernel.start(BUSY), has_printed("begin"))
        kernel.manager.shutdown_kernel()
        assert vanish(family, folder), alive(family)


def test_restarts_leave_nothing(bare):
    with ready_kernel(bare) as kernel:
        families, folders = set(), []
        for number in range(RESTARTS):
            families |= kernel.family()
            folders.append(kernel.folder())
            if number == 0:
                kernel.wait_for(kernel.start(BUSY), has_printed("begin"))
            kernel.manager.restart_kernel()
            kernel.client.wait_for_ready(timeout=60)
            assert wait_until(lambda: kernel.guard() and kernel.folder().is_dir())
        assert works(kernel)
        assert wait_until(lambda: not alive(families) and not any(folder.exists() for folder in folders))
        assert len(set(folders)) == RESTARTS and kernel.folder() not in folders


def test_kernels_at_once_have_different_folders_which_vanish(bare):
    with ExitStack() as stack:
        kernels = [stack.enter_context(running_kernel(bare)) for _ in range(KERNELS)]
        requests = [kernel.start(f"let number = {number};\nnumber + 1") for number, kernel in enumerate(kernels)]
        for number, (kernel, request) in enumerate(zip(kernels, requests, strict=True)):
            assert kernel.outcome(request).of("execute_result")[0]["data"]["text/plain"] == str(number + 1)
        folders = {kernel.folder() for kernel in kernels}
        assert len(folders) == KERNELS and all(folder.is_dir() for folder in folders)
    assert wait_until(lambda: not any(folder.exists() for folder in folders))


def test_a_kernelspec_on_the_jupyter_path_is_left_alone(bare, tmp_path, monkeypatch):
    """evcxr brings a kernelspec "rust" that it finds there to its own version, by writing over it."""
    spec = tmp_path / "kernels" / "rust" / "kernel.json"
    spec.parent.mkdir(parents=True)
    text = (setup.KERNELSPEC / "kernel.json").read_text()
    spec.write_text(text)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with ready_kernel(bare):
        pass
    assert spec.read_text() == text and list(spec.parent.iterdir()) == [spec]


# ---- starts that fail ----------------------------------------------------------------------------


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_an_evcxr_that_ends_at_once_says_why(bare, tmp_path):
    session = program(tmp_path / "session", "echo the reason >&2; exit 3")
    with running_kernel(bare | {"session": session}) as kernel:
        outcome = kernel.execute("1")
        assert outcome.reply["ename"] == "KernelError"
        assert "evcxr ended before it was ready: exit status: 3\nthe reason" in outcome.error()


def test_errors_are_errors_also_after_a_warm_up_that_failed(bare, tmp_path):
    warm_up = tmp_path / "warm-up.rs"
    warm_up.write_text(':dep nothing = { path = "/missing" }')
    with running_kernel(bare | {"warm-up": warm_up, "prepared": tmp_path / "prepared"}) as kernel:
        outcome = kernel.execute('Err("the reason")?')
        assert outcome.reply["status"] == "error" and outcome.error().startswith("Error: the reason")


# ---- disks that are full -------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written(bare, tmp_path):
    runs = tmp_path / "runs"
    runs.write_text("a file where a folder should be")
    with running_kernel(bare | {"runs": runs}) as kernel:
        outcome = kernel.execute("1 + 1")
        assert outcome.reply["status"] == "error" and outcome.reply["ename"] == "KernelError"
        assert "free some space there, or name another folder with --runs" in outcome.error()
        runs.unlink()
        assert works(kernel)


def test_a_disk_that_fills_up(bare, tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", tmp_path], capture_output=True, timeout=30)
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        with ready_kernel(bare | {"runs": tmp_path}) as kernel:
            with pytest.raises(OSError), open(tmp_path / "filler", "wb") as filler:
                while True:
                    filler.write(bytes(1 << 16))
                    filler.flush()
            outcome = kernel.execute("let a = 1;")
            assert outcome.reply["status"] == "error" and "The disk is full: free some space" in outcome.error()
            (tmp_path / "filler").unlink()
            assert works(kernel)
    finally:
        subprocess.run(["umount", tmp_path], check=True, timeout=30)


# ---- too much ------------------------------------------------------------------------------------


def test_100_000_lines_arrive_in_few_messages(kernel):
    outcome = kernel.execute('for i in 0..100_000 { println!("{i}"); }')
    assert outcome.text() == "".join(f"{i}\n" for i in range(100_000))
    assert len(outcome.of("stream")) < 2000


def test_a_line_of_10_mb_arrives(kernel):
    request = kernel.start('println!("{}", "x".repeat(10_000_000));')
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "ok" and outcome.text() == "x" * 10_000_000 + "\n"


# ---- messages that are none ----------------------------------------------------------------------


def test_a_wrong_signature_is_ignored(kernel):
    info = kernel.manager.get_connection_info()
    header = json.dumps({"msg_id": "1", "session": "1", "username": "", "date": "", "msg_type": "execute_request", "version": "5.3"}).encode()
    content = json.dumps({"code": 'std::process::abort();', "silent": False}).encode()
    frames = [b"<IDS|MSG>", b"0" * 64, header, b"{}", b"{}", content]
    wrong = [frames, frames[:3], [b"<IDS|MSG>"], [b""], [b"\xff" * 100], [b"<IDS|MSG>", b"", b"{", b"", b"", b""], [os.urandom(1 << 20)]]
    with zmq.Context() as context:
        for port, kind in zip(SOCKETS, (zmq.DEALER, zmq.XSUB, zmq.DEALER, zmq.DEALER, zmq.DEALER), strict=True):
            with context.socket(kind) as raw:
                raw.linger = 1000
                raw.connect(f"tcp://{info['ip']}:{info[port]}")
                for parts in wrong:
                    raw.send_multipart(parts)
    assert works(kernel)


def test_garbage_on_every_socket_is_ignored(kernel):
    info = kernel.manager.get_connection_info()
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    held = []
    for port in SOCKETS:
        for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), greeting[:20], greeting, greeting + b"\x02" + b"\xff" * 8 + b"x" * 100):
            connection = socket.create_connection((info["ip"], info[port]), timeout=10)
            connection.sendall(garbage)
            held.append(connection)
    # Both while the connections are open and when they are gone.
    assert works(kernel)
    for connection in held:
        connection.close()
    assert works(kernel)
    assert kernel.client.hb_channel.is_beating()


# ---- connection files ----------------------------------------------------------------------------


def connection(**changes):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in SOCKETS]
        ports = {name: opened.getsockname()[1] for name, opened in zip(SOCKETS, sockets, strict=True)}
    info = {"ip": "127.0.0.1", "transport": "tcp", "key": "a", "signature_scheme": "hmac-sha256"} | ports
    return json.dumps(info | changes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read"),
        ("", "is not a connection file"),
        ("{}", "is not a connection file"),
        ('{"shell_port": "many"}', "is not a connection file"),
        (connection(signature_scheme="hmac-md5"), "only hmac-sha256 is known"),
        (connection(ip="203.0.113.1"), "socket of the connection file could not be opened"),
    ],
)
def test_a_wrong_connection_file_is_refused(tmp_path, text, expected):
    path = tmp_path / "connection.json"
    if text is not None:
        path.write_text(text)
    result = subprocess.run([setup.PROGRAM, "run", path], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert result.returncode not in (0, None) and expected in result.stderr, result.stderr
    assert "panicked" not in result.stderr and "backtrace" not in result.stderr


def test_a_socket_that_is_taken_is_named(tmp_path):
    path = tmp_path / "connection.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path.write_text(connection(shell_port=taken.getsockname()[1]))
        result = subprocess.run([setup.PROGRAM, "run", path], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert result.returncode != 0 and "the shell socket of the connection file could not be opened" in result.stderr
