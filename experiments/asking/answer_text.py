"""The answer of an experiment as one table to read, with what was asked above it and how to read it below."""

import math
import textwrap
from typing import Any

from experiments.asking.answers import Answer
from experiments.asking.estimands import Estimand
from experiments.asking.factors import Factor
from experiments.asking.question import POINTWISE
from experiments.asking.screening import Screening
from experiments.numbers import aligned, duration
from experiments.stored.notes import of_left_out, of_precision

WIDTH = 120
SIGNIFICANT = 0.05
MOST_ROWS = 60
MOST_COLUMNS = 8
MOST_BRACKETS = 6
"""With more metrics than this a row is of estimates alone: their intervals are stored."""


def describe(answer: Answer) -> str:
    """The whole answer, as text for a terminal."""
    blocks = [_heading(answer)]
    if answer.experiment.setup:
        blocks.append(_paragraph(answer.experiment.setup))
    if answer.table.empty:
        notes = (textwrap.fill(note, WIDTH) for note in [*of_left_out(answer.manifest), *_of_failures(answer.manifest)])
        return "\n\n".join([*blocks, "No path finished.", *notes]) + "\n"
    blocks.append(_table(answer))
    if answer.experiment.reading:
        blocks.append(_paragraph(answer.experiment.reading))
    blocks.append(_notes(answer))
    return "\n\n".join(blocks) + "\n"


def _table(answer: Answer) -> str:
    if isinstance(answer.experiment.plan, Screening):
        return _sensitivity(answer)
    return _matrix(answer) if is_matrix(answer) else _rows(answer)


def _sensitivity(answer: Answer) -> str:
    """How much each factor matters to each metric, those that matter most to the first metric at the top."""
    found: dict[tuple[str, str, str], Any] = {
        (row["metric"], row["factor"], row["index"]): row for row in answer.sensitivity.to_dict("records")
    }
    is_morris = answer.experiment.plan.kind == "morris"
    shown = ("mu_star", "sigma") if is_morris else ("ST", "S1")
    main = answer.estimands[0]
    head = [f"{one.heading}: {index.replace('mu_star', 'mu*')}" for one in answer.estimands for index in shown]
    cells = [["factor", "from", "to", *head]]
    for factor in by_weight(answer, main):
        row = [factor.title, factor.written(factor.at(0.0)), factor.written(factor.at(1.0))]
        for one in answer.estimands:
            for index in shown:
                row.append(_index(one if is_morris else None, found[one.text, factor.name, index]))
        cells.append(row)
    how = (
        "mu*: the mean size of the metric's change when the factor alone moves over its whole range; sigma: how much "
        "that differs from place to place, by interaction or curvature."
        if is_morris
        else "ST: the share of the metric's variance over the ranges that would remain if all but this factor were "
        "known; S1: the share that it explains alone. ? where nothing moves the metric."
    )
    return f"{aligned(cells)}\n\n{_paragraph(how)}"


def by_weight(answer: Answer, one: Estimand) -> list[Factor]:
    """The factors, those that matter most to an estimand first."""
    weight = {
        row["factor"]: row["value"]
        for row in answer.sensitivity.to_dict("records")
        if row["metric"] == one.text and row["index"] in ("mu_star", "ST")
    }
    return sorted(
        answer.experiment.factors, key=lambda factor: -weight[factor.name] if weight[factor.name] > 0 else 0.0
    )


def _index(one: Estimand | None, row: dict[str, Any]) -> str:
    """An index of Morris in the metric's own unit, or one of Sobol as a share."""
    if math.isnan(row["value"]):
        return "?"

    def written(value: float) -> str:
        return one.written(value) if one is not None else f"{value:.2f}"

    value = written(row["value"])
    return (
        value
        if math.isnan(row["low"])
        else f"{value} [{written(row['low'])}, {written(row['high'])}]".replace(" %", "")
    )


def is_matrix(answer: Answer) -> bool:
    """Whether the answer is told as a matrix: of two factors in a grid, if it is not too wide."""
    experiment = answer.experiment
    grid = len(experiment.factors) == 2 and experiment.plan.kind == "grid" and not experiment.designs
    if experiment.figure is not None and experiment.figure.kind in POINTWISE:
        return False
    return grid and not experiment.baseline and len(axes_of(answer)[0].listed()) <= MOST_COLUMNS


def _heading(answer: Answer) -> str:
    manifest, time = answer.manifest, answer.scenario["time"]
    paths, points, seed = manifest["paths"], manifest["points"], manifest["seed"]
    seeds = f"seed {seed}" if paths == 1 else f"the same {paths:,} seeds ({seed} to {seed + paths - 1})"
    length = duration(time["steps"] * time["step_seconds"])
    one = "1 point" if points == 1 else f"{points:,} points"
    return (
        f"{answer.name}: {answer.experiment.question}\n"
        f"{one} on {seeds}, {manifest['scenario']}, {time['steps']:,} blocks of {time['step_seconds']:g} s ({length})"
    )


def _rows(answer: Answer) -> str:
    """A row for each point: its factors, every estimate with its interval, and differences to the baseline."""
    factors, estimands = answer.experiment.factors, answer.estimands
    designs = "design" in answer.points
    compared = "difference" in answer.table
    head = ["design"] * designs + [factor.title for factor in factors] + [one.heading for one in estimands]
    cells = [[*head, *["less the baseline"] * compared]]
    found = [records(answer, one) for one in estimands]
    brackets = len(estimands) <= MOST_BRACKETS
    for k, point in enumerate(answer.points.head(MOST_ROWS).to_dict("records")):
        row = [str(point["design"])] if designs else []
        row += [factor.written(point[factor.name]) for factor in factors]
        row += [_estimate(one, of[k], brackets) for one, of in zip(estimands, found, strict=True)]
        if compared:
            row.append(_difference(estimands[0], found[0][k]))
        cells.append(row)
    text = aligned(cells)
    more = len(answer.points) - MOST_ROWS
    return text if more <= 0 else f"{text}\n… and {more:,} points more in answer.parquet"


def _matrix(answer: Answer) -> str:
    """The main estimate over both factors as the figure has them: what is up in a map is up here."""
    across, down = axes_of(answer)
    is_map = answer.experiment.figure is not None and answer.experiment.figure.kind == "map"
    main = answer.estimands[0]
    found = {(row[across.name], row[down.name]): row for row in records(answer, main)}
    columns = across.listed()
    title = f"{main.heading}; down: {down.title}, across: {across.title}"
    cells = [["", *(across.written(x) for x in columns)]]
    for value in reversed(down.listed()) if is_map else down.listed():
        cells.append([f"  {down.written(value)}", *(_estimate(main, found[x, value]) for x in columns)])
    return f"{title}\n{aligned(cells)}"


def axes_of(answer: Answer) -> tuple[Any, Any]:
    """Of two factors the one that goes across in the table, and the one that goes down; in a map likewise."""
    factors, picture = answer.experiment.factors, answer.experiment.figure
    x = picture.x if picture is not None else None
    first = next((factor for factor in factors if factor.name == x), factors[0])
    other = next(factor for factor in factors if factor is not first)
    return (first, other) if picture is not None and picture.kind == "map" else (other, first)


def records(answer: Answer, one: Estimand) -> list[dict[str, Any]]:
    """The answer's rows of one estimand, point by point."""
    found: list[dict[str, Any]] = answer.of(one).to_dict("records")  # type: ignore[assignment]
    return found


def _estimate(one: Estimand, row: dict[str, Any], brackets: bool = True) -> str:
    unknown = math.isnan(row["low"]) and math.isnan(row["high"])
    if not brackets or unknown or row["low"] == row["high"]:
        return one.written(row["value"])
    return f"{one.written(row['value'])} {ends(one, row['low'], row['high'])}"


def ends(one: Estimand, low: float, high: float, signed: bool = False) -> str:
    """The two ends of an interval; percent signs are left to the estimate before it."""
    return f"[{one.written(low, signed)}, {one.written(high, signed)}]".replace(" %", "")


def _difference(one: Estimand, row: dict[str, Any]) -> str:
    if math.isnan(row["difference"]):
        return "the baseline"
    star = " *" if row["p_value_holm"] <= SIGNIFICANT else "  "
    return (
        f"{one.written(row['difference'], True)} {ends(one, row['difference_low'], row['difference_high'], True)}{star}"
    )


def _of_failures(manifest: dict[str, Any]) -> list[str]:
    if not manifest["failed_runs"]:
        return []
    return [
        f"{manifest['failed_runs']:,} of {manifest['runs_requested']:,} runs failed, the first of them with "
        f"{manifest['first_failure']}; each is a row of runs.parquet with its reason."
    ]


def _notes(answer: Answer) -> str:
    manifest, table = answer.manifest, answer.table
    notes = [*of_left_out(manifest), *_of_failures(manifest)]
    notes += of_precision(manifest, answer.estimands[0].heading, "its estimate (or of a tenth of the largest one)")
    methods = [method for method in dict.fromkeys(table["method"]) if method != "all paths equal"]
    equal = "without brackets all paths are equal, which is no promise; " * ("all paths equal" in set(table["method"]))
    told = f" ({', '.join(methods)})" if methods else ""
    if not is_matrix(answer) and len(answer.estimands) > MOST_BRACKETS:
        notes.append("Estimates; their 95 % intervals are in answer.parquet.")
    else:
        notes.append(f"In brackets 95 % intervals, each for itself{told}; {equal}{_more(answer)}")
    weighted = table[(table["gain"] - 1.0).abs() > 1e-12].dropna(subset=["gain"])
    if not weighted.empty:
        main = weighted[weighted["metric"] == answer.estimands[0].text]
        if not main.empty:
            notes.append(
                f"Paths are weighted or in strata: of {answer.estimands[0].heading} each is worth "
                f"{main['gain'].min():.3g} to {main['gain'].max():.3g} plain ones (effective sample size "
                f"{main['effective_paths'].min():,.0f} to {main['effective_paths'].max():,.0f})."
            )
    return "\n".join(textwrap.fill(note, WIDTH) for note in notes)


def _more(answer: Answer) -> str:
    if "difference" not in answer.table:
        return "all metrics are in answer.parquet."
    tests = int(answer.table["p_value"].notna().sum())
    return (
        f"differences, of the first metric here, are paired by seed, * is a p-value of at most 5 % after Holm's "
        f"correction over {tests:,} tests; all metrics are in answer.parquet."
    )


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH)
