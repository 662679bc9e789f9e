"""The runs beside a scenario: the same seeds with a few keys set otherwise, printed under the run and stored with it.

`beside.parquet` has a row for each run and path: `number` and `run` (its name), `varied` (what it varies, as TOML;
empty where nothing), `path`, `seed`, `status`, `error`, and the metrics of the summary.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tomli_w

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import suggestion
from experiments.comparing.objectives import writer
from experiments.numbers import aligned
from experiments.running.paths import Task, metrics_of, run_tasks
from experiments.stored.outcomes import PathOutcome

if TYPE_CHECKING:
    from abm import Scenario
    from abm.reading.beside import Beside, Variant

FILE = "beside.parquet"
BASE = "as it is"


def check_beside(scenario: "Scenario", seed: int) -> None:
    """Raise `ScenarioError` where a scenario asks of its runs beside for what is no metric of the summary."""
    if scenario.beside is None:
        return
    known = metrics_of(scenario, seed)
    terms = scenario.beside
    wanted = [(f"beside.show.{number}", metric) for number, metric in enumerate(terms.show)]
    wanted += [("beside.limit.metric", terms.limit.metric)] if terms.limit else []
    for key, metric in wanted:
        if metric not in known:
            raise ScenarioError(f"{key} = {metric!r} is no metric of the summary; {suggestion(metric, known)}")


def run_beside(
    variants: "Sequence[Variant]",
    *,
    seed: int,
    paths: int,
    jobs: int,
    scheduler: str | None = None,
    out: Path,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Run every variant on the seeds of the run, and store a row for each in `out`.

    An interrupt keeps what has finished, and then `KeyboardInterrupt` passes on.
    """
    tasks = [
        Task(variant.scenario, seed, path, tables=False, label=str(number))
        for number, variant in enumerate(variants)
        for path in range(paths)
    ]
    rows: list[dict[str, Any]] = []

    def take(outcome: PathOutcome) -> None:
        variant = variants[int(outcome.label)]
        status = "finished" if outcome.error is None else "failed"
        rows.append(
            {
                "number": int(outcome.label),
                "run": variant.name,
                "varied": "; ".join(f"{key} = {_toml(value)}" for key, value in variant.varied.items()),
                "path": outcome.path,
                "seed": outcome.seed,
                "status": status,
                "error": outcome.error,
                **outcome.summary,
            }
        )

    try:
        run_tasks(tasks, jobs, scheduler, on_result=take, progress=progress)
    finally:
        frame = pd.DataFrame(rows)
        if rows:
            frame.to_parquet(out / FILE, index=False)
    return frame


def describe_beside(scenario: "Scenario", variants: "Sequence[Variant]", base: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The runs beside and the run itself as a table to read: means over the paths, with their standard errors.

    `base` is the table of paths of the run itself, `rows` what `run_beside` returned.
    """
    terms = scenario.beside
    if terms is None or rows.empty:
        return ""
    keys = list(dict.fromkeys(key for variant in variants for key in variant.varied))
    cells = [["The same seeds", *(_short(key, keys) for key in keys), *(_label(metric) for metric in terms.show)]]
    cells.append([f"  {BASE}", *("" for _ in keys), *_metrics(terms, base)])
    for number, variant in enumerate(variants):
        of_run = rows[rows["number"] == number]
        varied = (_shown(variant.varied[key]) if key in variant.varied else "" for key in keys)
        cells.append([f"  {variant.name}", *varied, *_metrics(terms, of_run)])
    lines = [aligned(cells)]
    if terms.limit is not None:
        lines += ["", *_limits(terms, variants, rows, len(base))]
    return "\n".join(lines) + "\n"


def _limits(terms: "Beside", variants: "Sequence[Variant]", rows: pd.DataFrame, paths: int) -> list[str]:
    """For every run that varies one number: from which of its values on the metric keeps to its limit."""
    limit = terms.limit
    assert limit is not None
    by_run: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for number, variant in enumerate(variants):
        values = list(variant.varied.items())
        if len(values) != 1 or not isinstance(values[0][1], int | float):
            continue
        of_run = rows[rows["number"] == number]
        keeps = len(of_run) == paths and bool((of_run.get(limit.metric, pd.Series(math.inf)) <= limit.at_most).all())
        by_run.setdefault((variant.name, values[0][0]), []).append((float(values[0][1]), keeps))
    lines = []
    for (name, key), found in by_run.items():
        kept_from = math.inf
        for value, keeps in sorted(found, reverse=True):
            if not keeps:
                break
            kept_from = value
        first = min(value for value, _ in found)
        if kept_from == first:
            where = "at every value tried"
        else:
            where = f"from {key} = {_number(kept_from)} on" if kept_from < math.inf else "at no value tried"
        lines.append(f"{name}: {_label(limit.metric)} at most {_number(limit.at_most)} {where}")
    return lines


def _metrics(terms: "Beside", paths: pd.DataFrame) -> list[str]:
    return [_cell(metric, paths) for metric in terms.show]


def _cell(metric: str, paths: pd.DataFrame) -> str:
    if metric not in paths:
        return "failed"
    values = paths[metric].to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return "undefined"
    written = writer(metric)
    mean = written(float(values.mean()))
    if values.size == 1:
        return mean
    return f"{mean} ± {written(float(values.std(ddof=1) / math.sqrt(values.size)))}"


def _label(metric: str) -> str:
    return metric.removesuffix("_usd").replace("_", " ")


def _short(key: str, keys: Sequence[str]) -> str:
    """As much of a dotted key as tells it from the others."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        short = ".".join(parts[-length:])
        if sum(other == short or other.endswith(f".{short}") for other in keys) == 1 and not short[0].isdigit():
            return short
    return key


def _shown(value: Any) -> str:
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else _toml(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,g}"


def _toml(value: Any) -> str:
    return str(value) if isinstance(value, dict) else tomli_w.dumps({"_": value}).partition("=")[2].strip()
