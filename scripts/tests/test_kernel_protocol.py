"""The kernel as a client of Jupyter sees it: every kind of request, and who is told what."""

import json
import subprocess
import time

import pytest
import zmq
from conftest import LIMIT, is_idle, running_kernel
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

import notebooks

ASK = r"""
fn ask(command: &str) -> String {
    println!("{command}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    line.trim().to_string()
}
println!("before");
println!("Hello {}", ask("EVCXR_INPUT_REQUEST:Your name? "));
"""


@pytest.fixture(scope="module")
def kernel(bare):
    with running_kernel(bare) as running:
        yield running


def send(kernel, kind, content, **options):
    """A request without a method of its own; returns its id."""
    channel = kernel.client.control_channel if kind in ("interrupt_request", "shutdown_request") else kernel.client.shell_channel
    return kernel.client.session.send(channel.socket, kind, content, **options)["header"]["msg_id"]


def ask(kernel, kind, content, **options):
    return kernel.reply(send(kernel, kind, content, **options))["content"]


def test_the_kernel_answers_at_once():
    manager = KernelManager(kernel_name="rust")
    begin = time.monotonic()
    # Some clients add words of their own, as `jupyter run FILE` does.
    options = {"cwd": str(notebooks.FOLDER), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager.start_kernel(extra_arguments=["a file.rs"], **options)
    client = manager.client()
    try:
        client.start_channels()
        reply = client.kernel_info(reply=True, timeout=30)["content"]
        # A second, on a quiet machine.
        assert time.monotonic() - begin < 10
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert (reply["status"], reply["implementation"], reply["language_info"]["name"]) == ("ok", "live-kernel", "rust")
    assert reply["protocol_version"].startswith("5.") and reply["language_info"]["file_extension"] == ".rs"


def test_cells_are_counted_and_framed(kernel):
    first = kernel.execute("1 + 1")
    count = first.reply["execution_count"]
    assert first.reply["status"] == "ok" and count >= 1
    kinds = [message["msg_type"] for message in first.messages]
    assert kinds[:2] == ["status", "execute_input"] and kinds[-1] == "status"
    assert [content["execution_state"] for content in first.of("status")] == ["busy", "idle"]
    assert first.of("execute_input") == [{"code": "1 + 1", "execution_count": count}]
    (result,) = first.of("execute_result")
    assert (result["execution_count"], result["data"]["text/plain"]) == (count, "2")
    assert kernel.execute("2").reply["execution_count"] == count + 1
    # What is silent, or empty, or not for the history, does not count.
    assert kernel.execute("3", silent=True).of("execute_input") == []
    assert kernel.execute("  \n").reply == {"status": "ok", "execution_count": count + 1, "payload": [], "user_expressions": {}}
    assert kernel.execute("4").reply["execution_count"] == count + 2
    assert kernel.execute("5", store_history=False).reply["execution_count"] == count + 2


def test_every_message_belongs_to_its_request(kernel):
    kernel.published.clear()
    requests = [kernel.start(f'println!("cell {number}"); {number}') for number in range(3)]
    requests.append(kernel.client.is_complete("{"))
    for request in requests:
        kernel.wait_for(request, is_idle)
    assert {message["parent_header"].get("msg_id") for message in kernel.published} == set(requests)
    for number, request in enumerate(requests[:3]):
        outcome = kernel.outcome(request)
        assert outcome.text() == f"cell {number}\n" and outcome.of("execute_result")[0]["data"]["text/plain"] == str(number)


def test_history(kernel):
    for source in ("let history_a = 1;", "let history_b = 2;"):
        last = kernel.execute(source).reply["execution_count"]

    def history(**content):
        found = ask(kernel, "history_request", {"output": False, "raw": True} | content)["history"]
        return [tuple(entry[1:]) for entry in found]

    both = [(last - 1, "let history_a = 1;"), (last, "let history_b = 2;")]
    assert history(hist_access_type="tail", n=2) == both
    assert history(hist_access_type="range", session=0, start=last - 1, stop=last + 1) == both
    assert history(hist_access_type="search", pattern="*history_b*", n=10) == both[1:]


@pytest.mark.parametrize(("code", "status"), [("1 +", "incomplete"), ("fn f() {", "incomplete"), ("f(1)", "complete"), (")", "invalid")])
def test_is_complete(kernel, code, status):
    assert ask(kernel, "is_complete_request", {"code": code})["status"] == status


def test_completion_and_inspection(kernel):
    code = "String::from_ut"
    reply = kernel.reply(kernel.client.complete(code, len(code)))["content"]
    assert reply["status"] == "ok" and any(match.startswith("from_utf8") for match in reply["matches"]), reply
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "from_ut"
    # What evcxr finds is its own affair.
    reply = kernel.reply(kernel.client.inspect("String::new()", 9))["content"]
    assert reply["status"] == "ok" and reply.keys() >= {"found", "data", "metadata"}


@pytest.mark.parametrize("buffers", [None, [b"\0\xff", b""]], ids=["", "buffers"])
def test_comms(kernel, buffers):
    assert ask(kernel, "comm_info_request", {})["comms"] == {}
    # A channel to nobody is closed.
    content = {"comm_id": "a", "target_name": "nobody", "data": {"b": [1]}}
    opened = send(kernel, "comm_open", content, metadata={"c": 1}, buffers=buffers)
    messages = kernel.wait_for(opened, is_idle)
    assert [message["content"]["comm_id"] for message in messages if message["msg_type"] == "comm_close"] == ["a"]
    assert kernel.execute("1").reply["status"] == "ok"


def kinds(messages):
    return [message["msg_type"] for message in messages]


def test_an_unknown_request_gets_an_error(kernel):
    reply = ask(kernel, "teleport_request", {"to": "Mars"})
    assert reply["status"] == "error" and "teleport_request" in reply["evalue"]
    assert kernel.execute("1").reply["status"] == "ok"


def test_input_is_asked_for_and_comes(kernel):
    request = kernel.start(ASK, allow_stdin=True)
    kernel.client.input("too early")
    question = kernel.client.get_stdin_msg(timeout=LIMIT)
    assert question["msg_type"] == "input_request" and question["parent_header"]["msg_id"] == request
    assert question["content"] == {"prompt": "Your name? ", "password": False}
    assert kernel.wait_for(request, lambda messages: "stream" in kinds(messages))
    kernel.client.input("Ada")
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "ok" and outcome.text() == "before\nHello Ada\n"


def test_who_subscribes_is_welcomed(kernel):
    info = kernel.manager.get_connection_info()
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
        socket.subscribe(b"")
        assert socket.poll(30_000), "no welcome came"
        session = Session(key=info["key"], signature_scheme=info["signature_scheme"])
        _, parts = session.feed_identities(socket.recv_multipart())
        welcome = session.deserialize(parts)
    assert welcome["msg_type"] == "iopub_welcome" and welcome["content"] == {"subscription": ""}


def test_the_kernelspec_asks_for_interrupts_by_message():
    spec = json.loads((notebooks.VENV / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())
    assert spec["interrupt_mode"] == "message" and "{connection_file}" in spec["argv"]
