"""The depth of the markets before the cascade, at its worst moment and after it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.figures import style
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.storage import Results

FAR = 0.10
"""The largest distance from the mid that is drawn."""

NEAR = 0.02
"""Bids within this distance of the mid are the depth that counts: what a liquidator can sell into at a small loss."""

MOMENTS = {"before": ("before", "--"), "worst": ("fewest bids", "-"), "after": ("after", "-")}
"""How each moment is called and its line is dashed; the worst is where the fewest bids are near the mid."""


def draw(results: Results) -> Figure:
    """The depth of up to four markets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    samples = results.table("depth", path=story.path)
    markets = list(samples.groupby(["base", "quote"], sort=False))[:MOST_ASSETS]
    columns = 1 if len(markets) <= 1 else 2
    rows = max(1, -(-len(markets) // columns))
    drawn = style.figure(5.0 + 3.5 * columns, 1.4 + 3.6 * rows if markets else 2.0)
    panels = drawn.subplots(rows, columns, squeeze=False).ravel()
    clock = style.Clock.of(float(np.ptp(story.edges)))
    for axes in panels[max(1, len(markets)) :]:
        axes.axis("off")
    if not markets:
        panels[0].axis("off")
        style.remark(panels[0], "This scenario has no market whose depth was sampled")
        style.headline(drawn, f"{results.name}: no market depth")
        return drawn
    sentences = [
        _market(axes, market, str(base), str(quote), clock)
        for axes, ((base, quote), market) in zip(panels, markets, strict=False)
    ]
    how = "How much can be sold (left) or bought (right) before the price has moved that far from the mid."
    style.headline(drawn, f"{results.name}{story.which}: {sentences[0]}", how)
    return drawn


def _market(axes: Axes, market: pd.DataFrame, base: str, quote: str, clock: style.Clock) -> str:
    """Draw one market; what happened to its bids, in words."""
    finite = market[np.isfinite(market["base_units"]) & (market["distance"] <= FAR)]
    style.panel(axes, f"{base} for {quote}", f"{base} up to that distance")
    style.number_axis(axes)
    if finite.empty:
        axes.axis("off")
        style.remark(axes, "Any size trades at the reference price")
        return f"the {base} market takes any size"
    near = _near(finite)
    bids = finite[(finite["side"] == "bid") & (finite["distance"] == near)].set_index("step")["base_units"]
    steps = finite["step"]
    moments = {"before": steps.min(), "worst": bids.idxmin() if len(bids) else steps.min(), "after": steps.max()}
    for moment, (called, dashes) in MOMENTS.items():
        sample = finite[steps == moments[moment]]
        label = f"{called}: {clock.at(float(sample['time_seconds'].iloc[0]))}"
        for side, sign in (("bid", -1.0), ("ask", 1.0)):
            curve = sample[sample["side"] == side].sort_values("distance")
            axes.plot(
                100.0 * sign * np.concatenate([[0.0], curve["distance"]]),
                np.concatenate([[0.0], curve["base_units"]]),
                color=style.MOMENT[moment],
                ls=dashes,
                lw=2.4 if moment == "worst" else 1.5,
                label=label if side == "bid" else None,
            )
    axes.axvline(0.0, color=style.MUTED, lw=0.8)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("← bids      distance from the mid, %      asks →", fontsize=9)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    axes.legend(loc="upper center", frameon=True, edgecolor="none", framealpha=1.0, fontsize=8.5)
    return _sentence(bids, moments, near, base)


def _near(market: pd.DataFrame) -> float:
    """The sampled distance nearest to `NEAR`."""
    distances = market["distance"].unique()
    return float(distances[np.argmin(np.abs(distances - NEAR))])


def _sentence(bids: "pd.Series[float]", moments: dict[str, int], near: float, base: str) -> str:
    if bids.empty:
        return f"no bids for {base}"
    before, worst = float(bids.get(moments["before"], 0.0)), float(bids.min())
    change = f"fell from {style.units(before)} to {style.units(worst)} {base}" if worst < before else "never thinned"
    return f"bids within {style.percent(near)} of the mid {change}"
