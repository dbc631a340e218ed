"""What comes out of a study: best.json, report.html with Optuna's own figures, and the lines at the end."""

import html
import shlex

import notebooks
import parameters
from tuning.study import Trials
from tuning.winner import shown

MOST_ROWS = 10  # of the table in the terminal
STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }
code, pre { background: #f4f4f4; padding: .1em .3em } .table { overflow-x: auto; max-height: 30em; overflow-y: auto }
"""


def literal(declared, values):
    """The values as they are typed."""
    return {name: value if isinstance(value, str) else parameters.literal(declared[name], value) for name, value in values.items()}


def short(declared, values):
    """The values for people: of numbers with a point, four digits."""
    exact = literal(declared, values)
    return {name: f"{value:.4g}" if isinstance(value, float) else exact[name] for name, value in values.items()}


def rerun_line(notebook, declared, values):
    words = ["scripts/rerun", notebook]
    for name, text in literal(declared, values).items():
        words += ["-p", name, text]
    return shlex.join(words)


def best_json(study, search, declared, best, line, won):
    trials = Trials(study)
    return {
        "study": study.study_name,
        "notebook": search["notebook"],
        "metric": search["metric"],
        "direction": search["direction"],
        "trial": best.number,
        "value": best.value,
        "parameters": {name: parameters.from_json(declared[name], value) for name, value in best.params.items()} | search["fixed"],
        "rerun": line,
        "winner": won,
        "trials": {state.lower(): sum(trial.state.name == state for trial in trials.finished()) for state in ("COMPLETE", "PRUNED", "FAIL")},
    }


def columns_and_rows(study, search, declared, most=None):
    """The trials as a table, the best first, then the pruned and the failed."""
    trials = Trials(study)
    sign = -1 if search["direction"] == "maximize" else 1
    complete = sorted(trials.of("COMPLETE"), key=lambda trial: sign * trial.value)
    others = [trial for trial in trials.finished() if trial.state.name != "COMPLETE"]
    names = list(search["space"])
    rows = []
    for trial in [*complete, *others][:most]:
        values = short(declared, {name: parameters.from_json(declared[name], trial.params[name]) for name in names if name in trial.params})
        value = notebooks.number(trial.value) if trial.value is not None else "–"
        state = {"COMPLETE": "", "PRUNED": f"pruned after {len(trial.intermediate_values)}", "FAIL": "failed"}[trial.state.name]
        seconds = f"{trial.user_attrs['seconds']:.1f}" if "seconds" in trial.user_attrs else "–"
        rows.append([str(trial.number), value, *(values.get(name, "–") for name in names), str(len(trial.intermediate_values)), seconds, state])
    return ["trial", search["metric"], *names, "epochs", "seconds", ""], rows


def figures(study, metric):
    """Optuna's figures as HTML, with plotly itself in the first; what cannot be drawn yet is left out."""
    from optuna import visualization

    drawn = []
    wanted = ["optimization_history", "intermediate_values", "parallel_coordinate", "slice", "param_importances"]
    for name in wanted:
        options = {} if name == "intermediate_values" else {"target_name": metric}
        try:
            figure = getattr(visualization, f"plot_{name}")(study, **options)
        except (ValueError, RuntimeError, ZeroDivisionError):
            continue
        if figure.data:
            drawn.append(figure.to_html(full_html=False, include_plotlyjs=not drawn, config={"displaylogo": False}))
    return drawn


def page(study, search, declared, best, line, won, left_out=""):
    """report.html: one file that needs nothing else."""
    columns, rows = columns_and_rows(study, search, declared)
    cells = lambda tag, row: "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in row)  # noqa: E731
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    title = html.escape(f"{study.study_name}: {search['direction']} {search['metric']}")
    lines = "".join(f"<p>{html.escape(text)}</p>" for text in result_lines(search["metric"], best, won) + ([left_out] if left_out else []))
    parts = [f"<h1>{title}</h1>{lines}<pre>{html.escape(line)}</pre>", *figures(study, search["metric"])]
    parts.append(f"<h2>All trials</h2><div class='table'><table><tr>{cells('th', columns)}</tr>{body}</table></div>")
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"


def result_lines(metric, best, won):
    """What was found, and how good it really is."""
    lines = [f"best of the search: {metric} {notebooks.number(best.value)}, trial {best.number}. It is the best of many, and so too good to be true."]
    if won and won["metrics"]:
        again = "the same with other seeds" if won["seeds"] else "the same once more"
        lines.append(f"{again}: " + ", ".join(shown(name, found) for name, found in won["metrics"].items()))
    return lines
