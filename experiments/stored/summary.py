"""A run in numbers: the table that a person reads when it is over."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from experiments.numbers import aligned, count, duration, percent, times, usd

if TYPE_CHECKING:
    from experiments.stored.storage import Results


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
        ("and after failed calls and what they held", "liquidator_net_usd", usd),
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
