"""Hands trials to processes until the study has them all, and says what has become of each."""

import shutil
import sys
import time

import notebooks
from tuning import report, winner
from tuning.alive import Watch, keep
from tuning.study import Trials, ask, give_back, opened
from tuning.trial import Job

LOOK = 2.0  # seconds between two looks at what other machines have done
FIRST_FAILURES = 3  # if so many trials have failed and none has not, something is wrong with all


class Runner:
    """The trials of a search, and then its best with other seeds."""

    def __init__(self, search, processes):
        self.of, self.processes = search, processes
        self.study, self.winner = search.study, None
        self.current = None  # the study whose trials run
        self.until = time.monotonic() + 60 * search.chosen.minutes if search.chosen.minutes else None
        self.seconds = []

    def values_of(self, trial):
        import parameters

        return {name: parameters.from_json(self.of.declared[name], value) for name, value in trial.params.items()}

    # ---- the search ----------------------------------------------------------------------------------

    def search(self):
        def job(number, values):
            folder = self.of.folder / "trials" / str(number)
            return self.job(number, self.of.fixed | values, folder)

        self.trials(self.study, self.of.space, self.of.total, job, self.told, self.until)

    def job(self, number, values, folder, **more):
        of = self.of
        return Job(number, str(of.path), values, of.metric, of.chosen.training, of.chosen.timeout, str(folder), **more)

    def is_over(self):
        """Whether no machine has anything left to do; else another one trains the best again."""
        trials = Trials(self.study)
        if trials.of("RUNNING"):
            print("other machines are still at it; the last one trains the best again", flush=True)
            return False
        return trials.best() is not None

    def trials(self, study, space, total, job_of, tell, until=None):
        """Runs trials until there are `total`, and those of other machines have ended, too; none begins after `until`."""
        watch, place = Watch(), {"url": self.of.url, "study": study.study_name, "pruner": self.of.chosen.pruner}
        self.current = study
        while True:
            trials = Trials(study)
            own = {job.number for job in self.processes.running()}
            for trial in watch.broken([trial for trial in trials.of("RUNNING") if trial.number not in own]):
                self.broke_off(study, trial, job_of(trial.number, self.values_of(trial)))
            keep(study, [trial for trial in trials.of("RUNNING") if trial.number in own], time.time_ns())
            may_begin = until is None or time.monotonic() < until
            if may_begin and self.processes.is_free() and trials.look().are_left(total):
                trial, values = ask(study, self.of.declared, space)
                self.processes.start(place, job_of(trial.number, values))
                continue
            others_run = may_begin and (trials.of("RUNNING") or trials.are_left(total))
            if not own and not others_run:
                return
            for job, end in self.processes.wait(LOOK):
                if end is None:
                    self.broke_off(study, self.trial(study, job.number), job)
                else:
                    tell(job, end)

    def trial(self, study, number):
        return Trials(study).all[number]

    def broke_off(self, study, trial, job):
        """The process of a trial has ended in its middle."""
        if trial.state.name != "RUNNING":
            return
        give_back(study, trial, broke=True)
        shutil.rmtree(job.folder, ignore_errors=True)
        waits = any(trial.number in other.system_attrs.get("retry_history", []) for other in Trials(study).of("WAITING", "RUNNING"))
        print(f"trial {trial.number}  its process ended; {'it is tried again' if waits else 'it had been tried twice'}", flush=True)
        self.stop_if_all_fail(Trials(study))

    def give_back(self):
        """After Ctrl-C: trials that have not been given back by their own processes."""
        if self.current is None:
            return
        for job in self.processes.running():
            trial = self.trial(self.current, job.number)
            if trial.state.name == "RUNNING":
                give_back(self.current, trial, broke=False)
                shutil.rmtree(job.folder, ignore_errors=True)

    # ---- what is said --------------------------------------------------------------------------------

    def told(self, job, end):
        trials = Trials(self.study)
        if end.state == "stopped":
            print(f"trial {end.number}  stopped: {end.why}", flush=True)
            return
        self.seconds.append(end.seconds)
        if end.state == "nothing" and not trials.of("COMPLETE"):
            names = end.why or "nothing at all"
            which = f" in training {job.training}" if job.training else ""
            raise notebooks.UsageError(f"{self.of.path.stem} does not report {self.of.metric!r}{which}; it reports {names}")
        if end.trainings > 1 and job.training is None and self.of.metric not in end.metrics and len(self.seconds) == 1:
            print(f"{end.trainings} trainings report {self.of.metric}: the first counts; --training N chooses another", flush=True)
        print(self.line(job, end, trials), flush=True)
        if end.state == "failed":
            print(end.why, flush=True)
        self.stop_if_all_fail(trials)

    def stop_if_all_fail(self, trials):
        finished = trials.finished()
        if len(finished) >= FIRST_FAILURES and all(trial.state.name == "FAIL" for trial in finished):
            words = self.processes.last_words()
            raise notebooks.UsageError(f"the first {len(finished)} trials have all failed; mend the notebook, or the space.\n{words}".strip())

    def line(self, job, end, trials):
        metric, number = self.of.metric, notebooks.number
        what = {
            "complete": f"{metric} {number(end.value)}",
            "pruned": f"{metric} {number(end.value)}, pruned after epoch {end.epoch} of {end.epochs}",
            "failed": "failed",
            "nothing": "failed: it did not report " + metric,
        }[end.state]
        values = report.short(self.of.declared, {name: value for name, value in job.values.items() if name in self.of.space})
        parts = [f"trial {end.number}", what, " ".join(f"{name}={text}" for name, text in values.items()), f"{end.seconds:.1f} s"]
        if best := trials.best():
            parts.append(f"best {number(best.value)} (trial {best.number})")
        if left := self.left(trials):
            parts.append(f"{notebooks.duration(left)} left")
        return "  ".join(parts)

    def left(self, trials):
        """Seconds until the end of the search, roughly."""
        mean, lanes = sum(self.seconds) / len(self.seconds), max(1, self.processes.count)
        waiting = max(0, self.of.total - len(trials.finished()))
        left = mean * waiting / lanes
        return min(left, max(0, self.until - time.monotonic())) if self.until else left

    # ---- the best again ------------------------------------------------------------------------------

    def train_the_best_again(self):
        of, best = self.of, Trials(self.study).best()
        values = of.fixed | self.values_of(best)
        seeds = winner.seeds(of.declared, values, of.chosen.seeds)
        space = winner.space(seeds)
        self.winner = opened(of.storage, of.url, winner.name_of(self.study, best), of.description(space, values))
        winner.enqueue(self.winner, seeds)
        if not seeds:
            print("the notebook has no parameter seed: the best is trained once more, and its spread stays unknown", flush=True)

        def job(number, chosen):
            name = f"seed={chosen[winner.SEED]}" if chosen else "again"
            folder = of.folder / f"winner-{best.number}" / name
            return self.job(number, values | chosen, folder, prunes=False, keeps=True, test=of.test)

        self.trials(self.winner, space, len(seeds) or 1, job, self.told_of_winner)

    def told_of_winner(self, job, end):
        measured = {name: value for name, value in end.metrics.items() if name.startswith("test_")}
        shown = {self.of.metric: end.value} | measured if end.state == "complete" else {}
        text = ", ".join(f"{name} {notebooks.number(value)}" for name, value in shown.items()) or end.state
        seed = f" with seed {job.values[winner.SEED]}" if winner.SEED in job.values else ""
        print(f"the best again{seed}: {text}  {end.seconds:.1f} s", flush=True)
        if end.state == "failed":
            print(end.why, file=sys.stderr, flush=True)

    def won(self):
        return winner.summary(self.winner, self.of.metric) if self.winner else None
