"""Sphinx's settings for scripts/book.

Nothing that a page needs comes from the network: formulas are MathML, which browsers draw by themselves.
"""

import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from handouts import mathml  # noqa: E402

project = "Image Classification with CNNs, in Rust"
language = "en_GB"
extensions = ["myst_nb"]
root_doc = "index"

nb_execution_mode = "off"  # outputs as they are committed
nb_ipywidgets_js = {}  # by default, scripts from the network
myst_enable_extensions = ["dollarmath"]
myst_dmath_double_inline = True  # formulas of their own lines in the middle of a paragraph
myst_heading_anchors = 4
myst_update_mathjax = False
suppress_warnings = ["misc.highlighting_failure"]  # `:dep` and pieces of Rust that are no program

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False  # each notebook lies beside its page
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "github-dark"  # Furo's own underlines types, as if they were links


def formula(display):
    """The visitor that writes a formula."""

    def visit(writer, node):
        made = mathml(node.astext(), display)
        writer.body.append(f'<div class="formula">{made}</div>\n' if display == "block" else made)
        raise nodes.SkipNode

    return visit


def setup(app):
    app.add_html_math_renderer("mathml", (formula("inline"), None), (formula("block"), None))
