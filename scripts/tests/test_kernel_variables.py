"""The panel of variables: what `:variables` shows, and how it follows what cells do. The kernel itself, and no page."""

import time

import pytest
from conftest import LIMIT, has_printed
from test_kernel_widgets import LIVE, VIEW, page

import notebooks

DESCRIBED = """struct Grid { width: usize }
struct Broken;
struct Plain(u64, u8);
impl live::Describe for Grid {
    fn shape(&self) -> Option<String> { Some(format!("[{}, \\"2\\"]", self.width)) }
    fn device(&self) -> Option<String> { Some("Cpu".to_string()) }
    fn bytes(&self) -> Option<usize> { Some(4 * self.width) }
}
impl live::Describe for Broken { fn shape(&self) -> Option<String> { panic!("no shape") } }"""


class Panel:
    """An open panel, as a page knows it."""

    def __init__(self, kernel, outcome):
        assert outcome.reply["status"] == "ok", outcome.reply
        (self.display,) = outcome.of("display_data")
        self.kernel, self.comm = kernel, self.display["data"][VIEW]["model_id"]

    @property
    def table(self):
        return self.kernel.state(self.comm)["table"]

    def rows(self):
        """By name: type, shape, device, memory, cell; and the mark."""
        return {row["texts"][0]: [*row["texts"][1:], row["mark"]] for row in self.table["rows"]}

    def gone(self):
        return dict(self.table["gone"])

    def wait(self, condition, limit=LIMIT):
        self.kernel.listen_until(lambda: condition(self.rows()), limit)
        return self.rows()


@pytest.fixture(scope="module")
def kernel(bare):
    with page(bare) as kernel:
        yield kernel


@pytest.fixture()
def fresh(kernel):
    """The shared kernel without variables; a panel that a test opens is closed."""
    yield kernel
    for comm in list(kernel.ask("comm_info_request", {})["comms"]):
        kernel.say("comm_close", {"comm_id": comm, "data": {}})
    assert kernel.execute(":clear").reply["status"] == "ok"


def opened(kernel, source=":variables", **options):
    return Panel(kernel, kernel.execute(source, **options))


def test_a_panel_shows_names_types_sizes_and_its_still_is_the_same_table(fresh):
    fresh.execute(f"{LIVE}\n{DESCRIBED}")
    panel = opened(fresh, """:variables
let numbers = vec![1.5f64, 2.5, 3.5];
let word = "héllo".to_string();
let fixed = [0u8; 7];
let text = "four";
let (grid, broken, plain, n) = (Grid { width: 3 }, Broken, Plain(1, 2), 5i32);
let map = std::collections::HashMap::from([("a".to_string(), vec![1u8])]);""")
    cell = panel.rows()["n"][4]
    assert panel.rows() == {
        "broken": ["Broken", "", "", "", cell, ""],
        "fixed": ["[u8; 7]", "[7]", "", "7 B", cell, ""],
        "grid": ["Grid", '[3, "2"]', "Cpu", "12 B", cell, ""],
        "map": ["HashMap<String, Vec<u8>>", "[1]", "", panel.rows()["map"][3], cell, ""],
        "n": ["i32", "", "", "4 B", cell, ""],
        "numbers": ["Vec<f64>", "[3]", "", "24 B", cell, ""],
        "plain": ["Plain", "", "", "16 B", cell, ""],
        "text": ["&str", "4 characters", "", "4 B", cell, ""],
        "word": ["String", "5 characters", "", "6 B", cell, ""],
    }
    lines = panel.display["data"]["text/plain"].splitlines()
    assert lines[0].startswith("9 variables, ") and lines[1].split() == ["Name", "Type", "Shape", "Device", "Memory", "Cell"]
    assert lines[4].split()[:2] == ["grid", "Grid"]
    html = panel.display["data"]["text/html"]
    assert '<th scope="row">numbers</th><td>Vec&lt;f64&gt;</td><td>[3]</td>' in html and "<caption>9 variables" in html
    # All are still there, and no output or warning has come of looking at them.
    outcome = fresh.execute("(numbers.len(), word.len(), fixed.len(), text.len(), grid.width, plain.0, n, map.len())")
    assert outcome.of("execute_result")[0]["data"]["text/plain"] == "(3, 6, 7, 4, 3, 1, 5, 1)"
    assert outcome.text("stderr") == ""


def test_it_follows_cells_and_marks_what_they_change(fresh):
    fresh.execute("let mut v = vec![0u8; 10];\nlet other = 1i32;")
    panel = opened(fresh)
    assert [row[-1] for row in panel.rows().values()] == ["", ""]
    before = fresh.execute("v.push(1);\nv.shrink_to_fit();")
    rows = panel.wait(lambda rows: rows["v"][1] == "[11]")
    assert rows["v"][3:] == ["11 B", rows["v"][4], "changed"] and rows["other"][-1] == ""
    after = fresh.execute("let a = 2.0f32;")
    assert after.reply["execution_count"] == before.reply["execution_count"] + 1
    rows = panel.wait(lambda rows: rows.get("a", ["", "", "", ""])[3] == "4 B")
    assert rows["a"][-1] == "new" and rows["v"][-1] == ""
    assert rows["a"][4] == f"[{after.reply['execution_count']}]"
    # An error of a cell is followed as well, and nothing of the kernel's own cells is seen.
    failed = fresh.execute("v.clear();\nlet unused = 3;\nErr::<(), _>(\"no\")?;")
    assert failed.reply["status"] == "error"
    rows = panel.wait(lambda rows: rows["v"][1] == "[0]")
    assert "unused" not in rows
    fresh.execute("let b = 1;")
    panel.wait(lambda rows: "b" in rows)
    assert not [m for m in fresh.about(failed.messages[0]["parent_header"]["msg_id"]) if "warning" in str(m["content"])]
    history = fresh.ask("history_request", {"hist_access_type": "tail", "n": 5, "output": False, "raw": True})["history"]
    assert [entry[2] for entry in history][-2:] == ["v.clear();\nlet unused = 3;\nErr::<(), _>(\"no\")?;", "let b = 1;"]


def test_variables_that_are_gone_come_last_with_the_reason(fresh):
    fresh.execute("let given = vec![1];\nlet kept = 1;")
    panel = opened(fresh)
    cell = fresh.execute("drop(given);").reply["execution_count"]
    rows = panel.wait(lambda rows: "given" not in rows)
    assert list(rows) == ["kept"] and panel.gone()["given"] == f"given away in cell [{cell}]"
    fresh.execute("let given = 2;")
    panel.wait(lambda rows: "given" in rows)
    assert "given" not in panel.gone()
    outcome = fresh.execute("std::process::abort();")
    assert outcome.reply["status"] == "error"
    panel.wait(lambda rows: not rows)
    why = f"lost: the process that ran the cells has ended in cell [{outcome.reply['execution_count']}]"
    assert panel.gone()["given"] == panel.gone()["kept"] == why
    fresh.execute("let kept = 3u8;")
    assert panel.wait(lambda rows: rows.get("kept", [""] * 5)[3] == "1 B")["kept"][-1] == "new"
    assert panel.gone()["given"] == why and "kept" not in panel.gone()


def test_a_panic_and_an_interrupt_are_followed(fresh):
    fresh.execute(f"{LIVE}\nlet mut v = vec![0u8; 1];")
    panel = opened(fresh)
    fresh.execute('v.push(2);\npanic!("oh");')
    panel.wait(lambda rows: rows["v"][1] == "[2]")
    running = fresh.start('println!("runs");\nwhile !live::stop_requested() { std::thread::yield_now(); }\nv.push(3);')
    fresh.wait_for(running, has_printed("runs"))
    fresh.manager.interrupt_kernel()
    fresh.outcome(running)
    panel.wait(lambda rows: rows["v"][1] == "[3]")


def test_a_cell_that_waits_is_executed_first(fresh):
    fresh.execute(f"{LIVE}\nlet v = vec![0u8; 1];")
    panel = opened(fresh)
    number = fresh.execute("let a = 0;").reply["execution_count"]
    cells = [fresh.start(f"let c{count} = {count};") for count in range(3)]
    outcomes = [fresh.outcome(cell) for cell in cells]
    assert [outcome.reply["execution_count"] for outcome in outcomes] == [number + 1, number + 2, number + 3]
    assert all(outcome.reply["status"] == "ok" for outcome in outcomes)
    # While they were executed only names and types have come.
    assert panel.rows()["c0"][3] == ""
    panel.wait(lambda rows: rows.get("c2", [""] * 5)[3] == "4 B")
    # One that comes while the variables are looked at does not wait for the compiler.
    fresh.execute("let d = 1u8;")
    time.sleep(0.35)
    outcome = fresh.execute("d + 1")
    assert outcome.of("execute_result")[0]["data"]["text/plain"] == "2" and not outcome.of("stream")
    panel.wait(lambda rows: rows["d"][3] == "1 B")


def test_a_panel_that_is_closed_costs_nothing(fresh):
    fresh.execute("let v = vec![0u8; 1];")
    panel = opened(fresh)
    fresh.say("comm_msg", {"comm_id": panel.comm, "data": {"method": "custom", "content": {"op": "close"}}})
    fresh.listen_until(lambda: fresh.of(panel.comm, "comm_close"), LIMIT)
    (update,) = fresh.updates(panel.display)
    assert VIEW not in update["data"] and "This widget is closed." in update["data"]["text/plain"]
    before = len(fresh.published)
    fresh.execute("let w = 1;")
    time.sleep(1)
    fresh.listen()
    assert not [m for m in fresh.published[before:] if m["msg_type"].startswith("comm")]


def test_a_cell_that_asks_again_has_one_panel(fresh):
    def ask():
        message = fresh.client.session.msg("execute_request", {"code": ":variables", "silent": False, "store_history": True})
        message["metadata"] = {"cellId": "panel"}
        fresh.client.session.send(fresh.client.shell_channel.socket, message)
        return Panel(fresh, fresh.outcome(message["header"]["msg_id"]))

    fresh.execute("let v = vec![0u8; 1];")
    first, second = ask(), ask()
    assert fresh.is_open(second.comm) and not fresh.is_open(first.comm)


def test_without_variables_and_below_rust_it_says_so(fresh):
    assert opened(fresh).display["data"]["text/plain"].startswith("No variables")
    outcome = fresh.execute("let a = 1;\n:variables")
    assert outcome.reply["status"] == "error" and "stand at the top of a cell" in outcome.error()


def test_a_hundred_variables_are_shown_in_time(fresh):
    fresh.execute("\n".join(f"let v{number} = vec![{number}u32; {number}];" for number in range(100)))
    begin = time.monotonic()
    panel = opened(fresh)
    seconds = time.monotonic() - begin
    rows = panel.rows()
    assert len(rows) == 100 and rows["v77"][1:4] == ["[77]", "", "308 B"]
    print(f"100 variables: {seconds:.1f} s")
    assert seconds < 30


def test_a_library_tells_of_types_of_further_crates(fresh, tmp_path):
    (tmp_path / "src").mkdir()
    live = notebooks.ROOT / "crates" / "live"
    (tmp_path / "Cargo.toml").write_text(
        f'[package]\nname = "my-tensors"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nlive = {{ path = "{live}" }}\n'
        '[package.metadata.live]\ndescribe = "live::Describe"\nknown = "known"\n'
    )
    (tmp_path / "src" / "lib.rs").write_text("""pub use live;
pub struct Own;
impl live::Describe for Own { fn device(&self) -> Option<String> { Some("Cuda(0)".to_string()) } }
pub fn known(value: &dyn std::any::Any) -> Option<live::Description> {
    let duration = value.downcast_ref::<std::time::Duration>()?;
    Some(live::Description { shape: Some(format!("{} s", duration.as_secs())), ..Default::default() })
}""")
    fresh.execute(f':dep my-tensors = {{ path = "{tmp_path}" }}\nlet d = std::time::Duration::from_secs(7);\nlet own = my_tensors::Own;\nlet n = 1u8;')
    rows = opened(fresh).rows()
    assert [rows["d"][1], rows["own"][2], rows["n"][3]] == ["7 s", "Cuda(0)", "1 B"]
