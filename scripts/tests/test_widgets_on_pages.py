"""Widgets where there is no kernel and no network: pages that nbconvert makes of the course's notebooks, and of one that papermill has executed."""

import subprocess

import nbformat
import pytest
from conftest import LIMIT, make_notebook
from test_kernel_widgets import LIVE, VIEW
from test_papermill import papermill, plugin  # noqa: F401

import notebooks

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
WORD = "a slider that moves where there is a kernel"
WIDGET = f"""{LIVE}
let w = live::Widget::new("export default {{ render() {{}} }}", "", &[("x", "1")])
    .still(&[("text/html", "<img src='{PIXEL}' alt='a picture'><p>{WORD}</p>"), ("text/plain", "{WORD}")]);
w.show();"""
# nbconvert's option for notebooks that hold the state of their widgets; the README of crates/live names it.
WITHOUT_STATE = ["--ClearMetadataPreprocessor.enabled=True", "--ClearMetadataPreprocessor.clear_cell_metadata=False"]


def converted(folder, name, *options):
    """What `jupyter nbconvert` makes of a notebook in the folder."""
    command = [str(notebooks.VENV / "bin" / "jupyter"), "nbconvert", name, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory, plugin):  # noqa: F811
    """The pages, made once."""
    folder = tmp_path_factory.mktemp("pages")
    made = make_notebook(folder / "source.ipynb", [WIDGET])
    result = papermill(folder, made.name, "executed.ipynb", "-k", "rust")
    assert result.returncode == 0, result.stderr
    converted(folder, "executed.ipynb", "--to", "html")
    converted(folder, "executed.ipynb", "--to", "slides")
    return folder


@pytest.fixture()
def opened(chromium):
    """Opens a page as a file, offline; `asked` are the addresses that it wants."""
    context = chromium.new_context()
    context.set_offline(True)
    page = context.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))

    def opened(path):
        page.goto(path.as_uri(), wait_until="load")
        return page

    yield opened
    context.close()


def has_the_still(page, word=WORD):
    """The still's picture and its word, and nothing that waits for a widget."""
    output = page.locator(".jp-OutputArea-output", has_text=word)
    assert output.count() == 1 and output.is_visible()
    assert output.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.locator(".jupyter-widgets").count() == 0
    assert not [url for url in page.asked if "widget" in url]


def test_what_papermill_has_executed(folder, opened):
    has_the_still(opened(folder / "executed.html"))


def test_its_slides(folder, opened):
    has_the_still(opened(folder / "executed.slides.html"))


def test_a_notebook_with_the_state_of_its_widgets(folder, opened):
    notebook = nbformat.read(folder / "executed.ipynb", 4)
    id = next(output.data[VIEW]["model_id"] for output in notebook.cells[-1].outputs if VIEW in output.get("data", {}))
    model = {"model_name": "AnyModel", "model_module": "anywidget", "model_module_version": "*", "state": {}}
    state = {"state": {id: model}, "version_major": 2, "version_minor": 0}
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": state}
    nbformat.write(notebook, folder / "state.ipynb")
    converted(folder, "state.ipynb", "--to", "html", *WITHOUT_STATE)
    has_the_still(opened(folder / "state.html"))


def test_a_notebook_of_the_course(folder, opened):
    converted(folder, str(notebooks.FOLDER / "05_evaluating_the_model.ipynb"), "--to", "html", "--output-dir", str(folder))
    has_the_still(opened(folder / "05_evaluating_the_model.html"), "its cells show their images when they are clicked")
