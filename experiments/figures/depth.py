"""The depth of the markets before the cascade, at its worst moment and after it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.markets import ASK, BID, Depth
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.stored.storage import Results

MOMENTS = {"before": ("before", "--"), "worst": ("fewest bids", "-"), "after": ("after", "-")}
"""How each moment is called and its line is dashed; the worst is where the fewest bids are near the mid."""


@style.ours
def draw(results: Results) -> Figure:
    """The depth of up to four markets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    markets = Depth.read(results, story.path)[:MOST_ASSETS]
    if not markets:
        return style.nothing(f"{results.name}: no market depth", "This scenario has no market whose depth was sampled")
    columns = min(2, len(markets))
    rows = -(-len(markets) // columns)
    drawn = style.figure(1.4 + 3.6 * rows)
    panels = drawn.subplots(rows, columns, squeeze=False).ravel()
    clock = story.clock
    for axes in panels[len(markets) :]:
        axes.axis("off")
    sentences = [_market(axes, depth, clock) for axes, depth in zip(panels, markets, strict=False)]
    how = "How much can be sold (left) or bought (right) before the price has moved that far from the mid."
    style.headline(drawn, f"{results.name}{story.which}: {sentences[0]}", how)
    return drawn


def _market(axes: Axes, depth: Depth, clock: Clock) -> str:
    """Draw one market; what happened to its bids, in words."""
    style.panel(axes, depth.title, f"{depth.base} up to that distance")
    style.number_axis(axes)
    if depth.endless:
        return style.takes_any_size(axes, depth.base)
    curves = np.pad(depth.total, ((0, 0), (0, 0), (1, 0)))
    distances = np.append(0.0, depth.distances)
    for moment, (called, dashes) in MOMENTS.items():
        sample = depth.moments[moment]
        label = f"{called}: {clock.at(float(depth.seconds[sample]))}"
        for side, sign in ((BID, -1.0), (ASK, 1.0)):
            axes.plot(
                100.0 * sign * distances,
                curves[side, sample],
                color=palette.MOMENT[moment],
                ls=dashes,
                lw=2.4 if moment == "worst" else 1.5,
                label=label if side == BID else None,
            )
    axes.axvline(0.0, color=palette.MUTED, lw=0.8)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("← bids      distance from the mid, %      asks →")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    axes.legend(loc="upper center", frameon=True, edgecolor="none", framealpha=1.0)
    return _sentence(depth)


def _sentence(depth: Depth) -> str:
    bids = depth.total[BID, :, depth.near]
    if not depth.thinned:
        return depth.unthinned
    change = f"fell from {style.units(float(bids[0]))} to {style.units(float(bids.min()))} {depth.base}"
    return f"bids within {depth.near_words} of the mid {change}"
