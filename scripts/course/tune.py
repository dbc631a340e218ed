"""Searches for good hyperparameters of a notebook: a study of Optuna's, each trial one execution in a fresh kernel.

The study is kept after every step, so the same command goes on where it was, whatever ended it, and on several machines it is the same
command with a --storage that all of them reach. tuning/ has the parts.
"""

import argparse
import re
import sys
from pathlib import Path

import notebooks
import parameters
import setup
from rerun import find, table
from run import positive
from tuning import space as spaces

EXAMPLES = """\
examples:
  scripts/tune 04 --search learning_rate=log:1e-4:1e-1 --search batch_size=32,64,128 --trials 40 --maximize val_accuracy
  scripts/tune 04 --search learning_rate=log:1e-4:1e-1 --minutes 20 --minimize val_loss --pruner Hyperband --workers 2
  scripts/tune 04 … --storage postgresql://user@host/optuna     (the same on each machine)

--search NAME=log:LOW:HIGH      any value, small ones as often as large ones
         NAME=LOW:HIGH[:STEP]   any value between, or in steps; whole numbers where the parameter is one
         NAME=VALUE,VALUE,…     one of these
"""


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/tune",
        description="Searches for good hyperparameters of a notebook, and goes on where it was when the command is given again.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("notebook", metavar="NOTEBOOK", help="number, name or path")
    parser.add_argument("--search", action="append", default=[], metavar="NAME=…", help="a parameter and where to look, see below")
    pair = {"nargs": 2, "action": "append", "default": [], "metavar": ("NAME", "VALUE"), "dest": "values"}
    parser.add_argument("-p", **pair, help="a parameter's value for all trials")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--maximize", metavar="METRIC", help="what the notebook records, or an epoch's quantity: val_accuracy")
    goal.add_argument("--minimize", metavar="METRIC", help="the same, where less is better: val_loss")
    parser.add_argument("--training", type=positive, metavar="N", help="of several trainings in the notebook, the one that counts (default: the first that reports the metric)")
    parser.add_argument("--trials", type=positive, default=20, metavar="N", help="how many the study has in the end, on all machines together (default: 20)")
    parser.add_argument("--minutes", type=minutes, metavar="M", help="begin no trial after so many minutes")
    parser.add_argument("--sampler", default="TPE", metavar="NAME", help="Optuna's: TPE (default), Random, Grid, CmaEs, …; TPE:n_startup_trials=5")
    parser.add_argument("--pruner", default="Median", metavar="NAME", help="Optuna's: Median (default), Hyperband, SuccessiveHalving, Percentile:percentile=25, …; or none")
    parser.add_argument("--seed", type=int, metavar="N", help="of the sampler: with one worker, the same study again")
    parser.add_argument("--workers", type=positive, metavar="N", help="trials at a time on this machine (default: 1), each with its share of the cores")
    parser.add_argument("--storage", metavar="URL", help="postgresql://…, mysql://…, redis://…, sqlite:///…, grpc://…, or a journal file (default: in out/tune/)")
    parser.add_argument("--dask", metavar="ADDRESS", help="hand the trials to the Dask cluster with this scheduler")
    parser.add_argument("--study", metavar="NAME", help="its name (default: the notebook's)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="train the best again with so many other seeds (default: 3)")
    parser.add_argument("--test", metavar="NOTEBOOK", help="measures the best on the test data, in the end: 05 for 04")
    parser.add_argument("--timeout", type=positive, default=1800, metavar="SECONDS", help="limit for one cell (default: 1800)")
    parser.add_argument("--out", type=Path, default=notebooks.OUT / "tune", metavar="FOLDER", help="where studies are kept and reported")
    return parser.parse_intermixed_args()


def minutes(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a time in minutes")
    return value


class Search:
    """One call of scripts/tune. Everything that can be wrong with its words is found before anything runs."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.path = find(chosen.notebook)
        notebook = notebooks.read(self.path)
        self.declared = parameters.of(notebook)
        self.metric = chosen.maximize or chosen.minimize
        if re.match("(best_)?test(_|$)", self.metric):
            raise notebooks.UsageError(f"{self.metric} is measured on the test data, which must not choose: search by a validation metric, such as val_accuracy")
        self.space = spaces.space(self.declared, chosen.search)
        self.fixed = {name: parameters.from_text(parameters.named(self.declared, name), text) for name, text in chosen.values}
        if not self.space:
            raise parameters.ParameterError(f"nothing is searched: give --search {spaces.FORMS}. {parameters.listing(self.declared)}")
        if both := [name for name in self.space if name in self.fixed]:
            raise parameters.ParameterError(f"{both[0]} is both searched and fixed by -p")
        if "seed" in self.space and chosen.seeds:
            raise parameters.ParameterError("the best seed is luck: leave it to the trainings at the end, or search it with --seeds 0")
        self.test = self.test_notebook(notebook)
        self.name = chosen.study or self.path.stem
        self.folder = chosen.out.absolute() / (re.sub(r"[^\w.+-]", "_", self.name) or "study")
        self.url = chosen.storage or str(self.folder / "journal.log")

    def test_notebook(self, notebook):
        word = self.chosen.test or notebook.metadata.get("course", {}).get("test")
        if not word:
            return None
        if not self.chosen.test:
            beside = self.path.parent / f"{word}.ipynb"
            return str(beside) if beside.exists() else None
        return str(find(word))

    # ---- the study -----------------------------------------------------------------------------------

    def open(self):
        from tuning import study
        from tuning.storage import open_storage

        self.pruner = study.pruner(self.chosen.pruner)
        sampler = study.sampler(self.chosen.sampler, self.space, self.chosen.seed)
        self.total = min(self.chosen.trials, study.grid_size(self.chosen.sampler, self.space) or self.chosen.trials)
        self.storage = open_storage(self.url)
        self.search = self.description(self.space, self.fixed)
        self.study = study.opened(self.storage, self.url, self.name, self.search, sampler, self.pruner)
        if begun := len(self.study.get_trials(deepcopy=False)):
            self.study.sampler = study.sampler(self.chosen.sampler, self.space, self.chosen.seed, begun)

    def description(self, space, fixed):
        """What has to be the same where the study goes on."""
        from tuning.study import digest

        return {
            "notebook": self.path.stem,
            "digest": digest(notebooks.read(self.path)),
            "metric": self.metric,
            "direction": "maximize" if self.chosen.maximize else "minimize",
            "training": self.chosen.training,
            "space": space,
            "fixed": fixed,
        }

    def processes(self):
        if self.chosen.dask:
            from tuning.cluster import Cluster

            return Cluster(self.chosen.dask, self.chosen.workers)
        from tuning.workers import Workers

        return Workers(self.chosen.workers or 1, self.folder / "workers.log")

    # ---- running -------------------------------------------------------------------------------------

    def all(self):
        from tuning.run import Runner
        from tuning.storage import hidden, hurry
        from tuning.study import Trials

        self.open()
        self.folder.mkdir(parents=True, exist_ok=True)
        before = len(Trials(self.study).finished())
        there = f", {before} of them done before" if before else ""
        shown = hidden(self.url) if self.chosen.storage else notebooks.shown(self.url)
        print(f"study {self.name}: {self.total} trials{there}; in {shown}", flush=True)
        processes = self.processes()
        try:
            runner = Runner(self, processes)
            runner.search()
            if runner.is_over() and self.chosen.seeds:
                runner.train_the_best_again()
        except KeyboardInterrupt:
            hurry()
            processes.stop()
            runner.give_back()
            print(f"\nstopped: {len(Trials(self.study).finished())} of {self.total} trials are done; the same command goes on", file=sys.stderr)
            return 130
        finally:
            processes.stop()
        return self.report(runner)

    def report(self, runner):
        from tuning import report
        from tuning.study import Trials

        best = Trials(self.study).best()
        if best is None:
            print("no trial has come to its end with a value", file=sys.stderr)
            return 1
        line = report.rerun_line(self.chosen.notebook, self.declared, self.fixed | runner.values_of(best))
        won = runner.won()
        found = report.best_json(self.study, self.search, self.declared, best, line, won)
        notebooks.write_whole(self.folder / "best.json", notebooks.as_json(found))
        notebooks.write_whole(self.folder / "report.html", report.page(self.study, self.search, self.declared, best, line, won))
        print("\n" + table(*report.columns_and_rows(self.study, self.search, self.declared, report.MOST_ROWS)) + "\n")
        for text in report.result_lines(self.metric, best, won):
            print(text)
        print(f"\n{line}\nfigures: {notebooks.shown(self.folder / 'report.html')}")
        return 0


def main():
    chosen = arguments()
    notebooks.isolate()
    try:
        search = Search(chosen)
        setup.packages_for_tuning(setup.Steps(quiet=True), dask=bool(chosen.dask))
        from execution import interruptible
        from tuning import packages

        packages.use(dask=bool(chosen.dask))
        interruptible()
        return search.all()
    except (notebooks.UsageError, parameters.ParameterError) as error:
        print(f"tune: {error}", file=sys.stderr)
        return 2
    except (setup.SetupError, OSError) as error:
        print(f"tune: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from tuning.storage import hide_in, is_away

        if not is_away(error):
            raise
        reason = hide_in(search.url, str(error).strip().splitlines()[0])
        print(f"tune: the storage does not answer any more: {reason}\n  When it is back, the same command goes on.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
