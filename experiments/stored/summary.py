"""A run in numbers: statistics over its paths, and the table that a person reads when it is over."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.inference.tails import shortfall
from models.types import FloatArray

if TYPE_CHECKING:
    from experiments.stored.storage import Results

TAIL_METRICS = ("bad_debt_usd", "liquidated_usd")
TAIL = 0.95
NOT_METRICS = ("path", "seed", "status", "error", "weight")


def aggregate(paths: pd.DataFrame) -> dict[str, float]:
    """Statistics over the finished paths of a table with one row per path and one column per metric.

    `<metric>` is the mean, `<metric>_se` its standard error (two paths or more). For bad debt and liquidated value also
    `_p95`, the 95 % quantile (value and liquidity at risk), and `_es95`, the mean of the worst 5 % of paths. A metric
    that some paths do not define (the amplification of nothing) is averaged over the others, `<metric>_defined` many.
    Where paths have a `weight` every figure is a weighted one, and `effective_paths` says how many they are worth.
    """
    if "weight" in paths:
        return _weighted(paths)
    finished = paths[paths["status"] == "finished"]
    summary: dict[str, float] = {"paths": len(finished)}
    for name in paths.columns.drop(list(NOT_METRICS), errors="ignore"):
        values = finished[name].to_numpy(dtype=np.float64)
        defined = values[np.isfinite(values)]
        summary[name] = float(defined.mean()) if defined.size else math.nan
        if defined.size < len(finished):
            summary[f"{name}_defined"] = int(defined.size)
        if defined.size > 1:
            summary[f"{name}_se"] = float(defined.std(ddof=1) / math.sqrt(defined.size))
        if name in TAIL_METRICS:
            summary[f"{name}_p95"], summary[f"{name}_es95"] = _tail(defined)
    return summary


def _weighted(paths: pd.DataFrame) -> dict[str, float]:
    """The same statistics of paths that stand for more or fewer than one."""
    from experiments.inference.sample import Sample  # noqa: PLC0415
    from experiments.inference.weighted import estimate, standard_error  # noqa: PLC0415  imports scipy, which takes long

    finished = paths[paths["status"] == "finished"]
    weights = finished["weight"].to_numpy(dtype=np.float64)
    everything = Sample(np.zeros(len(finished)), weights)
    summary: dict[str, float] = {"paths": len(finished), "effective_paths": everything.effective}
    for name in paths.columns.drop(list(NOT_METRICS), errors="ignore"):
        sample = Sample.of(finished[name].to_numpy(dtype=np.float64), weights)
        summary[name] = estimate(sample, "mean")
        if sample.values.size < len(finished):
            summary[f"{name}_defined"] = int(sample.values.size)
        if sample.values.size > 1:
            summary[f"{name}_se"] = standard_error(sample, "mean")[0]
        if name in TAIL_METRICS:
            summary[f"{name}_p95"] = estimate(sample, "quantile", TAIL)
            summary[f"{name}_es95"] = estimate(sample, "shortfall", TAIL)
    return summary


def describe(results: "Results") -> str:
    """The results as a table to read: what happened, who paid for the bad debt, who gained and who lost."""
    summary = {name: math.nan if value is None else value for name, value in results.summary.items()}
    if not summary["paths"]:
        return f"{_heading(results)}\n\nNo path finished.\n"
    blocks = [_heading(results), _happened(summary, results.scenario)]
    if summary.get("bad_debt_usd", 0.0) > 0.0:
        blocks.append(_who_paid(summary))
    if summary.get("liquidations", 0.0) > 0.0:
        blocks.append(_who_gained(summary))
    if summary.get("attack_expected_profit_usd", 0.0) != 0.0:
        blocks.append(_attacked(summary))
    return "\n\n".join(blocks) + "\n"


def _heading(results: "Results") -> str:
    time, seed, paths = results.scenario["time"], int(results.manifest["seed"]), len(results.paths)
    seconds = time["steps"] * time["step_seconds"]
    seeds = f"seed {seed}" if paths == 1 else f"{paths:,} paths, seeds {seed} to {results.paths['seed'].max()}"
    return f"{results.name}: {seeds}, {time['steps']:,} blocks of {time['step_seconds']:g} s ({duration(seconds)})"


def _happened(summary: dict[str, float], scenario: dict[str, Any]) -> str:
    rows = [("Largest fall of a price", "max_fall", percent)]
    kinds = [[source["kind"] for source in market["sources"]] for market in scenario.get("markets", [])]
    if any("infinite" not in of_market for of_market in kinds):
        rows.append(("Largest gap between venue and reference", "largest_drift", percent))
    if summary.get("liquidations", 0.0) > 0.0:
        rows += [
            ("Liquidations", "liquidations", count),
            ("Debt liquidated", "liquidated_usd", usd),
            ("Generations of liquidations", "generations", count),
            ("Fall, as a multiple of one without them", "amplification", times),
        ]
    rows += [("Bad debt", "bad_debt_usd", usd), ("Bad debt, share of the initial debt", "bad_debt_share", percent)]
    table = _table("What happened", rows, summary)
    if summary.get("liquidations", 0.0) == 0.0:
        table += "\n  No position was liquidated."
    return table


def _who_paid(summary: dict[str, float]) -> str:
    rows = [
        ("Reserve", "reserve_paid_usd", usd),
        ("Insurance", "insurer_paid_usd", usd),
        ("Other layers", "layers_paid_usd", usd),
        ("Depositors", "depositor_loss_usd", usd),
        ("A layer that still owes it", "pending_usd", usd),
        ("Nobody, since it came back", "recovered_usd", usd),
        ("Nobody yet: left uncovered", "uncovered_usd", usd),
    ]
    # Most pools have no other layers: what nobody of them paid is no news.
    news = ("layers_paid_usd", "pending_usd", "recovered_usd")
    rows = [row for row in rows if row[1] not in news or summary.get(row[1], 0.0) > 0.0]
    return _table("Who paid for the bad debt", rows, summary, share_of=summary["bad_debt_usd"])


def _who_gained(summary: dict[str, float]) -> str:
    rows = [
        ("Liquidators' profit", "liquidator_profit_usd", usd),
        ("Borrowers' loss to liquidation", "borrower_loss_usd", usd),
    ]
    return _table("Who gained and who lost", rows, summary)


def _attacked(summary: dict[str, float]) -> str:
    rows = [
        ("Attacks", "attacks", count),
        ("Attackers' profit", "attack_profit_usd", usd),
        ("The most that one was expected to pay", "attack_expected_profit_usd", usd),
    ]
    return _table("Manipulation of the venue", rows, summary)


def _table(
    title: str,
    rows: Sequence[tuple[str, str, Callable[[float], str]]],
    summary: dict[str, float],
    share_of: float | None = None,
) -> str:
    """One aligned block; with several paths, columns for the spread and the tail beside the mean."""
    several = summary["paths"] > 1
    heading = [title, "mean" if several else ""]
    if several:
        heading += ["± std. error", "95 % quantile", "mean of worst 5 %"]
    if share_of is not None:
        heading.append("share")
    cells = [heading]
    for label, metric, written in rows:
        if metric not in summary:
            continue
        row = [f"  {label}", written(summary[metric])]
        if several:
            row += [
                written(summary[name]) if name in summary else ""
                for name in (metric + s for s in ("_se", "_p95", "_es95"))
            ]
        if share_of is not None:
            row.append(percent(summary[metric] / share_of))
        cells.append(row)
    return aligned(cells)


def aligned(cells: list[list[str]]) -> str:
    """A heading and rows as columns: the first to the left, the others to the right; empty ones are left out."""
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def usd(value: float) -> str:
    """A sum of money in full; cents where they are a visible part of it."""
    return _finite(value, f"{value:,.2f} USD" if abs(value) < 1000.0 else f"{value:,.0f} USD")


def percent(value: float) -> str:
    """A fraction as a percentage; what two decimals cannot show is not shown as nothing."""
    return "under 0.01 %" if 0.0 < value < 0.00005 else _finite(value, f"{100.0 * value:,.2f} %")


def count(value: float) -> str:
    """A number of things; a mean of numbers keeps a decimal."""
    return _finite(value, f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}")


def times(value: float) -> str:
    """A multiple."""
    return _finite(value, f"{value:,.2f} x")


def duration(seconds: float) -> str:
    """A length of time in the largest unit of which it holds two or more; `36 hours`, `90 s`."""
    for name, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2.0 * length:
            return f"{seconds / length:,.4g} {name}"
    return f"{seconds:,.4g} s"


def _finite(value: float, text: str) -> str:
    return text if math.isfinite(value) else "undefined"


def _tail(values: FloatArray) -> tuple[float, float]:
    """The 95 % quantile and the expected shortfall."""
    if not values.size:
        return math.nan, math.nan
    return float(np.quantile(values, TAIL)), float(shortfall(values, TAIL))
