"""The course as a learner sees it: JupyterLab in a browser, and the kernel behind it.

Pictures of what was seen are left in out/test/screenshots, the times in out/test/browser.json.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import nbformat
import pytest
from conftest import wait_until

import notebooks
import parameters

PICTURES = notebooks.OUT / "test" / "screenshots"
TIMES = notebooks.OUT / "test" / "browser.json"
TRAINING, PREPROCESSING = "04_training_the_model", "02_data_preprocessing"
# Of a training that takes minutes, whatever the machine: the test stops it.
LONG_TRAINING = {"epochs": 300, "train_samples": 10000}
EVALUATION = "05_evaluating_the_model"
# As high as that of a training; as the crate `live` writes it.
DISPLAY = r"""for step in 0..12 {
    let operation = if step == 0 { "display" } else { "update" };
    let html = format!("<div style='height: 380px'>live {step}</div>");
    println!("\u{1f}live/1 {{\"op\":\"{operation}\",\"id\":\"d\",\"data\":{{\"text/html\":\"{html}\"}}}}");
    std::thread::sleep(std::time::Duration::from_millis(500));
}"""
SETUP = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*; // this line is longer than a narrow window is wide, and then goes on below'
CHARTS = """fn line(name: &str, points: &[(f64, f64)]) -> cnn::anyhow::Result<Figure> {
    plots::Chart::new(name).axes("x", "y").size(640, 420).line("", points).figure()
}
line("ReLU", &[(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)])?.beside(&line("Square", &[(-1.0, 1.0), (0.0, 0.0), (1.0, 1.0)])?)"""
TOKEN = "of-the-test"
# Seconds, generous: other programs may want the processor too.
SHORT, LONG = 30, 180


# ---- JupyterLab and the browser ------------------------------------------------------------------


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def request(address, method="GET"):
    asked = urllib.request.Request(address, method=method, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=SHORT) as reply:
        return json.loads(reply.read() or "null")


def processes_that_name(folder):
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, timeout=SHORT).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


def is_json(text):
    with contextlib.suppress(ValueError):
        return bool(json.loads(text))
    return False


def copy_of_the_course(folder):
    """The notebooks in a folder where a test may write, with the crate where they look for it."""
    shutil.copytree(notebooks.FOLDER, folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (folder / "crates").symlink_to(notebooks.ROOT / "crates")
    return folder / "notebooks"


def server_is_up(address):
    with contextlib.suppress(OSError):
        return bool(request(f"{address}/api/status"))
    return False


@contextlib.contextmanager
def serving(command, address, log, cwd, environment):
    """A server of Jupyter's that answers."""
    with open(log, "w") as file:
        server = subprocess.Popen(command, cwd=cwd, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        assert wait_until(lambda: server_is_up(address), LONG), log.read_text()
        yield
    finally:
        server.terminate()
        try:
            server.wait(SHORT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(SHORT)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the notebooks, and the address of a JupyterLab that shows them."""
    folder = tmp_path_factory.mktemp("browser")
    copy, port = copy_of_the_course(folder), free_port()
    own = {
        "JUPYTER_TOKEN": TOKEN,
        "CNN_ARTIFACTS": str(folder / "artifacts"),
        # What the user has set in JupyterLab must not matter here.
        **{f"{name}_DIR": str(folder / name) for name in ("JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTER_RUNTIME", "JUPYTERLAB_SETTINGS", "JUPYTERLAB_WORKSPACES")},
    }
    if not os.environ.get("CNN_DATA_DIR"):
        own["CNN_MIRRORS"] = "http://127.0.0.1:1/"  # nobody answers there: digits are drawn
    command = [notebooks.VENV / "bin" / "jupyter", "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--notebook-dir={copy}"]
    command += ["--allow-root", "--MultiKernelManager.default_kernel_name=rust"]
    address = f"http://127.0.0.1:{port}"
    with serving(command, address, folder / "lab.log", copy, own):
        yield copy, address
    assert wait_until(lambda: not processes_that_name(folder)), "a kernel has outlived JupyterLab"


@pytest.fixture(scope="module")
def page(chromium, course):
    """JupyterLab in the browser."""
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(1000 * SHORT)
    open_anew(page, course[1])
    return page


def open_anew(page, address):
    page.goto(f"{address}/lab?token={TOKEN}&reset")
    page.locator(".jp-DirListing-item").first.wait_for()


@pytest.fixture(autouse=True)
def no_tabs(course, page):
    """Each test begins without the tabs of the one before it, whose kernels have ended."""
    open_anew(page, course[1])


@pytest.fixture(autouse=True)
def picture_of_a_failure(request, page):
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        keep(page, f"failed-{request.node.name}")


# ---- a notebook in JupyterLab --------------------------------------------------------------------


def change(path, values, after=None, cell=None):
    """Gives a notebook other parameters, and another cell after the cell `after`; takes its outputs away."""
    notebook = notebooks.read(path)
    parameters.inject(notebook, values)
    if cell:
        notebook.cells.insert([known.id for known in notebook.cells].index(after) + 1, cell)
    for code in notebook.cells:
        if code.cell_type == "code":
            code.outputs, code.execution_count = [], None
    path.write_text(notebooks.as_text(notebook))
    return path


class Notebook:
    """A notebook that the page shows."""

    def __init__(self, page, path, address):
        self.page, self.path = page, path
        cells = notebooks.read(path).cells
        self.ids = [cell.id for cell in cells]
        self.code = [cell.id for cell in cells if cell.cell_type == "code"]
        begin = time.monotonic()
        page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        # Before, JupyterLab forgets at once what it is asked to run.
        assert wait_until(lambda: self.session(address)["kernel"]["connections"] == 1)
        page.locator(".jp-StatusBar-TextItem", has_text="Rust | Idle").wait_for()
        self.seconds_to_idle = time.monotonic() - begin

    def cell(self, id):
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(self.ids.index(id))

    def output(self, id):
        return self.cell(id).locator(".jp-OutputArea-output")

    def prompt(self, id):
        return self.cell(id).locator(".jp-InputPrompt").text_content().strip(":[]")

    def wait_for_prompt(self, id, fits, limit):
        assert wait_until(lambda: fits(self.prompt(id)), limit), f"the prompt of {id} is {self.prompt(id)!r}"

    def run(self, id, limit):
        """Runs the cell; returns how many seconds it took."""
        before, begin = self.prompt(id), time.monotonic()
        self.cell(id).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Shift+Enter")
        self.wait_for_prompt(id, lambda now: now.isdigit() and now != before, limit)
        return time.monotonic() - begin

    def add_above(self, id, new, source):
        """Types a new cell above another, as a user does."""
        self.cell(id).locator(".jp-InputPrompt").click()
        for key in ("Escape", "a", "Enter"):
            self.page.keyboard.press(key)
        self.page.keyboard.insert_text(source)
        self.ids.insert(self.ids.index(id), new)

    def run_all(self):
        self.page.locator(".lm-MenuBar-item", has_text="Run").click()
        self.page.get_by_text("Run All Cells", exact=True).click()

    def saved(self):
        """The notebook as JupyterLab writes it."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        assert wait_until(lambda: self.path.stat().st_mtime_ns != before)
        assert wait_until(lambda: is_json(self.path.read_text()))  # the server empties the file before it writes
        return notebooks.read(self.path)

    def session(self, address):
        """What JupyterLab knows about the notebook's kernel."""
        known = [session for session in request(f"{address}/api/sessions") if session["name"] == self.path.name]
        return known[0] if known else {"kernel": {"connections": 0}}

    def end(self, address):
        """Ends the notebook's kernel."""
        request(f"{address}/api/sessions/{self.session(address)['id']}", "DELETE")


def look_at(element):
    """Scrolls to the element; on the way there JupyterLab draws cells, which grow."""
    for _ in range(4):
        element.evaluate("element => element.scrollIntoView({block: 'center'})")
        element.page.wait_for_timeout(200)


def keep(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def dark(page):
    page.locator(".lm-MenuBar-item", has_text="Settings").click()
    page.get_by_text("Theme", exact=True).click()
    page.get_by_text("JupyterLab Dark", exact=True).click()
    page.locator('body[data-jp-theme-light="false"]').wait_for(state="attached")


def note(**seconds):
    known = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    notebooks.write_whole(TIMES, notebooks.as_json(known | {name: round(value, 2) for name, value in seconds.items()}))


# ---- what a learner does -------------------------------------------------------------------------


def test_a_training_is_watched_stopped_and_its_model_used(course, page):
    copy, address = course
    notebook = Notebook(page, change(copy / f"{TRAINING}.ipynb", LONG_TRAINING), address)
    note(notebook_to_idle=notebook.seconds_to_idle, first_cell=notebook.run("setup", LONG))
    notebook.run_all()
    display = notebook.output("fit").first
    display.wait_for(timeout=1000 * LONG)
    look_at(display)

    shown, pictures, end = set(), set(), time.monotonic() + LONG
    while len(shown) < 10 or len(pictures) < 4:
        assert notebook.prompt("fit") == "*" and time.monotonic() < end, f"{len(shown)} states and {len(pictures)} pictures were shown"
        shown.add(display.inner_html())
        pictures.add(display.locator("img").get_attribute("src"))
        page.wait_for_timeout(150)
    assert notebook.prompt("history-table") == "*", "the cells behind it should wait"
    keep(page, "training")

    begin = time.monotonic()
    notebook.panel.locator('[data-command="notebook:interrupt-kernel"]').click()
    notebook.wait_for_prompt("fit", str.isdigit, SHORT)
    note(stop=time.monotonic() - begin)
    notebook.wait_for_prompt("save-check", lambda now: now != "*", SHORT)
    final = display.text_content()
    # Where the epochs are short, it may have been evaluating.
    assert re.search(r"\d+ epochs? · .*Stopped (in|at the end of) epoch ", final, re.DOTALL) and "s left" not in final
    assert notebook.output("fit").count() == 1, "the display should be replaced"
    for id in notebook.ids[notebook.ids.index("fit") + 1 :]:
        assert notebook.output(id).count() == 0, f"{id} should not have been run"
    keep(page, "stopped")

    notebook.run("history-table", SHORT)
    assert "val_accuracy: [0." in notebook.output("history-table").first.text_content()
    notebook.add_above("history-plot", "asked", "model.evaluate(&x_train, &y_train)?.accuracy")
    notebook.run("asked", LONG)
    assert 0.3 < float(notebook.output("asked").last.text_content()) <= 1
    assert page.locator(".jp-Dialog").count() == 0
    keep(page, "variables-live")
    dark(page)
    look_at(display)
    keep(page, "stopped-dark")
    notebook.end(address)


def test_a_display_is_in_view_whatever_stored_output_stood_there(course, page):
    """Its cell is the first that is executed, at the top of the window; the stored output is as long as the window."""
    copy, address = course
    path = copy / f"{EVALUATION}.ipynb"
    written = nbformat.v4.new_notebook(metadata={"kernelspec": notebooks.KERNELSPEC})
    stored = nbformat.v4.new_output("display_data", data={"text/html": "<div style='height: 700px'>stored</div>"})
    written.cells = [nbformat.v4.new_markdown_cell("text\n\n" * 60, id="text"), nbformat.v4.new_code_cell(DISPLAY, id="fit", outputs=[stored])]
    written.cells += [nbformat.v4.new_markdown_cell("more text\n\n" * 60, id=f"more-{number}") for number in range(3)]
    nbformat.write(written, path)
    notebook = Notebook(page, path, address)
    look_at(notebook.cell("fit"))
    notebook.cell("fit").locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    # A later one as well: each is there for half a second, and gone before it was looked at on a busy machine.
    live = notebook.panel.get_by_text(re.compile(r"^live ([2-9]|1\d)$"))
    live.wait_for(timeout=1000 * LONG)
    box = live.bounding_box()
    keep(page, "display-in-view")
    assert 0 < box["y"] and box["y"] + box["height"] < 900, box
    notebook.wait_for_prompt("fit", str.isdigit, SHORT)
    notebook.end(address)


def test_a_narrow_window_stacks_charts_and_wraps_lines(course, page):
    copy, address = course
    path = copy / f"{EVALUATION}.ipynb"
    written = nbformat.v4.new_notebook(metadata={"kernelspec": notebooks.KERNELSPEC})
    written.cells = [nbformat.v4.new_code_cell(source, id=id) for id, source in (("setup", SETUP), ("charts", CHARTS))]
    nbformat.write(written, path)
    notebook = Notebook(page, path, address)
    notebook.run("setup", LONG)
    notebook.run("charts", LONG)
    images = notebook.output("charts").locator("img")
    images.nth(1).wait_for()
    boxes = lambda: [image.bounding_box() for image in images.all()]  # noqa: E731
    try:
        for width, is_stacked in ((1400, False), (900, True)):
            page.set_viewport_size({"width": width, "height": 900})
            assert wait_until(lambda: (boxes()[1]["y"] > boxes()[0]["y"]) == is_stacked), (width, boxes())  # noqa: B023
            assert all(box["width"] >= 0.6 * 640 for box in boxes()), (width, boxes())
            keep(page, f"charts-{width}")
        fits = "scroller => scroller.scrollWidth <= scroller.clientWidth"
        assert all(notebook.cell(id).locator(".cm-scroller").evaluate(fits) for id in notebook.ids)
    finally:
        page.set_viewport_size({"width": 1400, "height": 900})
    words = [image.get_attribute("alt") for image in images.all()]
    assert [text.split(":")[0] for text in words] == ["Chart “ReLU”", "Chart “Square”"]
    # Where only pictures can be shown, as in a PDF, both are one.
    output = notebook.saved().cells[1].outputs[0]
    assert "To the right: Chart “Square”" in output.metadata["image/png"]["alt"]
    data = output.data
    assert data["text/html"].count("<img") == 2 and int.from_bytes(base64.b64decode(data["image/png"])[16:20]) == 1280
    notebook.end(address)


def test_run_all_comes_to_the_end_also_over_a_cell_that_should_fail(course, page):
    copy, address = course
    fails = nbformat.v4.new_code_cell("let refused = to_categorical(&data.y_train, 9)?;", id="fails", metadata={"tags": ["raises-exception"]})
    path = change(copy / f"{PREPROCESSING}.ipynb", {"train_samples": 1000}, "load-data", fails)
    notebook = Notebook(page, path, address)
    begin = time.monotonic()
    notebook.run_all()
    notebook.wait_for_prompt(notebook.code[-1], str.isdigit, LONG)  # JupyterLab forgets the [*] after an error
    note(run_all=time.monotonic() - begin)
    look_at(notebook.cell(notebook.code[-1]))
    keep(page, "run-all")
    saved = notebook.saved()
    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    failed = {cell.id for cell in cells for output in cell.outputs if output.output_type == "error"}
    assert failed == {"fails"}
    look_at(notebook.cell("fails"))
    keep(page, "expected-error-dark")
    notebook.end(address)


def test_the_first_page_leads_to_the_notebooks(course, page):
    page.goto(f"{course[1]}/lab/tree/WELCOME.md?token={TOKEN}&reset")
    page.locator(".jp-MarkdownViewer h1", has_text="Image Classification").wait_for()
    keep(page, "welcome")
    page.get_by_role("link", name="02 · Data preprocessing").click()
    assert wait_until(lambda: page.locator(".jp-NotebookPanel").count() == 1)
    notebook = Notebook(page, course[0] / f"{PREPROCESSING}.ipynb", course[1])
    notebook.end(course[1])


def test_a_picture_has_its_words(course, page):
    """What the kernel says of it is in the notebook, and the page gives it to those who listen."""
    copy, address = course
    words = "Chart “ReLU”: y over x."
    shown = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    source = f'''println!("\\u{{1f}}live/1 {{{{\\"op\\":\\"display\\",\\"data\\":{{{{\\"image/png\\":\\"{shown}\\",\\"text/plain\\":\\"{words}\\"}}}}}}}}");'''
    pixel = nbformat.v4.new_code_cell(source, id="pixel")
    notebook = Notebook(page, change(copy / f"{PREPROCESSING}.ipynb", {}, "title", pixel), address)
    notebook.run("pixel", LONG)
    assert notebook.output("pixel").locator("img").get_attribute("alt") == words
    (output,) = next(cell for cell in notebook.saved().cells if cell.id == "pixel").outputs
    assert output.metadata == {"image/png": {"alt": words}}
    notebook.end(address)


# The first, one with figures and exercises, and the one with the most outputs; each starts a kernel.
@pytest.mark.parametrize("name", ["00_prerequisites", PREPROCESSING, "12_vgg_resnet_mobilenet"])
def test_a_notebook_that_is_opened_and_saved_is_as_before(course, page, name):
    """To the last byte, so that git has nothing to say about notebooks that somebody has only looked at."""
    copy, address = course
    path = copy / f"{name}.ipynb"
    shutil.copy2(notebooks.FOLDER / path.name, path)  # other tests have changed it
    shipped = path.read_text()
    notebook = Notebook(page, path, address)
    notebook.saved()
    assert path.read_text() == shipped
    notebook.end(address)
