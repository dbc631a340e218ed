"""The kernelspec and the protocol, for clients that do less than Jupyter's own, or ask more."""

import json
import os
import subprocess

from conftest import LIMIT, kernel_command, running_kernel
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

import notebooks
import setup

FOLDER = setup.KERNELSPEC


def spec():
    return json.loads((FOLDER / "kernel.json").read_text())


def test_the_kernelspec_needs_no_expansion_and_has_pictures():
    found = spec()
    assert not any("$" in value for value in found["env"].values()), found["env"]
    assert (found["kernel_protocol_version"], found["metadata"]) == ("5.5", {"debugger": False})
    assert (FOLDER / "logo-svg.svg").read_text().startswith("<svg")
    for size in (32, 64):
        picture = (FOLDER / f"logo-{size}x{size}.png").read_bytes()
        # A PNG's width and height stand behind its signature.
        assert picture[:8] == b"\x89PNG\r\n\x1a\n" and picture[16:24] == size.to_bytes(4, "big") * 2


def test_a_client_that_takes_the_kernelspec_literally(bare, tmp_path):
    """As nteract's does, from a desktop whose PATH has neither cargo nor rustc."""
    path, _ = write_connection_file(str(tmp_path / "connection.json"), ip="127.0.0.1")
    argv = [path if word == "{connection_file}" else word for word in kernel_command(bare)]
    environment = os.environ | {"PATH": "/usr/local/bin:/usr/bin:/bin"} | spec()["env"]
    log = tmp_path / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(argv, env=environment, cwd=notebooks.FOLDER, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    client = BlockingKernelClient(connection_file=path)
    try:
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        shown = []
        reply = client.execute_interactive("6 * 7", timeout=LIMIT, output_hook=shown.append)
        assert reply["content"]["status"] == "ok", log.read_text()
        results = [message["content"]["data"]["text/plain"] for message in shown if message["msg_type"] == "execute_result"]
        assert results == ["42"]
    finally:
        client.shutdown()
        client.stop_channels()
        process.wait(timeout=60)


def test_kernel_info_is_the_same_on_both_channels(bare):
    with running_kernel(bare) as kernel:
        shell = kernel.client.kernel_info(reply=True, timeout=60)["content"]
        control = kernel.client.control_channel
        request = kernel.client.session.msg("kernel_info_request", {})
        control.send(request)
        reply = control.get_msg(timeout=60)
        assert reply["parent_header"]["msg_id"] == request["header"]["msg_id"]
        assert reply["content"] == shell
    assert (shell["protocol_version"], shell["supported_features"], shell["debugger"]) == ("5.5", [], False)
    rustc = os.path.join(kernel_command({})[kernel_command({}).index("--toolchain") + 1], "rustc")
    version = subprocess.run([rustc, "--version"], capture_output=True, text=True, timeout=60).stdout.split()[1]
    assert f"Rust {version} in evcxr" in shell["banner"]
    # Clients write this into notebooks: committed ones have the same, so that opening one changes nothing.
    assert shell["language_info"] == notebooks.LANGUAGE
