"""The space that is searched: what `--search NAME=…` means for a parameter of the notebook.

A dimension is a dict that JSON can hold: `{"choices": […]}`, or `{"low": …, "high": …, "log": …, "step": …}`.
"""

from decimal import Decimal

import parameters
from parameters import ParameterError

FORMS = "NAME=LOW:HIGH, NAME=LOW:HIGH:STEP, NAME=log:LOW:HIGH, or NAME=VALUE,VALUE,…"
# Databases keep the values of trials as 64-bit floats.
LARGEST_WHOLE = 2**53


def space(declared, words):
    """The dimensions by name, or a ParameterError that says what is wrong with one."""
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not text.strip():
            raise ParameterError(f"--search {word}: not of the form {FORMS}")
        if name in found:
            raise ParameterError(f"--search {name} is given twice")
        found[name] = dimension(parameters.named(declared, name), text)
    return found


def dimension(parameter, text):
    if ":" not in text or parameter.type in parameters.STRINGS:
        return choices(parameter, text)
    if parameter.type == "bool":
        raise ParameterError(f"{parameter.name} is a bool and has no range; search it by {parameter.name}=true,false")
    return interval(parameter, text)


def choices(parameter, text):
    values = [parameters.from_text(parameter, part.strip()) for part in text.split(",")]
    if len(set(values)) < len(values):
        raise ParameterError(f"--search {parameter.name}={text}: a value is there twice")
    if len(values) == 1:
        raise ParameterError(f"--search {parameter.name}={text} is a single value; fix it by -p {parameter.name} {text}")
    return {"choices": values}


def interval(parameter, text):
    name, parts = parameter.name, [part.strip() for part in text.split(":")]
    log = parts[0] == "log"
    numbers = parts[1:] if log else parts
    if len(numbers) not in ((2,) if log else (2, 3)):
        raise ParameterError(f"--search {name}={text}: not of the form {FORMS}")
    low, high = (parameters.from_text(parameter, part) for part in numbers[:2])
    shown = f"--search {name}={text}: the range"
    if low >= high:
        raise ParameterError(f"{shown} is empty: {numbers[0]} is not below {numbers[1]}")
    if log and low <= 0:
        raise ParameterError(f"{shown} is logarithmic, and the logarithm of {numbers[0]} is no number; begin above 0")
    whole = parameter.type in parameters.INTEGERS
    if whole and max(abs(low), abs(high)) > LARGEST_WHOLE:
        raise ParameterError(f"{shown} has numbers above {LARGEST_WHOLE}, which databases do not keep exactly")
    step = parameters.from_text(parameter, numbers[2]) if len(numbers) == 3 else (1 if whole else None)
    if step is not None and step <= 0:
        raise ParameterError(f"{shown} has the step {numbers[2]}; it must be above 0")
    if step is not None and (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)) != 0:
        raise ParameterError(f"{shown} does not reach {numbers[1]} from {numbers[0]} in steps of {numbers[2]}")
    return {"low": low, "high": high, "log": log, "step": step}


def distribution(parameter, dimension):
    """Optuna's name for it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "choices" in dimension:
        return CategoricalDistribution(dimension["choices"])
    kind = IntDistribution if parameter.type in parameters.INTEGERS else FloatDistribution
    return kind(**dimension)


def grid(dimension):
    """All its values in their order, or None where they cannot be counted."""
    if "choices" in dimension:
        return dimension["choices"]
    low, step = dimension["low"], dimension["step"]
    if step is None or dimension["log"]:
        return None
    count = int((Decimal(str(dimension["high"])) - Decimal(str(low))) / Decimal(str(step))) + 1
    return [type(low)(Decimal(str(low)) + place * Decimal(str(step))) for place in range(count)]


def shown(space):
    """A space as it was typed, more or less; other values as they are."""
    if not isinstance(space, dict) or not all(isinstance(dimension, dict) for dimension in space.values()):
        return str(space)
    return " ".join(f"{name}={words(dimension)}" for name, dimension in space.items())


def words(dimension):
    if "choices" in dimension:
        return ",".join(map(str, dimension["choices"]))
    ends = f"{dimension['low']}:{dimension['high']}"
    return f"log:{ends}" if dimension["log"] else ends if dimension["step"] in (None, 1) else f"{ends}:{dimension['step']}"
