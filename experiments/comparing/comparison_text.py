"""A comparison as tables to read: the ranking, differences to the baseline, what each design leaves and trades away."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from experiments.comparing.comparison import Comparison
from experiments.comparing.objectives import LENDERS, MORE_IS_BETTER, OTHERS, Objective, heading
from experiments.numbers import aligned, counted, duration, is_share, short, three_figures
from experiments.stored.notes import of_left_out, of_precision

NO_TRADE = frozenset(
    {
        "liquidator_profit_usd", "liquidator_net_usd", "bad_debt_usd", "reserve_paid_usd", "insurer_paid_usd",
        "borrower_excess_loss_share", "stability_pool_profit_usd",
    }
)  # fmt: skip
"""Metrics that are neither good nor bad by themselves, or tell another one of the list again."""

TRIFLE = 0.01
"""A difference by less than this part of what it was is none to trade for, however sure it is."""

WIDTH = 120
SIGNIFICANT = 0.05


def describe(comparison: Comparison) -> str:
    """Everything that a comparison found, as text for a terminal."""
    ranking = comparison.ranking
    if not ranking:
        return _heading(comparison) + "\n\nNothing can be ranked yet: not every design has finished a path.\n"
    blocks = [_heading(comparison), *_field(ranking, "")]
    if ranking.get("tuned"):
        blocks += _field(ranking["tuned"], ", each design tuned")
        blocks.append(_gains(comparison))
    blocks.append(_notes(comparison))
    return "\n\n".join(block for block in blocks if block) + "\n"


def amount(metric: str, value: float | None, signed: bool = False) -> str:
    """A value of a metric in three figures and its unit where that is not dollars; `?` where it is undefined."""
    if value is None or not math.isfinite(value):
        return "?"
    plus = "+" if signed and value > 0.0 else ""
    if is_share(metric):
        return f"{plus}{three_figures(100.0 * value)} %"
    return f"{plus}{short(value)}" + (" x" if metric == "amplification" and not signed else "")


def _heading(comparison: Comparison) -> str:
    manifest, time = comparison.manifest, comparison.scenario["time"]
    paths, seed = manifest["paths"], manifest["seed"]
    seeds = f"seed {seed}" if paths == 1 else f"the same {paths:,} seeds ({seed} to {seed + paths - 1})"
    length = duration(time["steps"] * time["step_seconds"])
    designs = counted(len(manifest["designs"]), "design")
    return f"{comparison.name}: {designs} on {seeds}, {time['steps']:,} blocks of {time['step_seconds']:g} s ({length})"


def _field(ranking: dict[str, Any], which: str) -> list[str]:
    """The tables of one field: the designs as they entered, or tuned."""
    return [
        _ranked(ranking, which),
        _differences(ranking, which),
        *_means(ranking, which),
        _trades(ranking, which),
    ]


def _ranked(ranking: dict[str, Any], which: str) -> str:
    main = _objectives(ranking)[0]
    cells = [
        [f"Ranking by {main.heading}{which}", _statistic(main), "95 % interval", "95 % quantile", "worst 5 %",
         "paths with any", "best", "on the front"]
    ]  # fmt: skip
    for entry in ranking["designs"]:
        value, tail = entry["objectives"][main.name], entry["main"]
        failed = f" ({entry['failed']} failed)" if entry["failed"] else ""
        front = f"{'yes' if entry['on_front'] else 'no'}, {_chance(entry['probability_on_front'])}"
        cells.append(
            [
                f"{entry['rank']:>3}  {entry['design']}{failed}",
                amount(main.metric, value["value"]),
                _ends(main.metric, value),
                amount(main.metric, tail["p95"]["value"]),
                amount(main.metric, tail["es95"]["value"]),
                f"{_chance(tail['share_above_zero']['value'])} {_chances(tail['share_above_zero'])}",
                _chance(entry["probability_best"]),
                front,
            ]
        )
    return aligned(cells)


def _differences(ranking: dict[str, Any], which: str) -> str:
    """Paired differences of the objectives to the baseline; a star where Holm's correction leaves them significant."""
    others = [entry for entry in ranking["designs"] if entry["tests"]]
    if not others:
        return ""
    objectives = _objectives(ranking)
    cells = [[f"Less {ranking['baseline']}, seed by seed", *(f"{one.heading}" for one in objectives)]]
    for entry in others:
        row = [f"     {entry['design']}"]
        for one in objectives:
            found = entry["tests"][one.name]
            star = "*" if (found["p_value_holm"] or 0.0) <= SIGNIFICANT and found["p_value_holm"] is not None else " "
            row.append(f"{amount(one.metric, found['value'], True)} {_ends(one.metric, found, True)} {star}")
        cells.append(row)
    return aligned(cells)


def _means(ranking: dict[str, Any], which: str) -> list[str]:
    """The means of every measure, in two tables that fit a terminal: what lenders lose, and everything else."""
    tables = []
    for title, measures in (("Lenders", LENDERS), ("Others", OTHERS)):
        cells = [[f"{title}{which}", *(measure.heading for measure in measures)]]
        for entry in ranking["designs"]:
            values = (amount(measure.metric, _mean(entry, measure.metric)) for measure in measures)
            cells.append([f"     {entry['design']}", *values])
        tables.append(aligned(cells))
    return tables


def _trades(ranking: dict[str, Any], which: str) -> str:
    """For each design what is better and what is worse than under the baseline, where the interval excludes zero."""
    lines = []
    for entry in ranking["designs"]:
        better, worse = trades(entry)
        if entry["differences"]:
            told = [f"better: {', '.join(better)}"] * bool(better) + [f"worse: {', '.join(worse)}"] * bool(worse)
            head = f"     {entry['design']:<{max(len(one['design']) for one in ranking['designs'])}}  "
            said = "; ".join(told) or "no measure differs beyond its interval"
            lines.append(textwrap.fill(said, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)))
    if not lines:
        return ""
    return "\n".join([f"What each trades away against {ranking['baseline']}{which}", *lines])


def trades(entry: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What is better and what is worse than under the baseline by more than a trifle, with how much by the means."""
    better: list[str] = []
    worse: list[str] = []
    for metric, found in entry["differences"].items():
        known = found["low"] is not None and found["high"] is not None
        if metric in NO_TRADE or not known or found["low"] <= 0.0 <= found["high"]:
            continue
        mean = _mean(entry, metric)
        if mean is not None and abs(found["value"]) < TRIFLE * max(abs(mean), abs(mean - found["value"])):
            continue
        gain = (found["value"] > 0.0) == (metric in MORE_IS_BETTER)
        (better if gain else worse).append(f"{heading(metric)} {amount(metric, found['value'], True)}")
    return better, worse


def _gains(comparison: Comparison) -> str:
    """What tuning changed of each design, on seeds that the tuning has not seen, and the parameters that it found."""
    ranking = comparison.ranking
    objectives = _objectives(ranking)
    found = {(gain["design"], gain["objective"]): gain for gain in ranking["gains"]}
    cells = [["What tuning changed", *(one.heading for one in objectives)]]
    lines = []
    for name, entered in comparison.manifest["designs"].items():
        row = [f"     {name}"]
        for one in objectives:
            gain = found[name, one.name]
            row.append(f"{amount(one.metric, gain['value'], True)} {_ends(one.metric, gain, True)}")
        cells.append(row)
        tuned = comparison.manifest["tuned"].get(f"{name} tuned", entered)
        moved = [f"{key} {three_figures(tuned[key])}" for key in tuned if tuned[key] != entered[key]]
        lines.append(f"     {name}: {', '.join(moved) if moved else 'as it entered'}")
    return "\n".join([aligned(cells), "", "Parameters that tuning found", *lines])


def _notes(comparison: Comparison) -> str:
    manifest, ranking = comparison.manifest, comparison.ranking
    notes = of_left_out(manifest)
    if manifest["failed_runs"]:
        first = manifest["failed_runs"][0]
        notes.append(
            f"{len(manifest['failed_runs']):,} of {manifest['runs_requested']:,} runs failed; {first['design']}, path "
            f"{first['path']} (seed {first['seed']}): {first['error']}. The rest is in comparison.parquet."
        )
    notes += of_precision(manifest, _objectives(ranking)[0].heading, "its mean (or of a tenth of the largest mean)")
    notes.append(
        f"best: how often a design ranks first when the {ranking['common_seeds']:,} common seeds are resampled. On the "
        "front: no other design is as good at every objective and better at one; then how often so when resampled. "
        "Differences are paired by seed; * is a p-value of at most 5 % after Holm's correction over all designs and "
        "objectives. What is traded away goes by single intervals, uncorrected. Under water: debt of positions that "
        "owe more than their collateral is worth, over time. Of seized: the borrowers' loss as a part of what was "
        "seized. Liquidators, net: after the gas of failed calls too, and with what they gained by holding. In few "
        "hands: 1 where one liquidator gains all. Gap: the largest of the venue to the rest of the market."
    )
    return "\n".join(textwrap.fill(note, WIDTH) for note in notes)


def _objectives(ranking: dict[str, Any]) -> Sequence[Objective]:
    return [Objective(one["metric"], one["statistic"], one["more_is_better"]) for one in ranking["objectives"]]


def _statistic(objective: Objective) -> str:
    return {"mean": "mean", "p95": "quantile", "es95": "shortfall"}[objective.statistic]


def _mean(entry: dict[str, Any], metric: str) -> float | None:
    found: float | None = entry["metrics"][metric]["value"]
    return found


def _ends(metric: str, found: dict[str, Any], signed: bool = False) -> str:
    return f"[{amount(metric, found['low'], signed)}, {amount(metric, found['high'], signed)}]"


def _chance(value: float | None) -> str:
    return "?" if value is None else f"{100.0 * value:.0f} %"


def _chances(found: dict[str, Any]) -> str:
    if found["low"] is None:
        return ""
    return f"[{100.0 * found['low']:.0f}, {100.0 * found['high']:.0f}]"
