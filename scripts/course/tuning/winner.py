"""The best trial again, with seeds that the search has not seen: the best of many is too good to be true, and only then is the test data looked at.

The runs are a study of their own beside the first, so that several machines share them, none is lost, and none is run twice.
"""

import statistics

import notebooks
from tuning.study import Trials

SEED = "seed"


def name_of(study, best):
    return f"{study.study_name}, winner: trial {best.number}"


def seeds(declared, values, count):
    """Those that follow the seed of the trials."""
    if SEED not in declared:
        return []
    before = values.get(SEED, declared[SEED].default)
    return [before + step for step in range(1, count + 1)]


def space(chosen):
    """A dimension for the seed alone; without one, the run is made once."""
    return {SEED: {"choices": chosen}} if chosen else {}


def enqueue(study, chosen):
    """Each seed once, also where several machines come at the same time."""
    for seed in chosen:
        study.enqueue_trial({SEED: seed}, skip_if_exists=True)


def summary(study, metric):
    """What the runs have found: by seed, with mean and standard deviation of the metric and of what was measured on the test data."""
    runs = {}
    for trial in Trials(study).of("COMPLETE"):
        runs[trial.params.get(SEED)] = {metric: trial.value} | test_metrics(trial)
    names = list(dict.fromkeys(name for found in runs.values() for name in found))
    return {
        "seeds": [seed for seed in runs if seed is not None],
        "runs": list(runs.values()),
        "metrics": {name: spread([found[name] for found in runs.values() if name in found]) for name in names},
    }


def test_metrics(trial):
    return {name: value for name, value in trial.user_attrs.get("metrics", {}).items() if name.startswith("test_")}


def spread(values):
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "standard_deviation": deviation, "values": values}


def shown(metric, found):
    """For people: 0.9871 ± 0.0004 (3 seeds)."""
    text = f"{metric} {notebooks.number(found['mean'])}"
    if found["standard_deviation"] is None:
        return f"{text} (1 run)"
    return f"{text} ± {notebooks.number(found['standard_deviation'])} ({len(found['values'])} seeds)"
