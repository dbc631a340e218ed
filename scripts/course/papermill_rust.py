"""papermill's side of parameters in Rust: with it, `papermill notebook.ipynb out.ipynb -p epochs 1` works as in Python.

papermill lets other packages add engines but not translators, so scripts/setup enters this module as one that has an engine:
loading it registers the translator. The engine is papermill's own, which leaves the state of a Rust notebook's widgets out.
"""

from click import ClickException
from papermill.engines import NBClientEngine, papermill_engines
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

import parameters

INFERRED = {bool: "bool", int: "i64", float: "f64", str: "&str"}


class RustTranslator(Translator):
    """Writes values with the types that the notebook declares. papermill shows it the parameters cell first, by `inspect`."""

    def __init__(self):
        self.declared = {}

    def inspect(self, parameters_cell):
        try:
            self.declared = parameters.parse(parameters_cell["source"])
        except parameters.ParameterError:
            self.declared = {}
        return [Parameter(p.name, p.type, parameters.literal(p, p.default), p.comment) for p in self.declared.values()]

    def codify(self, values, comment="Parameters"):
        # Another notebook's cell must not count for one that has none.
        declared, self.declared = self.declared, {}
        try:
            checked = {name: check(declared.get(name), name, value) for name, value in values.items()}
        except parameters.ParameterError as error:
            raise ClickException(str(error)) from None
        undeclared = {name: parameters.Parameter(name, INFERRED[type(value)], value) for name, value in checked.items()}
        return f"// {comment}\n{parameters.render(undeclared | declared, checked)}"


def check(parameter, name, value):
    """The value as the declared type wants it; `-r` gives texts for all types, and what is not declared is taken as it is."""
    if parameter is None:
        if type(value) not in INFERRED:
            raise parameters.ParameterError(f"{name} can be a number, a bool or a text, not {value!r}")
        return value
    if isinstance(value, str):
        return parameters.from_text(parameter, value)
    if parameter.type in parameters.STRINGS:
        raise parameters.ParameterError(f"{name} is a text ({parameter.type}), and {value!r} is none: give it by -r {name} {value}")
    return parameters.from_json(parameter, value)


class Engine(NBClientEngine):
    """papermill's own. With the state of widgets in the notebook, nbconvert would make a page that is empty without the network; their stills are there."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        if kernel_name == "rust":
            options = {"store_widget_state": False} | options
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register(None, Engine)  # where no engine is asked for
papermill_translators.register("rust", RustTranslator())
