"""The ladder of each market by who stands on it: at the start, when the fewest bids were left, and at the end."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.markets import ASK, BID, Depth
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.stored.storage import Results
from models.types import FloatArray

MOMENTS = {"before": "start", "worst": "fewest bids", "after": "end"}


@style.ours
def draw(results: Results) -> Figure:
    """The ladder of up to four markets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    markets = Depth.read(results, story.path)[:MOST_ASSETS]
    if not markets:
        return style.nothing(f"{results.name}: no ladder", "This scenario has no market whose depth was sampled")
    if all(depth.endless for depth in markets):
        return style.nothing(f"{results.name}: the market takes any size", "Any size trades at the reference price")
    drawn = style.figure(1.7 + 2.5 * len(markets))
    rows = drawn.subplots(len(markets), len(MOMENTS), squeeze=False, sharey="row")
    clock = story.clock
    sentences = [_market(list(row), depth, clock) for row, depth in zip(rows, markets, strict=True)]
    how = (
        "What each source would buy (left) and sell (right) at a distance from the mid of the moment, one upon the "
        "other. In every panel of a row the same area is the same quantity."
    )
    style.headline(drawn, f"{results.name}{story.which}: {sentences[0]}", how)
    return drawn


def _market(panels: list[Axes], depth: Depth, clock: Clock) -> str:
    """Draw one market's row of panels; who took the bids away, in words."""
    if depth.endless:
        for axes in panels[1:]:
            axes.axis("off")
        style.panel(panels[0], depth.title, "")
        return style.takes_any_size(panels[0], depth.base)
    density = depth.density
    top = 1.25 * float(density[:, list(depth.moments.values())].sum(axis=2).max()) or 1.0
    shown: dict[int, str] = {}
    for axes, (moment, called) in zip(panels, MOMENTS.items(), strict=True):
        sample = depth.moments[moment]
        if sample in shown:
            axes.axis("off")
            style.remark(axes, f"{called.capitalize()}: the same\nas at the {shown[sample]}")
            continue
        shown[sample] = called
        style.panel(axes, f"{called}: {clock.at(float(depth.seconds[sample]))}\n{_near(depth, sample)}", "")
        _stack(axes, depth, density[:, sample])
        axes.set_ylim(0.0, top)
    panels[0].set_ylabel(f"{depth.base} per 1 % of price")
    panels[0].set_title(f"{depth.title}\n{panels[0].get_title(loc='left')}")
    style.legend(panels[-1], of=panels, reverse=True)
    return _sentence(depth)


def _stack(axes: Axes, depth: Depth, density: FloatArray) -> None:
    """Draw one moment, source upon source; bids to the left."""
    colours = palette.source_colours(depth.sources)
    percents = 100.0 * depth.edges
    floor = np.zeros((2, len(percents) - 1))
    for number, source in enumerate(depth.sources):
        top = floor + density[:, number]
        colour, label = colours[source], style.words(source)
        style.area(axes, -percents[::-1], top[BID, ::-1], colour, base=floor[BID, ::-1], label=label)
        style.area(axes, percents, top[ASK], colour, base=floor[ASK])
        floor = top
    axes.axvline(0.0, color=palette.MUTED, lw=0.8)
    axes.set_xlim(-percents[-1], percents[-1])
    axes.set_xlabel("← bids     % from the mid     asks →")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    style.number_axis(axes)


def _near(depth: Depth, sample: int) -> str:
    """The mid of a sample, and what is bid and asked near it."""
    if not np.isfinite(depth.mids[sample]):
        return "nobody quotes"
    bid, asked = (style.units(float(depth.total[side, sample, depth.near])) for side in (BID, ASK))
    mid = f"mid {depth.mids[sample]:,.4g} {depth.quote}; within {depth.near_words}:"
    return f"{mid}\n{bid} {depth.base} bid, {asked} asked"


def _sentence(depth: Depth) -> str:
    """How the bids near the mid thinned, and whose they were that were gone."""
    bids = depth.units[BID, :, :, depth.near]
    if not depth.thinned:
        return depth.unthinned
    gone = bids[0] - bids[depth.worst]
    whose = style.words(depth.sources[int(np.argmax(gone))])
    lost = float(gone.sum())
    share = float(gone.max()) / lost
    part = style.percent(share) if share < 0.995 else "all"
    vanished = style.percent(lost / float(bids[0].sum()))
    return f"{vanished} of the bids within {depth.near_words} of the mid vanished, {part} of them the {whose}'s"
