"""Some metrics of every point as bars with intervals, one panel each, beside what was reported of the real event."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.asking.answers import Answer
from experiments.asking.estimands import Estimand
from experiments.figures import palette, style
from experiments.figures.asked import estimates, headline, heights, point_names

REPORTED = palette.LOSS
MOST_ACROSS = 4


@style.ours
def draw(answer: Answer) -> Figure:
    """The bars; panels side by side over the same points."""
    picture = answer.experiment.figure
    assert picture is not None
    shown, at = answer.named(picture.metrics[:MOST_ACROSS]), heights(answer)
    drawn = style.figure(2.2 + 0.5 * (at[-1] + 1.0))
    panels = np.atleast_1d(drawn.subplots(1, len(shown), sharey=True))
    for axes, one in zip(panels, shown, strict=True):
        _bars(axes, answer, one, at)
        if one.text in picture.reported:
            _reported(axes, one, picture.reported[one.text])
        axes.set_xlim(left=0.0)
    panels[0].set_yticks(at, point_names(answer))
    panels[0].set_ylim(at[-1] + 0.6, -0.6)
    told = "Bars are means over the paths with 95 % intervals"
    if picture.reported:
        told += "; orange is what was reported of the event"
    headline(drawn, answer, f"{told}; {answer.manifest['paths']:,} paths a point.")
    return drawn


def _bars(axes: Axes, answer: Answer, one: Estimand, at: list[float]) -> None:
    values, reach = estimates(answer, one)
    axes.barh(at, values, 0.68, xerr=reach, color=palette.AS_IT_IS, error_kw={"lw": 1.1, "ecolor": palette.INK})
    ends = np.nan_to_num(values + reach[1])
    most = float(ends.max())
    axes.set_xlim(right=1.3 * most if most > 0.0 else 1.0)
    for y, value, end in zip(at, values, ends, strict=True):
        told = one.written(value)
        axes.annotate(told, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=style.SMALL)
    axes.set_title(one.heading)
    axes.set_xlabel(one.unit)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: one.written(value)))
    axes.grid(visible=False, axis="y")


def _reported(axes: Axes, one: Estimand, ends: list[float]) -> None:
    """A line, or the band between the least and the most that was reported; within what the panel shows."""
    axes.set_xlim(right=max(axes.get_xlim()[1], 1.15 * max(ends)))
    if len(ends) == 2:
        axes.axvspan(min(ends), max(ends), color=REPORTED, alpha=0.18, lw=0, zorder=0)
        told = f"{one.written(min(ends))} to {one.written(max(ends))}"
    else:
        axes.axvline(ends[0], color=REPORTED, lw=1.6, ls="--", zorder=4)
        told = one.written(ends[0])
    middle = sum(ends) / len(ends)
    axes.annotate(
        f"reported: {told}",
        (middle, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right" if middle > 0.6 * axes.get_xlim()[1] else "center",
        va="bottom",
        fontsize=style.SMALL,
        color=REPORTED,
        zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
    )
