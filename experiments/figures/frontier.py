"""Two metrics of every point, more of one against less of the other, and the points that no other beats on both."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.asking.answers import Answer
from experiments.figures import palette, style
from experiments.figures.asked import estimates, headline, point_names
from models.types import FloatArray

LINE = 0.036
"""The height of a point's name, as a share of the axis."""


@style.ours
def draw(answer: Answer) -> Figure:
    """The plane, with the frontier as a line."""
    picture = answer.experiment.figure
    assert picture is not None
    more, less = answer.named(picture.metrics)
    (x, _), (y, reach) = (estimates(answer, one) for one in (more, less))
    best = on_front(x, y)
    heights = _label_heights(x, y)
    drawn = style.figure(6.4)
    axes = drawn.subplots()
    for k, name in enumerate(point_names(answer)):
        colour = palette.AS_IT_IS if best[k] else palette.OTHER
        axes.errorbar(x[k], y[k], yerr=reach[:, [k]], fmt="o", ms=6, color=colour, lw=1.0, zorder=3 if best[k] else 2)
        axes.annotate(
            name, (x[k], heights[k]), xytext=(6, 4), textcoords="offset points", fontsize=style.SMALL,
            color=palette.INK if best[k] else palette.MUTED,
        )  # fmt: skip
    order = np.argsort(x[best])
    axes.plot(x[best][order], y[best][order], color=palette.AS_IT_IS, lw=1.6, zorder=1)
    for axis, one, what in ((axes.xaxis, more, "more is better"), (axes.yaxis, less, "less is better")):
        axis.set_major_formatter(FuncFormatter(lambda value, _, one=one: one.written(value)))
        axis.set_label_text(f"{one.heading}{', in ' + one.unit if one.unit else ''} ({what})")
    style.from_zero(axes)
    axes.margins(x=0.08)
    headline(drawn, answer, f"Bars are 95 % intervals; {answer.manifest['paths']:,} paths a point.")
    return drawn


def on_front(more: FloatArray, less: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which points no other beats: as good in both and better in one. A point without a value is none of them."""
    better = (more[None, :] >= more[:, None]) & (less[None, :] <= less[:, None])
    strictly = (more[None, :] > more[:, None]) | (less[None, :] < less[:, None])
    found = ~np.any(better & strictly, axis=1) & np.isfinite(more) & np.isfinite(less)
    return np.asarray(found, dtype=np.bool_)


def _label_heights(x: FloatArray, y: FloatArray) -> FloatArray:
    """Where the names of the points stand so that those of points above one another do not hide each other."""
    heights = y.copy()
    order = np.argsort(y, kind="stable")
    across, up = (float(np.nanmax(values) - np.nanmin(values)) for values in (x, y))
    for place, k in enumerate(order):
        for other in order[:place]:
            if abs(x[k] - x[other]) <= 0.02 * across:
                heights[k] = max(heights[k], heights[other] + LINE * up)
    return heights
