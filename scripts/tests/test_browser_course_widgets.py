"""The course's widgets in JupyterLab, in a real browser: a digit is drawn with the mouse, a training is steered, cells are pressed.

Pictures of what was seen are left in out/test/screenshots, the times in out/test/browser.json.
"""

import json
import re
import statistics

import nbformat
import pytest
from conftest import wait_until
from test_browser import LONG, SHORT, Notebook, course, dark, keep, look_at, note, page, picture_of_a_failure  # noqa: F401
from test_page import DIGITS, PLACES, placed

import notebooks

CELLS = {
    "setup": ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;',
    "data": """let data = mnist::load_data()?;
let (x, y) = (add_channel(&data.x_train.narrow(0, 0, 6000))?, data.y_train.narrow(0, 0, 6000));
let mut model = course::model(42)?;
let _ = model.fit(&x, &y, &Fit { epochs: 2, batch_size: 64, ..Fit::default() })?;""",
    "draw": "let pad = draw(&model)?;\npad",
    "drawn": 'println!("{:?}", pad.image()?.map(|image| (image.size(), model.predict(&image).unwrap().argmax(-1, false).int64_value(&[0]))));',
    "controls": """let noise = slider("noise", 0.0..=1.0, 0.2)?.step(0.1)?;
let (list, ticked, again) = (dropdown("optimizer", &["Adam", "SGD"])?, checkbox("shuffle", true), button("Again"));
noise.show();
list.show();
ticked.show();
again.show();""",
    "read": 'println!("{} {} {} {}", noise.value(), list.value(), ticked.value(), again.clicks());',
    "steer": """let learning_rate = log_slider("learning rate", 1e-5..=1e-2, 1e-3)?;
let long = Fit { epochs: 500, batch_size: 128, ..Fit::default() };
let history = model.training(&x, &y, &long).callback(Steer::new(&learning_rate)).run()?;""",
    "rates": 'println!("{:?}", history.learning_rate);',
    "confusion": """let x_test = add_channel(&data.x_test)?;
let probabilities = model.predict(&x_test)?;
explore_confusion::<&str>(&probabilities, &data.x_test, &data.y_test, &[])?""",
    "hand": "augment_by_hand(&model, &x_test.get(0))?",
    "surface": """let points = Tensor::linspace(-3.0, 3.0, 50, (Kind::Double, Device::Cpu));
loss_surface(&points, &(&points * 2.0 + 1.0 + points.sin()))?""",
    "refused": 'println!("{}", draw(&Sequential::input([3, 8, 8]).add(Flatten).add(Dense::new(2)).build()?).unwrap_err());',
}
# The milliseconds from each movement of the mouse over the paper to the next change of the bars.
MEASURE = """pad => {
  let moved = null;
  pad.milliseconds = [];
  pad.querySelector(".paper").addEventListener("pointermove", () => (moved ??= performance.now()), true);
  new MutationObserver(() => {
    if (moved !== null) pad.milliseconds.push(performance.now() - moved);
    moved = null;
  }).observe(pad.querySelector(".bars"), { childList: true });
}"""
SAME = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def notebook(course, page):  # noqa: F811
    """With a small model that is trained, and one kernel for all tests."""
    copy, address = course
    written = nbformat.v4.new_notebook(metadata={"kernelspec": notebooks.KERNELSPEC})
    written.cells = [nbformat.v4.new_code_cell(source, id=id) for id, source in CELLS.items()]
    path = copy / "widgets.ipynb"
    nbformat.write(written, path)
    notebook = Notebook(page, path, address)
    for id in ("setup", "data"):
        notebook.run(id, LONG)
    yield notebook
    notebook.end(address)


def shown(notebook, id, kind):
    """The widget that a cell shows, once its cell was run and it is there."""
    notebook.run(id, LONG)
    widget = notebook.cell(id).locator(f".cnn-widget.{kind}").first
    widget.wait_for()
    look_at(widget)
    return widget


def printed(notebook, id):
    notebook.run(id, LONG)
    return notebook.output(id).last.text_content().strip()


def draws(page, pad, digit):  # noqa: F811
    """With the mouse."""
    look_at(pad)
    box = pad.locator(".paper").bounding_box()
    for points in placed(DIGITS[digit], PLACES[0]):
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*at[0])
        page.mouse.down()
        for point in at[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def says(place, start, limit=SHORT):
    assert wait_until(lambda: place.text_content().startswith(start), limit), place.text_content()


def clear(pad):
    """A page that still moves is clicked beside the button; to clear twice does no harm."""
    button, answer = pad.get_by_role("button", name="Clear"), pad.locator(".answer")
    assert wait_until(lambda: button.click() or answer.text_content().startswith("Draw on the paper")), answer.text_content()


def test_a_digit_is_drawn_with_the_mouse_and_the_kernel_reads_it(notebook, page):  # noqa: F811
    pad = shown(notebook, "draw", "pad")
    answer, maps = pad.locator(".answer"), pad.locator("canvas.maps")
    says(answer, "Draw on the paper")
    dark_maps = maps.evaluate(SAME)
    pad.evaluate(MEASURE)
    draws(page, pad, 3)
    says(answer, "3 ")
    says(pad.locator("[role=status]"), "3, ")
    assert pad.locator(".bars .best").first.text_content() == "3"
    assert maps.evaluate(SAME) != dark_maps
    milliseconds = pad.evaluate("pad => pad.milliseconds")
    assert len(milliseconds) > 5, "the bars should move while one draws"
    note(stroke_to_bars_in_ms=statistics.median(milliseconds))
    assert statistics.median(milliseconds) < 250, milliseconds
    keep(page, "pad")
    assert printed(notebook, "drawn") == "Some(([1, 1, 28, 28], 3))"

    first = maps.evaluate(SAME)
    pad.locator("select").select_option("max_pooling2d")
    assert wait_until(lambda: maps.evaluate(SAME) != first)
    look_at(pad)
    clear(pad)
    draws(page, pad, 3)  # the very same again
    says(answer, "3 ")


def test_a_digit_is_drawn_with_the_keys_alone(notebook, page):  # noqa: F811
    pad = notebook.cell("draw").locator(".cnn-widget.pad").first
    look_at(pad)
    clear(pad)
    says(pad.locator(".answer"), "Draw on the paper")
    pad.locator(".paper").focus()
    for key, times in (("ArrowUp", 9), ("Space", 1), ("ArrowDown", 18), ("Space", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    says(pad.locator(".answer"), "1 ")
    assert pad.locator(".paper").evaluate("paper => paper === document.activeElement"), "JupyterLab's own keys should rest"
    assert pad.locator(".paper").evaluate("paper => getComputedStyle(paper).outlineStyle") == "solid"
    keep(page, "pad-keys")


def test_controls_are_read_by_the_next_cell(notebook, page):  # noqa: F811
    shown(notebook, "controls", "control")
    place = notebook.cell("controls")
    place.get_by_role("slider", name="noise").focus()
    page.keyboard.press("ArrowRight")
    says(place.locator("output").first, "0.3")
    place.get_by_label("optimizer").select_option("SGD")
    place.get_by_label("shuffle").uncheck()
    place.get_by_role("button", name="Again").click(click_count=2)
    keep(page, "controls")
    assert wait_until(lambda: printed(notebook, "read") == "0.3 SGD false 2"), notebook.output("read").last.text_content()


def test_a_training_follows_the_slider_and_waits_while_it_is_paused(notebook, page):  # noqa: F811
    notebook.cell("steer").locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    place = notebook.cell("steer")
    slider, pause = place.get_by_role("slider", name="learning rate"), place.get_by_role("button", name="Pause")
    pause.wait_for(timeout=1000 * LONG)
    place.get_by_text(re.compile("^Epoch [2-9]/")).first.wait_for(timeout=1000 * LONG)
    display = place.locator(".jp-OutputArea-output").last
    look_at(slider)
    slider.focus()
    page.keyboard.press("End")
    says(place.locator("output"), "0.01")
    # The pad answers while the training runs, with the weights of the moment.
    pad = notebook.cell("draw").locator(".cnn-widget.pad").first
    pad.get_by_role("button", name="Clear").click()
    draws(page, pad, 3)
    assert wait_until(lambda: pad.locator(".answer strong").count() == 1)
    assert notebook.prompt("steer") == "*"

    look_at(pause)
    now = int(re.search(r"Epoch (\d+)", display.text_content())[1])
    assert wait_until(lambda: f"Epoch {now + 2}/" in display.text_content()), "no epoch has ended with the new rate"
    pause.click()
    assert pause.get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(1000)
    before = display.inner_html()
    page.wait_for_timeout(1500)
    assert display.inner_html() == before, "it is paused"
    keep(page, "steer")
    pause.click()
    assert wait_until(lambda: display.inner_html() != before), "it goes on"
    pause.click()
    notebook.panel.locator('[data-command="notebook:interrupt-kernel"]').click()
    notebook.wait_for_prompt("steer", str.isdigit, SHORT)  # also a paused training ends
    rates = json.loads(printed(notebook, "rates"))
    assert rates[0] == 0.001 and rates[-1] == 0.01, rates


def test_a_cell_of_the_matrix_shows_its_images(notebook, page):  # noqa: F811
    matrix = shown(notebook, "confusion", "confusion")
    cells, gallery = matrix.locator("td button"), matrix.locator(".gallery li")
    counts = [int(text) if text.isdigit() else 0 for text in cells.all_text_contents()]
    wrong = max((count, place) for place, count in enumerate(counts) if place % 11)
    cells.nth(wrong[1]).click()
    assert wait_until(lambda: gallery.count() == min(wrong[0], 40)), gallery.count()
    truth, predicted = divmod(wrong[1], 10)
    says(matrix.locator("section p"), f"True {truth}, read as {predicted}: {wrong[0]} image")
    keep(page, "confusion")
    page.keyboard.press("ArrowLeft" if predicted else "ArrowRight")
    page.keyboard.press("Enter")
    beside = predicted - 1 if predicted else 1
    says(matrix.locator("section p"), f"True {truth}, read as {beside}: ")
    assert cells.nth(10 * truth + beside).get_attribute("aria-pressed") == "true"


def test_an_image_is_turned_by_hand(notebook, page):  # noqa: F811
    hand = shown(notebook, "hand", "by-hand")
    verdict, seen = hand.locator(".picture p"), hand.locator("canvas.seen")
    says(verdict, "Read as ")
    upright = seen.evaluate(SAME)
    hand.get_by_role("slider", name="rotation").focus()
    page.keyboard.press("End")
    assert wait_until(lambda: seen.evaluate(SAME) != upright)
    hand.get_by_role("slider", name="zoom").focus()
    page.keyboard.press("Home")
    says(verdict, "Misread: ")
    keep(page, "by-hand")
    hand.get_by_role("button", name="As it was").click()
    says(verdict, "Read as ")
    assert seen.evaluate(SAME) == upright


def test_a_ball_rolls_down_the_loss(notebook, page):  # noqa: F811
    surface = shown(notebook, "surface", "descent")
    state = surface.locator("p").first
    says(state, "At rest after ", LONG)
    surface.locator(".surface").click(position={"x": 380, "y": 60})
    says(state, "Step ")
    keep(page, "surface")
    surface.get_by_role("slider", name="learning rate").focus()
    page.keyboard.press("End")
    says(state, "Lost after ", LONG)


def test_what_does_not_fit_is_said_and_a_saved_notebook_has_stills(notebook, page):  # noqa: F811
    assert "draw makes images of the shape [1, 28, 28], and the model takes [3, 8, 8]" in printed(notebook, "refused")
    saved = {cell.id: cell for cell in notebook.saved().cells}
    for id, sentence in {"draw": "A pad to draw on", "confusion": "its cells show their images", "hand": "sliders turn", "surface": "a ball goes down"}.items():
        data = next(output.data for output in saved[id].outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {}))
        assert sentence in data["text/plain"] and sentence in data["text/html"]
        assert id == "draw" or "data:image/png;base64," in data["text/html"]
    dark(page)
    for id in ("draw", "controls", "confusion", "hand", "surface"):
        look_at(notebook.cell(id).locator(".cnn-widget").first)
        keep(page, f"{id}-widget-dark")
