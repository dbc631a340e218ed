"""Widgets of a cell, and what Jupyter's clients see and change of them: the kernel itself, and no page."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest
from conftest import LIMIT, Kernel, has_printed, make_notebook, running_kernel, wait_until
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import execution
import notebooks

VIEW = "application/vnd.jupyter.widget-view+json"
CONTROL = "jupyter.widget.control"
# Nothing of the course is needed.
LIVE = f':dep live = {{ path = "{notebooks.ROOT / "crates" / "live"}" }}'
# A page that doubles what it is given, in the cells.
WIDGET = r"""let w = live::Widget::new("export default { render() {} }", "", &[("x", "1"), ("y", "2")]).still(&[("text/plain", "a still")]);
w.set_bytes("pixels", &[0, 1, 255]);
w.on_change("x", |w| {
    let x: f64 = w.get("x").unwrap_or_default().parse().map_err(|_| format!("x is no number: {:?}", w.get("x")))?;
    if x < 0.0 { panic!("{x} is below zero"); }
    w.set("y", &format!("{}", 2.0 * x));
    Ok(())
});
w.on_message(|w, json, buffers| { w.send(&format!("[{json}, {}]", buffers.len())); Ok(()) });
w.show();"""


class Page(Kernel):
    """A client that keeps the state of all widgets, as a page does."""

    def say(self, kind, content, buffers=None):
        message = self.client.session.msg(kind, content)
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def change(self, comm, buffers=None, **state):
        state = {key: value for key, value in state.items() if key not in (buffers or {})}
        data = {"method": "update", "state": state, "buffer_paths": [[key] for key in buffers or {}]}
        return self.say("comm_msg", {"comm_id": comm, "data": data}, list((buffers or {}).values()))

    def ask(self, kind, content):
        return self.reply(self.say(kind, content))["content"]

    def of(self, comm, kind="comm_msg"):
        return [message for message in self.published if message["msg_type"] == kind and message["content"]["comm_id"] == comm]

    def state(self, comm):
        state = {}
        for message in self.of(comm, "comm_open") + self.of(comm):
            data = message["content"]["data"]
            state |= data.get("state", {})
            state |= {path[0]: bytes(value) for path, value in zip(data.get("buffer_paths", []), message["buffers"])}
        return state

    def wait_for_state(self, comm, limit=LIMIT, **wanted):
        def arrived():
            state = self.state(comm)
            return all(state.get(key) == value for key, value in wanted.items())

        self.listen_until(arrived, limit)

    def open(self, source=WIDGET, **options):
        """Runs a cell that shows a widget; returns the comm and the display."""
        outcome = self.execute(f"{LIVE}\n{source}", **options)
        assert outcome.reply["status"] == "ok", outcome.reply
        (display,) = [display for display in outcome.of("display_data") if VIEW in display["data"]]
        return display["data"][VIEW]["model_id"], display

    def updates(self, display):
        updates = [message["content"] for message in self.published if message["msg_type"] == "update_display_data"]
        return [update for update in updates if update["transient"] == display["transient"]]

    def is_open(self, comm):
        return comm in self.ask("comm_info_request", {})["comms"]


@contextmanager
def page(options, **environment):
    with running_kernel(options, **environment) as kernel:
        yield Page(kernel.manager, kernel.client)


@pytest.fixture(scope="module")
def shared(bare):
    with page(bare) as kernel:
        yield kernel


@pytest.fixture()
def widget(shared):
    comm, _ = shared.open()
    shared.wait_for_state(comm, pixels=b"\x00\x01\xff")
    yield comm
    shared.execute("w.close();")
    shared.listen_until(lambda: shared.of(comm, "comm_close"), LIMIT)


# ---- a page and a widget -------------------------------------------------------------------------


def test_a_widget_opens_as_one_of_anywidgets_and_shows_itself_beside_its_still(shared):
    comm, display = shared.open()
    (opened,) = shared.of(comm, "comm_open")
    (place,) = [place for place, message in enumerate(shared.published) if message["content"] == display]
    assert shared.published.index(opened) < place, "a page looks for the comm when it sees the display"
    assert opened["content"]["target_name"] == "jupyter.widget"
    assert opened["metadata"]["version"] == "2.1.0"
    state = opened["content"]["data"]["state"]
    names = ("_model_module", "_model_name", "_view_module", "_view_name", "_model_module_version", "x", "error")
    assert [state[name] for name in names] == ["anywidget", "AnyModel", "anywidget", "AnyView", "*", 1, None]
    assert "export default" in state["_esm"]
    assert display["data"][VIEW] == {"version_major": 2, "version_minor": 0, "model_id": comm}
    assert display["data"]["text/plain"] == "a still"
    shared.execute("w.close();")
    shared.listen_until(lambda: shared.of(comm, "comm_close"), LIMIT)
    assert not shared.is_open(comm)
    (update,) = shared.updates(display)
    assert VIEW not in update["data"] and update["data"]["text/plain"] == "a still\nThis widget is closed."


def test_a_handler_answers_between_cells_and_while_one_runs(shared, widget):
    shared.change(widget, x=4)
    shared.wait_for_state(widget, y=8)
    running = shared.start('println!("running");\nwhile !live::stop_requested() && w.get("x").as_deref() != Some("6") { std::thread::yield_now(); }\nw.get("y")')
    shared.wait_for(running, has_printed("running"))
    shared.change(widget, x=5)
    shared.wait_for_state(widget, y=10)
    assert running not in shared.replies
    shared.change(widget, x=6)
    assert shared.outcome(running).reply["status"] == "ok"
    shared.wait_for_state(widget, y=12)


def test_bytes_and_messages_go_both_ways(shared, widget):
    shared.change(widget, buffers={"drawn": b"\x00\x80\xff"})
    assert wait_until(lambda: "[0, 128, 255]" in str(shared.execute('w.get_bytes("drawn")').of("execute_result")))
    shared.say("comm_msg", {"comm_id": widget, "data": {"method": "custom", "content": {"a": "é"}}}, [b"1", b"2"])
    custom = lambda: [message["content"]["data"]["content"] for message in shared.of(widget) if message["content"]["data"]["method"] == "custom"]  # noqa: E731
    shared.listen_until(custom, LIMIT)
    assert custom() == [[{"a": "é"}, 2]]


def test_a_page_that_is_loaded_anew_gets_everything(shared, widget):
    shared.change(widget, x=7)
    shared.wait_for_state(widget, y=14)
    shared.say("comm_open", {"comm_id": "control", "target_name": CONTROL, "data": {}})
    asked = shared.say("comm_msg", {"comm_id": "control", "data": {"method": "request_states"}})
    (answer,) = [message for message in shared.wait_for(asked, lambda about: any(m["msg_type"] == "comm_msg" for m in about)) if message["msg_type"] == "comm_msg"]
    data = answer["content"]["data"]
    assert data["method"] == "update_states"
    model = data["states"][widget]
    assert (model["model_name"], model["model_module"], model["state"]["x"], model["state"]["y"]) == ("AnyModel", "anywidget", 7, 14)
    place = data["buffer_paths"].index([widget, "state", "pixels"])
    assert bytes(answer["buffers"][place]) == b"\x00\x01\xff"
    shared.say("comm_close", {"comm_id": "control", "data": {}})
    assert shared.ask("comm_info_request", {"target_name": "jupyter.widget"})["comms"] == {widget: {"target_name": "jupyter.widget"}}
    asked = shared.say("comm_msg", {"comm_id": widget, "data": {"method": "request_state"}})
    about = shared.wait_for(asked, lambda about: any(m["msg_type"] == "comm_msg" for m in about))
    assert [m["content"]["data"]["state"]["y"] for m in about if m["msg_type"] == "comm_msg"] == [14]


def test_errors_and_panics_are_shown_in_the_widget_and_the_kernel_lives(shared, widget):
    shared.change(widget, x="abc")
    shared.wait_for_state(widget, error='x is no number: Some("\\"abc\\"")')
    shared.change(widget, x=-3)
    shared.wait_for_state(widget, error="panicked: -3 is below zero")
    shared.change(widget, x=3)
    shared.wait_for_state(widget, error=None, y=6)
    assert shared.execute('w.get("y")').reply["status"] == "ok"


def test_what_another_page_changes_comes_with_its_own_word(shared, widget):
    """Without the word about its own message, a page would take no value of another for that key any more."""
    request = shared.change(widget, x=11)
    echoes = lambda: [m["content"]["data"] for m in shared.about(request) if m["msg_type"] == "comm_msg"]  # noqa: E731
    shared.listen_until(echoes, LIMIT)
    assert echoes()[0] == {"method": "echo_update", "state": {"x": 11}, "buffer_paths": []}


def test_two_pages_see_the_same(shared, widget):
    client = shared.manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        other = Page(shared.manager, client)
        asked = other.say("comm_msg", {"comm_id": widget, "data": {"method": "request_state"}})
        other.wait_for(asked, lambda about: any(m["msg_type"] == "comm_msg" for m in about))
        shared.change(widget, x=21)
        other.wait_for_state(widget, x=21, y=42)
        other.change(widget, x=22)
        shared.wait_for_state(widget, x=22, y=44)
    finally:
        client.stop_channels()


# ---- much, and slow ------------------------------------------------------------------------------


def memory(pid):
    """In MiB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_thousands_of_values_do_not_pile_up(shared, widget):
    before, kernel = len(shared.of(widget)), shared.pid()
    held = memory(kernel)
    source = """let begin = std::time::Instant::now();
let big = vec![7u8; 200_000];
for step in 0..5000 { w.set("step", &step.to_string()); w.set_bytes("big", &big); }
begin.elapsed().as_secs_f64()"""
    outcome = shared.execute(source)
    seconds = float(outcome.of("execute_result")[0]["data"]["text/plain"])
    assert seconds < 60, "a gigabyte was set, and nobody should wait for a page"
    shared.wait_for_state(widget, step=4999)
    # 60 in a second, and a few before and after.
    assert len(shared.of(widget)) - before < 70 * seconds + 30
    assert memory(kernel) - held < 150


LISTEN = """import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=60)
print("listens", flush=True)
client.iopub_channel.socket.poll(timeout=None)
"""


def test_a_page_that_is_stopped_holds_up_no_cell_and_no_memory(bare):
    with page(bare) as kernel:
        comm, _ = kernel.open()
        listener = subprocess.Popen([sys.executable, "-c", LISTEN, kernel.manager.connection_file], stdout=subprocess.PIPE, text=True)
        try:
            assert listener.stdout.readline() == "listens\n"
            listener.send_signal(signal.SIGSTOP)
            held = memory(kernel.pid())
            source = "let big = vec![7u8; 200_000];\nfor step in 0..2000 { w.set(\"step\", &step.to_string()); w.set_bytes(\"big\", &big); }"
            asked, begin = kernel.start(source), time.monotonic()
            kernel.reply(asked)
            assert time.monotonic() - begin < 60
            assert memory(kernel.pid()) - held < 150
            # What the others see is late, and the newest.
            kernel.wait_for_state(comm, step=1999)
        finally:
            listener.kill()
            listener.wait()


def test_a_thousand_changes_of_the_page_in_a_second_are_seen_by_the_newest(shared, widget):
    shared.execute('let slow = w.clone(); w.on_change("n", move |_| { let n: u64 = slow.get("n").unwrap().parse().unwrap(); slow.set("seen", &n.to_string()); std::thread::sleep(std::time::Duration::from_millis(100)); Ok(()) });')
    held = memory(shared.of_cells())
    for number in range(3000):
        shared.change(widget, n=number)
        if number % 50 == 0:
            shared.listen(0.001)
            time.sleep(0.05)
    begin = time.monotonic()
    shared.wait_for_state(widget, seen=2999)
    assert time.monotonic() - begin < 100, "a call for each takes 300 s"
    seen = [message["content"]["data"]["state"]["seen"] for message in shared.of(widget) if "seen" in message["content"]["data"].get("state", {})]
    assert seen == sorted(seen) and len(seen) < 200, "one call for many changes"
    assert memory(shared.of_cells()) - held < 50


def test_what_is_too_large_is_refused_with_a_word(shared, widget):
    shared.execute('w.set_bytes("huge", &vec![0u8; 65 << 20]);')
    shared.wait_for_state(widget, error="`huge`: 65.0 MiB were to be sent; the limit is 64 MiB")
    shared.change(widget, x=2)
    shared.wait_for_state(widget, y=4, error=None)


# ---- ends ----------------------------------------------------------------------------------------


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def test_closing_frees_threads_and_sockets(shared):
    cells, kernel = shared.of_cells(), shared.pid()
    shared.execute(LIVE)
    files = lambda pid: len(os.listdir(f"/proc/{pid}/fd"))  # noqa: E731
    before = threads(cells), files(cells), files(kernel)
    source = 'let many: Vec<live::Widget> = (0..20).map(|_| { let w = live::Widget::new("", "", &[]); w.on_change("x", |_| Ok(())); w }).collect();'
    shared.execute(source)
    comms = shared.ask("comm_info_request", {})["comms"]
    assert len(comms) == 20 and threads(cells) >= before[0] + 40
    shared.execute("many.iter().take(10).for_each(live::Widget::close);")
    for comm in list(shared.ask("comm_info_request", {})["comms"])[:10]:
        shared.say("comm_close", {"comm_id": comm, "data": {}})
    assert wait_until(lambda: not shared.ask("comm_info_request", {})["comms"])
    assert wait_until(lambda: (threads(cells), files(cells), files(kernel)) <= before), (threads(cells), files(cells), files(kernel), before)


def test_a_cell_that_is_executed_again_ends_the_widget_that_it_had(shared):
    def execute(source):
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        message = shared.client.session.msg("execute_request", content, metadata={"cellId": "the-cell"})
        shared.client.shell_channel.send(message)
        return shared.outcome(message["header"]["msg_id"])

    first = execute(f"{LIVE}\n{WIDGET}").of("display_data")[-1]["data"][VIEW]["model_id"]
    assert execute("let wrong: u8 = true;").reply["status"] == "error"
    assert shared.is_open(first), "a cell that is not compiled leaves everything as it was"
    second = execute(WIDGET).of("display_data")[0]["data"][VIEW]["model_id"]
    assert shared.of(first, "comm_close")
    assert shared.is_open(second) and not shared.is_open(first)
    shared.execute("w.close();")


def test_an_interrupt_leaves_widgets_and_a_crash_ends_them(bare):
    with page(bare) as kernel:
        comm, display = kernel.open()
        loop = kernel.start('println!("running");\nwhile !live::stop_requested() {}')
        kernel.wait_for(loop, has_printed("running"))
        kernel.interrupt()
        kernel.outcome(loop)
        kernel.change(comm, x=8)
        kernel.wait_for_state(comm, y=16)
        assert kernel.execute("std::process::abort();").reply["status"] == "error"
        kernel.listen_until(lambda: kernel.of(comm, "comm_close"), LIMIT)
        (update,) = kernel.updates(display)
        assert update["data"]["text/plain"] == "a still\nThe kernel of this widget has ended: run the cell again."
        assert kernel.ask("comm_info_request", {})["comms"] == {}
        again, _ = kernel.open()
        kernel.change(again, x=9)
        kernel.wait_for_state(again, y=18)


def test_a_restart_ends_all_widgets_and_tells_the_pages(bare):
    with page(bare) as kernel:
        comm, _ = kernel.open()
        kernel.manager.restart_kernel()
        kernel.listen_until(lambda: kernel.of(comm, "comm_close"), LIMIT)
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.ask("comm_info_request", {})["comms"] == {}


def test_a_kernel_in_a_folder_with_a_long_name_has_widgets_and_leaves_nothing(bare, tmp_path):
    runs = tmp_path / ("long-" * 40)
    with page(bare | {"runs": runs}) as kernel:
        comm, _ = kernel.open()
        kernel.change(comm, x=8)
        kernel.wait_for_state(comm, y=16)
        elsewhere = (kernel.folder() / "comms").readlink()
        assert elsewhere.stat().st_mode & 0o777 == 0o700
        kernel.manager.provisioner.process.kill()
        assert wait_until(lambda: not elsewhere.exists() and not list(runs.glob("run-*")))


def test_the_widget_in_the_readme_works(shared):
    text = (notebooks.ROOT / "crates" / "live" / "README.md").read_text()
    source = text.split("```rust\n")[1].split("```")[0].replace("…/crates", str(notebooks.ROOT / "crates"))
    outcome = shared.execute(source)
    assert outcome.reply["status"] == "ok", outcome.error()
    comm = outcome.of("display_data")[-1]["data"][VIEW]["model_id"]
    shared.change(comm, count=12)
    shared.wait_for_state(comm, squared=144)
    shared.execute("counter.close();")


# ---- without a page ------------------------------------------------------------------------------


def test_a_notebook_that_a_program_executes_has_the_still(tmp_path):
    path = make_notebook(tmp_path / "widget.ipynb", [f"{LIVE}\n{WIDGET}", 'w.change("x", "5");\nprintln!("went on");'])
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="rust", timeout=LIMIT)
    client.execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    output = cells[0].outputs[-1]
    assert output.data["text/plain"] == "a still" and VIEW in output.data
    assert cells[1].outputs[0].text == "went on\n"
    notebook.metadata.pop("widgets", None)  # as JupyterLab saves it
    assert "a still" in HTMLExporter().from_notebook_node(notebook)[0]


def test_papermill_executes_widgets(tmp_path):
    path = make_notebook(tmp_path / "widget.ipynb", [f"{LIVE}\n{WIDGET}", 'println!("went on");'])
    command = [sys.executable, "-m", "papermill", "-k", "rust", path, tmp_path / "out.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert "went on" in str(executed.cells[-1].outputs)


def test_the_courses_scripts_leave_the_still_alone(tmp_path):
    path = make_notebook(tmp_path / "01_widget.ipynb", [f"{LIVE}\n{WIDGET}"])
    notebook = nbformat.read(path, as_version=4)
    client = execution.Client(notebook, **execution.settings(LIMIT))
    assert client.execute_in(tmp_path, dict(os.environ)) is None
    assert notebook.cells[-1].outputs[-1].data == {"text/plain": "a still"}
    assert "widgets" not in notebook.metadata


def test_a_program_without_a_kernel_has_the_state_and_its_still(shared):
    source = """let comms = std::env::var("LIVE_COMMS")?;
unsafe { std::env::remove_var("LIVE_COMMS") };
let alone = live::Widget::new("", "", &[("x", "1")]);
alone.set("x", "2");
alone.show();
unsafe { std::env::set_var("LIVE_COMMS", comms) };
alone.get("x")"""
    outcome = shared.execute(source)
    assert VIEW not in outcome.of("display_data")[0]["data"]
    assert "2" in outcome.of("execute_result")[0]["data"]["text/plain"]
