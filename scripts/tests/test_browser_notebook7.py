"""Widgets in Notebook 7, the page that looks like the classic notebook, in a real browser: moved, drawn on, reloaded, and after their kernel's end."""

import pytest
from conftest import wait_until
from test_browser import LONG, SHORT, TOKEN, Notebook, copy_of_the_course, dark, free_port, look_at, picture_of_a_failure, serving  # noqa: F401
from test_browser import keep as keep_picture
from test_browser_course_widgets import draws
from test_browser_widgets import LOOP, OPEN, make, move, says, shows, slider

import notebooks
import setup

CELLS = {
    "dep": ':dep live = { path = "../crates/live" }\n:dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;',
    "open": OPEN,
    "draw": "let model = course::model(42)?;\nlet pad = draw(&model)?;\npad",
    "loop": LOOP,
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the notebooks, and the address of a Notebook 7 that shows them, with the widgets and the kernel of .venv."""
    folder = tmp_path_factory.mktemp("notebook7")
    copy, port = copy_of_the_course(folder), free_port()
    own = {
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_PATH": str(notebooks.VENV / "share" / "jupyter"),
        **{f"{name}_DIR": str(folder / name) for name in ("JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTER_RUNTIME", "JUPYTERLAB_SETTINGS")},
    }
    program = setup.TEST_VENV / "bin" / "jupyter-notebook"
    assert program.exists(), "scripts/test installs Notebook 7 into .venv-test"
    command = [program, "--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--notebook-dir={copy}", "--allow-root"]
    address = f"http://127.0.0.1:{port}"
    with serving(command, address, folder / "notebook.log", copy, own):
        yield copy, address


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(1000 * SHORT)
    return page


class Classic(Notebook):
    """A notebook that is a page of its own."""

    def __init__(self, page, path, address):
        self.page, self.path, self.address = page, path, address
        self.ids = list(CELLS)
        self.panel = page.locator(".jp-NotebookPanel")
        page.goto(f"{address}/notebooks/{path.name}?token={TOKEN}")
        self.is_idle()

    def is_idle(self):
        assert wait_until(lambda: self.session(self.address)["kernel"]["connections"] == 1, LONG)
        self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(state="attached", timeout=1000 * LONG)

    def begin(self, id):
        self.cell(id).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Shift+Enter")


def keep(page, name):
    keep_picture(page, f"notebook7-{name}")


def moved(notebook, to):
    """Moves the slider; what the cells make of it comes back."""
    move(notebook.page, notebook.panel, to)
    x = int(slider(notebook.panel).input_value())
    shows(notebook.panel, f"{x} doubled is {2 * x}")
    return x


def is_answered(notebook, digit):
    pad = notebook.cell("draw").locator(".cnn-widget.pad")
    draws(notebook.page, pad, digit)
    assert wait_until(lambda: pad.locator(".answer strong").count() == 1), pad.text_content()


def test_widgets_live_are_loaded_again_and_end_with_their_kernel(course, page):
    copy, address = course
    notebook = Classic(page, make(copy, "classic.ipynb", CELLS), address)
    for id in ("dep", "open", "draw"):
        notebook.run(id, LONG)
    moved(notebook, 0.5)
    is_answered(notebook, 3)
    keep(page, "widgets")

    notebook.begin("loop")
    notebook.panel.get_by_text("loops", exact=True).wait_for()
    moved(notebook, 0.8)
    notebook.cell("draw").get_by_role("button", name="Clear").click()
    is_answered(notebook, 7)
    assert notebook.prompt("loop") == "*", "the cell should still run"
    move(page, notebook.panel, 1)
    notebook.panel.get_by_text("ended at 100").wait_for()
    notebook.wait_for_prompt("loop", str.isdigit, SHORT)

    x = moved(notebook, 0.3)
    notebook.saved()
    page.reload()
    shows(notebook.panel, f"{x} doubled is {2 * x}", LONG)
    moved(notebook, 0.6)
    is_answered(notebook, 2)
    dark(page)
    keep(page, "dark")

    page.locator('[data-command="notebook:restart-kernel"], [data-command="kernelmenu:restart"]').first.click()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    for id in ("open", "draw"):
        notebook.output(id).get_by_text("run the cell again").wait_for()  # to be seen: the text is always there
    keep(page, "restarted")
    notebook.cell("loop").locator(".jp-InputPrompt").click()
    notebook.saved()
    page.reload()
    says(notebook.output("open").first, "a sliderRun the cell to have this widget.", LONG)
    says(notebook.output("draw").first, "A pad to draw on")
    keep(page, "saved")
