"""What learners type: each cell gets an answer, and nothing that people do by habit loses their variables."""

import os
import time

import pytest
from conftest import LIMIT, LOOP, Outcome, has_printed, running_kernel

import notebooks


@pytest.fixture(scope="module")
def kernel(bare):
    with running_kernel(bare) as running:
        assert running.execute("let kept = 41;").reply["status"] == "ok"
        yield running
        assert value(running, "kept + 1") == "42", "nothing here has cost the variables"


def value(kernel, source):
    outcome = kernel.execute(source)
    (result,) = outcome.of("execute_result") or [{"data": {"text/plain": outcome.messages}}]
    return result["data"]["text/plain"]


# ---- output --------------------------------------------------------------------------------------


def test_half_a_line_belongs_to_its_cell_and_comes_before_its_value(kernel):
    outcome = kernel.execute('print!("half");\n7')
    kinds = [message["msg_type"] for message in outcome.messages][2:-1]
    assert kinds == ["stream", "execute_result"] and outcome.text() == "half"
    assert kernel.execute('println!("next");').text() == "next\n"


def test_half_a_line_that_is_sent_does_not_stop_the_cell(kernel):
    source = 'use std::io::Write;\nprint!("half");\nstd::io::stdout().flush()?;\nlet after = 5;'
    outcome = kernel.execute(source)
    assert outcome.reply["status"] == "ok" and outcome.text() == "half" and value(kernel, "after") == "5"


def test_a_childs_half_line_does_not_stop_the_cell(kernel):
    outcome = kernel.execute('std::process::Command::new("printf").arg("by a child").status()?;')
    assert outcome.reply["status"] == "ok" and outcome.text() == "by a child"


def test_progress_on_one_line_comes_while_it_is_made(kernel):
    source = """use std::io::Write;
for i in 0..3 { print!("\\r{i} %"); std::io::stdout().flush()?; std::thread::sleep(std::time::Duration::from_millis(700)); }"""
    request = kernel.start(source)
    messages = kernel.wait_for(request, has_printed("\r1 %"))
    assert "\r2 %" not in Outcome({}, messages).text()
    assert kernel.outcome(request).text() == "\r0 %\r1 %\r2 %"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_bytes_that_are_no_text_confuse_nothing(kernel, stream):
    source = f"use std::io::Write;\nstd::io::{stream}().write_all(b\"a\\xffb\\n\")?;\nstd::io::{stream}().flush()?;"
    outcome = kernel.execute(source)
    assert outcome.reply["status"] == "ok" and outcome.text(stream) == "a\ufffdb\n"
    for number in range(3):
        assert kernel.execute(f'println!("{number}");').text() == f"{number}\n"
    assert "the reason" in kernel.execute('panic!("the reason");').error()


def test_two_million_lines(kernel):
    begin = time.monotonic()
    outcome = kernel.execute('for i in 0..2_000_000 { println!("{i}"); }')
    text = outcome.text()
    assert text.startswith("0\n1\n") and text.endswith("1999999\n") and text.count("\n") == 2_000_000
    assert time.monotonic() - begin < 60


def test_printing_without_end_is_stopped_and_shown_in_part():
    """In a kernel of its own, which it costs the variables: the definitions stay."""
    with running_kernel() as kernel:
        kernel.execute("fn defined() -> i32 { 3 }")
        request = kernel.start('loop { println!("again and again"); }')
        kernel.wait_for(request, has_printed("again"))
        time.sleep(3)
        memory = sum(resident(pid) for pid in kernel.family())
        kernel.interrupt()
        time.sleep(1)
        kernel.interrupt()
        begin = time.monotonic()
        outcome = kernel.outcome(request)
        assert time.monotonic() - begin < 5
        assert outcome.reply["ename"] == "Interrupted" and "definitions are still there" in outcome.error()
        assert "lines are left out" in outcome.text() and len(outcome.text()) < 40 << 20
        assert memory < 2 << 30, f"{memory >> 20} MiB"
        assert value(kernel, "defined()") == "3"


def resident(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def test_a_huge_value_is_cut(kernel):
    outcome = kernel.execute("vec![1u8; 4_000_000]")
    (result,) = outcome.of("execute_result")
    text = result["data"]["text/plain"]
    assert text.startswith("[1, 1, 1") and "characters more" in text and len(text) < 100_000


def test_dbg_names_the_cell(kernel):
    outcome = kernel.execute("let number = 3;\nlet twice = dbg!(number * 2);")
    assert outcome.text("stderr") == f"[cell [{outcome.reply['execution_count']}], line 2] number * 2 = 6\n"


# ---- input ---------------------------------------------------------------------------------------


def test_what_is_read_is_asked_for(kernel):
    source = 'print!("Name: ");\nlet mut name = String::new();\nstd::io::stdin().read_line(&mut name)?;\nprintln!("Hello {}", name.trim());'
    request = kernel.start(source, allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=LIMIT)
    assert question["msg_type"] == "input_request" and question["parent_header"]["msg_id"] == request
    kernel.client.input("Ada Löwe")
    outcome = kernel.outcome(request)
    assert outcome.text() == "Name: Hello Ada Löwe\n"


def test_several_lines_are_asked_for_one_by_one(kernel):
    request = kernel.start('for line in std::io::stdin().lines().take(2) { println!("<{}>", line?); }', allow_stdin=True)
    for line in ("one", ""):
        kernel.client.get_stdin_msg(timeout=LIMIT)
        kernel.client.input(line)
    assert kernel.outcome(request).text() == "<one>\n<>\n"


def test_where_nobody_can_be_asked_the_input_is_at_its_end(kernel):
    outcome = kernel.execute("std::io::stdin().read_line(&mut String::new())?", allow_stdin=False)
    assert outcome.of("execute_result")[0]["data"]["text/plain"] == "0"


def test_a_child_finds_the_end_of_its_input(kernel):
    outcome = kernel.execute('std::process::Command::new("cat").status()?.success()', allow_stdin=True)
    assert outcome.of("execute_result")[0]["data"]["text/plain"] == "true"


# ---- commands ------------------------------------------------------------------------------------


def test_the_shells_output_comes_while_it_runs(kernel):
    request = kernel.start("!echo one; sleep 2; echo two >&2")
    messages = kernel.wait_for(request, has_printed("one"))
    assert "two" not in Outcome({}, messages).text("stderr")
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "ok" and outcome.text("stderr") == "two\n"


def test_a_command_can_be_stopped_and_costs_nothing(kernel):
    request = kernel.start("!echo begin; sleep 60")
    kernel.wait_for(request, has_printed("begin"))
    begin = time.monotonic()
    kernel.interrupt()
    outcome = kernel.outcome(request)
    assert time.monotonic() - begin < 5 and outcome.reply["ename"] == "Interrupted"
    assert value(kernel, "kept") == "41"


def test_a_command_that_fails_is_an_error_and_rust_behind_it_is_not_executed(kernel):
    outcome = kernel.execute('!exit 3\nprintln!("never");')
    assert outcome.reply["status"] == "error" and "exit status: 3" in outcome.error() and outcome.text() == ""
    assert kernel.execute('!echo first\nprintln!("then");').text() == "first\nthen\n"


def test_another_toolchain_is_refused(kernel):
    outcome = kernel.execute(":toolchain nightly")
    assert outcome.reply["status"] == "error" and "rustup default nightly" in outcome.error()


# ---- definitions and variables -------------------------------------------------------------------


def test_an_impl_can_be_executed_again(kernel):
    kernel.execute("#[derive(Debug)]\nstruct Counter(u32);")
    block = "impl Counter {\n    fn next(&mut self) -> u32 { self.0 += STEP; self.0 }\n}"
    for step in (1, 1, 5):
        assert kernel.execute(block.replace("STEP", str(step))).reply["status"] == "ok"
    assert kernel.execute("impl Counter { fn zero() -> Self { Counter(0) } }").reply["status"] == "ok"
    assert value(kernel, "let mut counter = Counter::zero();\ncounter.next()") == "5"
    for text in ("a", "b"):
        shown = f'impl std::fmt::Display for Counter {{\n    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {{ write!(f, "{text}") }}\n}}'
        assert kernel.execute(shown).reply["status"] == "ok"
    assert kernel.execute('println!("{counter}");').text() == "b\n"


def test_a_variable_that_was_given_away_names_the_cell(kernel):
    kernel.execute("let given = vec![1];")
    moved = kernel.execute("drop(given);").reply["execution_count"]
    error = kernel.execute('println!("{given:?}");').error()
    assert f"given away in cell [{moved}]" in error, error


def test_statics_are_explained_once(kernel):
    first = kernel.execute("use std::sync::atomic::{AtomicU32, Ordering};\nstatic HITS: AtomicU32 = AtomicU32::new(0);")
    assert "begins anew in each cell" in first.text("stderr")
    assert kernel.execute("static OTHER: AtomicU32 = AtomicU32::new(0);").text("stderr") == ""


def test_names_of_the_kernel_do_not_collide(kernel):
    assert kernel.execute("fn shown() -> i32 { 8 }\nstruct Shown;").reply["status"] == "ok"
    assert value(kernel, "shown()") == "8"
    error = "#[derive(Debug)] struct Outer;\nimpl std::fmt::Display for Outer { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"{}\", f.alternate()) } }"
    assert kernel.execute(error).reply["status"] == "ok"
    assert kernel.execute('let outer = Outer;\neprintln!("{}", outer);').text("stderr") == "false\n"


# ---- errors --------------------------------------------------------------------------------------


def test_an_err_as_a_value_is_an_error(kernel):
    outcome = kernel.execute('"x".parse::<i32>()')
    assert outcome.reply["status"] == "error" and "InvalidDigit" in outcome.error()
    assert value(kernel, '"3".parse::<i32>()') == "Ok(3)"


def test_carets_are_right_behind_an_umlaut(kernel):
    outcome = kernel.execute('let größe = "– 😀"; let länge: i32 = größe;')
    lines = outcome.error().splitlines()
    (at,) = (index for index, line in enumerate(lines) if "let länge" in line)
    assert f"cell [{outcome.reply['execution_count']}], line 1" in outcome.error()
    assert any("^" in line for line in lines[at + 1 : at + 3]), lines


def test_a_panic_of_a_thread_says_why(kernel):
    joined = kernel.execute('std::thread::spawn(|| panic!("the reason")).join().unwrap();')
    assert joined.reply["status"] == "error" and "the reason" in joined.error() and "backtrace" not in joined.error()
    alone = kernel.execute('let handle = std::thread::spawn(|| panic!("alone"));\nwhile !handle.is_finished() { std::thread::yield_now(); }\nstd::mem::forget(handle);')
    assert "alone" in alone.text("stderr") + str(alone.reply)


def test_a_warning_of_an_earlier_cell_is_not_the_error_of_a_later_one(kernel):
    kernel.execute("fn unused_thing(x: i32) { let y = x; }")
    outcome = kernel.execute("let z: i32 = missing_name;")
    assert "missing_name" in outcome.reply["evalue"] and "unused" not in outcome.error()


def test_recursion_without_end_says_so(bare):
    with running_kernel(bare) as kernel:
        outcome = kernel.execute("fn down(n: u64) -> u64 { if n == u64::MAX { 0 } else { 1 + down(std::hint::black_box(n) + 1) } }\ndown(0)")
        assert outcome.reply["ename"] == "ProcessEnded" and "called itself without end" in outcome.error(), outcome.error()
        assert value(kernel, "1 + 1") == "2"


def test_memory_has_a_limit(bare):
    with running_kernel(bare | {"memory": 1}) as kernel:
        outcome = kernel.execute("let mut all: Vec<Vec<u8>> = Vec::new();\nloop { all.push(vec![1; 50_000_000]); }")
        assert outcome.reply["status"] == "error" and "memory" in outcome.error(), outcome.error()
        assert value(kernel, "1 + 1") == "2"


# ---- names ---------------------------------------------------------------------------------------


def complete(kernel, code, cursor=None):
    return kernel.reply(kernel.client.complete(code, len(code) if cursor is None else cursor))["content"]


@pytest.mark.parametrize("code", ["Vec::<i32>::with_capacity(", "vec![1].swap(0, ", "String::from(", 'println!("{}", kept.pow('])
def test_tab_within_parentheses_gets_an_answer_and_stops_nothing(kernel, code):
    reply = complete(kernel, code)
    assert reply["status"] == "ok"
    assert value(kernel, "kept") == "41"


def test_cells_find_the_users_own_cargo(kernel):
    """The kernel shows rust-analyzer another one."""
    outcome = kernel.execute('println!("{:?} {:?}", std::env::var("CARGO_HOME").ok(), std::env::var("CARGO").is_ok_and(|cargo| cargo.contains("analyzed")));')
    home = os.environ.get("CARGO_HOME")
    assert outcome.text() == (f'Some("{home}")' if home else "None") + " false\n"
    assert '"packages":[{"name":"' in kernel.execute('!cd ../crates/live && cargo metadata --format-version 1').text()


def test_names_are_completed_while_a_cell_runs(kernel):
    request = kernel.start('println!("begin");\nstd::thread::sleep(std::time::Duration::from_secs(6));')
    kernel.wait_for(request, has_printed("begin"))
    begin = time.monotonic()
    assert "from_utf8" in complete(kernel, "String::from_ut")["matches"]
    inspected = kernel.reply(kernel.client.inspect("String::new()", 9))["content"]
    assert inspected["found"] and "String" in inspected["data"]["text/plain"]
    assert time.monotonic() - begin < 5 and request not in kernel.replies
    assert kernel.outcome(request).reply["status"] == "ok"


def test_the_notebooks_variables_are_completed(kernel):
    assert "kept" in complete(kernel, "ke")["matches"]
    assert "len" in complete(kernel, "let text = String::new(); text.le")["matches"]


@pytest.mark.parametrize("before", ["😀", "e\u0301", "文字"])
def test_completion_behind_other_letters_replaces_the_right_ones(kernel, before):
    code = f'let text = "{before}"; String::from_ut'
    reply = complete(kernel, code)
    assert "from_utf8" in reply["matches"] and code[reply["cursor_start"] : reply["cursor_end"]] == "from_ut"


def test_a_cell_with_a_loop_can_be_ended_and_definitions_stay(bare):
    with running_kernel(bare) as kernel:
        kernel.execute("fn defined() -> i32 { 3 }")
        request = kernel.start('println!("begin");\n' + LOOP)
        kernel.wait_for(request, has_printed("begin"))
        kernel.interrupt()
        time.sleep(1)
        kernel.interrupt()
        assert "definitions are still there" in kernel.outcome(request).error()
        assert value(kernel, "defined()") == "3"


def test_paths_may_have_spaces(tmp_path):
    folder = tmp_path / "a folder" / "with spaces"
    folder.mkdir(parents=True)
    (folder / "warm-up.rs").write_text("")
    with running_kernel({"prepared": folder / "prepared", "runs": folder, "warm-up": folder / "warm-up.rs"}) as kernel:
        assert value(kernel, "1 + 1") == "2"
        assert notebooks.ANSI.sub("", kernel.execute("missing").error()).count("cannot find value")


# ---- Python and Keras, typed by habit ------------------------------------------------------------

BEFORE = """let x = vec![1.0f32, 2.0];
let labels = vec![3u8, 4];
struct Model;
#[derive(Default, Debug, Clone)]
struct Fit { epochs: usize, batch_size: usize }
impl Model { fn fit(&mut self, x: &[f32], y: &[u8], settings: &Fit) -> Result<usize, std::io::Error> { Ok(settings.epochs + x.len() + y.len()) } }
let mut model = Model;
let y = vec![1u8];"""


@pytest.fixture(scope="module")
def habits(kernel):
    assert kernel.execute(BEFORE).reply["status"] == "ok"
    return kernel


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("for i in range(3):\n    print(i)", "for i in 0..3 {"),
        ("def double(x):\n    return 2 * x", "fn double("),
        ("len(x)", "x.len()"),
        ("import numpy as np", "use "),
        ("print(x)", "println!("),
        ("let name = 'Ada Lovelace';", '"Ada Lovelace"'),
        ('println!(f"{x}")', 'println!("'),
        ("# a comment\nlet a = 1;", "//"),
        ("3 ** 2", "pow("),
        ("let i: i64 = 1;\nlabels[i]", "as usize"),
        ('println!("{}", x);', "{:?}"),
        ("model.fit(x, y, epochs=3)", "&Fit { epochs: 3, ..Fit::default() }"),
        ("model.fit(&x, &y, &Fit { epochs: 3 })?;", "..Fit::default()"),
        ("let x = None;", "Option<"),
        ('let n: i32 = "5";', ".parse()"),
        ("let flag = True;", "true"),
        ("count = 3", "let"),
        ("if x.len() > 1 and y.len() > 1 { 1 } else { 2 }", "&&"),
    ],
)
def test_habits_get_one_line_with_the_rust_for_it(habits, source, wanted):
    outcome = habits.execute(source)
    assert outcome.reply["status"] == "error"
    advice = [line for line in outcome.error().splitlines() if line.startswith("→")]
    assert len(advice) == 1 and wanted in advice[0], outcome.error()


def test_a_forgotten_question_mark_is_told(habits):
    outcome = habits.execute("model.fit(&x, &y, &Fit::default());")
    assert outcome.reply["status"] == "ok" and "write a `?` before the `;`" in outcome.text("stderr"), outcome.messages


@pytest.mark.parametrize("source", ["fn half(x: f64) -> f64 {\n    x / 2.0\n", "let k = 3\nlet j = 4;", 'let s = "open;'])
def test_what_is_missing_is_told_in_the_learners_words(habits, source):
    outcome = habits.execute(source)
    assert outcome.reply["status"] == "error" and "evcxr" not in outcome.error(), outcome.error()
    assert any(word in outcome.error() for word in ("`}`", "`;`", '`"`')), outcome.error()
