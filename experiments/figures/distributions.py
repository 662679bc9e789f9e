"""How losses are spread over paths: each as a distribution, with value at risk and expected shortfall marked."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from experiments.figures import palette, style
from experiments.stored.storage import Results
from models.types import FloatArray

TAIL = 0.95
_METRICS = (
    ("bad_debt_usd", "Bad debt", palette.ACTOR["uncovered"]),
    ("liquidated_usd", "Debt liquidated", palette.ACTOR["liquidators"]),
)
_BINS = 24


@style.ours
def draw(results: Results) -> Figure:
    """Histograms and how often more is lost, of bad debt and of the debt liquidated, over all finished paths."""
    if results.finished < 2:
        return style.nothing(f"{results.name}: one path is no distribution", "Run several paths to see one: --paths 50")
    drawn = style.figure(6.0)
    rows = drawn.subplots(len(_METRICS), 2)
    for (left, right), (metric, title, colour) in zip(rows, _METRICS, strict=True):
        finished = results.paths[results.paths["status"] == "finished"]
        values = np.sort(finished[metric].to_numpy(dtype=np.float64))
        tail = {name: results.summary.get(f"{metric}_{name}") for name in ("p95", "es95")}
        _histogram(left, values, title, colour, tail)
        _exceedance(right, values, title, colour, tail)
    style.legend(rows[0][1], of=[left for left, _ in rows])  # one of them may have nothing to mark
    how = (
        f"Left: how many of {results.finished:,} paths fell into each range. Right: the share of paths with more than "
        "that. Value at risk is the 95 % quantile; expected shortfall is the mean of the worst 5 % of the paths."
    )
    style.headline(drawn, f"{results.name}: {_sentence(results)}", how)
    return drawn


def _histogram(axes: Axes, values: FloatArray, title: str, colour: str, tail: "dict[str, float | None]") -> None:
    style.panel(axes, title, "paths")
    if values[-1] == 0.0:
        return _nothing(axes)
    axes.hist(
        values, bins=min(_BINS, max(len(values) // 2, 4)), color=palette.paler(colour, 0.6), edgecolor="white", lw=0.5
    )
    _mark(axes, tail)
    axes.set_xlabel("USD")
    style.number_axis(axes, "x")


def _exceedance(axes: Axes, values: FloatArray, title: str, colour: str, tail: "dict[str, float | None]") -> None:
    """The share of paths above each value."""
    style.panel(axes, f"Chance of more {title.lower()}", "% of paths")
    if values[-1] == 0.0:
        return _nothing(axes)
    above = 1.0 - np.arange(1, len(values) + 1) / len(values)
    # From nothing where that is near, else from a little below the least.
    least = 0.0 if values[0] < 0.5 * values[-1] else values[0] - 0.1 * float(np.ptp(values))
    axes.step(np.append(least, values), np.append(float((values > least).mean()), above), where="post", color=colour)
    _mark(axes, tail)
    axes.axhline(1.0 - TAIL, color=palette.MUTED, lw=0.8, ls=":")
    axes.set_ylim(0.0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    axes.set_xlabel("USD")
    style.number_axis(axes, "x")


def _nothing(axes: Axes) -> None:
    style.remark(axes, "Nothing on any path")
    axes.set_xticks([])


def _mark(axes: Axes, tail: "dict[str, float | None]") -> None:
    for name, dashes, label in (
        ("p95", "--", "value at risk (95 %)"),
        ("es95", "-", "expected shortfall\n(worst 5 %)"),
    ):
        if (value := tail[name]) is not None:
            axes.axvline(value, color=palette.INK, ls=dashes, lw=1.2, label=label)


def _sentence(results: Results) -> str:
    summary = results.summary
    mean, tail, worst = (summary.get(f"bad_debt_usd{name}") or 0.0 for name in ("", "_p95", "_es95"))
    if not (summary.get("bad_debt_usd") or 0.0) > 0.0:
        return f"no bad debt on any of {results.finished:,} paths"
    risk = f"{style.usd(worst)} over the worst 5 % of paths, which begin at {style.usd(tail)}"
    return f"bad debt is {style.usd(mean)} on average, but {risk}"
