"""Makes a web site of the course in out/book, to be read in any browser, from a file or a web server, without a network.

The notebooks are shown with the outputs as they are committed; nothing is executed, and Rust is not needed. Sphinx makes the pages, in an
environment of its own, .venv-book; pages/ has its settings.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import endings
import notebooks
import setup
from crate_page import crate_page

PAGES = Path(__file__).with_name("pages")
TEN_STEPS = 10  # the number of the last notebook of the ten steps
DOC = notebooks.ROOT / "target" / "doc"
# What `cargo doc` has made for the crate, without the other crates' pages.
DOC_PARTS = ["cnn", "static.files", "src/cnn"]
LIMIT = 900  # seconds for Sphinx, on a busy machine
FENCE = re.compile(r"(```.*?```)", re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


class BookError(Exception):
    """The site could not be made; the message says why."""


def arguments():
    description = "Makes a web site of the course, with the outputs as they are committed."
    parser = argparse.ArgumentParser(prog="scripts/book", description=description)
    parser.add_argument("--notebooks", type=Path, default=notebooks.FOLDER, metavar="FOLDER", help="where the notebooks are")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where it goes (default: out/book); what was there is replaced")
    handouts = "make instead, in out/handouts, of each notebook one page to print and slides"
    parser.add_argument("--handouts", action="store_true", help=handouts)
    serve = "show it at this port of this machine, 8000 by default"
    parser.add_argument("--serve", type=int, nargs="?", const=8000, metavar="PORT", help=serve)
    return parser.parse_args()


# ---- the pages' sources --------------------------------------------------------------------------


def title_of(notebook, path):
    """The first heading: `04 · Training the model`."""
    first = notebook.cells[0].source.splitlines()[0] if notebook.cells and notebook.cells[0].source else ""
    if notebook.cells[:1] and notebook.cells[0].cell_type == "markdown" and first.startswith("# "):
        return first.removeprefix("# ").strip()
    wanted = "its first cell should be text that begins with '# ', and is"
    raise BookError(f"{notebooks.shown(path)} does not begin with a title: {wanted} {first[:40]!r}")


def lower(source):
    """The text with its headings one level down; what looks like one within code is left alone."""
    pieces = FENCE.split(source)
    return "".join(piece if piece.startswith("```") else re.sub(r"^#", "##", piece, flags=re.MULTILINE) for piece in pieces)


def one_title(notebook):
    """A page has one title: where a notebook has parts, their headings, and all in them, go down by one."""
    in_parts = False
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            in_parts = in_parts or bool(re.search(r"^# ", FENCE.sub("", cell.source), re.MULTILINE))
            cell.source = lower(cell.source) if in_parts else cell.source


def alternative_text(cell, section):
    """What is read aloud in place of a cell's figures: what the notebook has about them, or else where they belong."""
    found = [output.metadata.get(kind, {}).get("alt") for output in cell.get("outputs", []) for kind in output.get("data", {})]
    return "; ".join(filter(None, found)) or f"Figure of the section “{section}”"


def described(notebook):
    """Gives each figure its alternative text, in the place where MyST-NB looks for it."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+ (.+)$", FENCE.sub("", cell.source), re.MULTILINE)
            section = re.sub(r"[*`]", "", found[-1]) if found else section
        elif any("image/png" in output.get("data", {}) for output in cell.outputs):
            cell.metadata["mystnb"] = {"image": {"alt": alternative_text(cell, section)}}


def page_of(path):
    """A notebook as the source of its page, and its title and introduction."""
    notebook = notebooks.read(path)
    title = title_of(notebook, path)
    introduction = notebook.cells[0].source.split("\n\n")[1].replace("\n", " ") if "\n\n" in notebook.cells[0].source else ""
    # MyST-NB asks the kernel for the colours of its language, unless the notebook names them.
    notebook.metadata["language_info"] = {"name": "rust", "pygments_lexer": "rust"}
    one_title(notebook)
    described(notebook)
    name, first = path.name, notebook.cells[0]
    download = f'<a class="download" href="{name}" download>Download this notebook</a>'
    first.source = first.source.replace("\n", f"\n\n{download}\n", 1) if "\n" in first.source else f"{first.source}\n\n{download}\n"
    return notebooks.as_text(notebook), title, introduction


def without_strangers(text, known):
    """A page's links to files of the repository that are no page become plain text."""

    def link(found):
        label, target = found.groups()
        file = target.split("#")[0]
        if not file or re.match(r"[a-z]+:", target):
            return found[0]
        page = {"README.md": "index.md"}.get(Path(file).name, Path(file).name)
        return f"[{label}]({page}{target[len(file):]})" if page in known else label

    return "".join(piece if piece.startswith("```") else LINK.sub(link, piece) for piece in FENCE.split(text))


def contents(caption, names):
    return "\n".join([f"```{{toctree}}\n:hidden:\n:caption: {caption}\n", *names, "```\n"])


def welcome(made):
    """The first page: the notebooks with what each says of itself, and the order of all pages."""
    lines = [f"**[{title}]({path.name})**: {introduction}\n" for path, title, introduction in made]
    steps = [path.name for path, _, _ in made if int(path.name[:2]) <= TEN_STEPS]
    after = [path.name for path, _, _ in made if int(path.name[:2]) > TEN_STEPS]
    parts = [("The ten steps", lines[: len(steps)], steps), ("What comes after", lines[len(steps) :], after)]
    listed = [piece for caption, told, names in parts if names for piece in (f"## {caption}\n", *told, contents(caption, names))]
    listed.append(contents("Beside the notebooks", ["draw.md", "crate.md", "environment.md", "INSTRUCTOR.md"]))
    return (PAGES / "index.md").read_text().replace("NOTEBOOKS", "\n".join(listed))


def draw_page(held):
    """The page that reads what is drawn on it, or how to make it."""
    text = "# Draw a digit\n\n"
    if held:
        return text + (
            "The network of notebook 04, in your browser: draw a digit, and see what it reads. Nothing is sent anywhere. "
            "[15 · Deployment](15_deployment.ipynb) says how it comes here; "
            f"it is <a href='{held.name}'>one file</a> that can be kept and passed on.\n\n"
            f'<iframe class="held-page" src="{held.name}" title="A page to draw a digit on, which the network of notebook 04 reads">'
            "</iframe>\n"
        )
    return text + (
        "Here would be a page with the network of notebook 04 inside, which reads what you draw. It is made by running notebooks 04 and "
        "[15](15_deployment.ipynb), or in any cell with a trained model:\n\n"
        '```rust\nmodel.save(course::artifact("digits.html"))?;\n```\n\n'
        "Then make this site again: `scripts/book` takes `artifacts/digits.html` into it.\n"
    )


def write_sources(folder, source, drawn, doc):
    """All that Sphinx reads, in `source`; returns the notebooks' paths."""
    paths = notebooks.find(folder)
    made = []
    for path in paths:
        text, title, introduction = page_of(path)
        (source / path.name).write_text(text)
        made.append((path, title, introduction))
    pages = {
        "index.md": welcome(made),
        "draw.md": draw_page(drawn),
        "crate.md": crate_page(notebooks.ROOT / "crates" / "cnn" / "src", doc),
        "environment.md": (notebooks.ROOT / "environment.md").read_text(),
        "INSTRUCTOR.md": (notebooks.FOLDER / "INSTRUCTOR.md").read_text(),
    }
    known = {*pages, *(path.name for path in paths)}
    for name, text in pages.items():
        (source / name).write_text(without_strangers(text, known))
    shutil.copytree(notebooks.FOLDER / "images", source / "images")
    return paths


# ---- the site ------------------------------------------------------------------------------------


def sphinx(source, site, scratch):
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-c", PAGES, "-d", scratch, source, site]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        said = done.stderr.replace(f"{source}{os.sep}", "").strip().splitlines()
        raise BookError("Sphinx has made no site:\n" + setup.indent(said[-15:]))


def build(folder, site):
    """Makes the site; what was there stays until the new one is whole."""
    drawn = notebooks.artifacts() / "digits.html"
    drawn = drawn if drawn.is_file() else None
    doc = DOC if (DOC / "cnn" / "index.html").is_file() else None
    with tempfile.TemporaryDirectory() as scratch, setup.made_whole(site) as part:
        source = Path(scratch) / "source"
        source.mkdir()
        paths = write_sources(folder, source, drawn, doc)
        sphinx(source, part, Path(scratch) / "doctrees")
        for path in [*paths, *([drawn] if drawn else [])]:
            shutil.copy(path, part)
        for name in DOC_PARTS if doc else []:
            if (doc / name).is_dir():
                shutil.copytree(doc / name, part / "doc" / name)
        for leftover in (".buildinfo", "objects.inv"):
            (part / leftover).unlink(missing_ok=True)
    return len(paths)


def build_handouts(folder, out):
    import handouts

    with setup.made_whole(out) as part:
        return handouts.write(folder, part)


def in_its_environment():
    """Goes on in .venv-book's Python, which is installed first."""
    python = setup.BOOK_VENV / "bin" / "python"
    if Path(sys.prefix) != setup.BOOK_VENV:
        setup.packages_for_book(setup.Steps(quiet=True))
        os.execv(python, [str(python), *sys.argv])


def serve(site, port):
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    with ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=site)) as server:
        print(f"http://127.0.0.1:{server.server_port}/   (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def make(chosen):
    in_its_environment()
    site = (chosen.out or notebooks.OUT / ("handouts" if chosen.handouts else "book")).absolute()
    count = build_handouts(chosen.notebooks, site) if chosen.handouts else build(chosen.notebooks, site)
    print(f"{count} notebooks: {notebooks.shown(site if chosen.handouts else site / 'index.html')}", flush=True)
    if chosen.serve is not None:
        serve(site, chosen.serve)


def main():
    chosen = arguments()
    codes = {notebooks.UsageError: 2, BookError: 1, setup.SetupError: 1, subprocess.TimeoutExpired: 1}
    return endings.ended("book", lambda: make(chosen), codes)


if __name__ == "__main__":
    sys.exit(main())
