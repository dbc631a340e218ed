"""The parameters of a notebook: reads the cell that is tagged `parameters`, checks new values, writes them as Rust.

Each line of that cell is `let name: type = value; // what it is`. A value from the command line is checked against
the type before anything runs, because Rust would only refuse it minutes later, in the middle of a notebook.
"""

import math
import re
from dataclasses import dataclass

INTEGERS = {"i32": (-(2**31), 2**31 - 1), "i64": (-(2**63), 2**63 - 1), "u64": (0, 2**64 - 1), "usize": (0, 2**64 - 1)}
FLOATS = {"f32": 3.4028235e38, "f64": math.inf}
STRINGS = ("&str", "String")
TYPES = (*INTEGERS, *FLOATS, "bool", *STRINGS)

# A text may hold `;` and `//`, so it is matched as a whole.
TEXT = r'"(?:[^"\\]|\\.)*"'
LINE = re.compile(
    rf"let\s+(?P<name>[a-z_][a-z0-9_]*)\s*:\s*(?P<type>&str|\w+)\s*=\s*"
    rf"(?P<value>{TEXT}(?:\.\w+\(\))?|String::from\({TEXT}\)|[^;\"]+?)\s*;\s*(?://\s*(?P<comment>.*))?"
)
INTEGER = re.compile(r"[+-]?[0-9][0-9_]*")
FLOAT = re.compile(r"[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(e[+-]?[0-9][0-9_]*)?", re.IGNORECASE)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "'": "'", "\\": "\\"}


class ParameterError(Exception):
    """A parameters cell or a value that cannot be used; the text says why."""


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell; `default` is a Python value."""

    name: str
    type: str
    default: object
    comment: str = ""

    def __str__(self):
        return f"{self.name}: {self.type} = {literal(self, self.default)}"


# ---- reading -------------------------------------------------------------------------------------


def tagged(notebook, tag):
    """The first cell with this tag, or None."""
    return next((cell for cell in notebook["cells"] if tag in cell["metadata"].get("tags", [])), None)


def parse(source):
    """The parameters by name, from the source of their cell."""
    found = {}
    for line in map(str.strip, source.splitlines()):
        if not line or line.startswith("//"):
            continue
        match = LINE.fullmatch(line)
        if not match:
            raise ParameterError(f"not of the form `let name: type = value; // comment`: {line}")
        name, kind = match["name"], match["type"]
        if kind not in TYPES:
            raise ParameterError(f"{name} has the type {kind}; known are {', '.join(TYPES)}")
        if name in found:
            raise ParameterError(f"{name} is there twice")
        blank = Parameter(name, kind, None)
        default = from_text(blank, unquoted(blank, match["value"]))
        found[name] = Parameter(name, kind, default, (match["comment"] or "").strip())
    return found


def of(notebook):
    """The parameters of a notebook by name; empty where it has no such cell."""
    cell = tagged(notebook, "parameters")
    return parse("".join(cell["source"])) if cell else {}


def unquoted(parameter, code):
    """The value in a piece of Rust, as it would be given on the command line."""
    if parameter.type in STRINGS:
        match = re.search(TEXT, code)
        if not match:
            raise ParameterError(f"{parameter.name} is a text, and {code} is none")
        return re.sub(r"\\(u\{([0-9a-fA-F]+)\}|.)", unescaped, match[0][1:-1])
    return code.removesuffix(parameter.type).rstrip("_") if code.endswith(parameter.type) else code


def unescaped(match):
    if match[2]:
        return chr(int(match[2], 16))
    if match[1] not in ESCAPES:
        raise ParameterError(f"the escape {match[0]} is not supported here")
    return ESCAPES[match[1]]


# ---- checking ------------------------------------------------------------------------------------


def from_text(parameter, text):
    """The Python value that `text` stands for, or a ParameterError that says what was expected."""
    name, kind = parameter.name, parameter.type
    if kind in STRINGS:
        return text
    text = text.strip()
    if kind == "bool":
        if text not in ("true", "false"):
            raise ParameterError(f"{name} is a bool: true or false, not {text!r}")
        return text == "true"
    if kind in INTEGERS:
        if not INTEGER.fullmatch(text):
            raise ParameterError(f"{name} is a whole number ({kind}), not {text!r}")
        value, (least, most) = int(text.replace("_", "")), INTEGERS[kind]
        if not least <= value <= most:
            why = "not negative" if least == 0 and value < 0 else f"between {least} and {most}"
            raise ParameterError(f"{name} must be {why} ({kind}), not {text}")
        return value
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise ParameterError(f"{name} must be finite, not {text}")
    if not FLOAT.fullmatch(text):
        raise ParameterError(f"{name} is a number ({kind}), not {text!r}")
    value = float(text.replace("_", ""))
    if not math.isfinite(value) or abs(value) > FLOATS[kind]:
        raise ParameterError(f"{name} is too large for {kind}: {text}")
    return value


def from_json(parameter, value):
    """The same for a value of a notebook's metadata."""
    if isinstance(value, str) != (parameter.type in STRINGS):
        raise ParameterError(f"{parameter.name} is of type {parameter.type}, not {value!r}")
    return from_text(parameter, str(value).lower() if isinstance(value, bool) else str(value))


def named(parameters, name):
    """The parameter of this name, or a ParameterError that lists them all."""
    if name not in parameters:
        raise ParameterError(f"there is no parameter {name!r}. {listing(parameters)}")
    return parameters[name]


def listing(parameters):
    """The parameters with types, defaults and comments, one a line."""
    if not parameters:
        return "This notebook has no parameters."
    width = max(len(str(parameter)) for parameter in parameters.values())
    lines = [f"  {parameter!s:<{width}}  {parameter.comment}".rstrip() for parameter in parameters.values()]
    return "\n".join(["The notebook's parameters:", *lines])


# ---- writing -------------------------------------------------------------------------------------


def literal(parameter, value):
    """The value as Rust."""
    if parameter.type in STRINGS:
        return f'"{"".join(map(escaped, value))}"' + (".to_string()" if parameter.type == "String" else "")
    if parameter.type == "bool":
        return "true" if value else "false"
    return str(int(value)) if parameter.type in INTEGERS else repr(float(value))


def escaped(character):
    if character in ('"', "\\"):
        return "\\" + character
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def render(parameters, values):
    """The cell that gives parameters new values: one `let` each, which shadows the one above."""
    given = [(parameters[name], value) for name, value in values.items()]
    return "\n".join(f"let {parameter.name}: {parameter.type} = {literal(parameter, value)};" for parameter, value in given)


def inject(notebook, values):
    """Puts a cell with checked values after the parameters cell of a notebook (an nbformat node)."""
    import nbformat

    if not values:
        return
    tag = "injected-parameters"
    cell = nbformat.v4.new_code_cell(render(of(notebook), values), id=tag, metadata={"tags": [tag]})
    notebook.cells.insert(notebook.cells.index(tagged(notebook, "parameters")) + 1, cell)
