"""One study: what it searches, which trials are left, and what has become of those that broke off."""

import hashlib
import importlib.util
import itertools
import json

import notebooks
import parameters
import setup
from tuning.alive import ALIVE
from tuning.space import distribution, grid, shown
from tuning.storage import hidden, patiently

SEARCH = "search"  # the study's attribute that says what is searched
# What Optuna imports only when a sampler is first asked.
NEEDED = {"QMCSampler": ("scipy",), "GPSampler": ("scipy", "torch")}
MOST_BREAKS = 1  # so often a trial may break off and be tried again


# ---- what is searched ----------------------------------------------------------------------------


def digest(notebook):
    """Tells notebooks apart by what is executed."""
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(["".join(source) for source in cells]).encode()).hexdigest()[:16]


def differences(before, now):
    """What two searches differ in, as words."""
    names = {"space": "--search", "fixed": "-p", "direction": "--maximize or --minimize", "metric": "the metric", "training": "--training"}
    found = [f"{words}: {shown(before.get(key))} there, {shown(now.get(key))} here" for key, words in names.items() if before.get(key) != now.get(key)]
    if before.get("notebook") != now.get("notebook"):
        found.insert(0, f"the notebook: {before.get('notebook')} there, {now.get('notebook')} here")
    elif before.get("digest") != now.get("digest"):
        found.append("the notebook's code, which has changed since the study began")
    return found


def opened(storage, url, name, search, sampler=None, pruner=None):
    """The study, made if it is not there; a UsageError if there is another of its name."""
    import optuna

    options = {"study_name": name, "storage": storage, "sampler": sampler, "pruner": pruner}
    study = optuna.create_study(**options, direction=search["direction"], load_if_exists=True)
    before = study.user_attrs.get(SEARCH)
    if before is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(SEARCH, search)
        return study
    lines = differences(before, search) if before else ["it was not made by scripts/tune"]
    if not lines:
        return study
    if all(trial.state.name in ("FAIL", "WAITING") for trial in study.get_trials(deepcopy=False)):
        # Nothing was found in it: a metric, say, was misspelt.
        optuna.delete_study(study_name=name, storage=storage)
        return opened(storage, url, name, search, sampler, pruner)
    what = "\n".join(f"  {line}" for line in lines)
    raise notebooks.UsageError(f"there is another study called {name!r} in {hidden(url)}:\n{what}\nName this one by --study, or give the command as it was.")


# ---- samplers and pruners, by Optuna's names -----------------------------------------------------


def chosen(module, word, suffix):
    """The class and its arguments, from NAME or NAME:argument=value,…; NAME with or without Sampler or Pruner at its end."""
    name, _, text = word.partition(":")
    known = {n.removesuffix(suffix).lower(): getattr(module, n) for n in module.__all__ if n.endswith(suffix) and not n.startswith("Base")}
    kind = known.get(name.lower().removesuffix(suffix.lower()))
    if kind is None:
        names = ", ".join(sorted(kind.__name__.removesuffix(suffix) for kind in known.values()))
        raise notebooks.UsageError(f"Optuna has no {suffix.lower()} called {name!r}; there are {names}")
    return kind, dict(map(argument, filter(None, text.split(","))))


def argument(word):
    name, equals, text = word.partition("=")
    if not equals:
        raise notebooks.UsageError(f"{word!r} is not of the form argument=value")
    try:
        return name.strip(), json.loads(text)
    except ValueError:
        return name.strip(), {"True": True, "False": False, "None": None}.get(text.strip(), text.strip())


def sampler(word, space, seed, begun=0):
    """Optuna's sampler. Two commands with one seed would try the same values: only one of several machines should have it.

    `begun` trials are there already: with the seed as it was, a study that goes on would try the values of its first trials again.
    """
    import optuna

    kind, options = chosen(optuna.samplers, word, "Sampler")
    if missing := [name for name in NEEDED.get(kind.__name__, ()) if not importlib.util.find_spec(name)]:
        advice = f"{setup.TUNE_VENV}/bin/pip install {missing[0]}"
        raise notebooks.UsageError(f"{kind.__name__} needs the Python package {missing[0]}; install it: {advice}")
    # A quasi-random sequence is of one seed, and Optuna itself knows how far it has come.
    if seed is not None and kind is not optuna.samplers.QMCSampler:
        seed = (seed + 1_000_003 * begun) % 2**32
    if kind is optuna.samplers.GridSampler:
        values = {name: grid(dimension) for name, dimension in space.items()}
        if uncounted := [name for name, known in values.items() if known is None]:
            raise notebooks.UsageError(f"a grid needs values that can be counted; give {uncounted[0]} as VALUE,VALUE,… or LOW:HIGH:STEP")
        options["search_space"] = values
    return built(kind, options if kind.__name__ == "PartialFixedSampler" or seed is None else {"seed": seed} | options)


def pruner(word):
    import optuna

    if word.lower() == "none":
        return optuna.pruners.NopPruner()
    return built(*chosen(optuna.pruners, word, "Pruner"))


def built(kind, options):
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**options)
    except (TypeError, ValueError) as error:
        raise notebooks.UsageError(f"{kind.__name__}: {error}") from None
    except ImportError as error:
        raise notebooks.UsageError(f"{kind.__name__} needs a package that is not installed: {error}") from None


def grid_size(word, space):
    """How many trials a grid has, or None for other samplers."""
    if word.partition(":")[0].lower().removesuffix("sampler") != "grid":
        return None
    return len(list(itertools.product(*map(grid, space.values()))))


# ---- trials --------------------------------------------------------------------------------------


class Trials:
    """The trials of a study, looked at anew by `look`."""

    def __init__(self, study):
        self.study = study
        self.look()

    def look(self):
        self.all = patiently(self.study.get_trials, deepcopy=False)
        return self

    def of(self, *states):
        return [trial for trial in self.all if trial.state.name in states]

    def begun(self):
        """Without those that are tried again: they count once."""
        return sum(not is_again(trial) for trial in self.all)

    def finished(self):
        """With a value, pruned, or failed for good."""
        again = {number for trial in self.all for number in trial.system_attrs.get("retry_history", [])}
        return [trial for trial in self.of("COMPLETE", "PRUNED", "FAIL") if trial.number not in again]

    def best(self):
        complete = self.of("COMPLETE")
        choose = max if self.study.direction.name == "MAXIMIZE" else min
        return choose(complete, key=lambda trial: (trial.value, -trial.number if choose is max else trial.number), default=None)

    def are_left(self, total):
        """Whether there is something to start."""
        return bool(self.of("WAITING")) or self.begun() < total


def is_again(trial):
    return "failed_trial" in trial.system_attrs


def give_back(study, trial, broke):
    """A running trial that came to no end: it waits to be run again, but for one that has broken off too often."""
    import optuna

    try:
        patiently(study._storage.set_trial_state_values, trial._trial_id, state=optuna.trial.TrialState.FAIL)
    except optuna.exceptions.UpdateFinishedTrialError:
        return  # others were quicker
    attributes = {name: value for name, value in trial.system_attrs.items() if name != ALIVE}
    # Optuna's own names for the first and for all.
    attributes["failed_trial"] = attributes.get("failed_trial", trial.number)
    attributes["retry_history"] = [*attributes.get("retry_history", []), trial.number]
    attributes["broke_off"] = attributes.get("broke_off", 0) + broke
    if attributes["broke_off"] > MOST_BREAKS:
        return
    again = optuna.create_trial(
        state=optuna.trial.TrialState.WAITING, params=trial.params, distributions=trial.distributions, system_attrs=attributes
    )
    patiently(study.add_trial, again)


def ask(study, declared, space):
    """The next trial, and its values as the notebook has them."""
    trial = patiently(study.ask, {name: distribution(declared[name], dimension) for name, dimension in space.items()})
    return trial, {name: parameters.from_json(declared[name], value) for name, value in trial.params.items()}


def told(study, number, state, value=None):
    """Whether the end of a trial was kept; not, if others have given it up meanwhile."""
    import optuna

    try:
        patiently(study.tell, number, value, state=optuna.trial.TrialState[state])
    except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
        # A storage that was away may have kept it at the first try.
        return patiently(lambda: study.get_trials(deepcopy=False)[number].state.name) == state
    return True
