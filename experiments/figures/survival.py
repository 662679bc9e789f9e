"""How long the money against bad debt lasts: the share of paths on which reserve and insurance still stand."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.reading import Story
from experiments.inference.statistics import share_interval
from experiments.stored.storage import Results
from models.types import FloatArray

FUNDS = (("treasury_usd", "reserve"), ("insurer_capital_usd", "insurance"))
LEVELS = ((0.75, "three quarters"), (0.5, "half"), (0.25, "a quarter"), (0.01, "hardly anything"))
"""Shares of what a fund began with; it survives at a level until it first has less. The last one is ruin."""


@style.ours
def draw(results: Results) -> Figure:
    """Survival curves of the reserve and the insurers' capital over all finished paths."""
    story = Story.read(results)
    funds = [(column, name) for column, name in FUNDS if story.column(column)[0] > 0.0]
    if not funds:
        return style.nothing(f"{results.name}: no fund", "There is neither a reserve nor an insurer with money")
    if results.finished < 2:
        return style.nothing(
            f"{results.name}: one path is no survival curve", "Run several paths to see one: --paths 50"
        )
    drawn = style.figure(2.6 * len(funds) + 1.2)
    panels = drawn.subplots(len(funds), 1, sharex=True, squeeze=False).ravel()
    ruined = {}
    for axes, (column, name) in zip(panels, funds, strict=True):
        fell = _first_below(results, column, story.seconds)
        _curves(axes, story.clock, story.edges, fell, name)
        ruined[name] = float(np.isfinite(fell[-1]).mean())
    style.legend(panels[0], "still has")
    story.clock.label(panels[-1], story.edges)
    how = (
        f"The share of {results.finished:,} paths on which a fund has never had less than a part of what it had at "
        "first. The band is the 95 % interval (Wilson) of the darkest curve: the chance that the fund is not exhausted."
    )
    said = "; ".join(f"{name} exhausted on {style.percent(share)} of paths" for name, share in ruined.items())
    style.headline(drawn, f"{results.name}: {said}", how)
    return drawn


def _first_below(results: Results, column: str, seconds: FloatArray) -> FloatArray:
    """When a fund first had less than each level of what it began with, inf where never; shape (levels, paths)."""
    found = []
    for frame in results.each_path("steps", [column]):
        money = frame[column].to_numpy(dtype=np.float64)
        below = money[None, :] < np.array([[level] for level, _ in LEVELS]) * money[0]
        found.append(np.where(below.any(axis=1), seconds[below.argmax(axis=1)], np.inf))
    return np.array(found).T


def _curves(axes: Axes, clock: Clock, edges: FloatArray, fell: FloatArray, name: str) -> None:
    style.panel(axes, name.capitalize(), "% of paths")
    colour, paths = palette.ACTOR[name], fell.shape[1]
    for number, (level, words) in enumerate(LEVELS):
        when = np.sort(fell[number][np.isfinite(fell[number])])
        times = np.concatenate([edges[:1], when, edges[-1:]])
        alive = 1.0 - np.append(np.arange(len(when) + 1), len(when)) / paths
        own = palette.paler(colour, 1.0 - 0.25 * (len(LEVELS) - 1 - number))
        axes.step(clock.read(times), alive, where="post", color=own, lw=1.8, label=words)
        if level == LEVELS[-1][0]:
            found = [share_interval(round(share * paths), paths) for share in alive]
            low, high = [one.low for one in found], [one.high for one in found]
            axes.fill_between(clock.read(times), low, high, step="post", color=colour, alpha=0.12, lw=0)
    axes.set_ylim(0.0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
