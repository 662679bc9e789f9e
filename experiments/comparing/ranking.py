"""From the rows of a comparison to its ranking: estimates with intervals, differences, who is best, the Pareto front.

Every figure is over the seeds that the designs in question finished, so a path that failed costs its seed in paired
figures and is counted beside the design. Undefined values (the amplification of nothing) are left out likewise.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparing.objectives import MEASURES, Objective, column, plain
from experiments.inference.statistics import (
    LEVEL,
    TAIL,
    Interval,
    Statistic,
    difference,
    evaluate,
    holm,
    interval,
    on_front,
    probability_of_best,
    resampled,
    share_interval,
)
from models.types import FloatArray

Columns = dict[str, dict[str, "pd.Series[float]"]]
"""By design and metric the values of the paths, under the number of the path."""

SMALL_SHARE = 0.1
"""A design's interval need not be narrower than it is for one with this share of the largest mean."""


def rank(rows: pd.DataFrame, objectives: Sequence[Objective], baseline: str) -> dict[str, Any]:
    """The ranking of the designs in `rows`, best first, as `ranking.json` holds it.

    `rows` has a row for each design and path: `design`, `path`, `status` and the metrics. The first objective is the
    main one; ties go to the next ones, then to the order of the rows.
    """
    columns = columns_of(rows, objectives)
    entries = [_entry(rows, design, columns, objectives) for design in columns]
    _compare_to(baseline, entries, columns, objectives)
    _contest(entries, columns, objectives)
    entries.sort(key=lambda entry: [_worth(entry, objective) for objective in objectives])
    main = [_worth(entry, objectives[0]) for entry in entries]
    for entry, worth in zip(entries, main, strict=True):
        entry["rank"] = main.index(worth) + 1  # who is equal shares a rank
    return {
        "level": LEVEL,
        "tail": TAIL,
        "baseline": baseline,
        "objectives": [
            {"name": one.name, "metric": one.metric, "statistic": one.statistic, "more_is_better": one.more_is_better}
            for one in objectives
        ],
        "common_seeds": len(_common([one["design"] for one in entries if one["paths"]], columns, objectives)),
        "designs": entries,
    }


def columns_of(rows: pd.DataFrame, objectives: Sequence[Objective]) -> Columns:
    """The metrics that are reported of each design, in the order of the rows."""
    metrics = [measure.metric for measure in MEASURES] + [objective.metric for objective in objectives]
    reported = list(dict.fromkeys(metrics))
    return {
        str(design): {metric: column(of_design, metric) for metric in reported}
        for design, of_design in rows.groupby("design", sort=False)
    }


def imprecision(rows: pd.DataFrame, objective: Objective) -> float:
    """The largest half width of a design's interval of an objective, as a share of the design's estimate.

    Where that estimate is small or nothing, the share is of a tenth of the largest one. 0 where all of them are
    nothing, inf where an interval has no end yet; nan where no path finished, and more of them would not help.
    """
    columns = [of_design[objective.metric] for of_design in columns_of(rows, [objective]).values()]
    found = [_estimate(values, objective.statistic) for values in columns if len(values)]
    if not found:
        return math.nan
    least = SMALL_SHARE * max(abs(value) for value, _ in found)
    shares = [of.half_width / max(abs(value), least) if of.half_width != 0.0 else 0.0 for value, of in found]
    return max(math.inf if math.isnan(share) else share for share in shares)


def _entry(rows: pd.DataFrame, design: str, columns: Columns, objectives: Sequence[Objective]) -> dict[str, Any]:
    status = rows.loc[rows["design"] == design, "status"]
    main = columns[design][objectives[0].metric].to_numpy()
    some = int(np.count_nonzero(main > 0.0))
    return {
        "design": design,
        "paths": int((status == "finished").sum()),
        "failed": int((status != "finished").sum()),
        "objectives": {one.name: _told(columns[design][one.metric], one.statistic) for one in objectives},
        "metrics": {metric: _told(values, "mean") for metric, values in columns[design].items()},
        "main": {
            "p95": _told(columns[design][objectives[0].metric], "p95"),
            "es95": _told(columns[design][objectives[0].metric], "es95"),
            "share_above_zero": {
                "value": some / main.size if main.size else math.nan,
                **_ends(share_interval(some, main.size)),
            },
        },
    }


def _estimate(values: "pd.Series[float]", statistic: Statistic) -> tuple[float, Interval]:
    found = plain(values)
    return (float(evaluate(found, statistic)) if found.size else math.nan), interval(found, statistic)


def _told(values: "pd.Series[float]", statistic: Statistic) -> dict[str, Any]:
    value, of = _estimate(values, statistic)
    return {"value": value, **_ends(of), "paths": len(values)}


def _ends(of: Interval) -> dict[str, Any]:
    return {"low": of.low, "high": of.high, "method": of.method}


def _compare_to(
    baseline: str, entries: list[dict[str, Any]], columns: Columns, objectives: Sequence[Objective]
) -> None:
    """Add to each entry how far it is from the baseline; Holm's correction is over all designs and objectives."""
    tested: list[dict[str, Any]] = []
    for entry in entries:
        entry["differences"], entry["tests"] = {}, {}
        if entry["design"] == baseline:
            continue
        ours, theirs = columns[entry["design"]], columns[baseline]
        for metric in ours:
            entry["differences"][metric] = _difference(ours[metric], theirs[metric], "mean", test=False)
        for one in objectives:
            found = _difference(ours[one.metric], theirs[one.metric], one.statistic, test=True)
            entry["tests"][one.name] = found
            tested.append(found)
    adjusted = holm([found["p_value"] for found in tested])
    for found, p_value in zip(tested, adjusted, strict=True):
        found["p_value_holm"] = p_value


def _difference(
    ours: "pd.Series[float]", theirs: "pd.Series[float]", statistic: Statistic, *, test: bool
) -> dict[str, Any]:
    both = ours.index.intersection(theirs.index)
    found = difference(plain(ours[both]), plain(theirs[both]), statistic, test=test)
    told = {"value": found.value, **_ends(found.interval), "paths": len(both)}
    return told | {"p_value": found.p_value} if test else told


def _contest(entries: list[dict[str, Any]], columns: Columns, objectives: Sequence[Objective]) -> None:
    """Add to each entry its chance of being best at the main objective, and whether it is on the Pareto front."""
    designs = [entry["design"] for entry in entries if entry["paths"]]
    common = _common(designs, columns, objectives)
    chances: dict[str, tuple[float, bool, float]] = {}
    if common.size:
        values = [_together(designs, columns, one.metric, common) for one in objectives]
        points = [one.sign * evaluate(of.T, one.statistic) for of, one in zip(values, objectives, strict=True)]
        front = on_front(np.stack(points, axis=-1))
        best = fronts = np.full(len(designs), np.nan)
        if common.size > 1:  # a single seed resampled is always the same
            drawn = [one.sign * resampled(of, one.statistic) for of, one in zip(values, objectives, strict=True)]
            best, fronts = probability_of_best(drawn[0]), on_front(np.stack(drawn, axis=-1)).mean(axis=0)
        chances = {name: (float(best[k]), bool(front[k]), float(fronts[k])) for k, name in enumerate(designs)}
    for entry in entries:
        chance = chances.get(entry["design"], (math.nan, False, math.nan))
        entry["probability_best"], entry["on_front"], entry["probability_on_front"] = chance


def _common(designs: Sequence[str], columns: Columns, objectives: Sequence[Objective]) -> "np.ndarray[Any, Any]":
    """The paths on which every design that finished any has all objectives."""
    paths: pd.Index[Any] | None = None
    for design in designs:
        for one in objectives:
            index = columns[design][one.metric].index
            paths = index if paths is None else paths.intersection(index)
    return np.array([]) if paths is None else paths.to_numpy()


def _together(designs: Sequence[str], columns: Columns, metric: str, paths: "np.ndarray[Any, Any]") -> FloatArray:
    """A metric of these paths, shape (paths, designs)."""
    return np.stack([plain(columns[design][metric].loc[paths]) for design in designs], axis=1)


def _worth(entry: dict[str, Any], objective: Objective) -> float:
    """What to sort by: the objective such that less is better, undefined last."""
    value = float(entry["objectives"][objective.name]["value"])
    return math.inf if math.isnan(value) else objective.sign * value
