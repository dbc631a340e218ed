"""What the scripts share about notebooks: where they are, what they have recorded, and how files are written."""

import json
import os
import re
import tempfile
from pathlib import Path

import parameters

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
OUT = ROOT / "out"
VENV = ROOT / ".venv"

KERNELSPEC = {"display_name": "Rust", "language": "rust", "name": "rust"}
# As the kernel says it (info.rs in crates/kernel): JupyterLab writes that into each notebook that it opens.
LANGUAGE = {
    "codemirror_mode": "rust",
    "file_extension": ".rs",
    "mimetype": "text/rust",
    "name": "rust",
    "pygments_lexer": "rust",
    "version": "2024",
}
# What tools note down about one execution of a cell; it changes every time and says nothing.
TRACES = ("execution", "papermill", "ExecuteTime")
LARGEST_HTML = 1_000_000  # characters of an output that is committed
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class UsageError(Exception):
    """A request that cannot be met; the text says why."""


def isolate():
    """Makes kernels independent of where and by whom they are started.

    Jupyter's files are found in .venv alone: a kernel 'rust' of the user's own must not come first.
    """
    os.environ["JUPYTER_PATH"] = str(VENV / "share" / "jupyter")
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    # Kernels run in the notebooks' folder, and what the user named is seen from here.
    for name in ("CNN_DATA_DIR", "CNN_WEIGHTS_DIR", "CNN_ARTIFACTS"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())
    # Answers a warning of Jupyter's about a change that does not concern us.
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")


# ---- finding -------------------------------------------------------------------------------------


def find(folder):
    """The course's notebooks, in their order."""
    found = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise UsageError(f"no notebooks were found in {shown(folder)}")
    return found


def select(available, wanted):
    """The notebooks that `wanted` names: by number, by name or its beginning, or by path."""
    chosen = []
    for word in wanted:
        stem = Path(word).name.removesuffix(".ipynb")
        beginning = f"{int(stem):02}_" if re.fullmatch("[0-9]{1,2}", stem) else stem
        fitting = [path for path in available if path.stem == stem] or [
            path for path in available if beginning and path.stem.startswith(beginning)
        ]
        if len(fitting) != 1:
            names = "\n".join(f"  {path.stem}" for path in available)
            problem = "several notebooks are" if fitting else "no notebook is"
            raise UsageError(f"{problem} called {word!r}. There are:\n{names}")
        chosen += fitting
    return [path for path in available if path in chosen]


def read(path):
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise UsageError(f"{shown(path)} is not a notebook: {error}") from None
    return notebook


def quick_values(notebook):
    """The parameters' values for a run that takes seconds, from the notebook's metadata."""
    known = parameters.of(notebook)
    quick = notebook.metadata.get("course", {}).get("quick", {})
    return {name: parameters.from_json(parameters.named(known, name), value) for name, value in quick.items()}


# ---- what notebooks record -----------------------------------------------------------------------


def artifacts():
    """The folder in which notebooks leave models and results, as the crate finds it."""
    return Path(os.environ.get("CNN_ARTIFACTS") or ROOT / "artifacts").absolute()


def record_of(name, folder):
    """What the notebook has recorded with `course::record`, or None."""
    try:
        record = json.loads((folder / "results" / f"{name}.json").read_text())
        return record if isinstance(record.get("metrics"), dict) else None
    except (OSError, ValueError, AttributeError):
        return None


def record_stamp(name, folder):
    """Changes whenever the record is written."""
    try:
        status = (folder / "results" / f"{name}.json").stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


# ---- writing -------------------------------------------------------------------------------------


def write_whole(path, text):
    """Writes a file so that it is either as before or as wanted, whatever happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def as_json(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_text(notebook):
    """A notebook as Jupyter itself writes it."""
    import nbformat

    return nbformat.writes(notebook, version=4, indent=1, ensure_ascii=False).rstrip("\n") + "\n"


def merged(outputs):
    """Neighbouring pieces of one stream as one output."""
    result = []
    for output in outputs:
        last = result[-1] if result else None
        same = last and output["output_type"] == last["output_type"] == "stream" and output["name"] == last["name"]
        if same:
            last["text"] += output["text"]
        else:
            result.append(output)
    return result


def with_outputs(source, executed):
    """The notebook `source` with the outputs of its executed copy, in the form that is committed."""
    metadata = source.metadata
    metadata["kernelspec"], metadata["language_info"] = dict(KERNELSPEC), dict(LANGUAGE)
    for cell, copy in zip(source.cells, executed.cells, strict=True):
        for trace in TRACES:
            cell.metadata.pop(trace, None)
        if cell.cell_type == "code":
            cell.execution_count = copy.execution_count if cell.source.strip() else None
            cell.outputs = [without_weights(output) for output in copy.outputs]
    return source


def without_weights(output):
    """A page with a model inside is for the screen: what is committed has the line of text in its place."""
    data = output.get("data", {})
    if "text/plain" in data and len(data.get("text/html", "")) > LARGEST_HTML:
        del data["text/html"]
    return output


# ---- showing -------------------------------------------------------------------------------------


def shown(path):
    """A path as the user would type it."""
    path = Path(path).absolute()
    for base in (Path.cwd(), ROOT):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)


def duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def number(value):
    """A metric for people: whole numbers with thousands separators, others with four digits."""
    if value is None:
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}"


def plain(text, stream):
    """The text without colours where `stream` is not a terminal."""
    return text if stream.isatty() and not os.environ.get("NO_COLOR") else ANSI.sub("", text)
