"""The report of an experiment: the question, what the estimates say, and the whole table of answers."""

import math
from typing import Any

from experiments.asking.answer_text import by_weight, ends, records
from experiments.asking.answers import Answer
from experiments.asking.estimands import Estimand
from experiments.asking.factors import Factor
from experiments.asking.screening import Screening
from experiments.figures.answer import draw
from experiments.report.page import Cell, Page, Picture, Section, Table
from experiments.report.provenance import background, how_to_run, manifest_table
from experiments.stored.storage import ResultsUnreadableError


def page_of(answer: Answer) -> Page:
    """The report of an experiment. Raises `ResultsUnreadableError` when no point has an estimate."""
    if answer.table.empty:
        raise ResultsUnreadableError(
            f"{answer.directory} has nothing to report: no path finished; --resume tries again"
        )
    manifest, experiment = answer.manifest, answer.experiment
    design = [text for text in (experiment.setup, experiment.reading) if text]
    return Page(
        title=f"{answer.name}: {manifest['points']:,} points on the same seeds",
        lead=f"{manifest['paths']:,} paths at each point, seeds from {manifest['seed']} on.",
        question=experiment.question,
        answer=sentences(answer),
        sections=[
            Section("Figures", design, figures=[Picture.of("answer", draw(answer))]),
            Section("Numbers", tables=[_table(answer, one) for one in answer.estimands]),
            *background(answer.directory, answer.scenario, manifest),
            Section("Where it comes from", tables=[manifest_table(manifest)]),
            Section("How to reproduce it", how_to_run(manifest), code=[_command(answer)]),
        ],
        version=str(manifest.get("underwater") or ""),
    )


def sentences(answer: Answer) -> list[str]:
    """What matters most, of a plan for sensitivity; else between what each estimate lies, and where."""
    if isinstance(answer.experiment.plan, Screening):
        return [_weights(answer, one) for one in answer.estimands]
    return [_range(answer, one) for one in answer.estimands]


def _weights(answer: Answer, one: Estimand) -> str:
    named = [factor.title for factor in by_weight(answer, one)]
    return f"What matters most to {one.heading} is, in this order: {', '.join(named)}."


def _range(answer: Answer, one: Estimand) -> str:
    rows = [row for row in records(answer, one) if not math.isnan(row["value"])]
    if not rows:
        return f"There is no estimate of {one.heading} at any point."
    least, most = min(rows, key=lambda row: row["value"]), max(rows, key=lambda row: row["value"])
    low, high = one.written(least["value"]), one.written(most["value"])
    if low == high:
        return f"At every point {one.heading} is {low}."
    return (
        f"The least {one.heading} is {low} {_interval(one, least)}, at {_place(answer, least)}; "
        f"the most is {high} {_interval(one, most)}, at {_place(answer, most)}."
    )


def _place(answer: Answer, row: dict[str, Any]) -> str:
    """A point in words: its design and the values of its factors."""
    said = [str(row["design"])] if "design" in answer.points else []
    said += [f"{factor.title} {factor.written(row[factor.name])}" for factor in answer.experiment.factors]
    return ", ".join(said) or "the only point"


def _interval(one: Estimand, row: dict[str, Any]) -> str:
    return ends(one, row["low"], row["high"])


def _table(answer: Answer, one: Estimand) -> Table:
    factors: list[Factor] = answer.experiment.factors
    designs = "design" in answer.points
    rows = []
    for row in records(answer, one):
        cells = [Cell.of(str(row["design"]))] if designs else []
        cells += [Cell.of(row[factor.name], factor.written(row[factor.name])) for factor in factors]
        cells += [Cell.of(float(row["value"]), one.written(row["value"])), Cell.of(_interval(one, row))]
        rows.append([*cells, Cell.of(row["paths"]), Cell.of(row["method"])])
    columns = [*["design"] * designs, *(factor.title for factor in factors), one.heading, "95 % interval"]
    return Table(f"{one.heading}, as in answer.parquet.", [*columns, "paths", "interval by"], rows)


def _command(answer: Answer) -> str:
    manifest = answer.manifest
    return (
        f"underwater experiment {answer.directory.name}/experiment.toml --seed {manifest['seed']} "
        f"--paths {manifest['paths']} --out again"
    )
