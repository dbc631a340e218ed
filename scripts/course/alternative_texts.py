"""The words of pictures on pages. nbconvert's templates say "No description has been provided" instead of what the notebook has."""

from html import escape


def on_page(notebook):
    """Makes each picture that has an alternative text HTML with that text, which nbconvert leaves as it is."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("metadata", {}).get("image/png", {}).get("alt")
            if text and "image/png" in output.get("data", {}):
                picture = "".join(output.data.pop("image/png").split())
                output.data["text/html"] = f'<img alt="{escape(text)}" src="data:image/png;base64,{picture}"/>'
    return notebook
