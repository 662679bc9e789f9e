"""The positions of a file beside as many drawn from the laws fitted to them: debt, health, and both together."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.fit.positions.joint import spearman
from experiments.fit.positions.reading import Positions
from models.types import FloatArray

FILE, DRAWN = palette.INK, "#0099CC"
_MOST_DOTS = 4000
_BINS = 40
_NEAREST = 1e-4
"""Healths nearer to 1 than that are drawn there: the axis is logarithmic in what they are above it."""


@style.ours
def draw(positions: Positions, debt_usd: FloatArray, health: FloatArray) -> Figure:
    """A scatter of both, with the density of debts above it and that of healths to its right."""
    drawn = style.figure(6.0)
    panels = drawn.subplots(2, 2, sharex="col", sharey="row", width_ratios=[3, 1], height_ratios=[1, 3], squeeze=False)
    above, corner, both, right = panels.ravel()
    corner.axis("off")
    of_file = positions.debt_usd, np.maximum(positions.health - 1.0, _NEAREST)
    of_laws = debt_usd, np.maximum(health - 1.0, _NEAREST)
    _scatter(both, of_file, of_laws)
    _densities(above, of_file[0], of_laws[0], "vertical")
    _densities(right, of_file[1], of_laws[1], "horizontal")
    above.set_ylabel("accounts, %")
    right.set_xlabel("accounts, %")
    corner.legend(*both.get_legend_handles_labels(), loc="center", frameon=False, markerscale=2.5)
    far = [_distance(one, other) for one, other in zip(of_file, of_laws, strict=True)]
    name = positions.source.rpartition("/")[2]
    style.headline(
        drawn,
        f"Drawn debts lie as in {name} but for {style.percent(far[0])} of the accounts, healths but for "
        f"{style.percent(far[1])}",
        f"Black: {len(of_file[0]):,} positions of the file, those with a health of 1 or less left out. Blue: "
        f"{len(of_laws[0]):,} drawn from the laws fitted to them. Rank correlation of debt and health: "
        f"{spearman(*of_file):.2f} in the file, {spearman(*of_laws):.2f} as drawn. But for: the largest "
        "difference between the shares of accounts up to a value.",
    )
    return drawn


def _scatter(axes: Axes, of_file: tuple[FloatArray, FloatArray], of_laws: tuple[FloatArray, FloatArray]) -> None:
    style.log_axis(axes, "x")
    style.log_axis(axes)
    for (debt, excess), colour, label in ((of_laws, DRAWN, "drawn"), (of_file, FILE, "file")):
        every = -(-len(debt) // _MOST_DOTS)
        axes.plot(debt[::every], excess[::every], ".", color=colour, label=label, ms=3.0, alpha=0.5, mew=0.0)
    style.number_axis(axes, "x")
    axes.set_xlabel("debt, USD")
    axes.set_ylabel("health above 1, %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:,.6g}")


def _densities(axes: Axes, of_file: FloatArray, of_laws: FloatArray, which: Literal["vertical", "horizontal"]) -> None:
    """Shares of the positions in bins of equal ratio, the same for both."""
    ends = np.log(np.concatenate((of_file, of_laws)))
    edges = np.exp(np.linspace(ends.min(), ends.max(), _BINS + 1))
    edges[0], edges[-1] = 0.999 * edges[0], 1.001 * edges[-1]
    for values, colour in ((of_laws, DRAWN), (of_file, FILE)):
        shares = 100.0 * np.histogram(values, edges)[0] / len(values)
        axes.stairs(shares, edges, color=colour, orientation=which, lw=1.4)
    axes.grid(visible=False)


def _distance(one: FloatArray, other: FloatArray) -> float:
    """Kolmogorov's distance of two samples."""
    at = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (one, other)]
    return float(np.abs(below[0] - below[1]).max())
