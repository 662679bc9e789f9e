"""Two metrics of every point, more of one against less of the other, and the points that no other beats on both."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.answers import Answer
from experiments.figures import palette, style
from experiments.figures.asked import estimates, headline, point_names
from models.types import FloatArray


@style.ours
def draw(answer: Answer) -> Figure:
    """The plane, with the frontier as a line."""
    picture = answer.experiment.figure
    assert picture is not None
    more, less = answer.named(picture.metrics)
    (x, _), (y, reach) = (estimates(answer, one) for one in (more, less))
    best = on_front(x, y)
    near = _near(x, 0.02) & _near(y, 0.02)
    drawn = style.figure(6.4)
    axes = drawn.subplots()
    for k, name in enumerate(point_names(answer)):
        colour = palette.AS_IT_IS if best[k] else palette.OTHER
        axes.errorbar(x[k], y[k], yerr=reach[:, [k]], fmt="o", ms=6, color=colour, lw=1.0, zorder=3 if best[k] else 2)
        below = np.count_nonzero(near[k, :k])
        axes.annotate(
            name, (x[k], y[k]), xytext=(6, 4 + 11 * below), textcoords="offset points", fontsize=style.SMALL,
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


def _near(values: FloatArray, share: float) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    """Which points are so near to one another, as a share of the range, that their names would hide each other."""
    apart = np.abs(values[:, None] - values[None, :])
    return np.asarray(apart <= share * np.nanmax(apart), dtype=np.bool_)
