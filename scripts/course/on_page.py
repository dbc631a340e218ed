"""What a notebook needs for its HTML page, whoever makes it: links to the other pages, and the words of its pictures."""

import re
from html import escape
from pathlib import Path

TEMPLATES = str(Path(__file__).with_name("pages"))
# For nbconvert's exporters: templates are looked for by their names, and by the paths with which they extend each other.
WHERE = {"extra_template_basedirs": [TEMPLATES], "extra_template_paths": [TEMPLATES]}


def prepared(notebook):
    """Changes the notebook and returns it."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(([\w./-]+)\.ipynb\)", r"](\1.html)", cell.source)
        for output in cell.get("outputs", []):
            with_words(output)
    return notebook


def with_words(output):
    """Makes a picture with an alternative text HTML with that text: nbconvert's templates say "No description has been provided"."""
    text = output.get("metadata", {}).get("image/png", {}).get("alt")
    if text and "image/png" in output.get("data", {}) and "text/html" not in output.data:
        picture = "".join(output.data.pop("image/png").split())
        output.data["text/html"] = f'<img alt="{escape(text)}" src="data:image/png;base64,{picture}"/>'
