"""How a loss goes through pools and the claims on them: the network at some moments of one path, and who bore it.

A circle is a pool, a claim on one that is collateral elsewhere, or a cohort; its orange disc is as large as what it has
lost. Every pool is a column: its depositors above, its borrowers below; a claim stands between the pool that it is of
and those who post it.
"""

from collections import defaultdict
from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.asking.answers import Answer
from experiments.asking.firsts import read_first
from experiments.figures import palette, style
from experiments.figures.asked import headline, heights
from experiments.figures.stack import dots, stacked
from experiments.numbers import duration
from models.exposure import COLLATERALISES, LENDS, SUPPLIES, WRAPS, Exposure

MOMENTS = 4
STAKE = "#d4d4d4"
LARGEST, SMALLEST = 1500.0, 60.0
"""Of discs, in square points: that of the largest loss, and the grey one of who has lost nothing."""

Places = dict[str, tuple[float, float]]


@style.ours
def draw(answer: Answer) -> Figure:
    """The network at up to four moments, and below it the stack of all points."""
    exposures = [Exposure(*row) for row in read_first(answer.directory, "exposures")[[*Exposure._fields]].to_numpy()]
    losses = read_first(answer.directory, "nodes").pivot_table(
        index="time_seconds", columns="node", values="loss_usd", fill_value=0.0
    )
    at, places = heights(answer), _places(exposures)
    drawn = style.figure(7.4 + 0.42 * (at[-1] + 1.0))
    grid = drawn.add_gridspec(2, 1, height_ratios=[6.0, 1.2 + 0.42 * (at[-1] + 1.0)])
    above, below = (drawn.add_subfigure(grid[row]) for row in (0, 1))
    names = _names(exposures)
    times = moments(losses)
    most = max(float(losses[[node for node in losses if node in places]].to_numpy().max()), 1.0)
    for axes, seconds in zip(above.subplots(2, 2).ravel(), [*times, *[None] * (MOMENTS - len(times))], strict=True):
        axes.axis("off")
        if seconds is not None:
            lost = dict(zip(map(str, losses), losses.loc[[seconds]].to_numpy()[0].tolist(), strict=True))
            _network(axes, exposures, lost, places, names, most)
            axes.set_title(f"after {duration(seconds)}")
    picture = answer.experiment.figure
    assert picture is not None
    widths = [2.5, 1.0] if picture.dots else [1.0]
    panels = np.atleast_1d(below.subplots(1, len(widths), sharey=True, width_ratios=widths))
    stacked(panels[0], answer, at)
    if picture.dots:
        dots(panels[1], answer, at)
    panels[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4)
    headline(
        drawn,
        answer,
        f"Above: seed {answer.manifest['seed']}{_of_which(answer)}; orange discs are losses, grey links what each "
        f"has at stake at the start. Below: means of {answer.manifest['paths']:,} paths.",
    )
    return drawn


def moments(losses: pd.DataFrame) -> list[float]:
    """When each pool has first lost half of its most, and the end; at most four, in order."""
    pools = losses[[node for node in losses if str(node).startswith("pool ")]]
    found = {float(losses.index[-1])}
    for node in pools:
        most = float(pools[node].max())
        if most > 0.0:
            found.add(float(pools.index[int(np.argmax(pools[node].to_numpy() >= 0.5 * most))]))
    ordered = sorted(found)
    return ordered if len(ordered) <= MOMENTS else [*ordered[: MOMENTS - 1], ordered[-1]]


def _of_which(answer: Answer) -> str:
    baseline = answer.experiment.baseline
    return f", {', '.join(map(str, baseline.values()))}" if baseline else ""


def _places(exposures: list[Exposure]) -> Places:
    """Where everything stands: see the module's docstring."""
    pools = [
        node
        for node in dict.fromkeys(name for one in exposures for name in (one.source, one.target))
        if node.startswith("pool ")
    ]
    places: Places = {pool: (2.0 * k, 0.0) for k, pool in enumerate(pools)}
    members: dict[tuple[str, float], list[str]] = defaultdict(list)
    for row in exposures:
        if row.kind == WRAPS:
            places[row.source] = (places[row.target][0] + 1.0, -0.35)
        elif row.kind == SUPPLIES:
            members[row.target, 1.0].append(row.source)
        elif row.kind == LENDS:
            members[row.source, -1.15].append(row.target)
    for (pool, height), nodes in members.items():
        for k, node in enumerate(nodes):
            places[node] = (places[pool][0] + 0.8 * (k - 0.5 * (len(nodes) - 1)), height)
    return places


def _names(exposures: list[Exposure]) -> dict[str, str]:
    """What the circles are called: borrowers after what they have posted."""
    posted = {one.source: one.target for one in reversed(exposures) if one.kind == COLLATERALISES}
    return {node: f"on {asset.removeprefix('asset ')}" for node, asset in posted.items()}


def _called(node: str, names: dict[str, str]) -> str:
    if node in names:
        return names[node]
    kind, _, rest = node.partition(" ")
    return rest if kind in ("pool", "asset") else style.words(node.partition(".")[0])


def _network(
    axes: Axes, exposures: list[Exposure], lost: Mapping[Any, float], places: Places, names: dict[str, str], most: float
) -> None:
    links = [one for one in exposures if one.source in places and one.target in places]
    largest = max(row.usd for row in links)
    for row in links:
        ends = [places[row.source], places[row.target]]
        hit = min(float(lost.get(row.source, 0.0)), float(lost.get(row.target, 0.0))) > 0.002 * most
        axes.plot(
            *zip(*ends, strict=True), color=palette.LOSS if hit else STAKE, alpha=0.75 if hit else 1.0,
            lw=0.8 + 4.0 * sqrt(row.usd / largest), zorder=1, solid_capstyle="round",
        )  # fmt: skip
    for node, (x, y) in places.items():
        usd = float(lost.get(node, 0.0))
        axes.scatter(x, y, s=SMALLEST, color="#9a9a9a", zorder=2)
        told = _called(node, names)
        if usd > 0.002 * most:
            axes.scatter(x, y, s=max(LARGEST * usd / most, SMALLEST), color=palette.LOSS, ec="white", lw=0.8, zorder=3)
            told += f"\n{style.short(usd)}"
        up = y > 0.0
        reach = 4.0 + sqrt(max(LARGEST * usd / most, SMALLEST) / np.pi)
        axes.annotate(
            told, (x, y), xytext=(0, reach if up else -reach), textcoords="offset points", ha="center",
            va="bottom" if up else "top", fontsize=style.SMALL - 1.0, zorder=4, linespacing=1.0,
            fontweight="bold" if node.startswith("pool ") else "normal",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.65, "pad": 0.3},
        )  # fmt: skip
    xs = [x for x, _ in places.values()]
    axes.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    axes.set_ylim(-1.9, 1.7)
