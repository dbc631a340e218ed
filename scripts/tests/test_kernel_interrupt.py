"""The stop button: what looks at the stop flag ends soon and loses nothing, and what does not is ended by a second press."""

import time

from conftest import LIMIT, LOOP, Outcome, has_printed, running_kernel

import notebooks

SETUP = f""":dep cnn = {{ path = "{notebooks.ROOT / "crates" / "cnn"}" }}
use cnn::{{live, prelude::*}};
let data = mnist::synthetic_digits(1000, 10, 1);
let x_train = add_channel(&data.x_train)?;
let mut model = Sequential::input([1, 28, 28]).add(Flatten).add(Dense::new(10).activation(Softmax)).build()?;
model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
let settings = Fit {{ epochs: 100_000, ..Fit::default() }};"""
FIT = """println!("begin");
let history = model.fit(&x_train, &data.y_train, &settings)?;"""


def shows(kind):
    return lambda messages: any(message["msg_type"] == kind for message in messages)


def test_a_training_ends_and_everything_lives(kernel):
    assert kernel.execute(SETUP).reply["status"] == "ok"
    request = kernel.start(FIT)
    waiting = kernel.start("1")
    kernel.wait_for(request, shows("update_display_data"))
    begin = time.monotonic()
    kernel.interrupt()
    outcome = kernel.outcome(request)
    assert time.monotonic() - begin < 20
    assert outcome.reply["status"] == "ok" and outcome.text("stderr") == ""
    assert kernel.outcome(waiting).reply["status"] == "aborted"
    later = kernel.execute("println!(\"{}\", history.loss.len() < 100_000 && model.evaluate(&x_train, &data.y_train).is_ok());")
    assert later.text() == "true\n"


def test_an_interrupt_without_a_cell_does_nothing(kernel):
    kernel.published.clear()
    kernel.interrupt()
    # It comes on a channel of its own, so a cell that is sent now could arrive before it.
    kernel.wait_until_published(lambda message: message["parent_header"].get("msg_type") == "interrupt_request")
    outcome = kernel.execute('println!("{}", std::path::Path::new(&std::env::var("LIVE_STOP")?).exists());')
    assert outcome.reply["status"] == "ok" and outcome.text() == "false\n"


def test_a_busy_cell_is_explained_and_then_ended(kernel):
    kernel.execute("let lost = 1;")
    request = kernel.start('println!("begin");\n' + LOOP)
    kernel.wait_for(request, has_printed("begin"))
    kernel.interrupt()
    begin = time.monotonic()
    kernel.wait_for(request, lambda messages: "Interrupt it once more" in Outcome({}, messages).text("stderr"))
    assert 1 < time.monotonic() - begin < 30
    kernel.interrupt()
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "error" and outcome.reply["ename"] == "Interrupted"
    assert "All variables are gone" in outcome.error()
    assert kernel.execute("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert kernel.execute("lost").reply["status"] == "error"


def test_a_cell_that_waits_for_input_is_stopped_and_nothing_is_lost(kernel):
    kernel.execute("let kept = 3;")
    request = kernel.start('loop { std::io::stdin().read_line(&mut String::new())?; println!("again"); }', allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=LIMIT)
    kernel.interrupt()
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "error" and outcome.text() == ""
    assert kernel.execute("kept").of("execute_result")[0]["data"]["text/plain"] == "3"


def test_a_double_click_is_one_press(kernel):
    kernel.execute("let kept = 5;")
    request = kernel.start('println!("begin");\nfor _ in 0..40 { if live::stop_requested() { break; } std::thread::sleep(std::time::Duration::from_millis(500)); }')
    kernel.wait_for(request, has_printed("begin"))
    kernel.interrupt()
    kernel.interrupt()
    assert kernel.outcome(request).reply["status"] == "ok"
    assert kernel.execute("kept").of("execute_result")[0]["data"]["text/plain"] == "5"


def test_a_cell_that_is_compiled_can_be_stopped_and_nothing_is_lost(kernel):
    kernel.execute("let kept = 4;")
    # Functions that take the compiler long, and that no earlier kernel has compiled.
    new = time.time_ns()
    many = "\n".join(f"fn f{new}_{number}(x: f64) -> f64 {{ (0..100).map(|i| (x * i as f64).sin()).sum() }}" for number in range(9000))
    request = kernel.start(many)
    time.sleep(3)
    kernel.interrupt()
    outcome = kernel.outcome(request)
    assert outcome.reply["status"] == "error" and outcome.reply["ename"] == "Interrupted", outcome.reply
    assert kernel.execute("kept").of("execute_result")[0]["data"]["text/plain"] == "4"


def test_a_cell_that_waits_for_the_first_start_can_be_stopped(bare):
    with running_kernel(bare) as kernel:
        request = kernel.start("1")
        kernel.wait_for(request, shows("execute_input"))
        kernel.interrupt()
        assert kernel.outcome(request).reply["ename"] == "Interrupted"
        assert kernel.execute("2").reply["status"] == "ok"
