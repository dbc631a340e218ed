"""Each notebook as one page to print or to pass on, and as slides: nbconvert, without what its pages fetch from the network.

Used by book.py, in the Python of .venv-book.
"""

import logging
import re
from pathlib import Path

import notebooks
import on_page

REVEAL = "reveal.js"  # the folder beside the slides
THEME = "simple"
# Code in which a dollar is a dollar, or a formula.
PIECE = re.compile(r"(?P<code>```.*?```|`[^`]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.DOTALL)
# What Markdown would read as its own within a formula.
MARKS = str.maketrans({"*": "&#42;", "_": "&#95;", "|": "&#124;", "[": "&#91;", "]": "&#93;"})

silent = logging.getLogger("course.handouts")
silent.addHandler(logging.NullHandler())
silent.propagate = False


def mathml(tex, display):
    """A formula as browsers draw it by themselves."""
    from latex2mathml.converter import convert

    made = convert(tex.strip(), display=display)
    # The converter leaves the backslash of an underscore in a word, and sets ln close to what follows.
    return re.sub(r"(<mi>ln</mi>)(?=<m(?!o))", r'\1<mspace width="0.17em"/>', made.replace("\\_", "_"))


def with_mathml(source):
    """The text of a cell with its formulas drawn."""

    def piece(found):
        if found["code"]:
            return found["code"]
        made = mathml(found["block"] or found["inline"], "block" if found["block"] else "inline").translate(MARKS)
        return f'<span class="formula">{made}</span>' if found["block"] else made

    return PIECE.sub(piece, source)


def prepared(path):
    """A notebook with formulas as MathML, and links that lead to the other handouts."""
    notebook = notebooks.read(path)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    return on_page.prepared(notebook)


def as_slides(notebook):
    """Each section begins a slide, each text a slide below it; the cells that follow a text stay with it."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            begins = re.search(r"^##? ", cell.source, re.MULTILINE)
            cell.metadata["slideshow"] = {"slide_type": "slide" if begins else "subslide"}
    return notebook


def exporter(kind, **options):
    import nbconvert

    return getattr(nbconvert, kind)(**on_page.WHERE, log=silent, **options)


def write(folder, out):
    """The handouts of the notebooks in `folder`; the number of notebooks."""
    import sphinx_revealjs

    pages = exporter("HTMLExporter", template_name="handout")
    slides = exporter("SlidesExporter", template_name="slides", reveal_url_prefix=REVEAL, reveal_theme=THEME)
    paths = notebooks.find(folder)
    for path in paths:
        (out / f"{path.stem}.html").write_text(pages.from_notebook_node(prepared(path))[0])
        (out / f"{path.stem}.slides.html").write_text(slides.from_notebook_node(as_slides(prepared(path)))[0])
    files = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
    for name in ("dist/reveal.js", "dist/reveal.css", f"dist/theme/{THEME}.css", "plugin/notes/notes.js", "LICENSE"):
        text = (files / name).read_text()
        # The theme's own fonts are on the network; the browser's do as well.
        notebooks.write_whole(out / REVEAL / name, re.sub(r"@import url\(https?:[^)]*\);", "", text))
    return len(paths)
