"""The kernel that the kernelspec starts: folders of its own, and an end with the program that started it."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from conftest import wait_until
from jupyter_client.manager import KernelManager

import setup

RUNS = setup.PREPARED.parent
STARTER = """
import sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="rust")
manager.start_kernel(stdout=-3, stderr=-3)
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=150)
client.execute(sys.argv[1])
time.sleep(1)
print(manager.provisioner.pid, flush=True)
time.sleep(300)
"""
LOOP = "let mut x = 0u64;\nloop { x = std::hint::black_box(x.wrapping_add(1)); }"


@contextmanager
def kernel():
    manager = KernelManager(kernel_name="rust")
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=150)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def folders(manager):
    return list(RUNS.glob(f"run-{manager.provisioner.pid}-*"))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def group(leader):
    """The processes of a process group that are not merely waiting to be collected."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, timeout=30).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, of, state in rows if int(of) == leader and not state.startswith("Z")]


def test_two_kernels_at_once_have_different_folders_which_vanish():
    ended = subprocess.Popen(["true"])
    ended.wait()
    leftover = RUNS / f"run-{ended.pid}-killed"
    leftover.mkdir(parents=True)
    own = RUNS / f"run-{os.getpid()}-alive"
    own.mkdir()
    try:
        with kernel() as (first, _), kernel() as (second, client):
            made = folders(first), folders(second)
            assert [len(found) for found in made] == [1, 1] and made[0] != made[1]
            assert not leftover.exists(), "the folder of a process that is no more should be removed"
            assert own.exists(), "the folder of a process that lives must stay"
            reply = client.execute_interactive("1 + 1", timeout=120, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok"
        assert wait_until(lambda: not any(path.exists() for found in made for path in found))
    finally:
        own.rmdir()
        leftover.exists() and leftover.rmdir()


@pytest.mark.parametrize("cell", ["1", LOOP], ids=["idle", "busy"])
def test_the_kernel_ends_with_the_program_that_started_it(cell):
    starter = subprocess.Popen([sys.executable, "-c", STARTER, cell], stdout=subprocess.PIPE, text=True)
    leader = None
    try:
        leader = int(starter.stdout.readline())
        assert alive(leader) and list(RUNS.glob(f"run-{leader}-*"))
        starter.kill()
        starter.wait()
        assert wait_until(lambda: not group(leader)), f"still there: {group(leader)}"
        assert not list(RUNS.glob(f"run-{leader}-*"))
    finally:
        starter.kill()
        if leader and group(leader):
            os.killpg(leader, 9)


def test_a_kernelspec_on_the_jupyter_path_is_left_alone(tmp_path, monkeypatch):
    """evcxr brings a kernelspec "rust" that it finds there to its own version, by writing over it."""
    spec = tmp_path / "kernels" / "rust" / "kernel.json"
    spec.parent.mkdir(parents=True)
    text = (setup.KERNELSPEC / "kernel.json").read_text()
    spec.write_text(text)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with kernel():
        pass
    assert spec.read_text() == text and list(spec.parent.iterdir()) == [spec]
