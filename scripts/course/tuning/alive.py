"""Whether the process that runs a trial still does.

Optuna's own heartbeat is there for databases alone, never finds a trial whose process ended before its first beat, and ends with the
first call that a database does not answer. So each running trial carries a count that its process raises, in all storages, and who looks
waits for it to change, by a clock of its own: clocks of other machines play no part. Processes of this machine are looked for.
"""

import os
import platform
import threading
import time

from tuning.storage import patiently

ALIVE = "alive"  # the attribute of a trial
BEAT = float(os.environ.get("CNN_TUNE_BEAT", 15))  # seconds
GRACE = 4 * BEAT  # without a change for so long, a trial's process is taken to have ended


def machine():
    """Tells machines, containers and starts of the same machine apart."""
    try:
        return " ".join([platform.node(), open("/proc/sys/kernel/random/boot_id").read().strip(), os.readlink("/proc/self/ns/pid")])
    except OSError:
        return platform.node()


def sign(beat):
    return {"machine": machine(), "pid": os.getpid(), "beat": beat}


def is_gone(alive):
    """Whether the process was one of this machine's, and is no more."""
    if not alive or alive["machine"] != machine():
        return False
    try:
        os.kill(alive["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


class Beats:
    """Raises a trial's count while it runs; `lost` says that somebody has given the trial up meanwhile."""

    def __init__(self, study, trial_id):
        self.study, self.trial_id = study, trial_id
        self.lost = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self):
        self.lost = not patiently(put, self.study, self.trial_id, 0)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(timeout=BEAT)

    def beat(self):
        beat = 0
        while not self.ended.wait(BEAT):
            beat += 1
            try:
                self.lost |= not put(self.study, self.trial_id, beat)
            except Exception:  # the storage is away, and may be back at the next beat
                pass


def put(study, trial_id, beat):
    """Raises a trial's count; not, if it is finished."""
    import optuna

    try:
        study._storage.set_trial_system_attr(trial_id, ALIVE, sign(beat))
    except optuna.exceptions.UpdateFinishedTrialError:
        return False
    return True


def keep(study, trials, beat):
    """For trials that are handed out and that no process has taken yet: it may be long in starting, or wait in a cluster's queue."""
    for trial in trials:
        alive = trial.system_attrs.get(ALIVE)
        if alive is None or (alive["machine"], alive["pid"]) == (machine(), os.getpid()):
            patiently(put, study, trial._trial_id, beat)


class Watch:
    """Looks at running trials now and then, and finds those whose process has ended."""

    def __init__(self):
        self.seen = {}

    def broken(self, trials):
        now = time.monotonic()
        found = []
        for trial in trials:
            alive = trial.system_attrs.get(ALIVE)
            before, since = self.seen.get(trial.number, (object(), now))
            if before != alive:
                self.seen[trial.number] = (alive, now)
                since = now
            if is_gone(alive) or now - since > GRACE:
                found.append(trial)
        return found
