"""What cells show: displays that change, text in its place between them, and errors that say what to do."""

import pytest
from conftest import is_idle

import notebooks

SETUP = f""":dep cnn = {{ path = "{notebooks.ROOT / "crates" / "cnn"}" }}
use cnn::live::{{self, Display}};"""
MIXED = """
println!("one");
let shown = Display::new(&[("text/plain", "0 %")]);
println!("two");
live::display(&[("text/html", "<b>1</b>"), ("text/plain", "1")]);
live::display(&[("application/json", "[1, 2]"), ("image/png", "AAAA")]);
for percent in 1..=3 { shown.update(&[("text/plain", &format!("{percent} %"))]); }
print!("three, and ");
println!("four");
"""
CLEARED = """
println!("gone");
live::clear_output(true);
println!("here");
live::clear_output(false);
"""
CAUSES = """
fn read() -> cnn::anyhow::Result<String> {
    use cnn::anyhow::Context;
    std::fs::read_to_string("missing.txt").context("the file could not be read")
}
eprintln!("a warning");
let text = read()?;
"""


@pytest.fixture(scope="module")
def kernel(kernel):
    assert kernel.execute(SETUP).reply["status"] == "ok"
    return kernel


def shown(outcome):
    """The outputs in their order, each with its kind, and neighbouring text in one piece."""
    found = []
    for message in outcome.messages:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream" and found and found[-1][0] == content["name"]:
            found[-1][1] += content["text"]
        elif kind == "stream":
            found.append([content["name"], content["text"]])
        elif kind in ("display_data", "update_display_data"):
            found.append([kind, content["data"]])
        elif kind == "clear_output":
            found.append([kind, content["wait"]])
    return found


def test_text_and_displays_keep_their_order(kernel):
    outcome = kernel.execute(MIXED)
    assert outcome.reply["status"] == "ok"
    updates = [["update_display_data", {"text/plain": f"{percent} %"}] for percent in (1, 2, 3)]
    assert shown(outcome) == [
        ["stdout", "one\n"],
        ["display_data", {"text/plain": "0 %"}],
        ["stdout", "two\n"],
        ["display_data", {"text/html": "<b>1</b>", "text/plain": "1"}],
        ["display_data", {"application/json": [1, 2], "image/png": "AAAA"}],
        *updates,
        ["stdout", "three, and four\n"],
    ]
    first, *others = outcome.of("display_data")
    changed = {content["transient"]["display_id"] for content in outcome.of("update_display_data")}
    assert changed == {first["transient"]["display_id"]}
    assert not any((content.get("transient") or {}).get("display_id") for content in others)


def test_a_later_cell_changes_an_earlier_display(kernel):
    made = kernel.execute('let kept = Display::new(&[("text/plain", "old")]);').of("display_data")
    changed = kernel.execute('kept.update(&[("text/plain", "new")]);').of("update_display_data")
    assert made[0]["transient"] == changed[0]["transient"] and changed[0]["data"] == {"text/plain": "new"}


def test_displays_come_while_the_cell_runs(kernel):
    source = 'live::display(&[("text/plain", "now")]);\nstd::thread::sleep(std::time::Duration::from_secs(3));'
    request = kernel.start(source)
    messages = kernel.wait_for(request, lambda messages: any(message["msg_type"] == "display_data" for message in messages))
    assert not is_idle(messages)
    assert kernel.outcome(request).reply["status"] == "ok"


def test_output_can_be_cleared(kernel):
    outcome = kernel.execute(CLEARED)
    assert shown(outcome) == [["stdout", "gone\n"], ["clear_output", True], ["stdout", "here\n"], ["clear_output", False]]


def test_results_come_after_what_was_printed(kernel):
    outcome = kernel.execute('println!("first");\n1 + 1')
    assert [message["msg_type"] for message in outcome.messages][2:-1] == ["stream", "execute_result"]


@pytest.mark.parametrize(
    "source, text",
    [
        ("1 + 1", "2"),
        ('vec![Some("a"), None]', '[Some("a"), None]'),
        ('(1.5, "a", [true; 2])', '(1.5, "a", [true, true])'),
        ("Box::new(5)", "5"),
        ("cnn::tch::Kind::Float", "Float"),  # of a type that only knows Debug, so compiled twice
        ("#[derive(Debug)] struct Point(i32);\nPoint(3)", "Point(3)"),
    ],
)
def test_a_value_at_the_end_is_shown(kernel, source, text):
    (result,) = kernel.execute(source).of("execute_result")
    assert result["data"] == {"text/plain": text}


def test_a_loop_at_the_end_shows_nothing_of_its_own(kernel):
    assert shown(kernel.execute('for i in 0..2 { println!("{i}"); }')) == [["stdout", "0\n1\n"]]


def test_types_of_the_standard_library_are_known(kernel):
    kernel.execute('let m: std::collections::HashMap<String, Vec<f64>> = [("a".to_string(), vec![1.0])].into();')
    inferred = "let sum = m.values().flatten().map(|x| 2.0 * x).fold(0.0, |a, b| a + b); let entry = m.iter().next().map(|(k, v)| (k.clone(), v.len()));"
    assert kernel.execute(inferred).reply["status"] == "ok"
    (result,) = kernel.execute("(sum, entry)").of("execute_result")
    assert result["data"]["text/plain"] == '(2.0, Some(("a", 1)))'


def test_stderr_is_stderr_and_no_failure(kernel):
    outcome = kernel.execute('eprintln!("a warning");\nprintln!("a line");')
    assert outcome.reply["status"] == "ok"
    assert (outcome.text("stderr"), outcome.text("stdout")) == ("a warning\n", "a line\n")


# ---- errors --------------------------------------------------------------------------------------


def test_an_error_shows_its_message_and_then_its_causes(kernel):
    outcome = kernel.execute(CAUSES)
    reply = outcome.reply
    assert reply["status"] == "error" and "the file could not be read: No such file" in reply["evalue"]
    assert outcome.of("error")[0]["evalue"] == reply["evalue"] and outcome.of("error")[0]["traceback"] == reply["traceback"]
    assert "backtrace" not in outcome.error()


def test_a_panic_shows_its_message_and_no_listing(kernel):
    outcome = kernel.execute('println!("before");\nlet v = vec![1, 2, 3];\nlet i = v.len();\nv[i];')
    assert outcome.reply["status"] == "error" and outcome.text() == "before\n" and outcome.text("stderr") == ""
    assert outcome.error().startswith("Panic: index out of bounds: the len is 3 but the index is 3")
    assert "backtrace" not in outcome.error() and "src/lib.rs" not in outcome.error()


def test_a_compile_error_is_the_compilers_with_advice(kernel):
    outcome = kernel.execute('let name = String::from("a");\nlet other = name;\nprintln!("{name}");')
    assert outcome.reply["status"] == "error" and "moved value" in outcome.reply["evalue"]
    lines = outcome.error().splitlines()
    assert lines[0] == "error[E0382]: borrow of moved value: `name`"
    assert lines[1] == f" --> cell [{outcome.reply['execution_count']}], line 3"
    assert lines[-1].startswith("→ `name` was given away in line 2.")


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ('let n: i64 = "5".parse::<i64>();', "Put a `?`"),
        ("let n: i64 = vec![1].len();", "as i64"),
        ('println!("{}", modle);', "spelt right"),
        ("for i in range(3):\n    print(i)", "`for i in 0..3 { … }`"),
        ("def f(x):\n    return x + 1", "`fn f(x: f64) -> f64 { … }`"),
        ("let k = 3", "A `;` is missing at the end of line 1"),
        ("null", "`Option`"),
        ("let fixed = 1;\nfixed = 2;", "let mut"),
        ("cnn::tch::Tensor::from_slice(&[1.0, 2.0]).f_reshape([3])?;", ".size()"),
        ("fn own(x: &cnn::tch::Tensor) -> cnn::tch::Tensor {\n    x\n}", "`x.shallow_clone()`"),
        ("fn net() -> cnn::anyhow::Result<cnn::Sequential> {\n    cnn::Sequential::input([1, 28, 28]).add(cnn::layers::Flatten)\n}", "`.build()`"),
    ],
)
def test_beginners_get_a_line_of_advice(kernel, source, advice):
    outcome = kernel.execute(source)
    assert outcome.reply["status"] == "error"
    text = "\n".join(notebooks.ANSI.sub("", line) for error in outcome.of("error") for line in error["traceback"])
    assert any(line.startswith("→") and advice in line for line in text.splitlines()), text


def test_a_failed_cell_aborts_those_that_wait(kernel):
    requests = [kernel.start(source) for source in ('panic!("no");', "let never = 1;", "never")]
    assert [kernel.outcome(request).reply["status"] for request in requests] == ["error", "aborted", "aborted"]
    assert kernel.execute("1").reply["status"] == "ok"


def test_a_failure_that_was_expected_aborts_nothing(kernel):
    requests = [kernel.start('panic!("no");', stop_on_error=False), kernel.start("1")]
    assert [kernel.outcome(request).reply["status"] for request in requests] == ["error", "ok"]


def test_variables_outlive_an_error(kernel):
    kernel.execute("let survivor = 41;")
    kernel.execute('panic!("no");')
    assert kernel.execute("survivor + 1").of("execute_result")[0]["data"]["text/plain"] == "42"
