"""The process that runs trials, one after the other: jobs come as lines of JSON on its standard input, what has become of them goes to its
standard output, after one line that says how to reach the study. It ends with the program that started it.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import notebooks  # noqa: E402
from tuning import packages  # noqa: E402

LOST = "others had given it up meanwhile"


class Reports:
    """Tells the storage about a trial's epochs, and asks the pruner."""

    def __init__(self, study, job, trial_id):
        self.study, self.job, self.trial_id = study, job, trial_id

    def __call__(self, epoch, value):
        from tuning.storage import patiently

        patiently(self.study._storage.set_trial_intermediate_value, self.trial_id, epoch, value)
        return self.job.prunes and patiently(self.should_prune)

    def should_prune(self):
        trial = self.study._storage.get_trial(self.trial_id)
        return self.study.pruner.prune(self.study, trial)


def opened(place):
    """The study that the first line names."""
    import optuna

    from tuning.storage import open_storage
    from tuning.study import pruner

    # Values are chosen where trials are handed out.
    sampler = optuna.samplers.RandomSampler()
    return optuna.load_study(study_name=place["study"], storage=open_storage(place["url"]), sampler=sampler, pruner=pruner(place["pruner"]))


def run(study, job, parent):
    """One trial, from the job to its end; the study is told."""
    from tuning.alive import Beats
    from tuning.storage import patiently
    from tuning.study import give_back, told
    from tuning.trial import End, Run

    trial_id = patiently(study._storage.get_trial_id_from_study_id_trial_number, study._study_id, job.number)
    with Beats(study, trial_id) as beats:
        if beats.lost:
            return End(job.number, "stopped", why=LOST)
        goes_on = lambda: os.getppid() == parent and not beats.lost  # noqa: E731
        end = Run(job, Reports(study, job, trial_id), goes_on).end()
    if end.state == "stopped":
        give_back(study, study._storage.get_trial(trial_id), broke=False)
        return end
    for name, value in {"seconds": end.seconds, "why": end.why, "metrics": end.metrics}.items():
        if value:
            patiently(set_attribute, study, trial_id, name, value)
    state = {"complete": "COMPLETE", "pruned": "PRUNED"}.get(end.state, "FAIL")
    if not told(study, job.number, state, end.value if state == "COMPLETE" else None):
        end.state, end.why = "stopped", LOST
    return end


def set_attribute(study, trial_id, name, value):
    import optuna

    try:
        study._storage.set_trial_user_attr(trial_id, name, value)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass


def main():
    from execution import interruptible
    from tuning.trial import Job

    # The answers have the standard output for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    interruptible()
    # Ctrl-C in a terminal reaches the program that started this one, which then says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    notebooks.isolate()
    parent = os.getppid()
    study, place = None, None
    try:
        for line in sys.stdin:
            message = json.loads(line)
            if "url" in message:
                if message != place:
                    packages.use()
                    study, place = opened(message), message
                continue
            end = run(study, Job(**message), parent)
            answers.write(json.dumps(end.as_json()) + "\n")
            answers.flush()
            if end.state == "stopped":
                break
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
