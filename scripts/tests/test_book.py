"""scripts/book: a site that is whole, and needs nothing from the network when it is read.

Pictures of what was seen are left in out/test/screenshots.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlparse

import nbformat
import pytest
from conftest import COURSE, LIMIT, command, make_notebook

import book
import crate_page
import handouts
import notebooks

PICTURES = notebooks.OUT / "test" / "screenshots"
NAMES = [path.stem for path in notebooks.find(notebooks.FOLDER)]
HANDED = [NAMES[0], NAMES[4], NAMES[8]]
CRATE = notebooks.ROOT / "crates" / "cnn" / "src"
# Tags that make a browser fetch something, and the attribute that says what.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)


class Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ids, self.links, self.fetched, self.images, self.formulas = path, set(), [], [], [], 0
        self.text, self.title, self.inside = [], "", []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.inside.append(tag)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found["href"]] if tag == "a" and found.get("href") else []
        self.fetched += [found[FETCHED[tag]]] if found.get(FETCHED.get(tag, "")) else []
        self.images += [found] if tag == "img" else []
        self.formulas += tag == "math"

    def handle_endtag(self, tag):
        while tag in self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        self.text.append(data)
        self.title += data if "h1" in self.inside and "a" not in self.inside else ""


def make(out, folder=notebooks.FOLDER, artifacts="nothing", **environment):
    return command("book", "--notebooks", folder, "--out", out, environment={"CNN_ARTIFACTS": str(artifacts)} | environment, timeout=1200)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, with a page to draw on, made where there is no Rust to be found."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "digits.html").write_text("<!DOCTYPE html><title>drawn</title>")
    (folder / "bin").mkdir()
    done = make(folder / "site", artifacts=folder / "artifacts", PATH=str(folder / "bin"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("16 notebooks: ") or "\n16 notebooks: " in done.stdout
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site):
    return {path.name: Page(path) for path in sorted(site.glob("*.html")) if path.name != "digits.html"}


def strays(page, pages):
    """The references of a page that lead nowhere."""
    for target in page.links + page.fetched:
        found = urlparse(target)
        if found.scheme or found.netloc:
            if found.scheme not in ("http", "https", "data") or (found.scheme != "data" and "." not in found.netloc):
                yield target
            continue
        path = page.path.parent / unquote(found.path) if found.path else page.path
        if not path.exists() or (found.fragment and path.name in pages and unquote(found.fragment) not in pages[path.name].ids):
            yield target


def test_every_reference_leads_somewhere(pages):
    assert {name: found for name, page in pages.items() if (found := list(strays(page, pages)))} == {}


def test_a_stray_reference_is_found(tmp_path):
    links = "".join(f'<a href="{target}">x</a>' for target in ("b.html", "#no", "https:/x", "#yes"))
    (tmp_path / "a.html").write_text(f'<p id="yes">{links}</p><img src="c.png">')
    page = Page(tmp_path / "a.html")
    assert list(strays(page, {"a.html": page})) == ["b.html", "#no", "https:/x", "c.png"]


def test_nothing_is_fetched_from_the_network(site, pages):
    assert {(name, target) for name, page in pages.items() for target in page.fetched if urlparse(target).netloc} == set()
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text()), path.name
    for path in [*site.glob("*.html"), *site.rglob("*.js")]:
        assert not re.search(r"import\s*\(?\s*['\"]https?://", path.read_text()), path.name


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_is_there_with_title_outputs_and_formulas(site, pages, name):
    source, page = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", 4), pages[f"{name}.html"]
    assert page.title.strip() == source.cells[0].source.splitlines()[0].removeprefix("# ")
    assert (site / f"{name}.ipynb").read_bytes() == (notebooks.FOLDER / f"{name}.ipynb").read_bytes()
    assert f"{name}.ipynb" in page.links
    outputs = [output for cell in source.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {}) and "text/html" not in output.data]
    shown = [image for image in page.images if image["src"].startswith("_images/")]
    assert len(shown) == len(pictures)
    assert all(image.get("alt", "").strip() for image in page.images)
    text = re.sub(r"\s", "", "".join(page.text))
    printed = [notebooks.ANSI.sub("", output.text) for output in outputs if output.output_type == "stream"]
    assert [line for lines in printed for line in lines.splitlines() if re.sub(r"\s", "", line) not in text] == []
    prose = [re.sub(r"```.*?```|`[^`]*`", " ", cell.source, flags=re.DOTALL) for cell in source.cells if cell.cell_type == "markdown"]
    assert page.formulas == sum(len(FORMULA.findall(one)) for one in prose)


def test_the_order_is_the_notebooks(pages):
    listed = [link for link in pages["index.html"].links if re.fullmatch(r"(\d\d_\w+|draw|crate|environment|INSTRUCTOR)\.html", link)]
    first = list(dict.fromkeys(listed))
    assert [link for link in first if link[0].isdigit()] == [f"{name}.html" for name in NAMES]
    assert {"draw.html", "crate.html", "environment.html", "INSTRUCTOR.html"} <= set(first)


def test_it_can_be_searched(site):
    index = (site / "searchindex.js").read_text()
    assert "backupandrestor" in index and "glorot" in index


def test_the_page_to_draw_on_is_held(site, pages):
    assert pages["draw.html"].fetched.count("digits.html") == 1 and (site / "digits.html").exists()


def test_layers_and_callbacks_are_listed(pages):
    text = "".join(pages["crate.html"].text)
    layer, callback = "Slides filters small kernels over an image", "Ends a training when a quantity has stopped improving."
    for words in ("Conv2D", layer, "EarlyStopping", callback):
        assert words in text
    exported = re.findall(r"^pub use \w+::(\w+);", (CRATE / "layers" / "mod.rs").read_text(), re.MULTILINE)
    listed = [name for name, _, _ in crate_page.items(CRATE / "layers", "Layer")]
    # All that is exported but for what layers are told, and what wraps one.
    assert set(exported) - set(listed) == {"Activation", "Initializer", "KeepDims", "Padding", "Sides"}


def test_a_layer_leads_to_its_documentation(tmp_path):
    sources, doc = tmp_path / "src", tmp_path / "doc"
    for name in ("layers", "callbacks"):
        (sources / name).mkdir(parents=True)
    (sources / "layers" / "a.rs").write_text(
        "/// Makes [`Tensor`](tch::Tensor)s | of\n/// [`Other`]. More.\n///\n/// Even more.\n#[derive(Debug)]\npub struct Known;\n"
        "impl Layer for Known {}\n\n/// Not a layer.\npub struct Stranger;\n\n/// Has no page.\npub enum New {}\nimpl Layer for New {}\n"
    )
    known, new = ("Known", "struct", "Makes `Tensor`s | of `Other`."), ("New", "enum", "Has no page.")
    assert crate_page.items(sources / "layers", "Layer") == [known, new]
    (doc / "cnn" / "layers").mkdir(parents=True)
    (doc / "cnn" / "layers" / "struct.Known.html").write_text("")
    with_doc, without = crate_page.crate_page(sources, doc), crate_page.crate_page(sources, None)
    assert '<a href="doc/cnn/layers/struct.Known.html"><code>Known</code></a> | Makes `Tensor`s \\| of' in with_doc
    assert "| `New` |" in with_doc and "href" not in without and "cargo doc" in without


def test_what_a_notebook_says_of_its_figures_is_read_aloud():
    v4 = nbformat.v4
    known = [{"image/png": {"alt": "A curve"}}, {}, {"image/png": {"alt": "Bars"}}]
    figures = [v4.new_output("display_data", {"image/png": "AA=="}, metadata=metadata) for metadata in known]
    text = v4.new_markdown_cell("## The *two* curves\n\n```sh\n# no heading\n```")
    notebook = v4.new_notebook(cells=[text, v4.new_code_cell("a", outputs=figures), v4.new_code_cell("b", outputs=figures[1:2])])
    book.described(notebook)
    told = [cell.metadata["mystnb"]["image"]["alt"] for cell in notebook.cells[1:]]
    assert told == ["A curve; Bars", "Figure of the section “The two curves”"]


def test_parts_of_a_page_are_below_its_title():
    v4 = nbformat.v4
    texts = ["# T", "## A", "# Part\n\n```py\n# code\n```\n\n## B", "## C"]
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(text) for text in texts])
    book.one_title(notebook)
    assert [cell.source for cell in notebook.cells] == ["# T", "## A", "## Part\n\n```py\n# code\n```\n\n### B", "### C"]


def test_links_to_what_is_no_page_become_text():
    text = "[a](../crates/x.md) [b](../README.md#top) [c](04.ipynb) [d](https://x.org) ![e](images/e.png) [f](#here)\n```\n[g](g.md)\n```"
    expected = "a [b](index.md#top) [c](04.ipynb) [d](https://x.org) ![e](images/e.png) [f](#here)\n```\n[g](g.md)\n```"
    assert book.without_strangers(text, {"index.md", "04.ipynb"}) == expected


def test_only_formulas_become_formulas(monkeypatch):
    monkeypatch.setattr(handouts, "mathml", lambda tex, display: f"<{display} {tex}*>")
    text = "$a_1$ costs `$5`, $$b$$ and\n```sh\necho $HOME $PWD\n```"
    expected = '<inline a&#95;1&#42;> costs `$5`, <span class="formula"><block b&#42;></span> and\n```sh\necho $HOME $PWD\n```'
    assert handouts.with_mathml(text) == expected


# ---- what is wrong, and what is missing ----------------------------------------------------------


@pytest.fixture
def few(tmp_path):
    """Two notebooks, as a course of one's own could have."""
    folder = tmp_path / "few"
    folder.mkdir()
    for number in ("00", "01"):
        make_notebook(folder / f"{number}_small.ipynb", ["let x = 1;"])
        text = (folder / f"{number}_small.ipynb").read_text()
        (folder / f"{number}_small.ipynb").write_text(text.replace("# A title", f"# {number} · Small"))
    return folder


def test_without_a_page_to_draw_on_it_says_how_to_make_one(few, tmp_path):
    done = make(tmp_path / "site", few)
    assert done.returncode == 0, done.stdout + done.stderr
    page = Page(tmp_path / "site" / "draw.html")
    assert "artifacts/digits.html" in "".join(page.text) and not [target for target in page.fetched if target.endswith("digits.html")]
    assert Page(tmp_path / "site" / "01_small.html").title.strip() == "01 · Small"


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (lambda text: text[: len(text) // 2], 2, "01_small.ipynb is not a notebook"),
        (lambda text: text.replace("# 01 · Small", "A story"), 1, "01_small.ipynb does not begin with a title"),
        (lambda text: json.dumps(json.loads(text) | {"cells": []}), 1, "01_small.ipynb does not begin with a title"),
        (lambda text: text.replace("# 01 · Small", "# 01 · Small\\n\\n[x](nothing.md)"), 1, "01_small.ipynb"),
    ],
)
def test_a_damaged_notebook_is_named_and_the_old_site_stays(few, tmp_path, damage, code, said):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("old")
    path = few / "01_small.ipynb"
    path.write_text(damage(path.read_text()))
    done = make(tmp_path / "site", few)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert [entry.name for entry in tmp_path.iterdir() if "site" in entry.name] == ["site"]
    assert (tmp_path / "site" / "index.html").read_text() == "old"


def test_no_notebooks(tmp_path):
    done = make(tmp_path / "site", tmp_path)
    assert done.returncode == 2 and "no notebooks were found" in done.stderr


def test_help_installs_nothing(tmp_path):
    shutil.copytree(COURSE.parent, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    script = [str(tmp_path / "scripts" / "book"), "--help"]
    done = subprocess.run(script, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "--serve" in done.stdout and not (tmp_path / ".venv-book").exists()


# ---- handouts ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handouts")
    for name in HANDED:  # a few: each takes seconds
        shutil.copy(notebooks.FOLDER / f"{name}.ipynb", folder)
    done = command("book", "--handouts", "--notebooks", folder, "--out", folder / "out", timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"


@pytest.mark.parametrize("name", HANDED)
def test_a_handout_is_whole_and_offline(handed, name):
    source, page = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", 4), Page(handed / f"{name}.html")
    prose = [re.sub(r"```.*?```|`[^`]*`", " ", cell.source, flags=re.DOTALL) for cell in source.cells if cell.cell_type == "markdown"]
    assert page.formulas == sum(len(FORMULA.findall(one)) for one in prose)
    assert not [target for target in page.fetched if urlparse(target).netloc]
    assert not re.search(r"import\s*\(?\s*['\"]https?://", page.path.read_text())
    shown = [output.get("data", {}) for cell in source.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = sum(data["text/html"].count("data:image/png") if "text/html" in data else "image/png" in data for data in shown)
    assert sum(image["src"].startswith("data:image/png") for image in page.images) == pictures
    assert not [image["alt"] for image in page.images if not image.get("alt") or "No description" in image["alt"]]
    local = {link.split("#")[0] for link in page.links if not urlparse(link).scheme} - {""}
    assert local <= {f"{other}.html" for other in NAMES}


# Lines of code of which an end is hidden, in CSS pixels.
HIDDEN = "selector => [...document.querySelectorAll(selector)].map(pre => pre.scrollWidth - pre.clientWidth).filter(width => width > 1)"


@pytest.mark.parametrize(("width", "media"), [(900, "screen"), (600, "screen"), (700, "print")])
def test_a_handouts_code_fits_on_a_narrow_screen_and_on_paper(handed, chromium, width, media):
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(1000 * LIMIT)
    page.emulate_media(media=media)
    for name in HANDED:
        page.goto((handed / f"{name}.html").as_uri())
        assert page.locator(".jp-InputArea pre").count() > 20 and page.evaluate(HIDDEN, ".jp-InputArea pre") == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.close()


def test_slides_are_slides(handed, chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    context.set_default_timeout(1000 * LIMIT)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((handed / "04_training_the_model.slides.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    assert page.evaluate("Reveal.getHorizontalSlides().length") >= 10 and page.evaluate("Reveal.getTotalSlides()") >= 20
    page.keyboard.press("ArrowRight")
    page.wait_for_function("Reveal.getIndices().h === 1")
    assert "Data and model" in page.inner_text("section.present section.present")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "slides.png")
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    context.close()


# ---- as it is seen -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_and_the_theme_is_the_readers(site, chromium, width, scheme):
    PICTURES.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    context.set_default_timeout(1000 * LIMIT)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for name in ["index", *NAMES, "crate", "environment", "INSTRUCTOR"]:
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert brightness > 200 if scheme == "light" else brightness < 60
    page.goto((site / "04_training_the_model.html").as_uri())
    page.screenshot(path=PICTURES / f"book-{width}-{scheme}.png")
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    context.close()


@pytest.mark.parametrize("width", [1280, 1440])
def test_nearly_all_code_is_read_without_moving_it(site, chromium, width):
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(1000 * LIMIT)
    hidden = []
    for name in NAMES:
        page.goto((site / f"{name}.html").as_uri())
        hidden += page.evaluate(HIDDEN, ".cell_input pre")
    assert len(hidden) < 10, hidden
    page.close()


def test_a_search_finds(site, chromium):
    page = chromium.new_page()
    page.set_default_timeout(1000 * LIMIT)
    page.goto((site / "search.html").as_uri() + "?q=calibrated")
    page.wait_for_selector("#search-results li a")
    assert "07_making_predictions.html" in page.content()
    page.close()
